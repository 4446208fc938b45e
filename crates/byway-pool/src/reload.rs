//! Another build for workers that run: told to all of them, and in force once all have said so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use byway_config::limits::RELOAD_WAIT_MAX;
use byway_wire::encode;
use tokio::sync::watch;

use crate::Pool;
use crate::status::{Record, WorkerState};

/// Reloads are told apart, across the pools of a process.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Why the workers serve what they served before, or some of them do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// A worker could not take the build over.
    #[error("the worker cannot take the build over: {0}")]
    Refused(String),
    /// A worker has ended instead of answering.
    #[error("the worker ended before it had taken the build over")]
    Ended,
    /// A worker has not answered.
    #[error("the worker did not take the build over in time")]
    TimedOut,
}

/// What a worker has said of the last reload.
#[derive(Debug, Clone, Default)]
pub(crate) enum Reloaded {
    /// Nothing yet.
    #[default]
    Never,
    /// How the one with this number went.
    Done(u32, Option<String>),
    /// It has ended.
    Gone,
}

impl Pool {
    /// Tells every worker to serve another build beside the one it has, and waits until all that take
    /// requests do. `order` is the JSON of `RELOAD`; `config` is that of `CONFIG` for workers that start
    /// from now on, unless the reload fails.
    pub async fn reload(&self, order: &str, config: &str) -> Result<(), ReloadError> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (mut told, mut former) = (Vec::new(), Vec::new());
        for kind in self.kinds() {
            let mut current = kind.config.lock();
            former.push(std::mem::replace(&mut *current, config.to_owned()));
            for record in kind.ledger.records() {
                told.extend(tell(&record, number, order));
            }
        }
        let all = async {
            for mut heard in told {
                answer(&mut heard, number).await?;
            }
            Ok(())
        };
        let done = tokio::time::timeout(RELOAD_WAIT_MAX, all).await;
        let done = done.unwrap_or(Err(ReloadError::TimedOut));
        if done.is_err() {
            for (kind, former) in self.kinds().zip(former) {
                *kind.config.lock() = former;
            }
        }
        done
    }
}

/// A worker that is still starting reads the order before any request, so nobody has to wait for it.
fn tell(record: &Arc<Record>, number: u32, order: &str) -> Option<watch::Receiver<Reloaded>> {
    let state = record.state();
    if state == WorkerState::Draining {
        return None;
    }
    let heard = record.reloaded.subscribe();
    record.lane.send(|out| encode::reload(out, number, order));
    (state != WorkerState::Starting).then_some(heard)
}

async fn answer(heard: &mut watch::Receiver<Reloaded>, number: u32) -> Result<(), ReloadError> {
    let is_answer = |said: &Reloaded| match said {
        Reloaded::Never => false,
        Reloaded::Done(found, _) => *found == number,
        Reloaded::Gone => true,
    };
    // The sender's end is the worker's.
    let Ok(said) = heard.wait_for(is_answer).await else { return Err(ReloadError::Ended) };
    match &*said {
        Reloaded::Done(_, None) => Ok(()),
        Reloaded::Done(_, Some(failure)) => Err(ReloadError::Refused(failure.clone())),
        Reloaded::Gone | Reloaded::Never => Err(ReloadError::Ended),
    }
}
