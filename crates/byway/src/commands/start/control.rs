//! The control socket: one line asks, one line of JSON answers, for `byway status`,
//! `byway reload` and their like.
//!
//! It lies in `.byway/control-PID.sock`, for its owner alone. A new build replaces that folder, so the
//! socket is made again where it has vanished.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use byway_cache::Cache;
use byway_config::limits::{
    BUILD_CHECK_INTERVAL, CONTROL_CLIENTS_MAX, CONTROL_REQUEST_BYTES_MAX, CONTROL_WAIT_MAX,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::asks::Ask;
use crate::commands::purge::{self, Purge};

/// Gives the status as JSON.
pub(super) type StatusText = Arc<dyn Fn() -> String + Send + Sync>;

/// What clients of the socket can reach.
#[derive(Clone)]
pub(super) struct Reach {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) status: StatusText,
    pub(super) cache: Arc<Cache>,
}

/// Answers on the control socket until the server ends.
pub(super) async fn serve(dir: PathBuf, reach: Reach) {
    let folder = dir.join(".byway");
    let name = format!("control-{}.sock", std::process::id());
    let guard = Removed(folder.join(&name));
    let places = Arc::new(Semaphore::new(CONTROL_CLIENTS_MAX));
    let mut listener = None;
    let mut complained = false;
    let mut look = tokio::time::interval(BUILD_CHECK_INTERVAL);
    loop {
        tokio::select! {
            _ = look.tick() => {
                if listener.is_some() && guard.0.exists() {
                    continue;
                }
                listener = match bind(&folder, &name) {
                    Ok(bound) => Some(bound),
                    Err(error) => {
                        if !std::mem::replace(&mut complained, true) {
                            tracing::warn!("`byway status` will not work: no control socket: {error}");
                        }
                        None
                    }
                };
            }
            Some(client) = accept(listener.as_ref()) => {
                // Who comes when all places are taken is cut off.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                let reach = reach.clone();
                tokio::spawn(async move {
                    let _ = answer(client, &reach).await;
                    drop(place);
                });
            }
        }
    }
}

/// Removes the socket in the end.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn accept(listener: Option<&UnixListener>) -> Option<UnixStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(client, _)| client),
        None => std::future::pending().await,
    }
}

fn bind(folder: &Path, name: &str) -> std::io::Result<UnixListener> {
    let path = folder.join(name);
    // Nobody else has this process's number; what is there is left over.
    let _ = std::fs::remove_file(&path);
    let listener = bind_short(folder, name)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Binds below an open folder: a socket's path has 107 bytes at most, a project's may have more.
#[cfg(target_os = "linux")]
fn bind_short(folder: &Path, name: &str) -> std::io::Result<UnixListener> {
    use std::os::fd::AsRawFd as _;
    let open: OwnedFd = std::fs::File::open(folder)?.into();
    UnixListener::bind(format!("/proc/self/fd/{}/{name}", open.as_raw_fd()))
}

#[cfg(not(target_os = "linux"))]
fn bind_short(folder: &Path, name: &str) -> std::io::Result<UnixListener> {
    UnixListener::bind(folder.join(name))
}

async fn answer(mut client: UnixStream, reach: &Reach) -> std::io::Result<()> {
    let Reach { asks, status, cache } = reach;
    let mut request = Vec::new();
    let read = async {
        while !request.ends_with(b"\n") && request.len() < CONTROL_REQUEST_BYTES_MAX {
            if client.read_buf(&mut request).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    };
    tokio::time::timeout(CONTROL_WAIT_MAX, read).await??;
    let mut text = match request.trim_ascii() {
        b"status" => status(),
        b"recycle" => {
            let _ = asks.send(Ask::Recycle).await;
            said(&Ok("the workers are being replaced".to_owned()))
        }
        b"reload" => {
            let (result, waits) = oneshot::channel();
            let _ = asks.send(Ask::Reload(Some(result))).await;
            said(&waits.await.unwrap_or_else(|_| Err("the server is stopping".to_owned())))
        }
        request if request.starts_with(purge::WORD) => {
            let purge = Purge::read(&request[purge::WORD.len()..]);
            said(&purge.map(|purge| {
                cache.invalidate(purge.changes());
                "purged".to_owned()
            }))
        }
        _ => said(&Err("unknown request".to_owned())),
    };
    text.push('\n');
    tokio::time::timeout(CONTROL_WAIT_MAX, client.write_all(text.as_bytes())).await?
}

fn said(result: &Result<String, String>) -> String {
    match result {
        Ok(message) => serde_json::json!({ "ok": true, "message": message }),
        Err(message) => serde_json::json!({ "ok": false, "message": message }),
    }
    .to_string()
}
