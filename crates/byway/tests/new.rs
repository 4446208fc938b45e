//! `byway new`: what it makes runs at once, and it overwrites nothing.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::path::Path;
use std::process::{Command, Output};

use byway_testkit::{Fixture, TestServer, byway_binary};
use serde_json::Value as Json;

const BINARY: &str = env!("CARGO_BIN_EXE_byway");

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(byway_binary(BINARY));
    for name in ["NODE_ENV", "PORT", "BYWAY_WORKERS", "GOLD_PRICE_PER_GRAM"] {
        command.env_remove(name);
    }
    command.current_dir(dir).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether `found` has everything that `expect` has.
fn includes(found: &Json, expect: &Json) -> bool {
    match (found, expect) {
        (Json::Object(found), Json::Object(expect)) => expect
            .iter()
            .all(|(name, value)| found.get(name).is_some_and(|found| includes(found, value))),
        _ => found == expect,
    }
}

fn ask(server: &TestServer, request: &Json) {
    let body = request.get("body").map(Json::to_string).unwrap_or_default();
    let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
    let headers = [("Content-Type", "application/json")];
    let answer = server.request(method, path, &headers, &body).unwrap();
    let (name, expect) = (&request["name"], &request["expect"]);
    assert_eq!(Json::from(answer.status), expect["status"], "{name}: {}", answer.text());
    if let Some(expect) = expect.get("body") {
        assert!(includes(&answer.json(), expect), "{name}: {}", answer.text());
    }
}

#[test]
fn a_new_project_builds_starts_and_answers_its_requests() {
    let folder = Fixture::new::<&str, &str>(&[]).unwrap();
    let made = run(folder.path(), &["new", "my-api"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let project = folder.path().join("my-api");
    let package: Json =
        serde_json::from_slice(&std::fs::read(project.join("package.json")).unwrap()).unwrap();
    assert_eq!(package["name"], "my-api");
    let built = run(&project, &["build"]);
    assert_eq!(built.status.code(), Some(0), "{}", text(&built.stderr));
    assert!(!text(&built.stderr).contains("warning"), "{}", text(&built.stderr));
    let checked = run(&project, &["check", "--deny-warnings"]);
    assert!(
        text(&checked.stdout).contains("0 errors, 0 warnings, 0 notes"),
        "{}",
        text(&checked.stdout)
    );
    let current = run(&project, &["types", "--check"]);
    assert_eq!(current.status.code(), Some(0), "{}", text(&current.stderr));
    let server = TestServer::start(byway_binary(BINARY), &project).unwrap();
    let requests: Json =
        serde_json::from_slice(&std::fs::read(project.join("requests.json")).unwrap()).unwrap();
    for request in requests.as_array().unwrap() {
        ask(&server, request);
    }
}

#[test]
fn nothing_is_overwritten() {
    let folder = Fixture::new(&[("used/package.json", "{}"), ("file", "x")]).unwrap();
    let used = run(folder.path(), &["new", "used"]);
    assert_eq!(used.status.code(), Some(1));
    assert!(text(&used.stderr).contains("is not empty"), "{}", text(&used.stderr));
    assert_eq!(folder.read("used/package.json").unwrap(), "{}");
    assert_eq!(run(folder.path(), &["new", "file"]).status.code(), Some(1));
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert_eq!(run(folder.path(), &["new", "empty"]).status.code(), Some(0));
}

#[test]
fn a_name_has_to_be_one_of_a_package() {
    let folder = Fixture::new::<&str, &str>(&[]).unwrap();
    let output = run(folder.path(), &["new", "My Shop"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("`my-shop` is one"), "{}", text(&output.stderr));
    assert!(!folder.path().join("My Shop").exists());
    let here = folder.path().join("here");
    std::fs::create_dir(&here).unwrap();
    assert_eq!(run(&here, &["new", "."]).status.code(), Some(0));
    assert!(folder.read("here/package.json").unwrap().contains("\"here\""));
}
