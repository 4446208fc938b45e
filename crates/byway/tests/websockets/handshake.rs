//! The handshake: what the upstream is asked, and what the client hears of its answer.

use std::time::Duration;

use super::side::{Listener, Side};
use super::{AGREED, SILENCE, Site, WAIT, line, wish};

#[test]
fn the_client_hears_of_the_switch_when_the_upstream_has_agreed() {
    let site = Site::start();
    let mut client = site.client();
    let more = "Origin: https://site.example\r\nCookie: a=1\r\nSec-WebSocket-Protocol: chat, other\r\n\
         X-Forwarded-For: 10.0.0.1\r\nProxy-Authorization: secret\r\nx-middleware-subrequest: 1\r\n";
    client.send(wish("/up/room/7?token=a%20b", more));
    let mut upstream = site.upstream.accept();
    let asked = upstream.head();
    assert!(asked.starts_with("GET /v1/room/7?token=a%20b HTTP/1.1\r\n"), "{asked}");
    assert_eq!(line(&asked, "connection"), Some("Upgrade"));
    assert_eq!(line(&asked, "upgrade"), Some("websocket"));
    assert_eq!(line(&asked, "host"), Some(format!("127.0.0.1:{}", site.upstream.port()).as_str()));
    assert_eq!(line(&asked, "x-forwarded-host"), Some("site.example"));
    assert_eq!(line(&asked, "x-forwarded-proto"), Some("http"));
    assert!(line(&asked, "x-forwarded-for").unwrap().starts_with("10.0.0.1, "), "{asked}");
    for (name, value) in [
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
        ("sec-websocket-protocol", "chat, other"),
        ("origin", "https://site.example"),
        ("cookie", "a=1"),
    ] {
        assert_eq!(line(&asked, name), Some(value), "{asked}");
    }
    for hidden in ["proxy-authorization", "x-middleware-subrequest", "content-length"] {
        assert_eq!(line(&asked, hidden), None, "{asked}");
    }
    client.assert_silent();
    upstream.send(
        AGREED.replace("\r\n\r\n", "\r\nSet-Cookie: b=2\r\nKeep-Alive: timeout=5\r\n\r\nhello"),
    );
    let answer = client.head();
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    for (name, value) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("sec-websocket-protocol", "chat"),
        ("set-cookie", "b=2"),
    ] {
        assert_eq!(line(&answer, name), Some(value), "{answer}");
    }
    for hidden in ["keep-alive", "content-length", "transfer-encoding"] {
        assert_eq!(line(&answer, hidden), None, "{answer}");
    }
    assert_eq!(answer.matches("onnection:").count() + answer.matches("pgrade:").count(), 2);
    // What the upstream has sent right behind its answer, and then both ways.
    assert_eq!(client.read_text(5), "hello");
    client.send("one");
    assert_eq!(upstream.read_text(3), "one");
    upstream.send("two");
    assert_eq!(client.read_text(3), "two");
}

#[test]
fn every_stage_of_rewrites_leads_to_upstreams() {
    let site = Site::start();
    for (target, path) in [("/before/x", "/b/x"), ("/after/x", "/a/x"), ("/up/x", "/v1/x")] {
        let mut client = site.client();
        client.send(wish(target, ""));
        let mut upstream = site.upstream.accept();
        assert!(upstream.head().starts_with(&format!("GET {path} ")), "{target}");
        upstream.send(AGREED);
        assert!(client.head().starts_with("HTTP/1.1 101 "), "{target}");
    }
}

#[test]
fn x07_nothing_reaches_the_upstream_before_it_has_agreed() {
    let site = Site::start();
    let mut client = site.client();
    client.send([wish("/up/x", "").as_str(), "early "].concat());
    let mut upstream = site.upstream.accept();
    upstream.head();
    client.send("bytes");
    upstream.assert_silent();
    upstream.send(AGREED);
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(upstream.read_text(11), "early bytes");
}

