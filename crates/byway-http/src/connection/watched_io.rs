//! A socket that tells its connection what happens on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{HeaderCase, Watch};

#[derive(Debug)]
pub(super) struct WatchedIo<'w, I> {
    inner: I,
    watch: &'w Watch,
    header_case: &'w HeaderCase,
    has_ended: bool,
}

impl<'w, I> WatchedIo<'w, I> {
    pub(super) fn new(inner: I, watch: &'w Watch, header_case: &'w HeaderCase) -> Self {
        Self { inner, watch, header_case, has_ended: false }
    }

    pub(super) fn into_inner(self) -> I {
        self.inner
    }

    /// Whether the client has closed its half.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for WatchedIo<'_, I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            let fresh = self.watch.bytes_read();
            self.header_case.read(&buffer.filled()[before..], fresh);
        } else if matches!(read, Poll::Ready(Ok(()))) && buffer.remaining() > 0 {
            self.has_ended = true;
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for WatchedIo<'_, I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.watch.trailers().poll_write(&mut self.inner, cx, bytes);
        match written {
            Poll::Ready(Ok(count)) if count > 0 => self.watch.bytes_written(),
            Poll::Ready(_) => {}
            Poll::Pending => self.watch.write_stalled(),
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS takes bytes that it cannot send yet; the stall shows here then.
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        match &flushed {
            Poll::Ready(Ok(())) => {
                self.watch.write_goes_on();
                self.watch.trailers().flushed();
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.watch.write_stalled(),
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
