//! HTTP/2 as frames. After each attack somebody else is answered.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use byway_testkit::h2::{
    ACK, END_HEADERS, END_STREAM, Frame, H2Client, Outcome, PREFACE, block, kind, request,
};
use byway_testkit::{Fixture, TestServer};

use super::{ECHO, serve};

/// Error codes (RFC 9113 §7).
const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;
const WAIT: Duration = Duration::from_secs(10);

const SLOW: (&str, &str) = (
    "app/api/slow/route.ts",
    "export async function GET(request: Request) {\n\
     \x20 console.error('slow began')\n\
     \x20 await new Promise((go) => { setTimeout(go, 60_000).unref(); request.signal.onabort = go })\n\
     \x20 console.error('slow ended')\n\
     \x20 return new Response('slow')\n\
     }\n",
);
const BIG: (&str, &str) =
    ("app/api/big/route.ts", "export const GET = () => new Response('x'.repeat(1_000_000))\n");
const SINK: (&str, &str) = (
    "app/api/sink/route.ts",
    "export async function POST(request: Request) {\n\
     \x20 try { return new Response(String((await request.arrayBuffer()).byteLength)) }\n\
     \x20 catch (error) { console.error('sink broke off'); throw error }\n\
     }\n",
);

fn start() -> (Fixture, TestServer) {
    serve(&[ECHO, SLOW, BIG, SINK])
}

/// Somebody else is answered in time, and the server has not stumbled.
fn assert_others_are_served(server: &TestServer) {
    assert_eq!(server.get("/api/echo").unwrap().status, 200);
    let mut client = H2Client::connect(server.authority(), &[]).unwrap();
    client.get(1, server.authority(), "/api/echo").unwrap();
    assert!(matches!(client.outcome(1), Outcome::Answer(200, _)));
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}

fn headers(stream: u32, flags: u8, block: Vec<u8>) -> Frame {
    Frame::new(kind::HEADERS, flags | END_HEADERS, stream, block)
}

#[test]
fn prior_knowledge_is_enough_and_requests_look_alike() {
    let (_fixture, server) = start();
    let host = server.authority();
    let mut client = H2Client::connect(host, &[]).unwrap();
    let cookies = block(&[("cookie", "a=1"), ("cookie", "b=2")]);
    let head = [request("GET", host, "/api/echo?q=1"), cookies].concat();
    client.frame(&headers(1, END_STREAM, head)).unwrap();
    let Outcome::Answer(200, body) = client.outcome(1) else { panic!("no answer") };
    let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(seen["url"], format!("http://{host}/api/echo?q=1"));
    assert_eq!(
        (&seen["headers"]["cookie"], &seen["headers"]["host"]),
        (&"a=1; b=2".into(), &host.into())
    );
    // Many at once, and a body that waits for its handler.
    for index in 0..50 {
        client.get(3 + 2 * index, host, "/api/big").unwrap();
        let window = Frame::new(kind::WINDOW_UPDATE, 0, 3 + 2 * index, 1_000_000_u32.to_be_bytes());
        client.frame(&window).unwrap();
    }
    client.frame(&Frame::new(kind::WINDOW_UPDATE, 0, 0, 100_000_000_u32.to_be_bytes())).unwrap();
    let Outcome::Answer(200, body) = client.outcome(101) else { panic!("no answer") };
    assert_eq!(body.len(), 1_000_000);
    client.frame(&headers(103, 0, request("POST", host, "/api/sink"))).unwrap();
    client.frame(&Frame::new(kind::DATA, 0, 103, "12345")).unwrap();
    client.frame(&Frame::new(kind::DATA, END_STREAM, 103, "678")).unwrap();
    assert_eq!(client.outcome(103), Outcome::Answer(200, b"8".to_vec()));
}

#[test]
fn http2_can_be_switched_off() {
    let (_fixture, server) = serve(&[ECHO, ("byway.toml", "[server]\nhttp2 = false\n")]);
    let mut client = TcpStream::connect(server.authority()).unwrap();
    client.set_read_timeout(Some(WAIT)).unwrap();
    let settings = Frame::new(kind::SETTINGS, 0, 0, []).bytes();
    client.write_all(&[PREFACE, &settings].concat()).unwrap();
    let mut came = Vec::new();
    client.read_to_end(&mut came).unwrap();
    // Refused in HTTP/1.1 or not at all, and no frame.
    assert!(came.is_empty() || came.starts_with(b"HTTP/1.1 4"), "{came:?}");
    assert_eq!(server.get("/api/echo").unwrap().status, 200);
}

