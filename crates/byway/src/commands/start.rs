//! `byway start`: serves a build.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use byway_config::Settings;
use byway_config::limits::BLOCKING_THREADS_MAX;
use byway_http::{Admin, App, AppOptions, CacheCalls, Files, Server};
use byway_pool::{Pool, PoolOptions, StartError, WorkerCommand};
use byway_project::public::{self, PUBLIC};
use byway_routes::manifest::{MANIFEST_VERSION, Manifest};
use byway_routes::next_config::RewriteRule;
use byway_routes::proxy::{MatcherOptions, ProxyMatchers};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::print::{self, Reported, WithHint};
use crate::settings::Checked;
use crate::{StartArgs, cache, environment, settings};

/// What Next listens on when it is told nothing.
const HOSTNAME_DEFAULT: &str = "0.0.0.0";

pub(crate) fn run(args: &StartArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let dir = std::fs::canonicalize(&args.dir)
        .with_context(|| format!("cannot open the folder `{}`", args.dir.display()))?;
    let loaded = settings::load(&dir, &args.settings)?;
    let manifest = read_manifest(&dir, &args.dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(&dir, loaded, manifest, started))
}

fn read_manifest(dir: &Path, given: &Path) -> anyhow::Result<Manifest> {
    let rebuild = || format!("run `byway build {}` first", given.display());
    let path = dir.join(".byway").join("manifest.json");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = format!("there is no build in `{}`", given.display());
            return Err(WithHint { message, hint: rebuild() }.into());
        }
        Err(error) => return Err(error).context("cannot read `.byway/manifest.json`"),
    };
    match serde_json::from_slice::<Manifest>(&text) {
        Ok(manifest) if manifest.version == MANIFEST_VERSION => Ok(manifest),
        _ => {
            let message = "the build was made by another version of byway".to_owned();
            Err(WithHint { message, hint: rebuild() }.into())
        }
    }
}

async fn serve(
    dir: &Path,
    loaded: Checked,
    manifest: Manifest,
    started: Instant,
) -> anyhow::Result<()> {
    let Checked { settings, tables } = loaded;
    let proxy = proxy_matchers(&manifest)?;
    // The port first: nothing else is worth starting when it is taken.
    let server = Server::bind_all(&settings.server.listen)?;
    let hostname = settings.server.listen.first().map_or(HOSTNAME_DEFAULT, |it| &it.host);
    let origin = origin(hostname, server.port());
    let admin = match settings.server.admin {
        Some(address) => Some(Admin::bind(address).await.with_context(|| {
            format!("cannot listen on {address}, the address of `server.admin`")
        })?),
        None => None,
    };
    let stop = stop_on_signals()?;
    let files = public_files(dir)?;
    let setup = cache::setup(dir, &manifest)?;
    let calls = CacheCalls::new(Arc::clone(&setup.cache));
    let pool = Pool::start(PoolOptions {
        command: WorkerCommand {
            calls: Some(Arc::new(calls.clone())),
            ..worker_command(dir, &settings, &manifest, &origin)?
        },
        workers: settings.workers.count.get(),
    });
    let mut stopped = stop.clone();
    let pool = tokio::select! {
        pool = pool => Arc::new(pool.map_err(explain)?),
        _ = stopped.wait_for(|stop| *stop) => return Ok(()),
    };
    let app = App::new(AppOptions {
        manifest,
        files,
        proxy,
        pool: Arc::clone(&pool),
        settings: &settings,
        tables,
        cache: Some(setup),
    })
    .context("the rules of next.config cannot be compiled")?;
    calls.serve(app.clone());
    let prerendering = app.clone();
    tokio::spawn(async move { prerendering.prerender().await });
    let took = started.elapsed().as_millis();
    print::note(&format!("byway listening on http://{origin} (ready in {took} ms)"));
    if let Some(admin) = admin {
        if let Some(address) = admin.address() {
            print::note(&format!("health and metrics on http://{address}"));
        }
        tokio::spawn(admin.serve(app.clone(), Arc::clone(&pool), stop.clone()));
    }
    server.serve(app, settings.limits.connections, stop).await;
    pool.drain().await;
    Ok(())
}

