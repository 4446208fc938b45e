//! What a worker is started with: its command line, its environment, what it may see and use.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::Context as _;
use byway_config::{Isolation, Permissions, Supervision, Uncaught};
use byway_pool::WorkerCommand;
use byway_project::env::Mode;
use byway_routes::manifest::Manifest;
use byway_routes::next_config::RewriteRule;

use super::generation::Setup;
use crate::environment;

/// How many heaps glibc's allocator has. Its many threads would each give Node one that keeps what
/// was ever needed: under development, where much is compiled and little is served, a third of the
/// memory.
const MALLOC_ARENAS: &str = "MALLOC_ARENA_MAX";

/// How a worker of a group is started.
pub(in crate::commands) fn command(
    setup: &Setup,
    manifest: &Manifest,
    build: &Path,
    rules: &Supervision,
) -> anyhow::Result<WorkerCommand> {
    let isolation = &rules.isolation;
    let mut args: Vec<OsString> = Vec::new();
    if let Some(bytes) = isolation.heap_bytes {
        args.push(format!("--max-old-space-size={}", bytes >> 20).into());
    }
    if isolation.no_addons {
        args.push("--no-addons".into());
    }
    if let Some(permissions) = &isolation.permissions {
        let threads = permissions.threads || manifest.packages_import_next;
        let permissions = Permissions { threads, ..permissions.clone() };
        let inside = |paths: &[PathBuf]| paths.iter().map(|path| setup.dir.join(path)).collect();
        let permissions = Permissions {
            read: inside(&permissions.read),
            write: inside(&permissions.write),
            ..permissions
        };
        let read =
            [build.to_owned(), setup.dir.join("node_modules"), setup.dir.join("package.json")];
        args.extend(permission_flags(&setup.settings.workers.node, &permissions, &read)?);
    }
    args.extend([build.join(&manifest.worker).into(), build.into()]);
    Ok(WorkerCommand {
        node: setup.settings.workers.node.clone(),
        args,
        dir: isolation.dir.as_ref().map_or_else(|| setup.dir.clone(), |dir| setup.dir.join(dir)),
        env: worker_environment(&setup.dir, manifest, isolation, setup.mode)?,
        config: worker_config(manifest, rules, setup).to_string(),
        calls: Some(Arc::new(setup.calls.clone())),
        user: isolation.user,
        group: isolation.group,
    })
}

/// The environment of a worker: what every process gets, and `env` of `next.config`, which wins.
fn worker_environment(
    dir: &Path,
    manifest: &Manifest,
    isolation: &Isolation,
    mode: Mode,
) -> anyhow::Result<Vec<(OsString, OsString)>> {
    let mut variables = environment::of_worker(dir, isolation.env.as_deref(), mode)?;
    let own = manifest.config.env.iter();
    variables.extend(own.map(|(name, value)| (name.into(), value.into())));
    if mode == Mode::Development && !variables.iter().any(|(name, _)| name == MALLOC_ARENAS) {
        variables.push((MALLOC_ARENAS.into(), "2".into()));
    }
    Ok(variables)
}

/// What workers learn at their start.
pub(in crate::commands) fn worker_config(
    manifest: &Manifest,
    rules: &Supervision,
    setup: &Setup,
) -> serde_json::Value {
    let development = setup.mode == Mode::Development;
    let config = &manifest.config;
    let mut told = serde_json::json!({
        "origin": setup.origin,
        "draftModeId": manifest.draft_mode_id,
        "buildId": manifest.build_id,
        "cacheComponents": config.cache_components,
        "useCache": config.cache_components || config.use_cache,
        "cacheLife": config.cache_life,
        "cacheHandler": config.cache_handler,
        "cacheMaxMemorySize": config.cache_max_memory_bytes,
        "uncaught": match rules.uncaught {
            Uncaught::Continue => "continue",
            Uncaught::Retire => "retire",
        },
        "markConsole": rules.mark_console,
        // The project's `instrumentation` and `next.config` are written for a worker that may use
        // files and sockets.
        "instrumentation": !rules.isolation.is_locked,
    });
    if development {
        told["development"] = true.into();
    } else if manifest.proxy.is_none() {
        return told;
    }
    let rewrites = &config.rewrites;
    let all = [&rewrites.before_files, &rewrites.after_files, &rewrites.fallback];
    let asks = |rule: &RewriteRule| !rule.has.is_empty() || !rule.missing.is_empty();
    told["urls"] = serde_json::json!({
        "basePath": config.base_path,
        "trailingSlash": config.trailing_slash,
        "i18n": config.i18n,
        "skipProxyUrlNormalize": config.skip_proxy_url_normalize,
    });
    told["rulesReadHeaders"] = all.into_iter().flatten().any(asks).into();
    told
}

/// The isolation of the pool for edge routes: no files but their own code, no child processes, no
/// native add-ons.
pub(super) fn locked(general: &Isolation) -> Isolation {
    Isolation {
        permissions: Some(Permissions::default()),
        no_addons: true,
        is_locked: true,
        ..general.clone()
    }
}

/// Node's flags. They have other names in older versions, so Node is asked for its version.
fn permission_flags(
    node: &Path,
    permissions: &Permissions,
    read: &[PathBuf],
) -> anyhow::Result<Vec<OsString>> {
    let told = Command::new(node).arg("--version").output();
    let told = told.with_context(|| format!("cannot run `{}`", node.display()))?;
    let version = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    let (major, minor): (u32, u32) = match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor),
        _ => anyhow::bail!("`{} --version` says `{version}`", node.display()),
    };
    let stable = major >= 24 || (major == 23 && minor >= 5) || (major == 22 && minor >= 13);
    let mut flags: Vec<OsString> =
        vec![if stable { "--permission" } else { "--experimental-permission" }.into()];
    let mut allow = |flag: &str, path: &Path| {
        let mut text = OsString::from(format!("--allow-fs-{flag}="));
        text.push(path);
        // A folder stands for all that is in it only when it ends so.
        if path.is_dir() {
            text.push("/*");
        }
        flags.push(text);
    };
    read.iter().chain(&permissions.read).for_each(|path| allow("read", path));
    permissions.write.iter().for_each(|path| allow("write", path));
    if permissions.child_processes {
        flags.push("--allow-child-process".into());
    }
    if permissions.threads {
        flags.push("--allow-worker".into());
    }
    if major >= 25 {
        flags.push("--allow-net".into());
    }
    Ok(flags)
}
