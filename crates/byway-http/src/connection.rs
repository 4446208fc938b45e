//! One HTTP/1 connection: hyper on a socket whose waits are watched.
//!
//! A timer for each request would cost every request, so deadlines are looked at instead: a connection
//! notes in one atomic word what it waits for and since when, and a sweep over all connections finds
//! those that have waited too long (`clock.rs`).

mod begin;
mod clock;
mod header_case;
pub(crate) mod http2;
mod linger;
mod rewound;
mod switched;
mod trailers;
mod watched_io;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use byway_config::limits::{HEADER_LINES_MAX, LAST_WORD_MAX};
use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use crate::panics::Guarded;
use crate::respond::AnswerBroken;
use crate::tunnel::Tunnel;
use crate::{AnswerBodyStream, Peer};
use clock::Order;
use rewound::Rewound;
use watched_io::WatchedIo;

pub(crate) use begin::{Beginning, Begun};
pub(crate) use clock::{BusyGuard, Connections, WaitLimits, Watch};
pub(crate) use header_case::{HeaderCase, names as header_names};

/// A connection's read buffer, which a request's head must fit into. It is larger than the limit for
/// heads, so that what is too long gets its proper status: 431 from the guard, 414 from hyper.
const READ_BUFFER_BYTES_MAX: usize = 80 * 1024;

/// All that a client reads whose request's head did not come in time.
const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error("the client was too slow")]
    TooSlow,
    #[error("there is nothing to do for now")]
    Idle,
}

/// What has become of a connection.
enum Served<I> {
    /// It has ended.
    Over,
    /// It has been idle for a while. These are its socket and what was read of a next request.
    Idle(I, Bytes),
    /// HTTP is over and a tunnel begins. These are its socket and what was read of it.
    Switched(Box<Tunnel>, Rewound<I>, Bytes),
}

/// Serves one connection to its end; `answer` makes the answers.
///
/// hyper and its buffers are there while there is something to do. Of a connection that has been idle for
/// a while only the socket is kept: most connections are idle most of the time.
pub(crate) async fn serve_http1<I, A, F>(socket: I, peer: &Peer, watch: &Watch, answer: A)
where
    I: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<AnswerBodyStream>, AnswerBroken>>,
{
    let mut socket = Rewound::new(socket);
    loop {
        match Box::pin(serve_busy(socket, peer, watch, &answer)).await {
            Served::Over => return,
            Served::Idle(idle, seen) => {
                peer.header_case.rest();
                socket = Rewound::seeing(idle, &seen);
            }
            Served::Switched(tunnel, socket, early) => {
                peer.header_case.rest();
                return Box::pin(watch.run_switched(*tunnel, socket, early)).await;
            }
        }
        if socket.seen().is_empty() && !watch.wait_idle(&mut socket).await {
            return;
        }
    }
}

/// Serves requests until the connection ends or is idle.
async fn serve_busy<I, A, F>(
    socket: Rewound<I>,
    peer: &Peer,
    watch: &Watch,
    answer: &A,
) -> Served<I>
where
    I: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<AnswerBodyStream>, AnswerBroken>>,
{
    // Whether the last request had a body, which its answer may have come before the end of.
    let had_body = AtomicBool::new(false);
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        had_body.store(!request.body().is_end_stream(), Ordering::Relaxed);
        peer.header_case.begin(request.body().size_hint().exact());
        let busy = watch.begin_answer();
        Guarded::new(answer(request), busy)
    });
    // No `pipeline_flush`: with bytes left in the read buffer it withholds the answer to a head that
    // cannot be parsed.
    let mut served = http1::Builder::new()
        // The clock of `watch` covers this wait too, and for less.
        .header_read_timeout(None)
        .max_headers(HEADER_LINES_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        // Most answers are small: copying one behind its head costs less than a vectored write.
        .writev(false)
        .serve_connection(TokioIo::new(WatchedIo::new(socket, watch, &peer.header_case)), service);
    let mut stopping = false;
    let end = std::future::poll_fn(|cx| match watch.order(cx.waker()) {
        Order::TooSlow => Poll::Ready(Err(End::TooSlow)),
        order => {
            if order == Order::Stop && !std::mem::replace(&mut stopping, true) {
                Pin::new(&mut served).graceful_shutdown();
            }
            match Pin::new(&mut served).poll(cx) {
                // Behind a request with a body hyper may still wait for the rest of it.
                Poll::Pending
                    if order == Order::Rest
                        && !had_body.load(Ordering::Relaxed)
                        && watch.rest() =>
                {
                    Poll::Ready(Err(End::Idle))
                }
                polled => polled.map_err(End::from),
            }
        }
    })
    .await;
    if let Err(end @ (End::Http(_) | End::TooSlow)) = &end {
        tracing::debug!(peer = %peer.address, "connection ended: {end}");
    }
    let parts = served.into_parts();
    let socket = parts.io.into_inner();
    if let (Some(tunnel), Ok(())) = (watch.take_switched(), &end) {
        return Served::Switched(tunnel, socket.into_inner(), parts.read_buf);
    }
    match end {
        Err(End::Idle) => return Served::Idle(socket.into_inner().into_inner(), parts.read_buf),
        Ok(()) if had_body.load(Ordering::Relaxed) && !socket.has_ended() => {
            // Boxed, so that open connections have no room for it.
            Box::pin(linger::linger(socket, watch)).await;
        }
        // hyper has said what is wrong with a head, which may have been the first of many bytes.
        Err(End::Http(error)) if error.is_parse() => {
            Box::pin(linger::linger(socket, watch)).await;
        }
        Err(End::TooSlow) if watch.awaits_rest_of_head() => say_last_word(socket).await,
        Ok(()) | Err(_) => {}
    }
    Served::Over
}

/// Tells a client why its connection ends. Whoever does not read these few bytes either is not waited for.
async fn say_last_word<I: AsyncWrite + Unpin>(mut socket: I) {
    let said = async {
        socket.write_all(TOO_SLOW).await?;
        socket.shutdown().await
    };
    let _ = tokio::time::timeout(LAST_WORD_MAX, said).await;
}

#[cfg(test)]
mod tests;
