//! The dispatcher against a model of it, and its rules one by one.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use byway_wire::{NameCase, RequestHead};
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::condition::Condition;
use crate::{OpenBody, Stream};

const RULES: QueueRules = QueueRules { length_max: 6, wait_max: Duration::from_mins(1), slots: 4 };

type Answer = oneshot::Receiver<Result<Ticket, DispatchError>>;

fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn lane(dispatcher: &Arc<Dispatcher>, id: u64, limit: usize) -> Arc<Lane> {
    Lane::new(id, id as usize, limit, Some(Arc::clone(dispatcher)), None)
}

fn at_once(dispatcher: &Dispatcher, affinity: Option<u64>) -> Ticket {
    dispatcher.try_acquire(affinity).unwrap().unwrap()
}

fn waits(dispatcher: &Dispatcher) -> (Place<'_>, Answer) {
    match dispatcher.try_acquire(None).unwrap() {
        Ok(ticket) => panic!("{ticket:?}"),
        Err(waiting) => waiting,
    }
}

fn stream(ticket: Ticket) -> Stream {
    let head = RequestHead {
        route: 0,
        proxy: false,
        method: "GET",
        http_version: 11,
        names: NameCase::Lower,
        https: false,
        has_body: false,
        client_port: 1,
        client_address: "127.0.0.1",
        authority: "",
        path: b"/",
        query: b"",
        params: &[],
        purpose: byway_wire::Purpose::Client,
    };
    ticket.open(&head, std::iter::empty(), &OpenBody::Whole(b"")).unwrap().0
}

#[test]
fn the_least_busy_worker_is_chosen_and_late_ones_come_last() {
    let dispatcher = Dispatcher::new(RULES);
    let lanes: Vec<_> = (1..=3).map(|id| lane(&dispatcher, id, 10)).collect();
    for lane in &lanes {
        dispatcher.add(lane);
    }
    let tickets: Vec<_> = (0..6).map(|_| at_once(&dispatcher, None)).collect();
    assert!(lanes.iter().all(|lane| lane.outstanding() == 2));
    lanes[0].set_condition(Condition::Slow);
    lanes[1].set_condition(Condition::Stuck);
    drop(tickets);
    let tickets: Vec<_> = (0..10).map(|_| at_once(&dispatcher, None)).collect();
    assert!(tickets.iter().all(|ticket| ticket.worker() == 3));
    assert_eq!(at_once(&dispatcher, None).worker(), 1, "w06: a late worker is better than none");
    dispatcher.remove(1);
    let (_place, mut answer) = waits(&dispatcher);
    lanes[1].set_condition(Condition::Serving);
    assert_eq!(answer.try_recv().unwrap().unwrap().worker(), 2, "one that responds again");
}

#[test]
fn a_client_keeps_its_worker_while_that_has_room() {
    let dispatcher = Dispatcher::new(RULES);
    let lanes: Vec<_> = (0..4).map(|id| lane(&dispatcher, id, 2)).collect();
    for lane in &lanes {
        dispatcher.add(lane);
    }
    let held: Vec<_> = (0..3).map(|_| at_once(&dispatcher, Some(6)).worker()).collect();
    assert_eq!(held, [2, 2, 2], "each was given back before the next");
    let held: Vec<_> = (0..3).map(|_| at_once(&dispatcher, Some(6))).collect();
    let workers: Vec<_> = held.iter().map(Ticket::worker).collect();
    assert_eq!((workers[0], workers[1]), (2, 2));
    assert_ne!(workers[2], 2);
}

#[test]
fn the_queue_is_first_come_first_served_until_it_has_been_standing() {
    let dispatcher = Dispatcher::new(RULES);
    let only = lane(&dispatcher, 1, 1);
    dispatcher.add(&only);
    let ticket = at_once(&dispatcher, None);
    let mut waiting: Vec<_> = (0..RULES.length_max).map(|_| waits(&dispatcher)).collect();
    assert_eq!(dispatcher.try_acquire(None).unwrap_err(), DispatchError::Overloaded);
    drop(ticket);
    let first = waiting.remove(0).1.try_recv().unwrap().unwrap();
    // As after a second of overload.
    let long_ago = Instant::now().checked_sub(QUEUE_STANDING_MAX * 2).unwrap();
    dispatcher.roster.lock().standing_since = Some(long_ago);
    drop(first);
    let last = waiting.pop().unwrap().1.try_recv().unwrap().unwrap();
    let mut newest: Vec<_> = (0..2).map(|_| waits(&dispatcher)).collect();
    let mut newcomer = waits(&dispatcher);
    let oldest = waiting.remove(0).1.try_recv().unwrap();
    assert_eq!(oldest.unwrap_err(), DispatchError::Overloaded, "the oldest made room");
    drop(last);
    let _served = newcomer.1.try_recv().unwrap().unwrap();
    assert!(newest.iter_mut().chain(&mut waiting).all(|(_, answer)| answer.try_recv().is_err()));
    assert_eq!(dispatcher.counts(), QueueCounts { queued: 9, refused: 2, expired: 0 });
}

