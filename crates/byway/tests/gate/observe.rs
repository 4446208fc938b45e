use std::time::{Duration, Instant};

use byway_testkit::{RawClient, TestServer};

use super::{ECHO, serve, serve_with};

/// Waits for what the server writes on stdout, which nothing announces.
fn wait_for_stdout(server: TestServer, lines: usize) -> Vec<serde_json::Value> {
    let stopped = server.stop().unwrap();
    let found: Vec<serde_json::Value> =
        stopped.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(found.len(), lines, "{}", stopped.stdout);
    found
}

#[test]
fn the_access_log_has_a_line_of_json_for_each_request_and_no_secrets() {
    let (_fixture, server) = serve_with(
        "[server]\naccess_log = \"json\"\nrequest_id = true\n\n[log]\n\
         headers = [\"user-agent\", \"authorization\"]\n",
    );
    let headers = [("User-Agent", "te\"st"), ("Authorization", "Bearer hidden")];
    server.request("GET", "/api/echo?token=hidden&a=1", &headers, "").unwrap();
    server.request("POST", "/api/echo", &[], "four").unwrap();
    server.get("/nowhere").unwrap();
    let lines = wait_for_stdout(server, 3);
    let get = &lines[0];
    assert_eq!(
        (&get["method"], &get["path"], &get["status"]),
        (&"GET".into(), &"/api/echo".into(), &200.into())
    );
    assert_eq!(get["query"], "token=[redacted]&a=1");
    assert_eq!(
        (&get["user-agent"], &get["authorization"]),
        (&"te\"st".into(), &"[redacted]".into())
    );
    assert_eq!(get["route"], "/api/echo");
    assert!(
        get["bytes"].as_u64().unwrap() > 50 && get["duration_ms"].as_f64().unwrap() > 0.0,
        "{get}"
    );
    assert_eq!(get["request_id"].as_str().unwrap().len(), 32);
    assert_eq!((&lines[1]["method"], &lines[1]["bytes"]), (&"POST".into(), &4.into()));
    assert_eq!((&lines[2]["status"], &lines[2]["route"]), (&404.into(), &serde_json::Value::Null));
}

#[test]
fn the_admin_listener_tells_health_and_metrics_apart_from_the_api() {
    let (_fixture, server) = serve(&[
        ECHO,
        (
            "byway.toml",
            "[server]\nadmin = \"127.0.0.1:0\"\n\n[[route]]\npath = \"/api/:path*\"\n\
             rate_limit = { limit = 2, window = \"1h\", key = \"route\" }\n",
        ),
    ]);
    let line =
        server.wait_for_log("health and metrics on http://", Duration::from_secs(5)).unwrap();
    let admin = line.rsplit("http://").next().unwrap().trim().to_owned();
    let ask = |path: &str| {
        let mut client = RawClient::connect(&admin).unwrap();
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"))
            .unwrap();
        client.read().unwrap()
    };
    assert_eq!((ask("/healthz").status, ask("/readyz").text().as_str()), (200, "ready\n"));
    let statuses: Vec<u16> = (0..3).map(|_| server.get("/api/echo").unwrap().status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    // The last answer may be read before its end has been counted.
    let deadline = Instant::now() + Duration::from_secs(5);
    let text = loop {
        let text = ask("/metrics").text();
        if text.contains("status=\"4xx\"} 1") || Instant::now() > deadline {
            break text;
        }
    };
    for line in [
        "byway_requests_total{route=\"/api/echo\",status=\"2xx\"} 2",
        "byway_requests_total{route=\"/api/echo\",status=\"4xx\"} 1",
        "byway_request_duration_seconds_count{route=\"/api/echo\"} 3",
        "byway_refused_total{reason=\"rate_limit\"} 1",
        "byway_workers_ready 1",
        "byway_queue_length 0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    assert!(text.contains("byway_worker_loop_delay_seconds{worker=\""), "{text}");
    assert_eq!(server.get("/metrics").unwrap().status, 404, "clients of the API see none of it");
}

#[test]
fn answers_are_compressed_for_those_who_take_it() {
    let (_fixture, server) = serve(&[
        (
            "app/big/route.ts",
            "export const GET = () => Response.json({ text: 'x'.repeat(20000) })\n",
        ),
        (
            "app/plain/route.ts",
            "export const config = { compress: false }\n\
             export const GET = () => Response.json({ text: 'x'.repeat(20000) })\n",
        ),
        (
            "app/events/route.ts",
            "export const GET = () => new Response('data: ' + 'x'.repeat(5000) + '\\n\\n',\n\
             \x20 { headers: { 'Content-Type': 'text/event-stream' } })\n",
        ),
    ]);
    let ask =
        |path, coding| server.request("GET", path, &[("Accept-Encoding", coding)], "").unwrap();
    for (asked, given) in [
        ("gzip", Some("gzip")),
        ("gzip, br", Some("br")),
        ("br;q=0.1, gzip", Some("gzip")),
        ("identity", None),
    ] {
        let answer = ask("/big", asked);
        assert_eq!(answer.header("content-encoding"), given, "{asked}");
        assert!(answer.header_all("vary").any(|it| it.contains("Accept-Encoding")), "{asked}");
        assert_eq!(answer.body.len() < 2000, given.is_some(), "{asked}: {}", answer.body.len());
    }
    for path in ["/plain", "/events"] {
        assert_eq!(ask(path, "gzip").header("content-encoding"), None, "{path}");
    }
}
