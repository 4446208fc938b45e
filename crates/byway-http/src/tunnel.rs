//! A WebSocket after its handshake: bytes both ways until both sides have ended, or have waited too long.
//!
//! Nobody reads what they mean. As long as a side does not take what it is sent, nothing more is read of
//! the other one; a tunnel on which nothing happens holds no buffers.

mod pipe;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use byway_config::limits::{
    LAST_WORD_MAX, WEBSOCKET_DRAIN_MAX, WEBSOCKET_HALF_CLOSED_MAX, WRITE_STALL_MAX,
};
use byway_gate::places::Taken;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::gate::Watched;
use pipe::Pipe;

/// An upstream that has switched, and what is held until the tunnel to it ends.
#[derive(Debug)]
pub(crate) struct Tunnel {
    upstream: TokioIo<Upgraded>,
    limits: TunnelLimits,
    /// Among all tunnels.
    place: Taken,
    /// Among the requests of its policy.
    held: Option<Taken>,
    watched: Option<Watched>,
}

/// How long a tunnel may wait for what.
#[derive(Debug, Clone, Copy)]
struct TunnelLimits {
    /// For anything.
    idle: Duration,
    /// For anything, once one side has ended.
    half_closed: Duration,
    /// For a side to take what it was sent.
    stalled: Duration,
    /// For the end, once the server stops.
    stopping: Duration,
}

/// How a tunnel has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By both sides.
    Complete,
    /// By a connection that broke.
    Broken,
    /// Nothing was sent for too long.
    Silent,
    /// A side did not read for too long.
    Stalled,
    /// The server stops.
    Stopped,
}

impl Tunnel {
    pub(crate) fn new(upstream: Upgraded, idle: Duration, place: Taken) -> Self {
        let limits = TunnelLimits {
            idle,
            half_closed: idle.min(WEBSOCKET_HALF_CLOSED_MAX),
            stalled: WRITE_STALL_MAX,
            stopping: WEBSOCKET_DRAIN_MAX,
        };
        Self { upstream: TokioIo::new(upstream), limits, place, held: None, watched: None }
    }

    /// The same tunnel, which holds this place as well.
    pub(crate) fn holding(self, place: Taken) -> Self {
        Self { held: Some(place), ..self }
    }

    /// The same tunnel, which is counted.
    pub(crate) fn watched(self, watched: Watched) -> Self {
        Self { watched: Some(watched), ..self }
    }

    /// Runs the tunnel to its end. `early` is what the client has sent already; `stopped` ends when the
    /// server stops.
    pub(crate) async fn run<C>(self, mut client: C, early: &[u8], stopped: impl Future<Output = ()>)
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let Self { mut upstream, limits, place, held, watched } = self;
        let mut flow = Flow::new(&mut client, &mut upstream, early, limits);
        let end = flow.run(stopped).await;
        let bytes = flow.down.bytes();
        if end != End::Broken {
            let goodbye = async { tokio::join!(client.shutdown(), upstream.shutdown()) };
            let _ = timeout(LAST_WORD_MAX, goodbye).await;
        }
        tracing::debug!("a WebSocket has ended: {end:?}");
        if let Some(mut watched) = watched {
            watched.sent(usize::try_from(bytes).unwrap_or(usize::MAX));
            if end == End::Complete {
                watched.finish();
            }
        }
        drop((place, held));
    }
}

/// Both directions between two sides.
struct Flow<'s, C, U> {
    client: &'s mut C,
    upstream: &'s mut U,
    /// From the client.
    up: Pipe,
    /// To the client.
    down: Pipe,
    limits: TunnelLimits,
    stopping: Option<Instant>,
}

impl<'s, C, U> Flow<'s, C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    fn new(client: &'s mut C, upstream: &'s mut U, early: &[u8], limits: TunnelLimits) -> Self {
        let (up, down) = (Pipe::new(early), Pipe::new(&[]));
        Self { client, upstream, up, down, limits, stopping: None }
    }

    async fn run(&mut self, stopped: impl Future<Output = ()>) -> End {
        let mut stopped = pin!(stopped);
        let mut timer = pin!(sleep_until(self.deadline().0));
        poll_fn(|cx| {
            if self.stopping.is_none() && stopped.as_mut().poll(cx).is_ready() {
                self.stopping = Some(Instant::now());
            }
            match self.poll_pipes(cx) {
                Poll::Ready(end) => Poll::Ready(end),
                Poll::Pending => self.poll_deadline(timer.as_mut(), cx),
            }
        })
        .await
    }

    fn poll_pipes(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let up = self.up.poll(cx, self.client, self.upstream);
        let down = self.down.poll(cx, self.upstream, self.client);
        match (up, down) {
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(End::Complete),
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => {
                // Whoever has said its last word may close without hearing that of the other.
                let has_ended = self.up.has_ended() || self.down.has_ended();
                Poll::Ready(if has_ended { End::Complete } else { End::Broken })
            }
            _ => Poll::Pending,
        }
    }

    /// Looks at the clocks. A timer that is due too early is only set anew when it is due, because most
    /// tunnels go on before.
    fn poll_deadline(&self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<End> {
        let (deadline, end) = self.deadline();
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if deadline <= Instant::now() {
                return Poll::Ready(end);
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// When the tunnel ends if nothing happens, and why.
    fn deadline(&self) -> (Instant, End) {
        let Self { up, down, limits, .. } = self;
        let half_closed = up.has_ended() || down.has_ended();
        let silence = if half_closed { limits.half_closed } else { limits.idle };
        let silent = (up.moved().max(down.moved()) + silence, End::Silent);
        let stalled = [up, down].into_iter().filter(|pipe| pipe.waits_for_reader());
        let stalled = stalled.map(|pipe| (pipe.moved() + limits.stalled, End::Stalled));
        let stopped = self.stopping.map(|since| (since + limits.stopping, End::Stopped));
        stalled.chain(stopped).fold(silent, |first, it| if it.0 < first.0 { it } else { first })
    }
}

#[cfg(test)]
mod tests;
