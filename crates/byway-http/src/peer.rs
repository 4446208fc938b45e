//! The other end of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::connection::HeaderCase;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address as text: no brackets, no IPv4-mapped form.
    pub address: Arc<str>,
    /// The address; `None` where there is none, as on a Unix socket.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// Whether it is this machine, as a proxy in front usually is.
    pub loopback: bool,
    /// Whether it speaks TLS with us.
    pub https: bool,
    /// The letters in which it writes the names of header lines.
    pub(crate) header_case: HeaderCase,
    /// Whether its connection can be switched to another protocol.
    pub(crate) can_switch: bool,
}

impl Peer {
    /// Whoever is at the other end of a Unix socket.
    pub fn on_this_machine() -> Self {
        Self { loopback: true, ..Self::unknown() }
    }

    /// Somebody of whom nothing is known.
    pub(crate) fn unknown() -> Self {
        Self {
            address: "".into(),
            ip: None,
            port: 0,
            loopback: false,
            https: false,
            header_case: HeaderCase::default(),
            can_switch: false,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(socket: SocketAddr) -> Self {
        let address: IpAddr = socket.ip().to_canonical();
        Self {
            address: address.to_string().into(),
            ip: Some(address),
            port: socket.port(),
            loopback: address.is_loopback(),
            ..Self::unknown()
        }
    }
}
