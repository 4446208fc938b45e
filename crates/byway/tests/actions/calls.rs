//! Calls by React's client.

use serde_json::{Value as Json, json};

use super::{Served, multipart, result};

#[test]
fn a_call_has_arguments_and_a_result_as_next_sends_it() {
    let served = Served::start(&[]);
    let answer = served.call("echo", r#"["x",1,"$undefined","$D1970-01-01T00:00:00.000Z"]"#);
    assert_eq!(answer.status, 200, "{}", served.server.stderr());
    assert_eq!(answer.header("content-type"), Some("text/x-component"));
    let cache = "no-cache, no-store, max-age=0, must-revalidate";
    assert_eq!(answer.header("cache-control"), Some(cache));
    assert_eq!(answer.header("x-action-revalidated"), None);
    let text = answer.text();
    let (head, rest) = text.split_once('\n').unwrap();
    let head: Json = serde_json::from_str(head.strip_prefix("0:").unwrap()).unwrap();
    assert_eq!((&head["a"], &head["q"], &head["i"]), (&json!("$@1"), &json!(""), &json!(false)));
    assert!(!head["b"].as_str().unwrap().is_empty());
    assert_eq!(rest, "1:[\"x\",1,\"$undefined\",\"$D1970-01-01T00:00:00.000Z\"]\n");
    let row = |name: &str, given: &str| result(&served.call(name, given));
    assert_eq!(row("nothing", "[]"), "\"$undefined\"");
    assert_eq!(row("renamed", "[1]"), "2");
    assert_eq!(row("default", "[]"), "\"default\"");
    let asked = served.call_with("asks", "[]", &[("X-Mine", "m"), ("Cookie", "a=b")]);
    assert_eq!(result(&asked), "[\"m\",\"b\"]");
}

#[test]
fn an_action_with_a_form_writes_what_a_route_reads() {
    let served = Served::start(&[]);
    let body = multipart(&[("_1_donor", "Ada"), ("_1_amount", "5"), ("0", "[\"$K1\"]")]);
    let content_type = format!("multipart/form-data; boundary={}", super::BOUNDARY);
    let headers = [("Next-Action", served.id("pledge")), ("Content-Type", &content_type)];
    let answer = served.server.request("POST", "/donations?x=1", &headers, &body).unwrap();
    assert_eq!(result(&answer), "{\"ok\":true,\"total\":1}", "{}", served.server.stderr());
    assert_eq!(answer.header("set-cookie"), Some("donor=Ada; Path=/"));
    assert_eq!(answer.header("x-action-revalidated"), Some("1"));
    assert_eq!(served.seen()["pledges"], json!([{ "donor": "Ada", "amount": 5 }]));
}

#[test]
fn errors_reach_the_log_and_only_a_digest_the_client() {
    let served = Served::start(&[]);
    let answer = served.call("fails", "[]");
    assert_eq!(answer.status, 500);
    assert_eq!(answer.header("content-type"), Some("text/x-component"));
    let error: Json = serde_json::from_str(result(&answer).strip_prefix('E').unwrap()).unwrap();
    let names: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(names, ["digest"]);
    assert!(error["digest"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()));
    let line = served.logged("a secret of the server");
    let digest = format!("digest {}", error["digest"].as_str().unwrap());
    for part in ["POST /donations", "app/actions.ts", &digest] {
        assert!(line.contains(part), "no `{part}` in {line}");
    }
    // The stack is mapped to the sources.
    served.logged("app/actions.ts:");
    let answer = served.call("digested", "[]");
    assert_eq!((answer.status, result(&answer)), (500, "E{\"digest\":\"KNOWN\"}".to_owned()));
    // What a client cannot be given fails in its place; the action itself was fine.
    let answer = served.call("instance", "[]");
    assert_eq!(answer.status, 200);
    assert!(result(&answer).starts_with("E{\"digest\":"));
    served.logged("Only plain objects");
}

#[test]
fn redirects_and_refusals_leave_an_action() {
    let served = Served::start(&[(
        "next.config.mjs",
        "export default { experimental: { authInterrupts: true } }\n",
    )]);
    let check = |name: &str, expect: &str| {
        let answer = served.call(name, "[]");
        assert_eq!((answer.status, answer.header("x-action-redirect")), (200, Some(expect)));
        assert_eq!((answer.text().as_str(), answer.header("content-type")), ("", None), "{name}");
    };
    check("leaves", "/other?x=1;push");
    check("moves", "https://example.com/a;replace");
    for (name, status) in [("lost", 404), ("barred", 403)] {
        let answer = served.call(name, "[]");
        let expect = format!("E{{\"digest\":\"NEXT_HTTP_ERROR_FALLBACK;{status}\"}}");
        assert_eq!((answer.status, result(&answer)), (status, expect), "{name}");
    }
    assert!(!served.server.stderr().contains("NEXT_"), "{}", served.server.stderr());
}

#[test]
fn what_an_action_changes_is_told_to_the_client() {
    let served = Served::start(&[]);
    let check = |kind: &str, expect: Option<&str>| {
        let answer = served.call("marks", &format!("[\"{kind}\"]"));
        assert_eq!(answer.header("x-action-revalidated"), expect, "{kind}");
        assert_eq!(result(&answer), format!("\"{kind}\""), "{}", served.server.stderr());
    };
    check("none", None);
    check("path", Some("1"));
    check("tag", Some("1"));
    check("old-tag", None);
    check("refresh", Some("2"));
    check("cookie", Some("1"));
    check("draft", Some("1"));
    assert_eq!(result(&served.call("later", "[]")), "\"now\"");
    assert_eq!(served.seen()["seen"], json!(["after"]));
    let said = served.server.get("/api/early").unwrap().json();
    for text in said.as_array().unwrap() {
        assert!(text.as_str().unwrap().contains("only be called from within a Server Action"));
    }
}

#[test]
fn revalidate_path_of_an_action_reaches_cached_routes() {
    let served = Served::start(&[
        (
            "app/numbers/route.ts",
            "export const dynamic = 'force-static'\nexport const GET = () => new Response(String(Math.random()))\n",
        ),
        (
            "lib/more.ts",
            "'use server'\nimport { revalidatePath } from 'next/cache'\nexport async function again() { revalidatePath('/numbers') }\n",
        ),
    ]);
    let get = || served.server.get("/numbers").unwrap().text();
    let first = get();
    assert_eq!(get(), first);
    assert_eq!(served.call("again", "[]").status, 200);
    assert_ne!(get(), first);
}

#[test]
fn routes_pages_files_and_other_methods_are_what_they_were() {
    let served = Served::start(&[]);
    let id = served.id("echo").to_owned();
    let ask = |method: &str, path: &str, body: &str| {
        let headers = [("Next-Action", id.as_str()), ("Content-Type", "text/plain")];
        served.server.request(method, path, &headers, body).unwrap()
    };
    // p01: for a handler it is a header.
    let handled = ask("POST", "/api/pledges", "[\"$1:__proto__\"]");
    assert_eq!((handled.status, handled.text().as_str()), (200, "[\"$1:__proto__\"]"));
    assert_eq!(handled.header("x-action"), Some(id.as_str()));
    assert_eq!(ask("PUT", "/api/pledges", "[]").status, 405);
    assert_eq!(ask("GET", "/donations", "").status, 501);
    assert_eq!(ask("PUT", "/donations", "[]").status, 501);
    assert_eq!(ask("POST", "/file.txt", "[]").status, 405);
    assert_eq!(ask("POST", "/nowhere", "[1]").text().lines().last(), Some("1:[1]"));
    assert_eq!(served.server.request("POST", "/donations", &[], "x").unwrap().status, 501);
    let plain =
        [("Next-Action", id.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(served.server.request("POST", "/donations", &plain, "a=1").unwrap().status, 501);
}

#[test]
fn a_project_without_actions_knows_no_calls() {
    let files = [
        ("app/page.tsx", "export default () => null\n"),
        ("app/api/x/route.ts", "export const GET = () => new Response('x')\n"),
    ];
    let (_project, server) =
        byway_testkit::Fixture::served(env!("CARGO_BIN_EXE_byway"), &files).unwrap();
    let headers = [("Next-Action", "00".repeat(21))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(server.request("POST", "/", &headers, "[]").unwrap().status, 501);
    assert_eq!(server.request("POST", "/nowhere", &headers, "[]").unwrap().status, 404);
}
