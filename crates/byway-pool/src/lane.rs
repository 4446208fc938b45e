//! The protocol connection to one worker: open streams on the way in, one write buffer on the way out.
//!
//! Frames are encoded straight into the write buffer under a lock that is held for nanoseconds; the
//! writer task takes the whole buffer at once, so what is queued while a write is in flight leaves as
//! one write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use byway_config::limits::{
    STREAMS_PER_WORKER_MAX, WORKER_BACKLOG_BYTES_MAX, WORKER_CONCURRENCY_MIN, WORKER_DELAY_MAX,
};
use byway_wire::{ProtocolError, RequestHead, WorkerFrame, constants as c, encode};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::DispatchError;
use crate::calls::WorkerCalls;
use crate::condition::Condition;
use crate::dispatcher::Dispatcher;
use crate::exchange::Exchange;
use crate::stream::{CancelReason, RequestBody, Stream};
use crate::ticket::Ticket;
use crate::unsent::Wire;

/// Handlers that go on after their deadline, beyond which a worker is replaced in any case.
const OVERRUNS_MAX: usize = 256;

/// The connection to one worker. Cheap to share; dead once the worker is.
#[derive(Debug)]
pub struct Lane {
    /// A number for logs, unique in this process.
    pub id: u64,
    /// The place in its group that the worker fills.
    pub(crate) slot: usize,
    pub(crate) state: Mutex<State>,
    /// What is on its way to the worker's socket. Locked before `state`, never after.
    pub(crate) wire: Mutex<Wire>,
    writable: Notify,
    /// Who answers what the worker asks for itself.
    calls: Option<Arc<dyn WorkerCalls>>,
    /// Streams that are open and places that were given out for more.
    pub(crate) load: AtomicUsize,
    /// The most of them at this time.
    limit: AtomicUsize,
    limit_max: usize,
    late_samples: AtomicUsize,
    condition: AtomicU8,
    answered: AtomicU64,
    /// Nanoseconds between the last ping and its answer: the delay of the worker's event loop.
    loop_delay_ns: AtomicU64,
    dispatcher: Option<Arc<Dispatcher>>,
    /// Notified when a worker that leaves has nothing left to do.
    pub(crate) idle: Notify,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) out: BytesMut,
    /// Bytes of `out` that were taken for writing since the beginning.
    pub(crate) taken: u64,
    pub(crate) streams: FxHashMap<u32, Open>,
    last_stream: u32,
    wrapped: bool,
    opened: u64,
    closed: Option<DispatchError>,
    /// Streams that were called off for their deadline and whose handlers have not finished.
    overruns: Vec<(u32, Instant)>,
}

/// A stream in the lane's table.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) exchange: Arc<Exchange>,
    /// Where its `REQUEST` frame lies in all that was ever sent to the worker.
    pub(crate) frame_start: u64,
    pub(crate) frame_end: u64,
    /// Whether that frame is the whole request, so that it can be sent elsewhere.
    pub(crate) whole: bool,
}

/// What goes into the frame that opens a stream.
#[derive(Debug, Clone)]
pub enum OpenBody<'a> {
    /// The whole body.
    Whole(&'a [u8]),
    /// The body follows.
    Follows,
}

