//! What policies, limits, the log and the counters say of WebSockets.

use std::time::{Duration, Instant};

use byway_testkit::RawClient;

use super::side::Side;
use super::{AGREED, SILENCE, Site, WAIT, line, wish};

fn with_settings(settings: &str) -> Site {
    Site::with(&[("byway.toml", settings)], |launch| launch)
}

/// The status and the head of an answer without a tunnel.
fn refused(site: &Site, request: &str) -> (u16, String) {
    let mut client = site.client();
    client.send(request);
    let head = client.head();
    assert!(site.upstream.accept_within(Duration::ZERO).is_none(), "the upstream was asked");
    (head[9..12].parse().unwrap(), head)
}

#[test]
fn l09_so_many_websockets_are_open_at_once() {
    let site = with_settings("[limits]\nwebsockets = 1\n");
    let (mut client, mut upstream) = site.open("/up/x");
    let (status, head) = refused(&site, &wish("/up/x", ""));
    assert_eq!((status, line(&head, "retry-after")), (503, Some("1")));
    // Requests are none of them.
    assert_eq!(site.server.get("/own").unwrap().status, 200);
    client.send("goes on");
    assert_eq!(upstream.read_text(7), "goes on");
    drop((client, upstream));
    let (client, upstream) = site.open_eventually("/up/x");
    drop((client, upstream));
    // A handshake that fails gives its place back too.
    for _ in 0..3 {
        let mut client = site.client();
        client.send(wish("/dead/x", ""));
        let head = client.head();
        assert!(["500", "503"].contains(&&head[9..12]), "{head}");
    }
    site.open_eventually("/up/x");
}

#[test]
fn websockets_can_be_switched_off() {
    let site = with_settings("[limits]\nwebsockets = 0\n");
    assert_eq!(refused(&site, &wish("/up/x", "")).0, 503);
}

#[test]
fn policies_hold_for_handshakes_and_places_for_all_of_a_tunnel() {
    let site = with_settings(
        "[[route]]\npath = \"/up/limited\"\nrate_limit = { limit = 1, window = \"1h\", key = \"route\" }\n\
         security_headers = true\n\n\
         [[route]]\npath = \"/up/one\"\nconcurrency = 1\n",
    );
    let mut client = site.client();
    client.send(wish("/up/limited", ""));
    let mut upstream = site.upstream.accept();
    upstream.head();
    upstream.send(AGREED);
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(line(&head, "ratelimit").is_some(), "{head}");
    assert_eq!(line(&head, "x-content-type-options"), Some("nosniff"), "{head}");
    assert_eq!(refused(&site, &wish("/up/limited", "")).0, 429);

    let (client, upstream) = site.open("/up/one");
    assert_eq!(refused(&site, &wish("/up/one", "")).0, 503);
    assert_eq!(site.server.get("/up/one").unwrap().status, 503);
    drop((client, upstream));
    site.open_eventually("/up/one");
}

#[test]
fn x08_pages_of_other_sites_open_no_websocket_where_that_is_checked() {
    let site = with_settings(
        "[[route]]\npath = \"/up/:path*\"\ncsrf = { trusted_origins = [\"https://friend.example\"] }\n",
    );
    for lines in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n",
    ] {
        assert_eq!(refused(&site, &wish("/up/x", lines)).0, 403, "{lines}");
    }
    for lines in [
        "",
        "Origin: http://site.example\r\n",
        "Sec-Fetch-Site: same-origin\r\nOrigin: http://site.example\r\n",
        "Sec-Fetch-Site: cross-site\r\nOrigin: https://friend.example\r\n",
    ] {
        site.open_with(&wish("/up/x", lines));
    }
}

#[test]
fn a_tunnel_is_one_of_the_connections() {
    let site = with_settings("[limits]\nconnections = 1\n");
    let (client, upstream) = site.open("/up/x");
    let mut waiting = site.client();
    waiting.send("GET /own HTTP/1.1\r\nHost: a\r\n\r\n");
    waiting.assert_silent();
    drop((client, upstream));
    assert!(waiting.head().starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn the_access_log_has_a_line_when_a_tunnel_has_ended() {
    let site = Site::with(&[("byway.toml", "[server]\naccess_log = \"json\"\n")], |launch| launch);
    let (mut client, mut upstream) = site.open("/up/x?token=hidden");
    upstream.send("eleven byte");
    assert_eq!(client.read_text(11), "eleven byte");
    std::thread::sleep(SILENCE);
    client.finish_sending();
    upstream.assert_ended();
    upstream.finish_sending();
    client.assert_ended();
    let Site { server, .. } = site;
    let stopped = server.stop().unwrap();
    let lines: Vec<serde_json::Value> =
        stopped.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines.len(), 1, "{}", stopped.stdout);
    let log = &lines[0];
    assert_eq!((log["status"].as_u64(), log["bytes"].as_u64()), (Some(101), Some(11)), "{log}");
    assert_eq!(log["path"], "/up/x");
    assert!(log["duration_ms"].as_f64().unwrap() >= 300.0, "{log}");
    assert_eq!(log["end"], serde_json::Value::Null, "{log}");
}

#[test]
fn the_counters_know_open_websockets() {
    let site = with_settings("[server]\nadmin = \"127.0.0.1:0\"\n");
    let line = site.server.wait_for_log("health and metrics on http://", WAIT).unwrap();
    let admin = line.rsplit("http://").next().unwrap().trim().to_owned();
    let metrics = || {
        let mut client = RawClient::connect(&admin).unwrap();
        client
            .send(format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"))
            .unwrap();
        client.read().unwrap().text()
    };
    let eventually = |line: &str| {
        let deadline = Instant::now() + WAIT;
        while !metrics().lines().any(|it| it == line) {
            assert!(Instant::now() < deadline, "no `{line}` in {}", metrics());
        }
    };
    eventually("byway_websockets 0");
    let sides: Vec<(Side, Side)> = (0..3).map(|_| site.open("/up/x")).collect();
    eventually("byway_websockets 3");
    eventually("byway_requests_in_flight 3");
    drop(sides);
    eventually("byway_websockets 0");
    eventually("byway_requests_total{route=\"\",status=\"1xx\"} 3");
}
