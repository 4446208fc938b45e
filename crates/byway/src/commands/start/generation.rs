//! One build with its workers: read, checked, started. What a reload makes anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use byway_cache::Cache;
use byway_config::{PoolRule, Settings, Supervision};
use byway_gate::rate::SharedCounters;
use byway_http::{AppOptions, CacheCalls, Files, PolicyTables};
use byway_pool::{
    ConsoleLine, ConsoleSink, ConsoleStream, DEFAULT_GROUP, GroupOptions, Pool, PoolOptions,
    StartError,
};
use byway_project::env::Mode;
use byway_project::public::{self, PUBLIC};
use byway_routes::manifest::{MANIFEST_VERSION, Manifest, Route};
use byway_routes::next_config::NextConfig;
use byway_routes::proxy::{MatcherOptions, ProxyMatchers};
use byway_routes::rules::pattern::{PathPattern, PatternKind};

use super::isolation;
use super::kept_build::KeptBuild;
use crate::print::{self, Reported, WithHint};
use crate::{cache, output};

/// The name of the group for `runtime = 'edge'` routes.
const EDGE_GROUP: &str = "edge";

/// What every build of this server is started with.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Setup {
    /// The project's folder.
    pub(in crate::commands) dir: PathBuf,
    /// The same as the user wrote it, for messages.
    pub(in crate::commands) given: PathBuf,
    pub(in crate::commands) settings: Settings,
    /// The `[[route]]` tables of the settings, compiled.
    pub(in crate::commands) tables: PolicyTables,
    /// Host and port of `request.url`.
    pub(in crate::commands) origin: String,
    /// Whose `.env` files are read.
    pub(in crate::commands) mode: Mode,
    /// Answers and values of all builds.
    pub(in crate::commands) cache: Arc<Cache>,
    /// What workers ask of it.
    pub(in crate::commands) calls: CacheCalls,
    /// Counters of rate limits that machines share.
    pub(in crate::commands) rate_store: Option<Arc<SharedCounters>>,
}

/// A build with its workers, ready to serve.
pub(super) struct Generation<'s> {
    pub(super) app: AppOptions<'s>,
    pub(super) kept: KeptBuild,
}

/// A build that was read and can be started.
pub(super) struct Loaded {
    manifest: Manifest,
    kept: KeptBuild,
}

impl Loaded {
    /// What next.config said.
    pub(super) fn config(&self) -> &NextConfig {
        &self.manifest.config
    }
}

/// Reads the build that is in the project's folder.
pub(super) fn load(dir: &Path, given: &Path) -> anyhow::Result<Loaded> {
    let kept = KeptBuild::of(dir);
    let manifest = read_manifest(&kept.path, given)?;
    Ok(Loaded { manifest, kept })
}

/// Starts the workers of a build and waits until they are ready.
pub(super) async fn start(setup: &Setup, loaded: Loaded) -> anyhow::Result<Generation<'_>> {
    let Loaded { manifest, kept } = loaded;
    let options = pool_options(setup, &manifest, &kept.path)?;
    let files = public_files(&setup.dir)?;
    let proxy = proxy_matchers(&manifest)?;
    let pool = Arc::new(Pool::start(options).await.map_err(explain)?);
    let (settings, tables) = (&setup.settings, setup.tables.clone());
    let cache = Some(cache::setup(&setup.cache, &manifest));
    let rate_store = setup.rate_store.clone();
    let (route_base, developer) = (0, None);
    Ok(Generation {
        app: AppOptions {
            manifest,
            files,
            proxy,
            pool,
            route_base,
            developer,
            settings,
            tables,
            cache,
            rate_store,
        },
        kept,
    })
}

/// The matchers of the project's proxy, which the build has checked.
pub(in crate::commands) fn proxy_matchers(
    manifest: &Manifest,
) -> anyhow::Result<Option<ProxyMatchers>> {
    let Some(proxy) = &manifest.proxy else { return Ok(None) };
    let options = MatcherOptions::from(&manifest.config);
    let matchers = ProxyMatchers::new(proxy.matchers.as_deref(), &options)
        .with_context(|| format!("the matcher of `{}` cannot be compiled", proxy.file))?;
    Ok(Some(matchers))
}

