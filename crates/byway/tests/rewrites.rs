//! External rewrites: what an upstream is sent and what the client gets back, byte by byte.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use byway_testkit::{Fixture, Framing, TestServer, byway_binary};

const WAIT: Duration = Duration::from_secs(10);

/// A server that keeps what it is sent.
struct Upstream {
    port: u16,
    requests: Receiver<String>,
    /// Lets the answer of `/slow` go on.
    go_on: Sender<()>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = channel();
        let (go_on, signals) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&mut stream.unwrap(), &sender, &signals);
            }
        });
        Self { port, requests, go_on }
    }

    fn next(&self) -> String {
        self.requests.recv_timeout(WAIT).unwrap()
    }

    fn is_untouched(&self) -> bool {
        self.requests.try_recv().is_err()
    }
}

/// Reads one request and answers it by its path.
fn serve(stream: &mut TcpStream, requests: &Sender<String>, signals: &Receiver<()>) {
    let Some(request) = read_request(stream) else { return };
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = format!("got {path}");
    let _ = requests.send(request);
    let length = body.len();
    let _ = if path.starts_with("/v1/slow") {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .unwrap();
        signals.recv_timeout(WAIT).unwrap();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n")
    } else if path.starts_with("/v1/broken") {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")
    } else if path.starts_with("/v1/silent") {
        // Until byway gives up.
        stream.read(&mut [0]).map(|_| ())
    } else if path.starts_with("/v1/garbage") {
        stream.write_all(b"what?\r\n\r\n")
    } else {
        let head = format!(
            "HTTP/1.1 201 Made Up\r\ncontent-length: {length}\r\nconnection: close, x-hop\r\nx-hop: 1\r\n\
             set-cookie: a=1\r\nset-cookie: b=2\r\nx-kept: yes\r\nkeep-alive: timeout=5\r\n\r\n"
        );
        let shown = if request_is_head(&path) { "" } else { &body };
        stream.write_all([head.as_str(), shown].concat().as_bytes())
    };
}

fn request_is_head(path: &str) -> bool {
    path.contains("head")
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(WAIT)).unwrap();
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let is_whole = match length {
            Some(length) => body.len() >= length.parse::<usize>().unwrap(),
            None => !head.contains("transfer-encoding: chunked") || body.ends_with("0\r\n\r\n"),
        };
        if is_whole {
            return Some(text);
        }
    }
}

fn project(port: u16) -> (Fixture, TestServer) {
    let config = format!(
        "export default {{\n\
         \x20 experimental: {{ proxyTimeout: 1500 }},\n\
         \x20 async headers() {{ return [{{ source: '/:p*', headers: [{{ key: 'x-config', value: '1' }}] }}] }},\n\
         \x20 async rewrites() {{ return {{ fallback: [\n\
         \x20   {{ source: '/up/:path*', destination: 'http://127.0.0.1:{port}/v1/:path*' }},\n\
         \x20   {{ source: '/to', has: [{{ type: 'query', key: 'u', value: '(?<u>.*)' }}], destination: 'http://127.0.0.1:{port}/v1/:u' }},\n\
         \x20   {{ source: '/tenant/:name', destination: 'http://:name.localhost:{port}/v1/t' }},\n\
         \x20   {{ source: '/dead/:path*', destination: 'http://127.0.0.1:1/:path*' }},\n\
         \x20 ] }} }},\n\
         }}\n"
    );
    let fixture = Fixture::new(&[
        ("next.config.mjs", config.as_str()),
        ("app/own/route.ts", "export const GET = () => new Response('own')\n"),
    ])
    .unwrap();
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, server)
}

