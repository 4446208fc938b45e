use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, RawClient, TestServer, byway_binary};
use rustix::process::{Pid, Signal, kill_process};

use super::{ECHO, serve_with};

pub(super) fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tls")
}

/// A server with the echo handler, these settings, and the certificate of `localhost` beside them.
pub(super) fn secure(settings: &str) -> (Fixture, TestServer) {
    let fixture = Fixture::new(&[ECHO, ("byway.toml", settings)]).unwrap();
    for (from, to) in [("localhost.pem", "cert.pem"), ("localhost-key.pem", "key.pem")] {
        std::fs::copy(certificates().join(from), fixture.path().join(to)).unwrap();
    }
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, server)
}

/// What curl prints, with the test's root as the only one that it trusts.
fn curl(arguments: &[&str]) -> (String, bool) {
    let root = certificates().join("ca.pem");
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "10", "--noproxy", "*", "--cacert"])
        .arg(root)
        .args(arguments)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.success())
}

pub(super) fn further_place(server: &TestServer, start: &str) -> String {
    let line = server.wait_for_log(&format!("also on {start}"), Duration::from_secs(5)).unwrap();
    line.split_once(start).unwrap().1.trim().to_owned()
}

pub(super) const TLS: &str = "tls = { cert = \"cert.pem\", key = \"key.pem\" }\n";

#[test]
fn tls_speaks_both_versions_and_is_seen_by_handlers() {
    let (_fixture, server) =
        secure(&format!("[server]\nlisten = [\"localhost:0\", \"127.0.0.1:0 plain\"]\n{TLS}"));
    let secure = format!("https://{}/api/echo", server.authority());
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let (text, fine) = curl(&[flag, "--write-out", " %{http_version}", &secure]);
        assert!(fine && text.ends_with(&format!(" {version}")), "{text}\n{}", server.stderr());
        assert!(text.contains(&format!("\"url\":\"https://{}", server.authority())), "{text}");
    }
    let (text, fine) = curl(&["--http2", "--data", "a body", &secure]);
    assert!(fine && text == "a body", "{text}");
    // The other listener speaks no TLS, and this one nothing else.
    let plain = further_place(&server, "http://127.0.0.1");
    assert!(byway_testkit::fetch(&format!("127.0.0.1{plain}"), GET).unwrap().status == 200);
    let mut client = server.connect().unwrap();
    client.send(GET).unwrap();
    assert!(client.read().is_err());
}

const GET: &str = "GET /api/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn a_certificate_is_replaced_while_the_server_runs() {
    let (fixture, server) = secure(&format!("[server]\n{TLS}"));
    let url = format!("https://{}/api/echo", server.authority());
    assert!(curl(&[&url]).1);
    // Broken files change nothing.
    fixture.write("cert.pem", "no certificate").unwrap();
    assert!(server.wait_for_log("stays in force", Duration::from_secs(10)).is_some());
    assert!(curl(&[&url]).1);
    // A new certificate for the same name, signed by itself.
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(fixture.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(server.wait_for_log("is in force", Duration::from_secs(10)).is_some());
    assert!(!curl(&[&url]).1, "nobody trusts the new one by the old root");
    let new_root = fixture.path().join("cert.pem");
    assert!(curl(&["--cacert", new_root.to_str().unwrap(), &url]).1);
}

#[test]
fn f21_handshakes_that_come_slowly_or_wrongly_cost_only_themselves() {
    let (_fixture, server) = secure(&format!("[server]\n{TLS}"));
    let url = format!("https://{}/api/echo", server.authority());
    // The beginning of a hello, byte by byte, which never ends.
    let mut dribbling = TcpStream::connect(server.authority()).unwrap();
    let begun = Instant::now();
    for byte in [0x16, 0x03, 0x01, 0x02, 0x00, 0x01] {
        dribbling.write_all(&[byte]).unwrap();
    }
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff], &[0; 64]] {
        let mut client = TcpStream::connect(server.authority()).unwrap();
        client.write_all(garbage).unwrap();
        drop(client);
    }
    // No name, an unknown name, no ALPN, none that is known.
    let port = server.port().to_string();
    for arguments in [
        &["-noservername"][..],
        &["-servername", "other.example"],
        &["-alpn", "spdy/1"],
        &["-alpn", "h2"],
    ] {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &format!("localhost:{port}")])
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let refused = arguments.contains(&"spdy/1");
        assert_eq!(text.contains("BEGIN CERTIFICATE"), !refused, "{arguments:?} {text}");
    }
    assert!(curl(&[&url]).1);
    dribbling.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    assert_eq!(dribbling.read(&mut [0; 64]).unwrap_or(0), 0);
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(14), "{took:?}");
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}

