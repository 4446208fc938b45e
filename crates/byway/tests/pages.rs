//! Pages Router API routes through the real binary: what the build says of them, and what HTTP shows.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::time::Duration;

use byway_testkit::{Fixture, RawClient, TestServer, byway_binary};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(5);

fn serve(files: &[(&str, &str)]) -> (Fixture, TestServer) {
    let fixture = Fixture::new(files).unwrap();
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, server)
}

fn build(files: &[(&str, &str)]) -> (Option<i32>, String) {
    let built =
        Fixture::new(files).unwrap().build(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (built.code(), format!("{}{}", built.stdout, built.stderr))
}

#[test]
fn wrong_options_are_shown_where_they_stand() {
    let (code, printed) = build(&[
        ("pages/api/a.ts", "export const config = { runtime: 'deno' }\nexport default () => {}\n"),
        (
            "pages/api/b.ts",
            "export const config = {\n  maxDuration: 'long',\n  api: { bodyParser: { sizeLimit: '4m' } },\n}\nexport default () => {}\n",
        ),
    ]);
    assert_eq!(code, Some(1), "{printed}");
    for part in [
        "`runtime` cannot be 'deno'",
        "pages/api/a.ts:1:34",
        "`maxDuration` cannot be 'long'",
        "pages/api/b.ts:2:16",
        "`api.bodyParser.sizeLimit` cannot be '4m'",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn an_app_route_and_a_pages_route_cannot_share_a_path() {
    let (code, printed) = build(&[
        ("app/api/both/route.ts", "export const GET = () => new Response('app')\n"),
        ("pages/api/both.ts", "export default (req, res) => res.end('pages')\n"),
    ]);
    assert_eq!(code, Some(1), "{printed}");
    let named = ["app/api/both/route.ts", "pages/api/both.ts"];
    assert!(named.iter().all(|name| printed.contains(name)), "{printed}");
}

#[test]
fn both_routers_serve_one_project_and_share_its_modules() {
    let (_fixture, server) = serve(&[
        ("lib/count.ts", "let count = 0\nexport const next = () => ++count\n"),
        (
            "app/count/route.ts",
            "import { next } from '../../lib/count'\nexport const GET = () => Response.json(next())\n",
        ),
        ("src/unused.ts", "export {}\n"),
        (
            "pages/api/count.ts",
            "import { next } from '../../lib/count'\nexport default (req, res) => res.json(next())\n",
        ),
        ("pages/api/index.ts", "export default (req, res) => res.send('index')\n"),
        ("pages/api/[id].ts", "export default (req, res) => res.send(`id ${req.query.id}`)\n"),
        ("pages/api/[id]/[...rest].ts", "export default (req, res) => res.json(req.query)\n"),
    ]);
    assert_eq!(server.get("/count").unwrap().text(), "1");
    assert_eq!(server.get("/api/count").unwrap().text(), "2", "{}", server.stderr());
    assert_eq!(server.get("/api").unwrap().text(), "index");
    assert_eq!(server.get("/api/x").unwrap().text(), "id x");
    assert_eq!(server.get("/api/x/y/z").unwrap().json(), json!({ "id": "x", "rest": ["y", "z"] }));
}

#[test]
fn edge_routes_get_requests_and_give_responses() {
    let (_fixture, server) = serve(&[(
        "pages/api/[team]/[...path].ts",
        "import type { NextRequest } from 'next/server'\n\
         export const config = { runtime: 'edge' }\n\
         export default async function handler(request: NextRequest, event: any) {\n\
         \x20 const { searchParams, pathname } = request.nextUrl\n\
         \x20 if (searchParams.has('throw')) throw new Error('edge')\n\
         \x20 if (searchParams.has('to')) return Response.redirect(new URL(searchParams.get('to')!, request.url), 303)\n\
         \x20 event.waitUntil(Promise.resolve().then(() => console.error('waited until')))\n\
         \x20 return Response.json({ query: [...searchParams], pathname, method: request.method, body: await request.text(),\n\
         \x20   same: new URL(request.url).search === request.nextUrl.search, runtime: process.env.NEXT_RUNTIME }, { status: 202 })\n\
         }\n",
    )]);
    let request = server.request("PATCH", "/api/red/a/b?team=blue&x=1", &[], "body").unwrap();
    assert_eq!(request.status, 202, "{}", server.stderr());
    let query = json!([["team", "red"], ["x", "1"], ["path", "a"], ["path", "b"]]);
    let expect = json!({ "query": query, "pathname": "/api/red/a/b", "method": "PATCH", "body": "body", "same": true, "runtime": "edge" });
    assert_eq!(request.json(), expect);
    assert!(server.wait_for_log("waited until", PATIENCE).is_some());
    for (to, location) in
        [("/b?c=1%23d", "/b?c=1#d"), ("https://a.example/b", "https://a.example/b")]
    {
        let redirect = server.get(&format!("/api/red/a?to={to}")).unwrap();
        assert_eq!((redirect.status, redirect.header("location")), (303, Some(location)));
    }
    let failed = server.get("/api/red/a?throw").unwrap();
    assert_eq!(
        (failed.status, failed.header("content-type")),
        (500, Some("text/html; charset=utf-8"))
    );
    assert_eq!(server.request("PURGE", "/api/red/a", &[], "").unwrap().json()["method"], "PURGE");
}

const ECHO: (&str, &str) = (
    "pages/api/echo.ts",
    "export default (req, res) => res.status(200).json({ method: req.method, body: req.body })\n",
);

#[test]
fn bodies_of_get_reach_the_handler_and_head_says_how_long_an_answer_is() {
    let (_fixture, server) = serve(&[ECHO]);
    let got = server.request("GET", "/api/echo", &[], "unusual").unwrap();
    assert_eq!(got.json(), json!({ "method": "GET", "body": "unusual" }));
    let head = server.request("HEAD", "/api/echo", &[], "").unwrap();
    let length = json!({ "method": "HEAD", "body": "" }).to_string().len().to_string();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(length.as_str()));
    assert!(head.header("etag").is_some_and(|tag| tag.starts_with('"')), "{head:?}");
}

#[test]
fn lengths_that_handlers_announce_reach_the_client_and_are_kept() {
    let (_fixture, server) = serve(&[(
        "pages/api/[n].ts",
        "import { Readable } from 'node:stream'\n\
         let seen = []\n\
         export default async (req, res) => {\n\
         \x20 if (req.query.n === 'seen') return res.json(seen)\n\
         \x20 if (req.query.n === 'whole') return res.send('x'.repeat(3_000_000))\n\
         \x20 seen = []\n\
         \x20 for (const name of ['finish', 'close']) res.on(name, () => seen.push(name))\n\
         \x20 res.setHeader('Content-Length', 8)\n\
         \x20 const pieces = { short: ['1234'], long: ['12345678', '9'] }[req.query.n] ?? ['1234', '5678']\n\
         \x20 Readable.from(pieces).pipe(res)\n\
         }\n",
    )]);
    for (name, body) in [("right", "12345678"), ("long", "12345678")] {
        let answer = server.get(&format!("/api/{name}")).unwrap();
        assert_eq!((answer.header("content-length"), answer.text()), (Some("8"), body.to_owned()));
        assert_eq!(server.get("/api/seen").unwrap().json(), json!(["finish", "close"]), "{name}");
    }
    let whole = server.get("/api/whole").unwrap();
    assert_eq!((whole.header("content-length"), whole.body.len()), (Some("3000000"), 3_000_000));
    let short = server.get("/api/short").unwrap();
    assert_eq!((short.text(), short.complete), ("1234".to_owned(), false));
    assert_eq!(server.get("/api/right").unwrap().status, 200);
}

#[test]
fn a_method_that_node_does_not_know_is_refused_and_every_other_is_the_handlers() {
    let (_fixture, server) = serve(&[ECHO]);
    for method in ["PURGE", "M-SEARCH", "TRACE"] {
        let answer = server.request(method, "/api/echo", &[], "").unwrap();
        assert_eq!(answer.json()["method"], method);
    }
    for method in ["get", "FOO", "CONNECT"] {
        assert_eq!(server.request(method, "/api/echo", &[], "").unwrap().status, 400, "{method}");
    }
}

#[test]
fn a_locale_that_a_rewrite_takes_away_is_not_in_the_url() {
    let (_fixture, server) = serve(&[
        (
            "next.config.mjs",
            "export default {\n  i18n: { locales: ['en', 'fr'], defaultLocale: 'en' },\n  rewrites: async () => [{ source: '/via/:x', destination: '/api/url' }],\n}\n",
        ),
        ("pages/api/url.ts", "export default (req, res) => res.send(req.url)\n"),
    ]);
    for (path, url) in [("/via/a?b=c", "/via/a?b=c"), ("/fr/via/a?b=c", "/via/a?b=c")] {
        assert_eq!(server.get(path).unwrap().text(), url);
    }
}

#[test]
fn an_optional_catch_all_does_not_see_index() {
    let (_fixture, server) = serve(&[
        ("pages/api/o/[[...rest]].ts", "export default (req, res) => res.json(req.query)\n"),
        ("pages/api/c/[...rest].ts", "export default (req, res) => res.json(req.query)\n"),
    ]);
    for (path, query) in [
        ("/api/o/index", json!({})),
        ("/api/o/index/a", json!({ "rest": ["index", "a"] })),
        ("/api/c/index", json!({ "rest": ["index"] })),
    ] {
        assert_eq!(server.get(path).unwrap().json(), query, "{path}");
    }
}

#[test]
fn a_body_that_is_too_long_leaves_the_server_well() {
    let (_fixture, server) = serve(&[ECHO]);
    let long = "x".repeat(3 << 20);
    for _ in 0..3 {
        let refused = server.request("POST", "/api/echo", &[], &long).unwrap();
        assert_eq!((refused.status, refused.reason.as_str()), (413, "Body exceeded 1mb limit"));
    }
    let mut client = server.connect().unwrap();
    client
        .send("POST /api/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        .unwrap();
    assert_eq!(client.read().unwrap().json()["body"], "hello");
}

#[test]
fn a_handler_that_never_answers_meets_its_deadline() {
    let (_fixture, server) = serve(&[(
        "pages/api/never.ts",
        "export const config = { maxDuration: 1 }\nexport default function handler() {}\n",
    )]);
    let mut client = server.connect().unwrap();
    client.send("GET /api/never?x=1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(client.read().unwrap().status, 504);
    let warned = "API resolved without sending a response for /api/never?x=1";
    let line = server.wait_for_log(warned, PATIENCE).unwrap();
    assert!(line.contains("pages/api/never.ts"), "{line}");
}

#[test]
fn handlers_that_misbehave_cost_their_own_request_and_the_worker_lives() {
    let (_fixture, server) = serve(&[
        (
            "pages/api/bad/[how].ts",
            "import { ApiError } from 'next/dist/server/api-utils'\n\
             const later = () => new Promise((done) => setTimeout(done, 5))\n\
             const ways = {\n\
             \x20 throw: () => { throw new Error('thrown') },\n\
             \x20 reject: async () => { await later(); throw new Error('rejected') },\n\
             \x20 apiError: () => { throw new ApiError(418, 'Short and stout') },\n\
             \x20 twice: (res) => { res.json({ first: 1 }); res.json({ second: 2 }) },\n\
             \x20 afterEnd: async (res) => { res.end('whole'); res.write('more'); await later(); res.status(500).end('late') },\n\
             \x20 throwAfterEnd: (res) => { res.status(202).send('sent'); throw new Error('too late') },\n\
             \x20 throwAmid: (res) => { res.write('begun'); throw new Error('amid') },\n\
             \x20 returns: () => new Response('not from here'),\n\
             }\n\
             export default (req, res) => ways[req.query.how](res)\n",
        ),
        ("pages/api/pid.ts", "export default (req, res) => res.json(process.pid)\n"),
    ]);
    let pid = || server.get("/api/pid").unwrap().json();
    let before = pid();
    for (how, status, text) in [
        ("throw", 500, "Internal Server Error"),
        ("reject", 500, "Internal Server Error"),
        ("apiError", 418, "Short and stout"),
        ("twice", 200, "{\"first\":1}"),
        ("afterEnd", 200, "whole"),
        ("throwAfterEnd", 202, "sent"),
        ("returns", 500, "Internal Server Error"),
    ] {
        let answer = server.get(&format!("/api/bad/{how}")).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{how}");
        assert!(answer.complete, "{how}");
    }
    let mut client = server.connect().unwrap();
    client.send("GET /api/bad/throwAmid HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let broken = client.read();
    assert!(!broken.as_ref().is_ok_and(|answer| answer.complete), "{broken:?}");
    assert_eq!(pid(), before, "{}", server.stderr());
    for part in ["thrown", "rejected", "too late", "amid", "returned a Response object"] {
        let found = server.wait_for_log(part, PATIENCE);
        assert!(found.is_some(), "{part}: {}", server.stderr());
    }
}

#[test]
fn routes_lie_in_src_and_end_as_next_config_says() {
    let says = |word: &str| {
        format!("export default (req, res) => res.json({{ says: '{word}', query: req.query }})\n")
    };
    let files = [
        ("next.config.js", "module.exports = { pageExtensions: ['api.ts', 'page.tsx'] }\n".into()),
        ("src/pages/api/index.api.ts", says("index")),
        ("src/pages/api/users/me.api.ts", says("me")),
        ("src/pages/api/users/[id].api.ts", says("one")),
        ("src/pages/api/users/[...rest].api.ts", says("rest")),
        ("src/pages/api/docs/[[...slug]].api.ts", says("docs")),
        ("src/pages/api/users/helper.ts", says("helper")),
    ];
    let fixture = Fixture::new(&files).unwrap();
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    for (path, says, query) in [
        ("/api", "index", json!({})),
        ("/api/users/me", "me", json!({})),
        ("/api/users/helper", "one", json!({ "id": "helper" })),
        ("/api/users/7?id=8&x=1&x=2", "one", json!({ "id": "7", "x": ["1", "2"] })),
        ("/api/users/a%2Fb/c", "rest", json!({ "rest": ["a/b", "c"] })),
        ("/api/docs", "docs", json!({})),
        ("/api/docs/a/b", "docs", json!({ "slug": ["a", "b"] })),
    ] {
        let answer = server.get(path).unwrap();
        assert_eq!(answer.json(), json!({ "says": says, "query": query }), "{path}");
    }
    assert_eq!(server.get("/api/users").unwrap().status, 404);
}

#[test]
fn a_long_upload_passes_through_as_a_stream_and_memory_stays_flat() {
    let (_fixture, server) = serve(&[
        ("byway.toml", "[limits]\nbody = \"1gb\"\n"),
        (
            "pages/api/sum.ts",
            "import { createHash } from 'node:crypto'\n\
             export const config = { api: { bodyParser: false } }\n\
             export default async function handler(req, res) {\n\
             \x20 const hash = createHash('sha1')\n\
             \x20 let length = 0, most = 0\n\
             \x20 const before = process.memoryUsage().rss\n\
             \x20 for await (const chunk of req) {\n\
             \x20   length += chunk.length\n\
             \x20   hash.update(chunk)\n\
             \x20   most = Math.max(most, process.memoryUsage.rss() - before)\n\
             \x20 }\n\
             \x20 res.json({ length, sha1: hash.digest('hex'), most })\n\
             }\n",
        ),
        (
            "pages/api/pass.ts",
            "export const config = { api: { bodyParser: false, responseLimit: false } }\n\
             export default (req, res) => { req.pipe(res) }\n",
        ),
    ]);
    let bytes: usize = 384 << 20;
    let mut client = RawClient::connect_within(server.authority(), Duration::from_mins(1)).unwrap();
    client
        .send(format!("POST /api/sum HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n"))
        .unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..bytes / piece.len() {
        client.send(&piece).unwrap();
    }
    let answer = client.read().unwrap().json();
    assert_eq!(answer["length"], bytes, "{answer}");
    // Buffers that have been read wait for the garbage collector, which V8 starts at some 64 MB of them.
    let most = answer["most"].as_u64().unwrap();
    assert!(most < 128 << 20, "{most} bytes more");

    let body = "0123456789".repeat(200_000);
    let passed = server.request("POST", "/api/pass", &[], &body).unwrap();
    assert!(passed.complete && passed.text() == body);
}

/// The names and values that a route sees, in their order and letters; those that it gives, and its trailers.
const LINES: (&str, &str) = (
    "pages/api/lines.ts",
    "export const config = { api: { bodyParser: false } }\n\
     export default async function handler(req, res) {\n\
     \x20 for await (const _ of req);\n\
     \x20 res.json(req.rawHeaders)\n\
     }\n",
);

#[test]
fn raw_headers_have_the_letters_and_the_order_of_the_client() {
    let (_fixture, server) = serve(&[LINES]);
    let mut client = server.connect().unwrap();
    let lines = "HOST: a\r\nX-T: 1\r\nx-t: 2\r\naCCept: *\r\nX-T: 3";
    let seen = json!(["HOST", "a", "X-T", "1", "x-t", "2", "aCCept", "*", "X-T", "3"]);
    let get = format!("GET /api/lines HTTP/1.1\r\n{lines}\r\n\r\n");
    // Several at once, in pieces, and behind bodies of either kind.
    client.send(get.repeat(3)).unwrap();
    for _ in 0..3 {
        assert_eq!(client.read().unwrap().json(), seen);
    }
    let (first, rest) = get.split_at(30);
    client.send(first).unwrap();
    client.send(rest).unwrap();
    assert_eq!(client.read().unwrap().json(), seen);
    let post = |length: &str, body: &str| {
        format!("POST /api/lines HTTP/1.1\r\n{lines}\r\n{length}\r\n\r\n{body}")
    };
    client.send(format!("{}{get}", post("Content-Length: 5", "GET /"))).unwrap();
    let with_length = client.read().unwrap().json();
    assert_eq!(with_length[10], "Content-Length");
    assert_eq!(client.read().unwrap().json(), seen);
    client.send(post("Transfer-Encoding: chunked", "1\r\na\r\n0\r\n\r\n")).unwrap();
    assert_eq!(client.read().unwrap().json(), seen);
    client.send(&get).unwrap();
    assert_eq!(client.read().unwrap().json(), seen);
}

#[test]
fn a_proxy_and_its_route_agree_on_headers_whatever_their_letters() {
    let (_fixture, server) = serve(&[
        LINES,
        (
            "proxy.ts",
            "import { NextResponse } from 'next/server'\n\
             export function proxy(request) {\n\
             \x20 const seen = [...request.headers.keys()].includes('x-t')\n\
             \x20 return NextResponse.next({ headers: { 'x-seen': `${seen} ${request.headers.get('X-T')}` } })\n\
             }\n",
        ),
    ]);
    let mut client = server.connect().unwrap();
    client.send("GET /api/lines HTTP/1.1\r\nHost: a\r\nX-T: 1\r\n\r\n").unwrap();
    let answer = client.read().unwrap();
    assert_eq!(answer.header("x-seen"), Some("true 1"));
    assert_eq!(answer.json(), json!(["Host", "a", "X-T", "1"]));
}

#[test]
fn trailers_follow_the_last_chunk() {
    let (_fixture, server) = serve(&[(
        "pages/api/trailers/[kind].ts",
        "import { once } from 'node:events'\n\
             const kinds = {\n\
             \x20 small: res => { res.write('a') },\n\
             \x20 whole: () => {},\n\
             \x20 none: res => res.removeHeader('Trailer'),\n\
             \x20 known: res => res.setHeader('Content-Length', 1),\n\
             \x20 async long(res) {\n\
             \x20   for (let i = 0; i < 40; i++) if (!res.write('x'.repeat(50_000))) await once(res, 'drain')\n\
             \x20 },\n\
             }\n\
             export default async function handler(req, res) {\n\
             \x20 res.setHeader('Trailer', 'X-Sum').setHeader('Content-Type', 'text/plain')\n\
             \x20 await kinds[req.query.kind](res)\n\
             \x20 res.addTrailers([['X-Sum', '1'], ['x-two', ['2', '3']], ['Content-Length', '9']])\n\
             \x20 res.end('b')\n\
             }\n",
    )]);
    let mut client = server.connect().unwrap();
    let mut get = |kind: &str, more: &str| {
        let request = format!("GET /api/trailers/{kind} HTTP/1.1\r\nHost: a\r\n{more}\r\n");
        client.send(request).unwrap();
        client.read().unwrap()
    };
    let sent = ["X-Sum: 1", "x-two: 2", "x-two: 3"];
    // One connection: what follows shows that each answer ended where it seemed to.
    for (kind, length) in [("small", 2), ("whole", 1), ("long", 2_000_001), ("small", 2)] {
        let answer = get(kind, "");
        assert_eq!(answer.header("trailer"), Some("X-Sum"), "{kind}");
        assert_eq!((answer.body.len(), answer.complete), (length, true), "{kind}");
        assert_eq!(answer.trailers, sent, "{kind}");
    }
    let compressed = get("long", "Accept-Encoding: gzip\r\n");
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(compressed.trailers, sent);
    let none = get("none", "");
    assert_eq!((none.text().as_str(), none.header("content-length")), ("b", Some("1")));
    assert!(none.trailers.is_empty());
    let known = get("known", "");
    assert_eq!(known.status, 500);
    let log = server.wait_for_log("Trailers are invalid", PATIENCE).unwrap();
    assert!(log.contains("pages/api/trailers"), "{log}");
}

#[test]
fn what_clients_see_is_what_node_and_next_say() {
    let (_fixture, server) = serve(&[
        (
            "pages/api/say/[kind].ts",
            "export default async function handler(req, res) {\n\
             \x20 const { kind } = req.query\n\
             \x20 if (kind === 'late') { res.write('part'); throw new Error('late') }\n\
             \x20 if (kind === 'again') return res.revalidate('/nowhere').then(() => res.json(true))\n\
             \x20 if (kind === 'url') return res.json({ url: req.url, query: req.query })\n\
             \x20 res.status(Number(kind)).end()\n\
             }\n",
        ),
        (
            "app/kept/route.ts",
            "export const dynamic = 'force-static'\nexport const GET = () => Response.json(1)\n",
        ),
    ]);
    for (status, reason) in [
        (203, "Non-Authoritative Information"),
        (418, "I'm a Teapot"),
        (509, "Bandwidth Limit Exceeded"),
        (599, "unknown"),
        (200, "OK"),
    ] {
        let answer = server.get(&format!("/api/say/{status}")).unwrap();
        assert_eq!((answer.status, answer.reason.as_str()), (status, reason));
    }
    // A parameter's name in the query means nothing, and is gone.
    let url = server.get("/api/say/url?kind=a&x=1%20&kind=b").unwrap().json();
    assert_eq!(url, json!({ "url": "/api/say/url?x=1+", "query": { "x": "1 ", "kind": "url" } }));
    // The head was complete, whatever became of a body that HEAD does not get.
    let head = server.request("HEAD", "/api/say/late", &[], "").unwrap();
    assert_eq!((head.status, head.complete), (200, true));
    assert!(!server.get("/api/say/late").unwrap().complete);
    assert_eq!(server.get("/api/say/again").unwrap().json(), json!(true));
    // Cookies of another build are taken away, though nobody has looked at them.
    let forged = [("Cookie", "__prerender_bypass=forged")];
    let answer = server.request("GET", "/api/say/url", &forged, "").unwrap();
    let gone = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    assert_eq!(gone.count(), 2, "{answer:?}");
    let unknown = server.request("PURGE", "/kept", &[], "").unwrap();
    assert_eq!((unknown.status, unknown.header("allow")), (405, Some("GET")));
}
