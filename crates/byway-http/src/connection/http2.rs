//! One HTTP/2 connection. hyper and h2 know the protocol; byway adds clocks, and ends what only costs.
//!
//! A client that keeps its window shut holds an answer without holding up the socket, so each stream has
//! a clock of its own. It runs in the stream's task: ending that resets the stream, and the others go on.

mod body;
mod io;
mod meter;

use std::sync::Arc;

use byway_config::limits::{
    H2_CONNECTION_WINDOW_BYTES, H2_EARLY_RESETS_MAX, H2_FORCED_RESETS_MAX, H2_PING_INTERVAL,
    H2_PING_MAX, H2_SEND_BUFFER_BYTES, H2_STREAM_WINDOW_BYTES, H2_STREAMS_MAX, HEADER_LINES_MAX,
    LAST_WORD_MAX,
};
use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use super::clock::Order;
use super::{BusyGuard, Watch};
use crate::respond::AnswerBroken;
use crate::{AnswerBodyStream, Peer};
use body::StreamBody;
use io::Http2Io;

/// What a header field counts for beside its bytes (RFC 9113 §6.5.2).
const FIELD_BYTES: usize = 32;

/// Serves one connection to its end; `answer` makes the answers.
pub(crate) async fn serve<I, A, F>(
    socket: I,
    peer: &Peer,
    watch: &Arc<Watch>,
    head_bytes_max: usize,
    answer: A,
) where
    I: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<AnswerBodyStream>, AnswerBroken>> + Send + 'static,
{
    watch.begin_http2();
    let streams = Streams::default();
    let service = hyper::service::service_fn(|mut request: Request<Incoming>| {
        let clock = Arc::new(watch.stream());
        streams.begin(Stream { busy: watch.begin_answer(), clock: Arc::clone(&clock) });
        tell_as_http1(&mut request);
        let answer = answer(request);
        async move {
            let answer = answer.await?;
            Ok::<_, AnswerBroken>(answer.map(|body| StreamBody::new(body, clock)))
        }
    });
    let head_list_bytes = head_bytes_max + FIELD_BYTES * HEADER_LINES_MAX;
    let served = http2::Builder::new(streams.clone())
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(head_list_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(H2_EARLY_RESETS_MAX)
        .max_local_error_reset_streams(H2_FORCED_RESETS_MAX)
        .max_send_buf_size(H2_SEND_BUFFER_BYTES)
        .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(H2_PING_INTERVAL)
        .keep_alive_timeout(H2_PING_MAX)
        .serve_connection(TokioIo::new(Http2Io::new(socket, watch)), service);
    let mut served = std::pin::pin!(served);
    let mut stopping = false;
    let end = std::future::poll_fn(|cx| match watch.order(cx.waker()) {
        Order::TooSlow => std::task::Poll::Ready(None),
        order => {
            if order == Order::Stop && !std::mem::replace(&mut stopping, true) {
                served.as_mut().graceful_shutdown();
            }
            served.as_mut().poll(cx).map(Some)
        }
    })
    .await;
    match end {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(peer = %peer.address, "connection ended: {error}"),
        None => {
            // GOAWAY, if the client reads it.
            served.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(LAST_WORD_MAX, served).await;
            tracing::debug!(peer = %peer.address, "connection ended: the client was too slow");
        }
    }
}

/// A stream whose request has been read.
#[derive(Debug)]
struct Stream {
    /// The connection is not idle.
    busy: BusyGuard,
    clock: Arc<Watch>,
}

/// Runs the tasks of a connection's streams. hyper calls the service and then asks for the task to be run,
/// with nothing in between, so that the stream that began last is the task's.
#[derive(Debug, Clone, Default)]
struct Streams(Arc<Mutex<Option<Stream>>>);

impl Streams {
    fn begin(&self, stream: Stream) {
        *self.0.lock() = Some(stream);
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        let Some(stream) = self.0.lock().take() else {
            tokio::spawn(task);
            return;
        };
        tokio::spawn(async move {
            let mut task = std::pin::pin!(task);
            std::future::poll_fn(|cx| match stream.clock.order(cx.waker()) {
                Order::TooSlow => std::task::Poll::Ready(()),
                Order::GoOn | Order::Rest | Order::Stop => task.as_mut().poll(cx).map(drop),
            })
            .await;
            drop(stream.busy);
        });
    }
}

/// What later stages and handlers know from HTTP/1.1: a `Host`, and one line of cookies
/// (RFC 9113 §8.2.3, §8.3.1).
fn tell_as_http1(request: &mut Request<Incoming>) {
    let host = match request.uri().authority() {
        Some(authority) if !request.headers().contains_key(HOST) => {
            HeaderValue::from_str(authority.as_str()).ok()
        }
        _ => None,
    };
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    join_cookies(request.headers_mut());
}

fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests;
