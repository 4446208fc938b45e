//! From changes on disk to the build that is served.
//!
//! A build takes over in one of two ways. Usually the worker loads it beside the one that it has: what has
//! not changed keeps its state, and requests in flight finish where they are. What a running process cannot
//! take over, such as its environment, takes a new worker, while the former one finishes its requests.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use byway_config::limits::{BUILD_DRAIN_MAX, DEV_DRAIN_MAX, LEAVING_BUILDS_MAX, RELOADS_MAX};
use byway_error::Diagnostic;
use byway_http::{App, AppOptions, Developer, Files, Former, TlsError};
use byway_pool::{DEFAULT_GROUP, GroupOptions, Pool, PoolOptions};
use byway_project::public::PUBLIC;
use byway_routes::manifest::{MANIFEST_VERSION, Manifest};
use byway_routes::next_config::NextConfig;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use super::changes::Changes;
use super::console::without_own_frames;
use super::developer::Screen;
use super::early::Early;
use super::folder::{Epoch, Folder};
use super::project::{Compiled, Compiler, Problem};
use super::say;
use super::watch::Watcher;
use crate::cli::{DevArgs, SettingArgs};
use crate::commands::start::generation::{self, Setup};
use crate::commands::start::{RULES_BROKEN, isolation};
use crate::settings::{self, Checked};

/// The worker's entry in every development build.
const WORKER: &str = "server/worker.mjs";

pub(super) struct Session {
    setup: Setup,
    flags: SettingArgs,
    inspect: Option<String>,
    screen: Arc<Screen>,
    folder: Folder,
    compiler: Compiler,
    app: App,
    serving: Option<Serving>,
    leaving: JoinSet<()>,
    /// What was printed last, so that it is not printed again.
    told: Vec<Diagnostic>,
}

/// What the app serves.
struct Serving {
    epoch: Epoch,
    pool: Arc<Pool>,
    manifest: Manifest,
    public: Vec<String>,
    /// The number of its first route at the worker.
    base: u32,
    /// Builds that the worker has taken over.
    reloads: u32,
}

impl Session {
    pub(super) fn new(setup: Setup, args: &DevArgs, folder: Folder) -> anyhow::Result<Self> {
        let compiler = Compiler::new(&setup.dir, &setup.settings.workers.node);
        let hostname = args.settings.hostname.as_deref().unwrap_or(super::HOSTNAME_DEFAULT);
        let screen = Screen::new(setup.dir.clone(), hostname);
        let pool = Arc::new(Pool::empty());
        let app = App::new(app_options(&setup, &screen, no_routes(), &[], (pool, 0))?);
        let app = app.context(RULES_BROKEN)?;
        setup.calls.serve(&app);
        Ok(Self {
            app,
            screen,
            flags: args.settings.clone(),
            inspect: args.inspect.clone(),
            setup,
            folder,
            compiler,
            serving: None,
            leaving: JoinSet::new(),
            told: Vec::new(),
        })
    }

    pub(super) fn app(&self) -> App {
        self.app.clone()
    }

    /// Makes the first build. Where that fails, the next change is the next chance.
    pub(super) async fn begin(&mut self, watcher: &mut Watcher) {
        let mut early = None;
        let built = match self.compiler.scan().await {
            Ok(project) => {
                let path =
                    |it: &byway_project::SourceFile| (it.pattern.to_string(), say::kind(it.kind));
                say::routes(&project.sources.iter().map(path).collect::<Vec<_>>());
                self.compile_first(&mut early).await
            }
            Err(problem) => Err(problem),
        };
        let result = match built {
            Ok(compiled) => {
                self.note(&compiled, watcher);
                self.start(compiled, early).await.map_err(Problem::from)
            }
            Err(problem) => Err(problem),
        };
        if let Err(problem) = result {
            self.failed(&problem, watcher);
        }
    }

