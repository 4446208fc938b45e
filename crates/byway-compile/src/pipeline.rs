//! One build from start to end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use byway_error::Diagnostic;
use byway_routes::manifest::{MANIFEST_VERSION, Manifest, Route};
use parking_lot::Mutex;
use rolldown::{BundleOutput, Bundler};
use rolldown_common::{Output, OutputChunk};
use rolldown_error::{BuildDiagnostic, EventKind};

use crate::emit;
use crate::methods::{self, RouteExports};
use crate::names::chunk_names;
use crate::next_users::packages_import_next;
use crate::options::{Setup, bundler_options};
use crate::place::Layout;
use crate::plugin::{Broken, Byway, Finding};
use crate::report::Reporter;
use crate::runtime::{MAIN, RuntimeSources};
use crate::syntax;
use crate::virtual_modules::worker_id;
use crate::{BuildError, BuildInput, BuildOutput};

/// The worker's entry without extension. It holds no project code, so its depth is its own.
const WORKER: &str = "server/worker";
const INSTRUMENTATION: &str = "server/instrumentation/instrumentation";
/// As deep below `.byway/` as every chunk with project code.
const ROUTES: &str = "server/routes";

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
    let plan = Plan::new(input, runtime)?;
    let mut reporter = Reporter::new(&plan.layout);
    let mut bundled = plan.bundle(false, Broken::new()).await?;
    if let Err(errors) = &bundled.result
        && errors.iter().all(|it| matches!(it.kind(), EventKind::MissingExportError))
    {
        // As under Next, such an import is `undefined`, which is that route's own trouble.
        reporter.add_missing_exports(errors);
        bundled = plan.bundle(true, Broken::new()).await?;
    }
    reporter.add_findings(&bundled.findings);
    let output = match bundled.result {
        Ok(output) => output,
        Err(errors) => {
            reporter.add_errors(&errors);
            plan.look_behind(&errors, &mut reporter).await?;
            return Err(BuildError::Project(reporter.finish()));
        }
    };
    reporter.add_warnings(&output.warnings);
    let manifest = plan.manifest(&output, &mut reporter)?;
    let warnings = reporter.finish();
    if warnings.iter().any(Diagnostic::is_error) {
        return Err(BuildError::Project(warnings));
    }
    emit::write(&plan.out_dir, &output.assets, &manifest)?;
    Ok(BuildOutput { manifest, warnings })
}

/// Files with errors hide what they import. So many layers of them are uncovered.
const LAYERS_MAX: usize = 10;

/// A build with everything that can be known before it runs.
struct Plan {
    input: BuildInput,
    layout: Layout,
    out_dir: PathBuf,
    runtime: Arc<RuntimeSources>,
    /// Chunk names of the routes, in their order.
    routes: Vec<String>,
    /// Chunk names of the runtime's `next/*` files.
    next: BTreeMap<String, String>,
    /// Whether an installed package may import `next/*` itself.
    packages_import_next: bool,
}

/// How a chunk shows that it has kept a function which needs the current request: a call of the runtime's
/// `needsContext`, which the bundler drops together with a function that nobody imports.
const CONTEXT_MARK: &str = "needsContext(function";

/// What the bundler made of it.
struct Bundled {
    result: Result<BundleOutput, Vec<BuildDiagnostic>>,
    findings: Vec<Finding>,
}

impl Plan {
    fn new(mut input: BuildInput, runtime: RuntimeSources) -> Result<Self, BuildError> {
        // Modules are known by their real paths; everything that is compared with them must be real too.
        let project_dir = real_path(&input.project_dir)?;
        let out_dir = real_out_dir(&input.out_dir)?;
        if let Some(tsconfig) = &mut input.tsconfig {
            *tsconfig = real_path(tsconfig)?;
        }
        let layout = Layout::new(&project_dir, &out_dir.join(ROUTES));
        let names = chunk_names(input.routes.iter().map(|route| route.file.as_str()));
        let routes = names.into_iter().map(|name| format!("{ROUTES}/{name}")).collect();
        let next = runtime
            .next_modules()
            .into_iter()
            .map(|(_, file)| {
                let chunk = format!("server/{}", file.strip_suffix(".ts").unwrap_or(&file));
                (file, chunk)
            })
            .collect();
        let packages_import_next = packages_import_next(&project_dir);
        let runtime = Arc::new(runtime);
        Ok(Self { input, layout, out_dir, runtime, routes, next, packages_import_next })
    }

