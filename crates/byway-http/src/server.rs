//! A listener, its connections, and their orderly end.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use byway_config::ListenAddress;
use byway_config::limits::{ACCEPT_BACKLOG, DRAIN_MAX};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::connection::{self, Connections, WaitLimits};
use crate::{App, Peer};

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

    /// Binds all addresses, or none.
    pub fn bind_all(addresses: &[ListenAddress]) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        for ListenAddress { host, port } in addresses {
            listeners.extend(Self::bind(host, *port)?.listeners);
        }
        Ok(Self { listeners })
    }

    /// A server on sockets that listen already, as a service manager or an earlier byway left them.
    pub fn adopt(sockets: Vec<std::net::TcpListener>) -> io::Result<Self> {
        let adopt = |socket: std::net::TcpListener| {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        };
        Ok(Self { listeners: sockets.into_iter().map(adopt).collect::<io::Result<_>>()? })
    }

    /// Second descriptors of the sockets, for a process that will take them over.
    pub fn duplicate(&self) -> io::Result<Vec<OwnedFd>> {
        self.listeners.iter().map(|listener| listener.as_fd().try_clone_to_owned()).collect()
    }

    /// The port of the first address, which the system chose where 0 was asked
    /// for.
    pub fn port(&self) -> u16 {
        let first = self.listeners.first().and_then(|listener| listener.local_addr().ok());
        first.map_or(0, |address| address.port())
    }

    /// Serves until `stop` becomes true, then finishes what is in flight, within bounds.
    ///
    /// More than `connections_max` connections wait until one closes.
    pub async fn serve(self, app: App, connections_max: usize, stop: watch::Receiver<bool>) {
        let shared = Arc::new(Shared {
            app,
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))),
            connections: Connections::new(WaitLimits::default()),
        });
        let acceptors = TaskTracker::new();
        for listener in self.listeners {
            acceptors.spawn(accept(listener, Arc::clone(&shared), stop.clone()));
        }
        acceptors.close();
        tokio::select! {
            () = drained(&shared.tasks, &acceptors) => {}
            () = shared.connections.sweep(stop) => {}
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

/// What all connections of a server have in common.
struct Shared {
    app: App,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    connections: Connections,
}

/// Waits until nobody accepts any more and every connection has ended, within bounds.
async fn drained(tasks: &TaskTracker, acceptors: &TaskTracker) {
    acceptors.wait().await;
    tasks.close();
    if tokio::time::timeout(DRAIN_MAX, tasks.wait()).await.is_err() {
        let open = tasks.len();
        let seconds = DRAIN_MAX.as_secs();
        tracing::warn!(open, "connections still open after {seconds} s are cut");
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        let Ok(place) = Arc::clone(&shared.places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => return,
        };
        match accepted {
            Ok((socket, address)) => {
                // It fails only on a socket that is already gone.
                let _ = socket.set_nodelay(true);
                let watch = shared.connections.open();
                let app = shared.app.clone();
                shared.tasks.spawn(async move {
                    let peer = Peer::from(address);
                    connection::serve(socket, &peer, &watch, |r| app.respond(r, &peer)).await;
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
