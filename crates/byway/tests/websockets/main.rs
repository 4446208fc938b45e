//! WebSockets that rewrites lead to another server, byte by byte through the real binary.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

mod handshake;
mod policies;
mod proxied;
mod side;
mod streams;

use std::time::Duration;

use byway_testkit::{Fixture, TestServer, byway_binary};

use side::{Listener, Side};

/// How long something may take that takes no time.
const WAIT: Duration = Duration::from_secs(10);
/// How long nothing has to happen until it counts as not happening.
const SILENCE: Duration = Duration::from_millis(300);

/// What an upstream says that agrees.
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

/// A handshake as browsers send it.
fn wish(target: &str, lines: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: site.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n{lines}\r\n"
    )
}

/// A server whose rewrites lead to `upstream`, and nothing but rewrites at `/up`.
struct Site {
    fixture: Fixture,
    server: TestServer,
    upstream: Listener,
}

impl Site {
    fn start() -> Self {
        Self::with(&[], |launch| launch)
    }

    /// With more files, started in its own way.
    fn with(
        files: &[(&str, &str)],
        how: impl FnOnce(byway_testkit::Launch) -> byway_testkit::Launch,
    ) -> Self {
        let upstream = Listener::start();
        let port = upstream.port();
        let config = format!(
            "export default {{\n\
             \x20 experimental: {{ proxyTimeout: 1500 }},\n\
             \x20 async rewrites() {{ return {{\n\
             \x20   beforeFiles: [{{ source: '/before/:path*', destination: 'http://127.0.0.1:{port}/b/:path*' }}],\n\
             \x20   afterFiles: [{{ source: '/after/:path*', destination: 'http://127.0.0.1:{port}/a/:path*' }}],\n\
             \x20   fallback: [\n\
             \x20     {{ source: '/up/:path*', destination: 'http://127.0.0.1:{port}/v1/:path*' }},\n\
             \x20     {{ source: '/dead/:path*', destination: 'http://127.0.0.1:1/:path*' }},\n\
             \x20   ],\n\
             \x20 }} }},\n\
             }}\n"
        );
        let fixture = Fixture::new(&[
            ("next.config.mjs", config.as_str()),
            ("app/own/route.ts", "export const GET = () => new Response('own')\n"),
        ])
        .unwrap();
        for (path, text) in files {
            fixture.write(path, text.replace("UPSTREAM", &format!("127.0.0.1:{port}"))).unwrap();
        }
        let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
        let built = fixture.build(&binary).unwrap();
        assert_eq!(built.code(), Some(0), "{}", built.stderr);
        let server = how(TestServer::launch(&binary, fixture.path())).start().unwrap();
        Self { fixture, server, upstream }
    }

    fn client(&self) -> Side {
        Side::connect(self.server.authority())
    }

    /// A tunnel: the client's side and the upstream's.
    fn open(&self, target: &str) -> (Side, Side) {
        self.open_with(&wish(target, ""))
    }

    fn open_with(&self, wish: &str) -> (Side, Side) {
        let mut client = self.client();
        client.send(wish);
        let mut upstream = self.upstream.accept();
        upstream.head();
        upstream.send(AGREED);
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (client, upstream)
    }

    /// Waits until the server still has room for a WebSocket, which the end of another one makes a moment
    /// after its sides have seen it.
    fn open_eventually(&self, target: &str) -> (Side, Side) {
        let deadline = std::time::Instant::now() + WAIT;
        loop {
            let mut client = self.client();
            client.send(wish(target, ""));
            if let Some(mut upstream) = self.upstream.accept_within(SILENCE) {
                upstream.head();
                upstream.send(AGREED);
                assert!(client.head().starts_with("HTTP/1.1 101 "));
                return (client, upstream);
            }
            let head = client.head();
            assert!(std::time::Instant::now() < deadline, "{head}");
        }
    }
}

/// The value of a header in a head.
fn line<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}
