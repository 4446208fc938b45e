//! One build from start to end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use byway_config::RoutePolicy;
use byway_error::Diagnostic;
use byway_routes::manifest::{Manifest, RouteKind};
use byway_routes::proxy::MatcherOptions;
use byway_routes::segment_config::SegmentConfig;
use byway_routes::special::SpecialSource;
use parking_lot::Mutex;
use rolldown_common::Output;
use rolldown_error::{BuildDiagnostic, EventKind};

use crate::actions::ActionPlan;
use crate::bundler::{Bundled, broken_files, run_bundler};
use crate::emit;
use crate::names::chunk_names;
use crate::next_users::packages_import_next;
use crate::options::{Setup, bundler_options};
use crate::page::PagePlan;
use crate::pass::{Pass, runtime_chunk};
use crate::place::Layout;
use crate::plugin::{Broken, Byway, Loaded};
use crate::proxy::{self, ProxyFile};
use crate::report::{Reporter, is_in_node_modules};
use crate::runtime::{MAIN, RuntimeSources};
use crate::segment;
use crate::special;
use crate::virtual_modules::{actions_id, worker_id};
use crate::{Analysis, BuildError, BuildInput, BuildOutput, SourceRoute};

/// The worker's entry without extension. It holds no project code, so its depth is its own.
pub(crate) const WORKER: &str = "server/worker";
pub(crate) const INSTRUMENTATION: &str = "server/instrumentation/instrumentation";
pub(crate) const NEXT_CONFIG: &str = "server/config/next.config";
pub(crate) const PROXY: &str = "server/proxy/proxy";
pub(crate) const ACTIONS: &str = "server/actions/actions";
/// As deep below `.byway/` as every chunk with project code.
pub(crate) const ROUTES: &str = "server/routes";

/// Builds the project with the runtime that is embedded in byway.
///
/// # Errors
///
/// The project's faults, all of them at once, or what kept byway from reading or writing.
pub async fn build(input: BuildInput) -> Result<BuildOutput, BuildError> {
    build_with(input, RuntimeSources::embedded()).await
}

/// Builds the project with another runtime.
///
/// # Errors
///
/// As [`build`].
pub async fn build_with(
    input: BuildInput,
    runtime: RuntimeSources,
) -> Result<BuildOutput, BuildError> {
    let packages_import_next = packages_import_next(&input.project_dir);
    let plan = Plan::new(input, Arc::new(runtime), packages_import_next)?;
    let (compiled, found) = plan.compile().await?;
    let Some((files, manifest)) = compiled.filter(|_| !found.iter().any(Diagnostic::is_error))
    else {
        return Err(BuildError::Project(found));
    };
    emit::write(&plan.out_dir, &files, &manifest)?;
    Ok(BuildOutput { manifest, warnings: found })
}

/// Does all that [`build`] does, except that nothing is written.
///
/// # Errors
///
/// What kept byway from reading. The project's faults are part of the result.
pub async fn analyse(input: BuildInput) -> Result<Analysis, BuildError> {
    let packages_import_next = packages_import_next(&input.project_dir);
    let plan = Plan::new(input, Arc::new(RuntimeSources::embedded()), packages_import_next)?;
    let (compiled, found) = plan.compile().await?;
    let loaded = std::mem::take(&mut *plan.loaded.lock());
    Ok(Analysis {
        manifest: compiled.map(|(_, manifest)| manifest),
        found,
        unrendered: plan.pages.unrendered.clone(),
        sources: loaded.into_iter().filter(|file| !is_in_node_modules(file)).collect(),
    })
}

/// Files with errors hide what they import. So many layers of them are uncovered.
pub(crate) const LAYERS_MAX: usize = 10;

