//! A project as the commands see it that look at its sources: `build`, `check`, `routes`, `types`.
//!
//! All that is wrong is collected, so that one run of a command tells everything.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use byway_compile::{BuildError, BuildInput, SourceRoute, compile_config};
use byway_error::Diagnostic;
use byway_project::next_config::{self, ConfigCommand, ReadConfig};
use byway_project::public::{self, PublicFiles};
use byway_project::{Project, ScanOptions, config_files};
use byway_routes::next_config::NextConfig;
use tokio::runtime::Runtime;

use crate::environment::Environment;
use crate::print::{self, Reported};
use crate::progress::Progress;
use crate::settings;

/// What was read of a project.
pub(crate) struct Reading {
    pub(crate) dir: PathBuf,
    /// Absent where its files cannot be told apart.
    pub(crate) project: Option<Project>,
    pub(crate) environment: Option<Environment>,
    pub(crate) config: NextConfig,
    /// Settings of `next.config` that are not about APIs.
    pub(crate) ignored_settings: Vec<String>,
    pub(crate) public: PublicFiles,
    /// Errors and warnings, by the order in which files are read.
    pub(crate) found: Vec<Diagnostic>,
}

/// The folder that was named on the command line.
pub(crate) fn folder(given: &Path) -> anyhow::Result<PathBuf> {
    std::fs::canonicalize(given)
        .with_context(|| format!("cannot open the folder `{}`", given.display()))
}

/// What runs the bundler.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

impl Reading {
    /// Reads the project in `dir`, a folder from [`folder`], and evaluates its `next.config` with `node`.
    pub(crate) async fn of(dir: PathBuf, node: &Path) -> anyhow::Result<Self> {
        let mut reading = Self {
            dir,
            project: None,
            environment: None,
            config: NextConfig::default(),
            ignored_settings: Vec::new(),
            public: PublicFiles::default(),
            found: Vec::new(),
        };
        match Environment::read(&reading.dir) {
            Ok(environment) => {
                reading.found.extend(environment.files.warnings.iter().cloned());
                reading.evaluate_config(&environment, node).await?;
                reading.environment = Some(environment);
            }
            Err(found) => reading.found.push(found),
        }
        let options = ScanOptions { page_extensions: reading.config.page_extensions.clone() };
        match byway_project::scan(&reading.dir, &options) {
            Ok(project) => reading.project = Some(project),
            Err(found) => reading.found.extend(found),
        }
        reading.read_public();
        Ok(reading)
    }

    /// Reads settings and project for a command; the settings' faults are printed and end it.
    pub(crate) async fn for_command(given: &Path, node: Option<&Path>) -> anyhow::Result<Self> {
        let dir = folder(given)?;
        let node = settings::node_of_build(&dir, node)?;
        Self::of(dir, &node).await
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    async fn evaluate_config(
        &mut self,
        environment: &Environment,
        node: &Path,
    ) -> anyhow::Result<()> {
        let Some(file) = config_files(&self.dir).next_config else { return Ok(()) };
        let _progress = Progress::start("evaluating next.config");
        match read_config(&self.dir, &file, environment, node).await {
            Ok(ReadConfig { config, warnings, ignored }) => {
                self.config = config;
                self.ignored_settings = ignored;
                self.found.extend(warnings);
            }
            Err(BuildError::Project(found)) => self.found.extend(found),
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    /// The files of `public/`, which have to get along with the routes.
    fn read_public(&mut self) {
        let Some(project) = &self.project else { return };
        match public::scan(&project.dir) {
            Ok(files) => self.public = files,
            Err(found) => self.found.push(found),
        }
        self.found.append(&mut self.public.warnings);
        self.found.extend(public::conflicts(project, &self.public.names));
        if project.dir.join("static").is_dir() {
            let message = "the files of this folder are not served: Next has long replaced it by \
                           `public/`";
            let help = "move it to `public/static/`; the paths stay the same";
            self.found.push(Diagnostic::warning(message).in_file("static/").with_help(help));
        }
    }

    /// What to compile; nothing where there is no project.
    pub(crate) fn build_input(&self) -> Option<BuildInput> {
        let project = self.project.as_ref()?;
        let mut inlined_env =
            self.environment.as_ref().map(Environment::inlined).unwrap_or_default();
        inlined_env.extend(self.config.env.clone());
        let routes = project
            .sources
            .iter()
            .map(|source| SourceRoute {
                path: source.pattern.to_string(),
                pattern: source.pattern.clone(),
                file: source.file.clone(),
                kind: source.kind,
                special: source.special,
            })
            .collect();
        Some(BuildInput {
            project_dir: project.dir.clone(),
            out_dir: project.dir.join(".byway"),
            routes,
            pages: project.pages.clone(),
            instrumentation: project.instrumentation.clone(),
            proxy: project.proxy.clone(),
            tsconfig: project.tsconfig.as_ref().map(|file| project.dir.join(file)),
            next_config: project.next_config.clone(),
            config: self.config.clone(),
            inlined_env,
            production: true,
        })
    }

    /// Prints what was found, together with `more`, as the reason why `what` failed.
    pub(crate) fn failed(self, what: &str, more: Vec<Diagnostic>) -> anyhow::Error {
        let mut all = self.found;
        all.extend(more);
        all.sort_by_key(|found| !found.is_error());
        all.iter().for_each(print::diagnostic);
        let errors = all.iter().filter(|found| found.is_error()).count();
        Reported(format!("{what} failed with {}", print::counted(errors, "error"))).into()
    }
}

/// Compiles, runs and checks `next.config`.
async fn read_config(
    dir: &Path,
    file: &str,
    environment: &Environment,
    node: &Path,
) -> Result<ReadConfig, BuildError> {
    let tsconfig = config_files(dir).tsconfig.map(|file| dir.join(file));
    let program = compile_config(dir, file, tsconfig.as_deref()).await?;
    let command = ConfigCommand {
        node: node.to_owned(),
        entry: program.entry.clone(),
        config: program.config.clone(),
        env: environment.variables(None),
    };
    next_config::read(dir, file, &command).map_err(BuildError::Project)
}
