//! The state of one request between the lane's reader and whoever waits for the answer.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use byway_wire::constants::WINDOW_INITIAL;
use byway_wire::{ProtocolError, ResponseHead};
use parking_lot::Mutex;

use crate::DispatchError;

/// One request in flight. The lane's reader fills it, the stream's owner empties it.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    head: Head,
    /// The body bytes that came inside the head; they are outside the window.
    head_body: Option<Bytes>,
    chunks: VecDeque<Bytes>,
    /// Bytes that the worker may still send before it needs credit.
    receive_window: usize,
    /// Bytes taken by the owner that no credit has been given for yet.
    uncredited: usize,
    answer_end: Option<Result<(), DispatchError>>,
    reader: Option<Waker>,
    /// Bytes of the request's body that may still be sent.
    send_window: usize,
    /// Set once no more of the request's body is wanted, or all of it was sent.
    request_closed: bool,
    writer: Option<Waker>,
    /// When the answer's head has to be there.
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum Head {
    Waiting,
    Arrived(Box<ResponseHead>),
    Taken,
}

impl Default for State {
    fn default() -> Self {
        Self {
            head: Head::Waiting,
            head_body: None,
            chunks: VecDeque::new(),
            receive_window: WINDOW_INITIAL,
            uncredited: 0,
            answer_end: None,
            reader: None,
            send_window: WINDOW_INITIAL,
            request_closed: false,
            writer: None,
            deadline: None,
        }
    }
}

/// What the owner of an answer's body gets next.
pub(crate) enum Taken {
    /// Bytes, and the credit to give the worker, 0 for none yet.
    Chunk(Bytes, u32),
    /// The body ended, well or not.
    End(Result<(), DispatchError>),
}

impl Exchange {
    /// For a request whose body is already complete.
    pub(crate) fn without_request_body() -> Self {
        let exchange = Self::default();
        exchange.state.lock().request_closed = true;
        exchange
    }

    /// The answer's head has to be there by then.
    pub(crate) fn set_deadline(&self, deadline: Instant) {
        self.state.lock().deadline = Some(deadline);
    }

    /// Whether the answer's head should have been there by now.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let state = self.state.lock();
        matches!(state.head, Head::Waiting)
            && state.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// The answer's head has arrived.
    pub(crate) fn head(
        &self,
        stream: u32,
        head: ResponseHead,
        body: Bytes,
        end: bool,
    ) -> Result<(), ProtocolError> {
        let mut state = self.state.lock();
        if !matches!(state.head, Head::Waiting) {
            let what = "the stream already has an answer";
            return Err(ProtocolError::OutOfOrder { frame: "RESPONSE", stream, what });
        }
        state.head = Head::Arrived(Box::new(head));
        state.head_body = (!body.is_empty()).then_some(body);
        if end {
            state.answer_end = Some(Ok(()));
        }
        wake(&mut state.reader);
        Ok(())
    }

    /// More of the answer's body has arrived.
    pub(crate) fn chunk(&self, stream: u32, data: Bytes, end: bool) -> Result<(), ProtocolError> {
        let mut state = self.state.lock();
        let out_of_order = |what| Err(ProtocolError::OutOfOrder { frame: "CHUNK", stream, what });
        if matches!(state.head, Head::Waiting) {
            return out_of_order("it comes before the answer's head");
        }
        if data.len() > state.receive_window {
            return out_of_order("it exceeds the window");
        }
        state.receive_window -= data.len();
        if !data.is_empty() {
            state.chunks.push_back(data);
        }
        if end {
            state.answer_end = Some(Ok(()));
        }
        wake(&mut state.reader);
        Ok(())
    }

    /// Nothing more will arrive.
    pub(crate) fn fail(&self, error: DispatchError) {
        let mut state = self.state.lock();
        if state.answer_end.is_none() {
            state.answer_end = Some(Err(error));
        }
        state.request_closed = true;
        wake(&mut state.reader);
        wake(&mut state.writer);
    }

    /// The worker widened the window of the request's body.
    pub(crate) fn credit(&self, stream: u32, bytes: u32) -> Result<(), ProtocolError> {
        let mut state = self.state.lock();
        state.send_window += bytes as usize;
        if state.send_window > WINDOW_INITIAL {
            let what = "it widens the window beyond its size";
            return Err(ProtocolError::OutOfOrder { frame: "CREDIT", stream, what });
        }
        wake(&mut state.writer);
        Ok(())
    }

    /// No more of the request's body is wanted. Says whether some was still to come.
    pub(crate) fn close_request(&self) -> bool {
        let mut state = self.state.lock();
        wake(&mut state.writer);
        !std::mem::replace(&mut state.request_closed, true)
    }

    /// The head, once it is there.
    pub(crate) fn poll_head(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Box<ResponseHead>, DispatchError>> {
        let mut state = self.state.lock();
        if matches!(state.head, Head::Arrived(_)) {
            let Head::Arrived(head) = std::mem::replace(&mut state.head, Head::Taken) else {
                unreachable!("matched just above");
            };
            return Poll::Ready(Ok(head));
        }
        if let Some(Err(error)) = state.answer_end {
            return Poll::Ready(Err(error));
        }
        remember(&mut state.reader, cx);
        Poll::Pending
    }

    /// The next piece of the answer's body.
    pub(crate) fn poll_body(&self, cx: &mut Context<'_>) -> Poll<Taken> {
        let mut state = self.state.lock();
        if let Some(data) = state.head_body.take() {
            return Poll::Ready(Taken::Chunk(data, 0));
        }
        if let Some(data) = state.chunks.pop_front() {
            let credit = state.credit_for(data.len());
            return Poll::Ready(Taken::Chunk(data, credit));
        }
        if let Some(end) = state.answer_end {
            return Poll::Ready(Taken::End(end));
        }
        remember(&mut state.reader, cx);
        Poll::Pending
    }

    /// Whether the answer broke off and nothing of it is left to take.
    pub(crate) fn is_broken(&self) -> bool {
        let state = self.state.lock();
        let taken = state.head_body.is_none() && state.chunks.is_empty();
        taken && matches!(state.answer_end, Some(Err(_)))
    }

    /// The whole body, if it came inside the head.
    pub(crate) fn take_whole(&self) -> Option<Bytes> {
        let mut state = self.state.lock();
        let complete = state.answer_end == Some(Ok(())) && state.chunks.is_empty();
        complete.then(|| state.head_body.take().unwrap_or_default())
    }

    /// Waits until no more of the request's body is wanted.
    pub(crate) fn poll_request_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.request_closed {
            return Poll::Ready(());
        }
        remember(&mut state.writer, cx);
        Poll::Pending
    }

    /// Waits for room and takes up to `wanted` bytes of the request's window. `None`: no longer wanted.
    pub(crate) fn poll_send(&self, cx: &mut Context<'_>, wanted: usize) -> Poll<Option<usize>> {
        let mut state = self.state.lock();
        if state.request_closed {
            return Poll::Ready(None);
        }
        if state.send_window == 0 {
            remember(&mut state.writer, cx);
            return Poll::Pending;
        }
        let granted = wanted.min(state.send_window);
        state.send_window -= granted;
        Poll::Ready(Some(granted))
    }
}

impl State {
    /// Counts bytes that the owner took; gives credit in steps of half a window.
    fn credit_for(&mut self, taken: usize) -> u32 {
        self.uncredited += taken;
        if self.uncredited < WINDOW_INITIAL / 2 || self.answer_end.is_some() {
            return 0;
        }
        let credit = std::mem::take(&mut self.uncredited);
        self.receive_window += credit;
        credit as u32
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

fn remember(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}
