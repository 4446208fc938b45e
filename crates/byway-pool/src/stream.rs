//! One request on a lane: its answer, the answer's body, and the request's body on the way to the worker.
//!
//! Dropping a [`Stream`] or an [`AnswerBody`] before the end cancels the request at the worker.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use byway_wire::{HeaderLines, ResponseHead, RouteHead, Verdict, constants as c, encode};

use crate::DispatchError;
use crate::exchange::{Exchange, First, ProxyPart, Taken};
use crate::lane::{Lane, chunk_of};

/// Why a request is no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// The client has gone.
    ClientGone,
    /// The deadline has passed.
    Deadline,
    /// The server is shutting down.
    Shutdown,
    /// After a proxy's verdict the server answers itself.
    Answered,
}

impl CancelReason {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::ClientGone => c::CANCEL_CLIENT_GONE,
            Self::Deadline => c::CANCEL_DEADLINE,
            Self::Shutdown => c::CANCEL_SHUTDOWN,
            Self::Answered => c::CANCEL_ANSWERED,
        }
    }
}

/// What both the waiting stream and the answer's body own: the right to cancel.
#[derive(Debug)]
struct Owner {
    lane: Arc<Lane>,
    exchange: Arc<Exchange>,
    id: u32,
    done: bool,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if !self.done {
            self.lane.cancel(self.id, CancelReason::ClientGone);
        }
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Stream(Owner);

/// A worker's answer.
#[derive(Debug)]
pub struct Answer {
    /// Status, reason and headers.
    pub head: Box<ResponseHead>,
    /// What the proxy has to do with it.
    pub proxy: ProxyPart,
    /// The body.
    pub body: AnswerBody,
}

/// What a worker that runs the proxy says first.
#[derive(Debug)]
pub enum Outcome {
    /// The answer: the proxy's own, or that of the route behind it.
    Answer(Answer),
    /// The proxy's verdict. The worker waits for [`Stream::route`] or [`Stream::answered`].
    Verdict(Box<Verdict>, Stream),
}

impl Stream {
    pub(crate) fn new(lane: Arc<Lane>, exchange: Arc<Exchange>, id: u32) -> Self {
        Self(Owner { lane, exchange, id, done: false })
    }

    /// Waits for the answer's head.
    pub async fn answer(self) -> Result<Answer, DispatchError> {
        match self.outcome().await? {
            Outcome::Answer(answer) => Ok(answer),
            // The exchange takes a verdict only where one is due.
            Outcome::Verdict(..) => Err(DispatchError::WorkerGone),
        }
    }

    /// Waits for the answer's head or the verdict of the proxy.
    pub async fn outcome(mut self) -> Result<Outcome, DispatchError> {
        match poll_fn(|cx| self.0.exchange.poll_first(cx)).await {
            Ok(First::Head(head, proxy)) => {
                Ok(Outcome::Answer(Answer { head, proxy, body: AnswerBody(self.0) }))
            }
            Ok(First::Verdict(verdict)) => Ok(Outcome::Verdict(verdict, self)),
            Err(error) => {
                self.0.done = true;
                Err(error)
            }
        }
    }

    /// The answer's head has to be there at about `deadline`; then it is [`DispatchError::Deadline`], and
    /// the worker is told.
    ///
    /// The lane looks at its deadlines a few times a second: a timer for each request would cost every
    /// request, and none of them is exact to the millisecond anyway.
    pub fn set_deadline(&self, deadline: Instant) {
        self.0.exchange.set_deadline(deadline);
    }

    /// The same as a time from now on.
    pub fn set_limit(&self, limit: Duration) {
        self.set_deadline(Instant::now() + limit);
    }

    /// Tells the worker where the request goes on whose verdict it has given.
    pub fn route(&self, head: &RouteHead<'_>) -> Result<(), DispatchError> {
        self.0.exchange.routed();
        let mut written = Ok(());
        self.0.lane.send(|out| written = encode::route(out, self.0.id, head));
        written.map_err(DispatchError::from)
    }

    /// Tells the worker that its part in the request is over: the server answers.
    pub fn answered(mut self) {
        self.0.done = true;
        self.0.lane.cancel(self.0.id, CancelReason::Answered);
    }
}

/// The body of an answer.
#[derive(Debug)]
pub struct AnswerBody(Owner);

impl AnswerBody {
    /// The whole body, if it came with the head; then nothing is left to poll.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        let whole = self.0.exchange.take_whole();
        self.0.done |= whole.is_some();
        whole
    }

    /// The lines that follow a body which [`AnswerBody::poll_chunk`] has come to the end of.
    pub fn take_trailers(&mut self) -> Option<Box<HeaderLines>> {
        self.0.exchange.take_trailers()
    }

    /// Whether all that arrived was taken and the rest will not come.
    pub fn is_broken(&self) -> bool {
        self.0.exchange.is_broken()
    }

    /// The next bytes; `None` after a complete body, an error when it broke off.
    pub fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, DispatchError>>> {
        match self.0.exchange.poll_body(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Taken::Chunk(data, credit)) => {
                if credit > 0 {
                    let id = self.0.id;
                    self.0.lane.send(|out| encode::response_credit(out, id, credit));
                }
                Poll::Ready(Some(Ok(data)))
            }
            Poll::Ready(Taken::End(end)) => {
                self.0.done = true;
                Poll::Ready(end.err().map(Err))
            }
        }
    }
}

/// The worker no longer reads the request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyRefused;

/// The request's body on the way to the worker. Dropping it unfinished tells the worker that it broke off.
#[derive(Debug)]
pub struct RequestBody {
    lane: Arc<Lane>,
    exchange: Arc<Exchange>,
    id: u32,
}

impl RequestBody {
    pub(crate) fn new(lane: Arc<Lane>, exchange: Arc<Exchange>, id: u32) -> Self {
        Self { lane, exchange, id }
    }

    /// Waits until the worker asks for the body, which it does not do at once where a proxy runs.
    /// `false`: it never will.
    pub async fn wanted(&self) -> bool {
        poll_fn(|cx| self.exchange.poll_wanted(cx)).await
    }

    /// Sends bytes as the worker's window allows.
    pub async fn send(&mut self, mut data: Bytes) -> Result<(), BodyRefused> {
        while !data.is_empty() {
            let wanted = data.len().min(c::CHUNK_MAX);
            let granted =
                poll_fn(|cx| self.exchange.poll_send(cx, wanted)).await.ok_or(BodyRefused)?;
            let piece = chunk_of(&mut data, granted);
            self.lane.send(|out| encode::request_chunk(out, self.id, &piece, false));
        }
        Ok(())
    }

    /// Marks the body as complete.
    pub fn finish(self) {
        if self.exchange.close_request() {
            self.lane.send(|out| encode::request_chunk(out, self.id, &[], true));
        }
    }

    /// Waits until the worker has no more use for the body.
    pub async fn refused(&self) {
        poll_fn(|cx| self.exchange.poll_request_closed(cx)).await;
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.exchange.close_request() {
            self.lane.send(|out| encode::cancel(out, self.id, c::CANCEL_BODY_BROKEN));
        }
    }
}
