//! Keeps the configured number of workers alive and chooses one for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use byway_config::limits::{
    QUEUE_MAX, QUEUE_WAIT_MAX, RESPAWN_PAUSE_MAX, RESPAWN_PAUSE_MIN, WORKER_SETTLED_AFTER,
};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::lane::Lane;
use crate::process::WorkerCommand;
use crate::worker::{self, Ended};
use crate::{DispatchError, StartError};

/// What a pool runs.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// How a worker is started.
    pub command: WorkerCommand,
    /// How many workers.
    pub workers: usize,
}

/// What a worker has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerLoad {
    /// Its number in logs.
    pub id: u64,
    /// Requests in flight.
    pub outstanding: usize,
    /// The last measured delay of its event loop.
    pub loop_delay: Duration,
}

/// The workers of a server.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    slots: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
struct Shared {
    ready: Mutex<Vec<Arc<Lane>>>,
    /// Counts changes of `ready`, so that waiting requests look again.
    changed: watch::Sender<u64>,
    waiting: AtomicUsize,
    stop: watch::Sender<bool>,
    next_worker: AtomicU64,
}

impl Pool {
    /// Starts the workers and returns when the first one is ready. An error means that none will be.
    pub async fn start(options: PoolOptions) -> Result<Self, StartError> {
        let shared = Arc::new(Shared {
            ready: Mutex::new(Vec::new()),
            changed: watch::Sender::new(0),
            waiting: AtomicUsize::new(0),
            stop: watch::Sender::new(false),
            next_worker: AtomicU64::new(1),
        });
        let (first, mut firsts) = mpsc::channel(options.workers.max(1));
        let mut slots = JoinSet::new();
        for _ in 0..options.workers.max(1) {
            slots.spawn(keep_alive(options.command.clone(), Arc::clone(&shared), first.clone()));
        }
        drop(first);
        match firsts.recv().await {
            Some(Ok(())) => Ok(Self { shared, slots: Mutex::new(slots) }),
            Some(Err(error)) => Err(error),
            None => Err(StartError::Died("no worker was started".to_owned())),
        }
    }

    /// The ready worker with the least work, after waiting for one if need be.
    pub async fn acquire(&self) -> Result<Arc<Lane>, DispatchError> {
        if let Some(lane) = self.shared.least_busy() {
            return Ok(lane);
        }
        self.wait_for_worker().await
    }

    async fn wait_for_worker(&self) -> Result<Arc<Lane>, DispatchError> {
        let _place = Place::take(&self.shared.waiting)?;
        let mut changed = self.shared.changed.subscribe();
        let wait = async {
            loop {
                changed.mark_unchanged();
                if let Some(lane) = self.shared.least_busy() {
                    return Ok(lane);
                }
                if *self.shared.stop.borrow() {
                    return Err(DispatchError::ShuttingDown);
                }
                if changed.changed().await.is_err() {
                    return Err(DispatchError::ShuttingDown);
                }
            }
        };
        tokio::time::timeout(QUEUE_WAIT_MAX, wait).await.unwrap_or(Err(DispatchError::NoWorker))
    }

    /// The workers that take requests, and what each has to do.
    pub fn workers(&self) -> Vec<WorkerLoad> {
        let ready = self.shared.ready.lock();
        let load = |lane: &Arc<Lane>| WorkerLoad {
            id: lane.id,
            outstanding: lane.outstanding(),
            loop_delay: lane.loop_delay(),
        };
        ready.iter().map(load).collect()
    }

    /// Requests that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Workers that take requests.
    pub fn ready(&self) -> usize {
        self.shared.ready.lock().len()
    }

    /// Asks the workers to finish and waits for their end, which `byway_config` bounds.
    pub async fn drain(&self) {
        self.shared.stop.send_replace(true);
        self.shared.announce();
        let mut slots = std::mem::take(&mut *self.slots.lock());
        while slots.join_next().await.is_some() {}
    }
}

/// A place among the requests that wait for a worker.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, DispatchError> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE_MAX {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(DispatchError::NoWorker);
        }
        Ok(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn least_busy(&self) -> Option<Arc<Lane>> {
        let ready = self.ready.lock();
        let open = ready.iter().filter(|lane| lane.is_open());
        open.min_by_key(|lane| lane.outstanding()).map(Arc::clone)
    }

    fn announce(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn add(&self, lane: &Arc<Lane>) {
        self.ready.lock().push(Arc::clone(lane));
        self.announce();
    }

    fn remove(&self, id: u64) {
        self.ready.lock().retain(|lane| lane.id != id);
        self.announce();
    }
}

/// One slot of the pool: a worker, and its replacement whenever it dies.
async fn keep_alive(
    command: WorkerCommand,
    shared: Arc<Shared>,
    first: mpsc::Sender<Result<(), StartError>>,
) {
    let mut stop = shared.stop.subscribe();
    let mut pause = RespawnPause::default();
    let mut first = Some(first);
    loop {
        let id = shared.next_worker.fetch_add(1, Ordering::Relaxed);
        let born = Instant::now();
        let ended = worker::run(&command, id, &mut stop, |lane| {
            shared.add(lane);
            if let Some(first) = &first {
                // The pool has started already when nobody listens any more.
                let _ = first.try_send(Ok(()));
            }
            tracing::debug!(worker = lane.id, "worker is ready");
        })
        .await;
        shared.remove(id);
        match ended {
            Ended::Drained => return,
            Ended::Died(reason) => {
                tracing::error!(worker = id, "worker died ({reason}); starting another");
            }
            Ended::NeverReady(error) => {
                // The first failure of a pool that has not started yet is its caller's to report.
                let unheard = match first.take() {
                    Some(first) => {
                        first.try_send(Err(error)).err().map(mpsc::error::TrySendError::into_inner)
                    }
                    None => Some(Err(error)),
                };
                if let Some(Err(error)) = unheard {
                    tracing::error!(worker = id, "{error}; trying again");
                }
            }
        }
        first = None;
        if *stop.borrow() {
            return;
        }
        let wait = pause.after(born.elapsed());
        if tokio::time::timeout(wait, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// How long to wait before a worker is replaced: not at all after a long life, longer and longer
/// while they keep dying young.
#[derive(Debug, Default)]
struct RespawnPause {
    young_deaths: u32,
}

impl RespawnPause {
    fn after(&mut self, lived: Duration) -> Duration {
        if lived >= WORKER_SETTLED_AFTER {
            self.young_deaths = 0;
        }
        let doubled = RESPAWN_PAUSE_MIN.saturating_mul(1 << self.young_deaths.min(16));
        let pause = if self.young_deaths == 0 { Duration::ZERO } else { doubled };
        self.young_deaths += 1;
        pause.min(RESPAWN_PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_replacement_comes_at_once_and_a_crash_loop_slows_down() {
        let mut pause = RespawnPause::default();
        let young = Duration::from_millis(5);
        let pauses: Vec<_> = (0..9).map(|_| pause.after(young).as_millis()).collect();
        assert_eq!(pauses, [0, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(pause.after(WORKER_SETTLED_AFTER), Duration::ZERO);
    }

    #[test]
    fn the_queue_for_a_worker_is_bounded() {
        let waiting = AtomicUsize::new(QUEUE_MAX - 1);
        let place = Place::take(&waiting);
        assert!(place.is_ok());
        assert!(Place::take(&waiting).is_err());
        drop(place);
        assert_eq!(waiting.load(Ordering::Relaxed), QUEUE_MAX - 1);
    }
}