#[test]
fn h01_h02_streams_that_are_reset_at_once_end_the_connection() {
    let (_fixture, server) = start();
    let host = server.authority();
    // In one write, as the attack does it.
    let mut client = H2Client::connect(host, &[]).unwrap();
    let mut flood = Vec::new();
    for index in 0..10_000_u32 {
        let stream = 1 + 2 * index;
        let head = request("GET", host, "/api/slow");
        flood.extend(headers(stream, END_STREAM, head).bytes());
        flood.extend(Frame::new(kind::RST_STREAM, 0, stream, 8_u32.to_be_bytes()).bytes());
    }
    // The server may close before all is written.
    let _ = client.send(&flood);
    assert!(client.closed_within(WAIT).is_some());
    // And one by one.
    let mut client = H2Client::connect(host, &[]).unwrap();
    for index in 0..500_u32 {
        let stream = 1 + 2 * index;
        let sent = client.get(stream, host, "/api/slow").and_then(|()| {
            client.frame(&Frame::new(kind::RST_STREAM, 0, stream, 8_u32.to_be_bytes()))
        });
        if sent.is_err() {
            break;
        }
    }
    assert!(client.closed_within(WAIT).is_some());
    assert_others_are_served(&server);
    let began = server.stderr().matches("slow began").count();
    assert!(began <= 300, "{began} handlers were started");
}

#[test]
fn h02_streams_that_we_have_to_reset_end_the_connection() {
    let (_fixture, server) = start();
    let mut client = H2Client::connect(server.authority(), &[]).unwrap();
    // Each update of nothing is an error of its stream (RFC 9113 §6.9).
    for index in 0..2_000_u32 {
        let stream = 1 + 2 * index;
        let sent = client.get(stream, server.authority(), "/api/slow").and_then(|()| {
            client.frame(&Frame::new(kind::WINDOW_UPDATE, 0, stream, 0_u32.to_be_bytes()))
        });
        if sent.is_err() {
            break;
        }
    }
    let code = client.closed_within(WAIT);
    assert!(matches!(code, Some(Some(ENHANCE_YOUR_CALM | PROTOCOL_ERROR) | None)), "{code:?}");
    assert_others_are_served(&server);
    let began = server.stderr().matches("slow began").count();
    assert!(began <= 300, "{began} handlers were started");
}

#[test]
fn h03_header_blocks_are_bounded() {
    let (_fixture, server) = start();
    let host = server.authority();
    // A block that never ends.
    let mut client = H2Client::connect(host, &[]).unwrap();
    client.frame(&Frame::new(kind::HEADERS, END_STREAM, 1, request("GET", host, "/"))).unwrap();
    let piece = Frame::new(kind::CONTINUATION, 0, 1, block(&[("a", "b")])).bytes();
    for _ in 0..100_000 {
        if client.send(&piece).is_err() {
            break;
        }
    }
    assert!(client.closed_within(WAIT).is_some());
    // A megabyte in one block, and more lines than there may be.
    let long = "x".repeat(1_000);
    let mut client = H2Client::connect(host, &[]).unwrap();
    client.frame(&Frame::new(kind::HEADERS, END_STREAM, 1, request("GET", host, "/"))).unwrap();
    for index in 0..1_000 {
        let flags = if index == 999 { END_HEADERS } else { 0 };
        let piece = Frame::new(kind::CONTINUATION, flags, 1, block(&[("a", &long)]));
        if client.frame(&piece).is_err() {
            break;
        }
    }
    assert!(!matches!(client.outcome(1), Outcome::Answer(200, _) | Outcome::Silence));
    for (fields, length) in [(201, 1), (20, 1_000)] {
        let mut client = H2Client::connect(host, &[]).unwrap();
        let value = "x".repeat(length);
        let mut head = request("GET", host, "/api/echo");
        (0..fields).for_each(|_| head.extend(block(&[("a", &value)])));
        let (first, rest) = head.split_at(head.len().min(16_000));
        client.frame(&Frame::new(kind::HEADERS, END_STREAM, 1, first)).unwrap();
        client.frame(&Frame::new(kind::CONTINUATION, END_HEADERS, 1, rest)).unwrap();
        assert!(matches!(client.outcome(1), Outcome::Answer(431, _)), "{fields} fields");
    }
    assert_others_are_served(&server);
}

#[test]
fn h04_data_frames_without_data_are_bounded() {
    let (_fixture, server) = start();
    let host = server.authority();
    let mut client = H2Client::connect(host, &[]).unwrap();
    client.frame(&headers(1, 0, request("POST", host, "/api/sink"))).unwrap();
    let empty = Frame::new(kind::DATA, 0, 1, "").bytes();
    for _ in 0..50_000 {
        if client.send(&empty).is_err() {
            break;
        }
    }
    assert!(matches!(client.outcome(1), Outcome::Closed(_) | Outcome::Reset(_)));
    assert_others_are_served(&server);
}

