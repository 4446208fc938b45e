//! Actions behind everything that stands before routes: whose page it is, proxies, rewrites, policies, logs.

use serde_json::Value as Json;

use super::{Served, result};

#[test]
fn x08_pages_of_other_sites_call_nothing() {
    let served = Served::start(&[(
        "next.config.mjs",
        "export default { experimental: { serverActions: { allowedOrigins: ['ok.example', '*.wild.example'] } } }\n",
    )]);
    let own = format!("http://{}", served.server.authority());
    let other_scheme = own.replace("http:", "https:");
    for origin in [own.as_str(), &other_scheme, "https://OK.example", "https://a.wild.example"] {
        let answer = served.call_with("echo", "[1]", &[("Origin", origin)]);
        assert_eq!(result(&answer), "[1]", "{origin}");
    }
    let foreign = ["https://evil.example", "null", "garbage", "https://a.b.wild.example"];
    for origin in foreign {
        // No proxy is trusted here, so nobody else can say which host this is (CVE-2024-34351).
        let more = [("Origin", origin), ("X-Forwarded-Host", "evil.example")];
        let answer = served.call_with("marks", "[\"cookie\"]", &more);
        assert_eq!((answer.status, answer.header("set-cookie")), (500, None), "{origin}");
        assert!(result(&answer).starts_with("E{\"digest\""), "{origin}");
        let field = format!("$ACTION_ID_{}", served.id("thank"));
        let body = super::multipart(&[(&field, ""), ("donor", "x")]);
        let content_type = format!("multipart/form-data; boundary={}", super::BOUNDARY);
        let headers = [("Content-Type", content_type.as_str()), ("Origin", origin)];
        let form = served.server.request("POST", "/", &headers, &body).unwrap();
        assert_eq!((form.status, form.text().as_str()), (500, "Internal Server Error"));
    }
    served.logged("a page of another site called a Server Action");
}

#[test]
fn x01_a_trusted_proxy_says_which_host_this_is() {
    let served = Served::start(&[("byway.toml", "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n")]);
    let call = |host: &str| {
        let more = [("Origin", "https://app.example"), ("X-Forwarded-Host", host)];
        served.call_with("echo", "[]", &more).status
    };
    assert_eq!((call("app.example"), call("other.example")), (200, 500));
}

#[test]
fn x03_a_proxy_runs_before_actions() {
    let served = Served::start(&[(
        "proxy.ts",
        "import { NextResponse } from 'next/server'
export const config = { matcher: ['/donations', '/moved', '/closed'] }
export function proxy(request: any) {
  const { pathname } = request.nextUrl
  if (pathname === '/closed') return new NextResponse('closed', { status: 403 })
  if (pathname === '/moved') return NextResponse.rewrite(new URL('/donations', request.url))
  const headers = new Headers(request.headers)
  headers.set('x-mine', 'from the proxy')
  return NextResponse.next({ request: { headers }, headers: { 'x-proxied': 'yes' } })
}
",
    )]);
    let answer = served.call("asks", "[]");
    assert_eq!(
        result(&answer),
        "[\"from the proxy\",\"$undefined\"]",
        "{}",
        served.server.stderr()
    );
    assert_eq!(answer.header("x-proxied"), Some("yes"));
    let post = |path: &str, id: &str| {
        let headers = [("Next-Action", id), ("Content-Type", "text/plain")];
        served.server.request("POST", path, &headers, "[]").unwrap()
    };
    assert_eq!(post("/closed", served.id("echo")).text(), "closed");
    assert_eq!(result(&post("/moved", served.id("echo"))), "[]");
    let unknown = post("/donations", &"0".repeat(42));
    assert_eq!((unknown.status, unknown.header("x-proxied")), (409, Some("yes")));
}

#[test]
fn rewrites_lead_to_pages_and_handlers() {
    let served = Served::start(&[(
        "next.config.mjs",
        "export default { rewrites: () => [
            { source: '/give', destination: '/donations' },
            { source: '/raw', destination: '/api/pledges' },
        ] }\n",
    )]);
    let post = |path: &str| {
        let headers = [("Next-Action", served.id("echo")), ("Content-Type", "text/plain")];
        served.server.request("POST", path, &headers, "[7]").unwrap().text()
    };
    assert!(post("/give").ends_with("1:[7]\n"));
    assert_eq!(post("/raw"), "[7]");
    assert!(post("/donations").ends_with("1:[7]\n"));
}

#[test]
fn policies_are_those_of_the_page_and_logs_name_the_action() {
    let served = Served::start(&[(
        "byway.toml",
        "[server]\naccess_log = \"json\"\n\n[[route]]\npath = \"/donations\"\nmethods = [\"POST\"]\ntimeout = \"300ms\"\n\
         rate_limit = { limit = 4, window = \"1h\", key = \"ip\" }\n\
         cors = { origins = [\"https://app.example\"] }\n",
    )]);
    let answer = served.call("echo", "[]");
    assert_eq!((answer.status, answer.header("ratelimit").is_some()), (200, true));
    assert!(answer.header("vary").is_some_and(|vary| vary.to_ascii_lowercase().contains("origin")));
    // w05: an action that never ends.
    assert_eq!(served.call("slow", "[]").status, 504);
    let field = format!("$ACTION_ID_{}", served.id("nothing"));
    assert_eq!(served.form("/donations", &[(&field, "")]).status, 303);
    assert_eq!(served.call(&"0".repeat(42), "[]").status, 409);
    assert_eq!(served.call("echo", "[]").status, 429);
    let stopped = served.server.stop().unwrap();
    let lines: Vec<Json> =
        stopped.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let routes: Vec<Option<&str>> = lines.iter().map(|line| line["route"].as_str()).collect();
    let echo = Some("action app/actions.ts#echo");
    let slow = Some("action app/actions.ts#slow");
    assert_eq!(routes, [echo, slow, Some("action"), None, echo]);
}
