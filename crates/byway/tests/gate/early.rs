//! Answers that come before the end of their request, for clients that send all of it before they read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::listeners::{TLS, certificates, further_place, secure};

/// How often each client tries: a lost answer is a race.
const TRIES: usize = 10;
/// Far more than the buffers of two sockets hold.
const BODY_BYTES: usize = 8 << 20;

/// Sends a whole request, then reads until the server closes.
fn send_all_then_read(mut socket: impl Read + Write, head: &str, piece: &[u8]) -> String {
    socket.write_all(head.as_bytes()).unwrap();
    for _ in 0..BODY_BYTES / (64 * 1024) {
        socket.write_all(piece).unwrap();
    }
    let mut text = Vec::new();
    socket.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

fn tls_client() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificates().join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth())
}

#[test]
fn l04_a_client_that_sends_all_of_a_long_body_first_still_reads_why_it_was_refused() {
    let (fixture, server) = secure(&format!(
        "[server]\nlisten = [\"localhost:0\", \"127.0.0.1:0 plain\", \"unix:run.sock\"]\n{TLS}\n\
         [limits]\nbody = \"1kb\"\n"
    ));
    let plain = format!("127.0.0.1{}", further_place(&server, "http://127.0.0.1"));
    let client = tls_client();
    let piece = vec![b'x'; 64 * 1024];
    let chunk = [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat();
    let declared =
        format!("POST /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
    let chunked = "POST /api/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (head, piece) in [(declared.as_str(), &piece), (chunked, &chunk)] {
        let check = |text: String| {
            assert!(text.starts_with("HTTP/1.1 413"), "{text}");
            assert_eq!(text.matches("HTTP/1.1").count(), 1, "what follows is no request: {text}");
        };
        for _ in 0..TRIES {
            check(send_all_then_read(TcpStream::connect(&plain).unwrap(), head, piece));
            let socket = UnixStream::connect(fixture.path().join("run.sock")).unwrap();
            check(send_all_then_read(socket, head, piece));
            let name = ServerName::try_from("localhost").unwrap();
            let session = ClientConnection::new(Arc::clone(&client), name).unwrap();
            let socket = TcpStream::connect(server.authority()).unwrap();
            check(send_all_then_read(StreamOwned::new(session, socket), head, piece));
        }
    }
    // A body that fits is read as ever, and its connection is not waited for.
    let begun = Instant::now();
    let answer = byway_testkit::fetch(
        &plain,
        "POST /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfits",
    );
    assert_eq!(answer.unwrap().text(), "fits");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(server.stop().unwrap().status.success());
}
