//! The official driver and mongoose in Pages Router API routes, over real connections.
//!
//! The server is not MongoDB, which is in no package registry that tests install from: it is NX-27017, which
//! speaks MongoDB's wire protocol and keeps documents in SQLite. What a driver asks of byway is the same:
//! sockets that last, a monitor's timers, BSON and `ObjectId` of one module, state that outlives requests.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, MongoServer, TestServer, byway_binary};
use serde_json::{Value, json};

use super::browser::JSON;
use super::installed::packages;

/// No edit, reload or stop takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

/// What both clients of one worker have open at most where requests come one at a time: each has a connection
/// for them, a monitor and a timer of round trips.
const CONNECTIONS_MAX: u64 = 6;

/// A server of its own for one test; none where none can be installed and nobody insists.
fn mongo_server() -> Option<MongoServer> {
    MongoServer::start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("mongodb")).unwrap()
}

fn project() -> io::Result<Fixture> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/mongodb");
    let project = Fixture::copy_of(source)?;
    symlink(packages().join("node_modules"), project.path().join("node_modules"))?;
    Ok(project)
}

fn build(project: &Fixture) {
    let built = project.build(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    assert_eq!(built.code(), Some(0), "{}{}", built.stdout, built.stderr);
}

fn start(project: &Fixture, url: &str) -> TestServer {
    build(project);
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    TestServer::launch(binary, project.path()).env("MONGODB_URI", url).start().unwrap()
}

/// The same with both clients connected: the first attempts may be too slow on a busy machine, where loading the
/// drivers takes longer than a client waits.
fn start_connected(project: &Fixture, mongo: &MongoServer) -> TestServer {
    let server = start(project, &mongo.url());
    eventually(&server, "/api/connections", |_| true);
    server
}

fn send(server: &TestServer, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let (headers, body): (&[(&str, &str)], String) =
        if body.is_null() { (&[], String::new()) } else { (&[JSON], body.to_string()) };
    let response = server
        .request(method, path, headers, &body)
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let is_empty = response.body.is_empty();
    (response.status, if is_empty { Value::Null } else { response.json() })
}

fn get(server: &TestServer, path: &str) -> (u16, Value) {
    send(server, "GET", path, &Value::Null)
}

/// Asks until the answer is as wanted. Under development others may come before: of files that are read while
/// they are being written.
fn eventually(server: &TestServer, path: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let response = server.get(path).unwrap();
        let answer = if response.status == 200 { response.json() } else { Value::Null };
        if response.status == 200 && is_it(&answer) {
            return answer;
        }
        let printed = server.stderr();
        assert!(Instant::now() < until, "{} {}\n{printed}", response.status, response.text());
    }
}

