//! What comes before HTTP on a connection: a PROXY header, a TLS handshake, the choice of a version. Each
//! wait has a clock of its own, because those of HTTP begin later.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use byway_config::limits::{PROXY_HEADER_MAX, TLS_HANDSHAKE_MAX};
use byway_gate::client::TrustedProxies;
use byway_gate::proxy_protocol::{self, NoHeader, Parsed};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Watch;
use super::clock::Order;
use super::rewound::Rewound;
use crate::Peer;

/// What an HTTP/2 client begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Its name in ALPN.
const HTTP2: &[u8] = b"h2";

/// How connections of one listener begin.
#[derive(Clone)]
pub(crate) struct Beginning {
    /// With a TLS handshake.
    pub(crate) tls: Option<TlsAcceptor>,
    /// HTTP/2 is spoken too.
    pub(crate) http2: bool,
    /// With a PROXY header, from these.
    pub(crate) announced_by: Option<Arc<TrustedProxies>>,
}

/// Why a connection ended before HTTP began.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBegun {
    #[error("a PROXY header is expected, and this peer is no trusted proxy")]
    Untrusted,
    #[error(transparent)]
    NoHeader(#[from] NoHeader),
    #[error("no PROXY header came in time")]
    HeaderTooSlow,
    #[error("the TLS handshake took too long")]
    HandshakeTooSlow,
    #[error("the connection began with nothing")]
    Nothing,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A connection that HTTP can begin on.
pub(crate) enum Begun<I> {
    Plain(Rewound<I>),
    Tls(Box<TlsStream<Rewound<I>>>),
}

impl Beginning {
    /// Does what comes before HTTP. Tells whether the client speaks HTTP/2, and corrects who it is.
    pub(crate) async fn run<I>(
        &self,
        socket: I,
        peer: &mut Peer,
        watch: &Watch,
    ) -> Result<(Begun<I>, bool), NotBegun>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let mut socket = Rewound::new(socket);
        if let Some(proxies) = &self.announced_by {
            if !peer.is_trusted_by(proxies) {
                return Err(NotBegun::Untrusted);
            }
            let header = watch.beginning(announced(&mut socket, peer));
            let read = timeout(PROXY_HEADER_MAX, header).await;
            read.map_err(|_| NotBegun::HeaderTooSlow)?.ok_or(NotBegun::Nothing)??;
        }
        let Some(acceptor) = &self.tls else {
            let http2 = if self.http2 {
                watch.beginning(begins_http2(&mut socket, watch)).await
            } else {
                Some(Ok(false))
            };
            return Ok((Begun::Plain(socket), http2.ok_or(NotBegun::Nothing)??));
        };
        let handshake = watch.beginning(acceptor.accept(socket));
        let handshake = timeout(TLS_HANDSHAKE_MAX, handshake).await;
        let stream = handshake.map_err(|_| NotBegun::HandshakeTooSlow)?;
        let stream = stream.ok_or(NotBegun::Nothing)??;
        peer.https = true;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        Ok((Begun::Tls(Box::new(stream)), http2))
    }
}

/// Reads the PROXY header, whose client becomes the peer.
async fn announced<I>(socket: &mut Rewound<I>, peer: &mut Peer) -> Result<(), NotBegun>
where
    I: AsyncRead + Unpin,
{
    loop {
        // Nothing seen is the beginning of everything.
        if let (Parsed::Header(announced, bytes), false) =
            (proxy_protocol::parse(socket.seen())?, socket.seen().is_empty())
        {
            socket.consume(bytes);
            if let Some(client) = announced.client {
                *peer = Peer::from(client);
            }
            peer.https = announced.tls;
            return Ok(());
        }
        if !socket.look().await? {
            return Err(NotBegun::Nothing);
        }
    }
}

/// Whether the connection begins with HTTP/2, without asking (RFC 9113 §3.3). A client that sends some of
/// the preface and no more is one whose head does not come in time.
async fn begins_http2<I>(socket: &mut Rewound<I>, watch: &Watch) -> io::Result<bool>
where
    I: AsyncRead + Unpin,
{
    loop {
        let seen = socket.seen();
        let compared = seen.len().min(PREFACE.len());
        if seen[..compared] != PREFACE[..compared] {
            return Ok(false);
        }
        if compared == PREFACE.len() {
            return Ok(true);
        }
        if !socket.look().await? {
            // HTTP/1 knows what to make of half a word.
            return Ok(false);
        }
        watch.bytes_read();
    }
}

impl Watch {
    /// Waits for `work` until the connection waits too long or has to stop; `None` then.
    pub(super) async fn obeying<W: Future>(&self, work: W) -> Option<W::Output> {
        self.until(work, |order| matches!(order, Order::Stop | Order::TooSlow)).await
    }

    /// The same for a client that has just connected: one who did so before the server stopped was not
    /// refused, and has a moment to say what it wants.
    async fn beginning<W: Future>(&self, work: W) -> Option<W::Output> {
        self.until(work, |order| order == Order::TooSlow).await
    }

    async fn until<W: Future>(&self, work: W, ends: fn(Order) -> bool) -> Option<W::Output> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| {
            // What is there already is taken, even when the server stops.
            match work.as_mut().poll(cx) {
                std::task::Poll::Pending if ends(self.order(cx.waker())) => {
                    std::task::Poll::Ready(None)
                }
                polled => polled.map(Some),
            }
        })
        .await
    }
}

impl Peer {
    /// Whether it may say who its client is. Who may connect to a Unix socket is said by its mode.
    fn is_trusted_by(&self, proxies: &TrustedProxies) -> bool {
        self.ip.map_or(self.loopback, |ip| proxies.trusts(ip))
    }
}

#[cfg(test)]
mod tests;