/// The files of `public/` as they are now: like Next, byway does not serve what is added before the next
/// build or reload.
pub(in crate::commands) fn public_files(dir: &Path) -> anyhow::Result<Files> {
    let found = public::scan(dir).map_err(|diagnostic| {
        print::diagnostic(&diagnostic);
        Reported(format!("the files of `{PUBLIC}/` cannot be served"))
    })?;
    found.warnings.iter().for_each(print::diagnostic);
    Files::new(dir.join(PUBLIC), found.names).with_context(|| format!("cannot read `{PUBLIC}/`"))
}

fn read_manifest(build: &Path, given: &Path) -> anyhow::Result<Manifest> {
    let rebuild = || format!("run `byway build {}` first", given.display());
    let text = match std::fs::read(build.join("manifest.json")) {
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

/// The groups of workers and which route goes to which.
fn pool_options(setup: &Setup, manifest: &Manifest, build: &Path) -> anyhow::Result<PoolOptions> {
    let Settings { workers, pools, .. } = &setup.settings;
    let rules = &workers.supervision;
    let group = |name: &str, workers: usize, rules: Supervision| {
        let command = isolation::command(setup, manifest, build, &rules)?;
        anyhow::Ok(GroupOptions { name: name.to_owned(), command, workers, rules })
    };
    let count = workers.count.get();
    let mut groups = vec![group(DEFAULT_GROUP, count, rules.clone())?];
    for PoolRule { name, workers, concurrency, isolation, .. } in pools {
        let isolation = isolation.clone().unwrap_or_else(|| rules.isolation.clone());
        let concurrency = concurrency.unwrap_or(rules.concurrency);
        let rules = Supervision { concurrency, isolation, ..rules.clone() };
        groups.push(group(name, *workers, rules)?);
    }
    let edge = manifest.routes.iter().any(|route| route.segment.is_edge()) && rules.lock_edge;
    let edge_group = edge.then_some(groups.len());
    if edge {
        let isolation = isolation::locked(&rules.isolation);
        groups.push(group(EDGE_GROUP, count, Supervision { isolation, ..rules.clone() })?);
    }
    let routes = groups_of_routes(pools, manifest, edge_group)?;
    Ok(PoolOptions { groups, routes, console: Some(console(rules.mark_console)) })
}

/// Which group each route goes to.
fn groups_of_routes(
    pools: &[PoolRule],
    manifest: &Manifest,
    edge_group: Option<usize>,
) -> anyhow::Result<Vec<usize>> {
    let pattern = |source: &String| {
        PathPattern::new(source, PatternKind::Rule { case_sensitive: true })
            .with_context(|| format!("`{source}` of `[[pool]]` in byway.toml is no pattern"))
    };
    let own = |rule: &PoolRule| rule.routes.iter().map(pattern).collect::<anyhow::Result<Vec<_>>>();
    let pools = pools.iter().map(own).collect::<anyhow::Result<Vec<_>>>()?;
    let of_route = |route: &Route| {
        // A pattern names a route by how its path is written, dynamic segments with their brackets.
        let names = |pattern: &PathPattern| pattern.is_match(&route.path).unwrap_or(false);
        match pools.iter().position(|patterns| patterns.iter().any(names)) {
            Some(at) => at + 1,
            None => edge_group.filter(|_| route.segment.is_edge()).unwrap_or(0),
        }
    };
    Ok(manifest.routes.iter().map(of_route).collect())
}

/// Passes console output on to where it was meant to go.
pub(in crate::commands) fn console(marked: bool) -> ConsoleSink {
    Arc::new(move |line: ConsoleLine<'_>| {
        let mut text = Vec::with_capacity(line.text.len() + 32);
        if marked {
            text.extend_from_slice(
                match line.request {
                    Some(request) => format!("[worker {} request {request}] ", line.worker),
                    None => format!("[worker {}] ", line.worker),
                }
                .as_bytes(),
            );
        }
        text.extend_from_slice(line.text);
        text.push(b'\n');
        match line.stream {
            ConsoleStream::Stdout => output::stdout().write(text),
            ConsoleStream::Stderr => output::stderr().write(text),
        }
    })
}

pub(in crate::commands) fn explain(error: StartError) -> anyhow::Error {
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
