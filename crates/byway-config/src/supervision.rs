//! How workers are fed, watched, replaced and locked in.

mod read;

use std::path::PathBuf;
use std::time::Duration;

use crate::limits::{
    OVERRUN_MAX, QUEUE_MAX, QUEUE_WAIT_MAX, STREAMS_PER_WORKER_MAX, STUCK_AFTER, UNRESPONSIVE_MAX,
};

/// The rules for the workers of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervision {
    /// Requests in flight on one worker; more wait.
    pub concurrency: usize,
    /// Requests that wait for a worker; more get a 503.
    pub queue: usize,
    /// How long a request waits for a worker before it gets a 503.
    pub queue_wait: Duration,
    /// A worker is replaced after this many requests; 0 is never.
    pub max_requests: u64,
    /// A worker is replaced at this age.
    pub max_age: Option<Duration>,
    /// A worker is replaced when it has more resident memory than this, in bytes.
    pub max_memory: Option<u64>,
    /// A worker whose event loop is silent for this long gets no new requests; a spare one does.
    pub stuck_after: Duration,
    /// A worker whose event loop is silent for this long is killed.
    pub unresponsive_after: Duration,
    /// How long a handler may go on after its deadline before its worker is replaced.
    pub overrun: Duration,
    /// Which worker a client's requests go to.
    pub affinity: Affinity,
    /// Whether a request that may have reached a worker that died is sent again, if its method is
    /// idempotent (RFC 9110 §9.2.2).
    pub retry_idempotent: bool,
    /// What happens to a worker in which nobody caught an error.
    pub uncaught: Uncaught,
    /// What a worker may see and use.
    pub isolation: Isolation,
    /// Whether `runtime = 'edge'` routes run in a pool of their own without files, child processes and
    /// native add-ons.
    pub lock_edge: bool,
    /// Whether console output of user code is marked with its worker and request.
    pub mark_console: bool,
}

/// Which worker a client's requests go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Affinity {
    /// The one with the least work.
    #[default]
    None,
    /// The same one for one client address, as long as it can take requests.
    ClientAddress,
}

/// What happens to a worker in which nobody caught an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Uncaught {
    /// It is logged, as under Next.
    #[default]
    Continue,
    /// It is logged, and the worker is replaced once its requests are finished.
    Retire,
}

/// What a worker may see and use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Isolation {
    /// V8's old generation, in bytes (`--max-old-space-size`).
    pub heap_bytes: Option<u64>,
    /// Node's permission model. It stops accidents, not attackers: it has been bypassed repeatedly.
    pub permissions: Option<Permissions>,
    /// Names of the environment variables that workers see, a final `*` stands for any ending. `.env*`
    /// files are always seen. `None`: all.
    pub env: Option<Vec<String>>,
    /// The working directory, relative to the project's folder, which it is unless set.
    pub dir: Option<PathBuf>,
    /// The user id that workers run as. Only root can change it.
    pub user: Option<u32>,
    /// The group id that workers run as. Only root can change it.
    pub group: Option<u32>,
    /// No native add-ons.
    pub no_addons: bool,
    /// Whether the workers run nothing but edge routes: not the project's `instrumentation` either.
    pub is_locked: bool,
}

/// What Node's permission model lets a worker do besides reading its own code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Files and folders that may be read, relative to the project's folder.
    pub read: Vec<PathBuf>,
    /// Files and folders that may be written.
    pub write: Vec<PathBuf>,
    /// Whether child processes may be started.
    pub child_processes: bool,
    /// Whether worker threads may be started.
    pub threads: bool,
}

/// `[[pool]]`: workers of their own for some routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRule {
    /// Its name, for logs and metrics.
    pub name: String,
    /// The routes, as patterns of Next's syntax.
    pub routes: Vec<String>,
    /// How many workers.
    pub workers: usize,
    /// Requests in flight on one of its workers, where it is not what all others may have; more wait.
    pub concurrency: Option<usize>,
    /// What its workers may see and use, where it is not what all others may.
    pub isolation: Option<Isolation>,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            concurrency: STREAMS_PER_WORKER_MAX,
            queue: QUEUE_MAX,
            queue_wait: QUEUE_WAIT_MAX,
            max_requests: 0,
            max_age: None,
            max_memory: None,
            stuck_after: STUCK_AFTER,
            unresponsive_after: UNRESPONSIVE_MAX,
            overrun: OVERRUN_MAX,
            affinity: Affinity::None,
            retry_idempotent: false,
            uncaught: Uncaught::Continue,
            isolation: Isolation::default(),
            lock_edge: false,
            mark_console: true,
        }
    }
}
