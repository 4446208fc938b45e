//! What the system's signals ask of a server.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::asks::Ask;
use crate::output;

/// The first SIGTERM or SIGINT becomes a `true`; the second one ends the process at once, and the
/// workers with it. SIGHUP asks for a reload, SIGUSR2 for a new binary.
pub(super) fn listen(asks: mpsc::Sender<Ask>) -> anyhow::Result<watch::Sender<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot handle signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle signals")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot handle signals")?;
    let mut upgrade = signal(SignalKind::user_defined2()).context("cannot handle signals")?;
    let stop = watch::Sender::new(false);
    let stopping = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => end(&stopping),
                _ = interrupt.recv() => end(&stopping),
                // A full queue has a reload in it already.
                _ = hangup.recv() => drop(asks.try_send(Ask::Reload(None))),
                _ = upgrade.recv() => drop(asks.try_send(Ask::Upgrade)),
            }
        }
    });
    Ok(stop)
}

fn end(stop: &watch::Sender<bool>) {
    if *stop.borrow() {
        end_now();
    }
    tracing::info!("stopping: finishing what is in flight; a second signal stops at once");
    stop.send_replace(true);
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
fn end_now() {
    tracing::warn!("stopped at once by a second signal");
    output::flush();
    std::process::exit(1);
}
