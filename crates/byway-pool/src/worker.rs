//! The life of one worker: spawn, greet, serve, drain, end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use byway_config::limits::{
    DEADLINE_CHECK_INTERVAL, DRAIN_MAX, PING_INTERVAL, UNRESPONSIVE_MAX, WORKER_HELLO_MAX,
    WORKER_READY_MAX,
};
use byway_wire::{Decoder, LogLevel, WorkerFrame, constants as c, encode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};

use crate::lane::Lane;
use crate::process::{NODE_MAJOR_MIN, Process, WorkerCommand, major, too_old};
use crate::{DispatchError, StartError};

/// Frames about the connection that wait for the supervisor; the reader pauses beyond.
const EVENTS_MAX: usize = 64;

/// Where a worker is in its life. It only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// The process runs; nothing was heard of it.
    Spawned,
    /// `HELLO` came; the project's `instrumentation` may be running.
    Greeted,
    /// Requests are sent.
    Ready,
    /// No new requests; it finishes what it has and exits.
    Draining,
}

/// What the reader tells the supervisor.
enum Event {
    Frame(WorkerFrame),
    /// The socket has ended, with the reason when it was the worker's fault.
    Closed(Option<String>),
}

/// How a worker's life ended.
pub(crate) enum Ended {
    /// It was asked to.
    Drained,
    /// It died or was killed, after it had been ready.
    Died(String),
    /// It never became ready.
    NeverReady(StartError),
}

struct Supervisor<'a> {
    command: &'a WorkerCommand,
    lane: Arc<Lane>,
    process: Process,
    phase: Phase,
    since: Instant,
    last_ping: Instant,
    last_pong: Instant,
    fatal: Option<StartError>,
}

/// Runs one worker to its end. `on_ready` is called once when requests may be sent.
pub(crate) async fn run(
    command: &WorkerCommand,
    id: u64,
    stop: &mut watch::Receiver<bool>,
    on_ready: impl Fn(&Arc<Lane>),
) -> Ended {
    let (process, socket) = match Process::spawn(command) {
        Ok(started) => started,
        Err(error) => return Ended::NeverReady(error),
    };
    tracing::debug!(worker = id, pid = process.id(), "worker started");
    let lane = Lane::new(id, command.calls.clone());
    lane.send(|out| encode::config(out, &command.config));
    let (read, write) = socket.into_split();
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let reader = tokio::spawn(read_loop(Arc::clone(&lane), read, events_in));
    let writer = tokio::spawn(write_loop(Arc::clone(&lane), write));
    let now = Instant::now();
    let mut supervisor = Supervisor {
        command,
        lane,
        process,
        phase: Phase::Spawned,
        since: now,
        last_ping: now,
        last_pong: now,
        fatal: None,
    };
    let reason = supervisor.supervise(events, stop, on_ready).await;
    supervisor.lane.close(DispatchError::WorkerGone);
    reader.abort();
    writer.abort();
    supervisor.conclude(reason).await
}

