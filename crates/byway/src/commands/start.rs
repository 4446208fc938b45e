//! `byway start`: serves a build.

mod asks;
mod control;
pub(super) mod generation;
pub(super) mod isolation;
mod kept_build;
mod signals;
mod upgrade;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use byway_config::Settings;
use byway_config::limits::BLOCKING_THREADS_MAX;
use byway_http::{Admin, App, CacheCalls, PolicyTables, Server};
use byway_project::env::Mode;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use crate::cli::StartArgs;
use crate::commands::status::{ServerState, ServerStatus};
use crate::settings::{self, Checked};
use crate::{cache, memory, output, print};
use asks::{Attendant, History};
use control::Reach;
use generation::{Generation, Loaded, Setup};
pub(crate) use kept_build::PREFIX as SERVING_PREFIX;
use upgrade::{Ready, Upgrade};

/// What Next listens on when it is told nothing.
const HOSTNAME_DEFAULT: &str = "0.0.0.0";
/// The build has compiled them once already.
pub(super) const RULES_BROKEN: &str = "the rules of next.config cannot be compiled";
/// Things that are asked of the server and wait for their turn.
const ASKS_MAX: usize = 16;

pub(crate) fn run(args: &StartArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let sockets = upgrade::inherited()?;
    let ready = Ready::from_environment();
    let dir = std::fs::canonicalize(&args.dir)
        .with_context(|| format!("cannot open the folder `{}`", args.dir.display()))?;
    let Checked { settings, tables } = settings::load(&dir, &args.settings)?;
    kept_build::remove_stale(&dir);
    let loaded = generation::load(&dir, &args.dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .context("cannot start the runtime")?;
    let given = args.dir.clone();
    let start = Start { dir, given, settings, tables, sockets, ready, started };
    let served = runtime.block_on(start.serve(loaded));
    // What is still running, such as a blocking look-up, does not hold up the end.
    runtime.shutdown_background();
    served
}

/// What a server starts from.
struct Start {
    dir: PathBuf,
    given: PathBuf,
    settings: Settings,
    tables: PolicyTables,
    sockets: Vec<std::net::TcpListener>,
    ready: Ready,
    started: Instant,
}

impl Start {
    async fn serve(self, loaded: Loaded) -> anyhow::Result<()> {
        // The port first: nothing else is worth starting when it is taken.
        let server = if self.sockets.is_empty() {
            Server::bind(&self.settings.server, &self.dir)?
        } else {
            Server::adopt(&self.settings.server, &self.dir, self.sockets)?
        };
        let server = server.releasing(memory::give_back);
        let hostname = self.settings.server.hostname().unwrap_or(HOSTNAME_DEFAULT);
        let (port, https) = server.port().unwrap_or_default();
        let origin = origin(hostname, port);
        let has_port = server.port().is_some();
        let stop_delay = self.settings.server.stop_delay;
        let connections = self.settings.limits.connections;
        let admin = admin(self.settings.server.admin).await?;
        let Self { dir, given, settings, tables, .. } = self;
        let cache = cache::open(&dir, loaded.config(), &settings.store)?;
        let rate_store = cache::rate_store(&settings.store)?;
        let calls = CacheCalls::new(Arc::clone(&cache));
        let setup = {
            let (origin, mode) = (origin.clone(), Mode::Production);
            Setup { dir, given, settings, tables, origin, mode, cache, calls, rate_store }
        };
        let (asks_in, asks) = mpsc::channel(ASKS_MAX);
        let stop = signals::listen(asks_in.clone())?;
        let mut stopped = stop.subscribe();
        let Generation { app, kept } = tokio::select! {
            started = generation::start(&setup, loaded) => started?,
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
        };
        let app = App::new(app).context(RULES_BROKEN)?;
        setup.calls.serve(&app);
        prerender(&app);
        let history = Arc::new(Mutex::new(History::default()));
        let status = Status {
            app: app.clone(),
            history: Arc::clone(&history),
            stop: stop.subscribe(),
            origin: origin.clone(),
            started: self.started,
        };
        let reach = Reach {
            asks: asks_in,
            status: Arc::new(move || status.text()),
            cache: Arc::clone(&setup.cache),
        };
        let control = tokio::spawn(control::serve(setup.dir.clone(), reach));
        let upgrade = Upgrade::new(server.duplicate().context("cannot copy the sockets")?);
        let attendant =
            Attendant { setup, app: app.clone(), kept, history, upgrade, stop: stop.clone() };
        let attendant = tokio::spawn(attendant.attend(asks));
        let took = self.started.elapsed().as_millis();
        announce(&server, has_port.then_some((https, origin.as_str())), took);
        if let Some(admin) = admin {
            if let Some(address) = admin.address() {
                print::note(&format!("health and metrics on http://{address}"));
            }
            tokio::spawn(admin.serve(app.clone(), stop.subscribe()));
        }
        output::serve();
        self.ready.tell();
        server.serve(app.clone(), connections, delayed(stop.subscribe(), stop_delay)).await?;
        app.pool().drain().await;
        // With the workers the files of their build may go.
        drop(attendant.await);
        // Aborting it drops its guard, which removes the socket.
        control.abort();
        let _ = control.await;
        Ok(())
    }
}

/// Renders what is known before anybody asks for it, beside the requests.
fn prerender(app: &App) {
    let app = app.clone();
    tokio::spawn(async move { app.prerender().await });
}

/// The admin listener, where one is asked for.
async fn admin(address: Option<SocketAddr>) -> anyhow::Result<Option<Admin>> {
    let Some(address) = address else { return Ok(None) };
    let admin = Admin::bind(address).await;
    let what = || format!("cannot listen on {address}, the address of `server.admin`");
    admin.map(Some).with_context(what)
}

/// The signal to stop, some time later: until then connections are accepted, while whoever asks whether
/// the server is ready hears that it is not.
fn delayed(mut stop: watch::Receiver<bool>, delay: std::time::Duration) -> watch::Receiver<bool> {
    if delay.is_zero() {
        return stop;
    }
    let (later, delayed) = watch::channel(false);
    tokio::spawn(async move {
        if stop.wait_for(|stop| *stop).await.is_ok() {
            tokio::time::sleep(delay).await;
            later.send_replace(true);
        }
    });
    delayed
}

/// What `byway status` is told.
struct Status {
    app: App,
    history: Arc<Mutex<History>>,
    stop: watch::Receiver<bool>,
    origin: String,
    started: Instant,
}

impl Status {
    fn text(&self) -> String {
        let pool = self.app.pool();
        let history = self.history.lock().clone();
        let state = match (*self.stop.borrow(), pool.is_ready()) {
            (true, _) => ServerState::Stopping,
            (false, true) => ServerState::Ready,
            (false, false) => ServerState::Unready,
        };
        let status = ServerStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            address: self.origin.clone(),
            state,
            uptime_s: self.started.elapsed().as_secs(),
            reloads: history.reloads,
            leaving_builds: history.leaving,
            reload_error: history.last_error,
            panics: byway_http::panics(),
            output_lines_lost: output::dropped(),
            pool: pool.status(),
        };
        serde_json::to_string(&status).unwrap_or_default()
    }
}

