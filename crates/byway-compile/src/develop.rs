//! Builds for `byway dev`: in memory, one after the other, and never given up for an error in one file.
//!
//! What differs from a build for production:
//!
//! - The worker's runtime is bundled once. A build is about the project alone and leaves the runtime
//!   outside, so that its modules never change while a worker runs.
//! - Each module of the project has a file of its own, named after its content and that of all it imports.
//!   Node's module cache then does what is wanted when a worker loads the next build: what has not changed
//!   is the same instance, what has, and what imports it, is evaluated anew.
//! - In the place of a file that cannot be compiled stands a module that throws, so that only routes that
//!   import it fail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use byway_error::Diagnostic;
use byway_routes::manifest::Manifest;
use parking_lot::Mutex;
use rolldown_common::Output;
use rolldown_error::EventKind;

use crate::bundler::broken_files;
use crate::next_users::packages_import_next;
use crate::pass::Pass;
use crate::pipeline::{LAYERS_MAX, Plan};
use crate::plugin::Broken;
use crate::report::Reporter;
use crate::runtime::RuntimeSources;
use crate::{ActionSources, BuildError, BuildInput};

/// Makes the builds of one project.
#[derive(Debug)]
pub struct Developer {
    runtime: Arc<RuntimeSources>,
    /// What the packages of the project need, which only changes with them.
    packages_import_next: bool,
}

/// A file of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevFile {
    /// Relative to the build's folder, with `/`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A build that can run, as far as there are no errors.
#[derive(Debug)]
pub struct DevBuild {
    /// The project's modules and their source maps.
    pub files: Vec<DevFile>,
    /// Names the chunks.
    pub manifest: Manifest,
    /// Everything that was noticed, errors first. Routes that errors are about throw when they are loaded.
    pub diagnostics: Vec<Diagnostic>,
    /// The source files, absolute, without those of packages.
    pub sources: BTreeSet<PathBuf>,
}

impl Developer {
    /// With the runtime that is embedded in byway.
    pub fn new(project_dir: &Path) -> Self {
        Self::with_runtime(project_dir, RuntimeSources::embedded())
    }

    /// With another runtime.
    pub fn with_runtime(project_dir: &Path, runtime: RuntimeSources) -> Self {
        let packages_import_next = packages_import_next(project_dir);
        Self { runtime: Arc::new(runtime), packages_import_next }
    }

    /// The files of the worker's runtime, for a build's folder. They go with every build of this byway.
    ///
    /// # Errors
    ///
    /// What kept the bundler from working.
    pub async fn runtime(&self, input: &BuildInput) -> Result<Vec<DevFile>, BuildError> {
        let nothing = BuildInput {
            routes: Vec::new(),
            pages: Vec::new(),
            actions: ActionSources::default(),
            instrumentation: None,
            proxy: None,
            tsconfig: None,
            next_config: None,
            // Its own code reads the environment when it runs; the same files go with every project.
            inlined_env: BTreeMap::new(),
            ..input.clone()
        };
        let plan = Plan::new(nothing, Arc::clone(&self.runtime), false)?;
        let bundled =
            plan.bundle(&Pass::Node(self.runtime.importable()), false, Broken::new()).await?;
        match bundled.result {
            Ok(output) => Ok(output.assets.iter().map(file).collect()),
            Err(errors) => {
                let mut reporter = Reporter::new(&plan.layout);
                reporter.add_errors(&errors);
                Err(BuildError::Project(reporter.finish()))
            }
        }
    }

    /// Builds the project as it is now. `input.production` has to be false.
    ///
    /// # Errors
    ///
    /// Faults that are not those of one file, such as a broken tsconfig, and what kept byway from reading.
    pub async fn build(&self, input: BuildInput) -> Result<DevBuild, BuildError> {
        let plan = Plan::new(input, Arc::clone(&self.runtime), self.packages_import_next)?;
        let mut run = Run {
            reporter: Reporter::new(&plan.layout),
            broken: plan.broken_from_the_start(),
            plan: &plan,
        };
        run.reporter.add(plan.found.iter().cloned());
        let mut files = Vec::new();
        if plan.has_edge_code() {
            files.extend(run.bundle(&Pass::Edge(Arc::new(Mutex::default()))).await?);
        }
        files.extend(run.bundle(&Pass::Project).await?);
        let Run { mut reporter, broken, .. } = run;
        let manifest = plan.manifest(&files, &broken, &mut reporter)?;
        let mut sources = sources(&files);
        sources.extend(broken.into_keys());
        sources.extend(plan.pages.read.iter().cloned());
        let diagnostics = reporter.finish();
        Ok(DevBuild { files: files.iter().map(file).collect(), manifest, diagnostics, sources })
    }
}

impl Plan {
    /// The routes whose files say something that makes no sense.
    fn broken_from_the_start(&self) -> Broken {
        let errors = self.found.iter().filter(|found| found.is_error());
        let files = errors.filter_map(|found| found.file.as_deref());
        files.map(|file| (PathBuf::from(self.source(file)), Vec::new())).collect()
    }
}

/// The runs of the bundler for one build.
struct Run<'p> {
    plan: &'p Plan,
    reporter: Reporter<'p>,
    /// Files that cannot be compiled.
    broken: Broken,
}

impl Run<'_> {
    /// Bundles until what is left can be compiled.
    async fn bundle(&mut self, pass: &Pass) -> Result<Vec<Output>, BuildError> {
        let mut shim_missing_exports = !self.broken.is_empty();
        for _ in 0..=LAYERS_MAX {
            let bundled = self.plan.bundle(pass, shim_missing_exports, self.broken.clone()).await?;
            let known = |importer: &Path| !self.broken.contains_key(importer);
            let findings: Vec<_> =
                bundled.findings.into_iter().filter(|it| known(&it.importer)).collect();
            self.reporter.add_findings(&findings);
            let errors = match bundled.result {
                Ok(output) => {
                    self.reporter.add_warnings(&output.warnings);
                    return Ok(output.assets);
                }
                Err(errors) => errors,
            };
            if !shim_missing_exports
                && errors.iter().all(|it| matches!(it.kind(), EventKind::MissingExportError))
            {
                self.reporter.add_missing_exports(&errors);
            } else {
                self.reporter.add_errors(&errors);
                let mut unseen = broken_files(&errors, &self.broken);
                if unseen.is_empty() {
                    break;
                }
                self.broken.append(&mut unseen);
            }
            shim_missing_exports = true;
        }
        let layout = &self.plan.layout;
        let reporter = std::mem::replace(&mut self.reporter, Reporter::new(layout));
        Err(BuildError::Project(reporter.finish()))
    }
}

fn file(output: &Output) -> DevFile {
    DevFile { name: output.filename().to_owned(), bytes: output.content_as_bytes().to_vec() }
}

/// The source files that chunks are made of, without those of packages.
pub(crate) fn sources(files: &[Output]) -> BTreeSet<PathBuf> {
    let chunks = files.iter().filter_map(|file| match file {
        Output::Chunk(chunk) => Some(chunk),
        Output::Asset(_) => None,
    });
    let ids = chunks.flat_map(|chunk| chunk.module_ids.iter());
    let files = ids.map(|id| PathBuf::from(id.as_str())).filter(|path| path.is_absolute());
    files.filter(|path| !path.iter().any(|part| part == "node_modules")).collect()
}
