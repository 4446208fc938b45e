//! What a proxy may decide.

use std::time::Duration;

use byway_testkit::{Fixture, RawResponse, TestServer};

use super::fixture::{ECHO, binary, serve};

const PROXY: &str = "\
    import { NextResponse, type NextRequest, type NextFetchEvent } from 'next/server'\n\
    import { after } from 'next/server'\n\
    import { cookies, headers } from 'next/headers'\n\
    import { seen } from './lib/seen'\n\
    export async function proxy(req: NextRequest, event: NextFetchEvent) {\n\
      seen.push(req.nextUrl.pathname)\n\
      const to = (path: string) => new URL(path, req.url)\n\
      const op = req.nextUrl.searchParams.get('op')\n\
      if (op === 'json') return NextResponse.json({ from: 'proxy' }, { status: 401, headers: { 'x-p': '1' } })\n\
      if (op === 'redirect') return NextResponse.redirect(to('/login?from=a'))\n\
      if (op === 'redirect-out') return Response.redirect('https://example.com/out', 302)\n\
      if (op === 'rewrite') return NextResponse.rewrite(to('/users/7?x=1'))\n\
      if (op === 'rewrite-slashes') return NextResponse.rewrite(to('/users//7/'))\n\
      if (op === 'rewrite-missing') return NextResponse.rewrite(to('/nowhere'), { headers: { 'x-p': '1' } })\n\
      if (op === 'headers') {\n\
        const changed = new Headers(req.headers)\n\
        changed.set('x-user', 'amina'); changed.delete('x-secret')\n\
        const res = NextResponse.next({ request: { headers: changed } })\n\
        res.headers.set('x-both', 'proxy'); res.headers.append('vary', 'x-proxy'); res.cookies.set('p', '1')\n\
        return res\n\
      }\n\
      if (op === 'context') {\n\
        const store = await cookies()\n\
        store.set('c', store.get('given')?.value ?? 'none')\n\
        return NextResponse.next({ headers: { 'x-saw': (await headers()).get('x-given') ?? '' } })\n\
      }\n\
      if (op === 'context-only') { (await cookies()).set('c', 'set'); return }\n\
      if (op === 'wait') {\n\
        event.waitUntil(new Promise<void>((done) => setTimeout(() => { console.error('waited for'); done() }, 300)))\n\
        after(() => console.error('after the answer'))\n\
      }\n\
      if (op === 'wait-fails') event.waitUntil(Promise.reject(new Error('of a promise')))\n\
    }\n\
    export const config = { matcher: ['/a/:path*', '/users/:id', '/gone'] }\n";

fn project() -> Fixture {
    Fixture::new(&[
        ("proxy.ts", PROXY),
        ("lib/seen.ts", "export const seen: string[] = []\n"),
        ("app/a/route.ts", ECHO),
        ("app/users/[id]/route.ts", ECHO),
        (
            "app/seen/route.ts",
            "import { seen } from '../../lib/seen'\n\
             export const GET = () => Response.json(seen.splice(0))\n",
        ),
    ])
    .unwrap()
}

fn lines<'r>(response: &'r RawResponse, name: &str) -> Vec<&'r str> {
    let named = response.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn a_proxy_answers_redirects_rewrites_or_lets_pass() {
    let fixture = project();
    let server = fixture.serve(binary()).unwrap();
    let get = |path: &str| server.get(path).unwrap();

    let own = get("/a?op=json");
    assert_eq!((own.status, lines(&own, "x-p")), (401, vec!["1"]));
    assert_eq!(own.json()["from"], "proxy");

    let inside = get("/a?op=redirect");
    assert_eq!((inside.status, lines(&inside, "location")), (307, vec!["/login?from=a"]));
    assert_eq!(inside.text(), "/login?from=a");
    let outside = get("/a?op=redirect-out");
    assert_eq!(lines(&outside, "location"), ["https://example.com/out"]);

    for op in ["rewrite", "rewrite-slashes"] {
        let rewritten = get(&format!("/a?op={op}")).json();
        // The route of the target with its parameters, the URL of the client.
        assert_eq!(rewritten["params"]["id"], "7", "{op}");
        assert_eq!(rewritten["path"], "/a", "{op}");
    }
    let missing = get("/a?op=rewrite-missing");
    assert_eq!((missing.status, lines(&missing, "x-p")), (404, vec!["1"]));
    assert_eq!(get("/gone").status, 404);
    assert_eq!(get("/gone?op=json").status, 401, "a proxy answers where no route is");
    let plain = get("/a");
    assert_eq!((plain.status, lines(&plain, "x-both")), (200, vec!["handler"]));
}

#[test]
fn headers_of_a_proxy_reach_the_handler_and_the_client() {
    let fixture = project();
    let server = fixture.serve(binary()).unwrap();
    let response =
        server.request("GET", "/a?op=headers", &[("x-secret", "s"), ("x-kept", "k")], "").unwrap();
    let seen = &response.json()["headers"];
    assert_eq!(seen["x-user"], "amina");
    assert_eq!(seen["x-kept"], "k");
    assert!(seen["x-secret"].is_null());
    // As under Next, what is set for the answer is shown to the handler too.
    assert_eq!(seen["x-both"], "proxy");
    assert!(seen.as_object().unwrap().keys().all(|name| !name.starts_with("x-middleware")));
    assert_eq!(lines(&response, "x-both"), ["proxy"]);
    assert_eq!(lines(&response, "x-handler"), ["1"]);
    assert_eq!(lines(&response, "vary"), ["x-proxy", "x-handler", "Accept-Encoding"]);
    assert_eq!(lines(&response, "set-cookie"), ["p=1; Path=/", "h=1"]);
    assert!(response.headers.iter().all(|(name, _)| !name.starts_with("x-middleware")));

    let cookie = [("cookie", "given=5"), ("x-given", "g")];
    let context = server.request("GET", "/a?op=context", &cookie, "").unwrap();
    assert_eq!(lines(&context, "x-saw"), ["g"]);
    assert_eq!(lines(&context, "set-cookie"), ["c=5; Path=/", "h=1"]);
    let only = server.get("/a?op=context-only").unwrap();
    assert_eq!(lines(&only, "set-cookie"), ["c=set; Path=/", "h=1"]);
}

