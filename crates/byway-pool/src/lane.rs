//! The protocol connection to one worker: open streams on the way in, one write buffer on the way out.
//!
//! Frames are encoded straight into the write buffer under a lock that is held for nanoseconds; the
//! writer task takes the whole buffer at once, so what is queued while a write is in flight leaves as
//! one write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use byway_config::limits::{STREAMS_PER_WORKER_MAX, WORKER_BACKLOG_BYTES_MAX};
use byway_wire::{ProtocolError, RequestHead, WorkerFrame, constants as c, encode};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::DispatchError;
use crate::calls::WorkerCalls;
use crate::exchange::Exchange;
use crate::stream::{CancelReason, RequestBody, Stream};

/// The connection to one worker. Cheap to share; dead once the worker is.
#[derive(Debug)]
pub struct Lane {
    /// A number for logs, unique in this process.
    pub id: u64,
    state: Mutex<State>,
    writable: Notify,
    outstanding: AtomicUsize,
    open: AtomicBool,
    /// Who answers what the worker asks for itself.
    calls: Option<Arc<dyn WorkerCalls>>,
    /// Nanoseconds between the last ping and its answer: the delay of the worker's event loop.
    loop_delay_ns: AtomicU64,
}

#[derive(Debug)]
struct State {
    out: BytesMut,
    streams: FxHashMap<u32, Arc<Exchange>>,
    last_stream: u32,
    wrapped: bool,
    closed: Option<DispatchError>,
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
    pub(crate) fn new(id: u64, calls: Option<Arc<dyn WorkerCalls>>) -> Arc<Self> {
        Arc::new(Self {
            id,
            calls,
            state: Mutex::new(State {
                out: BytesMut::new(),
                streams: FxHashMap::default(),
                last_stream: 0,
                wrapped: false,
                closed: None,
            }),
            writable: Notify::new(),
            outstanding: AtomicUsize::new(0),
            open: AtomicBool::new(true),
            loop_delay_ns: AtomicU64::new(0),
        })
    }

    /// Whether the worker lives. A dead one is not chosen, though its process may not be reaped yet.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Requests in flight.
    pub fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// The last measured delay of the worker's event loop.
    pub fn loop_delay(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.loop_delay_ns.load(Ordering::Relaxed))
    }

    pub(crate) fn record_loop_delay(&self, delay: std::time::Duration) {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.loop_delay_ns.store(nanos, Ordering::Relaxed);
    }

    /// Sends a request's head. The second part feeds its body, `None` where the head carries it whole.
    pub fn open<'h>(
        self: &Arc<Self>,
        head: &RequestHead<'_>,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
        body: &OpenBody<'_>,
    ) -> Result<(Stream, Option<RequestBody>), DispatchError> {
        let (bytes, end) = match body {
            OpenBody::Whole(bytes) => (*bytes, true),
            OpenBody::Follows => (&[][..], false),
        };
        let exchange = Arc::new(Exchange::new(!end, head.proxy));
        let id = {
            let mut state = self.state.lock();
            if let Some(error) = state.closed {
                return Err(error);
            }
            if state.streams.len() >= STREAMS_PER_WORKER_MAX
                || state.out.len() >= WORKER_BACKLOG_BYTES_MAX
            {
                return Err(DispatchError::Overloaded);
            }
            let id = state.next_stream();
            encode::request(&mut state.out, id, head, headers, bytes, end)?;
            state.streams.insert(id, Arc::clone(&exchange));
            self.outstanding.store(state.streams.len(), Ordering::Relaxed);
            id
        };
        self.writable.notify_one();
        let request_body =
            (!end).then(|| RequestBody::new(Arc::clone(self), Arc::clone(&exchange), id));
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
            let overdue = state.streams.iter().filter(|(_, exchange)| exchange.is_overdue(now));
            overdue.map(|(id, _)| *id).collect()
        };
        for id in overdue {
            self.cancel(id, CancelReason::Deadline);
        }
    }

    /// Forgets a stream whose answer is no longer wanted, and tells the worker.
    pub(crate) fn cancel(&self, id: u32, reason: CancelReason) {
        let known = {
            let mut state = self.state.lock();
            let exchange = state.streams.remove(&id);
            self.outstanding.store(state.streams.len(), Ordering::Relaxed);
            if exchange.is_some() {
                encode::cancel(&mut state.out, id, reason.code());
            }
            exchange
        };
        if let Some(exchange) = known {
            exchange.fail(match reason {
                CancelReason::Deadline => DispatchError::Deadline,
                CancelReason::Shutdown => DispatchError::ShuttingDown,
                // Nobody is left to be told.
                CancelReason::ClientGone | CancelReason::Answered => DispatchError::WorkerGone,
            });
            self.writable.notify_one();
        }
    }

    /// Waits until there is something to write and takes it. `None` once the lane is closed and empty.
    pub(crate) async fn next_write(&self, empty: BytesMut) -> Option<BytesMut> {
        let mut spare = Some(empty);
        loop {
            {
                let mut state = self.state.lock();
                if !state.out.is_empty() {
                    let spare = spare.take().unwrap_or_default();
                    return Some(std::mem::replace(&mut state.out, spare));
                }
                if state.closed.is_some() {
                    return None;
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
                    exchange.head(stream, head, body, end)?;
                    self.finish(&exchange, stream, end);
                }
            }
            WorkerFrame::Chunk { stream, data, end } => {
                if let Some(exchange) = self.stream(stream, "CHUNK", end)? {
                    exchange.chunk(stream, data, end)?;
                    self.finish(&exchange, stream, end);
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
            other => return Ok(Some(other)),
        }
        Ok(None)
    }

    /// After the answer's end the rest of the request's body has nobody to read it.
    fn finish(&self, exchange: &Exchange, stream: u32, end: bool) {
        if end && exchange.close_request() {
            self.send(|out| encode::cancel(out, stream, c::CANCEL_BODY_UNUSED));
        }
    }

    /// The stream of a frame. `None` for one that has ended: the worker may not know yet.
    fn stream(
        &self,
        id: u32,
        frame: &'static str,
        remove: bool,
    ) -> Result<Option<Arc<Exchange>>, ProtocolError> {
        let mut state = self.state.lock();
        let found = if remove {
            let found = state.streams.remove(&id);
            self.outstanding.store(state.streams.len(), Ordering::Relaxed);
            found
        } else {
            state.streams.get(&id).map(Arc::clone)
        };
        if found.is_none() && (id == 0 || (id > state.last_stream && !state.wrapped)) {
            let what = "this stream was never opened";
            return Err(ProtocolError::OutOfOrder { frame, stream: id, what });
        }
        Ok(found)
    }

    /// Fails every open stream and refuses new ones.
    pub(crate) fn close(&self, error: DispatchError) {
        let streams = {
            let mut state = self.state.lock();
            state.closed.get_or_insert(error);
            self.open.store(false, Ordering::Relaxed);
            state.out.clear();
            self.outstanding.store(0, Ordering::Relaxed);
            std::mem::take(&mut state.streams)
        };
        self.writable.notify_one();
        if let Some(calls) = &self.calls {
            calls.gone(self.id);
        }
        for exchange in streams.values() {
            exchange.fail(error);
        }
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
