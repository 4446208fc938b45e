use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Framing, RawClient, RawResponse, ReadError, fetch};

/// Serves one connection: reads the head of a request, then writes `pieces`, and closes.
fn serve(pieces: &'static [&'static [u8]]) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        for piece in pieces {
            stream.write_all(piece).unwrap();
        }
    });
    (authority, server)
}

fn answer(pieces: &'static [&'static [u8]]) -> Result<RawResponse, ReadError> {
    let (authority, server) = serve(pieces);
    let result = fetch(&authority, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    server.join().unwrap();
    result
}

#[test]
fn length_framing_keeps_header_case_and_pipelined_bytes() {
    let (authority, server) = serve(&[
        b"HTTP/1.1 200 OK\r\nX-Case:  a \r\nset-cookie: a\r\nSet-Cookie: b\r\n",
        b"Content-Length: 2\r\n\r\nhiHTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    ]);
    let mut client = RawClient::connect(&authority).unwrap();
    client.send("GET / HTTP/1.1\r\n\r\n").unwrap();
    let first = client.read().unwrap();
    assert_eq!((first.status, first.text().as_str(), first.complete), (200, "hi", true));
    assert_eq!(first.headers[0], ("X-Case".to_owned(), "a".to_owned()));
    assert_eq!(first.header_all("SET-COOKIE").collect::<Vec<_>>(), ["a", "b"]);
    let second = client.read().unwrap();
    assert_eq!((second.status, second.reason.as_str()), (404, "Not Found"));
    assert!(client.closed_within(Duration::from_secs(5)));
    server.join().unwrap();
}

#[test]
fn chunks_trailers_and_interim_answers_are_reported() {
    let response = answer(&[
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-sum: 1\r\n\r\n",
    ])
    .unwrap();
    assert_eq!(response.interim, [100]);
    assert_eq!(response.framing, Framing::Chunked);
    assert_eq!(response.text(), "abcde");
    assert_eq!(response.chunks.len(), 2);
    assert_eq!(response.trailers, ["x-sum: 1"]);
    assert!(response.complete);
}

#[test]
fn a_broken_off_body_is_incomplete_and_not_an_error() {
    let chunked =
        answer(&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde"]);
    let chunked = chunked.unwrap();
    assert_eq!((chunked.text().as_str(), chunked.complete), ("abc", false));
    let length = answer(&[b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"]).unwrap();
    assert_eq!((length.text().as_str(), length.complete), ("abc", false));
    let close = answer(&[b"HTTP/1.1 200 OK\r\n\r\nabc"]).unwrap();
    assert_eq!(
        (close.framing, close.text().as_str(), close.complete),
        (Framing::Close, "abc", true)
    );
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    let empty = answer(&[b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"]).unwrap();
    assert_eq!((empty.framing, empty.body.len()), (Framing::None, 0));
    let (authority, server) = serve(&[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"]);
    let head = fetch(&authority, "HEAD / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!((head.framing, head.complete), (Framing::None, true));
    server.join().unwrap();
}

#[test]
fn what_is_not_http_is_an_error() {
    assert!(matches!(answer(&[b"hello\r\n\r\n"]), Err(ReadError::StatusLine(_))));
    assert!(matches!(answer(&[b"HTTP/1.1 2x0 OK\r\n\r\n"]), Err(ReadError::StatusLine(_))));
    assert!(matches!(answer(&[b"HTTP/1.1 200"]), Err(ReadError::Closed)));
    let length = answer(&[b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"]);
    assert!(matches!(length, Err(ReadError::Length(_))));
    let chunk = answer(&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"]);
    assert!(matches!(chunk, Err(ReadError::Length(_))));
}

#[test]
fn a_silent_server_is_a_timeout_and_not_a_close() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let mut client = RawClient::connect_within(&authority, Duration::from_millis(30)).unwrap();
    let begun = Instant::now();
    assert!(matches!(client.read(), Err(ReadError::Timeout)));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(!client.closed_within(Duration::from_millis(10)));
}
