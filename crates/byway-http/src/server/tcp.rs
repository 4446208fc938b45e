//! TCP ports: a name may have several addresses, and each is listened on.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

use byway_config::limits::ACCEPT_BACKLOG;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::BindError;

/// Binds `host`. A name such as `localhost` is bound on every address that it has.
pub(super) fn bind(host: &str, port: u16) -> Result<Vec<TcpListener>, BindError> {
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
        _ => Ok(listeners),
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
        _ => BindError::Other { place: format!("{host}:{port}"), source },
    }
}
