//! Who the client is, where proxies stand between it and byway.
//!
//! A forwarded header is believed as far as the chain of trusted proxies reaches, hop by hop from the
//! right: each proxy appends what it saw itself, so the first entry that no trusted proxy wrote is the
//! client's, and everything to its left is hearsay (`Forwarded` is RFC 7239).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use byway_config::{AddressBlock, TrustedProxy};
use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};

/// Hops that are looked at; a longer chain is cut there, and its last hop counts as the client.
const HOPS_MAX: usize = 32;
/// A host's name is at most so long, with its port (RFC 1035 §2.3.4).
const AUTHORITY_BYTES_MAX: usize = 262;

/// What stands for the other end of a Unix socket.
pub const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Proxies that are believed. An empty list believes nobody but the scheme that a proxy on this machine
/// names.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    blocks: Box<[AddressBlock]>,
    /// Whoever connects to a Unix socket.
    unix: bool,
}

/// What trusted proxies say about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// The client.
    pub address: IpAddr,
    /// Whether it used `https`, where a proxy says so.
    pub https: Option<bool>,
    /// The host that it asked for, where a proxy says so: lower case, valid.
    pub authority: Option<String>,
}

impl TrustedProxies {
    /// These proxies.
    pub fn new(proxies: &[TrustedProxy]) -> Self {
        let block = |proxy: &TrustedProxy| match proxy {
            TrustedProxy::At(block) => Some(*block),
            TrustedProxy::Unix => None,
        };
        Self {
            blocks: proxies.iter().filter_map(block).collect(),
            unix: proxies.contains(&TrustedProxy::Unix),
        }
    }

    /// Whether no proxy is configured.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && !self.unix
    }

    /// Whether the address is that of a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(address))
    }

    /// The same as [`resolve`](Self::resolve) for a peer at the other end of a Unix socket, which counts
    /// as this machine.
    pub fn resolve_unix(&self, headers: &mut HeaderMap) -> Option<Forwarded> {
        self.resolve_trusted(self.unix, LOCAL, headers)
    }

    /// The same for a peer of whom nothing is known.
    pub fn resolve_unknown(&self, headers: &mut HeaderMap) -> Option<Forwarded> {
        self.resolve_trusted(false, LOCAL, headers)
    }

    /// Finds the client behind `peer`, and makes the headers tell handlers the same: what no trusted
    /// proxy said is removed. `None` when the peer is no proxy.
    pub fn resolve(&self, peer: IpAddr, headers: &mut HeaderMap) -> Option<Forwarded> {
        self.resolve_trusted(self.trusts(peer), peer, headers)
    }

    fn resolve_trusted(
        &self,
        trusted: bool,
        peer: IpAddr,
        headers: &mut HeaderMap,
    ) -> Option<Forwarded> {
        if !trusted {
            for name in [FORWARDED, FOR, HOST, PORT, PROTO, REAL_IP] {
                headers.remove(name);
            }
            return None;
        }
        let found = match self.by_forwarded(peer, headers) {
            Some(found) => found,
            None => self.by_x_forwarded(peer, headers),
        };
        tell(&found, peer, headers);
        Some(found)
    }

    fn by_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Option<Forwarded> {
        let elements = last_entries(headers, &FORWARDED);
        if elements.is_empty() {
            return None;
        }
        let (mut address, mut describing) = (peer, elements.last().map_or(&b""[..], |it| it));
        for element in elements.iter().rev() {
            describing = element;
            let Some(hop) = parameter(element, "for").and_then(|it| node_address(&it)) else {
                break;
            };
            address = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        let https = parameter(describing, "proto").and_then(|scheme| is_https(scheme.as_bytes()));
        let authority = parameter(describing, "host").and_then(|host| authority(host.as_bytes()));
        Some(Forwarded { address, https, authority })
    }

    fn by_x_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Forwarded {
        let mut address = peer;
        // The peer is the first trusted hop; it wrote the last entry.
        let mut hops = 1;
        for (index, entry) in last_entries(headers, &FOR).iter().rev().enumerate() {
            hops = index + 1;
            let text = std::str::from_utf8(entry).unwrap_or_default();
            let Some(hop) = node_address(text) else { break };
            address = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        let https = entry_of_hop(headers, &PROTO, hops).and_then(|scheme| is_https(&scheme));
        let authority = entry_of_hop(headers, &HOST, hops).and_then(|host| {
            let port = entry_of_hop(headers, &PORT, hops);
            authority(&with_port(host, port.as_deref(), https == Some(true)))
        });
        Forwarded { address, https, authority }
    }
}

/// What handlers read: the chain as far as it is verified.
fn tell(found: &Forwarded, peer: IpAddr, headers: &mut HeaderMap) {
    let put = |headers: &mut HeaderMap, name: HeaderName, value: Option<String>| match value
        .and_then(|value| HeaderValue::try_from(value).ok())
    {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    };
    if found.address == peer {
        headers.remove(FOR);
        headers.remove(REAL_IP);
    } else {
        put(headers, FOR, Some(found.address.to_string()));
        if headers.contains_key(REAL_IP) {
            put(headers, REAL_IP, Some(found.address.to_string()));
        }
    }
    let scheme = found.https.map(|https| if https { "https" } else { "http" }.to_owned());
    put(headers, PROTO, scheme);
    put(headers, HOST, found.authority.clone());
    headers.remove(FORWARDED);
}

/// The entries of a list header, the last [`HOPS_MAX`] of them, without blanks around them. Only
/// `Forwarded` knows quoted text.
fn last_entries<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h [u8]> {
    let mut entries: Vec<&[u8]> = Vec::new();
    for line in headers.get_all(name) {
        if *name == FORWARDED {
            entries.extend(split(line.as_bytes(), b','));
        } else {
            entries.extend(line.as_bytes().split(|byte| *byte == b','));
        }
    }
    let mut entries: Vec<&[u8]> =
        entries.into_iter().map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty()).collect();
    entries.drain(..entries.len().saturating_sub(HOPS_MAX));
    entries
}

