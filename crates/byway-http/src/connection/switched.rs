//! A connection that leaves HTTP: its answer was a switch to another protocol.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use super::clock::Order;
use super::{BusyGuard, Watch};
use crate::tunnel::Tunnel;

/// The tunnel that a connection becomes once its last answer has been sent.
#[derive(Debug, Default)]
pub(super) struct Switched(Mutex<Option<Box<Tunnel>>>);

impl BusyGuard {
    /// The answer that is being sent is a connection's last, and this follows it.
    pub(crate) fn switch_to(&self, tunnel: Tunnel) {
        *self.switched().0.lock() = Some(Box::new(tunnel));
    }
}

impl Watch {
    /// What follows the last answer, if anything does.
    pub(super) fn take_switched(&self) -> Option<Box<Tunnel>> {
        self.switched().0.lock().take()
    }

    /// Runs the tunnel to its end; `early` is what was read of it with the request.
    pub(super) async fn run_switched<I>(&self, tunnel: Tunnel, client: I, early: Bytes)
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        // The tunnel's clocks apply, and not those of a connection that waits for a request.
        let _no_clock = self.begin_answer();
        let stopped = poll_fn(|cx| match self.order(cx.waker()) {
            Order::GoOn | Order::Rest => Poll::Pending,
            Order::Stop | Order::TooSlow => Poll::Ready(()),
        });
        tunnel.run(client, &early, stopped).await;
    }
}
