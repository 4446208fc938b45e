//! Libraries in Pages Router API routes: Express middleware and apps, routers, uploads, sessions, webhooks.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use byway_testkit::TestServer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::browser::{Browser, FORM, JSON, encoded};
use super::installed::{Libraries, hex};
use super::tokens::hmac_sha256;

const BOUNDARY: &str = "----byway";
const MULTIPART: (&str, &str) = ("content-type", "multipart/form-data; boundary=----byway");

/// A form with a field `name` and a file `file`.
fn form(name: &str, file: &str) -> String {
    let mut form = String::new();
    let disposition = "content-disposition: form-data";
    // Writing into a string cannot fail.
    let _ = write!(
        form,
        "--{BOUNDARY}\r\n{disposition}; name=\"name\"\r\n\r\n{name}\r\n\
         --{BOUNDARY}\r\n{disposition}; name=\"file\"; filename=\"notes.txt\"\r\ncontent-type: text/plain\r\n\r\n\
         {file}\r\n--{BOUNDARY}--\r\n"
    );
    form
}

fn send(
    server: &TestServer,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let response = server
        .request(method, path, headers, body)
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    (response.status, response.json())
}

#[test]
fn express_middleware_runs_in_front_of_a_handler() {
    let Libraries { server, project: _project } = Libraries::serve();
    let origin = ("origin", "https://app.example");
    let preflight = [origin, ("access-control-request-method", "PUT")];
    let allowed = server.request("OPTIONS", "/api/cors", &preflight, "").unwrap();
    assert_eq!((allowed.status, allowed.body.len()), (204, 0), "{}", server.stderr());
    assert_eq!(allowed.header("access-control-allow-methods"), Some("GET,PUT"));
    let got = server.request("GET", "/api/cors", &[origin], "").unwrap();
    assert_eq!((got.status, got.json()), (200, json!({ "method": "GET" })));
    assert_eq!(got.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(got.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(got.header("vary"), Some("Origin"));

    let any = server.request("OPTIONS", "/api/nextjs-cors", &preflight, "").unwrap();
    assert_eq!((any.status, any.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(server.get("/api/nextjs-cors").unwrap().json(), json!({ "message": "hello" }));

    let zipped = [("accept-encoding", "gzip"), ("x-unlimited", "1")];
    let zipped = server.request("GET", "/api/middlewares", &zipped, "").unwrap();
    assert_eq!((zipped.status, zipped.header("content-encoding")), (200, Some("gzip")));
    assert!(zipped.complete && zipped.body.starts_with(&[0x1f, 0x8b]), "{zipped:?}");
    for left in ["2", "1", "0"] {
        let response = server.get("/api/middlewares").unwrap();
        assert_eq!(response.status, 200);
        let limit = response.header("ratelimit").unwrap();
        assert!(limit.contains(&format!("remaining={left}")), "{limit}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert!(response.header("content-security-policy").is_some());
    }
    let refused = server.get("/api/middlewares").unwrap();
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (429, true));
    let line = "logged GET /api/middlewares 429 - from";
    let patience = Duration::from_secs(5);
    assert!(server.wait_for_log(line, patience).is_some(), "{}", server.stderr());
}

#[test]
fn next_connect_routes_by_method() {
    let Libraries { server, project: _project } = Libraries::serve();
    let bearer = ("authorization", "Bearer ada");
    let path = "/api/next-connect";
    let unknown = send(&server, "GET", path, &[], "");
    assert_eq!(unknown, (401, json!({ "error": "who are you?" })), "{}", server.stderr());
    assert_eq!(send(&server, "GET", path, &[bearer], ""), (200, json!({ "user": "ada" })));
    let posted = send(&server, "POST", path, &[bearer, JSON], "{\"a\":1}");
    assert_eq!(posted, (201, json!({ "user": "ada", "got": { "a": 1 } })));
    let failed = server.request("DELETE", path, &[bearer], "").unwrap();
    assert_eq!((failed.status, failed.text().as_str()), (500, "cannot delete"));
    let other = server.request("PUT", path, &[bearer], "").unwrap();
    assert_eq!((other.status, other.text().as_str()), (404, "no match"));
}

#[test]
fn an_express_app_is_a_handler() {
    let Libraries { server, project: _project } = Libraries::serve();
    let found = server.get("/api/express/users/7?full=yes").unwrap();
    assert_eq!(found.status, 200, "{}", server.stderr());
    assert_eq!(
        (found.header("x-first"), found.header("x-powered-by")),
        (Some("yes"), Some("Express"))
    );
    assert_eq!(found.header("set-cookie"), Some("seen=7; Path=/"));
    let user = found.json();
    // `req.query` stays Next's, in which the route's parameter is as well.
    assert_eq!(user["query"], json!({ "full": "yes", "path": ["users", "7"] }));
    assert!(["127.0.0.1", "::1"].contains(&user["ip"].as_str().unwrap()), "{user}");
    let posted = server.request("POST", "/api/express/users", &[JSON], "{\"a\":1}").unwrap();
    assert_eq!((posted.status, posted.header("location")), (201, Some("/api/express/users/7")));
    assert_eq!(posted.json(), json!({ "got": { "a": 1 }, "type": "application/json" }));
    let file = server.get("/api/express/file").unwrap();
    assert_eq!(file.text(), "a note");
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=note.txt"));
    assert_eq!(
        send(&server, "GET", "/api/express/throws", &[], ""),
        (418, json!({ "error": "out of tea" }))
    );
    assert_eq!(server.get("/api/express/nothing").unwrap().status, 404);
    // Another route's request and response are not touched by Express.
    assert_eq!(server.get("/api/nextjs-cors").unwrap().status, 200);
}

/// Sends a body without saying how long it is.
#[allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]
fn in_chunks(
    server: &TestServer,
    path: &str,
    content_type: (&str, &str),
    body: &str,
) -> (u16, Value) {
    let mut client = server.connect().unwrap();
    let (name, value) = content_type;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\n{name}: {value}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    client.send(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).unwrap();
    let answer = client.read().unwrap();
    (answer.status, answer.json())
}

#[test]
fn uploads_are_parsed_by_formidable_multer_and_busboy() {
    let Libraries { server, project: _project } = Libraries::serve();
    let file = "0123456789abcdef".repeat(64 * 1024);
    let upload =
        |path: &str, file: &str| send(&server, "POST", path, &[MULTIPART], &form("Ada", file));
    let sum = file.bytes().fold(0_u32, |sum, byte| (sum + u32::from(byte)) % 65521);
    let (status, parsed) = upload("/api/formidable", &file);
    assert_eq!(status, 200, "{parsed} {}", server.stderr());
    let expect = json!({ "fields": { "name": ["Ada"] }, "name": "notes.txt", "type": "text/plain", "size": file.len(), "sum": sum });
    assert_eq!(parsed, expect);
    let short = upload("/api/formidable", "x").1;
    assert_eq!((&short["size"], &short["sum"]), (&json!(1), &json!(120)));
    let (status, error) = send(&server, "POST", "/api/formidable", &[JSON], "not a form");
    assert!(status >= 400, "{error}");

    let half = &file[..file.len() / 2];
    let stored = upload("/api/multer", half);
    let expect = json!({ "fields": { "name": "Ada" }, "name": "notes.txt", "size": half.len() });
    assert_eq!(stored, (200, expect));
    let long = format!("{file}x");
    assert_eq!(upload("/api/multer", &long), (413, json!({ "error": "LIMIT_FILE_SIZE" })));

    for path in ["/api/multer", "/api/formidable"] {
        let (status, stored) = in_chunks(&server, path, MULTIPART, &form("Ada", "in chunks"));
        assert_eq!((status, &stored["size"]), (200, &json!(9)), "{path}: {stored}");
    }

    let (status, found) = upload("/api/busboy", &file);
    assert_eq!((status, &found["name"]), (200, &json!("Ada")));
    assert_eq!(
        (&found["file"]["size"], &found["file"]["filename"]),
        (&json!(file.len()), &json!("notes.txt"))
    );
}

#[test]
fn bodies_are_read_by_raw_body_and_body_parser() {
    let Libraries { server, project: _project } = Libraries::serve();
    let body = "é".repeat(500_000);
    let digest = hex(&Sha256::digest(body.as_bytes()));
    let read = send(&server, "POST", "/api/raw-body", &[], &body);
    assert_eq!(
        read,
        (200, json!({ "length": 1_000_000, "sha256": digest })),
        "{}",
        server.stderr()
    );
    let long = "x".repeat(3 << 20);
    let refused = send(&server, "POST", "/api/raw-body", &[], &long);
    assert_eq!(refused, (413, json!({ "type": "entity.too.large" })));

    let path = "/api/body-parser";
    let parsed = send(&server, "POST", path, &[JSON], "{\"a\":[1]}");
    assert_eq!(parsed, (200, json!({ "body": { "a": [1] } })));
    let nested = send(&server, "POST", path, &[FORM], "a[b]=1&a[c]=2");
    assert_eq!(nested, (200, json!({ "body": { "a": { "b": "1", "c": "2" } } })));
    let chunked = in_chunks(&server, path, JSON, "{\"a\":2}");
    assert_eq!(chunked, (200, json!({ "body": { "a": 2 } })));
    let broken = send(&server, "POST", path, &[JSON], "{bad");
    assert_eq!(broken, (400, json!({ "type": "entity.parse.failed" })));
    let long = send(&server, "POST", path, &[JSON], &format!("\"{}\"", "x".repeat(20_000)));
    assert_eq!(long, (413, json!({ "type": "entity.too.large" })));
}

#[test]
fn sessions_of_iron_session_and_next_auth_4() {
    let Libraries { server, project: _project } = Libraries::serve();
    let mut browser = Browser::new(&server);
    let read = |browser: &mut Browser<'_>| browser.get("/api/iron-session").json();
    assert_eq!(read(&mut browser), json!({ "user": null }), "{}", server.stderr());
    browser.request("POST", "/api/iron-session", &[JSON], "{\"user\":\"ada\"}");
    assert_eq!(read(&mut browser), json!({ "user": "ada" }));
    browser.request("DELETE", "/api/iron-session", &[], "");
    assert_eq!(read(&mut browser), json!({ "user": null }));

    let account = |browser: &mut Browser<'_>| browser.get("/api/auth4-account");
    assert_eq!(account(&mut browser).status, 401, "{}", server.stderr());
    let sign_in = |browser: &mut Browser<'_>, password: &str| {
        let csrf = browser.get("/api/auth4/csrf").json();
        let token = csrf["csrfToken"].as_str().unwrap_or_else(|| panic!("{csrf}"));
        let body = format!("csrfToken={token}&username=ada&password={}", encoded(password));
        browser.request("POST", "/api/auth4/callback/credentials", &[FORM], &body)
    };
    let refused = sign_in(&mut browser, "wrong");
    assert!(!browser.has_cookie("next-auth.session-token"), "{refused:?}");
    let accepted = sign_in(&mut browser, "correct horse");
    assert_eq!(accepted.status, 302, "{}", server.stderr());
    let known = account(&mut browser);
    assert_eq!((known.status, known.json()), (200, json!({ "name": "ada", "token": "ada" })));
    let session = browser.get("/api/auth4/session").json();
    assert_eq!(session["user"]["name"], "ada");
}

#[test]
fn trpc_answers_through_its_adapter_for_next() {
    let Libraries { server, project: _project } = Libraries::serve();
    let greeting = server.get("/api/trpc/greet?input=%7B%22name%22%3A%22ada%22%7D").unwrap();
    assert_eq!(greeting.json()["result"]["data"], "hello ada", "{}", server.stderr());
    let refused = server.request("POST", "/api/trpc/whoami", &[JSON], "").unwrap();
    assert_eq!(refused.status, 401, "{refused:?}");
    let headers = [JSON, ("x-user", "ada")];
    let known = server.request("POST", "/api/trpc/whoami", &headers, "{}").unwrap();
    assert_eq!(known.json()["result"]["data"], "ada");
}

#[test]
fn stripe_needs_the_bytes_that_were_signed() {
    let Libraries { server, project: _project } = Libraries::serve();
    let body = "{ \"id\": \"evt_1\",  \"object\": \"event\", \"type\": \"invoice.paid\" }";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let signed = hmac_sha256(b"whsec_of_the_fixture", format!("{now}.{body}").as_bytes());
    let signature = format!("t={now},v1={}", hex(&signed));
    let headers = [("stripe-signature", signature.as_str()), JSON];
    let raw = send(&server, "POST", "/api/stripe/raw", &headers, body);
    assert_eq!(raw, (200, json!({ "received": "invoice.paid" })), "{}", server.stderr());
    // The parsed body is not what was signed, as under Next.
    let parsed = server.request("POST", "/api/stripe/parsed", &headers, body).unwrap();
    assert_eq!(parsed.status, 400);
    assert!(parsed.text().starts_with("Webhook Error: "), "{}", parsed.text());
    let text = [headers[0], ("content-type", "text/plain")];
    let text = server.request("POST", "/api/stripe/parsed", &text, body).unwrap();
    assert_eq!((text.status, text.json()), (200, json!({ "received": true })));
}