/// Splits at separators that stand in no quoted text. A quote that a client has left open would swallow
/// what its proxy appended, so that then quotes mean nothing.
fn split(line: &[u8], separator: u8) -> Vec<&[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    let parts = line
        .split(|byte| {
            if escaped {
                escaped = false;
                return false;
            }
            match *byte {
                b'"' => quoted = !quoted,
                b'\\' if quoted => escaped = true,
                byte => return byte == separator && !quoted,
            }
            false
        })
        .collect();
    if quoted { line.split(|byte| *byte == separator).collect() } else { parts }
}

/// The entry that the proxy `hops` from the right wrote. Where proxies replace the header instead of
/// appending to it there are fewer entries, and the leftmost one is meant.
fn entry_of_hop(headers: &HeaderMap, name: &HeaderName, hops: usize) -> Option<Vec<u8>> {
    let entries = last_entries(headers, name);
    let index = entries.len().saturating_sub(hops);
    entries.get(index).map(|entry| entry.to_vec())
}

/// `name=value` or `name="value"` within an element of `Forwarded`.
fn parameter(element: &[u8], name: &str) -> Option<String> {
    for pair in split(element, b';') {
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
        let (key, value) = (&pair[..equals], &pair[equals + 1..]);
        if !key.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) {
            continue;
        }
        let value = std::str::from_utf8(value.trim_ascii()).ok()?;
        let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        return Some(bare.unwrap_or(value).to_owned());
    }
    None
}

/// The address of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. Words such as `unknown`,
/// hidden names and zones (`fe80::1%eth0`) are none.
fn node_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    address.or_else(with_port).filter(|_| !text.contains('%')).map(|it: IpAddr| it.to_canonical())
}

fn is_https(scheme: &[u8]) -> Option<bool> {
    match scheme {
        scheme if scheme.eq_ignore_ascii_case(b"https") => Some(true),
        scheme if scheme.eq_ignore_ascii_case(b"http") => Some(false),
        _ => None,
    }
}

/// Adds a port that is not the scheme's own to a host without one.
fn with_port(mut host: Vec<u8>, port: Option<&[u8]>, https: bool) -> Vec<u8> {
    let has_port = host.rsplit(|byte| *byte == b']').next().is_some_and(|end| end.contains(&b':'));
    if let (false, Some(port)) = (has_port, port)
        && port != if https { &b"443"[..] } else { &b"80"[..] }
    {
        host.push(b':');
        host.extend_from_slice(port);
    }
    host
}

/// A host with an optional port, in lower case; `None` for anything that could change a URL's meaning.
fn authority(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_empty() || text.len() > AUTHORITY_BYTES_MAX {
        return None;
    }
    let (host, port) = match text.rfind(':') {
        Some(at) if !text[at..].contains(']') => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    };
    let port_fine = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host_fine = if let Some(address) = address {
        address.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        !host.is_empty() && host.bytes().all(fits)
    };
    (port_fine && host_fine).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
