//! API routes as tutorials write them, with their faults.

use std::time::Duration;

use byway_testkit::TestServer;
use serde_json::{Value, json};

use super::browser::{Browser, JSON};
use super::installed::Libraries;

fn send(server: &TestServer, method: &str, path: &str, body: &str) -> (u16, Value) {
    let headers: &[(&str, &str)] = if body.is_empty() { &[] } else { &[JSON] };
    let response = server
        .request(method, &format!("/api/samples/{path}"), headers, body)
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let json = if response.body.is_empty() { Value::Null } else { response.json() };
    (response.status, json)
}

#[test]
fn resources_with_methods_and_parameters() {
    let Libraries { server, project: _project } = Libraries::serve();
    let (status, users) = send(&server, "GET", "users", "");
    assert_eq!(
        (status, &users),
        (200, &json!([{ "id": "1", "name": "Ada", "email": "ada@example.com" }])),
        "{}",
        server.stderr()
    );
    let created =
        send(&server, "POST", "users", "{\"name\":\"Grace\",\"email\":\"g@example.com\"}");
    assert_eq!(created, (201, json!({ "id": "2", "name": "Grace", "email": "g@example.com" })));
    assert_eq!(
        send(&server, "POST", "users", "{}"),
        (400, json!({ "error": "a user needs a name" }))
    );
    let refused = server.request("PATCH", "/api/samples/users", &[], "").unwrap();
    assert_eq!((refused.status, refused.text().as_str()), (405, "Method PATCH Not Allowed"));
    assert_eq!(refused.header_all("allow").collect::<Vec<_>>(), ["GET", "POST", "DELETE"]);

    assert_eq!(
        send(&server, "GET", "users/2?id=1", ""),
        (200, json!({ "id": "2", "name": "Grace" }))
    );
    let changed = send(&server, "PUT", "users/2", "{\"name\":\"Amazing Grace\"}");
    assert_eq!((changed.0, &changed.1["name"]), (200, &json!("Amazing Grace")));
    assert_eq!(send(&server, "DELETE", "users", "{\"id\":\"2\"}"), (204, Value::Null));
    let gone = json!({ "error": "User not found", "id": "2" });
    assert_eq!(send(&server, "GET", "users/2", ""), (404, gone));

    let post = json!({ "userId": "a b", "postId": "7", "rest": { "x": ["1", "2"] } });
    assert_eq!(send(&server, "GET", "posts/a%20b/7?x=1&x=2", ""), (200, post));
    assert_eq!(send(&server, "GET", "docs/api/users", ""), (200, json!({ "docs": "users" })));
    let one = json!({ "error": "not found", "slug": ["a/b"] });
    assert_eq!(send(&server, "GET", "docs/a%2Fb", ""), (404, one));
}

#[test]
fn forms_headers_and_upstreams() {
    let Libraries { server, project: _project } = Libraries::serve();
    let form = json!({ "name": "Ada", "email": "ada@example.com", "message": "hi" });
    let sent = send(&server, "POST", "contact", &form.to_string());
    assert_eq!(
        sent,
        (200, json!({ "sent": form, "at": "1970-01-01T00:00:00.000Z" })),
        "{}",
        server.stderr()
    );
    let missing = send(&server, "POST", "contact", "{\"name\":\"Ada\"}");
    assert_eq!((missing.0, &missing.1["required"]), (400, &json!(["name", "email", "message"])));
    let address = form.to_string().replace("ada@", "ada");
    assert_eq!(
        send(&server, "POST", "contact", &address),
        (400, json!({ "error": "Invalid email" }))
    );
    assert_eq!(send(&server, "GET", "contact", "").0, 405);
    let urlencoded = ("content-type", "application/x-www-form-urlencoded");
    let body = "name=Ada&email=ada%40example.com&message=hi+there";
    let sent = server.request("POST", "/api/samples/contact", &[urlencoded], body).unwrap();
    assert_eq!(sent.json()["sent"]["message"], "hi there");
    let broken = server.request("POST", "/api/samples/contact", &[JSON], "{bad").unwrap();
    assert_eq!((broken.status, broken.text().as_str()), (400, "Invalid JSON"));

    let data = server.get("/api/samples/data").unwrap();
    assert_eq!(
        data.header("cache-control"),
        Some("public, s-maxage=60, stale-while-revalidate=300")
    );
    assert_eq!(
        data.header_all("content-type").collect::<Vec<_>>(),
        ["application/json; charset=utf-8"]
    );
    let preflight = server.request("OPTIONS", "/api/samples/data", &[], "").unwrap();
    assert_eq!((preflight.status, preflight.body.len()), (200, 0));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST"));

    let weather = send(&server, "GET", "weather?city=Ankara", "");
    assert_eq!(
        weather,
        (200, json!({ "temperature": 21.5, "windSpeed": 3 })),
        "{}",
        server.stderr()
    );
    assert_eq!(send(&server, "GET", "weather", "").0, 400);
    assert_eq!(send(&server, "GET", "weather?city=nowhere", "").0, 500);
    for (name, status) in [("ValidationError", 400), ("UnauthorizedError", 401), ("Other", 500)] {
        assert_eq!(send(&server, "GET", &format!("errors?name={name}"), "").0, status);
    }
    let id = send(&server, "POST", "mongo", "{}");
    assert_eq!(id, (201, json!({ "id": "0123456789abcdef01234567" })));
    assert_eq!(send(&server, "GET", "mongo", "").0, 500);
}

