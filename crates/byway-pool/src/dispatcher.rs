//! Which worker a request goes to, and who waits for a place on one.
//!
//! A place is taken under the roster's lock and given back without it; only when somebody waits does
//! giving back look for them. So a request that finds a place at once pays for one short lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use byway_config::limits::QUEUE_STANDING_MAX;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::DispatchError;
use crate::lane::Lane;
use crate::ticket::Ticket;

/// Hands out places on the workers of one group.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    roster: Mutex<Roster>,
    /// The length of the queue, readable without the lock.
    waiting: AtomicUsize,
    rules: QueueRules,
    counts: Counts,
}

/// How a group queues.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueRules {
    /// Requests that may wait.
    pub(crate) length_max: usize,
    /// How long one may wait.
    pub(crate) wait_max: Duration,
    /// Places for workers, for affinity.
    pub(crate) slots: usize,
}

/// What has happened since the start.
#[derive(Debug, Default)]
struct Counts {
    queued: AtomicU64,
    refused: AtomicU64,
    expired: AtomicU64,
}

/// [`Counts`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct QueueCounts {
    pub(crate) queued: u64,
    pub(crate) refused: u64,
    pub(crate) expired: u64,
}

#[derive(Debug, Default)]
struct Roster {
    lanes: Vec<Arc<Lane>>,
    queue: VecDeque<Waiter>,
    next_number: u64,
    /// Since when the queue has not been empty.
    standing_since: Option<Instant>,
    /// Why nobody needs to wait: nothing will come.
    closed: Option<DispatchError>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    affinity: Option<u64>,
    answer: oneshot::Sender<Result<Ticket, DispatchError>>,
}

impl Dispatcher {
    pub(crate) fn new(rules: QueueRules) -> Arc<Self> {
        Arc::new(Self {
            roster: Mutex::default(),
            waiting: AtomicUsize::new(0),
            rules,
            counts: Counts::default(),
        })
    }