#[test]
fn h05_floods_of_control_frames_end_the_connection() {
    let (_fixture, server) = start();
    let frames = [
        Frame::new(kind::PING, 0, 0, [0; 8]),
        Frame::new(kind::SETTINGS, 0, 0, ""),
        Frame::new(kind::PRIORITY, 0, 1, [0, 0, 0, 3, 0]),
        Frame::new(kind::PING, ACK, 0, [0; 8]),
        Frame::new(0xbe, 0, 0, "x"),
    ];
    for frame in frames {
        let mut client = H2Client::connect(server.authority(), &[]).unwrap();
        let flood = frame.bytes().repeat(20_000);
        let _ = client.send(&flood);
        assert!(client.closed_within(WAIT).is_some(), "{frame:?}");
    }
    assert_others_are_served(&server);
}

#[test]
fn h06_a_client_that_keeps_its_windows_shut_holds_nobody_up() {
    let (_fixture, server) = start();
    let host = server.authority();
    // The initial window of each stream is nothing.
    let mut client = H2Client::connect(host, &[(4, 0)]).unwrap();
    for index in 0..200 {
        client.get(1 + 2 * index, host, "/api/big").unwrap();
    }
    // Those beyond the limit are refused, the others wait without a byte of data.
    assert_eq!(client.outcome(399), Outcome::Reset(7));
    assert_others_are_served(&server);
    let soon = Instant::now() + Duration::from_millis(500);
    while let Ok(Some(frame)) = client.next(soon) {
        assert!(frame.kind != kind::DATA || frame.payload.is_empty(), "{frame:?}");
    }
}

#[test]
fn h07_heads_that_could_mean_two_things_are_refused() {
    let (_fixture, server) = start();
    let host = server.authority();
    let own = |fields: &[(&str, &str)]| [request("GET", host, "/api/echo"), block(fields)].concat();
    let full = |fields: &[(&str, &str)]| block(fields);
    let method = (":method", "GET");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("another host", own(&[("host", "other.example")])),
        ("two hosts", own(&[("host", host), ("host", host)])),
        ("CR LF", own(&[("a", "b\r\nc: d")])),
        ("NUL", own(&[("a", "b\0")])),
        ("upper case", own(&[("Name", "x")])),
        ("connection", own(&[("connection", "close")])),
        ("transfer-encoding", own(&[("transfer-encoding", "chunked")])),
        ("te", own(&[("te", "gzip")])),
        ("late pseudo field", own(&[(":path", "/")])),
        ("unknown pseudo field", own(&[(":secret", "x")])),
        ("no authority", full(&[method, (":scheme", "http"), (":path", "/api/echo")])),
        ("no path", full(&[method, (":scheme", "http"), (":authority", host)])),
        ("empty path", full(&[method, (":scheme", "http"), (":path", ""), (":authority", host)])),
        ("user in authority", request("GET", &format!("a@{host}"), "/api/echo")),
        ("CONNECT", full(&[(":method", "CONNECT"), (":authority", host)])),
    ];
    for (what, head) in cases {
        let mut client = H2Client::connect(host, &[]).unwrap();
        client.frame(&headers(1, END_STREAM, head)).unwrap();
        let outcome = client.outcome(1);
        let refused =
            matches!(outcome, Outcome::Answer(400, _) | Outcome::Reset(_) | Outcome::Closed(_));
        assert!(refused, "{what}: {outcome:?}");
    }
    let runs = server.get("/api/echo").unwrap().json()["runs"].clone();
    assert_eq!(runs, 1, "a handler ran for a request that was refused");
}

#[test]
fn h08_a_length_that_is_not_that_of_the_data_breaks_the_request_off() {
    let (_fixture, server) = start();
    let host = server.authority();
    for (length, data) in [("200000", "x"), ("1", "xxx")] {
        let mut client = H2Client::connect(host, &[]).unwrap();
        let head = [request("POST", host, "/api/sink"), block(&[("content-length", length)])];
        client.frame(&headers(1, 0, head.concat())).unwrap();
        client.frame(&Frame::new(kind::DATA, END_STREAM, 1, data)).unwrap();
        let outcome = client.outcome(1);
        assert!(!matches!(outcome, Outcome::Answer(200, _) | Outcome::Silence), "{outcome:?}");
    }
    // The one that was streamed had begun; its handler learns that the body broke off.
    assert!(server.wait_for_log("sink broke off", WAIT).is_some(), "{}", server.stderr());
    assert_others_are_served(&server);
}

