//! A listener, its connections, and their orderly end.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use byway_config::limits::{
    ACCEPT_BACKLOG, CONNECTIONS_MAX, DRAIN_MAX, HEADER_LINES_MAX, HEADER_READ_MAX,
};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::{App, Peer};

/// A connection's read buffer, which a request's head must fit into. It is larger than the limit for
/// heads, so that what is too long gets its proper status: 431 from the guard, 414 from hyper.
const READ_BUFFER_BYTES_MAX: usize = 80 * 1024;
/// After an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The name has no address.
    #[error("`{0}` is not an address of this machine")]
    NoAddress(String),
    /// Somebody else listens there.
    #[error("port {port} on {host} is already in use")]
    InUse {
        /// The name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A port that only root may take.
    #[error("port {port} may only be used by root")]
    NotAllowed {
        /// The port.
        port: u16,
    },
    /// Anything else.
    #[error("cannot listen on {host}:{port}: {source}")]
    Other {
        /// The name or address.
        host: String,
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
}

/// A bound server, not yet accepting.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
}

impl Server {
    /// Binds `host`. A name such as `localhost` is bound on every address that it has.
    pub fn bind(host: &str, port: u16) -> Result<Self, BindError> {
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<SocketAddr> = (name, port)
            .to_socket_addrs()
            .map_err(|_| BindError::NoAddress(host.to_owned()))?
            .collect();
        let mut listeners: Vec<TcpListener> = Vec::new();
        let mut failed = None;
        for mut address in addresses {
            // With port 0 the second address of a name takes the port that the first one got.
            if let (0, Some(first)) = (port, listeners.first()) {
                address.set_port(first.local_addr().map_or(0, |first| first.port()));
            }
            if listeners.iter().any(|l| l.local_addr().is_ok_and(|bound| bound == address)) {
                continue;
            }
            match listen(address) {
                Ok(listener) => listeners.push(listener),
                // A machine without IPv6 still has `localhost` listed as `::1`.
                Err(e) if e.kind() == io::ErrorKind::AddrNotAvailable => failed = Some(e),
                Err(error) => return Err(bind_error(error, host, port)),
            }
        }
        match failed {
            Some(error) if listeners.is_empty() => Err(bind_error(error, host, port)),
            _ => Ok(Self { listeners }),
        }
    }

    /// The port, which the system chose where 0 was asked for.
    pub fn port(&self) -> u16 {
        let first = self.listeners.first().and_then(|listener| listener.local_addr().ok());
        first.map_or(0, |address| address.port())
    }

    /// Serves until `stop` becomes true, then finishes what is in flight, within bounds.
    pub async fn serve(self, app: App, stop: watch::Receiver<bool>) {
        let connections = TaskTracker::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let acceptors = TaskTracker::new();
        for listener in self.listeners {
            acceptors.spawn(accept(
                listener,
                app.clone(),
                stop.clone(),
                connections.clone(),
                Arc::clone(&places),
            ));
        }
        acceptors.close();
        acceptors.wait().await;
        connections.close();
        if tokio::time::timeout(DRAIN_MAX, connections.wait()).await.is_err() {
            tracing::warn!(
                open = connections.len(),
                "connections still open after {} s are cut",
                DRAIN_MAX.as_secs()
            );
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server may take over a port whose old connections linger.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bind_error(source: io::Error, host: &str, port: u16) -> BindError {
    let host = host.to_owned();
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { host, port },
        io::ErrorKind::AddrNotAvailable => BindError::NoAddress(host),
        io::ErrorKind::PermissionDenied => BindError::NotAllowed { port },
        _ => BindError::Other { host, port, source },
    }
}

async fn accept(
    listener: TcpListener,
    app: App,
    mut stop: watch::Receiver<bool>,
    connections: TaskTracker,
    places: Arc<Semaphore>,
) {
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => return,
        };
        match accepted {
            Ok((socket, address)) => {
                let app = app.clone();
                let stop = stop.clone();
                connections.spawn(async move {
                    connection(socket, address, app, stop).await;
                    drop(place);
                });
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of descriptors or memory: trying again at once would only spin.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits for the signal to stop, which its sender's end is as well.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(
    socket: TcpStream,
    address: SocketAddr,
    app: App,
    mut stop: watch::Receiver<bool>,
) {
    // It fails only on a socket that is already gone.
    let _ = socket.set_nodelay(true);
    let peer = Peer::from(address);
    let service = hyper::service::service_fn(|request| app.respond(request, &peer));
    // No `pipeline_flush`: with bytes left in the read buffer it withholds the answer to a head that
    // cannot be parsed.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_MAX)
        .max_headers(HEADER_LINES_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        // Most answers are small: copying one behind its head costs less than a vectored write.
        .writev(false)
        .serve_connection(TokioIo::new(socket), service);
    let mut served = std::pin::pin!(served);
    let result = tokio::select! {
        result = served.as_mut() => result,
        () = stopped(&mut stop) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(peer = %address, "connection ended: {error}");
    }
}
