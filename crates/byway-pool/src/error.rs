//! Why a request gets no answer from a worker, and why a pool does not start.

use std::path::PathBuf;

use byway_wire::EncodeError;

/// Why a request got no answer, or its answer broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DispatchError {
    /// No worker became ready in time, or too many requests wait for one.
    #[error("no worker is ready")]
    NoWorker,
    /// The worker has as much work as it may have.
    #[error("the worker's queue is full")]
    Overloaded,
    /// The worker died with the request in flight.
    #[error("the worker died")]
    WorkerGone,
    /// The worker was killed with the request in flight, because its event loop was stuck.
    #[error("the worker did not respond")]
    WorkerStuck,
    /// The worker died or got stuck before it had read the request: sending it elsewhere is safe.
    #[error("the request did not reach the worker")]
    NotDelivered,
    /// The answer's head did not come in time.
    #[error("the deadline has passed")]
    Deadline,
    /// The handler's stream failed.
    #[error("the handler's stream failed")]
    StreamFailed,
    /// The request does not fit into the worker protocol.
    #[error(transparent)]
    TooLarge(#[from] EncodeError),
    /// The server is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// Why no worker could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The executable is not there.
    #[error("Node.js was not found as `{}`", node.display())]
    NodeMissing {
        /// What was tried.
        node: PathBuf,
    },
    /// The executable could not be started.
    #[error("`{}` could not be started: {source}", node.display())]
    Spawn {
        /// What was tried.
        node: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A Node.js that is too old.
    #[error("`{}` is {found}, but byway needs Node.js {needed} or newer", node.display())]
    NodeTooOld {
        /// What was tried.
        node: PathBuf,
        /// What it says of itself.
        found: String,
        /// The oldest major version that works.
        needed: u32,
    },
    /// The worker said why it cannot start.
    #[error("the worker cannot start: {0}")]
    Fatal(String),
    /// The worker ended before it was ready.
    #[error("the worker ended before it was ready ({how}){}", said(.words.as_deref()))]
    Died {
        /// How the process ended.
        how: String,
        /// The line on its stderr that says why.
        words: Option<String>,
    },
    /// The worker was not ready in time.
    #[error("the worker was not ready within {0} s")]
    TimedOut(u64),
    /// The worker's runtime is of another version than this binary.
    #[error("the build was made by another version of byway")]
    StaleBuild,
}

fn said(words: Option<&str>) -> String {
    words.map(|words| format!(": {words}")).unwrap_or_default()
}
