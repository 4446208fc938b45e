//! `byway.toml` through the real binary: what is checked, what is printed, what takes effect.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::process::{Command, Output};

use byway_testkit::{Fixture, TestServer, byway_binary};

const BINARY: &str = env!("CARGO_BIN_EXE_byway");
const HELLO: (&str, &str) =
    ("app/hello/route.ts", "export const GET = () => new Response('hello')\n");

/// Runs `byway` without any settings from the environment of the tests.
fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(byway_binary(BINARY));
    for name in ["PORT", "BYWAY_WORKERS", "BYWAY_NODE"] {
        command.env_remove(name);
    }
    command.args(args).env("NO_COLOR", "1").envs(variables.iter().copied());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn config_prints_every_value_and_its_origin() {
    let project = Fixture::new(&[("byway.toml", "[limits]\ntimeout = \"7s\"\n")]).unwrap();
    let dir = project.path().to_str().unwrap();
    let output = run(&["config", dir, "--port", "9"], &[("BYWAY_LIMITS_HEADERS", "8kb")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = printed.lines().map(words).collect();
    for expected in [
        ["server.listen", "[\"0.0.0.0:9\"]", "--port"],
        ["limits.headers", "\"8kb\"", "BYWAY_LIMITS_HEADERS"],
        ["limits.timeout", "\"7s\"", "byway.toml:2"],
        ["workers.count", "1", "default"],
    ] {
        assert!(lines.contains(&expected.map(str::to_owned).to_vec()), "{expected:?}\n{printed}");
    }
    let output = run(&["config", dir, "--json"], &[]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let timeout = json.as_array().unwrap().iter().find(|it| it["key"] == "limits.timeout").unwrap();
    assert_eq!((&timeout["value"], &timeout["origin"]), (&"\"7s\"".into(), &"byway.toml:2".into()));
    let schema = run(&["config", "--schema"], &[]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert_eq!(schema["title"], "byway.toml");
}

#[test]
fn s04_a_mistake_in_byway_toml_stops_every_command_and_shows_its_line() {
    let project = Fixture::new(&[HELLO, ("byway.toml", "[limits]\ntimeuot = \"7s\"\n")]).unwrap();
    let dir = project.path().to_str().unwrap();
    for command in ["build", "config", "start"] {
        let output = run(&[command, dir], &[]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {stderr}");
        let expected = "error: unknown key `timeuot` in `limits`\n --> byway.toml:2:1\n  |\n\
                        1 | [limits]\n2 | timeuot = \"7s\"\n  | ^^^^^^^\n  |\n\
                        hint: did you mean `timeout`?\n";
        assert!(stderr.starts_with(expected), "{command}: {stderr}");
        assert_eq!(text(&output.stdout), "", "{command}");
    }
}

#[test]
fn limits_of_the_file_are_in_force() {
    let fixture = Fixture::new(&[
        HELLO,
        ("byway.toml", "[limits]\nheaders = \"2kb\"\ntimeout = \"200ms\"\n"),
        ("app/slow/route.ts", "export const GET = () => new Promise(() => {})\n"),
    ])
    .unwrap();
    let server: TestServer = fixture.serve(byway_binary(BINARY)).unwrap();
    let long = "v".repeat(3000);
    assert_eq!(server.request("GET", "/hello", &[("X-Long", &long)], "").unwrap().status, 431);
    assert_eq!(server.get("/hello").unwrap().text(), "hello");
    assert_eq!(server.get("/slow").unwrap().status, 504);
}

#[test]
fn the_address_of_a_store_is_shown_without_its_password() {
    let store = "[store]\nurl = \"redis://byway:hunter2@10.0.0.5:6379/0\"\n";
    let project = Fixture::new(&[("byway.toml", store)]).unwrap();
    let dir = project.path().to_str().unwrap();
    for format in [&["config", dir][..], &["config", dir, "--json"]] {
        let output = run(format, &[]);
        let printed = text(&output.stdout);
        assert!(printed.contains("redis://byway:***@10.0.0.5:6379/0"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
    let output = run(&["config", dir], &[("BYWAY_STORE_URL", "redis://:hidden@10.0.0.6")]);
    let printed = text(&output.stdout);
    assert!(printed.contains("redis://:***@10.0.0.6") && printed.contains("BYWAY_STORE_URL"));
    assert!(!printed.contains("hidden"), "{printed}");
    let output = run(&["config", dir], &[("BYWAY_STORE_URL", "http://10.0.0.6")]);
    assert_eq!(output.status.code(), Some(1));
}
