//! A project as the commands see it that look at its sources: `build`, `dev`, `check`, `routes`, `types`.
//!
//! All that is wrong is collected, so that one run of a command tells everything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use byway_compile::{ActionSources, BuildError, BuildInput, SourceRoute, compile_config};
use byway_error::Diagnostic;
use byway_project::env::Mode;
use byway_project::next_config::{self, ConfigCommand, ReadConfig};
use byway_project::public::{self, PublicFiles};
use byway_project::{Project, ScanOptions, config_files};
use byway_routes::next_config::NextConfig;
use tokio::runtime::Runtime;

use crate::environment::Environment;
use crate::print::{self, Reported};
use crate::progress::Progress;
use crate::settings;

/// The variable from which Next, too, makes the ids of Server Actions.
const ACTION_KEY: &str = "NEXT_SERVER_ACTIONS_ENCRYPTION_KEY";

/// What was read of a project.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) dir: PathBuf,
    /// Absent where its files cannot be told apart.
    pub(crate) project: Option<Project>,
    pub(crate) environment: Option<Environment>,
    pub(crate) config: NextConfig,
    /// The source files of `next.config`, absolute.
    pub(crate) config_sources: BTreeSet<PathBuf>,
    /// Settings of `next.config` that are not about APIs.
    pub(crate) ignored_settings: Vec<String>,
    pub(crate) public: PublicFiles,
    pub(crate) actions: ActionSources,
    /// Errors and warnings, by the order in which files are read.
    pub(crate) found: Vec<Diagnostic>,
    mode: Mode,
    /// How many of them are about the environment and `next.config`.
    settled: usize,
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
        let mut reading = Self::settled(dir, node, Mode::Production).await?;
        reading.scan();
        Ok(reading)
    }

    /// Reads what the project's files are read by: the environment and `next.config`.
    pub(crate) async fn settled(dir: PathBuf, node: &Path, mode: Mode) -> anyhow::Result<Self> {
        let mut reading = Self {
            dir,
            project: None,
            environment: None,
            config: NextConfig::default(),
            config_sources: BTreeSet::new(),
            ignored_settings: Vec::new(),
            public: PublicFiles::default(),
            actions: ActionSources::default(),
            found: Vec::new(),
            mode,
            settled: 0,
        };
        match Environment::read(&reading.dir, mode) {
            Ok(environment) => {
                reading.found.extend(environment.files.warnings.iter().cloned());
                reading.evaluate_config(&environment, node).await?;
                reading.environment = Some(environment);
            }
            Err(found) => reading.found.push(found),
        }
        reading.settled = reading.found.len();
        Ok(reading)
    }

    /// Reads the project's files, as they are now.
    pub(crate) fn scan(&mut self) {
        self.found.truncate(self.settled);
        self.project = None;
        self.public = PublicFiles::default();
        let options = ScanOptions { page_extensions: self.config.page_extensions.clone() };
        match byway_project::scan(&self.dir, &options) {
            Ok(project) => self.project = Some(project),
            Err(found) => self.found.extend(found),
        }
        self.read_public();
        self.read_actions();
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
        match read_config(&self.dir, &file, environment, node, self.mode).await {
            Ok((ReadConfig { config, warnings, ignored }, sources)) => {
                self.config = config;
                self.config_sources = sources;
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

    /// Where to look for Server Actions, and what Next calls them.
    fn read_actions(&mut self) {
        self.actions = ActionSources::default();
        let Some(project) = &self.project else { return };
        match byway_project::files_with_directive(&project.dir) {
            Ok(files) => self.actions.files = files,
            Err(why) => {
                let message = format!("Server Actions were not looked for: {why}");
                self.found.push(Diagnostic::warning(message));
            }
        }
        if self.actions.files.is_empty() {
            return;
        }
        self.actions.known = byway_project::next_actions(&project.dir);
        let mut variables = self.environment.iter().flat_map(Environment::all);
        let salt = variables.find(|(name, _)| *name == ACTION_KEY).map(|(_, value)| value);
        self.actions.salt = salt.unwrap_or_default().to_owned();
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
            actions: self.actions.clone(),
            instrumentation: project.instrumentation.clone(),
            proxy: project.proxy.clone(),
            tsconfig: project.tsconfig.as_ref().map(|file| project.dir.join(file)),
            next_config: project.next_config.clone(),
            config: self.config.clone(),
            inlined_env,
            production: self.mode == Mode::Production,
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
    mode: Mode,
) -> Result<(ReadConfig, BTreeSet<PathBuf>), BuildError> {
    let tsconfig = config_files(dir).tsconfig.map(|file| dir.join(file));
    let development = mode == Mode::Development;
    let program = compile_config(dir, file, tsconfig.as_deref(), development).await?;
    let command = ConfigCommand {
        node: node.to_owned(),
        entry: program.entry.clone(),
        config: program.config.clone(),
        env: environment.variables(None),
        development,
    };
    let (dir, file) = (dir.to_owned(), file.to_owned());
    // It waits for a process.
    let read = tokio::task::spawn_blocking(move || next_config::read(&dir, &file, &command));
    let read = read.await.map_err(|ended| BuildError::Bundler(ended.to_string()))?;
    Ok((read.map_err(BuildError::Project)?, program.sources))
}
