//! The life of one worker: spawn, greet, serve, drain, end.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use byway_config::limits::{
    DRAIN_MAX, PING_INTERVAL, SLOW_AFTER, SPARE_AFTER, WORKER_CHECK_INTERVAL, WORKER_DELAY_MAX,
    WORKER_HELLO_MAX, WORKER_READY_MAX, WORKER_REVIEW_INTERVAL,
};
use byway_wire::{LogLevel, WorkerFrame, constants as c, encode};
use tokio::sync::{mpsc, watch};

use crate::condition::Condition;
use crate::kind::Kind;
use crate::lane::Lane;
use crate::last_words::Output;
use crate::orders::{Ended, Notice, Order};
use crate::process::{NODE_MAJOR_MIN, Process, Spawned, major, too_old};
use crate::reload::Reloaded;
use crate::review::{self, Retirement};
use crate::status::Record;
use crate::traffic::{Event, read_loop, write_loop};
use crate::{DispatchError, StartError};

/// Frames about the connection that wait for the supervisor; the reader pauses beyond.
const EVENTS_MAX: usize = 64;
/// How long the last answers of a dead worker may take to arrive from its socket.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// Where a worker is in its life. It only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// The process runs; nothing was heard of it.
    Spawned,
    /// `HELLO` came; the project's `instrumentation` may be running.
    Greeted,
    /// Requests are sent.
    Ready,
    /// No new requests; those that it has go on.
    Leaving,
    /// It has no requests; `after()` work may be running. Then it exits.
    Draining,
}

/// Why byway ends a worker.
struct Verdict {
    reason: String,
    /// One word for it, for counting.
    name: &'static str,
    error: DispatchError,
}

struct Supervisor<'a> {
    kind: &'a Kind,
    lane: Arc<Lane>,
    record: Arc<Record>,
    notices: mpsc::Sender<(u64, Notice)>,
    process: Process,
    theirs: OwnedFd,
    phase: Phase,
    since: Instant,
    drain_max: Duration,
    last_ping: Instant,
    /// Whether the last ping was answered.
    answered: bool,
    told_late: bool,
    told_retire: bool,
    last_look: Instant,
    last_review: Instant,
    fatal: Option<StartError>,
    output: Output,
}

/// Runs one worker to its end.
pub(crate) async fn run(
    kind: Arc<Kind>,
    id: u64,
    slot: usize,
    mut orders: watch::Receiver<Order>,
    notices: mpsc::Sender<(u64, Notice)>,
) -> Ended {
    let prepared = kind.prepared.lock().take();
    let spawn = || Process::spawn(&kind.command, kind.console.is_some());
    let spawned = match prepared.map_or_else(spawn, Ok) {
        Ok(spawned) => spawned,
        Err(error) => return Ended::NeverReady(error),
    };
    let Spawned { process, socket, theirs, stdout, stderr } = spawned;
    let pid = process.id().unwrap_or_default();
    tracing::debug!(worker = id, pid, "worker started");
    let dispatcher = Some(Arc::clone(&kind.dispatcher));
    let lane = Lane::new(id, slot, kind.rules.concurrency, dispatcher, kind.command.calls.clone());
    let record = Arc::new(Record::new(Arc::clone(&lane), pid));
    {
        // Whoever reloads finds the worker in the ledger, or has changed what it is told before.
        let config = kind.config.lock();
        lane.send(|out| encode::config(out, &config));
        kind.ledger.enter(&record);
    }
    let output = Output::follow(id, stdout, stderr, kind.console.as_ref());
    let (read, write) = socket.into_split();
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let reader = tokio::spawn(read_loop(Arc::clone(&lane), read, events_in));
    let writer = tokio::spawn(write_loop(Arc::clone(&lane), write));
    let now = Instant::now();
    let supervisor = Supervisor {
        kind: &kind,
        lane,
        record,
        notices,
        process,
        theirs,
        phase: Phase::Spawned,
        since: now,
        drain_max: DRAIN_MAX,
        last_ping: now,
        answered: true,
        told_late: false,
        told_retire: false,
        last_look: now,
        last_review: now,
        fatal: None,
        output,
    };
    let ended = supervisor.live(events, &mut orders).await;
    kind.ledger.leave(id);
    reader.abort();
    writer.abort();
    ended
}