/// Says where the server listens, the place with the origin of `request.url` first.
fn announce(server: &Server, origin: Option<(bool, &str)>, took: u128) {
    let places = server.places();
    let (first, others) = match origin {
        Some((https, origin)) => {
            let scheme = if https { "https" } else { "http" };
            (format!("{scheme}://{origin}"), places.get(1..).unwrap_or_default())
        }
        None => (places.join(", "), &[][..]),
    };
    print::note(&format!("byway listening on {first} (ready in {took} ms)"));
    for place in others {
        print::note(&format!("also on {place}"));
    }
}

/// The host and port of `request.url`: loopback and "everywhere by default" are `localhost`, as under Next.
pub(super) fn origin(hostname: &str, port: u16) -> String {
    match hostname {
        HOSTNAME_DEFAULT | "127.0.0.1" | "::1" | "[::1]" | "::" | "[::]" => {
            format!("localhost:{port}")
        }
        address if address.contains(':') && !address.starts_with('[') => {
            format!("[{address}]:{port}")
        }
        name => format!("{name}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn the_origin_is_what_next_shows() {
        for (hostname, shown) in [
            ("0.0.0.0", "localhost:3000"),
            ("127.0.0.1", "localhost:3000"),
            ("localhost", "localhost:3000"),
            ("fe80::1", "[fe80::1]:3000"),
            ("api.example.com", "api.example.com:3000"),
        ] {
            assert_eq!(origin(hostname, 3000), shown);
        }
    }
}
