//! The end of a connection whose client may still be sending.
//!
//! A socket that is closed with bytes unread is reset, and a client that is reset while it sends loses the
//! answer that was to tell it why, such as a 413. So the sending half is closed first, and what still
//! comes is read and dropped, within bounds (RFC 9112 §9.6).

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::Poll;

use byway_config::limits::{
    LAST_WORD_MAX, LINGER_BYTES_MAX, LINGER_BYTES_MIN, LINGER_MAX, LINGER_SILENCE_MAX,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Watch;
use super::clock::Order;

/// Bytes that are dropped at a time: one record of TLS.
const PIECE_BYTES: usize = 16 * 1024;

/// Closes the sending half and waits for the client to close the other. A server that stops waits no
/// longer than for any last word.
pub(super) async fn linger<I: AsyncRead + AsyncWrite + Unpin>(socket: I, watch: &Watch) {
    // The bounds below apply, and not those of a connection that waits for a request.
    let _no_clock = watch.begin_answer();
    let stopped = async {
        poll_fn(|cx| match watch.order(cx.waker()) {
            Order::GoOn | Order::Rest => Poll::Pending,
            Order::Stop | Order::TooSlow => Poll::Ready(()),
        })
        .await;
        sleep(LAST_WORD_MAX).await;
    };
    tokio::select! {
        // It fails where the client is gone, who then needs no more waiting.
        _ = timeout(LINGER_MAX, discard(socket)) => {}
        () = stopped => {}
    }
}

async fn discard<I: AsyncRead + AsyncWrite + Unpin>(mut socket: I) -> io::Result<()> {
    socket.shutdown().await?;
    let (mut dropped, mut dropped_before) = (0, 0);
    let mut patience = Instant::now() + LINGER_SILENCE_MAX;
    while dropped <= LINGER_BYTES_MAX {
        match timeout_at(patience, drop_piece(&mut socket)).await {
            Ok(Ok(0)) => break,
            Ok(count) => dropped += count? as u64,
            // Drop by drop is no way to send a request.
            Err(_) if dropped - dropped_before < LINGER_BYTES_MIN => break,
            Err(_) => {
                dropped_before = dropped;
                patience += LINGER_SILENCE_MAX;
            }
        }
    }
    Ok(())
}

/// Reads and drops what has come; the number of bytes.
async fn drop_piece<I: AsyncRead + Unpin>(socket: &mut I) -> io::Result<usize> {
    poll_fn(|cx| {
        // On the stack only while there is something to read: many may be waited for.
        let mut room = [MaybeUninit::uninit(); PIECE_BYTES];
        let mut buffer = ReadBuf::uninit(&mut room);
        Pin::new(&mut *socket).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    })
    .await
}