#[test]
fn w02_nobody_waits_for_workers_that_cannot_start() {
    let dispatcher = Dispatcher::new(RULES);
    let (_place, mut answer) = waits(&dispatcher);
    dispatcher.close(DispatchError::NoWorker);
    assert_eq!(answer.try_recv().unwrap().unwrap_err(), DispatchError::NoWorker);
    assert_eq!(dispatcher.try_acquire(None).unwrap_err(), DispatchError::NoWorker);
    dispatcher.add(&lane(&dispatcher, 1, 1));
    at_once(&dispatcher, None);
    dispatcher.close(DispatchError::NoWorker);
    at_once(&dispatcher, None);
    dispatcher.close(DispatchError::ShuttingDown);
    assert_eq!(dispatcher.try_acquire(None).unwrap_err(), DispatchError::ShuttingDown);
}

#[test]
fn a_worker_that_stays_late_gets_fewer_requests_and_recovers() {
    let dispatcher = Dispatcher::new(RULES);
    let only = lane(&dispatcher, 1, 100);
    dispatcher.add(&only);
    let tickets: Vec<_> = (0..20).map(|_| at_once(&dispatcher, None)).collect();
    only.record_loop_delay(Duration::from_millis(400));
    assert_eq!(only.limit(), 100, "once is not enough");
    only.record_loop_delay(Duration::from_millis(400));
    assert_eq!(only.limit(), 14);
    let (_place, mut answer) = waits(&dispatcher);
    for _ in 0..20 {
        only.record_loop_delay(Duration::from_millis(400));
    }
    assert_eq!(only.limit(), byway_config::limits::WORKER_CONCURRENCY_MIN);
    assert!(answer.try_recv().is_err());
    for _ in 0..6 {
        only.record_loop_delay(Duration::from_millis(1));
    }
    assert!(answer.try_recv().unwrap().is_ok());
    assert_eq!(only.limit(), 100);
    drop(tickets);
    assert_eq!(only.outstanding(), 0);
}

#[tokio::test]
async fn who_waits_for_too_long_or_leaves_is_forgotten() {
    let rules = QueueRules { wait_max: Duration::from_millis(5), ..RULES };
    let dispatcher = Dispatcher::new(rules);
    assert_eq!(dispatcher.acquire(None).await.unwrap_err(), DispatchError::NoWorker);
    dispatcher.add(&lane(&dispatcher, 1, 1));
    let ticket = dispatcher.acquire(None).await.unwrap();
    assert_eq!(dispatcher.acquire(None).await.unwrap_err(), DispatchError::Overloaded);
    assert!(poll(dispatcher.acquire(None)).is_pending(), "and dropped at once");
    assert_eq!((dispatcher.waiting(), dispatcher.counts().expired), (0, 2));
    drop(ticket);
    dispatcher.acquire(None).await.unwrap();
}

/// What may happen to a dispatcher.
#[derive(Debug, Clone)]
enum Step {
    Arrive,
    /// A ticket is used, or given back.
    Open(prop::sample::Index),
    GiveBack(prop::sample::Index),
    /// A request comes to its end.
    Finish(prop::sample::Index),
    /// Somebody who waits leaves.
    Leave(prop::sample::Index),
    AddLane,
    RemoveLane(prop::sample::Index),
    Condition(prop::sample::Index, u8),
    Die(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        5 => Just(Step::Arrive),
        4 => index().prop_map(Step::Open),
        1 => index().prop_map(Step::GiveBack),
        4 => index().prop_map(Step::Finish),
        1 => index().prop_map(Step::Leave),
        2 => Just(Step::AddLane),
        1 => index().prop_map(Step::RemoveLane),
        2 => (index(), 0..3u8).prop_map(|(at, to)| Step::Condition(at, to)),
        1 => index().prop_map(Step::Die),
    ];
    proptest::collection::vec(step, 1..120)
}

const LIMIT: usize = 3;

/// What the test knows to be true, kept beside the dispatcher.
#[derive(Default)]
struct Model<'d> {
    lanes: Vec<Arc<Lane>>,
    gone: Vec<Arc<Lane>>,
    tickets: Vec<Ticket>,
    streams: Vec<(u64, Stream)>,
    waiting: VecDeque<(usize, Place<'d>, Answer)>,
    arrived: usize,
    settled: usize,
}

