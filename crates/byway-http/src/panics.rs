//! A panic costs one request, not the connection's neighbours and not the server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::header::CONNECTION;
use http::{HeaderValue, Response, StatusCode};
use pin_project_lite::pin_project;

use crate::AnswerBodyStream;
use crate::connection::BusyGuard;
use crate::respond::{self, AnswerBroken};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Requests that ended with a panic since the start; each one is a bug in byway.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

pin_project! {
    /// An answer that is being made. It becomes a 500 that closes the connection when that panics: what was
    /// read of the request is unknown then. The message and place are on stderr, where the panic hook prints
    /// them.
    ///
    /// A future by hand, because an async block around another future has room for it twice, and moving a
    /// request's state is a part of what a short request costs.
    #[derive(Debug)]
    pub(crate) struct Guarded<F> {
        #[pin]
        answer: F,
        // A streamed body takes it along; the bytes of a whole one are as good as sent.
        busy: Option<BusyGuard>,
    }
}

impl<F> Guarded<F> {
    /// Makes the answer, and holds the guard until that has been sent.
    pub(crate) fn new(answer: F, busy: BusyGuard) -> Self {
        Self { answer, busy: Some(busy) }
    }
}

impl<F> Future for Guarded<F>
where
    F: Future<Output = Result<Response<AnswerBodyStream>, AnswerBroken>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // The future is dropped after a panic and never looked at again.
        let polled = catch_unwind(AssertUnwindSafe(|| this.answer.poll(cx)));
        let mut polled = polled.unwrap_or_else(|_| Poll::Ready(Ok(after_panic())));
        if let Poll::Ready(Ok(response)) = &mut polled
            && let Some(busy) = this.busy.take()
        {
            if response.status() == StatusCode::SWITCHING_PROTOCOLS
                && let Some(tunnel) = response.body_mut().take_tunnel()
            {
                busy.switch_to(tunnel);
            }
            response.body_mut().keep_until_sent(busy);
        }
        polled
    }
}

fn after_panic() -> Response<AnswerBodyStream> {
    PANICS.fetch_add(1, Ordering::Relaxed);
    tracing::error!("a request ended with a panic; this is a bug in byway");
    let mut response = respond::empty(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Connections, WaitLimits};
    use std::task::Waker;

    #[test]
    fn s07_a_panic_is_a_500_that_closes_the_connection() {
        let before = panics();
        let connections = Connections::new(WaitLimits::default());
        let watch = connections.open();
        let mut cx = Context::from_waker(Waker::noop());
        let fails = async { panic!("on purpose") };
        let mut answer = std::pin::pin!(Guarded::new(fails, watch.begin_answer()));
        let Poll::Ready(Ok(response)) = answer.as_mut().poll(&mut cx) else { panic!("no answer") };
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[CONNECTION], "close");
        assert_eq!(panics(), before + 1);
        let works = async { Ok(respond::empty(StatusCode::OK)) };
        let mut fine = std::pin::pin!(Guarded::new(works, watch.begin_answer()));
        let Poll::Ready(Ok(response)) = fine.as_mut().poll(&mut cx) else { panic!("no answer") };
        assert_eq!(response.status(), StatusCode::OK);
    }
}
