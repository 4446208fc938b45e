//! The state of one request between the lane's reader and whoever waits for the answer.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use byway_wire::constants::WINDOW_INITIAL;
use byway_wire::{HeaderLines, ProtocolError, ResponseHead, Verdict, VerdictAction};
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
    /// Whether the proxy runs and has decided nothing yet.
    verdict_due: bool,
    /// What a proxy has said about the answer.
    part: ProxyPart,
    /// The body bytes that came inside the head; they are outside the window.
    head_body: Option<Bytes>,
    chunks: VecDeque<Bytes>,
    /// Bytes that the worker may still send before it needs credit.
    receive_window: usize,
    /// Bytes taken by the owner that no credit has been given for yet.
    uncredited: usize,
    answer_end: Option<Result<(), DispatchError>>,
    /// The lines behind the body.
    trailers: Option<Box<HeaderLines>>,
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
    /// The proxy's verdict has come instead; the answer follows once the worker knows the route.
    Verdict(Box<Verdict>),
    /// The verdict was taken; the worker waits.
    Parked,
    Arrived(Box<ResponseHead>),
    Taken,
}

impl Default for State {
    fn default() -> Self {
        Self {
            head: Head::Waiting,
            verdict_due: false,
            part: ProxyPart::None,
            head_body: None,
            chunks: VecDeque::new(),
            receive_window: WINDOW_INITIAL,
            uncredited: 0,
            answer_end: None,
            trailers: None,
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

/// What a proxy that ran before a route has to do with the answer.
#[derive(Debug, Default)]
pub enum ProxyPart {
    /// Nothing: there is none, or it let the request pass.
    #[default]
    None,
    /// It let the request pass and adds these headers.
    Headers(HeaderLines),
    /// The answer is the proxy's own.
    Own,
}

/// What a worker has to say first.
pub(crate) enum First {
    /// The answer's head, and the proxy's part in it.
    Head(Box<ResponseHead>, ProxyPart),
    /// The proxy's verdict.
    Verdict(Box<Verdict>),
}

impl Exchange {
    /// `has_body` says that the request's body follows, `proxied` that the proxy runs first: then no byte
    /// of the body is sent before the worker asks for it, so that it can still go somewhere else.
    pub(crate) fn new(has_body: bool, proxied: bool) -> Self {
        let mut exchange = Self::default();
        let state = exchange.state.get_mut();
        state.request_closed = !has_body;
        state.verdict_due = proxied;
        if proxied {
            state.send_window = 0;
        }
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

    /// The proxy's verdict has arrived.
    pub(crate) fn verdict(&self, stream: u32, verdict: Box<Verdict>) -> Result<(), ProtocolError> {
        let mut state = self.state.lock();
        if !state.verdict_due || !matches!(state.head, Head::Waiting) {
            let what = "no verdict is due";
            return Err(ProtocolError::OutOfOrder { frame: "VERDICT", stream, what });
        }
        state.verdict_due = false;
        match verdict.action {
            VerdictAction::Passed => state.part = ProxyPart::Headers(verdict.response_headers),
            VerdictAction::Answered => state.part = ProxyPart::Own,
            VerdictAction::Next | VerdictAction::Rewrite(_) => {
                state.head = Head::Verdict(verdict);
                wake(&mut state.reader);
            }
        }
        Ok(())
    }

    /// The worker is about to learn the route.
    pub(crate) fn routed(&self) {
        let mut state = self.state.lock();
        if matches!(state.head, Head::Parked) {
            state.head = Head::Waiting;
        }
    }

    /// More of the answer's body has arrived.
    pub(crate) fn chunk(&self, stream: u32, data: Bytes, end: bool) -> Result<(), ProtocolError> {
        let mut state = self.state.lock();
        let out_of_order = |what| Err(ProtocolError::OutOfOrder { frame: "CHUNK", stream, what });
        if !matches!(state.head, Head::Arrived(_) | Head::Taken) {
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

    /// The answer's body has ended, and lines follow it.
    pub(crate) fn trailers(&self, stream: u32, lines: HeaderLines) -> Result<(), ProtocolError> {
        let mut state = self.state.lock();
        if !matches!(state.head, Head::Arrived(_) | Head::Taken) {
            let what = "they come before the answer's head";
            return Err(ProtocolError::OutOfOrder { frame: "TRAILERS", stream, what });
        }
        state.trailers = (!lines.is_empty()).then(|| Box::new(lines));
        state.answer_end = Some(Ok(()));
        wake(&mut state.reader);
        Ok(())
    }

    /// The lines behind a body that has been taken.
    pub(crate) fn take_trailers(&self) -> Option<Box<HeaderLines>> {
        self.state.lock().trailers.take()
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

    /// The answer's head or the proxy's verdict, once one is there.
    pub(crate) fn poll_first(&self, cx: &mut Context<'_>) -> Poll<Result<First, DispatchError>> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.head, Head::Taken) {
            Head::Arrived(head) => {
                let part = std::mem::take(&mut state.part);
                return Poll::Ready(Ok(First::Head(head, part)));
            }
            Head::Verdict(verdict) if state.answer_end.is_none() => {
                state.head = Head::Parked;
                return Poll::Ready(Ok(First::Verdict(verdict)));
            }
            before => state.head = before,
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
        let rest = !state.chunks.is_empty() || state.trailers.is_some();
        let complete = state.answer_end == Some(Ok(())) && !rest;
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

    /// Waits until the worker asks for the request's body. `false`: nobody will.
    pub(crate) fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.state.lock();
        if state.request_closed || state.send_window > 0 {
            return Poll::Ready(!state.request_closed);
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
