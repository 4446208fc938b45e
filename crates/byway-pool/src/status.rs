//! What a pool looks like at one moment, for metrics, logs and `byway status`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::condition::Condition;
use crate::lane::Lane;
use crate::reload::Reloaded;

/// Where a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    /// Its process runs; it is not ready yet.
    Starting,
    /// It takes requests.
    Ready,
    /// It owes an answer to a ping: requests go elsewhere if they can.
    Slow,
    /// Its event loop is silent: it takes no requests.
    Stuck,
    /// It finishes what it has and ends.
    Draining,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Its number, unique in this server.
    pub id: u64,
    /// Its process id; 0 once it has ended.
    pub pid: u32,
    /// Where it is in its life.
    pub state: WorkerState,
    /// Seconds since it was started.
    pub age_s: u64,
    /// Requests that it was given.
    pub requests: u64,
    /// Requests that it has now.
    pub in_flight: usize,
    /// Requests that it may have at this time.
    pub in_flight_max: usize,
    /// Its resident memory in bytes, 0 where the system does not tell.
    pub memory_bytes: u64,
    /// The last measured delay of its event loop, in microseconds.
    pub loop_delay_us: u64,
}

/// One group of like workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// `default`, `edge`, or a name from the settings.
    pub name: String,
    /// How many workers there should be.
    pub wanted: usize,
    /// How many take requests.
    pub ready: usize,
    /// Requests that wait for a worker.
    pub queue: usize,
    /// Requests that ever had to wait.
    pub queued: u64,
    /// Requests that were refused because the queue was full.
    pub refused: u64,
    /// Requests that waited for too long.
    pub expired: u64,
    /// How often a worker was started in place of another, by reason.
    pub restarts: BTreeMap<String, u64>,
    /// Requests that were taken back from a stuck worker and sent to another.
    pub recalled: u64,
    /// Why no worker can be started, while that is so.
    pub failure: Option<String>,
    /// The workers, those that are leaving included.
    pub workers: Vec<WorkerStatus>,
}

/// A whole pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// Its groups, `default` first.
    pub groups: Vec<GroupStatus>,
}

/// What is known of one worker while it runs.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: u64,
    pub(crate) pid: u32,
    born: Instant,
    state: AtomicU8,
    pub(crate) memory_bytes: AtomicU64,
    pub(crate) lane: Arc<Lane>,
    /// What it has said of the last reload.
    pub(crate) reloaded: watch::Sender<Reloaded>,
}

impl Record {
    pub(crate) fn new(lane: Arc<Lane>, pid: u32) -> Self {
        Self {
            id: lane.id,
            pid,
            born: Instant::now(),
            state: AtomicU8::new(0),
            memory_bytes: AtomicU64::new(0),
            lane,
            reloaded: watch::Sender::default(),
        }
    }

    pub(crate) fn set_ready(&self) {
        self.state.store(1, Ordering::Relaxed);
    }

    pub(crate) fn set_draining(&self) {
        self.state.store(2, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> WorkerState {
        match (self.state.load(Ordering::Relaxed), self.lane.condition()) {
            (0, _) => WorkerState::Starting,
            (2, _) | (_, Condition::Leaving | Condition::Closed) => WorkerState::Draining,
            (_, Condition::Serving) => WorkerState::Ready,
            (_, Condition::Slow) => WorkerState::Slow,
            (_, Condition::Stuck) => WorkerState::Stuck,
        }
    }

    fn status(&self) -> WorkerStatus {
        WorkerStatus {
            id: self.id,
            pid: self.pid,
            state: self.state(),
            age_s: self.born.elapsed().as_secs(),
            requests: self.lane.opened(),
            in_flight: self.lane.outstanding(),
            in_flight_max: self.lane.limit(),
            memory_bytes: self.memory_bytes.load(Ordering::Relaxed),
            loop_delay_us: self.lane.loop_delay().as_micros() as u64,
        }
    }
}

/// What a group remembers of its workers.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    records: Mutex<Vec<Arc<Record>>>,
    restarts: Mutex<BTreeMap<&'static str, u64>>,
    pub(crate) recalled: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Ledger {
    pub(crate) fn enter(&self, record: &Arc<Record>) {
        self.records.lock().push(Arc::clone(record));
    }

    pub(crate) fn leave(&self, id: u64) {
        let mut records = self.records.lock();
        if let Some(at) = records.iter().position(|record| record.id == id) {
            records.remove(at).reloaded.send_replace(Reloaded::Gone);
        }
    }

    /// The workers that run.
    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.records.lock().clone()
    }

    /// Counts a worker that was started in place of another.
    pub(crate) fn count_restart(&self, reason: &'static str) {
        *self.restarts.lock().entry(reason).or_default() += 1;
    }

    pub(crate) fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock() = failure;
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    pub(crate) fn workers(&self) -> Vec<WorkerStatus> {
        self.records.lock().iter().map(|record| record.status()).collect()
    }

    pub(crate) fn restarts(&self) -> BTreeMap<String, u64> {
        self.restarts.lock().iter().map(|(reason, n)| ((*reason).to_owned(), *n)).collect()
    }
}
