//! A socket that gives back what was read from it to see what is spoken.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are looked at, at a time: enough for a PROXY header or for the head of most requests.
const LOOK_BYTES: usize = 1024;

#[derive(Debug)]
pub(crate) struct Rewound<I> {
    inner: I,
    /// Read and not given back yet; empty most of the time.
    seen: Vec<u8>,
    given_back: usize,
}

impl<I: AsyncRead + Unpin> Rewound<I> {
    pub(crate) fn new(inner: I) -> Self {
        Self { inner, seen: Vec::new(), given_back: 0 }
    }

    /// A socket of which this has been read already.
    pub(crate) fn seeing(inner: I, seen: &[u8]) -> Self {
        Self { inner, seen: seen.to_vec(), given_back: 0 }
    }

    /// The socket. What was seen has to be read before, or is lost.
    pub(crate) fn into_inner(self) -> I {
        self.inner
    }

    /// What was seen and is still to be read.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.seen[self.given_back..]
    }

    /// Waits for more bytes to see; `false` at the end of what the client sends.
    pub(crate) async fn look(&mut self) -> io::Result<bool> {
        poll_fn(|cx| {
            // On the stack only while there is something to read, not while it is waited for.
            let mut room = [0; LOOK_BYTES];
            let mut buffer = ReadBuf::new(&mut room);
            let read = Pin::new(&mut self.inner).poll_read(cx, &mut buffer)?;
            self.seen.extend_from_slice(buffer.filled());
            read.map(|()| Ok(!buffer.filled().is_empty()))
        })
        .await
    }

    /// Takes bytes out of what was seen: they are not for whoever reads next.
    pub(crate) fn consume(&mut self, count: usize) {
        self.given_back = self.seen.len().min(self.given_back + count);
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Rewound<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.seen.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buffer);
        }
        let left = self.seen();
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        self.consume(count);
        if self.given_back == self.seen.len() {
            (self.seen, self.given_back) = (Vec::new(), 0);
            // It may have been taken out whole, and no bytes would be the end of the stream.
            if count == 0 {
                return Pin::new(&mut self.inner).poll_read(cx, buffer);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Rewound<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::Rewound;

    #[tokio::test]
    async fn what_was_seen_is_read_again_and_what_was_taken_is_not() {
        let (mut client, socket) = tokio::io::duplex(64);
        let mut socket = Rewound::new(socket);
        client.write_all(b"head and ").await.unwrap();
        assert!(socket.look().await.unwrap());
        assert_eq!(socket.seen(), b"head and ");
        socket.consume(5);
        client.write_all(b"rest").await.unwrap();
        drop(client);
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "and rest");
        assert!(!socket.look().await.unwrap());
    }

    #[tokio::test]
    async fn taking_everything_is_no_end() {
        let (mut client, socket) = tokio::io::duplex(64);
        let mut socket = Rewound::new(socket);
        client.write_all(b"head").await.unwrap();
        assert!(socket.look().await.unwrap());
        socket.consume(4);
        client.write_all(b"rest").await.unwrap();
        let mut bytes = [0; 4];
        assert_eq!(socket.read(&mut bytes).await.unwrap(), 4);
        assert_eq!(&bytes, b"rest");
    }
}