#[test]
fn s05_tls_files_that_do_not_do_are_named_and_nothing_is_bound() {
    let fixture = Fixture::new(&[ECHO]).unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    fixture.build(&binary).unwrap();
    fixture.write("byway.toml", format!("[server]\nlisten = [\"unix:s\"]\n{TLS}")).unwrap();
    let failure = || TestServer::start(&binary, fixture.path()).unwrap_err().to_string();
    assert!(failure().contains("cert.pem"), "{}", failure());
    fixture.write("cert.pem", "x").unwrap();
    assert!(failure().contains("has no certificate in PEM form"), "{}", failure());
    assert!(!fixture.path().join("s").exists());
}

fn ask(mut socket: UnixStream, request: &str) -> String {
    socket.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_unix_socket_serves_its_proxy_and_is_taken_from_nobody() {
    let (fixture, server) = serve_with(
        "[server]\nlisten = [\"localhost:0\", \"unix:run.sock mode=600\"]\n\
         trusted_proxies = [\"unix\"]\n",
    );
    let path = fixture.path().join("run.sock");
    let data = std::fs::metadata(&path).unwrap();
    assert!(data.file_type().is_socket());
    assert_eq!(data.permissions().mode() & 0o777, 0o600);
    let request = "GET /api/echo HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\
                   X-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example.com\r\n\
                   Connection: close\r\n\r\n";
    let text = ask(UnixStream::connect(&path).unwrap(), request);
    assert!(text.contains("\"ip\":\"203.0.113.9\""), "{text}");
    assert!(text.contains("\"url\":\"https://api.example.com/api/echo\""), "{text}");
    // On the network nobody is trusted.
    let answer = byway_testkit::fetch(server.authority(), request).unwrap().json();
    assert_eq!(
        answer["headers"]["x-forwarded-for"],
        "::1".to_owned().replace("::1", answer["ip"].as_str().unwrap())
    );
    // A second server does not take the socket away, and a killed one does not keep it.
    let second = TestServer::start(byway_binary(env!("CARGO_BIN_EXE_byway")), fixture.path());
    assert!(second.unwrap_err().to_string().contains("another server listens on the socket"));
    drop(server);
    // The system may take a moment to close what the killed process had open.
    let start =
        |_| TestServer::start(byway_binary(env!("CARGO_BIN_EXE_byway")), fixture.path()).ok();
    let server = (0..20).find_map(start).unwrap();
    assert!(ask(UnixStream::connect(&path).unwrap(), GET).starts_with("HTTP/1.1 200"));
    server.stop().unwrap();
}

/// Sends these bytes to the listener and reads until it closes.
fn raw(authority: &str, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(authority).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = socket.write_all(bytes);
    let mut text = Vec::new();
    let _ = socket.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\x0a\0\0\x01\xdc\x04\0\x50";

#[test]
fn a_proxy_header_names_the_client() {
    let (_fixture, server) = serve_with(
        "[server]\nlisten = [\"127.0.0.1:0 proxy_protocol\"]\ntrusted_proxies = [\"127.0.0.1\"]\n\n\
         [limits]\n",
    );
    let _ = RawClient::connect(server.authority()).unwrap();
    let authority = format!("127.0.0.1:{}", server.port());
    let with = |head: &[u8]| raw(&authority, &[head, GET.as_bytes()].concat());
    let text = with(b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 80\r\n");
    assert!(text.contains("\"ip\":\"203.0.113.9\""), "{text}");
    assert!(with(V2).contains("\"ip\":\"203.0.113.9\""));
    // Health checks of the proxy itself.
    assert!(with(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").contains("\"ip\":\"127.0.0.1\""));
    // Without a header, or with half of one, no handler runs.
    for wrong in [&b""[..], b"PROXY TCP4 1 2 3 4\r\n", b"PROXY TCP4 203.0.113.9 10.0.0.1 1 80\n"] {
        assert_eq!(with(wrong), "");
    }
    let begun = Instant::now();
    assert_eq!(raw(&authority, &V2[..20]), "");
    assert!(begun.elapsed() > Duration::from_secs(4) && begun.elapsed() < Duration::from_secs(9));
    let runs = with(V2).split("\"runs\":").nth(1).unwrap().chars().next().unwrap();
    assert_eq!(runs, '4');
}

#[test]
fn x13_a_proxy_header_from_anybody_else_is_refused() {
    let (_fixture, server) = serve_with(
        "[server]\nlisten = [\"127.0.0.1:0 proxy_protocol\", \"127.0.0.1:0\"]\n\
         trusted_proxies = [\"192.0.2.1\"]\n",
    );
    let announced = format!("127.0.0.1:{}", server.port());
    let head = b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 80\r\n";
    assert_eq!(raw(&announced, &[head, GET.as_bytes()].concat()), "");
    assert_eq!(raw(&announced, GET.as_bytes()), "");
    // Where no header is expected it is no request either.
    let plain = format!("127.0.0.1{}", further_place(&server, "http://127.0.0.1"));
    let text = raw(&plain, &[head, GET.as_bytes()].concat());
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    assert!(raw(&plain, GET.as_bytes()).contains("\"runs\":1"));
}

#[test]
fn http2_that_is_switched_off_is_not_offered_in_tls() {
    let (_fixture, server) = secure(&format!("[server]\nhttp2 = false\n{TLS}"));
    let url = format!("https://{}/api/echo", server.authority());
    let (text, fine) = curl(&["--http2", "--write-out", " %{http_version}", &url]);
    assert!(fine && text.ends_with(" 1.1"), "{text}");
}

/// A port that is free now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn s03_a_new_binary_takes_over_tls_plain_and_unix_listeners_as_they_are() {
    let plain = free_port();
    let (fixture, server) = secure(&format!(
        "[server]\nlisten = [\"localhost:0\", \"127.0.0.1:{plain} plain\", \"unix:run.sock\"]\n{TLS}"
    ));
    let url = format!("https://{}/api/echo", server.authority());
    let check = || {
        let (text, fine) = curl(&["--http2", "--write-out", " %{http_version}", &url]);
        assert!(fine && text.ends_with(" 2"), "{text}\n{}", server.stderr());
        let answer = byway_testkit::fetch(&format!("127.0.0.1:{plain}"), GET).unwrap();
        assert_eq!(answer.status, 200);
        let text = ask(UnixStream::connect(fixture.path().join("run.sock")).unwrap(), GET);
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    };
    check();
    let first = server.pid();
    signal(first, Signal::USR2);
    let line = server.wait_for_log("the new binary is starting", Duration::from_secs(10)).unwrap();
    let second: u32 = line.rsplit_once("pid=").unwrap().1.trim().parse().unwrap();
    let begun = Instant::now();
    while is_alive(first) {
        check();
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", server.stderr());
    }
    check();
    assert!(is_alive(second));
    // A second time, from a process that has inherited its sockets itself.
    signal(second, Signal::USR2);
    while is_alive(second) {
        check();
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", server.stderr());
    }
    check();
    let of = |needle| server.stderr().matches(needle).count();
    assert_eq!(of("the new binary is starting"), 2);
    let line = server.stderr();
    let third = line.lines().rfind(|it| it.contains("the new binary is starting"));
    let third: u32 = third.unwrap().rsplit_once("pid=").unwrap().1.trim().parse().unwrap();
    signal(third, Signal::TERM);
    while is_alive(third) {
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", server.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// Whether the process runs; one that has ended and was not waited for does not.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}
