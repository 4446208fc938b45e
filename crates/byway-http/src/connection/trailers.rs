//! Trailers over HTTP/1 (RFC 9112 §7.1.2): lines behind the last chunk of an answer.
//!
//! hyper sends them only to clients that say `TE: trailers`, and only what `Trailer` lists; Node sends what a
//! handler adds. So they are put where they belong as hyper writes the end of a chunked body. To know that
//! end when it comes, the body is not ended before everything else has left.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use byway_wire::HeaderLines;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;

use super::BusyGuard;
use crate::headers;

/// What hyper writes behind the last chunk.
const END: &[u8] = b"0\r\n\r\n";

/// The trailers of the answer that is being sent on a connection.
#[derive(Debug, Default)]
pub(super) struct Trailers {
    /// Looked at for each write, which nearly always has nothing to do with this.
    any: AtomicBool,
    step: Mutex<Step>,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    None,
    /// The body has ended, and what was written of it has not left yet.
    Announced(Bytes, Waker),
    /// All has left; the next write is the end.
    Due(Bytes),
    /// This much of the end is still to be sent.
    Sending(Bytes),
}

impl BusyGuard {
    /// The body has ended, but for these. Whoever ends it waits for [`BusyGuard::poll_announced`].
    pub(crate) fn announce_trailers(&self, lines: &HeaderLines, cx: &Context<'_>) {
        let trailers = self.trailers();
        *trailers.step.lock() = Step::Announced(end_with(lines), cx.waker().clone());
        trailers.any.store(true, Ordering::Release);
    }

    /// Waits until the body may be ended.
    pub(crate) fn poll_announced(&self, cx: &Context<'_>) -> Poll<()> {
        if let Step::Announced(_, waker) = &mut *self.trailers().step.lock() {
            waker.clone_from(cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Trailers {
    /// Everything that was written has left.
    pub(super) fn flushed(&self) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut step = self.step.lock();
        if let Step::Announced(end, waker) = &mut *step {
            waker.wake_by_ref();
            *step = Step::Due(std::mem::take(end));
        }
    }

    /// Writes `bytes`, or the end with trailers in its place.
    pub(super) fn poll_write<I: AsyncWrite + Unpin>(
        &self,
        socket: &mut I,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.any.load(Ordering::Acquire) {
            return Pin::new(socket).poll_write(cx, bytes);
        }
        let mut step = self.step.lock();
        match &mut *step {
            Step::Announced(..) | Step::Sending(_) => {}
            Step::Due(end) if bytes.starts_with(END) => *step = Step::Sending(std::mem::take(end)),
            // An answer that is not chunked has no place for them.
            Step::Due(_) | Step::None => {
                *step = Step::None;
                self.any.store(false, Ordering::Release);
            }
        }
        let Step::Sending(end) = &mut *step else {
            return Pin::new(socket).poll_write(cx, bytes);
        };
        while end.has_remaining() {
            match Pin::new(&mut *socket).poll_write(cx, end) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(0)),
                Poll::Ready(Ok(count)) => end.advance(count),
                other => return other,
            }
        }
        *step = Step::None;
        self.any.store(false, Ordering::Release);
        Poll::Ready(Ok(END.len()))
    }
}

/// The end of a chunked body, with trailers.
fn end_with(lines: &HeaderLines) -> Bytes {
    let mut end = BytesMut::from(&b"0\r\n"[..]);
    for (name, value) in lines.iter() {
        // Checked like any line of an answer, and sent in the letters of the handler.
        if headers::line(&name, value.clone()).is_some_and(|(name, _)| headers::to_client(&name)) {
            for part in [&name[..], b": ", &value[..], b"\r\n"] {
                end.put_slice(part);
            }
        }
    }
    end.put_slice(b"\r\n");
    end.freeze()
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use bytes::Bytes;
    use tokio::io::{AsyncReadExt as _, duplex};

    use super::{END, Step, Trailers};

    fn due(end: &'static [u8]) -> Trailers {
        let trailers = Trailers::default();
        *trailers.step.lock() = Step::Announced(Bytes::from_static(end), Waker::noop().clone());
        trailers.any.store(true, super::Ordering::Release);
        trailers
    }

    #[tokio::test]
    async fn the_end_takes_its_place_however_little_the_socket_takes() {
        let (mut client, mut socket) = duplex(3);
        let trailers = due(b"0\r\na: 1\r\n\r\n");
        let mut cx = Context::from_waker(Waker::noop());
        // What comes before everything has left is the answer's.
        let Poll::Ready(Ok(2)) = trailers.poll_write(&mut socket, &mut cx, b"0\r") else {
            panic!("not written as it is");
        };
        trailers.flushed();
        let wire = [END, b"HTTP/1.1 200 OK"].concat();
        let mut seen = Vec::new();
        let written = loop {
            match trailers.poll_write(&mut socket, &mut cx, &wire) {
                Poll::Ready(written) => break written.unwrap(),
                Poll::Pending => {
                    let mut some = [0; 3];
                    let count = client.read(&mut some).await.unwrap();
                    seen.extend_from_slice(&some[..count]);
                }
            }
        };
        assert_eq!(written, END.len());
        drop(socket);
        client.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"0\r0\r\na: 1\r\n\r\n");
    }

    #[tokio::test]
    async fn an_answer_without_chunks_loses_them() {
        let (mut client, mut socket) = duplex(64);
        let trailers = due(b"0\r\na: 1\r\n\r\n");
        trailers.flushed();
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            assert!(trailers.poll_write(&mut socket, &mut cx, b"HTTP").is_ready());
        }
        assert!(trailers.poll_write(&mut socket, &mut cx, END).is_ready());
        drop(socket);
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert_eq!(seen, "HTTPHTTP0\r\n\r\n");
    }
}
