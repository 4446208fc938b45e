//! Native add-ons, worker threads, and other implementations of `fetch` and sockets.

use serde_json::json;

use super::browser::JSON;
use super::installed::Libraries;

#[test]
fn sharp_draws_and_reads_images() {
    let Libraries { server, project: _project } = Libraries::serve();
    let image = server.get("/sharp").unwrap();
    assert_eq!(image.header("content-type"), Some("image/png"), "{}", server.stderr());
    assert!(image.body.starts_with(b"\x89PNG\r\n\x1a\n"), "{:?}", &image.body[..8]);

    // The bytes that came out go in again.
    let mut client = server.connect().unwrap();
    let length = image.body.len();
    let host = server.authority();
    client
        .send(format!("POST /sharp HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"))
        .unwrap();
    client.send(&image.body).unwrap();
    let read = client.read().unwrap();
    let expected = json!({ "width": 2, "height": 1, "pixel": [255, 0, 0] });
    assert_eq!((read.status, read.json()), (200, expected), "{}", server.stderr());
}

#[test]
fn pino_writes_from_a_worker_thread() {
    let Libraries { server, project } = Libraries::serve();
    let body = r#"{ "user": "ada", "password": "secret" }"#;
    let response = server.request("POST", "/pino", &[JSON], body).unwrap();
    assert_eq!(response.status, 200, "{}", server.stderr());
    let log = project.read("pino.log").unwrap();
    let line: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(response.json(), line);
    assert_eq!((&line["user"], &line["msg"]), (&json!("ada"), &json!("received")));
    assert_eq!((&line["level"], &line["password"]), (&json!(30), &json!("[Redacted]")));
}

#[test]
fn piscina_runs_tasks_in_threads() {
    let Libraries { server, project: _project } = Libraries::serve();
    let body = r#"{ "left": 2, "right": 3 }"#;
    let sum = server.request("POST", "/piscina", &[JSON], body).unwrap();
    assert_eq!(sum.json(), json!({ "sum": 5, "isMainThread": false }), "{}", server.stderr());
}

#[test]
fn drizzle_asks_a_database_in_a_native_add_on() {
    let Libraries { server, project: _project } = Libraries::serve();
    let added = server.request("POST", "/drizzle", &[JSON], r#"{ "name": "ada" }"#).unwrap();
    assert_eq!(added.json(), json!([{ "id": 1, "name": "ada" }]), "{}", server.stderr());
    assert_eq!(server.get("/drizzle?name=ada").unwrap().json(), added.json());
    assert_eq!(server.get("/drizzle?name=grace").unwrap().json(), json!([]));
}

#[test]
fn responses_of_undici_and_node_fetch_are_answers() {
    let Libraries { server, project: _project } = Libraries::serve();
    for path in ["/undici", "/node-fetch"] {
        let response = server.get(path).unwrap();
        assert_eq!((response.status, response.text().as_str()), (202, "got across"), "{path}");
        assert_eq!(response.header("x-from"), Some("undici"), "{path}");
        let cookies: Vec<_> = response.header_all("set-cookie").collect();
        assert_eq!(cookies, ["a=1", "b=2"], "{path}");
        assert_eq!(response.header("content-type"), Some("text/plain;charset=UTF-8"), "{path}");
    }
    let own = server.request("POST", "/undici", &[], "").unwrap();
    let expected = json!({ "form": { "field": "value" }, "statusCode": 202, "text": "got " });
    assert_eq!(own.json(), expected, "{}", server.stderr());
}

#[test]
fn ws_and_mongodb_open_sockets() {
    let Libraries { server, project: _project } = Libraries::serve();
    let echo = server.request("POST", "/ws", &[], "over there").unwrap();
    assert_eq!(
        (echo.status, echo.text().as_str()),
        (200, "echo over there"),
        "{}",
        server.stderr()
    );
    let mongo = server.get("/mongodb").unwrap();
    let expected =
        json!({ "insertedId": "0123456789abcdef01234567", "name": "MongoServerSelectionError" });
    assert_eq!((mongo.status, mongo.json()), (503, expected), "{}", server.stderr());
}
