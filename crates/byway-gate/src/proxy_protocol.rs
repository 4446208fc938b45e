//! PROXY protocol, versions 1 and 2: a proxy that forwards bytes and not requests says in front of them
//! who its client is (<https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use byway_config::limits::{PROXY_HEADER_BYTES_MAX, PROXY_LINE_BYTES_MAX};

/// What every header of version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
/// A field that tells about TLS between the client and the proxy, and the bit in it that says "yes".
const FIELD_TLS: u8 = 0x20;
const CLIENT_USED_TLS: u8 = 0x01;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// The client; `None` where the proxy speaks for itself, as in health checks, or where it does not
    /// know.
    pub client: Option<SocketAddr>,
    /// Whether the client spoke TLS with the proxy.
    pub tls: bool,
}

/// How far bytes are a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// A header of so many bytes.
    Header(Announced, usize),
    /// The beginning of one.
    Partial,
}

/// These bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection begins with no valid PROXY header")]
pub struct NoHeader;

/// Reads the header at the beginning of a connection.
pub fn parse(bytes: &[u8]) -> Result<Parsed, NoHeader> {
    let shown = bytes.len().min(SIGNATURE.len());
    if bytes[..shown] == SIGNATURE[..shown] && shown > 0 {
        return binary(bytes);
    }
    line(bytes)
}

/// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n`.
fn line(bytes: &[u8]) -> Result<Parsed, NoHeader> {
    const START: &[u8] = b"PROXY ";
    let shown = bytes.len().min(START.len());
    if bytes[..shown] != START[..shown] {
        return Err(NoHeader);
    }
    let within = &bytes[..bytes.len().min(PROXY_LINE_BYTES_MAX)];
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        return if within.len() < PROXY_LINE_BYTES_MAX {
            Ok(Parsed::Partial)
        } else {
            Err(NoHeader)
        };
    };
    let text = std::str::from_utf8(&bytes[START.len()..end]).map_err(|_| NoHeader)?;
    let client = match text.split(' ').collect::<Vec<_>>()[..] {
        // What follows says nothing (§2.1).
        ["UNKNOWN", ..] => None,
        ["TCP4", from, to, from_port, to_port] => {
            client::<Ipv4Addr>([from, to], [from_port, to_port])?
        }
        ["TCP6", from, to, from_port, to_port] => {
            client::<Ipv6Addr>([from, to], [from_port, to_port])?
        }
        _ => return Err(NoHeader),
    };
    Ok(Parsed::Header(Announced { client, tls: false }, end + 2))
}

fn client<A: FromStr + Into<IpAddr>>(
    [from, to]: [&str; 2],
    [from_port, to_port]: [&str; 2],
) -> Result<Option<SocketAddr>, NoHeader> {
    let address = |text: &str| text.parse::<A>().map_err(|_| NoHeader);
    // No sign and no leading zeros.
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port.to_string() == text => Ok(port),
        _ => Err(NoHeader),
    };
    let (from, _) = (address(from)?, address(to)?);
    let (from_port, _) = (port(from_port)?, port(to_port)?);
    Ok(Some(SocketAddr::new(from.into().to_canonical(), from_port)))
}

/// Version 2: a fixed part, addresses, and fields of type, length and value.
fn binary(bytes: &[u8]) -> Result<Parsed, NoHeader> {
    let Some((fixed, _)) = bytes.split_at_checked(FIXED_BYTES) else {
        return Ok(Parsed::Partial);
    };
    let (version_and_command, family) = (fixed[12], fixed[13]);
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if version_and_command >> 4 != 2 || FIXED_BYTES + length > PROXY_HEADER_BYTES_MAX {
        return Err(NoHeader);
    }
    let end = FIXED_BYTES + length;
    let Some(rest) = bytes.get(FIXED_BYTES..end) else { return Ok(Parsed::Partial) };
    let announced = match version_and_command & 0x0f {
        // LOCAL: the proxy's own connection, whatever the rest says.
        0 => Announced { client: None, tls: false },
        1 => proxied(family, rest)?,
        _ => return Err(NoHeader),
    };
    Ok(Parsed::Header(announced, end))
}

fn proxied(family: u8, rest: &[u8]) -> Result<Announced, NoHeader> {
    let array = |at: usize| rest.get(at..at + 2).and_then(|port| port.try_into().ok());
    let port = |at: usize| array(at).map(u16::from_be_bytes).ok_or(NoHeader);
    let (client, fields) = match family {
        // TCP over IPv4: both addresses, both ports.
        0x11 => {
            let octets: [u8; 4] =
                rest.get(..4).and_then(|it| it.try_into().ok()).ok_or(NoHeader)?;
            (Some(SocketAddr::new(Ipv4Addr::from(octets).into(), port(8)?)), rest.get(12..))
        }
        0x21 => {
            let octets: [u8; 16] =
                rest.get(..16).and_then(|it| it.try_into().ok()).ok_or(NoHeader)?;
            let address = IpAddr::from(Ipv6Addr::from(octets)).to_canonical();
            (Some(SocketAddr::new(address, port(32)?)), rest.get(36..))
        }
        // Unix sockets have no address that means anything here.
        0x31 => (None, rest.get(216..)),
        // Unspecified: the proxy does not know.
        0x00 => (None, None),
        _ => return Err(NoHeader),
    };
    let missing = fields.is_none() && family != 0;
    if missing {
        return Err(NoHeader);
    }
    Ok(Announced { client, tls: says_tls(fields.unwrap_or_default())? })
}

/// Goes through the fields behind the addresses.
fn says_tls(mut fields: &[u8]) -> Result<bool, NoHeader> {
    let mut tls = false;
    while let [kind, high, low, rest @ ..] = fields {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, next)) = rest.split_at_checked(length) else { return Err(NoHeader) };
        if *kind == FIELD_TLS {
            tls = value.first().ok_or(NoHeader)? & CLIENT_USED_TLS != 0;
        }
        fields = next;
    }
    if fields.is_empty() { Ok(tls) } else { Err(NoHeader) }
}

#[cfg(test)]
mod tests;