#[test]
fn h09_a_preface_that_never_ends_is_not_waited_for() {
    let (_fixture, server) = start();
    let mut silent = H2Client::connect_silently(server.authority()).unwrap();
    let begun = Instant::now();
    let mut dribbling = H2Client::connect_silently(server.authority()).unwrap();
    for byte in &PREFACE[..10] {
        dribbling.send(&[*byte]).unwrap();
    }
    assert_others_are_served(&server);
    // The first byte has its own deadline.
    assert!(silent.closed_within(Duration::from_secs(14)).is_some());
    assert!(begun.elapsed() > Duration::from_secs(9));
    // The rest of a preface has that of a head.
    assert!(dribbling.closed_within(Duration::from_secs(35)).is_some());
    assert!(begun.elapsed() > Duration::from_secs(29));
}

#[test]
fn h10_frames_that_break_a_rule_are_connection_errors() {
    let (_fixture, server) = start();
    let host = server.authority();
    let head = request("GET", host, "/api/echo");
    let cases: Vec<(&str, Vec<Frame>)> = vec![
        ("DATA on the connection", vec![Frame::new(kind::DATA, 0, 0, "x")]),
        ("HEADERS on the connection", vec![headers(0, END_STREAM, head.clone())]),
        ("an even stream", vec![headers(2, END_STREAM, head.clone())]),
        ("SETTINGS on a stream", vec![Frame::new(kind::SETTINGS, 0, 1, "")]),
        ("SETTINGS of a wrong length", vec![Frame::new(kind::SETTINGS, 0, 0, "12345")]),
        (
            "a window that is too large",
            vec![Frame::new(kind::SETTINGS, 0, 0, [0, 4, 255, 255, 255, 255])],
        ),
        ("frames that are too small", vec![Frame::new(kind::SETTINGS, 0, 0, [0, 5, 0, 0, 0, 1])]),
        ("PING of a wrong length", vec![Frame::new(kind::PING, 0, 0, "1234567")]),
        ("PING on a stream", vec![Frame::new(kind::PING, 0, 1, [0; 8])]),
        ("an update of nothing", vec![Frame::new(kind::WINDOW_UPDATE, 0, 0, [0; 4])]),
        ("CONTINUATION alone", vec![Frame::new(kind::CONTINUATION, END_HEADERS, 1, head.clone())]),
        (
            "another frame within a header block",
            vec![
                Frame::new(kind::HEADERS, END_STREAM, 1, head.clone()),
                Frame::new(kind::PING, 0, 0, [0; 8]),
            ],
        ),
        ("a push from a client", vec![Frame::new(5, END_HEADERS, 1, [0, 0, 0, 2])]),
        ("a frame that is too large", vec![Frame::new(kind::DATA, 0, 1, vec![0; 16_385])]),
        ("RST_STREAM of an idle stream", vec![Frame::new(kind::RST_STREAM, 0, 9, [0; 4])]),
        ("a header block that is none", vec![headers(1, END_STREAM, vec![0xff; 8])]),
        ("padding longer than its frame", vec![Frame::new(kind::HEADERS, 0xd, 1, [200, 0])]),
    ];
    for (what, frames) in cases {
        let mut client = H2Client::connect(host, &[]).unwrap();
        for frame in frames {
            let _ = client.frame(&frame);
        }
        let closed = client.closed_within(WAIT);
        assert!(!matches!(closed, None | Some(Some(0))), "{what}: {closed:?}");
    }
    let mut client = H2Client::connect_silently(host).unwrap();
    client.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").unwrap();
    assert!(client.closed_within(WAIT).is_some());
    // An ordinary end: a client says goodbye.
    let mut client = H2Client::connect(host, &[]).unwrap();
    client.frame(&Frame::new(kind::GOAWAY, 0, 0, [0; 8])).unwrap();
    assert!(client.closed_within(WAIT).is_some());
    assert_eq!(server.get("/api/echo").unwrap().json()["runs"], 1);
}

#[test]
fn s01_streams_in_flight_are_finished_when_the_server_stops() {
    let (_fixture, server) = serve(&[(
        "app/api/wait/route.ts",
        "export async function GET() {\n\
         \x20 console.error('waiting')\n\
         \x20 await new Promise((go) => setTimeout(go, 500))\n\
         \x20 return new Response('done')\n\
         }\n",
    )]);
    let mut client = H2Client::connect(server.authority(), &[]).unwrap();
    client.get(1, server.authority(), "/api/wait").unwrap();
    server.wait_for_log("waiting", WAIT).unwrap();
    server.terminate();
    assert_eq!(client.outcome(1), Outcome::Answer(200, b"done".to_vec()));
    assert_eq!(server.wait().unwrap().status.code(), Some(0));
}
