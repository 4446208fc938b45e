//! The socket of an HTTP/2 connection: counts what comes in, and tells the clock what does not go out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::meter::Meter;
use crate::connection::Watch;

#[derive(Debug)]
pub(super) struct Http2Io<'w, I> {
    inner: I,
    watch: &'w Watch,
    meter: Meter,
}

impl<'w, I> Http2Io<'w, I> {
    pub(super) fn new(inner: I, watch: &'w Watch) -> Self {
        Self { inner, watch, meter: Meter::default() }
    }

    fn note<T>(&self, written: &Poll<io::Result<T>>) {
        match written {
            Poll::Ready(_) => self.watch.write_goes_on(),
            Poll::Pending => self.watch.write_stalled(),
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Http2Io<'_, I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let now = self.watch.now();
        if !self.meter.read(&buffer.filled()[before..], now) {
            let flood = "the client sends more control frames than its requests call for";
            return Poll::Ready(Err(io::Error::other(flood)));
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Http2Io<'_, I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            self.meter.written(*count);
        }
        self.note(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if flushed.is_pending() {
            self.note(&flushed);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
