//! Reading and compiling the project as it is now.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use byway_compile::{BuildError, BuildInput, DevBuild, DevFile, Developer};
use byway_error::Diagnostic;
use byway_project::Project;
use byway_project::env::Mode;
use byway_routes::next_config::NextConfig;

use super::kept_runtime;
use super::variables::Variables;
use crate::reading::Reading;

/// Makes builds, and remembers what does not change with every file.
#[derive(Debug)]
pub(super) struct Compiler {
    dir: PathBuf,
    node: PathBuf,
    developer: Developer,
    /// The project, once its environment and `next.config` make sense.
    reading: Option<Reading>,
    runtime: Option<Vec<DevFile>>,
    /// Drafts stay drafts from build to build.
    draft_mode_id: Option<String>,
}

/// The project, compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) build: DevBuild,
    /// The names of the files in `public/`.
    pub(super) public: Vec<String>,
}

/// Why there is no build.
#[derive(Debug)]
pub(super) struct Problem {
    /// In a few words.
    pub(super) message: String,
    /// What is wrong where.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl From<Vec<Diagnostic>> for Problem {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        let errors = diagnostics.iter().filter(|it| it.is_error()).count();
        let message = match errors {
            1 => "the project has an error".to_owned(),
            _ => format!("the project has {errors} errors"),
        };
        Self { message, diagnostics }
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<BuildError>() {
            Ok(error) => error.into(),
            Err(error) => Self { message: format!("{error:#}"), diagnostics: Vec::new() },
        }
    }
}

impl From<BuildError> for Problem {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Project(found) => found.into(),
            other => Self { message: other.to_string(), diagnostics: Vec::new() },
        }
    }
}

impl Compiler {
    pub(super) fn new(dir: &Path, node: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            node: node.to_owned(),
            developer: Developer::new(dir),
            reading: None,
            runtime: None,
            draft_mode_id: None,
        }
    }

    /// Forgets what depends on `next.config`, the environment and the installed packages.
    pub(super) fn forget(&mut self) {
        self.reading = None;
        self.developer = Developer::new(&self.dir);
    }

    /// The project, as soon as its routes are known.
    pub(super) async fn scan(&mut self) -> Result<&Project, Problem> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => Reading::settled(self.dir.clone(), &self.node, Mode::Development).await?,
        };
        if reading.has_errors() {
            return Err(reading.found.into());
        }
        reading.scan();
        let reading = self.reading.insert(reading);
        match &reading.project {
            Some(project) if !reading.found.iter().any(Diagnostic::is_error) => Ok(project),
            _ => Err(reading.found.clone().into()),
        }
    }

    /// Compiles the project that was scanned for the folder `out_dir`. `with_runtime` is called once the
    /// files of the worker's runtime are there, which are made only once.
    pub(super) async fn compile(
        &mut self,
        out_dir: PathBuf,
        with_runtime: impl FnOnce(&[DevFile], &NextConfig),
    ) -> Result<Compiled, Problem> {
        let scanned = self.reading.as_ref().and_then(|reading| {
            let input = reading.build_input()?;
            let public = reading.public.names.clone();
            Some((BuildInput { out_dir, ..input }, public, reading.found.clone()))
        });
        let Some((input, public, found)) = scanned else {
            return Err(Problem::from(Vec::new()));
        };
        let mut build = self.build(input, with_runtime).await?;
        let manifest = &mut build.manifest;
        let id = self.draft_mode_id.get_or_insert_with(|| manifest.draft_mode_id.clone());
        manifest.draft_mode_id.clone_from(id);
        build.diagnostics.extend(found);
        Ok(Compiled { build, public })
    }

    /// The variables that the project sees.
    pub(super) fn variables(&self) -> Variables {
        let environment = self.reading.as_ref().and_then(|it| it.environment.as_ref());
        environment.map(Variables::of).unwrap_or_default()
    }

    /// The files that `next.config` is made of.
    pub(super) fn config_sources(&self) -> BTreeSet<PathBuf> {
        self.reading.as_ref().map(|it| it.config_sources.clone()).unwrap_or_default()
    }

    async fn build(
        &mut self,
        input: BuildInput,
        with_runtime: impl FnOnce(&[DevFile], &NextConfig),
    ) -> Result<DevBuild, BuildError> {
        if let Some(runtime) = &self.runtime {
            with_runtime(runtime, &input.config);
            return self.developer.build(input).await;
        }
        // The worker's runtime is the same for all builds.
        if let Some(kept) = kept_runtime::read(&self.dir) {
            let runtime = self.runtime.insert(kept);
            with_runtime(runtime, &input.config);
            return self.developer.build(input).await;
        }
        let of_runtime = input.clone();
        let runtime = async {
            let files = self.developer.runtime(&of_runtime).await?;
            with_runtime(&files, &of_runtime.config);
            Ok::<_, BuildError>(files)
        };
        let (runtime, build) = tokio::join!(runtime, self.developer.build(input));
        kept_runtime::keep(&self.dir, self.runtime.insert(runtime?));
        build
    }

    /// The files of the worker's runtime.
    pub(super) fn runtime(&self) -> &[DevFile] {
        self.runtime.as_deref().unwrap_or_default()
    }
}