    /// Follows changes on disk.
    pub(super) async fn follow(&mut self, changes: Changes, watcher: &mut Watcher) {
        let begun = Instant::now();
        let files: Vec<PathBuf> = changes.files.iter().cloned().collect();
        let before = self.serving.as_ref().map(|serving| serving.manifest.clone());
        match self.rebuild(&changes, watcher).await {
            Ok(Some(what)) => {
                say::rebuilt(&self.setup.dir, &files, what, begun.elapsed());
                if let (Some(before), Some(serving)) = (before, &self.serving) {
                    say::difference(&before, &serving.manifest);
                }
            }
            Ok(None) => {}
            Err(problem) => self.failed(&problem, watcher),
        }
    }

    /// Says how the change took effect; nothing where it makes no difference.
    async fn rebuild(
        &mut self,
        changes: &Changes,
        watcher: &mut Watcher,
    ) -> Result<Option<&'static str>, Problem> {
        if changes.everything {
            let Checked { settings, tables } = settings::load(&self.setup.dir, &self.flags)?;
            (self.setup.settings, self.setup.tables) = (settings, tables);
            self.compiler.forget();
        }
        self.compiler.scan().await?;
        let anew = changes.everything || self.serving.is_none();
        let out_dir = match &self.serving {
            Some(serving) if !anew => serving.epoch.path.clone(),
            _ => self.folder.next(),
        };
        let compiled = self.compiler.compile(out_dir, |_, _| {}).await?;
        self.note(&compiled, watcher);
        let same = self.serving.as_ref().is_some_and(|it| it.manifest == compiled.build.manifest);
        if same {
            // What is wrong may have changed all the same.
            self.screen.served(&compiled.build.diagnostics);
        }
        if anew || !self.can_stay(&compiled.build.manifest) {
            self.start(compiled, None).await?;
            return Ok(Some("rebuilt, with a new worker,"));
        }
        let taken = self.take_over(&compiled).await;
        match taken {
            Ok(changed) => Ok(changed.then_some("rebuilt")),
            Err(error) => {
                tracing::warn!("{error:#}; a new worker is started");
                self.start(compiled, None).await?;
                Ok(Some("rebuilt, with a new worker,"))
            }
        }
    }

    /// Makes the first build, and meanwhile starts the process that will serve it.
    async fn compile_first(&mut self, early: &mut Option<Early>) -> Result<Compiled, Problem> {
        let out_dir = self.folder.next();
        // The debugger's options are those of the attempt that comes with the build.
        let epoch = self.inspect.is_none().then(|| self.folder.epoch());
        let setup = &self.setup;
        self.compiler
            .compile(out_dir, |runtime, config| {
                if let Some(epoch) = epoch {
                    let worker = WORKER.to_owned();
                    let expected = Manifest { worker, config: config.clone(), ..no_routes() };
                    let rules = &setup.settings.workers.supervision;
                    *early = Early::start(setup, rules, epoch, runtime, expected);
                }
            })
            .await
    }

    /// Whether the worker can load a build beside the one it has.
    fn can_stay(&self, next: &Manifest) -> bool {
        self.serving.as_ref().is_some_and(|serving| {
            let now = &serving.manifest;
            serving.reloads < RELOADS_MAX
                && now.instrumentation == next.instrumentation
                && now.next_config == next.next_config
                && now.packages_import_next == next.packages_import_next
                && now.config == next.config
        })
    }

    /// Lets the worker load a build. `false`: there is nothing new in it.
    async fn take_over(&mut self, compiled: &Compiled) -> anyhow::Result<bool> {
        let Some(serving) = &mut self.serving else { return Ok(false) };
        let manifest = &compiled.build.manifest;
        if *manifest == serving.manifest {
            if compiled.public != serving.public {
                let workers = (Arc::clone(&serving.pool), serving.base);
                let (setup, public) = (&self.setup, &compiled.public);
                let options = app_options(setup, &self.screen, manifest.clone(), public, workers)?;
                self.app.replace(options).context(RULES_BROKEN)?;
                serving.public.clone_from(&compiled.public);
                return Ok(true);
            }
            return Ok(false);
        }
        serving.epoch.write(&compiled.build.files)?;
        let name = serving.epoch.write_manifest(manifest)?;
        let base = serving.base + u32::try_from(serving.manifest.numbers())?;
        let order = json!({ "manifest": name, "routeBase": base });
        let config = worker_config(&self.setup, manifest, &name, base);
        serving.pool.reload(&order.to_string(), &config).await?;
        let workers = (Arc::clone(&serving.pool), base);
        let (setup, public) = (&self.setup, &compiled.public);
        let options = app_options(setup, &self.screen, manifest.clone(), public, workers)?;
        self.app.replace(options).context(RULES_BROKEN)?;
        self.screen.served(&compiled.build.diagnostics);
        serving.manifest = manifest.clone();
        serving.public.clone_from(&compiled.public);
        serving.base = base;
        serving.reloads += 1;
        Ok(true)
    }

    /// Starts a worker for a build; the former one finishes its requests.
    async fn start(&mut self, compiled: Compiled, early: Option<Early>) -> anyhow::Result<()> {
        let rules = &self.setup.settings.workers.supervision;
        let manifest = compiled.build.manifest;
        let early = early.filter(|early| early.fits(&manifest));
        let (mut epoch, mut command, prepared) =
            if let Some(Early { epoch, command, process, .. }) = early {
                (epoch, command, Some(process))
            } else {
                let mut epoch = self.folder.epoch();
                epoch.write(self.compiler.runtime())?;
                let command = isolation::command(&self.setup, &manifest, &epoch.path, rules)?;
                (epoch, command, None)
            };
        epoch.write(&compiled.build.files)?;
        let name = epoch.write_manifest(&manifest)?;
        command.config = worker_config(&self.setup, &manifest, &name, 0);
        if let Some(inspect) = &self.inspect {
            command.args.insert(0, format!("--inspect={inspect}").into());
        }
        let mut rules = rules.clone();
        if self.inspect.is_some() {
            // Whoever stands at a breakpoint is not stuck.
            rules.stuck_after = byway_config::limits::INSPECTED_WAIT_MAX;
            rules.unresponsive_after = byway_config::limits::INSPECTED_WAIT_MAX;
        }
        let console = Some(without_own_frames(generation::console(rules.mark_console)));
        // One worker, whatever the settings say for production: state in modules is shared by all requests.
        let groups =
            vec![GroupOptions { name: DEFAULT_GROUP.to_owned(), command, workers: 1, rules }];
        if self.inspect.is_some() {
            // Two processes cannot listen on the debugger's port.
            self.give_up().await?;
        }
        let options = PoolOptions { groups, routes: Vec::new(), console };
        let pool = Pool::start_with(options, prepared).await;
        let pool = Arc::new(pool.map_err(generation::explain)?);
        let (setup, public) = (&self.setup, &compiled.public);
        let workers = (Arc::clone(&pool), 0);
        let options = app_options(setup, &self.screen, manifest.clone(), public, workers)?;
        let former = self.app.replace(options).context(RULES_BROKEN)?;
        self.screen.served(&compiled.build.diagnostics);
        let public = compiled.public;
        let next = Serving { epoch, pool, manifest, public, base: 0, reloads: 0 };
        if let Some(Serving { epoch, .. }) = self.serving.replace(next) {
            self.leave(former, epoch).await;
        }
        Ok(())
    }

    /// Ends the worker before another one is started.
    async fn give_up(&mut self) -> anyhow::Result<()> {
        let Some(Serving { pool, epoch, .. }) = self.serving.take() else { return Ok(()) };
        pool.drain_within(DEV_DRAIN_MAX).await;
        drop(epoch);
        Ok(())
    }

    async fn leave(&mut self, former: Former, epoch: Epoch) {
        while self.leaving.len() >= LEAVING_BUILDS_MAX {
            self.leaving.join_next().await;
        }
        self.leaving.spawn(async move {
            let _ = tokio::time::timeout(BUILD_DRAIN_MAX, former.unused()).await;
            former.pool.drain_within(BUILD_DRAIN_MAX).await;
            drop(epoch);
        });
        // Those that have ended need no place.
        while self.leaving.try_join_next().is_some() {}
    }

    /// Remembers what a build tells about the project, and says what is new.
    fn note(&mut self, compiled: &Compiled, watcher: &mut Watcher) {
        self.screen.knows(self.compiler.variables());
        watcher.judge.sources.clone_from(&compiled.build.sources);
        watcher.judge.config = self.compiler.config_sources();
        watcher.judge.uncertain = false;
        watcher.watch_sources();
        self.tell(&compiled.build.diagnostics);
    }

    /// There is no build; the earlier one goes on.
    fn failed(&mut self, problem: &Problem, watcher: &mut Watcher) {
        watcher.judge.uncertain = true;
        self.tell(&problem.diagnostics);
        let nothing = self.serving.is_none();
        self.screen.failed(&problem.message, &problem.diagnostics, nothing);
        say::kept(&problem.message);
    }

    fn tell(&mut self, found: &[Diagnostic]) {
        let new: Vec<_> = found.iter().filter(|it| !self.told.contains(it)).cloned().collect();
        say::diagnostics(&new);
        self.told = found.to_vec();
    }

    /// Lets requests in flight finish, for a moment, and ends the workers.
    pub(super) async fn end(mut self, mut accepting: JoinHandle<Result<(), TlsError>>) {
        self.screen.changed();
        self.leaving.abort_all();
        if tokio::time::timeout(DEV_DRAIN_MAX, &mut accepting).await.is_err() {
            accepting.abort();
        }
        let pool = self.app.pool();
        // A worker that does not come to an end sees that its socket is closed.
        let _ = tokio::time::timeout(DEV_DRAIN_MAX, pool.drain_within(DEV_DRAIN_MAX)).await;
        drop(self.serving.take());
    }
}

