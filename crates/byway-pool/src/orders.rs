//! What a worker and its slot say to each other.

use std::sync::Arc;
use std::time::Duration;

use crate::StartError;
use crate::lane::Lane;
use crate::review::Retirement;

/// What a worker's slot tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    Serve,
    /// Finish the requests, for so long at most, then end.
    Drain(Duration),
    /// End now.
    Kill,
}

/// What a worker tells its slot.
#[derive(Debug)]
pub(crate) enum Notice {
    /// Requests may be sent.
    Ready(Arc<Lane>),
    /// Its routes are loaded.
    Loaded,
    /// Its event loop is silent; a spare worker may be needed soon.
    Late,
    /// Its event loop has been silent for so long that it gets no requests.
    Stuck,
    /// Its event loop is not silent any more.
    Recovered,
    /// It should be replaced.
    Retire(Retirement),
}

/// How a worker's life ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was asked to.
    Drained,
    /// It died or was killed after it had been ready. `useful`: it had answered requests.
    Died { reason: String, name: &'static str, useful: bool },
    /// It never became ready.
    NeverReady(StartError),
}