fn open(answer: &Value) -> u64 {
    answer["open"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn the_official_driver_makes_reads_changes_and_removes_documents() {
    let Some(mongo) = mongo_server() else { return };
    let project = project().unwrap();
    let server = start_connected(&project, &mongo);
    let path = "/api/accounts";
    let (status, made) = send(&server, "POST", path, &json!({ "iban": "AE1", "balance": 40 }));
    assert_eq!(status, 201, "{made} {}", server.stderr());
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let again = send(&server, "POST", path, &json!({ "iban": "AE1", "balance": 1 }));
    assert_eq!(again, (409, json!({ "error": "There is an account with this IBAN" })));
    // More than one batch of a cursor.
    for n in 0..120 {
        let body = json!({ "iban": format!("QA{n}"), "balance": 100 + n });
        assert_eq!(send(&server, "POST", path, &body).0, 201, "{n}");
    }
    let (_, all) = get(&server, path);
    let sum = 40 + (0..120).map(|n| 100 + n).sum::<i32>();
    assert_eq!((all["ibans"].as_array().unwrap().len(), &all["sum"]), (121, &json!(sum)));
    let (_, some) = get(&server, "/api/accounts?least=217");
    assert_eq!(some["ibans"], json!(["QA119", "QA118", "QA117"]));

    let one = format!("{path}/{id}");
    let (status, account) = get(&server, &one);
    assert_eq!((status, &account["iban"], &account["_id"]), (200, &json!("AE1"), &json!(id)));
    assert!(account["openedAt"].as_str().unwrap().ends_with('Z'), "{account}");
    assert_eq!(send(&server, "PATCH", &one, &json!({ "by": 2 })).1["balance"], 42);
    assert_eq!(send(&server, "DELETE", &one, &Value::Null), (204, Value::Null));
    assert_eq!(get(&server, &one).0, 404);
    assert_eq!(send(&server, "DELETE", &one, &Value::Null).0, 404);
    assert_eq!(get(&server, "/api/accounts/no-id").0, 400);
}

#[test]
fn mongoose_validates_and_keeps_models() {
    let Some(mongo) = mongo_server() else { return };
    let project = project().unwrap();
    let server = start_connected(&project, &mongo);
    let path = "/api/members";
    let (status, ada) =
        send(&server, "POST", path, &json!({ "email": "Ada@Example.com", "age": 36 }));
    assert_eq!(status, 201, "{ada} {}", server.stderr());
    assert_eq!((&ada["email"], &ada["domain"]), (&json!("ada@example.com"), &json!("example.com")));
    assert!(ada["createdAt"].is_string() && ada["__v"].is_null(), "{ada}");
    assert_eq!(
        send(&server, "POST", path, &json!({ "age": 3 })),
        (422, json!({ "fields": ["age", "email"] }))
    );
    assert_eq!(send(&server, "POST", path, &json!({ "email": "ada@example.com" })).0, 409);
    let one = format!("{path}/{}", ada["id"].as_str().unwrap());
    assert_eq!(send(&server, "PATCH", &one, &json!({ "age": 37 })).1["age"], 37);
    assert_eq!(get(&server, &one).1["age"], 37);
    // Thrown by the model, and not by what the route does about it.
    assert_eq!(
        send(&server, "PATCH", &one, &json!({ "age": 1 })),
        (500, json!({ "error": "ValidationError" }))
    );
    assert_eq!(get(&server, path).1, json!({ "members": 1 }));
    assert_eq!(send(&server, "DELETE", &one, &Value::Null).0, 204);
    assert_eq!((get(&server, &one).0, get(&server, "/api/members/no-id").0), (404, 400));
    assert_eq!(get(&server, path).1, json!({ "members": 0 }));
}

#[test]
fn edits_under_development_leave_connections_as_they_are() {
    let Some(mongo) = mongo_server() else { return };
    let project = project().unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    let launch = TestServer::launch(binary, project.path()).dev();
    let server = launch.env("MONGODB_URI", mongo.url()).start().unwrap();
    let path = "/api/connections";
    assert_eq!(get(&server, "/api/members").1, json!({ "members": 0 }), "{}", server.stderr());
    let first = eventually(&server, path, |_| true);
    // The files that connect and the model are loaded anew each time, and the route with them.
    for edition in ["second", "third", "fourth", "fifth"] {
        for file in ["lib/mongodb.ts", "lib/mongoose.ts", "models/member.ts"] {
            let text = project.read(file).unwrap();
            project.write(file, format!("export const {edition} = true\n{text}")).unwrap();
        }
        let text = project.read("pages/api/connections.ts").unwrap();
        let (head, rest) = text.split_once("edition = '").unwrap();
        let (_, rest) = rest.split_once('\'').unwrap();
        let text = format!("{head}edition = '{edition}'{rest}");
        project.write("pages/api/connections.ts", text).unwrap();
        let now = eventually(&server, path, |answer| answer["edition"] == edition);
        assert_eq!(now["ok"], 1, "{now}");
        eventually(&server, "/api/members", |answer| answer["members"] == 0);
    }
    let last = eventually(&server, path, |_| true);
    assert_eq!(last["pid"], first["pid"]);
    assert!(open(&last) <= CONNECTIONS_MAX, "{first} {last}");
}

#[test]
fn a_reload_gives_the_former_builds_connections_back_and_a_stop_waits_for_no_client() {
    let Some(mongo) = mongo_server() else { return };
    let project = project().unwrap();
    let server = start_connected(&project, &mongo);
    let path = "/api/connections";
    let first = eventually(&server, path, |_| true);
    for turn in 0..3 {
        build(&project);
        let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
        let ordered = Command::new(binary).arg("reload").arg(project.path()).output().unwrap();
        assert!(ordered.status.success(), "{turn}: {ordered:?}");
    }
    // Another process; what the former ones had open is gone.
    let last = eventually(&server, path, |answer| open(answer) <= CONNECTIONS_MAX);
    assert_ne!(last["pid"], first["pid"]);
    let begun = Instant::now();
    let stopped = server.stop().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    assert!(begun.elapsed() < Duration::from_secs(5), "{}", stopped.stderr);
}

/// What both drivers do where nobody is there: the route's own answer in the time that it allows, again and
/// again, and a worker that lives and ends as any other.
fn assert_away(server: TestServer) {
    let alive = get(&server, "/api/alive");
    for _ in 0..2 {
        for path in ["/api/accounts", "/api/members"] {
            let begun = Instant::now();
            let (status, answer) = get(&server, path);
            assert_eq!(status, 503, "{path} {answer} {}", server.stderr());
            let name = answer["error"].as_str().unwrap();
            assert!(name.starts_with("Mongo"), "{path} {name}");
            assert!(begun.elapsed() < Duration::from_secs(5), "{path} {:?}", begun.elapsed());
        }
    }
    assert_eq!(get(&server, "/api/alive"), alive, "{}", server.stderr());
    let begun = Instant::now();
    let stopped = server.stop().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    assert!(begun.elapsed() < Duration::from_secs(5), "{}", stopped.stderr);
}

#[test]
fn without_a_database_routes_answer_for_themselves() {
    let project = project().unwrap();
    // Nobody listens on the discard port.
    assert_away(start(&project, "mongodb://127.0.0.1:9/test"));
}

#[test]
fn a_database_that_dies_costs_its_own_routes_and_nothing_else() {
    let Some(mut mongo) = mongo_server() else { return };
    let project = project().unwrap();
    let server = start_connected(&project, &mongo);
    mongo.kill();
    assert_away(server);
}