/// What a worker is told at its start.
fn worker_config(setup: &Setup, manifest: &Manifest, name: &str, base: u32) -> String {
    let rules = &setup.settings.workers.supervision;
    let mut config = isolation::worker_config(manifest, rules, setup);
    config["manifest"] = name.into();
    config["routeBase"] = base.into();
    config.to_string()
}

fn app_options<'s>(
    setup: &'s Setup,
    screen: &Arc<Screen>,
    manifest: Manifest,
    public: &[String],
    (pool, route_base): (Arc<Pool>, u32),
) -> anyhow::Result<AppOptions<'s>> {
    let files = Files::new(setup.dir.join(PUBLIC), public.to_vec())
        .with_context(|| format!("cannot read `{PUBLIC}/`"))?;
    let proxy = generation::proxy_matchers(&manifest)?;
    let (settings, tables) = (&setup.settings, setup.tables.clone());
    let developer: Option<Arc<dyn Developer>> = Some(Arc::clone(screen) as _);
    // As under Next, a handler that is being written runs for each request.
    let cache = None;
    Ok(AppOptions {
        manifest,
        files,
        proxy,
        pool,
        route_base,
        developer,
        settings,
        tables,
        cache,
        rate_store: None,
    })
}

/// What is served before there is a build.
fn no_routes() -> Manifest {
    Manifest {
        version: MANIFEST_VERSION,
        build_id: String::new(),
        draft_mode_id: String::new(),
        worker: String::new(),
        instrumentation: None,
        next_modules: std::collections::BTreeMap::new(),
        packages_import_next: false,
        needs_context: false,
        next_config: None,
        config: NextConfig::default(),
        proxy: None,
        routes: Vec::new(),
        pages: Vec::new(),
        actions: None,
    }
}
