//! A panic costs one request, not the connection's neighbours and not the server.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use http::header::CONNECTION;
use http::{HeaderValue, Response, StatusCode};

use crate::AnswerBodyStream;
use crate::respond::{self, AnswerBroken};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Requests that ended with a panic since the start; each one is a bug in byway.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Answers with 500 and closes the connection when `answer` panics: what was read of the request is
/// unknown then. The message and place are on stderr, where the panic hook prints them.
pub(crate) async fn guarded<F>(answer: F) -> Result<Response<AnswerBodyStream>, AnswerBroken>
where
    F: Future<Output = Result<Response<AnswerBodyStream>, AnswerBroken>>,
{
    let mut answer = std::pin::pin!(answer);
    poll_fn(|cx| {
        // The future is dropped after a panic and never looked at again.
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            tracing::error!("a request ended with a panic; this is a bug in byway");
            let mut response = respond::empty(StatusCode::INTERNAL_SERVER_ERROR);
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            Poll::Ready(Ok(response))
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};

    #[test]
    fn s07_a_panic_is_a_500_that_closes_the_connection() {
        let before = panics();
        let mut answer = std::pin::pin!(guarded(async { panic!("on purpose") }));
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(response)) = answer.as_mut().poll(&mut cx) else { panic!("no answer") };
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[CONNECTION], "close");
        assert_eq!(panics(), before + 1);
        let mut fine = std::pin::pin!(guarded(async { Ok(respond::empty(StatusCode::OK)) }));
        let Poll::Ready(Ok(response)) = fine.as_mut().poll(&mut cx) else { panic!("no answer") };
        assert_eq!(response.status(), StatusCode::OK);
    }
}