/// A build with everything that can be known before it runs.
pub(crate) struct Plan {
    pub(crate) input: BuildInput,
    pub(crate) layout: Layout,
    pub(crate) out_dir: PathBuf,
    pub(crate) runtime: Arc<RuntimeSources>,
    /// Chunk names of the routes, in their order.
    pub(crate) routes: Vec<String>,
    /// What the routes' files say about how they are to be run, in the same order.
    pub(crate) segments: Vec<SegmentConfig>,
    /// What they say about limits and policies, likewise.
    pub(crate) policies: Vec<RoutePolicy>,
    /// What the proxy's file says.
    pub(crate) proxy: Option<ProxyFile>,
    /// The modules with Server Actions.
    pub(crate) actions: ActionPlan,
    /// The pages that are rendered.
    pub(crate) pages: PagePlan,
    /// What was noticed about the routes' files before any of them is compiled.
    pub(crate) found: Vec<Diagnostic>,
    /// Chunk names of the runtime's `next/*` files.
    pub(crate) next: BTreeMap<String, String>,
    /// Whether an installed package may import `next/*` itself.
    pub(crate) packages_import_next: bool,
    /// The files that every run of the bundler has loaded.
    loaded: Loaded,
}

impl Plan {
    pub(crate) fn new(
        mut input: BuildInput,
        runtime: Arc<RuntimeSources>,
        packages_import_next: bool,
    ) -> Result<Self, BuildError> {
        // Modules are known by their real paths; everything that is compared with them must be real too.
        let project_dir = real_path(&input.project_dir)?;
        let out_dir = real_out_dir(&input.out_dir)?;
        if let Some(tsconfig) = &mut input.tsconfig {
            *tsconfig = real_path(tsconfig)?;
        }
        let layout = Layout::new(&project_dir, &out_dir.join(ROUTES));
        let pages = PagePlan::of(&project_dir, &mut input, &runtime);
        let names = chunk_names(input.routes.iter().map(|route| route.file.as_str()));
        let routes = names.into_iter().map(|name| format!("{ROUTES}/{name}")).collect();
        let next = runtime
            .next_modules()
            .into_iter()
            .map(|(_, file)| {
                let chunk = runtime_chunk(&file);
                (file, chunk)
            })
            .collect();
        let (mut segments, mut policies, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for route in &input.routes {
            policies.push(read_policy(&project_dir, route, &mut found));
            segments.push(read_route(&project_dir, route, &mut found));
        }
        let proxy = input.proxy.as_ref().map(|file| {
            // A file that cannot be read is the bundler's to report.
            let source = fs::read_to_string(project_dir.join(file)).unwrap_or_default();
            let mut read = proxy::read(file, &source, &MatcherOptions::from(&input.config));
            found.append(&mut read.found);
            read
        });
        let actions = ActionPlan::of(&project_dir, &input.actions, &mut found);
        Ok(Self {
            input,
            layout,
            out_dir,
            runtime,
            routes,
            segments,
            policies,
            proxy,
            actions,
            pages,
            found,
            next,
            packages_import_next,
            loaded: Loaded::default(),
        })
    }

    /// Both runs of the bundler: the chunks with their manifest where there are any, and everything
    /// that was noticed.
    async fn compile(
        &self,
    ) -> Result<(Option<(Vec<Output>, Manifest)>, Vec<Diagnostic>), BuildError> {
        let mut reporter = Reporter::new(&self.layout);
        reporter.add(self.found.iter().cloned());
        let needed = Arc::new(Mutex::new(BTreeSet::new()));
        let edge = if self.has_edge_code() {
            self.run(&Pass::Edge(Arc::clone(&needed)), &mut reporter).await?
        } else {
            Some(Vec::new())
        };
        let needed = std::mem::take(&mut *needed.lock());
        let node = self.run(&Pass::Node(needed), &mut reporter).await?;
        let (Some(mut files), Some(edge)) = (node, edge) else {
            return Ok((None, reporter.finish()));
        };
        files.extend(edge);
        let manifest = self.manifest(&files, &Broken::new(), &mut reporter)?;
        Ok((Some((files, manifest)), reporter.finish()))
    }

    /// Bundles what `pass` is about and reports everything that was noticed. `None` when that includes
    /// errors of the bundler.
    async fn run(
        &self,
        pass: &Pass,
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<Vec<Output>>, BuildError> {
        let mut bundled = self.bundle(pass, false, Broken::new()).await?;
        if let Err(errors) = &bundled.result
            && errors.iter().all(|it| matches!(it.kind(), EventKind::MissingExportError))
        {
            // As under Next, such an import is `undefined`, which is that route's own trouble.
            reporter.add_missing_exports(errors);
            bundled = self.bundle(pass, true, Broken::new()).await?;
        }
        reporter.add_findings(&bundled.findings);
        match bundled.result {
            Ok(output) => {
                reporter.add_warnings(&output.warnings);
                Ok(Some(output.assets))
            }
            Err(errors) => {
                reporter.add_errors(&errors);
                self.look_behind(pass, &errors, reporter).await?;
                Ok(None)
            }
        }
    }

    /// Reports the errors in files that only broken files import.
    async fn look_behind(
        &self,
        pass: &Pass,
        errors: &[BuildDiagnostic],
        reporter: &mut Reporter<'_>,
    ) -> Result<(), BuildError> {
        let mut broken = Broken::new();
        let mut unseen = broken_files(errors, &broken);
        for _ in 0..LAYERS_MAX {
            if unseen.is_empty() {
                break;
            }
            broken.append(&mut unseen);
            let bundled = self.bundle(pass, true, broken.clone()).await?;
            // A broken file is read without its types, so that not all it imports has to exist.
            let findings = bundled.findings.into_iter();
            let findings: Vec<_> =
                findings.filter(|it| !broken.contains_key(&it.importer)).collect();
            reporter.add_findings(&findings);
            if let Err(errors) = bundled.result {
                unseen = broken_files(&errors, &broken);
                reporter.add_errors(&errors);
            }
        }
        Ok(())
    }

    pub(crate) async fn bundle(
        &self,
        pass: &Pass,
        shim_missing_exports: bool,
        broken: Broken,
    ) -> Result<Bundled, BuildError> {
        let options = bundler_options(&Setup {
            layout: &self.layout,
            out_dir: &self.out_dir,
            tsconfig: self.input.tsconfig.as_deref(),
            production: self.input.production,
            inlined_env: &self.input.inlined_env,
            entries: self.entries(pass),
            pass,
            shim_missing_exports,
        });
        let findings = Arc::new(Mutex::new(Vec::new()));
        let plugin = Byway {
            layout: self.layout.clone(),
            runtime: Arc::clone(&self.runtime),
            transpile: self.input.config.transpile_packages.clone(),
            tsconfig: self.input.tsconfig.clone(),
            broken,
            broken_runs: !self.input.production,
            pass: pass.clone(),
            findings: Arc::clone(&findings),
            loaded: Arc::clone(&self.loaded),
            use_cache: self.input.config.cache_components || self.input.config.use_cache,
            actions: self.actions.code(&self.layout, &self.input.config.base_path).into(),
            pages: Arc::new(
                self.pages.modules(&self.input.config.base_path, !self.actions.is_empty()),
            ),
        };
        let result = run_bundler(options, plugin).await?;
        let findings = std::mem::take(&mut *findings.lock());
        Ok(Bundled { result, findings })
    }

    pub(crate) fn has_edge_code(&self) -> bool {
        let proxy = self.proxy.as_ref().is_some_and(|proxy| proxy.edge);
        proxy || self.segments.iter().any(SegmentConfig::is_edge)
    }

    fn entries(&self, pass: &Pass) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        if let Pass::Node(needed) = pass {
            entries.push((WORKER.to_owned(), worker_id(MAIN)));
            // An entry keeps all its exports. Where nobody can ask for them, what the project does not
            // import is dropped instead, and with it the request context that each request would pay for.
            let all = self.next.keys().filter(|_| self.packages_import_next);
            let files: BTreeSet<&String> = all.chain(needed).collect();
            entries.extend(files.iter().map(|file| (runtime_chunk(file), worker_id(file))));
        }
        if !pass.is_edge() {
            if let Some(file) = &self.input.instrumentation {
                entries.push((INSTRUMENTATION.to_owned(), self.source(file)));
            }
            if let Some(file) = self.environment_file() {
                entries.push((NEXT_CONFIG.to_owned(), self.source(file)));
            }
            if !self.actions.is_empty() {
                entries.push((ACTIONS.to_owned(), actions_id()));
            }
        }
        if let (Some(file), Some(proxy)) = (&self.input.proxy, &self.proxy)
            && proxy.edge == pass.is_edge()
        {
            entries.push((PROXY.to_owned(), self.source(file)));
        }
        let routes = self.input.routes.iter().zip(&self.routes).zip(&self.segments);
        for ((route, chunk), segment) in routes {
            if segment.is_edge() == pass.is_edge() {
                entries.push((chunk.clone(), route.module_id(self.source(&route.file))));
            }
        }
        entries
    }

    /// The `next.config` file, if workers have to evaluate it for what it does to the environment.
    pub(crate) fn environment_file(&self) -> Option<&str> {
        self.input.next_config.as_deref().filter(|_| self.input.config.sets_environment)
    }

    pub(crate) fn source(&self, file: &str) -> String {
        self.layout.project_dir().join(file).to_string_lossy().into_owned()
    }
}

/// What a route's file says about limits and policies.
fn read_policy(
    project_dir: &Path,
    route: &SourceRoute,
    found: &mut Vec<Diagnostic>,
) -> RoutePolicy {
    if route.special.is_some() || route.kind == RouteKind::Page {
        return RoutePolicy::default();
    }
    let source = fs::read_to_string(project_dir.join(&route.file)).unwrap_or_default();
    let (policy, findings) = segment::policy::read(&route.file, &source);
    found.extend(findings);
    policy
}

/// What the file of a route says about how it is to be run.
fn read_route(
    project_dir: &Path,
    route: &SourceRoute,
    found: &mut Vec<Diagnostic>,
) -> SegmentConfig {
    let path = project_dir.join(&route.file);
    found.extend(route.special.and_then(|it| special::problem(it, &route.file, &path)));
    let is_code = route.special.is_none_or(|it| it.source != SpecialSource::Bytes);
    let mut config =
        if is_code { read_code(&path, route, found) } else { SegmentConfig::default() };
    if let Some(special) = route.special {
        special::complete(special, &route.pattern, &mut config);
    }
    config
}

/// The options in the code at `path`. A file that cannot be read is the bundler's to report.
fn read_code(path: &Path, route: &SourceRoute, found: &mut Vec<Diagnostic>) -> SegmentConfig {
    let source = fs::read_to_string(path).unwrap_or_default();
    let read = match route.kind {
        RouteKind::App | RouteKind::Page => segment::read(&route.file, &source),
        RouteKind::Pages => segment::pages::read(&route.file, &source),
    };
    if route.special.is_some() && read.lacks_default {
        let help = "its default export is the function that returns the content";
        let missing = Diagnostic::error("the file has no default export").in_file(&route.file);
        found.push(missing.with_help(help));
    }
    found.extend(read.found);
    read.config
}

pub(crate) fn real_path(path: &Path) -> Result<PathBuf, BuildError> {
    fs::canonicalize(path).map_err(emit::io_error("read", path))
}

/// The folder itself may not exist yet, its parent has to.
fn real_out_dir(out_dir: &Path) -> Result<PathBuf, BuildError> {
    let name = out_dir.file_name().unwrap_or_default();
    let parent = match out_dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(real_path(parent)?.join(name))
}
