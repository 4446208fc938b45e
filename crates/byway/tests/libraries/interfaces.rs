//! Libraries that answer requests themselves: tRPC, hono, graphql-yoga, ts-rest, next-safe-action,
//! the AI SDK, MCP.

use byway_testkit::Framing;
use serde_json::{Value, json};

use super::browser::JSON;
use super::installed::Libraries;

#[test]
fn trpc_answers_queries_mutations_batches_and_subscriptions() {
    let Libraries { server, project: _project } = Libraries::serve();
    let input = "%7B%22name%22%3A%22ada%22%7D";
    let response = server.get(&format!("/trpc/greet?input={input}")).unwrap();
    let greeting = json!({ "result": { "data": "hello ada" } });
    assert_eq!((response.status, response.json()), (200, greeting.clone()), "{}", server.stderr());

    let batch = format!("/trpc/greet,nothing?batch=1&input=%7B%220%22%3A{input}%7D");
    let response = server.get(&batch).unwrap();
    assert_eq!((response.status, &response.json()[0]), (207, &greeting));
    assert_eq!(response.json()[1]["error"]["data"]["code"], "NOT_FOUND");

    let invalid = server.get("/trpc/greet?input=%7B%22name%22%3A%22%22%7D").unwrap();
    assert_eq!(invalid.status, 400);
    assert_eq!(invalid.json()["error"]["data"]["code"], "BAD_REQUEST");

    let whoami = |headers: &[(&str, &str)]| {
        let response = server.request("POST", "/trpc/whoami", headers, "").unwrap();
        (response.status, response.json()["result"]["data"].clone())
    };
    assert_eq!(whoami(&[JSON]), (401, Value::Null));
    assert_eq!(whoami(&[JSON, ("x-user", "ada")]), (200, json!("ada")));

    let events = server.get("/trpc/count").unwrap();
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!((events.framing, events.complete), (Framing::Chunked, true));
    for line in ["data: 1\n", "data: 2\n", "data: 3\n", "event: return\n"] {
        assert!(events.text().contains(line), "{}", events.text());
    }
}

