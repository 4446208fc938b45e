//! A client and a server of the package `ws` with byway between them, plain and over TLS on both sides.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use byway_testkit::{Fixture, TestServer, byway_binary};
use serde_json::{Value, json};

use super::installed::packages;

const SCRIPTS: [(&str, &str); 2] = [
    ("server.mjs", include_str!("../../../../tests/fixtures/websockets/server.mjs")),
    ("client.mjs", include_str!("../../../../tests/fixtures/websockets/client.mjs")),
];

/// A process that ends with the test.
struct Upstream(Child);

impl Drop for Upstream {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn node(project: &Fixture, script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(script).current_dir(project.path()).stdout(Stdio::piped());
    command
}

/// The server's process, and its ports without and with TLS.
fn start(project: &Fixture) -> (Upstream, String, String) {
    let mut process = node(project, "server.mjs").spawn().unwrap();
    let stdout = process.stdout.take().unwrap();
    let upstream = Upstream(process);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let (plain, tls) = line.trim().split_once(' ').unwrap();
    (upstream, plain.to_owned(), tls.to_owned())
}

fn client(project: &Fixture, base: &str) -> Value {
    let output = node(project, "client.mjs")
        .arg(base)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output();
    let output = output.unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// What the client sees by way of `scheme`.
fn expected(scheme: &str) -> Value {
    json!({
        "protocol": "other",
        "compressed": true,
        "url": "/chat?room=7",
        "forwarded": scheme,
        "text": "grüße",
        "inOrder": true,
        "large": true,
        "pong": "are you there",
        "own": 1000,
        "told": [4001, "as asked"],
        "lost": 1006,
        "closes": [[1000, "done"], [1006, ""], [4001, "as asked"]],
        "refused": 401,
    })
}

fn project(settings: &str) -> (Fixture, Upstream) {
    let project = Fixture::new(&SCRIPTS).unwrap();
    symlink(packages().join("node_modules"), project.path().join("node_modules")).unwrap();
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tls");
    for file in ["ca.pem", "localhost.pem", "localhost-key.pem"] {
        std::fs::copy(tls.join(file), project.path().join(file)).unwrap();
    }
    let (upstream, plain, tls) = start(&project);
    let config = format!(
        "export default {{ rewrites: () => [\n\
         \x20 {{ source: '/plain/:path*', destination: 'http://localhost:{plain}/:path*' }},\n\
         \x20 {{ source: '/secure/:path*', destination: 'https://localhost:{tls}/:path*' }},\n\
         ] }}\n"
    );
    project.write("next.config.mjs", config).unwrap();
    project.write("app/own/route.ts", "export const GET = () => new Response('own')\n").unwrap();
    project.write("byway.toml", settings).unwrap();
    let built = project.build(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    assert_eq!(built.code(), Some(0), "{}", built.stderr);
    (project, upstream)
}

fn serve(project: &Fixture) -> TestServer {
    TestServer::launch(byway_binary(env!("CARGO_BIN_EXE_byway")), project.path())
        .env("NODE_EXTRA_CA_CERTS", project.path().join("ca.pem"))
        .start()
        .unwrap()
}

#[test]
fn ws_speaks_with_ws_through_a_rewrite() {
    let (project, _upstream) = project("");
    let server = serve(&project);
    let seen = client(&project, &format!("ws://{}/plain", server.authority()));
    assert_eq!(seen, expected("http"), "{}", server.stderr());
}

#[test]
fn ws_speaks_with_ws_over_tls_on_both_sides() {
    let (project, _upstream) =
        project("[server]\ntls = { cert = \"localhost.pem\", key = \"localhost-key.pem\" }\n");
    let server = serve(&project);
    let seen = client(&project, &format!("wss://{}/secure", server.authority()));
    assert_eq!(seen, expected("https"), "{}", server.stderr());
}
