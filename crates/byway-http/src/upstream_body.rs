//! The body of an upstream's answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use byway_pool::DispatchError;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

/// Passes data on and drops trailers, which belong to the upstream's connection.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    body: Incoming,
    idle_wait: Duration,
    /// Made when the upstream lets the client wait for the first time.
    idle: Option<Pin<Box<Sleep>>>,
    /// Whether hyper has bytes of it that it may not have sent yet.
    is_unflushed: bool,
    has_failed: bool,
}

/// What [`UpstreamBody::poll_data`] gives.
type Polled = Poll<Option<Result<Frame<Bytes>, DispatchError>>>;

impl UpstreamBody {
    pub(crate) fn new(body: Incoming, idle_wait: Duration) -> Self {
        Self { body, idle_wait, idle: None, is_unflushed: false, has_failed: false }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Polled {
        if self.has_failed {
            return Poll::Ready(Some(Err(DispatchError::StreamFailed)));
        }
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.idle = None;
                    self.is_unflushed = true;
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::warn!("the answer of a rewrite's upstream broke off: {error}");
                    return self.fail(cx);
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return self.poll_silence(cx),
            }
        }
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Polled {
        self.is_unflushed = false;
        let end = Instant::now() + self.idle_wait;
        let idle = self.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        if idle.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        tracing::warn!("the answer of a rewrite's upstream stopped for too long");
        self.fail(cx)
    }

    /// hyper drops what it has not sent when a body fails, and sends when a body is not ready. So a failure
    /// waits for one turn, and the client sees a broken answer where one was begun.
    fn fail(&mut self, cx: &mut Context<'_>) -> Polled {
        self.has_failed = true;
        if self.is_unflushed {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(DispatchError::StreamFailed)))
    }
}
