//! S01, S02, S05, S06: stopping, and a machine that does not play along.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::project::{alive, binary, built, byway, eventually, launch, serve, signal, worker};

#[test]
fn s01_a_hundred_long_requests_are_finished_before_the_end() {
    let (_fixture, server) = serve(&[]);
    let mut clients: Vec<_> = (0..100)
        .map(|n| {
            let mut client = server.connect().unwrap();
            let request = format!("GET /echo?nonce=n{n}&wait=1500 HTTP/1.1\r\nHost: a\r\n\r\n");
            client.send(request).unwrap();
            client
        })
        .collect();
    // The last one has been read once it is among those in flight.
    let authority = server.authority().to_owned();
    std::thread::sleep(Duration::from_millis(300));
    server.terminate();
    assert!(server.wait_for_log("stopping", Duration::from_secs(5)).is_some());
    eventually("a closed door", || byway_testkit::RawClient::connect(&authority).err());
    for (n, client) in clients.iter_mut().enumerate() {
        let answer = client.read().unwrap();
        assert_eq!((answer.status, answer.complete), (200, true), "{n}");
        assert!(answer.text().starts_with(&format!("n{n}:")), "{n}");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(server.wait().unwrap().status.code(), Some(0));
}

#[test]
fn s01_the_door_stays_open_for_the_time_that_a_balancer_needs() {
    let (fixture, server) = serve(&["server.stop_delay=1s"]);
    server.terminate();
    assert!(server.wait_for_log("stopping", Duration::from_secs(5)).is_some());
    assert_eq!(crate::project::status(&fixture)["state"], "stopping");
    assert_eq!(server.get("/other").unwrap().status, 200);
    let begun = Instant::now();
    assert_eq!(server.wait().unwrap().status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(byway("status", &fixture, &[]).0, Some(1), "nobody is there any more");
    let left: Vec<_> = std::fs::read_dir(fixture.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".byway-serving"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn s02_a_second_signal_ends_everything_at_once() {
    let (_fixture, server) = serve(&[]);
    let pid = worker(&server);
    let mut client = server.connect().unwrap();
    client.send("GET /fault/never HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    server.terminate();
    assert!(server.wait_for_log("stopping", Duration::from_secs(5)).is_some());
    let begun = Instant::now();
    signal(u64::from(server.pid()), Signal::INT);
    let stopped = server.wait().unwrap();
    assert_eq!(stopped.status.code(), Some(1), "{}", stopped.stderr);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    eventually("the worker's end", || (!alive(pid)).then_some(()));
    assert!(client.closed_within(Duration::from_secs(1)));
}

#[test]
fn s05_too_few_descriptors_refuse_nobody_for_good() {
    let fixture = built();
    // A server that may have 40 descriptors, of which it needs some dozen itself.
    let limited = fixture.path().join("limited");
    let script = format!("#!/bin/sh\nulimit -n 40\nexec {} \"$@\"\n", binary().display());
    std::fs::write(&limited, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&limited, mode).unwrap();
    let server = byway_testkit::TestServer::start(&limited, fixture.path()).unwrap();
    let idle: Vec<_> = (0..60).map(|_| server.connect().unwrap()).collect();
    assert!(server.wait_for_log("cannot accept", Duration::from_secs(5)).is_some());
    drop(idle);
    assert_eq!(server.get("/other").unwrap().status, 200);
}

#[test]
fn s05_a_folder_that_cannot_be_written_to_is_served() {
    let fixture = built();
    let read_only = |mode: u32| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        for folder in [fixture.path().to_owned(), fixture.path().join(".byway")] {
            std::fs::set_permissions(folder, std::fs::Permissions::clone(&mode)).unwrap();
        }
    };
    read_only(0o555);
    let server = launch(&fixture, &[]).start().unwrap();
    assert_eq!(server.get("/other").unwrap().status, 200);
    drop(server);
    read_only(0o755);
}

#[test]
fn s06_outputs_that_nobody_reads_hold_nobody_up() {
    let fixture = built();
    // The port has to be known without reading the output to its end.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new(binary())
        .args(["start", fixture.path().to_str().unwrap(), "--hostname", "127.0.0.1"])
        .args(["--port", &port.to_string()])
        .env_remove("HOSTNAME")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let authority = format!("127.0.0.1:{port}");
    let get = |path: &str| {
        byway_testkit::fetch(&authority, &format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
    };
    eventually("an answer", || get("/other").ok());
    // Far more than the pipes hold, on both outputs.
    for _ in 0..3 {
        assert_eq!(get("/fault/flood?lines=6000&width=100").unwrap().status, 200);
    }
    for _ in 0..400 {
        assert_eq!(get("/fault/throw").unwrap().status, 500);
    }
    let begun = Instant::now();
    assert_eq!(get("/other").unwrap().status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let (_, stdout, _) = byway("status", &fixture, &["--json"]);
    let status: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(status["output_lines_lost"].as_u64().unwrap() > 0, "{stdout}");
    signal(u64::from(server.id()), Signal::TERM);
    let mut stdout = server.stdout.take().unwrap();
    let mut stderr = server.stderr.take().unwrap();
    let mut text = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = stderr.read_to_end(&mut Vec::new());
        });
        stdout.read_to_end(&mut text).unwrap();
    });
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("lines were left out"), "{} bytes", text.len());
}
