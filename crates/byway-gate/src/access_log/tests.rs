use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use byway_config::{LogFormat, LogSettings};
use http::Request;
use parking_lot::Mutex;
use proptest::prelude::*;

use super::{AccessLog, Ended};

#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(format: LogFormat) -> LogSettings {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    LogSettings {
        format: Some(format),
        headers: list(&["user-agent", "referer", "authorization"]),
        redact_headers: list(&["authorization"]),
        redact_query: list(&["token"]),
    }
}

/// The lines for one request.
fn lines(format: LogFormat, uri: &str, headers: &[(&str, &[u8])]) -> String {
    let out = Out::default();
    let log = AccessLog::new(&settings(format), out.clone()).unwrap();
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let begun = log.begin(&parts, "192.0.2.1", None, Instant::now());
    let ended = Ended { status: 200, bytes: 12, route: Some("/api/[id]"), complete: true };
    log.end(begun, &ended);
    drop(log);
    let bytes = out.0.lock().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_line_is_json_with_secrets_left_out() {
    let headers: [(&str, &[u8]); 3] = [
        ("user-agent", b"a\"b\\c\xe9"),
        ("authorization", b"Bearer secret"),
        ("referer", b"https://a.example/x?token=secret&b=1"),
    ];
    let line = lines(LogFormat::Json, "/api/7?a=1&Token=secret&t%6Fken=secret&flag", &headers);
    assert!(line.ends_with("\"route\":\"/api/[id]\"}\n") && !line.contains("secret"), "{line}");
    for part in [
        "\"ip\":\"192.0.2.1\",\"method\":\"GET\",\"path\":\"/api/7\",",
        "\"query\":\"a=1&Token=[redacted]&t%6Fken=[redacted]&flag\",",
        "\"user-agent\":\"a\\\"b\\\\c\\u00e9\",",
        "\"referer\":\"https://a.example/x?token=[redacted]&b=1\",",
        "\"authorization\":\"[redacted]\",",
        "\"status\":200,\"bytes\":12,\"duration_ms\":0.",
    ] {
        assert!(line.contains(part), "{part}\n{line}");
    }
}

#[test]
fn text_has_the_same_values() {
    let line = lines(LogFormat::Text, "/a?token=x", &[("user-agent", b"curl")]);
    let (time, rest) = line.split_once(' ').unwrap();
    assert_eq!(time.len(), 24);
    let begin = "ip=\"192.0.2.1\" method=\"GET\" path=\"/a\" query=\"token=[redacted]\"";
    assert!(rest.starts_with(begin), "{rest}");
    assert_eq!(line.lines().count(), 1);
}

/// A writer that blocks until it is let go, as a pipe does that nobody reads.
struct Blocked(Receiver<()>);

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn s06_a_reader_that_is_stuck_costs_lines_and_not_requests() {
    let (release, wait): (Sender<()>, _) = channel();
    let log = AccessLog::new(&settings(LogFormat::Json), Blocked(wait)).unwrap();
    let uri = format!("/{}", "a".repeat(1500));
    let (parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
    let started = Instant::now();
    for _ in 0..10_000 {
        let begun = log.begin(&parts, "192.0.2.1", None, started);
        log.end(begun, &Ended { status: 200, bytes: 0, route: None, complete: true });
    }
    // 4 MiB are queued, perhaps as much is stuck in the writer; the rest is counted.
    assert!(log.dropped() > 3_000, "{}", log.dropped());
    drop(release);
    let closing = Instant::now();
    drop(log);
    assert!(closing.elapsed() < Duration::from_secs(5));
}

proptest! {
    #[test]
    fn every_line_is_one_line_of_printable_ascii(
        // What a header may hold.
        agent in proptest::collection::vec(prop_oneof![Just(b'\t'), 32..127_u8, 128..=255_u8], 0..60),
    ) {
        let line = lines(LogFormat::Json, "/", &[("user-agent", &agent)]);
        prop_assert!(line.trim_end_matches('\n').bytes().all(|byte| matches!(byte, b' '..=b'~')));
        // Quotes are balanced: nothing a client sends ends a value.
        let plain = line.replace("\\\\", "").replace("\\\"", "");
        prop_assert_eq!(plain.matches('"').count() % 2, 0);
    }
}
