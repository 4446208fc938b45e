//! One direction of a tunnel.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use byway_config::limits::WEBSOCKET_PIECE_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What goes from one side to the other.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Read and not written yet; empty most of the time.
    waiting: Vec<u8>,
    /// Of those, what has been written.
    written: usize,
    /// Written and perhaps not sent yet, as with TLS.
    is_unflushed: bool,
    state: State,
    /// When bytes last moved.
    moved: Instant,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// All has been read.
    Ending,
    /// The other side knows it.
    Ended,
}

impl Pipe {
    /// A direction in which `early` goes first.
    pub(super) fn new(early: &[u8]) -> Self {
        Self {
            waiting: early.to_vec(),
            written: 0,
            is_unflushed: false,
            state: State::Open,
            moved: Instant::now(),
            bytes: early.len() as u64,
        }
    }

    /// Whether the end has been passed on.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether the other side does not take what is there for it.
    pub(super) fn waits_for_reader(&self) -> bool {
        !self.waiting.is_empty() || self.is_unflushed
    }

    pub(super) fn moved(&self) -> Instant {
        self.moved
    }

    /// Bytes that were read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Moves bytes as long as there are some; ready once the end has been passed on.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_waiting(cx, to))?;
            match self.state {
                State::Open => {
                    let read = self.poll_piece(cx, from, to)?;
                    if read.is_pending() {
                        if self.is_unflushed {
                            ready!(Pin::new(&mut *to).poll_flush(cx))?;
                            self.is_unflushed = false;
                        }
                        return Poll::Pending;
                    }
                }
                State::Ending => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.is_unflushed = false;
                    self.moved = Instant::now();
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Writes what could not be written before.
    fn poll_waiting<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.written < self.waiting.len() {
            let rest = &self.waiting[self.written..];
            match ready!(Pin::new(&mut *to).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
            self.moved = Instant::now();
            self.is_unflushed = true;
        }
        // The buffer goes too.
        (self.waiting, self.written) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// Reads a piece and writes as much of it as goes.
    fn poll_piece<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        // On the stack only while there is something to read: most tunnels are silent most of the time.
        let mut room = [MaybeUninit::uninit(); WEBSOCKET_PIECE_BYTES_MAX];
        let mut buffer = ReadBuf::uninit(&mut room);
        ready!(Pin::new(from).poll_read(cx, &mut buffer))?;
        let piece = buffer.filled();
        if piece.is_empty() {
            self.state = State::Ending;
            return Poll::Ready(Ok(()));
        }
        self.moved = Instant::now();
        self.bytes += piece.len() as u64;
        let written = match Pin::new(to).poll_write(cx, piece) {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        self.is_unflushed = true;
        self.waiting.extend_from_slice(&piece[written..]);
        Poll::Ready(Ok(()))
    }
}
