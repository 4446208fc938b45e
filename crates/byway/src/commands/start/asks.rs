//! What may be asked of a running server, by signals, the control socket and the build's folder, and the
//! task that does it, one thing after the other.

use std::sync::Arc;

use anyhow::Context as _;
use byway_config::limits::{BUILD_CHECK_INTERVAL, BUILD_DRAIN_MAX, LEAVING_BUILDS_MAX};
use byway_http::{App, Former};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::RULES_BROKEN;
use super::generation::{self, Setup};
use super::kept_build::{BuildId, KeptBuild};
use super::upgrade::Upgrade;
use crate::print::WithHint;

/// Something that is asked of the server.
#[derive(Debug)]
pub(super) enum Ask {
    /// Serve the build that is in the folder now; who asked may wait for the result.
    Reload(Option<oneshot::Sender<Result<String, String>>>),
    /// Replace the workers by new ones of the same build.
    Recycle,
    /// Start the binary anew and leave the sockets to it.
    Upgrade,
}

/// What a reload leaves to be seen.
#[derive(Debug, Default, Clone)]
pub(super) struct History {
    /// Builds that took over since the start.
    pub(super) reloads: u64,
    /// Why the last reload failed, if it did.
    pub(super) last_error: Option<String>,
    /// Builds that still finish their requests.
    pub(super) leaving: usize,
}

pub(super) struct Attendant {
    pub(super) setup: Setup,
    pub(super) app: App,
    pub(super) kept: KeptBuild,
    pub(super) history: Arc<Mutex<History>>,
    pub(super) upgrade: Upgrade,
    pub(super) stop: watch::Sender<bool>,
}

impl Attendant {
    /// Does what is asked until the server stops, then waits for the builds that are leaving. Gives back
    /// the files of the build that is served: requests in flight may still need them.
    pub(super) async fn attend(mut self, mut asks: mpsc::Receiver<Ask>) -> KeptBuild {
        let mut stopped = self.stop.subscribe();
        let mut leaving = JoinSet::new();
        let mut folder = tokio::time::interval(BUILD_CHECK_INTERVAL);
        folder.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seen = self.kept.id;
        loop {
            let ask = tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                Some(ask) = asks.recv() => ask,
                _ = folder.tick(), if self.setup.settings.server.follow_builds => {
                    let now = BuildId::of(&self.setup.dir);
                    // A folder without a build is one that is being removed, perhaps to be built anew.
                    if now == seen || now.is_none() {
                        continue;
                    }
                    seen = now;
                    tracing::info!("there is a new build");
                    Ask::Reload(None)
                }
                Some(_) = leaving.join_next() => {
                    self.history.lock().leaving = leaving.len();
                    continue;
                }
            };
            match ask {
                Ask::Recycle => self.app.pool().recycle(),
                Ask::Upgrade => self.upgrade.start(self.stop.clone()),
                Ask::Reload(waits) => {
                    seen = BuildId::of(&self.setup.dir);
                    let result = tokio::select! {
                        result = self.reload(&mut leaving) => result,
                        _ = stopped.wait_for(|stop| *stop) => break,
                    };
                    if let Some(waits) = waits {
                        let _ = waits.send(result);
                    }
                }
            }
        }
        // The workers of former builds have had their order; the process waits for them within reason.
        let all_gone = async { while leaving.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(byway_config::limits::DRAIN_MAX, all_gone).await;
        self.kept
    }

    async fn reload(&mut self, leaving: &mut JoinSet<()>) -> Result<String, String> {
        while leaving.len() >= LEAVING_BUILDS_MAX {
            leaving.join_next().await;
        }
        let begun = std::time::Instant::now();
        let started = match generation::load(&self.setup.dir, &self.setup.given) {
            Ok(loaded) => generation::start(&self.setup, loaded).await,
            Err(error) => Err(error),
        };
        let replaced = started.and_then(|next| {
            let routes = next.app.manifest.routes.len();
            let former = self.app.replace(next.app).context(RULES_BROKEN)?;
            Ok((routes, former, next.kept))
        });
        match replaced {
            Ok((routes, former, kept)) => {
                let kept = std::mem::replace(&mut self.kept, kept);
                leaving.spawn(leave(former, kept));
                super::prerender(&self.app);
                let mut history = self.history.lock();
                history.reloads += 1;
                history.last_error = None;
                history.leaving = leaving.len();
                let took = begun.elapsed().as_millis();
                let message = format!("a new build with {routes} routes took over after {took} ms");
                tracing::info!("{message}");
                Ok(message)
            }
            Err(error) => {
                let mut message = format!("{error:#}");
                if let Some(WithHint { hint, .. }) = error.downcast_ref() {
                    message = format!("{message} ({hint})");
                }
                tracing::error!("the new build does not start, the earlier one goes on: {message}");
                self.history.lock().last_error = Some(message.clone());
                Err(message)
            }
        }
    }
}

/// Lets a former build finish: first the requests that may still look for one of its workers, then those
/// on its workers.
async fn leave(former: Former, kept: KeptBuild) {
    let _ = tokio::time::timeout(BUILD_DRAIN_MAX, former.unused()).await;
    former.pool.drain_within(BUILD_DRAIN_MAX).await;
    // The files go last.
    drop(kept);
}
