//! What comes before HTTP, with clocks at a hundredth of their real length.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use byway_gate::client::TrustedProxies;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use super::{Beginning, Begun, NotBegun, PREFACE};
use crate::Peer;
use crate::connection::{Connections, WaitLimits};

const LIMITS: WaitLimits = WaitLimits {
    first_byte: Duration::from_millis(100),
    head: Duration::from_millis(300),
    keep_alive: Duration::from_mins(1),
    reader: Duration::from_mins(1),
    check_interval: Duration::from_millis(10),
};
const PROXY: &[u8] = b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 80\r\n";

fn plain() -> Beginning {
    Beginning { tls: None, http2: true, announced_by: None }
}

fn announced() -> Beginning {
    let proxies = TrustedProxies::new(&["127.0.0.1".parse().unwrap()]);
    Beginning { announced_by: Some(Arc::new(proxies)), ..plain() }
}

/// Sends the pieces, then nothing more but without an end. Gives whether HTTP/2 is spoken, what HTTP will
/// read, and the peer.
async fn begin(
    beginning: &Beginning,
    from: &str,
    pieces: &[&[u8]],
) -> Result<(bool, Vec<u8>, Peer), NotBegun> {
    let (mut client, socket) = tokio::io::duplex(4096);
    let connections = Connections::new(LIMITS);
    let (_stop, stopped) = watch::channel(false);
    let mut peer = Peer::from(from.parse::<SocketAddr>().unwrap());
    let clock = connections.open();
    let send = async {
        for piece in pieces {
            client.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    let (begun, http2) = tokio::select! {
        begun = beginning.run(socket, &mut peer, &clock) => begun?,
        () = send => unreachable!("it never ends"),
        () = connections.sweep(stopped, || ()) => unreachable!("it never ends"),
    };
    let Begun::Plain(mut socket) = begun else { panic!("there is no TLS") };
    drop(client);
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.unwrap();
    Ok((http2, rest, peer))
}

const LOCAL: &str = "127.0.0.1:1";

#[tokio::test]
async fn the_version_is_seen_from_the_first_bytes_and_nothing_is_lost() {
    let (http2, rest, _) = begin(&plain(), LOCAL, &[b"GET / HTTP/1.1\r\n"]).await.unwrap();
    assert_eq!((http2, rest.as_slice()), (false, &b"GET / HTTP/1.1\r\n"[..]));
    // Methods that begin like the preface.
    for method in [&b"POST"[..], b"PRIX", b"PROPFIND", b"PRI * HTTP/2.0\r\n\r\nSX"] {
        let (http2, rest, _) = begin(&plain(), LOCAL, &[method]).await.unwrap();
        assert_eq!((http2, rest.as_slice()), (false, method));
    }
    let (start, end) = PREFACE.split_at(9);
    let (http2, rest, _) = begin(&plain(), LOCAL, &[start, end]).await.unwrap();
    assert_eq!((http2, rest.as_slice()), (true, PREFACE));
    let only_old = Beginning { http2: false, ..plain() };
    assert!(!begin(&only_old, LOCAL, &[PREFACE]).await.unwrap().0);
}

#[tokio::test]
async fn h09_neither_the_first_byte_nor_the_rest_of_a_preface_is_waited_for_long() {
    assert!(matches!(begin(&plain(), LOCAL, &[]).await, Err(NotBegun::Nothing)));
    let pieces: Vec<&[u8]> = PREFACE[..23].chunks(1).collect();
    assert!(matches!(begin(&plain(), LOCAL, &pieces).await, Err(NotBegun::Nothing)));
}

#[tokio::test]
async fn a_proxy_header_comes_first_and_may_come_with_the_request() {
    let whole = [PROXY, b"GET / HTTP/1.1\r\n"].concat();
    let (_, rest, peer) = begin(&announced(), LOCAL, &[&whole]).await.unwrap();
    assert_eq!((rest.as_slice(), &*peer.address), (&b"GET / HTTP/1.1\r\n"[..], "203.0.113.9"));
    let (start, end) = PROXY.split_at(9);
    let (http2, rest, peer) = begin(&announced(), LOCAL, &[start, end, PREFACE]).await.unwrap();
    assert_eq!((http2, rest.as_slice(), peer.port), (true, PREFACE, 56324));
    assert!(!peer.loopback);
    let silent = begin(&announced(), LOCAL, &[&PROXY[..20]]).await;
    assert!(matches!(silent, Err(NotBegun::Nothing)));
    let none = begin(&announced(), LOCAL, &[b"GET / HTTP/1.1\r\n"]).await;
    assert!(matches!(none, Err(NotBegun::NoHeader(_))));
}

#[tokio::test]
async fn x13_only_a_trusted_proxy_may_name_its_client() {
    for stranger in ["192.0.2.1:1", "[::1]:1"] {
        let refused = begin(&announced(), stranger, &[PROXY]).await;
        assert!(matches!(refused, Err(NotBegun::Untrusted)), "{stranger}");
    }
    // Where none is expected it is what it looks like: no request.
    let (_, rest, peer) = begin(&plain(), "192.0.2.1:1", &[PROXY]).await.unwrap();
    assert_eq!((rest.as_slice(), &*peer.address), (PROXY, "192.0.2.1"));
}
