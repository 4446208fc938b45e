use std::net::{IpAddr, SocketAddr};

use byway_config::limits::PROXY_HEADER_BYTES_MAX;
use proptest::prelude::*;

use super::{Announced, NoHeader, Parsed, SIGNATURE, parse};

fn header(client: &str, bytes: usize) -> Parsed {
    Parsed::Header(Announced { client: client.parse().ok(), tls: false }, bytes)
}

#[test]
fn lines_of_version_1() {
    let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET / HTTP/1.1\r\n";
    assert_eq!(parse(line), Ok(header("192.0.2.1:56324", 42)));
    let line = b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n";
    assert_eq!(parse(line), Ok(header("[2001:db8::1]:1", line.len())));
    // What an IPv4 client of a socket for both families looks like.
    let line = b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n";
    assert_eq!(parse(line), Ok(header("192.0.2.1:1", line.len())));
    assert_eq!(parse(b"PROXY UNKNOWN\r\n"), Ok(header("", 15)));
    assert_eq!(parse(b"PROXY UNKNOWN anything at all\r\nx"), Ok(header("", 31)));
    assert_eq!(parse(b""), Ok(Parsed::Partial));
    assert_eq!(parse(b"PROXY TCP4 192.0"), Ok(Parsed::Partial));
    for wrong in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 056324 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY \xff\r\n",
    ] {
        assert_eq!(parse(wrong), Err(NoHeader), "{}", String::from_utf8_lossy(wrong));
    }
    assert_eq!(parse(&[b"PROXY UNKNOWN ", &[b'x'; 200][..]].concat()), Err(NoHeader));
}

/// A header of version 2 with these bytes behind the fixed part.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, rest].concat()
}

const V4: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 1, 187];

#[test]
fn headers_of_version_2() {
    assert_eq!(parse(&binary(0x21, 0x11, &V4)), Ok(header("192.0.2.1:56324", 28)));
    let mut v6 = [0; 36];
    (v6[0], v6[1], v6[15], v6[33]) = (0x20, 0x01, 9, 7);
    assert_eq!(parse(&binary(0x21, 0x21, &v6)), Ok(header("[2001::9]:7", 52)));
    // The proxy's own connection, clients on a Unix socket, clients that it does not know.
    assert_eq!(parse(&binary(0x20, 0x11, &V4)), Ok(header("", 28)));
    assert_eq!(parse(&binary(0x20, 0, b"")), Ok(header("", 16)));
    assert_eq!(parse(&binary(0x21, 0x31, &[0; 216])), Ok(header("", 232)));
    assert_eq!(parse(&binary(0x21, 0, b"")), Ok(header("", 16)));
    for wrong in [
        binary(0x11, 0x11, &V4),
        binary(0x22, 0x11, &V4),
        binary(0x21, 0x12, &V4),
        binary(0x21, 0x11, &V4[..11]),
        binary(0x21, 0x21, &V4),
        binary(0x21, 0x11, &[&V4[..], &[1]].concat()),
        binary(0x21, 0x11, &[&V4[..], &[1, 0, 9, 0]].concat()),
        binary(0x21, 0x11, &[0; PROXY_HEADER_BYTES_MAX]),
    ] {
        assert_eq!(parse(&wrong), Err(NoHeader), "{wrong:?}");
    }
}

#[test]
fn fields_tell_about_tls() {
    let with = |fields: &[u8]| parse(&binary(0x21, 0x11, &[&V4[..], fields].concat()));
    let tls = |parsed| match parsed {
        Ok(Parsed::Header(announced, _)) => announced.tls,
        other => panic!("{other:?}"),
    };
    // A field of another kind first, then the one about TLS with a field of its own.
    let fields = [0x01, 0, 2, b'h', b'2', 0x20, 0, 9, 1, 0, 0, 0, 0, 0x21, 0, 1, b'x'];
    assert!(tls(with(&fields)));
    assert!(!tls(with(&[0x20, 0, 5, 0, 0, 0, 0, 0])));
    assert!(!tls(with(&[0x04, 0, 0])));
    assert_eq!(with(&[0x20, 0, 0]), Err(NoHeader));
}

proptest! {
    /// However the bytes come in pieces, the header ends where it ends.
    #[test]
    fn headers_are_read_whole_and_nothing_behind_them(
        v4 in any::<bool>(), address in any::<[u8; 16]>(), port in any::<u16>(), old in any::<bool>(),
        behind in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let ip: IpAddr = if v4 {
            IpAddr::from([address[0], address[1], address[2], address[3]])
        } else {
            IpAddr::from(address)
        };
        let head = match (old, ip) {
            (true, _) => {
                let family = if v4 { "TCP4" } else { "TCP6" };
                format!("PROXY {family} {ip} {ip} {port} 80\r\n").into_bytes()
            }
            (false, IpAddr::V4(ip)) => {
                let (octets, port) = (ip.octets(), port.to_be_bytes());
                binary(0x21, 0x11, &[&octets[..], &octets, &port, &[0, 80]].concat())
            }
            (false, IpAddr::V6(ip)) => {
                let (octets, port) = (ip.octets(), port.to_be_bytes());
                binary(0x21, 0x21, &[&octets[..], &octets, &port, &[0, 80]].concat())
            }
        };
        let expected = Announced { client: Some(SocketAddr::new(ip.to_canonical(), port)), tls: false };
        for have in 0..head.len() {
            prop_assert_eq!(parse(&head[..have]), Ok(Parsed::Partial), "{} bytes", have);
        }
        let whole = [&head[..], &behind].concat();
        prop_assert_eq!(parse(&whole), Ok(Parsed::Header(expected, head.len())));
    }

    #[test]
    fn no_bytes_are_a_trap(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        // What is still partial has room to grow: nobody can be made to read for ever.
        if parse(&bytes) == Ok(Parsed::Partial) {
            prop_assert!(bytes.len() < PROXY_HEADER_BYTES_MAX);
        }
        let after = [&SIGNATURE[..], &bytes].concat();
        if parse(&after) == Ok(Parsed::Partial) {
            prop_assert!(after.len() < PROXY_HEADER_BYTES_MAX);
        }
    }
}