/// The value of a header in a request as it came.
fn line<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let head = request.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[test]
fn the_upstream_gets_the_request_and_the_client_the_answer() {
    let upstream = Upstream::start();
    let (_fixture, server) = project(upstream.port);
    let headers = [
        ("Authorization", "Bearer x"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Cookie", "a=1"),
        ("Accept", "*/*"),
    ];
    let answer = server.request("POST", "/up/a/b%20c?x=1&y=a+b", &headers, "body").unwrap();
    let request = upstream.next();
    assert!(request.starts_with("POST /v1/a/b%20c?x=1&y=a%20b HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nbody"), "{request}");
    let port = upstream.port;
    assert_eq!(line(&request, "host"), Some(format!("127.0.0.1:{port}").as_str()));
    assert_eq!(line(&request, "x-forwarded-host"), Some(server.authority()));
    assert_eq!(line(&request, "x-forwarded-proto"), Some("http"));
    let chain = line(&request, "x-forwarded-for").unwrap();
    assert!(["10.0.0.1, 127.0.0.1", "10.0.0.1, ::1"].contains(&chain), "{chain}");
    assert_eq!(line(&request, "content-length"), Some("4"));
    assert_eq!(line(&request, "authorization"), Some("Bearer x"));
    assert_eq!((answer.status, answer.reason.as_str()), (201, "Made Up"));
    assert_eq!(answer.text(), "got /v1/a/b%20c?x=1&y=a%20b");
    assert_eq!(answer.framing, Framing::Length);
    assert_eq!(answer.header_all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(answer.header("x-kept"), Some("yes"));
    for hop in ["x-hop", "keep-alive", "x-config"] {
        assert_eq!(answer.header(hop), None, "{hop}");
    }
}

#[test]
fn answers_are_streamed() {
    let upstream = Upstream::start();
    let (_fixture, server) = project(upstream.port);
    let mut client = server.connect().unwrap();
    client.send("GET /up/slow HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // The upstream sends the second half only when the client has the beginning.
    let head = client.read_head().unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, None));
    upstream.go_on.send(()).unwrap();
    assert!(upstream.next().starts_with("GET /v1/slow "));
    drop(client);
    upstream.go_on.send(()).unwrap();
    let whole = server.get("/up/slow").unwrap();
    assert_eq!((whole.text().as_str(), whole.complete), ("firstsecond", true));
}

#[test]
fn x06_bodies_are_framed_anew() {
    let upstream = Upstream::start();
    let (_fixture, server) = project(upstream.port);
    for method in ["DELETE", "OPTIONS", "POST"] {
        let mut client = server.connect().unwrap();
        let request = format!(
            "{method} /up/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
             Connection: close, X-Secret, Authorization\r\nX-Secret: 1\r\nAuthorization: kept\r\n\r\n\
             3\r\nabc\r\n23\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n\r\n0\r\n\r\n"
        );
        client.send(request).unwrap();
        assert_eq!(client.read().unwrap().status, 201, "{method}");
        let request = upstream.next();
        assert!(request.starts_with(&format!("{method} /v1/x HTTP/1.1\r\n")), "{request}");
        assert_eq!(line(&request, "transfer-encoding"), Some("chunked"), "{request}");
        assert_eq!(line(&request, "content-length"), None, "{request}");
        assert_eq!(line(&request, "x-secret"), None, "{request}");
        assert_eq!(line(&request, "authorization"), Some("kept"), "{request}");
        // The inner text is data of one request, and no request of its own.
        assert!(request.ends_with("0\r\n\r\n"), "{request}");
        assert!(upstream.is_untouched(), "{method}");
    }
}

#[test]
fn x05_internal_headers_are_sent_to_nobody() {
    let upstream = Upstream::start();
    let (_fixture, server) = project(upstream.port);
    let headers = [
        ("x-middleware-subrequest-id", "1"),
        ("x-nextjs-data", "1"),
        ("x-byway-route", "1"),
        ("next-resume", "1"),
        ("Proxy-Authorization", "1"),
        ("TE", "trailers"),
    ];
    server.request("GET", "/up/x", &headers, "").unwrap();
    let request = upstream.next();
    for (name, _) in headers {
        assert_eq!(line(&request, name), None, "{request}");
    }
}

#[test]
fn x10_a_request_cannot_choose_the_upstream() {
    let upstream = Upstream::start();
    let other = Upstream::start();
    let (_fixture, server) = project(upstream.port);
    let evil = format!("127.0.0.1:{}", other.port);
    let targets = [
        format!("/to?u=@{evil}/x"),
        format!("/to?u=//{evil}/x"),
        format!("/to?u=%5C%5C{evil}/x"),
        format!("/up/@{evil}/x"),
        format!("/up/%0d%0aHost:{evil}/x"),
        "/tenant/127.0.0.1%23".to_owned(),
        format!("/tenant/{evil}%2f"),
        "/tenant/a.evil".to_owned(),
        "/tenant/a@b".to_owned(),
    ];
    for target in &targets {
        let answer = server.get(target).unwrap();
        assert!([201, 400].contains(&answer.status), "{target}: {}", answer.status);
    }
    for target in ["/to?u=..", "/to?u=../admin", "/to?u=a/%2e%2e/b"] {
        assert_eq!(server.get(target).unwrap().status, 400, "{target}");
    }
    for raw in [
        format!("GET http://{evil}/none HTTP/1.1\r\nHost: {evil}\r\n\r\n"),
        format!("CONNECT {evil} HTTP/1.1\r\nHost: {evil}\r\n\r\n"),
        format!(
            "GET http://{evil}/ HTTP/1.1\r\nHost: {evil}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        ),
    ] {
        let mut client = server.connect().unwrap();
        client.send(&raw).unwrap();
        let status = client.read().map_or(400, |answer| answer.status);
        assert!(status >= 400, "{raw}: {status}");
    }
    assert!(other.is_untouched());
}

#[test]
fn upstreams_that_fail_are_a_500() {
    let upstream = Upstream::start();
    let (_fixture, server) = project(upstream.port);
    for path in ["/dead/x", "/up/garbage", "/up/silent"] {
        let answer = server.get(path).unwrap();
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (500, "Internal Server Error"),
            "{path}"
        );
    }
    let broken = server.get("/up/broken").unwrap();
    assert!(!broken.complete, "a broken answer must not look complete");
    assert!(server.wait_for_log("upstream 127.0.0.1:1 of a rewrite failed", WAIT).is_some());
    assert_eq!(server.get("/own").unwrap().text(), "own");
}

#[test]
fn head_keeps_its_length() {
    let upstream = Upstream::start();
    let (_fixture, server) = project(upstream.port);
    let answer = server.request("HEAD", "/up/head", &[], "").unwrap();
    assert_eq!((answer.status, answer.header("content-length")), (201, Some("12")));
    assert!(answer.body.is_empty());
}

/// An HTTPS server of Node's, killed when it is dropped.
struct Secure {
    process: std::process::Child,
    port: String,
}

impl Secure {
    fn start(certificates: &std::path::Path) -> Self {
        let script = "const { readFileSync: read } = require('node:fs')\n\
             const server = require('node:https').createServer({ cert: read('localhost.pem'), key: read('localhost-key.pem') },\n\
             \x20 (request, response) => response.end('secure ' + request.url))\n\
             server.listen(0, () => console.log(server.address().port))\n";
        let mut process = std::process::Command::new("node")
            .args(["-e", script])
            .current_dir(certificates)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let stdout = process.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut port).unwrap();
        Self { process, port: port.trim().to_owned() }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn upstreams_with_tls_must_be_whom_they_claim_to_be() {
    let manifest_dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let certificates = manifest_dir.join("../../tests/fixtures/tls");
    let upstream = Secure::start(&certificates);
    let port = &upstream.port;
    let config = format!(
        "export default {{ rewrites: () => [\n\
         \x20 {{ source: '/up/:p*', destination: 'https://localhost:{port}/:p*' }},\n\
         \x20 {{ source: '/other/:p*', destination: 'https://127.0.0.1:{port}/:p*' }},\n\
         ] }}\n"
    );
    let files = [
        ("next.config.mjs", config.as_str()),
        ("app/own/route.ts", "export const GET = () => new Response('own')\n"),
    ];
    let fixture = Fixture::new(&files).unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    assert_eq!(fixture.build(&binary).unwrap().code(), Some(0));
    let start = || TestServer::launch(&binary, fixture.path());
    let trusting = start().env("NODE_EXTRA_CA_CERTS", certificates.join("ca.pem")).start().unwrap();
    assert_eq!(trusting.get("/up/a?b=1").unwrap().text(), "secure /a?b=1", "{}", trusting.stderr());
    assert_eq!(trusting.get("/other/a").unwrap().status, 500, "the name is another one");
    let strict = start().start().unwrap();
    assert_eq!(strict.get("/up/a").unwrap().status, 500, "nobody known has signed it");
    assert!(strict.wait_for_log("invalid peer certificate", WAIT).is_some());
}