#[test]
fn hono_routes_inside_a_catch_all() {
    let Libraries { server, project: _project } = Libraries::serve();
    let origin = ("origin", "https://example.com");
    let hello = server.request("GET", "/hono/hello/ada?q=1", &[origin], "").unwrap();
    assert_eq!(hello.json(), json!({ "message": "hello ada", "q": "1" }), "{}", server.stderr());
    assert_eq!(hello.header("set-cookie"), Some("greeted=ada; Path=/; HttpOnly"));
    assert_eq!(hello.header("access-control-allow-origin"), Some("https://example.com"));

    let echo = server.request("POST", "/hono/echo", &[JSON], r#"{ "a": [1] }"#).unwrap();
    assert_eq!((echo.status, echo.json()), (201, json!({ "a": [1] })));
    let preflight = [origin, ("access-control-request-method", "POST")];
    let allowed = server.request("OPTIONS", "/hono/echo", &preflight, "").unwrap();
    assert_eq!(allowed.status, 204);
    assert!(allowed.header("access-control-allow-methods").is_some_and(|it| it.contains("POST")));

    let stream = server.get("/hono/stream").unwrap();
    assert_eq!((stream.text().as_str(), stream.framing), ("one two three", Framing::Chunked));
    let failed = server.get("/hono/fails").unwrap();
    assert_eq!((failed.status, failed.json()), (500, json!({ "error": "as planned" })));
    for path in ["/hono", "/hono/nothing/here"] {
        let absent = server.get(path).unwrap();
        assert_eq!((absent.status, absent.text().as_str()), (404, "404 Not Found"), "{path}");
    }
}

#[test]
fn graphql_yoga_answers_queries_mutations_and_subscriptions() {
    let Libraries { server, project: _project } = Libraries::serve();
    let ask = |query: &str| {
        let body = json!({ "query": query }).to_string();
        let headers = [JSON, ("user-agent", "byway-test")];
        let response = server.request("POST", "/graphql", &headers, &body).unwrap();
        assert_eq!(response.status, 200, "{}", server.stderr());
        response.json()
    };
    let data = json!({ "data": { "greet": "hello ada", "agent": "byway-test" } });
    assert_eq!(ask(r#"{ greet(name: "ada") agent }"#), data);
    assert_eq!(ask("mutation { add(left: 2, right: 3) }"), json!({ "data": { "add": 5 } }));
    assert_eq!(ask("{ nothing }")["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    let by_url = server.get("/graphql?query=%7Bgreet(name:%22ada%22)%7D").unwrap();
    assert_eq!(by_url.json(), json!({ "data": { "greet": "hello ada" } }));

    let accept = [JSON, ("accept", "text/event-stream")];
    let body = r#"{ "query": "subscription { count(to: 3) }" }"#;
    let events = server.request("POST", "/graphql", &accept, body).unwrap();
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(events.text().matches("event: next").count(), 3, "{}", events.text());
    assert!(events.text().contains(r#"{"data":{"count":3}}"#) && events.complete);

    let page = [("accept", "text/html")];
    let graphiql = server.request("GET", "/graphql", &page, "").unwrap();
    assert_eq!(graphiql.header("content-type"), Some("text/html"));
    let preflight = [("origin", "https://example.com")];
    assert_eq!(server.request("OPTIONS", "/graphql", &preflight, "").unwrap().status, 204);
}

#[test]
fn ts_rest_keeps_its_contract() {
    let Libraries { server, project: _project } = Libraries::serve();
    let get = |path: &str| {
        let response = server.get(path).unwrap();
        (response.status, response.json())
    };
    assert_eq!(get("/ts-rest/posts/1"), (200, json!({ "id": 1 })), "{}", server.stderr());
    assert_eq!(get("/ts-rest/posts/2"), (404, json!({ "missing": 2 })));
    let (status, body) = get("/ts-rest/posts/x");
    assert_eq!(status, 400);
    assert_eq!(body["pathParameterErrors"]["issues"][0]["path"], json!(["id"]));
    let post = |body: &str| server.request("POST", "/ts-rest/posts", &[JSON], body).unwrap();
    let created = post(r#"{ "title": "byway" }"#);
    assert_eq!((created.status, created.json()), (201, json!({ "title": "byway" })));
    let refused = post(r#"{ "title": "x" }"#);
    assert_eq!(refused.json()["bodyErrors"]["issues"][0]["code"], "too_small");
}

#[test]
fn next_safe_action_gives_results_and_lets_redirects_through() {
    let Libraries { server, project: _project } = Libraries::serve();
    let transfer = |to: &str, amount: i32| {
        let body = json!({ "to": to, "amount": amount }).to_string();
        server.request("POST", "/safe-action", &[JSON], &body).unwrap()
    };
    let data = json!({ "data": { "from": "ada", "to": "grace", "amount": 5 } });
    assert_eq!(transfer("grace", 5).json(), data, "{}", server.stderr());
    let refused = transfer("grace", -5).json();
    assert!(refused["validationErrors"]["amount"]["_errors"].is_array(), "{refused}");
    assert_eq!(transfer("trouble", 5).json(), json!({ "serverError": "failed: no money" }));
    let redirected = transfer("elsewhere", 5);
    assert_eq!((redirected.status, redirected.header("location")), (307, Some("/elsewhere")));
    assert_eq!(transfer("nowhere", 5).status, 404);
}

#[test]
fn the_ai_sdk_streams_what_a_model_says() {
    let Libraries { server, project: _project } = Libraries::serve();
    let body = r#"{ "prompt": "one two three" }"#;
    let events = server.request("POST", "/ai", &[JSON], body).unwrap();
    assert_eq!(events.header("content-type"), Some("text/event-stream"), "{}", server.stderr());
    assert_eq!((events.framing, events.complete), (Framing::Chunked, true));
    let text = events.text();
    for word in ["one", "two", "three"] {
        let event = json!({ "type": "text-delta", "id": "1", "delta": word });
        let found = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let mut found = found.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        assert!(found.any(|it| it == event), "{text}");
    }
    assert!(text.trim_end().ends_with("data: [DONE]"), "{text}");
}

#[test]
fn an_mcp_server_has_its_tools_called() {
    let Libraries { server, project: _project } = Libraries::serve();
    let call = |method: &str, params: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let headers = [JSON, ("accept", "application/json, text/event-stream")];
        let answer = server.request("POST", "/mcp/mcp", &headers, &body.to_string()).unwrap();
        assert_eq!(answer.status, 200, "{}{}", answer.text(), server.stderr());
        let text = answer.text();
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
        serde_json::from_str::<Value>(data).unwrap_or_default()
    };
    let tools = call("tools/list", json!({}));
    assert_eq!(tools["result"]["tools"][0]["name"], "add", "{tools}");
    let arguments = json!({ "left": 2, "right": 3 });
    let sum = call("tools/call", json!({ "name": "add", "arguments": arguments }));
    assert_eq!(sum["result"]["content"], json!([{ "type": "text", "text": "5" }]), "{sum}");
    let wrong = call("tools/call", json!({ "name": "add", "arguments": { "left": "x" } }));
    assert!(wrong["result"]["isError"] == true || wrong["error"].is_object(), "{wrong}");
}
