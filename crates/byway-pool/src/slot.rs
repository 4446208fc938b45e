//! One place for a worker: always filled, or about to be.
//!
//! A place has a current worker and at times a next one beside it: a spare while the current one is
//! stuck, or the one that will replace it. Those that were replaced leave in peace.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use byway_config::limits::{
    LEAVING_MAX, RECYCLE_DRAIN_MAX, RESPAWN_PAUSE_MAX, RESPAWN_PAUSE_MIN, SPARE_KEPT_MAX,
    START_FAILURES_MAX, WORKER_LOAD_MAX, WORKER_SETTLED_AFTER,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::condition::Condition;
use crate::kind::Kind;
use crate::lane::Lane;
use crate::orders::{Ended, Notice, Order};
use crate::review::Retirement;
use crate::worker;
use crate::{DispatchError, StartError};

/// Worker numbers are unique in a process, across the pools of several builds.
static NEXT_WORKER: AtomicU64 = AtomicU64::new(1);

/// Notices that wait for a slot. Each worker has a handful to give.
const NOTICES_MAX: usize = 256;

/// What a group tells its slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Keep the place filled.
    Run,
    /// Replace the worker, each time the number changes.
    Recycle(u64),
    /// Let the workers finish, for so long at most, and end.
    Stop(Duration),
}

/// Who hears how the first worker of a slot started.
pub(crate) type First = mpsc::Sender<Result<(), StartError>>;

struct Slot {
    kind: Arc<Kind>,
    index: usize,
    workers: JoinSet<(u64, Ended)>,
    notices: mpsc::Sender<(u64, Notice)>,
    current: Option<Running>,
    next: Option<Running>,
    leaving: VecDeque<Running>,
    pause: RespawnPause,
    /// When to start a worker again.
    start_at: Option<Instant>,
    /// When a replacement takes over, loaded or not; or when an unused spare leaves.
    next_due: Option<Instant>,
    failures: u32,
    first: Option<First>,
}

/// A worker as its slot sees it.
struct Running {
    id: u64,
    orders: watch::Sender<Order>,
    born: Instant,
    lane: Option<Arc<Lane>>,
    loaded: bool,
    /// Whether it is there only because the current one is stuck.
    spare: bool,
    retire: Option<Retirement>,
}