    /// Reports the errors in files that only broken files import.
    async fn look_behind(
        &self,
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
            let bundled = self.bundle(true, broken.clone()).await?;
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

    async fn bundle(
        &self,
        shim_missing_exports: bool,
        broken: Broken,
    ) -> Result<Bundled, BuildError> {
        let options = bundler_options(&Setup {
            layout: &self.layout,
            out_dir: &self.out_dir,
            tsconfig: self.input.tsconfig.as_deref(),
            production: self.input.production,
            entries: self.entries(),
            shim_missing_exports,
        });
        let findings = Arc::new(Mutex::new(Vec::new()));
        let plugin = Byway {
            layout: self.layout.clone(),
            runtime: Arc::clone(&self.runtime),
            transpile: self.input.transpile_packages.clone(),
            tsconfig: self.input.tsconfig.clone(),
            broken,
            findings: Arc::clone(&findings),
        };
        // The bundler is third-party code that may panic: in a task of its own that is an error.
        let task = tokio::spawn(async move {
            let mut bundler = Bundler::with_plugins(options, vec![Arc::new(plugin)])?;
            let output = bundler.generate().await;
            let closed = bundler.close().await;
            output.and_then(|output| closed.map(|()| output))
        });
        let result = match task.await {
            Ok(result) => result.map_err(rolldown_error::BatchedBuildDiagnostic::into_vec),
            Err(failed) => return Err(BuildError::Bundler(failed.to_string())),
        };
        let findings = std::mem::take(&mut *findings.lock());
        Ok(Bundled { result, findings })
    }

    fn entries(&self) -> Vec<(String, String)> {
        let mut entries = vec![(WORKER.to_owned(), worker_id(MAIN))];
        // An entry keeps all its exports. Where no package can ask for them, what the project does not
        // import is dropped instead, and with it the request context that each request would pay for.
        if self.packages_import_next {
            for (file, chunk) in &self.next {
                entries.push((chunk.clone(), worker_id(file)));
            }
        }
        if let Some(file) = &self.input.instrumentation {
            entries.push((INSTRUMENTATION.to_owned(), self.source(file)));
        }
        for (route, chunk) in self.input.routes.iter().zip(&self.routes) {
            entries.push((chunk.clone(), self.source(&route.file)));
        }
        entries
    }

    fn source(&self, file: &str) -> String {
        self.layout.project_dir().join(file).to_string_lossy().into_owned()
    }

    fn manifest(
        &self,
        output: &BundleOutput,
        reporter: &mut Reporter<'_>,
    ) -> Result<Manifest, BuildError> {
        let chunks: BTreeMap<&str, &OutputChunk> = output
            .assets
            .iter()
            .filter_map(|file| match file {
                Output::Chunk(chunk) => Some((chunk.filename.as_str(), chunk.as_ref())),
                Output::Asset(_) => None,
            })
            .collect();
        let mut routes = Vec::new();
        for (route, name) in self.input.routes.iter().zip(&self.routes) {
            let file = chunk_file(name);
            let chunk = chunks.get(file.as_str()).ok_or_else(|| {
                BuildError::Bundler(format!("no chunk came out for `{}`", route.file))
            })?;
            let exports = exports(chunk);
            reporter.add(methods::warnings(route, &exports));
            routes.push(Route {
                path: route.path.clone(),
                pattern: route.pattern.clone(),
                file: route.file.clone(),
                kind: route.kind,
                methods: methods::methods(route, &exports),
                size: chunk.code.len() as u64,
                chunk: file,
            });
        }
        let next_modules = if self.packages_import_next {
            let modules = self.runtime.next_modules().into_iter();
            modules
                .filter_map(|(specifier, file)| {
                    Some((specifier, chunk_file(self.next.get(&file)?)))
                })
                .collect()
        } else {
            BTreeMap::new()
        };
        let needs_context = chunks.values().any(|chunk| chunk.code.contains(CONTEXT_MARK));
        Ok(Manifest {
            version: MANIFEST_VERSION,
            worker: chunk_file(WORKER),
            instrumentation: self
                .input
                .instrumentation
                .as_ref()
                .map(|_| chunk_file(INSTRUMENTATION)),
            next_modules,
            packages_import_next: self.packages_import_next,
            needs_context,
            routes,
        })
    }
}

/// The files that `errors` are about, without those that are known, and what they import.
fn broken_files(errors: &[BuildDiagnostic], known: &Broken) -> Broken {
    let files = errors.iter().filter_map(|error| error.id().map(PathBuf::from));
    files
        .filter(|file| file.is_absolute() && !known.contains_key(file))
        .filter_map(|file| {
            let source = fs::read_to_string(&file).ok()?;
            let imports = syntax::imports_of_broken(&file, &source);
            Some((file, imports))
        })
        .collect()
}

fn chunk_file(name: &str) -> String {
    format!("{name}.mjs")
}

fn exports(chunk: &OutputChunk) -> RouteExports {
    RouteExports {
        names: chunk.exports.iter().map(ToString::to_string).collect(),
        // Stars of modules inside the bundle are resolved; one that is left is a package's.
        open_ended: chunk.code.lines().any(|line| line.starts_with("export * from ")),
    }
}

fn real_path(path: &Path) -> Result<PathBuf, BuildError> {
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