#[test]
fn only_matching_requests_reach_a_proxy_and_each_once() {
    let fixture = project();
    let server = fixture.serve(binary()).unwrap();
    for path in ["/a", "/a/b", "/seen", "/other", "/users", "/a?op=rewrite"] {
        server.get(path).unwrap();
    }
    // One module graph: the list that the route shows is the one that the proxy has filled.
    let expected = serde_json::json!([]);
    assert_ne!(server.get("/other").unwrap().status, 500);
    let fresh = fixture_seen(&server, &["/a", "/a/b", "/a?op=rewrite", "/users/1"]);
    assert_eq!(fresh, serde_json::json!(["/a", "/a/b", "/a", "/users/1"]));
    assert_eq!(fixture_seen(&server, &["/seen", "/other", "/users"]), expected);
}

fn fixture_seen(server: &TestServer, paths: &[&str]) -> serde_json::Value {
    server.get("/seen").unwrap();
    for path in paths {
        server.get(path).unwrap();
    }
    server.get("/seen").unwrap().json()
}

#[test]
fn work_goes_on_after_the_answer_and_is_waited_for() {
    let fixture = project();
    let server = fixture.serve(binary()).unwrap();
    assert_eq!(server.get("/a?op=wait-fails").unwrap().status, 200);
    assert!(server.wait_for_log("of a promise", Duration::from_secs(5)).is_some());
    assert_eq!(server.get("/a?op=wait").unwrap().status, 200);
    let stopped = server.stop().unwrap();
    assert!(stopped.stderr.contains("waited for"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("after the answer"), "{}", stopped.stderr);
}

#[test]
fn middleware_runs_as_edge_code_with_modules_of_its_own() {
    let fixture = Fixture::new(&[
        (
            "src/middleware.ts",
            "import { seen } from './seen'\n\
             import { NextResponse } from 'next/server'\n\
             export default function middleware() {\n\
             \x20 seen.push('x')\n\
             \x20 return NextResponse.next({ headers: { 'x-runtime': process.env.NEXT_RUNTIME + typeof EdgeRuntime } })\n\
             }\n\
             declare const EdgeRuntime: string\n",
        ),
        ("src/seen.ts", "export const seen: string[] = []\n"),
        (
            "src/app/seen/route.ts",
            "import { seen } from '../../seen'\n\
             export const GET = () => Response.json({ seen, runtime: process.env.NEXT_RUNTIME })\n",
        ),
    ])
    .unwrap();
    let server = fixture.serve(binary()).unwrap();
    let response = server.get("/seen").unwrap();
    assert_eq!(lines(&response, "x-runtime"), ["edgestring"]);
    assert_eq!(response.json(), serde_json::json!({ "seen": [], "runtime": "nodejs" }));
}

#[test]
fn conditions_of_a_matcher_are_asked() {
    let (_fixture, server) = serve(
        "import { NextResponse } from 'next/server'\n\
         export const proxy = () => new Response('proxied')\n\
         export const config = { matcher: [{ source: '/a',\n\
         \x20 has: [{ type: 'header', key: 'X-Go', value: 'yes' }, { type: 'query', key: 'q' }],\n\
         \x20 missing: [{ type: 'cookie', key: 'skip' }] }, { source: '/b', has: [{ type: 'host', value: 'b.test' }] }] }\n",
        &["/a", "/b"],
    );
    let proxied = |path: &str, headers: &[(&str, &str)]| {
        server.request("GET", path, headers, "").unwrap().text() == "proxied"
    };
    assert!(proxied("/a?q=1", &[("x-go", "yes")]));
    assert!(!proxied("/a?q=1", &[("x-go", "no")]));
    assert!(!proxied("/a?q=", &[("x-go", "yes")]));
    assert!(!proxied("/a?q=1", &[("x-go", "yes"), ("cookie", "a=1; skip=1")]));
    let mut client = server.connect().unwrap();
    client.send("GET /b HTTP/1.1\r\nHost: B.test:81\r\n\r\n").unwrap();
    assert_eq!(client.read().unwrap().text(), "proxied");
    assert!(!proxied("/b", &[]));
}

#[test]
fn what_may_not_be_said_about_a_matcher_fails_the_build() {
    let build = |proxy: &str| {
        let fixture = Fixture::new(&[("app/a/route.ts", ECHO), ("proxy.ts", proxy)]).unwrap();
        let output = fixture.build(binary()).unwrap();
        assert_eq!(output.code(), Some(1), "{proxy}: {}", output.stderr);
        output.stderr
    };
    let stderr = build(
        "const paths = ['/a']\nexport function proxy() {}\nexport const config = { matcher: paths }\n",
    );
    assert!(stderr.contains("proxy.ts:3:34"), "{stderr}");
    assert!(stderr.contains("constant"), "{stderr}");
    let stderr = build("export function proxy() {}\nexport const config = { matcher: ['a'] }\n");
    assert!(stderr.contains("must start with `/`"), "{stderr}");
    let stderr = build("export function middleware() {}\n");
    assert!(stderr.contains("no function named `proxy`"), "{stderr}");
}