    /// A place on a worker, after waiting for one if need be. `affinity` names a worker that is
    /// preferred.
    pub(crate) async fn acquire(&self, affinity: Option<u64>) -> Result<Ticket, DispatchError> {
        let (place, answer) = match self.try_acquire(affinity)? {
            Ok(ticket) => return Ok(ticket),
            Err(waiting) => waiting,
        };
        // Boxed, because few requests have to wait.
        match Box::pin(tokio::time::timeout(self.rules.wait_max, answer)).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(DispatchError::ShuttingDown),
            Err(_) => {
                drop(place);
                self.counts.expired.fetch_add(1, Ordering::Relaxed);
                let workers = !self.roster.lock().lanes.is_empty();
                Err(if workers { DispatchError::Overloaded } else { DispatchError::NoWorker })
            }
        }
    }

    /// A place at once, or a place in the queue.
    #[expect(clippy::type_complexity, reason = "used once, just above")]
    pub(crate) fn try_acquire(
        &self,
        affinity: Option<u64>,
    ) -> Result<
        Result<Ticket, (Place<'_>, oneshot::Receiver<Result<Ticket, DispatchError>>)>,
        DispatchError,
    > {
        let mut roster = self.roster.lock();
        if let Some(error) = roster.closed {
            return Err(error);
        }
        if roster.queue.is_empty()
            && let Some(ticket) = roster.choose(affinity, self.rules.slots)
        {
            return Ok(Ok(ticket));
        }
        let refused = self.make_room(&mut roster)?;
        let (answer, receiver) = oneshot::channel();
        let number = roster.next_number;
        roster.next_number += 1;
        if roster.queue.is_empty() {
            roster.standing_since = Some(Instant::now());
        }
        roster.queue.push_back(Waiter { number, affinity, answer });
        self.waiting.store(roster.queue.len(), Ordering::SeqCst);
        self.counts.queued.fetch_add(1, Ordering::Relaxed);
        drop(roster);
        if let Some(refused) = refused {
            let _ = refused.answer.send(Err(DispatchError::Overloaded));
        }
        // Whoever gave a place back just before did not see this request waiting.
        self.serve();
        Ok(Err((Place { dispatcher: self, number }, receiver)))
    }

    /// Room for one more in the queue. In a queue that has been standing, the oldest makes room: its
    /// client has waited for so long that the answer would hardly be of use.
    fn make_room(&self, roster: &mut Roster) -> Result<Option<Waiter>, DispatchError> {
        if roster.queue.len() < self.rules.length_max {
            return Ok(None);
        }
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        match roster.is_standing().then(|| roster.queue.pop_front()).flatten() {
            Some(oldest) => Ok(Some(oldest)),
            None => Err(DispatchError::Overloaded),
        }
    }

    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Gives free places to those who wait.
    pub(crate) fn serve(&self) {
        while self.waiting() > 0 {
            let served = {
                let mut roster = self.roster.lock();
                let served = roster.next_served(self.rules.slots);
                self.shrunk(&mut roster);
                served
            };
            let Some((waiter, ticket)) = served else { return };
            // Outside the lock, because the ticket of one who has left comes back here.
            if let Err(Ok(ticket)) = waiter.answer.send(Ok(ticket)) {
                ticket.put_back();
            }
        }
    }

    fn shrunk(&self, roster: &mut Roster) {
        if roster.queue.is_empty() {
            roster.standing_since = None;
        }
        self.waiting.store(roster.queue.len(), Ordering::SeqCst);
    }

    /// A worker takes requests from now on.
    pub(crate) fn add(&self, lane: &Arc<Lane>) {
        {
            let mut roster = self.roster.lock();
            roster.lanes.push(Arc::clone(lane));
            if roster.closed == Some(DispatchError::NoWorker) {
                roster.closed = None;
            }
        }
        self.serve();
    }

    /// A worker takes no more requests. Those that it has go on.
    pub(crate) fn remove(&self, id: u64) {
        self.roster.lock().lanes.retain(|lane| lane.id != id);
    }

    /// Refuses what waits and what comes: no worker can be started, or the server stops.
    pub(crate) fn close(&self, error: DispatchError) {
        let waiters = {
            let mut roster = self.roster.lock();
            if !roster.lanes.is_empty() && error == DispatchError::NoWorker {
                return;
            }
            roster.closed = Some(error);
            let waiters = std::mem::take(&mut roster.queue);
            self.shrunk(&mut roster);
            waiters
        };
        for waiter in waiters {
            let _ = waiter.answer.send(Err(error));
        }
    }

    /// Workers that take requests.
    pub(crate) fn ready(&self) -> usize {
        self.roster.lock().lanes.iter().filter(|lane| lane.takes_requests()).count()
    }

    /// What has happened since the start.
    pub(crate) fn counts(&self) -> QueueCounts {
        QueueCounts {
            queued: self.counts.queued.load(Ordering::Relaxed),
            refused: self.counts.refused.load(Ordering::Relaxed),
            expired: self.counts.expired.load(Ordering::Relaxed),
        }
    }
}

impl Roster {
    /// Takes a place on the preferred worker, else on the one with the least work; late ones come last.
    fn choose(&self, affinity: Option<u64>, slots: usize) -> Option<Ticket> {
        if let Some(key) = affinity {
            let home = (key % slots.max(1) as u64) as usize;
            let at_home = self.lanes.iter().find(|lane| lane.slot == home && lane.has_room());
            if let Some(lane) = at_home {
                return Some(Lane::reserve(lane));
            }
        }
        let open = self.lanes.iter().filter(|lane| lane.has_room());
        open.min_by_key(|lane| (lane.is_slow(), lane.outstanding())).map(Lane::reserve)
    }

    /// Who is next, if there is a place for them: the first, but the last in a queue that has been
    /// standing.
    fn next_served(&mut self, slots: usize) -> Option<(Waiter, Ticket)> {
        let at = if self.is_standing() { self.queue.len().checked_sub(1)? } else { 0 };
        let ticket = self.choose(self.queue.get(at)?.affinity, slots)?;
        let waiter = self.queue.remove(at)?;
        Some((waiter, ticket))
    }

    fn is_standing(&self) -> bool {
        self.standing_since.is_some_and(|since| since.elapsed() > QUEUE_STANDING_MAX)
    }
}

/// A place in the queue, given up when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    dispatcher: &'a Dispatcher,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut roster = self.dispatcher.roster.lock();
        // The queue is in the order of the numbers.
        if let Ok(at) = roster.queue.binary_search_by_key(&self.number, |waiter| waiter.number) {
            roster.queue.remove(at);
            self.dispatcher.shrunk(&mut roster);
        }
    }
}

#[cfg(test)]
mod tests;
