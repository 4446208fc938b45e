use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{TestServer, announced_authority};
use crate::Fixture;

/// A shell script that takes the place of the binary, so that processes are tested without a build.
fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[test]
fn the_announced_address_is_found_in_a_line() {
    let check = |line: &str, expect: Option<(&str, u16)>| {
        let expect = expect.map(|(authority, port)| (authority.to_owned(), port));
        assert_eq!(announced_authority(line), expect, "{line}");
    };
    check("listening on http://localhost:4711", Some(("localhost:4711", 4711)));
    check("INFO listening on http://[::1]:80 (1 worker)", Some(("[::1]:80", 80)));
    check("\u{1b}[32mlistening on http://a.b:1\u{1b}[0m", Some(("a.b:1", 1)));
    check("listening on http://localhost", None);
    check("listening on https://localhost:1", Some(("localhost:1", 1)));
}

#[test]
fn a_server_is_started_with_its_arguments_and_stopped_with_sigterm() {
    let launch = TestServer::launch(script("polite.sh"), "DIR");
    let server = launch.arg("--workers").arg("2").start().unwrap();
    assert_eq!((server.authority(), server.port()), ("localhost:4711", 4711));
    assert!(server.stderr().contains("args start DIR --port 0 --hostname localhost --workers 2"));
    let stopped = server.stop().unwrap();
    assert_eq!(stopped.status.code(), Some(3));
    assert!(stopped.stderr.ends_with("bye"), "{}", stopped.stderr);
}

#[test]
fn a_server_that_is_dropped_is_killed() {
    let server = TestServer::start(script("polite.sh"), "DIR").unwrap();
    let pid = server.pid();
    assert!(is_alive(pid));
    drop(server);
    let begun = Instant::now();
    while is_alive(pid) {
        assert!(begun.elapsed() < Duration::from_secs(5), "process {pid} still runs");
        std::thread::yield_now();
    }
}

#[test]
fn a_server_that_ends_early_is_an_error_with_its_output() {
    let error = TestServer::start(script("failing.sh"), "DIR").unwrap_err();
    assert!(error.to_string().contains("err\nmore"), "{error}");
    let error = TestServer::start(script("absent.sh"), "DIR").unwrap_err();
    assert!(error.to_string().contains("absent.sh"), "{error}");
}

#[test]
fn log_lines_can_be_awaited() {
    let server = TestServer::start(script("polite.sh"), "DIR").unwrap();
    assert_eq!(server.wait_for_log("bye", Duration::from_millis(20)), None);
    server.terminate();
    assert_eq!(server.wait_for_log("bye", Duration::from_secs(5)).as_deref(), Some("bye"));
    assert_eq!(server.wait().unwrap().status.code(), Some(3));
}

#[test]
fn a_build_reports_its_output_and_exit_code() {
    let fixture = Fixture::new::<&str, &str>(&[]).unwrap();
    let built = fixture.build(script("failing.sh")).unwrap();
    assert_eq!((built.code(), built.stdout.as_str()), (Some(1), "out build"));
    assert_eq!(built.stderr, "err\nmore");
    let error = fixture.serve(script("failing.sh")).unwrap_err();
    assert!(error.to_string().contains("err\nmore"), "{error}");
}