impl Lane {
    pub(crate) fn new(
        id: u64,
        slot: usize,
        limit_max: usize,
        dispatcher: Option<Arc<Dispatcher>>,
        calls: Option<Arc<dyn WorkerCalls>>,
    ) -> Arc<Self> {
        let limit_max = limit_max.clamp(1, STREAMS_PER_WORKER_MAX);
        Arc::new(Self {
            id,
            slot,
            calls,
            state: Mutex::new(State {
                out: BytesMut::new(),
                taken: 0,
                streams: FxHashMap::default(),
                last_stream: 0,
                wrapped: false,
                opened: 0,
                closed: None,
                overruns: Vec::new(),
            }),
            wire: Mutex::default(),
            writable: Notify::new(),
            load: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit_max),
            limit_max,
            late_samples: AtomicUsize::new(0),
            condition: AtomicU8::new(Condition::Serving as u8),
            answered: AtomicU64::new(0),
            loop_delay_ns: AtomicU64::new(0),
            dispatcher,
            idle: Notify::new(),
        })
    }

    pub(crate) fn condition(&self) -> Condition {
        Condition::of(self.condition.load(Ordering::Relaxed))
    }

    /// Changes between serving, slow and stuck. A worker that leaves or is dead stays so.
    pub(crate) fn set_condition(&self, to: Condition) {
        let step =
            |now: u8| (now < Condition::Leaving as u8 && now != to as u8).then_some(to as u8);
        let changed = self.condition.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step);
        if changed.is_ok() && self.takes_requests() {
            self.serve_waiting();
        }
        if to == Condition::Leaving && self.outstanding() == 0 {
            self.idle.notify_one();
        }
    }

    /// Whether the worker takes requests, if it has room.
    pub(crate) fn takes_requests(&self) -> bool {
        matches!(self.condition(), Condition::Serving | Condition::Slow)
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.condition() == Condition::Slow
    }

    pub(crate) fn has_room(&self) -> bool {
        self.takes_requests() && self.outstanding() < self.limit.load(Ordering::Relaxed)
    }

    /// Takes a place. The caller has looked for room under the dispatcher's lock.
    pub(crate) fn reserve(lane: &Arc<Self>) -> Ticket {
        lane.load.fetch_add(1, Ordering::SeqCst);
        Ticket::new(Arc::clone(lane))
    }

    pub(crate) fn release(&self, places: usize) {
        let before = self.load.fetch_sub(places, Ordering::SeqCst);
        if before == places && self.condition() == Condition::Leaving {
            self.idle.notify_one();
        }
        self.serve_waiting();
    }

    fn serve_waiting(&self) {
        if let Some(dispatcher) = &self.dispatcher
            && dispatcher.waiting() > 0
        {
            dispatcher.serve();
        }
    }

    /// Requests in flight or about to be.
    pub(crate) fn outstanding(&self) -> usize {
        self.load.load(Ordering::SeqCst)
    }

    /// Requests that may be in flight at this time.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Requests that were sent to the worker.
    pub(crate) fn opened(&self) -> u64 {
        self.state.lock().opened
    }

    /// Answers that the worker has begun.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// The last measured delay of the worker's event loop.
    pub(crate) fn loop_delay(&self) -> Duration {
        Duration::from_nanos(self.loop_delay_ns.load(Ordering::Relaxed))
    }

    /// Takes note of the event loop's delay. A worker that stays late gets fewer requests at a time,
    /// one that is not gets more, up to its limit.
    pub(crate) fn record_loop_delay(&self, delay: Duration) {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.loop_delay_ns.store(nanos, Ordering::Relaxed);
        let limit = self.limit();
        if delay > WORKER_DELAY_MAX {
            // One late answer may be a pause of the garbage collector; two are work.
            if self.late_samples.fetch_add(1, Ordering::Relaxed) > 0 {
                let smaller = limit.min(self.outstanding()) * 7 / 10;
                let least = WORKER_CONCURRENCY_MIN.min(self.limit_max);
                self.limit.store(smaller.max(least), Ordering::Relaxed);
            }
            return;
        }
        self.late_samples.store(0, Ordering::Relaxed);
        if limit < self.limit_max {
            let larger = if delay * 3 < WORKER_DELAY_MAX { limit * 4 } else { limit * 3 / 2 + 1 };
            self.limit.store(larger.min(self.limit_max), Ordering::Relaxed);
            self.serve_waiting();
        }
    }

    /// Sends a request's head on a place that was reserved for it.
    pub(crate) fn open<'h>(
        self: &Arc<Self>,
        head: &RequestHead<'_>,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
        body: &OpenBody<'_>,
    ) -> Result<(Stream, Option<RequestBody>), DispatchError> {
        let (bytes, whole) = match body {
            OpenBody::Whole(bytes) => (*bytes, true),
            OpenBody::Follows => (&[][..], false),
        };
        let exchange = Arc::new(Exchange::new(!whole, head.proxy));
        let id = {
            let mut state = self.state.lock();
            if state.closed.is_some() {
                return Err(DispatchError::NotDelivered);
            }
            if state.out.len() >= WORKER_BACKLOG_BYTES_MAX {
                return Err(DispatchError::Overloaded);
            }
            let id = state.next_stream();
            let frame_start = state.taken + state.out.len() as u64;
            encode::request(&mut state.out, id, head, headers, bytes, whole)?;
            let frame_end = state.taken + state.out.len() as u64;
            let exchange = Arc::clone(&exchange);
            state.streams.insert(id, Open { exchange, frame_start, frame_end, whole });
            state.opened += 1;
            id
        };
        self.writable.notify_one();
        let request_body =
            (!whole).then(|| RequestBody::new(Arc::clone(self), Arc::clone(&exchange), id));
        Ok((Stream::new(Arc::clone(self), exchange, id), request_body))
    }

    /// Queues frames that `write` encodes, unless the lane is closed.
    pub(crate) fn send(&self, write: impl FnOnce(&mut BytesMut)) {
        {
            let mut state = self.state.lock();
            if state.closed.is_some() {
                return;
            }
            write(&mut state.out);
        }
        self.writable.notify_one();
    }

    /// Ends the streams whose answer is overdue.
    pub(crate) fn expire(&self, now: Instant) {
        let overdue: Vec<u32> = {
            let state = self.state.lock();
            let overdue = state.streams.iter().filter(|(_, open)| open.exchange.is_overdue(now));
            overdue.map(|(id, _)| *id).collect()
        };
        for id in overdue {
            self.cancel(id, CancelReason::Deadline);
        }
    }

    /// Since when a handler has been going on after its deadline.
    pub(crate) fn overrun_since(&self) -> Option<Instant> {
        self.state.lock().overruns.iter().map(|(_, since)| *since).min()
    }

    /// Ends every stream because the server stops or the worker has to leave.
    pub(crate) fn cancel_all(&self) {
        let open: Vec<u32> = self.state.lock().streams.keys().copied().collect();
        for id in open {
            self.cancel(id, CancelReason::Shutdown);
        }
    }

    /// Forgets a stream whose answer is no longer wanted, and tells the worker.
    pub(crate) fn cancel(&self, id: u32, reason: CancelReason) {
        let known = {
            let mut state = self.state.lock();
            let open = state.streams.remove(&id);
            if open.is_some() {
                encode::cancel(&mut state.out, id, reason.code());
                if reason == CancelReason::Deadline && state.overruns.len() < OVERRUNS_MAX {
                    state.overruns.push((id, Instant::now()));
                }
            }
            open
        };
        if let Some(open) = known {
            open.exchange.fail(match reason {
                CancelReason::Deadline => DispatchError::Deadline,
                CancelReason::Shutdown => DispatchError::ShuttingDown,
                // Nobody is left to be told.
                CancelReason::ClientGone | CancelReason::Answered => DispatchError::WorkerGone,
            });
            self.release(1);
            self.writable.notify_one();
        }
    }

    /// Tells the writer that there is something to write.
    pub(crate) fn wake_writer(&self) {
        self.writable.notify_one();
    }

    /// Waits until there is something to write and moves it to `wire`. `false` once the lane is closed.
    pub(crate) async fn next_write(&self) -> bool {
        loop {
            {
                let mut wire = self.wire.lock();
                let mut state = self.state.lock();
                if wire.take_from(&mut state) {
                    return true;
                }
                if state.closed.is_some() {
                    return false;
                }
            }
            self.writable.notified().await;
        }
    }

    /// Hands a frame to its stream. `Ok(Some(_))` gives back a frame about the connection.
    pub(crate) fn receive(
        self: &Arc<Self>,
        frame: WorkerFrame,
    ) -> Result<Option<WorkerFrame>, ProtocolError> {
        match frame {
            WorkerFrame::Response { stream, head, body, end } => {
                if let Some(exchange) = self.stream(stream, "RESPONSE", end)? {
                    let taken = exchange.head(stream, head, body, end);
                    // Only the lane's reader counts.
                    let answered = self.answered.load(Ordering::Relaxed);
                    self.answered.store(answered + 1, Ordering::Relaxed);
                    self.finish(&exchange, stream, end, taken)?;
                }
            }
            WorkerFrame::Chunk { stream, data, end } => {
                if let Some(exchange) = self.stream(stream, "CHUNK", end)? {
                    let taken = exchange.chunk(stream, data, end);
                    self.finish(&exchange, stream, end, taken)?;
                }
            }
            WorkerFrame::Trailers { stream, lines } => {
                if let Some(exchange) = self.stream(stream, "TRAILERS", true)? {
                    let taken = exchange.trailers(stream, lines);
                    self.finish(&exchange, stream, true, taken)?;
                }
            }
            WorkerFrame::Credit { stream, bytes } => {
                if let Some(exchange) = self.stream(stream, "CREDIT", false)? {
                    exchange.credit(stream, bytes)?;
                }
            }
            WorkerFrame::Verdict { stream, verdict } => {
                if let Some(exchange) = self.stream(stream, "VERDICT", false)? {
                    exchange.verdict(stream, verdict)?;
                }
            }
            WorkerFrame::AbortResponse { stream } => {
                if let Some(exchange) = self.stream(stream, "ABORT", true)? {
                    exchange.fail(DispatchError::StreamFailed);
                    self.release(1);
                }
            }
            WorkerFrame::AbortRequestBody { stream } => {
                if let Some(exchange) = self.stream(stream, "ABORT", false)? {
                    exchange.close_request();
                }
            }
            WorkerFrame::Cache(call) => {
                if let Some(calls) = &self.calls {
                    calls.call(self, call);
                }
            }
            WorkerFrame::Over { stream } => {
                self.state.lock().overruns.retain(|(id, _)| *id != stream);
            }
            other => return Ok(Some(other)),
        }
        Ok(None)
    }

    /// After the answer's end the rest of the request's body has nobody to read it. A stream that has
    /// left the table has to come to its end here, also when its last frame made no sense.
    fn finish(
        &self,
        exchange: &Exchange,
        stream: u32,
        end: bool,
        taken: Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        if end {
            if taken.is_err() {
                exchange.fail(DispatchError::WorkerGone);
            } else if exchange.close_request() {
                self.send(|out| encode::cancel(out, stream, c::CANCEL_BODY_UNUSED));
            }
            self.release(1);
        }
        taken
    }

    /// The stream of a frame. `None` for one that has ended: the worker may not know yet. Who has it
    /// removed gives its place back.
    fn stream(
        &self,
        id: u32,
        frame: &'static str,
        remove: bool,
    ) -> Result<Option<Arc<Exchange>>, ProtocolError> {
        let mut state = self.state.lock();
        let found = if remove {
            state.streams.remove(&id).map(|open| open.exchange)
        } else {
            state.streams.get(&id).map(|open| Arc::clone(&open.exchange))
        };
        if found.is_none() && (id == 0 || (id > state.last_stream && !state.wrapped)) {
            let what = "this stream was never opened";
            return Err(ProtocolError::OutOfOrder { frame, stream: id, what });
        }
        Ok(found)
    }

    /// Fails every open stream and refuses new ones. Requests that begin after the first `read` bytes
    /// of what was sent are [`DispatchError::NotDelivered`]: no handler has seen them.
    pub(crate) fn close(&self, error: DispatchError, read: u64) {
        self.condition.store(Condition::Closed as u8, Ordering::SeqCst);
        let streams = {
            let mut state = self.state.lock();
            state.closed.get_or_insert(error);
            state.out.clear();
            state.overruns.clear();
            std::mem::take(&mut state.streams)
        };
        self.wake_writer();
        if let Some(calls) = &self.calls {
            calls.gone(self.id);
        }
        for open in streams.values() {
            let unread = open.whole && open.frame_end > read;
            open.exchange.fail(if unread { DispatchError::NotDelivered } else { error });
        }
        self.release(streams.len());
    }
}

impl State {
    fn next_stream(&mut self) -> u32 {
        loop {
            self.last_stream = self.last_stream.wrapping_add(1);
            if self.last_stream == 0 {
                self.wrapped = true;
                continue;
            }
            if !self.wrapped || !self.streams.contains_key(&self.last_stream) {
                return self.last_stream;
            }
        }
    }
}

/// Bytes of a request's body, cut to what one frame may carry.
pub(crate) fn chunk_of(data: &mut Bytes, granted: usize) -> Bytes {
    data.split_to(granted.min(c::CHUNK_MAX).min(data.len()))
}
