//! What makes two requests count together.

use std::net::IpAddr;

use byway_config::RateKey;
use http::header::{COOKIE, HeaderMap};

/// Bytes of a header, a cookie or a parameter that count; more would only cost time.
const VALUE_BYTES_MAX: usize = 1024;

/// What limits look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The route's number.
    pub route: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The raw query.
    pub query: &'a str,
}

/// Feeds the parts of a key to `sink`, each with its kind and length, so that no two keys look alike.
pub(super) fn write(
    parts: &[RateKey],
    ipv6_prefix: u8,
    facts: &Facts<'_>,
    sink: &mut dyn FnMut(&[u8]),
) {
    for part in parts {
        match part {
            RateKey::Ip => address(facts.address, ipv6_prefix, sink),
            RateKey::Route => tagged(b'r', facts.route.as_bytes(), sink),
            RateKey::Header(name) => {
                let value = facts.headers.get(name).map(http::HeaderValue::as_bytes);
                value_or_address(b'h', value, ipv6_prefix, facts, sink);
            }
            RateKey::Cookie(name) => {
                value_or_address(b'c', cookie(facts.headers, name), ipv6_prefix, facts, sink);
            }
            RateKey::Query(name) => {
                value_or_address(b'q', parameter(facts.query, name), ipv6_prefix, facts, sink);
            }
        }
    }
}

fn tagged(kind: u8, value: &[u8], sink: &mut dyn FnMut(&[u8])) {
    let value = &value[..value.len().min(VALUE_BYTES_MAX)];
    let [low, high] = (value.len() as u16).to_le_bytes();
    sink(&[kind, low, high]);
    sink(value);
}

fn value_or_address(
    kind: u8,
    value: Option<&[u8]>,
    ipv6_prefix: u8,
    facts: &Facts<'_>,
    sink: &mut dyn FnMut(&[u8]),
) {
    match value {
        Some(value) if !value.is_empty() => tagged(kind, value, sink),
        _ => address(facts.address, ipv6_prefix, sink),
    }
}

fn address(address: Option<IpAddr>, ipv6_prefix: u8, sink: &mut dyn FnMut(&[u8])) {
    match address.map(|it| it.to_canonical()) {
        None => sink(b"-"),
        Some(IpAddr::V4(address)) => tagged(b'4', &address.octets(), sink),
        Some(IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(ipv6_prefix.min(128))).unwrap_or(0);
            tagged(b'6', &(address.to_bits() & mask).to_be_bytes(), sink);
        }
    }
}

/// The last cookie of that name, as `cookies().get` has it.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut found = None;
    for pair in pairs {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        found = value.or(found);
    }
    found
}

/// The first parameter of that name, as `searchParams.get` has it, but still encoded.
fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q [u8]> {
    let value = |pair: &'q str| pair.strip_prefix(name)?.strip_prefix('=');
    query.split('&').find_map(value).map(str::as_bytes)
}

/// FNV-1a: the same on every machine, for names that no client chooses.
pub(super) fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use byway_config::RateKey;
    use http::header::{HeaderMap, HeaderValue};

    use super::{Facts, write};

    fn key(
        parts: &[&str],
        address: &str,
        lines: &[(&'static str, &'static str)],
        query: &str,
    ) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let parts: Vec<RateKey> = parts.iter().map(|part| part.parse().unwrap()).collect();
        let address: Option<IpAddr> = address.parse().ok();
        let facts = Facts { address, route: "/a", headers: &headers, query };
        let mut bytes = Vec::new();
        write(&parts, 64, &facts, &mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    #[test]
    fn an_ipv6_client_is_its_prefix() {
        let of = |address| key(&["ip"], address, &[], "");
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_eq!(of(""), b"-");
    }

    #[test]
    fn headers_cookies_and_parameters_are_keys_of_their_own() {
        let header = |lines| key(&["header:x-api-key"], "192.0.2.1", lines, "");
        assert_ne!(header(&[("x-api-key", "a")]), header(&[("x-api-key", "b")]));
        assert_eq!(header(&[]), key(&["ip"], "192.0.2.1", &[], ""));
        assert_eq!(header(&[("x-api-key", "")]), header(&[]));
        let cookie = |text| key(&["cookie:s"], "192.0.2.1", &[("cookie", text)], "");
        assert_eq!(cookie("a=1; s=x"), cookie("s=y; s=x"));
        assert_ne!(cookie("s=x"), cookie("ss=x"));
        let query = |text| key(&["query:k"], "192.0.2.1", &[], text);
        assert_eq!(query("a=1&k=x"), query("k=x&k=y"));
        assert_ne!(query("k=x"), query("kk=x"));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let two =
            |a, b| key(&["header:x-a", "header:x-b"], "192.0.2.1", &[("x-a", a), ("x-b", b)], "");
        assert_ne!(two("1", "23"), two("12", "3"));
        assert_ne!(key(&["ip", "route"], "192.0.2.1", &[], ""), key(&["ip"], "192.0.2.1", &[], ""));
    }
}