/// The files of `public/` as they are now: like Next, byway does not serve what is added later.
fn public_files(dir: &Path) -> anyhow::Result<Files> {
    let found = public::scan(dir).map_err(|diagnostic| {
        print::diagnostic(&diagnostic);
        Reported(format!("the files of `{PUBLIC}/` cannot be served"))
    })?;
    found.warnings.iter().for_each(print::diagnostic);
    Files::new(dir.join(PUBLIC), found.names).with_context(|| format!("cannot read `{PUBLIC}/`"))
}

/// What workers learn at their start.
fn worker_config(manifest: &Manifest, origin: &str) -> serde_json::Value {
    let config = &manifest.config;
    let mut settings = serde_json::json!({
        "origin": origin,
        "draftModeId": manifest.draft_mode_id,
        "cacheLife": config.cache_life,
    });
    if manifest.proxy.is_none() {
        return settings;
    }
    let rewrites = &config.rewrites;
    let all = [&rewrites.before_files, &rewrites.after_files, &rewrites.fallback];
    let asks = |rule: &RewriteRule| !rule.has.is_empty() || !rule.missing.is_empty();
    settings["urls"] = serde_json::json!({
        "basePath": config.base_path,
        "trailingSlash": config.trailing_slash,
        "i18n": config.i18n,
        "skipProxyUrlNormalize": config.skip_proxy_url_normalize,
    });
    settings["rulesReadHeaders"] = all.into_iter().flatten().any(asks).into();
    settings
}

/// The matchers of the project's proxy, which the build has checked.
fn proxy_matchers(manifest: &Manifest) -> anyhow::Result<Option<ProxyMatchers>> {
    let Some(proxy) = &manifest.proxy else { return Ok(None) };
    let options = MatcherOptions::from(&manifest.config);
    let matchers = ProxyMatchers::new(proxy.matchers.as_deref(), &options)
        .with_context(|| format!("the matcher of `{}` cannot be compiled", proxy.file))?;
    Ok(Some(matchers))
}

/// The host and port of `request.url`: loopback and "everywhere by default" are `localhost`, as under Next.
fn origin(hostname: &str, port: u16) -> String {
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

fn worker_command(
    dir: &Path,
    settings: &Settings,
    manifest: &Manifest,
    origin: &str,
) -> anyhow::Result<WorkerCommand> {
    let build = dir.join(".byway");
    let entry = build.join(&manifest.worker);
    Ok(WorkerCommand {
        node: settings.workers.node.clone(),
        // The original file and line in every stack trace that user code prints.
        args: vec!["--enable-source-maps".into(), entry.into(), build.into()],
        dir: dir.to_owned(),
        env: worker_environment(dir, manifest)?,
        config: worker_config(manifest, origin).to_string(),
        calls: None,
    })
}

/// The environment of a worker: what every process gets, and `env` of `next.config`, which wins.
fn worker_environment(
    dir: &Path,
    manifest: &Manifest,
) -> anyhow::Result<Vec<(OsString, OsString)>> {
    let mut variables = environment::of_worker(dir)?;
    let own = manifest.config.env.iter();
    variables.extend(own.map(|(name, value)| (name.into(), value.into())));
    Ok(variables)
}

fn explain(error: StartError) -> anyhow::Error {
    let hint = match &error {
        StartError::NodeMissing { .. } => {
            "install Node.js 20 or newer, or name it with `--node PATH`"
        }
        StartError::NodeTooOld { .. } => "name a newer one with `--node PATH`",
        StartError::StaleBuild => "run `byway build` again",
        _ => return error.into(),
    };
    WithHint { message: error.to_string(), hint: hint.to_owned() }.into()
}

/// Becomes true at the first SIGTERM or SIGINT; the second one ends the process at once, and the workers
/// with it, because their sockets close.
fn stop_on_signals() -> anyhow::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).context("cannot handle signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle signals")?;
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                tracing::info!(
                    "stopping: finishing what is in flight; a second signal stops at once"
                );
                stop.send_replace(true);
            } else {
                end_now();
            }
        }
    });
    Ok(stopped)
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
fn end_now() {
    std::process::exit(1);
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