#[test]
fn signing_in_and_wrappers() {
    let Libraries { server, project: _project } = Libraries::serve();
    let mut browser = Browser::new(&server);
    let login = |browser: &mut Browser<'_>, password: &str| {
        let body = json!({ "email": "ada@example.com", "password": password }).to_string();
        browser.request("POST", "/api/samples/login", &[JSON], &body)
    };
    assert_eq!(login(&mut browser, "wrong").status, 401, "{}", server.stderr());
    let unknown = browser.get("/api/samples/protected");
    assert_eq!((unknown.status, unknown.json()), (401, json!({ "error": "No token" })));
    let accepted = login(&mut browser, "correct horse");
    let cookie = accepted.header("set-cookie").unwrap().to_owned();
    assert!(cookie.ends_with("; HttpOnly; Path=/; Max-Age=604800; SameSite=Strict"), "{cookie}");
    assert_eq!(browser.get("/api/samples/protected").json(), json!({ "email": "ada@example.com" }));
    let token = cookie.trim_start_matches("token=").split(';').next().unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), JSON];
    let protected = server.request("GET", "/api/samples/protected", &headers[..1], "").unwrap();
    assert_eq!(protected.status, 200);

    // The address is counted before anything else, so all four requests count.
    let wrapped = |headers: &[(&str, &str)], body: &str| {
        let response = server.request("POST", "/api/samples/wrapped", headers, body).unwrap();
        (response.status, response.json())
    };
    assert_eq!(wrapped(&[JSON], "{}"), (401, json!({ "error": "Unauthorized" })));
    let refused = wrapped(&headers, "{\"amount\":-1}");
    assert_eq!(refused, (400, json!({ "error": "amount must be a positive number" })));
    let fine = json!({ "user": "ada@example.com", "amount": 5 });
    assert_eq!(wrapped(&headers, "{\"amount\":5}"), (200, fine));
    assert_eq!(wrapped(&headers, "{\"amount\":5}").0, 200);
    assert_eq!(wrapped(&headers, "{\"amount\":5}"), (429, json!({ "error": "Too many requests" })));
}

#[test]
fn faults_cost_their_own_route_and_nothing_else() {
    let Libraries { server, project } = Libraries::serve();
    let alive = || send(&server, "GET", "users", "").0;
    // The import of a name that is not exported.
    assert_eq!(server.get("/api/samples/missing").unwrap().status, 500);
    assert_eq!(alive(), 200);
    let refused =
        send(&server, "POST", "validated", "{\"name\":\"A\",\"email\":\"a@example.com\"}");
    assert_eq!((refused.0, &refused.1["error"]), (400, &json!("Validation failed")));
    // Nothing answers what is valid: that request waits alone.
    let mut silent = server.connect().unwrap();
    let body = "{\"name\":\"Ada\",\"email\":\"a@example.com\"}";
    let request = format!(
        "POST /api/samples/validated HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    silent.send(request).unwrap();
    assert_eq!(alive(), 200);
    drop(silent);
    let warned = "API resolved without sending a response for /api/samples/validated";
    let patience = Duration::from_secs(5);
    assert!(server.wait_for_log(warned, patience).is_some(), "{}", server.stderr());
    // Of the composed wrappers none after the first runs, so that nobody asks for a token.
    assert_eq!(send(&server, "GET", "composed", ""), (200, json!({ "success": true })));

    let form = "--x\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nAda\r\n--x\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\ncontent-type: image/png\r\n\r\n\
                pixels\r\n--x--\r\n";
    let multipart = ("content-type", "multipart/form-data; boundary=x");
    let stored = server.request("POST", "/api/samples/upload", &[multipart], form).unwrap();
    assert_eq!(stored.status, 200, "{}", server.stderr());
    let stored = stored.json();
    let name = stored["stored"].as_str().unwrap();
    assert_eq!(name.rsplit_once('.').map(|(_, extension)| extension), Some("png"), "{stored}");
    assert_eq!(project.read(format!("public/uploads/{name}")).unwrap(), "pixels");
    let broken = server.request("POST", "/api/samples/upload", &[multipart], "no form").unwrap();
    assert_eq!((broken.status, broken.json()), (500, json!({ "error": "Failed to upload file" })));
}
