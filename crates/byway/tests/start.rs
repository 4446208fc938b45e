//! `byway start` as a new user meets it: what it says when it cannot start, and how it stops.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, TestServer, byway_binary};

const BINARY: &str = env!("CARGO_BIN_EXE_byway");

const HELLO: (&str, &str) = (
    "app/api/hello/route.ts",
    "export function GET() { return Response.json({ hello: 'world' }) }\n",
);

/// Runs `byway` with arguments and gives exit code and stderr.
fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(byway_binary(BINARY))
        .args(args)
        .env_remove("PORT")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn built() -> Fixture {
    let fixture = Fixture::new(&[HELLO]).unwrap();
    let output = fixture.build(byway_binary(BINARY)).unwrap();
    assert_eq!(output.code(), Some(0), "{}", output.stderr);
    fixture
}

#[test]
fn a_folder_without_a_build_says_what_to_run() {
    let fixture = Fixture::new(&[HELLO]).unwrap();
    let dir = fixture.path().to_str().unwrap();
    let (code, stderr) = run(&["start", dir]);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        format!("error: there is no build in `{dir}`\nhint: run `byway build {dir}` first\n")
    );
    let (code, stderr) = run(&["start", "/does/not/exist"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: cannot open the folder `/does/not/exist`: "), "{stderr}");
}

#[test]
fn what_ends_a_worker_before_it_is_ready_is_in_the_message() {
    let files = [HELLO, ("instrumentation.ts", "console.error('no database')\nprocess.exit(3)\n")];
    let fixture = Fixture::new(&files).unwrap();
    assert_eq!(fixture.build(byway_binary(BINARY)).unwrap().code(), Some(0));
    let dir = fixture.path().to_str().unwrap();
    let (code, stderr) = run(&["start", dir, "--port", "0"]);
    assert_eq!(code, Some(1));
    let expect = "error: the worker ended before it was ready (exit code 3): no database\n";
    assert!(stderr.ends_with(expect), "{stderr}");
    let worker = fixture.path().join(".byway/server/worker.mjs");
    let text = std::fs::read_to_string(&worker).unwrap();
    std::fs::write(&worker, format!("import './missing.mjs'\n{text}")).unwrap();
    let (_, stderr) = run(&["start", dir, "--port", "0"]);
    let expect = "(exit code 1): Error [ERR_MODULE_NOT_FOUND]: Cannot find module ";
    assert!(stderr.contains(expect), "{stderr}");
}

#[test]
fn a_build_of_another_version_asks_for_a_new_one() {
    let fixture = built();
    fixture.write(".byway/manifest.json", "{\"version\": 0}").unwrap();
    let (code, stderr) = run(&["start", fixture.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: the build was made by another version of byway\nhint: "));
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let fixture = built();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = fixture.path().to_str().unwrap();
    let (code, stderr) = run(&["start", dir, "--hostname", "127.0.0.1", "--port", &port]);
    assert_eq!(code, Some(1));
    assert_eq!(stderr, format!("error: port {port} on 127.0.0.1 is already in use\n"));
    let (code, stderr) = run(&["start", dir, "--hostname", "203.0.113.7", "--port", "0"]);
    assert_eq!(code, Some(1));
    assert_eq!(stderr, "error: `203.0.113.7` is not an address of this machine\n");
}

#[test]
fn a_missing_or_old_node_is_named() {
    let fixture = built();
    let dir = fixture.path().to_str().unwrap();
    let start = |node: &str| run(&["start", dir, "--port", "0", "--node", node]);
    let (code, stderr) = start("/no/such/node");
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: Node.js was not found as `/no/such/node`\n\
         hint: install Node.js 20 or newer, or name it with `--node PATH`\n"
    );
    // An old Node.js fails on the worker's syntax and has told nothing of itself until it is asked.
    let old = fixture.path().join("old-node");
    std::fs::write(&old, "#!/bin/sh\n[ \"$1\" = --version ] && echo v16.20.2\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&old, mode).unwrap();
    let old = old.to_str().unwrap();
    let (code, stderr) = start(old);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        format!(
            "error: `{old}` is Node.js v16.20.2, but byway needs Node.js 20 or newer\n\
             hint: name a newer one with `--node PATH`\n"
        )
    );
}

#[test]
fn wrong_arguments_end_with_code_2() {
    for args in [
        &["start", ".", "--workers", "none"][..],
        &["start", ".", "--port", "70000"],
        &["serve"],
        &[],
    ] {
        let (code, stderr) = run(args);
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
    }
}

#[test]
fn s01_sigterm_finishes_what_is_in_flight_and_exits_with_0() {
    let fixture = Fixture::new(&[(
        "app/slow/route.ts",
        "export async function GET() {\n\
         \x20 console.error('handler is running')\n\
         \x20 await new Promise((resolve) => setTimeout(resolve, 300))\n\
         \x20 return new Response('finished')\n\
         }\n",
    )])
    .unwrap();
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    let mut client = server.connect().unwrap();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(server.wait_for_log("handler is running", Duration::from_secs(10)).is_some());
    server.terminate();
    let response = client.read().unwrap();
    assert_eq!((response.status, response.text().as_str()), (200, "finished"));
    assert_eq!(response.header("connection"), Some("close"));
    let stopped = server.wait().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
}

#[test]
fn s01_an_idle_connection_does_not_hold_up_the_end() {
    let fixture = built();
    let server = TestServer::start(byway_binary(BINARY), fixture.path()).unwrap();
    let mut idle = server.connect().unwrap();
    idle.send("GET /api/hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(idle.read().unwrap().json()["hello"], "world");
    let begun = Instant::now();
    let stopped = server.stop().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(idle.closed_within(Duration::from_secs(1)));
}

#[test]
fn w11_workers_end_with_a_killed_server() {
    let fixture = Fixture::new(&[(
        "app/pid/route.ts",
        "export const GET = () => Response.json({ pid: process.pid })\n",
    )])
    .unwrap();
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    let worker = server.get("/pid").unwrap().json()["pid"].as_u64().unwrap();
    drop(server);
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::path::Path::new(&format!("/proc/{worker}/stat")).exists() && alive(worker) {
        assert!(Instant::now() < deadline, "worker {worker} outlived its server");
        std::thread::yield_now();
    }
}

/// Whether a process runs, and is not merely waiting to be reaped.
fn alive(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