impl Supervisor<'_> {
    /// Watches over the worker until it ends; says why it was ended when that was our doing.
    async fn supervise(
        &mut self,
        mut events: mpsc::Receiver<Event>,
        stop: &mut watch::Receiver<bool>,
        on_ready: impl Fn(&Arc<Lane>),
    ) -> Option<String> {
        let mut tick = tokio::time::interval(PING_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut deadlines = tokio::time::interval(DEADLINE_CHECK_INTERVAL);
        deadlines.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Frame(frame)) => {
                        if self.frame(frame, &on_ready) {
                            return None;
                        }
                    }
                    Some(Event::Closed(reason)) => {
                        if reason.is_some() {
                            self.process.kill_group();
                        }
                        return reason;
                    }
                    None => return None,
                },
                _ = tick.tick() => {
                    if let Some(reason) = self.tick() {
                        self.process.kill_group();
                        return Some(reason);
                    }
                }
                _ = deadlines.tick() => self.lane.expire(Instant::now()),
                _ = stop.wait_for(|stop| *stop), if self.phase != Phase::Draining => {
                    self.enter(Phase::Draining);
                    self.lane.send(encode::drain);
                }
                _ = self.process.wait() => return None,
            }
        }
    }

    fn enter(&mut self, phase: Phase) {
        debug_assert!(self.phase < phase, "a worker's life has one direction");
        self.phase = phase;
        self.since = Instant::now();
    }

    /// Handles a frame about the connection. `true`: the worker is finished.
    fn frame(&mut self, frame: WorkerFrame, on_ready: impl Fn(&Arc<Lane>)) -> bool {
        match frame {
            WorkerFrame::Hello { version, runtime, .. } if self.phase == Phase::Spawned => {
                if let Some(error) = self.unfit(version, &runtime) {
                    self.fatal = Some(error);
                    self.process.kill_group();
                    return true;
                }
                self.enter(Phase::Greeted);
            }
            WorkerFrame::Ready if self.phase == Phase::Greeted => {
                self.enter(Phase::Ready);
                self.last_pong = Instant::now();
                on_ready(&self.lane);
            }
            WorkerFrame::Pong { .. } => {
                self.last_pong = Instant::now();
                self.lane.record_loop_delay(self.last_ping.elapsed());
            }
            WorkerFrame::Log { level, text, .. } => self.log(level, &text),
            WorkerFrame::Fatal { text } => self.fatal = Some(StartError::Fatal(text)),
            WorkerFrame::Drained => return true,
            // What is left is a greeting at the wrong time, which tells nothing new.
            _ => tracing::debug!(worker = self.lane.id, "unexpected frame {frame:?}"),
        }
        false
    }

    fn unfit(&self, version: u16, runtime: &str) -> Option<StartError> {
        if version != c::PROTOCOL_VERSION {
            return Some(StartError::StaleBuild);
        }
        let old = major(runtime).is_some_and(|major| major < NODE_MAJOR_MIN);
        old.then(|| StartError::NodeTooOld {
            node: self.command.node.clone(),
            found: runtime.replace("node v", "Node.js v"),
            needed: NODE_MAJOR_MIN,
        })
    }

    fn log(&self, level: LogLevel, text: &str) {
        let worker = self.lane.id;
        match level {
            LogLevel::Error => tracing::error!(worker, "{text}"),
            LogLevel::Warn => tracing::warn!(worker, "{text}"),
            LogLevel::Info => tracing::info!(worker, "{text}"),
            LogLevel::Debug => tracing::debug!(worker, "{text}"),
        }
    }

    /// Checks the clocks and pings. Gives the reason to kill the worker when one has run out.
    fn tick(&mut self) -> Option<String> {
        let late = |limit: Duration, since: Instant| since.elapsed() > limit;
        match self.phase {
            Phase::Spawned if late(WORKER_HELLO_MAX, self.since) => {
                self.fatal = Some(StartError::TimedOut(WORKER_HELLO_MAX.as_secs()));
                Some("it did not report in".to_owned())
            }
            Phase::Greeted if late(WORKER_READY_MAX, self.since) => {
                self.fatal = Some(StartError::TimedOut(WORKER_READY_MAX.as_secs()));
                Some("it did not become ready".to_owned())
            }
            Phase::Ready if late(UNRESPONSIVE_MAX, self.last_pong) => {
                Some(format!("its event loop is stuck for {} s", UNRESPONSIVE_MAX.as_secs()))
            }
            Phase::Draining if late(DRAIN_MAX, self.since) => {
                Some(format!("it did not finish within {} s", DRAIN_MAX.as_secs()))
            }
            Phase::Ready => {
                // One ping at a time: the next one goes out once this one was answered.
                if self.last_pong >= self.last_ping {
                    self.last_ping = Instant::now();
                    self.lane.send(|out| encode::ping(out, 0));
                }
                None
            }
            _ => None,
        }
    }

    async fn conclude(self, reason: Option<String>) -> Ended {
        let status = self.process.finish().await;
        if let Some(error) = self.fatal {
            return Ended::NeverReady(error);
        }
        match self.phase {
            Phase::Draining => Ended::Drained,
            Phase::Ready => Ended::Died(match reason {
                Some(reason) => format!("{reason}; {status}"),
                None => status,
            }),
            Phase::Spawned | Phase::Greeted => {
                let old = too_old(self.command).await;
                Ended::NeverReady(old.unwrap_or(StartError::Died(reason.unwrap_or(status))))
            }
        }
    }
}

async fn read_loop(lane: Arc<Lane>, mut socket: OwnedReadHalf, events: mpsc::Sender<Event>) {
    let mut decoder = Decoder::new();
    let reason = loop {
        match socket.read_buf(decoder.buffer()).await {
            Ok(0) | Err(_) => break None,
            Ok(_) => {}
        }
        let reason = loop {
            match decoder.next_frame() {
                Ok(None) => break None,
                Ok(Some(frame)) => match WorkerFrame::parse(frame).and_then(|f| lane.receive(f)) {
                    Ok(None) => {}
                    Ok(Some(frame)) => {
                        if events.send(Event::Frame(frame)).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => break Some(format!("protocol error: {error}")),
                },
                Err(error) => break Some(format!("protocol error: {error}")),
            }
        };
        if reason.is_some() {
            break reason;
        }
    };
    // Open requests fail now, not when the process is reaped.
    lane.close(DispatchError::WorkerGone);
    let _ = events.send(Event::Closed(reason)).await;
}

async fn write_loop(lane: Arc<Lane>, mut socket: OwnedWriteHalf) {
    /// A buffer that grew beyond this for one burst is not kept.
    const KEPT_BYTES_MAX: usize = 256 * 1024;
    let mut spare = BytesMut::new();
    while let Some(mut data) = lane.next_write(spare).await {
        // An error here is followed by the reader's end of file, which closes the lane.
        if socket.write_all(&data).await.is_err() {
            return;
        }
        data.clear();
        spare = if data.capacity() > KEPT_BYTES_MAX { BytesMut::new() } else { data };
    }
}
