//! What the server offers to developers is theirs alone.

use std::net::TcpStream;

use byway_testkit::{Fixture, byway_binary};

use crate::project::{Project, route};

const BINARY: &str = env!("CARGO_BIN_EXE_byway");
const FAILING: (&str, &str) =
    ("app/fail/route.ts", "export function GET() { throw new Error('secret reason') }\n");

#[test]
fn d01_own_addresses_refuse_foreign_pages_and_hosts() {
    let project = Project::start(&[("app/a/route.ts", &route("", "'a'")), FAILING]);
    let status = |headers: &[(&str, &str)]| {
        project.server.request("GET", "/__byway/events", headers, "").unwrap().status
    };
    assert_eq!(status(&[]), 200);
    assert_eq!(status(&[("Origin", "http://evil.example")]), 403);
    assert_eq!(status(&[("Origin", "null")]), 403);
    assert_eq!(status(&[("Sec-Fetch-Site", "cross-site")]), 403);
    let port = project.server.port();
    let rebound = byway_testkit::fetch(
        project.server.authority(),
        &format!(
            "GET /__byway/events HTTP/1.1\r\nHost: evil.example:{port}\r\nConnection: close\r\n\r\n"
        ),
    );
    assert_eq!(rebound.unwrap().status, 403);
    let rebound = byway_testkit::fetch(
        project.server.authority(),
        &format!("GET /fail HTTP/1.1\r\nHost: evil.example:{port}\r\nConnection: close\r\n\r\n"),
    );
    let rebound = rebound.unwrap();
    assert_eq!(rebound.status, 500);
    assert!(!rebound.text().contains("secret reason"), "{}", rebound.text());
    assert!(project.text("/fail").contains("secret reason"));
    assert_eq!(project.get("/__byway/other").status, 404);
}

#[test]
fn d01_only_loopback_is_bound_unless_asked() {
    let project = Project::start(&[("app/a/route.ts", &route("", "'a'"))]);
    // Another address of this machine, whichever it has; all of 127/8 would do for an open bind.
    assert!(TcpStream::connect(("127.0.0.2", project.server.port())).is_err());
    assert!(TcpStream::connect(("127.0.0.1", project.server.port())).is_ok());
}

#[test]
fn d02_d03_nothing_of_it_exists_in_production() {
    let (_fixture, server) =
        Fixture::served(BINARY, &[FAILING, ("app/a/route.ts", &route("", "'a'"))]).unwrap();
    assert_eq!(server.get("/__byway/events").unwrap().status, 404);
    for accept in ["text/html", "application/json"] {
        let answer = server.request("GET", "/fail", &[("Accept", accept)], "").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (500, ""));
    }
    let (_fixture, server) = Fixture::served(
        BINARY,
        &[("pages/api/fail.ts", "export default () => { throw new Error('secret reason') }\n")],
    )
    .unwrap();
    assert!(!server.get("/api/fail").unwrap().text().contains("secret"));
}

#[test]
fn a_project_has_one_server_and_leaves_nothing_behind() {
    let project = Project::start(&[("app/a/route.ts", &route("", "'a'"))]);
    let second = std::process::Command::new(byway_binary(BINARY))
        .args(["dev", project.files.path().to_str().unwrap(), "--port", "0"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("another `byway dev` serves this project"), "{stderr}");
    assert!(stderr.contains(&format!("localhost:{}", project.server.port())), "{stderr}");
    // A page that waits for news and a handler that never ends hold nothing up for long.
    let mut waiting = project.server.connect().unwrap();
    waiting.send("GET /__byway/events?since=0 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    project.write("app/never/route.ts", "export const GET = () => new Promise(() => {})\n");
    project.await_log("+ /never");
    let mut hanging = project.server.connect().unwrap();
    hanging.send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let Project { files, server } = project;
    assert!(server.stop().unwrap().status.success());
    assert!(!files.path().join(".byway-dev").exists());
}