#[test]
fn x07_however_much_comes_early_waits_in_the_sockets() {
    let site = Site::start();
    let bytes: Vec<u8> = (0..4_000_000_u32).map(|at| (at % 251) as u8).collect();
    let mut client = site.client();
    client.send(wish("/up/x", ""));
    let mut upstream = site.upstream.accept();
    upstream.head();
    let (mut sender, early) = (Side(client.0.try_clone().unwrap()), bytes.clone());
    let sending = std::thread::spawn(move || sender.send(early));
    upstream.assert_silent();
    upstream.send(AGREED);
    assert!(upstream.read(bytes.len()) == bytes);
    sending.join().unwrap();
    assert!(client.head().starts_with("HTTP/1.1 101 "));
}

#[test]
fn a_client_that_leaves_during_the_handshake_ends_it() {
    // With the usual 30 s for an upstream.
    let config = "export default { rewrites: () => [\n\
         \x20 { source: '/up/:path*', destination: 'http://UPSTREAM/v1/:path*' },\n\
         ] }\n";
    let site = Site::with(
        &[("next.config.mjs", config), ("byway.toml", "[limits]\nwebsockets = 1\n")],
        |launch| launch,
    );
    let mut client = site.client();
    client.send(wish("/up/x", ""));
    let mut upstream = site.upstream.accept();
    upstream.head();
    drop(client);
    upstream.assert_ended();
    site.open_eventually("/up/x");
}

#[test]
fn connections_that_are_to_close_can_be_switched() {
    let site = Site::start();
    let closing = wish("/up/x", "").replace("keep-alive, Upgrade", "close, Upgrade");
    let (mut client, mut upstream) = site.open_with(&closing);
    client.send("up");
    assert_eq!(upstream.read_text(2), "up");
    // The server stops while the upstream thinks about it.
    let mut late = site.client();
    late.send(wish("/up/x", ""));
    let mut thinking = site.upstream.accept();
    thinking.head();
    site.server.terminate();
    assert!(site.server.wait_for_log("stopping", WAIT).is_some());
    thinking.send(AGREED);
    assert!(late.head().starts_with("HTTP/1.1 101 "));
    thinking.send("down");
    assert_eq!(late.read_text(4), "down");
    drop((client, upstream, late, thinking));
    assert_eq!(site.server.wait().unwrap().status.code(), Some(0));
}