impl Supervisor<'_> {
    async fn live(
        mut self,
        mut events: mpsc::Receiver<Event>,
        orders: &mut watch::Receiver<Order>,
    ) -> Ended {
        let verdict = self.supervise(&mut events, orders).await;
        self.kind.dispatcher.remove(self.lane.id);
        if verdict.is_some() {
            self.process.kill_group();
        }
        self.conclude(verdict, events).await
    }

    /// Watches over the worker until it ends; says why when it is byway that ends it.
    async fn supervise(
        &mut self,
        events: &mut mpsc::Receiver<Event>,
        orders: &mut watch::Receiver<Order>,
    ) -> Option<Verdict> {
        let lane = Arc::clone(&self.lane);
        let mut checks = tokio::time::interval(WORKER_CHECK_INTERVAL);
        checks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // What has arrived counts before the clock does.
                biased;
                event = events.recv() => match event {
                    Some(Event::Frame(frame)) => match self.frame(frame) {
                        Ok(false) => {}
                        Ok(true) => return None,
                        Err(verdict) => return Some(verdict),
                    },
                    Some(Event::Closed(Some(reason))) => {
                        let error = DispatchError::WorkerGone;
                        return Some(Verdict { reason, name: "protocol", error });
                    }
                    Some(Event::Closed(None)) | None => return None,
                },
                _ = self.process.wait() => return None,
                Ok(()) = orders.changed() => {
                    let order = *orders.borrow_and_update();
                    if let Some(verdict) = self.obey(order) {
                        return Some(verdict);
                    }
                }
                () = lane.idle.notified(), if self.phase == Phase::Leaving => self.say_drain(),
                _ = checks.tick() => {
                    if let Some(verdict) = self.check().await {
                        return Some(verdict);
                    }
                }
            }
        }
    }

    fn enter(&mut self, phase: Phase) {
        debug_assert!(self.phase < phase, "a worker's life has one direction");
        self.phase = phase;
        self.since = Instant::now();
    }

    fn tell(&self, notice: Notice) {
        // The slot has room for every notice of its few workers, unless it is gone.
        let _ = self.notices.try_send((self.lane.id, notice));
    }

    fn obey(&mut self, order: Order) -> Option<Verdict> {
        match order {
            Order::Serve => None,
            Order::Kill => {
                let reason = "it is not needed any more".to_owned();
                Some(Verdict { reason, name: "unneeded", error: DispatchError::ShuttingDown })
            }
            // Nobody waits for it, and it does not listen.
            Order::Drain(_) if self.is_lost() => self.obey(Order::Kill),
            Order::Drain(limit) if self.phase == Phase::Ready => {
                self.drain_max = limit;
                self.kind.dispatcher.remove(self.lane.id);
                self.record.set_draining();
                self.enter(Phase::Leaving);
                self.lane.set_condition(Condition::Leaving);
                None
            }
            // It has no requests, so there is nothing to finish.
            Order::Drain(_) if self.phase < Phase::Ready => self.obey(Order::Kill),
            Order::Drain(limit) => {
                self.drain_max = self.drain_max.min(limit);
                None
            }
        }
    }

    /// Whether its event loop is stuck and no request is in flight on it.
    fn is_lost(&self) -> bool {
        self.lane.condition() == Condition::Stuck && self.lane.outstanding() == 0
    }

    fn say_drain(&mut self) {
        if self.lane.outstanding() == 0 {
            self.enter(Phase::Draining);
            self.lane.send(encode::drain);
        }
    }

    /// Handles a frame about the connection. `true`: the worker is finished.
    fn frame(&mut self, frame: WorkerFrame) -> Result<bool, Verdict> {
        match frame {
            WorkerFrame::Hello { version, runtime, .. } if self.phase == Phase::Spawned => {
                if let Some(error) = self.unfit(version, &runtime) {
                    let reason = error.to_string();
                    self.fatal = Some(error);
                    let error = DispatchError::WorkerGone;
                    return Err(Verdict { reason, name: "start", error });
                }
                self.enter(Phase::Greeted);
            }
            WorkerFrame::Ready if self.phase == Phase::Greeted => {
                self.enter(Phase::Ready);
                self.record.set_ready();
                self.output.forget();
                self.tell(Notice::Ready(Arc::clone(&self.lane)));
            }
            WorkerFrame::Loaded if self.phase == Phase::Ready => self.tell(Notice::Loaded),
            WorkerFrame::Pong { .. } => self.pong(),
            WorkerFrame::Reloaded { number, failure } => {
                self.record.reloaded.send_replace(Reloaded::Done(number, failure));
            }
            WorkerFrame::Retire { text } => self.retire(Retirement::Asked(text)),
            WorkerFrame::Log { stream, level, text } => self.log(stream, level, &text),
            WorkerFrame::Fatal { text } => self.fatal = Some(StartError::Fatal(text)),
            WorkerFrame::Drained => return Ok(true),
            // What is left is a greeting at the wrong time, which tells nothing new.
            _ => tracing::debug!(worker = self.lane.id, "unexpected frame {frame:?}"),
        }
        Ok(false)
    }

    fn unfit(&self, version: u16, runtime: &str) -> Option<StartError> {
        if version != c::PROTOCOL_VERSION {
            return Some(StartError::StaleBuild);
        }
        let old = major(runtime).is_some_and(|major| major < NODE_MAJOR_MIN);
        old.then(|| StartError::NodeTooOld {
            node: self.kind.command.node.clone(),
            found: runtime.replace("node v", "Node.js v"),
            needed: NODE_MAJOR_MIN,
        })
    }

    fn log(&self, stream: u32, level: LogLevel, text: &str) {
        let worker = self.lane.id;
        // Stream 0 is about no request.
        let request = (stream > 0).then_some(stream);
        match level {
            LogLevel::Error => tracing::error!(worker, request, "{text}"),
            LogLevel::Warn => tracing::warn!(worker, request, "{text}"),
            LogLevel::Info => tracing::info!(worker, request, "{text}"),
            LogLevel::Debug => tracing::debug!(worker, request, "{text}"),
        }
    }

    fn pong(&mut self) {
        self.answered = true;
        self.lane.record_loop_delay(self.last_ping.elapsed());
        if self.lane.condition() == Condition::Stuck {
            tracing::info!(worker = self.lane.id, "worker responds again");
        }
        self.lane.set_condition(Condition::Serving);
        if std::mem::take(&mut self.told_late) {
            self.tell(Notice::Recovered);
        }
    }

    fn retire(&mut self, why: Retirement) {
        if self.phase == Phase::Ready && !std::mem::replace(&mut self.told_retire, true) {
            self.tell(Notice::Retire(why));
        }
    }

    /// Looks at the clocks. Gives a verdict when one has run out.
    async fn check(&mut self) -> Option<Verdict> {
        let now = Instant::now();
        self.lane.expire(now);
        // When byway itself did not get to run, that is not the worker's silence.
        let held_up = now.duration_since(self.last_look).saturating_sub(WORKER_CHECK_INTERVAL * 2);
        self.last_ping += held_up;
        self.last_look = now;
        let late = |limit: Duration, since: Instant| since.elapsed() > limit;
        match self.phase {
            Phase::Spawned if late(WORKER_HELLO_MAX, self.since) => {
                Some(self.too_late(WORKER_HELLO_MAX, "it did not report in"))
            }
            Phase::Greeted if late(WORKER_READY_MAX, self.since) => {
                Some(self.too_late(WORKER_READY_MAX, "it did not become ready"))
            }
            Phase::Leaving if late(self.drain_max, self.since) => {
                self.lane.cancel_all();
                self.enter(Phase::Draining);
                self.lane.send(encode::drain);
                None
            }
            Phase::Draining if late(DRAIN_MAX, self.since) => Some(Verdict {
                reason: format!("it did not finish within {} s", DRAIN_MAX.as_secs()),
                name: "drain",
                error: DispatchError::ShuttingDown,
            }),
            Phase::Ready | Phase::Leaving => {
                if now.duration_since(self.last_review) >= WORKER_REVIEW_INTERVAL {
                    self.last_review = now;
                    if let Some(verdict) = self.review() {
                        return Some(verdict);
                    }
                }
                self.listen().await
            }
            _ => None,
        }
    }

    fn too_late(&mut self, limit: Duration, what: &str) -> Verdict {
        self.fatal = Some(StartError::TimedOut(limit.as_secs()));
        let error = DispatchError::WorkerGone;
        Verdict { reason: what.to_owned(), name: "start", error }
    }

    /// Memory, age, number of requests, handlers that do not stop.
    fn review(&mut self) -> Option<Verdict> {
        let bytes = crate::process::resident_bytes(self.record.pid).unwrap_or(0);
        self.record.memory_bytes.store(bytes, Ordering::Relaxed);
        if review::must_die(&self.kind.rules, bytes) {
            let reason = format!("it uses {} MB of memory", bytes / 1_000_000);
            let error = DispatchError::WorkerGone;
            return Some(Verdict { reason, name: "max_memory", error });
        }
        let overrun = self.lane.overrun_since().map(|since| since.elapsed());
        let found = review::Found {
            memory_bytes: bytes,
            age: self.since.elapsed(),
            requests: self.lane.opened(),
            overrun,
        };
        if let Some(why) = review::retirement(&self.kind.rules, &found) {
            self.retire(why);
        }
        None
    }

    /// Pings, and judges how long the last ping has been without an answer.
    async fn listen(&mut self) -> Option<Verdict> {
        let silent = self.last_ping.elapsed();
        if self.answered {
            let busy =
                self.lane.outstanding() > 0 || self.lane.limit() < self.kind.rules.concurrency;
            if busy || silent >= PING_INTERVAL {
                self.answered = false;
                self.last_ping = Instant::now();
                self.lane.send(|out| encode::ping(out, 0));
            }
            return None;
        }
        let rules = &self.kind.rules;
        if silent > rules.unresponsive_after {
            let reason = format!("its event loop is stuck for {} s", silent.as_secs());
            let error = DispatchError::WorkerStuck;
            return Some(Verdict { reason, name: "stuck", error });
        }
        if silent > WORKER_DELAY_MAX {
            self.lane.record_loop_delay(silent);
        }
        if silent > rules.stuck_after {
            if self.lane.condition() != Condition::Stuck {
                self.get_stuck().await;
            }
        } else if silent > SLOW_AFTER {
            self.lane.set_condition(Condition::Slow);
        }
        // A spare worker is started for somebody, not for a loop that is merely busy.
        let needed = self.lane.outstanding() > 0 || self.kind.dispatcher.waiting() > 0;
        if needed && silent > SPARE_AFTER.min(rules.stuck_after) && !self.told_late {
            self.told_late = true;
            self.tell(Notice::Late);
        }
        None
    }

    /// Sends no more to the worker and takes back what it has not read.
    async fn get_stuck(&mut self) {
        self.lane.set_condition(Condition::Stuck);
        self.tell(Notice::Stuck);
        let mut recalled = 0;
        if self.process.stop().await {
            recalled = self.lane.recall(&self.theirs);
            self.process.resume();
        }
        self.kind.ledger.recalled.fetch_add(recalled as u64, Ordering::Relaxed);
        tracing::warn!(
            worker = self.lane.id,
            in_flight = self.lane.outstanding(),
            taken_back = recalled,
            "worker does not respond: its event loop is blocked"
        );
    }

    /// Waits for the process and its last frames, then fails what is still open.
    async fn conclude(mut self, verdict: Option<Verdict>, events: mpsc::Receiver<Event>) -> Ended {
        let process = self.process;
        let status = {
            let mut events = events;
            let mut drained = true;
            let mut finish = std::pin::pin!(process.finish());
            let status = loop {
                tokio::select! {
                    status = &mut finish => break status,
                    event = events.recv(), if drained => match event {
                        Some(Event::Frame(WorkerFrame::Fatal { text })) => {
                            self.fatal = Some(StartError::Fatal(text));
                        }
                        Some(Event::Frame(_)) => {}
                        Some(Event::Closed(_)) | None => drained = false,
                    },
                }
            };
            // With this descriptor goes the last one of the worker's end: the reader comes to an end.
            let read = self.lane.wire.lock().read_position(&self.theirs);
            drop(self.theirs);
            let last_words = async {
                while let Some(event) = events.recv().await {
                    match event {
                        Event::Frame(WorkerFrame::Fatal { text }) => {
                            self.fatal = Some(StartError::Fatal(text));
                        }
                        Event::Frame(_) => {}
                        Event::Closed(_) => return,
                    }
                }
            };
            if drained {
                let _ = tokio::time::timeout(LAST_WORDS_MAX, last_words).await;
            }
            let error = verdict.as_ref().map_or(DispatchError::WorkerGone, |verdict| verdict.error);
            self.lane.close(error, read);
            status
        };
        if let Some(error) = self.fatal {
            return Ended::NeverReady(error);
        }
        let name = verdict.as_ref().map_or("crash", |verdict| verdict.name);
        let reason = verdict.map(|verdict| verdict.reason);
        match self.phase {
            Phase::Draining | Phase::Leaving => Ended::Drained,
            Phase::Ready => Ended::Died {
                reason: reason.map_or(status.clone(), |reason| format!("{reason}; {status}")),
                name,
                useful: self.lane.answered() > 0,
            },
            Phase::Spawned | Phase::Greeted => {
                let old = too_old(&self.kind.command).await;
                let how = reason.unwrap_or(status);
                let words = self.output.reason(LAST_WORDS_MAX).await;
                let died = StartError::Died { how, words };
                Ended::NeverReady(old.unwrap_or(died))
            }
        }
    }
}