impl<'d> Model<'d> {
    fn step(&mut self, dispatcher: &'d Arc<Dispatcher>, step: &Step) {
        let pick = |index: &prop::sample::Index, length: usize| {
            (length > 0).then(|| index.index(length.max(1)))
        };
        match step {
            Step::Arrive => self.arrive(dispatcher),
            Step::Open(index) => {
                if let Some(at) = pick(index, self.tickets.len()) {
                    self.open(at);
                }
            }
            Step::GiveBack(index) => {
                if let Some(at) = pick(index, self.tickets.len()) {
                    drop(self.tickets.swap_remove(at));
                    self.settled += 1;
                }
            }
            Step::Finish(index) => {
                if let Some(at) = pick(index, self.streams.len()) {
                    drop(self.streams.swap_remove(at));
                    self.settled += 1;
                }
            }
            Step::Leave(index) => {
                if let Some(at) = pick(index, self.waiting.len()) {
                    self.waiting.remove(at);
                    self.settled += 1;
                }
            }
            Step::AddLane if self.lanes.len() < 5 => {
                let id = (self.lanes.len() + self.gone.len() + 1) as u64;
                let lane = lane(dispatcher, id, LIMIT);
                dispatcher.add(&lane);
                self.lanes.push(lane);
            }
            Step::AddLane => {}
            Step::RemoveLane(index) | Step::Die(index) => {
                if let Some(at) = pick(index, self.lanes.len()) {
                    let lane = self.lanes.swap_remove(at);
                    dispatcher.remove(lane.id);
                    if matches!(step, Step::Die(_)) {
                        lane.close(DispatchError::WorkerGone, u64::MAX);
                    }
                    self.gone.push(lane);
                }
            }
            Step::Condition(index, to) => {
                if let Some(at) = pick(index, self.lanes.len()) {
                    let to = [Condition::Serving, Condition::Slow, Condition::Stuck][*to as usize];
                    self.lanes[at].set_condition(to);
                }
            }
        }
    }

    fn arrive(&mut self, dispatcher: &'d Arc<Dispatcher>) {
        self.arrived += 1;
        match dispatcher.try_acquire(None) {
            Ok(Ok(ticket)) => {
                assert!(self.waiting.is_empty(), "nobody overtakes the queue");
                self.tickets.push(ticket);
            }
            Ok(Err((place, answer))) => self.waiting.push_back((self.arrived, place, answer)),
            Err(error) => {
                assert_eq!(error, DispatchError::Overloaded);
                assert_eq!(self.waiting.len(), RULES.length_max);
                self.settled += 1;
            }
        }
    }

    fn open(&mut self, at: usize) {
        let ticket = self.tickets.swap_remove(at);
        let worker = ticket.worker();
        let is_dead = |lane: &Arc<Lane>| lane.id == worker && lane.condition() == Condition::Closed;
        if self.gone.iter().any(is_dead) {
            drop(ticket);
            self.settled += 1;
        } else {
            self.streams.push((worker, stream(ticket)));
        }
    }

    /// Takes the tickets that those who wait were given, and checks what always holds.
    fn check(&mut self, dispatcher: &Dispatcher) {
        let mut last_served = 0;
        let mut still = VecDeque::new();
        for (number, place, mut answer) in self.waiting.drain(..) {
            match answer.try_recv() {
                Ok(Ok(ticket)) => {
                    assert!(still.is_empty(), "first come, first served");
                    assert!(number > last_served);
                    last_served = number;
                    self.tickets.push(ticket);
                }
                Ok(Err(error)) => panic!("{error}"),
                Err(_) => still.push_back((number, place, answer)),
            }
        }
        self.waiting = still;
        assert_eq!(dispatcher.waiting(), self.waiting.len());
        for lane in self.lanes.iter().chain(&self.gone) {
            let tickets = self.tickets.iter().filter(|ticket| ticket.worker() == lane.id).count();
            let streams = self.streams.iter().filter(|(worker, _)| *worker == lane.id).count();
            let closed = lane.condition() == Condition::Closed;
            let held = tickets + if closed { 0 } else { streams };
            assert_eq!(lane.outstanding(), held, "worker {}", lane.id);
            assert!(held <= LIMIT);
        }
        let room = self.lanes.iter().any(|lane| lane.has_room());
        assert!(!room || self.waiting.is_empty(), "somebody waits beside a free place");
        let alive = self.tickets.len() + self.streams.len() + self.waiting.len();
        assert_eq!(self.arrived, self.settled + alive, "every request is somewhere, once");
    }
}

proptest! {
    /// W14: whatever the order in which requests come, wait, leave, run and end, and workers come,
    /// get stuck, leave and die, no place is lost or given twice, and nobody waits without need.
    #[test]
    fn w14_no_place_is_lost_or_given_twice(steps in steps()) {
        let dispatcher = Dispatcher::new(RULES);
        let mut model = Model::default();
        for step in &steps {
            model.step(&dispatcher, step);
            model.check(&dispatcher);
        }
    }
}