#[test]
fn x07_behind_a_refusal_comes_the_next_request_and_nothing_for_the_upstream() {
    let site = Site::start();
    let mut client = site.client();
    client.send(
        [wish("/up/x", "").as_str(), "GET /own HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]
            .concat(),
    );
    let mut upstream = site.upstream.accept();
    upstream.head();
    upstream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nx-why: no\r\n\r\nno");
    let refused = client.head();
    assert!(refused.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{refused}");
    assert_eq!(line(&refused, "x-why"), Some("no"));
    assert_eq!(client.read_text(2), "no");
    assert!(client.head().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(client.read_text(3), "own");
    upstream.assert_silent();
}

#[test]
fn an_answer_that_is_no_switch_is_an_answer() {
    let site = Site::start();
    let mut client = site.client();
    for (answer, status) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nbody",
            "200 OK",
        ),
        (
            "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\nSec-WebSocket-Version: 13\r\n\r\nbody",
            "426 Upgrade Required",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
            "401 Unauthorized",
        ),
    ] {
        // All on one connection, which stays one of HTTP.
        client.send(wish("/up/x", ""));
        let mut upstream = site.upstream.accept();
        upstream.head();
        upstream.send(answer);
        let head = client.head();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        assert_eq!((line(&head, "upgrade"), line(&head, "content-length")), (None, Some("4")));
        assert_eq!(client.read_text(4), "body");
        drop(upstream);
    }
    client.send("GET /own HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn upstreams_that_fail_are_a_500() {
    let site = Site::start();
    let failed = |client: &mut Side, what: &str| {
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 500 "), "{what}: {head}");
        assert_eq!(client.read_text(21), "Internal Server Error", "{what}");
    };
    let mut client = site.client();
    client.send(wish("/dead/x", ""));
    failed(&mut client, "nobody listens");
    assert!(site.server.wait_for_log("upstream 127.0.0.1:1 of a rewrite failed", WAIT).is_some());
    for answer in [
        "",
        "what?\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
    ] {
        client.send(wish("/up/x", ""));
        let mut upstream = site.upstream.accept();
        upstream.head();
        upstream.send(answer);
        if answer.is_empty() {
            drop(upstream);
            failed(&mut client, "nothing");
        } else {
            failed(&mut client, answer);
            // The connection is given up: what is said on it is heard by nobody.
            upstream.assert_ended();
        }
    }
    // The handshake has the upstream's usual time, which the setting of next.config has made shorter.
    client.send(wish("/up/x", ""));
    let mut upstream = site.upstream.accept();
    upstream.head();
    failed(&mut client, "silence");
    assert!(site.server.wait_for_log("was silent for 1500 ms", WAIT).is_some());
}

#[test]
fn an_upstream_cannot_switch_a_connection_that_was_not_to_be_switched() {
    let site = Site::start();
    let mut client = site.client();
    client.send("GET /up/x HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = site.upstream.accept();
    assert_eq!(line(&upstream.head(), "upgrade"), None);
    upstream.send(AGREED);
    assert!(client.head().starts_with("HTTP/1.1 500 "));
    assert!(site.server.wait_for_log("a protocol that nobody asked for", WAIT).is_some());
}

#[test]
fn what_is_no_wish_for_a_websocket_is_forwarded_without_it() {
    let site = Site::start();
    let with = |line: &str| format!("GET /up/x HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n");
    for request in [
        with("Connection: Upgrade\r\nUpgrade: h2c"),
        with("Connection: Upgrade\r\nUpgrade: TLS/1.3"),
        with("Connection: keep-alive\r\nUpgrade: websocket"),
        with(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ),
        with("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2") + "ab",
        with("Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked")
            + "0\r\n\r\n",
        with("Connection: Upgrade\r\nUpgrade: websocket").replace("GET", "POST"),
        with("Connection: Upgrade\r\nUpgrade: websocket").replace("1.1", "1.0"),
    ] {
        let mut client = site.client();
        client.send(&request);
        let mut upstream = site.upstream.accept();
        let asked = upstream.head();
        for name in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(line(&asked, name), None, "{request}{asked}");
        }
        upstream.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        let head = client.head();
        assert!(head[8..].starts_with(" 204 "), "{request}{head}");
    }
}

#[test]
fn x10_a_wish_in_absolute_form_leads_where_the_rule_says() {
    let site = Site::start();
    let sink = Listener::start();
    let evil = format!("127.0.0.1:{}", sink.port());
    let mut statuses = Vec::new();
    for target in ["/", "/own", "/nowhere", "/up/x"] {
        let request = wish(&format!("http://{evil}{target}"), "").replace("site.example", &evil);
        let mut client = site.client();
        client.send(request);
        if target == "/up/x" {
            // A rule's path is asked for, and the rule says where that is.
            let mut upstream = site.upstream.accept();
            let asked = upstream.head();
            assert!(asked.starts_with("GET /v1/x HTTP/1.1\r\n"), "{asked}");
            assert_eq!(line(&asked, "x-forwarded-host"), Some(evil.as_str()));
            upstream.send(AGREED);
        }
        statuses.push(client.head()[9..12].to_owned());
    }
    assert_eq!(statuses, ["404", "200", "404", "101"]);
    for target in [
        format!("/up/@{evil}/x"),
        format!("/up/%0d%0aHost:{evil}/x"),
        format!("//{evil}/x"),
        format!("/\\{evil}/x"),
    ] {
        let mut client = site.client();
        client.send(wish(&target, ""));
        if let Some(mut upstream) = site.upstream.accept_within(SILENCE) {
            upstream.head();
            upstream.send(AGREED);
        }
        client.head();
    }
    // Another host than that of `Host`, and no host at all.
    for request in [wish(&format!("http://{evil}/up/x"), ""), wish(&evil, ""), wish("*", "")] {
        let mut client = site.client();
        client.send(&request);
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 4"), "{request}{head}");
    }
    assert!(sink.accept_within(SILENCE).is_none(), "a connection went out");
    assert!(site.upstream.accept_within(Duration::ZERO).is_none());
}

#[test]
fn where_no_rewrite_leads_elsewhere_a_wish_is_passed_over() {
    let site = Site::start();
    let mut client = site.client();
    client.send(wish("/own", ""));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(line(&head, "upgrade"), None);
    assert_eq!(client.read_text(3), "own");
    client.send(wish("/nowhere", ""));
    assert!(client.head().starts_with("HTTP/1.1 404 "));
    assert!(site.upstream.accept_within(SILENCE).is_none());
}
