//! `byway dev`: serves a project while it is being written.

mod changes;
mod console;
mod developer;
mod early;
mod folder;
mod hints;
mod kept_runtime;
mod page;
mod project;
mod report;
mod say;
mod session;
mod variables;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use byway_config::limits::{
    DEV_BLOCKING_THREADS_MAX, DEV_PORTS_TRIED_MAX, DEV_THREAD_IDLE_MAX, DEV_THREADS,
};
use byway_config::{ListenAddress, ListenPlace, ServerSettings};
use byway_http::{BindError, CacheCalls, Server};
use byway_project::env::Mode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch::Sender;

use super::start::generation::Setup;
use super::start::origin;
use crate::cli::DevArgs;
use crate::memory::Release;
use crate::settings::{self, Checked};
use crate::{cache, output, print};
use folder::Folder;
use session::Session;
use watch::Watcher;

/// Both loopback addresses: other machines do not reach a server for development unless that is asked for.
const HOSTNAME_DEFAULT: &str = "localhost";
/// What Next listens on.
const PORT_DEFAULT: u16 = 3000;

pub(crate) fn run(args: &DevArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let dir = std::fs::canonicalize(&args.dir)
        .with_context(|| format!("cannot open the folder `{}`", args.dir.display()))?;
    let checked = settings::load(&dir, &args.settings)?;
    let folder = Folder::open(&dir)?;
    // The bundler has threads of its own; these carry the requests and what surrounds a build.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(DEV_THREADS)
        .max_blocking_threads(DEV_BLOCKING_THREADS_MAX)
        .thread_keep_alive(DEV_THREAD_IDLE_MAX)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve(args, dir, checked, folder, started));
    runtime.shutdown_background();
    served
}

async fn serve(
    args: &DevArgs,
    dir: PathBuf,
    checked: Checked,
    folder: Folder,
    started: Instant,
) -> anyhow::Result<()> {
    let Checked { settings, tables } = checked;
    let server = bind(args, &settings.server, &dir)?;
    let hostname = args.settings.hostname.as_deref().unwrap_or(HOSTNAME_DEFAULT);
    let (port, _) = server.port().unwrap_or_default();
    let origin = origin(hostname, port);
    folder.tell(&origin);
    let stop = stop_on_signals(&dir)?;
    let mut stopped = stop.subscribe();
    let connections = settings.limits.connections;
    // Nothing that is kept survives the server: what a project keeps changes while it is being written.
    let cache = cache::in_memory()?;
    let setup = Setup {
        dir: dir.clone(),
        given: args.dir.clone(),
        settings,
        tables,
        origin: origin.clone(),
        mode: Mode::Development,
        calls: CacheCalls::new(Arc::clone(&cache)),
        cache,
        // Rates are counted here alone, whatever store production has.
        rate_store: None,
    };
    // From now on no change goes unnoticed, also while the first build is being made.
    let mut watcher = Watcher::new(&dir)?;
    let mut session = Session::new(setup, args, folder)?;
    say::address(&origin);
    tokio::select! {
        () = session.begin(&mut watcher) => {}
        _ = stopped.wait_for(|stop| *stop) => return Ok(()),
    }
    say::ready(started.elapsed());
    output::serve();
    let serving = tokio::spawn(server.serve(session.app(), connections, stop.subscribe()));
    let follow = async {
        let mut release = Release::default();
        loop {
            release.later();
            let changes = watcher.next().await;
            session.follow(changes, &mut watcher).await;
        }
    };
    // A build that is being made does not hold up the end.
    tokio::select! {
        () = follow => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
    session.end(serving).await;
    Ok(())
}

/// As under Next: a port that was asked for is the one or none, the usual one may be the next that is free.
/// Of the settings only the port counts: addresses and certificates are those of production.
fn bind(args: &DevArgs, settings: &ServerSettings, dir: &Path) -> anyhow::Result<Server> {
    let ports = settings.listen.iter().filter_map(|it| match it.place {
        ListenPlace::Tcp { port, .. } => Some(port),
        ListenPlace::Unix { .. } => None,
    });
    let port = ports.into_iter().next().unwrap_or(PORT_DEFAULT);
    let hostname = args.settings.hostname.as_deref().unwrap_or(HOSTNAME_DEFAULT);
    let asked =
        args.settings.port.is_some() || std::env::var_os("PORT").is_some() || port != PORT_DEFAULT;
    let last = if asked { port } else { port.saturating_add(DEV_PORTS_TRIED_MAX) };
    let mut tried = port;
    loop {
        let listen = vec![ListenAddress::tcp(hostname, tried)];
        let settings = ServerSettings { listen, tls: None, ..settings.clone() };
        match Server::bind(&settings, dir) {
            Err(BindError::InUse { .. }) if tried < last => tried += 1,
            Err(error) => return Err(error.into()),
            Ok(server) => {
                if tried != port {
                    print::note(&format!("port {port} is in use; {tried} is used instead"));
                }
                return Ok(server);
            }
        }
    }
}

/// The first SIGTERM or SIGINT asks for the end, the second one does not wait for it.
fn stop_on_signals(dir: &Path) -> anyhow::Result<Sender<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot handle signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle signals")?;
    let stop = Sender::new(false);
    let stopping = stop.clone();
    let dir = dir.to_owned();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stopping.send_replace(true) {
                end_now(&dir);
            }
        }
    });
    Ok(stop)
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
fn end_now(dir: &Path) {
    folder::remove(dir);
    output::flush();
    std::process::exit(1);
}
