//! The client of a request: the other end of the connection, or whom a trusted proxy names.

use std::net::IpAddr;
use std::sync::Arc;

use byway_gate::client::LOCAL;
use http::HeaderMap;

use super::Gate;
use crate::Peer;

/// The client of a request.
#[derive(Debug)]
pub(crate) struct Client<'p> {
    peer: &'p Peer,
    /// The address that a proxy named.
    address: Option<(IpAddr, Arc<str>)>,
    /// Whether it used `https`.
    pub(crate) https: bool,
    /// The host of `request.url`, where a proxy says so.
    authority: Option<String>,
    proxied: bool,
}

impl<'p> Client<'p> {
    /// Finds out who the client is, and removes from the headers what nobody trusted said.
    pub(crate) fn find(gate: &Gate, peer: &'p Peer, headers: &mut HeaderMap) -> Self {
        let proxies = &gate.proxies;
        let https = peer.https;
        let direct = Self { peer, address: None, https, authority: None, proxied: false };
        if proxies.is_empty() {
            return Self { https: https || loopback_says_https(headers, peer), ..direct };
        }
        let found = match peer.ip {
            Some(ip) => proxies.resolve(ip, headers),
            // Nothing but a Unix socket is this machine and has no address.
            None if peer.loopback => proxies.resolve_unix(headers),
            None => proxies.resolve_unknown(headers),
        };
        let Some(forwarded) = found else { return direct };
        let own = peer.ip.unwrap_or(LOCAL);
        let named = (forwarded.address != own).then(|| {
            let text = forwarded.address.to_string();
            (forwarded.address, Arc::from(text))
        });
        Self {
            address: named,
            https: forwarded.https.unwrap_or(https),
            authority: forwarded.authority,
            proxied: true,
            ..direct
        }
    }

    /// The address without brackets.
    pub(crate) fn address(&self) -> &str {
        self.address.as_ref().map_or(&self.peer.address, |(_, text)| text)
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.address.as_ref().map(|(ip, _)| *ip).or(self.peer.ip)
    }

    /// Whether a trusted proxy has named it; `X-Forwarded-For` is then its address.
    pub(crate) fn is_named(&self) -> bool {
        self.address.is_some()
    }

    /// The head of its request, as it was read.
    pub(crate) fn head(&self) -> Option<Vec<u8>> {
        self.peer.header_case.head()
    }

    /// Whether its connection can be switched to another protocol.
    pub(crate) fn can_switch(&self) -> bool {
        self.peer.can_switch
    }

    /// The port; 0 where only a proxy knows it.
    pub(crate) fn port(&self) -> u16 {
        if self.address.is_some() { 0 } else { self.peer.port }
    }

    /// The host of `request.url`; empty for the server's own.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_deref().unwrap_or_default()
    }

    /// Whether the connection is that of a trusted proxy.
    pub(crate) fn is_proxied(&self) -> bool {
        self.proxied
    }
}

/// Where no proxy is configured, one on this machine may still say what scheme it was asked with.
fn loopback_says_https(headers: &HeaderMap, peer: &Peer) -> bool {
    peer.loopback
        && headers.get("x-forwarded-proto").is_some_and(|value| {
            let first = value.as_bytes().split(|byte| *byte == b',').next().unwrap_or_default();
            first.trim_ascii().eq_ignore_ascii_case(b"https")
        })
}