/// Keeps one place filled until the group stops.
pub(crate) async fn keep(
    kind: Arc<Kind>,
    index: usize,
    mut commands: watch::Receiver<Command>,
    first: First,
) {
    let (notices, mut heard) = mpsc::channel(NOTICES_MAX);
    let mut slot = Slot {
        kind,
        index,
        workers: JoinSet::new(),
        notices,
        current: None,
        next: None,
        leaving: VecDeque::new(),
        pause: RespawnPause::default(),
        start_at: None,
        next_due: None,
        failures: 0,
        first: Some(first),
    };
    let running = slot.start(false);
    slot.current = Some(running);
    loop {
        tokio::select! {
            Some((id, notice)) = heard.recv() => slot.notice(id, notice),
            Some(Ok((id, ended))) = slot.workers.join_next() => slot.ended(id, ended),
            () = at(slot.start_at) => slot.start_again(),
            () = at(slot.next_due) => slot.next_is_due(),
            changed = commands.changed() => {
                let command = *commands.borrow_and_update();
                match command {
                    Command::Stop(limit) => return slot.stop(limit).await,
                    _ if changed.is_err() => return slot.stop(Duration::ZERO).await,
                    Command::Recycle(_) => slot.retire_current(Retirement::Ordered),
                    Command::Run => {}
                }
            }
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

impl Slot {
    fn start(&mut self, spare: bool) -> Running {
        let id = NEXT_WORKER.fetch_add(1, Ordering::Relaxed);
        let (orders, obeyed) = watch::channel(Order::Serve);
        let (kind, index, notices) = (Arc::clone(&self.kind), self.index, self.notices.clone());
        self.workers
            .spawn(async move { (id, worker::run(kind, id, index, obeyed, notices).await) });
        let born = Instant::now();
        Running { id, orders, born, lane: None, loaded: false, spare, retire: None }
    }

    fn notice(&mut self, id: u64, notice: Notice) {
        if self.current.as_ref().is_some_and(|current| current.id == id) {
            self.notice_of_current(notice);
        } else if self.next.as_ref().is_some_and(|next| next.id == id) {
            self.notice_of_next(notice);
        }
        // Those that are leaving have nothing to say that would change anything.
    }

    fn notice_of_current(&mut self, notice: Notice) {
        let Some(current) = &mut self.current else { return };
        match notice {
            Notice::Ready(lane) => {
                tracing::debug!(worker = lane.id, "worker is ready");
                self.kind.dispatcher.add(&lane);
                current.lane = Some(lane);
                self.succeeded();
            }
            Notice::Loaded => current.loaded = true,
            Notice::Late if self.next.is_none() && self.start_at.is_none() => {
                let spare = self.start(true);
                self.next = Some(spare);
            }
            Notice::Late => {}
            Notice::Stuck => self.use_spare(),
            Notice::Recovered => self.rest_spare(),
            Notice::Retire(why) => self.retire_current(why),
        }
    }

    fn notice_of_next(&mut self, notice: Notice) {
        let Some(next) = &mut self.next else { return };
        match notice {
            Notice::Ready(lane) => {
                next.lane = Some(lane);
                let spare = next.spare;
                self.succeeded();
                let stuck = self.current_is(Condition::Stuck);
                if spare && !stuck {
                    self.next_due = Some(Instant::now() + SPARE_KEPT_MAX);
                } else if stuck {
                    self.use_spare();
                } else {
                    self.next_due = Some(Instant::now() + WORKER_LOAD_MAX);
                }
            }
            Notice::Loaded => {
                next.loaded = true;
                if !next.spare {
                    self.take_over();
                }
            }
            Notice::Retire(why) => next.retire = Some(why),
            Notice::Late | Notice::Stuck | Notice::Recovered => {}
        }
    }

    fn current_is(&self, condition: Condition) -> bool {
        let lane = self.current.as_ref().and_then(|current| current.lane.as_ref());
        lane.is_some_and(|lane| lane.condition() == condition)
    }

    /// A worker has started: what was wrong is over.
    fn succeeded(&mut self) {
        self.failures = 0;
        self.kind.ledger.set_failure(None);
        if let Some(first) = self.first.take() {
            // The group has started already when nobody listens any more.
            let _ = first.try_send(Ok(()));
        }
    }

    /// Lets the spare worker take requests while the current one is stuck.
    fn use_spare(&mut self) {
        let Some(lane) = self.next.as_ref().and_then(|next| next.lane.as_ref()) else { return };
        self.next_due = None;
        self.kind.dispatcher.remove(lane.id);
        self.kind.dispatcher.add(lane);
        self.kind.ledger.count_restart("spare");
        tracing::info!(worker = lane.id, "a spare worker takes the requests");
    }

    /// The current worker responds again: state in its modules is what clients expect to meet.
    fn rest_spare(&mut self) {
        match &self.next {
            Some(next) if next.spare => {
                self.kind.dispatcher.remove(next.id);
                self.next_due = Some(Instant::now() + SPARE_KEPT_MAX);
            }
            _ => {}
        }
    }

    fn next_is_due(&mut self) {
        self.next_due = None;
        match &self.next {
            Some(next) if !next.spare => self.take_over(),
            // A spare that had nothing to do for a while.
            Some(_) if !self.current_is(Condition::Stuck) => {
                if let Some(next) = self.next.take() {
                    self.let_go(next);
                }
            }
            _ => {}
        }
    }

    fn retire_current(&mut self, why: Retirement) {
        let Some(current) = &mut self.current else { return };
        if current.retire.is_none() {
            tracing::info!(worker = current.id, "worker is being replaced: {why}");
            self.kind.ledger.count_restart(why.name());
            current.retire = Some(why);
        }
        match &mut self.next {
            None if self.start_at.is_none() => {
                let next = self.start(false);
                self.next = Some(next);
            }
            None => {}
            Some(next) => {
                next.spare = false;
                if next.loaded {
                    self.take_over();
                }
            }
        }
    }

    /// The next worker becomes the current one, which leaves.
    fn take_over(&mut self) {
        let Some(next) = self.next.take() else { return };
        self.next_due = None;
        if let Some(lane) = &next.lane {
            self.kind.dispatcher.remove(lane.id);
            self.kind.dispatcher.add(lane);
        }
        if let Some(former) = self.current.replace(next) {
            self.let_go(former);
        }
        if let Some(current) = &mut self.current {
            current.spare = false;
            if let Some(why) = current.retire.take() {
                self.retire_current(why);
            }
        }
    }

    fn let_go(&mut self, worker: Running) {
        worker.orders.send_replace(Order::Drain(RECYCLE_DRAIN_MAX));
        self.leaving.push_back(worker);
        if self.leaving.len() > LEAVING_MAX
            && let Some(oldest) = self.leaving.pop_front()
        {
            oldest.orders.send_replace(Order::Kill);
        }
    }

    fn ended(&mut self, id: u64, ended: Ended) {
        if self.current.as_ref().is_some_and(|current| current.id == id) {
            let lived = self.current.take().map_or(Duration::ZERO, |gone| gone.born.elapsed());
            self.current_ended(id, ended, lived);
        } else if self.next.as_ref().is_some_and(|next| next.id == id) {
            let lived = self.next.take().map_or(Duration::ZERO, |gone| gone.born.elapsed());
            self.next_ended(id, ended, lived);
        } else {
            self.leaving.retain(|worker| worker.id != id);
            if let Ended::Died { reason, .. } = ended {
                tracing::warn!(worker = id, "worker died while it was finishing ({reason})");
            }
        }
    }

    fn next_ended(&mut self, id: u64, ended: Ended, lived: Duration) {
        self.next_due = None;
        let useful = match ended {
            Ended::NeverReady(error) => {
                tracing::error!(worker = id, "a new worker does not start: {error}");
                false
            }
            Ended::Died { reason, name, useful } => {
                tracing::error!(worker = id, "spare worker died ({reason})");
                self.kind.ledger.count_restart(name);
                useful
            }
            Ended::Drained => false,
        };
        match self.pause.after(useful, lived) {
            Duration::ZERO => self.start_again(),
            pause => self.start_at = Some(Instant::now() + pause),
        }
    }

    fn current_ended(&mut self, id: u64, ended: Ended, lived: Duration) {
        // Whoever starts the group may give it up after its first failure; it is not tried again before.
        let mut least = Duration::ZERO;
        let useful = match ended {
            Ended::Drained => true,
            Ended::Died { reason, name, useful } => {
                tracing::error!(worker = id, "worker died ({reason}); starting another");
                self.kind.ledger.count_restart(name);
                useful
            }
            Ended::NeverReady(error) => {
                if self.first.is_some() {
                    least = RESPAWN_PAUSE_MIN;
                }
                self.failed(id, error);
                false
            }
        };
        if let Some(mut next) = self.next.take() {
            next.spare = false;
            self.next_due = None;
            if let Some(lane) = &next.lane {
                self.kind.dispatcher.remove(lane.id);
                self.kind.dispatcher.add(lane);
            }
            self.current = Some(next);
            return;
        }
        match self.pause.after(useful, lived).max(least) {
            Duration::ZERO => self.start_again(),
            pause => self.start_at = Some(Instant::now() + pause),
        }
    }

    /// No worker came up. After a few times nobody needs to wait for one.
    fn failed(&mut self, id: u64, error: StartError) {
        self.kind.ledger.count_restart("start");
        self.kind.ledger.set_failure(Some(error.to_string()));
        self.failures += 1;
        if self.failures >= START_FAILURES_MAX {
            self.kind.dispatcher.close(DispatchError::NoWorker);
        }
        // The first failure of a group that has not started yet is its caller's to report.
        let unheard = match self.first.take() {
            Some(first) => {
                first.try_send(Err(error)).err().map(mpsc::error::TrySendError::into_inner)
            }
            None => Some(Err(error)),
        };
        if let Some(Err(error)) = unheard {
            let name = &self.kind.name;
            tracing::error!(worker = id, pool = name, "{error}; trying again");
        }
    }

    fn start_again(&mut self) {
        self.start_at = None;
        if self.current.is_none() {
            let running = self.start(false);
            self.current = Some(running);
        } else if self.next.is_none() {
            let retiring = self.current.as_ref().is_some_and(|current| current.retire.is_some());
            if retiring || self.current_is(Condition::Stuck) {
                let running = self.start(!retiring);
                self.next = Some(running);
            }
        }
    }

    async fn stop(mut self, limit: Duration) {
        let running = self.current.iter().chain(&self.next).chain(&self.leaving);
        for worker in running {
            worker.orders.send_replace(Order::Drain(limit));
        }
        while self.workers.join_next().await.is_some() {}
    }
}

/// How long to wait before a worker is replaced: not at all after a useful life, longer and longer
/// while they keep dying young without having answered anything.
#[derive(Debug, Default)]
pub(crate) struct RespawnPause {
    young_deaths: u32,
}

impl RespawnPause {
    fn after(&mut self, useful: bool, lived: Duration) -> Duration {
        if useful || lived >= WORKER_SETTLED_AFTER {
            self.young_deaths = 0;
            return Duration::ZERO;
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
    fn w02_the_first_replacement_comes_at_once_and_a_crash_loop_slows_down() {
        let mut pause = RespawnPause::default();
        let young = Duration::from_millis(5);
        let pauses: Vec<_> = (0..9).map(|_| pause.after(false, young).as_millis()).collect();
        assert_eq!(pauses, [0, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(pause.after(false, WORKER_SETTLED_AFTER), Duration::ZERO);
    }

    #[test]
    fn w13_a_worker_that_answered_is_replaced_at_once_however_often_it_dies() {
        let mut pause = RespawnPause::default();
        for _ in 0..100 {
            assert_eq!(pause.after(true, Duration::from_millis(200)), Duration::ZERO);
        }
    }
}
