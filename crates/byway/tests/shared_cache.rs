//! Answers that clients share because their handler says so (`cache` of a route), through the real binary.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, RawResponse, TestServer, byway_binary};

const FILES: &[(&str, &str)] = &[
    (
        "byway.toml",
        "[[route]]\npath = \"/api/:path*\"\ncache = true\n\n[[route]]\npath = \"/api/tenant\"\ncache = { headers = [\"x-tenant\"], without_cookies = true }\n\n[[route]]\npath = \"/api/off\"\ncache = false\n",
    ),
    // Says what it was told, and how often it has run.
    (
        "app/api/[name]/route.ts",
        r"const runs: Record<string, number> = {}
export async function GET(request: any) {
  const query = request.nextUrl.searchParams
  const n = (runs[request.url] = (runs[request.url] ?? 0) + 1)
  if (query.has('wait')) await new Promise((done) => setTimeout(done, Number(query.get('wait'))))
  if (query.has('fail') && n > 1) throw new Error('not again')
  const headers = new Headers({ 'cache-control': query.get('cc') ?? 's-maxage=60' })
  for (const name of ['vary', 'set-cookie', 'cache-tag', 'etag']) if (query.has(name)) headers.set(name, query.get(name))
  const body = { n, told: [...request.headers.keys()].filter((it) => !it.startsWith('x-forwarded-')).sort(), language: request.headers.get('accept-language'), tenant: request.headers.get('x-tenant'), forwarded: ['for', 'host', 'proto'].map((it) => request.headers.get(`x-forwarded-${it}`)), ip: request.ip ?? null }
  return Response.json(body, { status: Number(query.get('status') ?? 200), headers })
}
export const POST = (request: any) => new Response('changed', { status: Number(request.nextUrl.searchParams.get('status') ?? 200) })
",
    ),
    (
        "app/by-file/route.ts",
        "let n = 0\nexport const config = { cache: { withoutCookies: true } }\nexport const GET = () => Response.json({ n: ++n }, { headers: { 'cache-control': 'max-age=60' } })\n",
    ),
    (
        "app/api/stream/route.ts",
        "export function GET() { let n = 0; return new Response(new ReadableStream({ async pull(c) { if (n++ === 3) return c.close(); await new Promise((r) => setTimeout(r, 50)); c.enqueue(new TextEncoder().encode(`data: ${n}\\n\\n`)) } }), { headers: { 'content-type': 'text/event-stream' } }) }\n",
    ),
    (
        "app/purge/route.ts",
        "import { revalidatePath, revalidateTag } from 'next/cache'\nexport async function POST(request: any) { const s = request.nextUrl.searchParams; if (s.get('path')) revalidatePath(s.get('path')); if (s.get('tag')) revalidateTag(s.get('tag'), { expire: 0 }); return new Response('ok') }\n",
    ),
];

fn serve() -> (Fixture, TestServer) {
    Fixture::served(env!("CARGO_BIN_EXE_byway"), FILES).unwrap()
}

fn n(answer: &RawResponse) -> u64 {
    answer.json()["n"].as_u64().unwrap()
}

/// What the cache says it did, without the numbers.
fn state(answer: &RawResponse) -> &str {
    let status = answer.header("cache-status").unwrap_or("");
    status.split("; ttl").next().unwrap()
}

fn ask(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> RawResponse {
    server.request("GET", path, headers, "").unwrap()
}

#[test]
fn an_answer_is_shared_for_as_long_as_it_says() {
    let (_fixture, server) = serve();
    let first = server.get("/api/a").unwrap();
    assert_eq!((n(&first), state(&first)), (1, "byway; fwd=miss; stored"));
    let second = server.get("/api/a").unwrap();
    assert_eq!((n(&second), state(&second)), (1, "byway; hit"));
    assert!(second.header("age").unwrap().parse::<u64>().unwrap() < 30);
    assert_eq!(second.header("cache-control"), Some("s-maxage=60"), "the handler's own lines stay");
    let head = server.request("HEAD", "/api/a", &[], "").unwrap();
    assert_eq!((head.status, state(&head), head.body.len()), (200, "byway; hit", 0));
    // Another query, another answer; the order of its parts may mean something.
    assert_eq!(n(&server.get("/api/a?x=1&y=2").unwrap()), 1);
    assert_eq!(state(&server.get("/api/a?y=2&x=1").unwrap()), "byway; fwd=miss; stored");
    let quick = "/api/quick?cc=s-maxage%3D1";
    assert_eq!(n(&server.get(quick).unwrap()), 1);
    let begun = Instant::now();
    while n(&server.get(quick).unwrap()) == 1 {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    assert!(begun.elapsed() > Duration::from_millis(500));
}

#[test]
fn c05_what_does_not_say_that_it_may_be_kept_is_made_each_time() {
    let (_fixture, server) = serve();
    for query in [
        "cc=no-store",
        "cc=private%2C%20s-maxage%3D60",
        "cc=public",
        "set-cookie=a%3D1",
        "status=500",
        "status=401",
        "status=202",
        "vary=*",
        "vary=Cookie",
    ] {
        let path = format!("/api/each?{query}");
        let first = server.get(&path).unwrap();
        let runs = [n(&first), n(&server.get(&path).unwrap()), n(&server.get(&path).unwrap())];
        assert_eq!(runs, [1, 2, 3], "{query}");
        assert_eq!(state(&first), "byway; fwd=miss", "{query}");
    }
    assert_eq!(n(&server.get("/api/off").unwrap()), 1);
    assert_eq!(n(&server.get("/api/off").unwrap()), 2, "switched off for this path");
    assert_eq!(n(&server.get("/by-file").unwrap()), 1);
    assert_eq!(n(&ask(&server, "/by-file", &[("Cookie", "a=1")])), 1, "switched on by the file");
}

#[test]
fn c01_c07_headers_outside_the_key_do_not_reach_the_handler() {
    let (_fixture, server) = serve();
    let poison = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Original-URL", "/admin"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Nonce", "<script>"),
        ("User-Agent", "<script>"),
        ("Accept-Encoding", "gzip"),
        ("If-None-Match", "*"),
        ("Range", "bytes=0-0"),
        ("Cache-Control", "no-cache"),
        ("x-now-route-matches", "1"),
    ];
    let first = ask(&server, "/api/poison", &poison);
    assert_eq!(first.status, 200);
    let kept = server.get("/api/poison").unwrap();
    assert_eq!(state(&kept), "byway; hit");
    assert_eq!(kept.json()["told"], serde_json::json!(["host"]));
    assert_eq!(kept.json()["ip"], "", "nobody's address");
    // byway's own lines say what is in the key.
    assert_eq!(kept.json()["forwarded"], serde_json::json!(["", server.authority(), "http"]));
    // Another host is another key.
    let request = "GET /api/poison HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n";
    let other = byway_testkit::fetch(server.authority(), request).unwrap();
    assert_eq!(state(&other), "byway; fwd=miss; stored");
}

#[test]
fn c03_answers_to_those_who_say_who_they_are_are_never_shared() {
    let (_fixture, server) = serve();
    for name in ["Cookie", "Authorization"] {
        let path = format!("/api/{name}");
        for run in 1..=2 {
            let answer = ask(&server, &path, &[(name, "a=1")]);
            assert_eq!((n(&answer), state(&answer)), (run, ""), "{name}");
        }
        let other = server.get(&path).unwrap();
        assert_eq!((n(&other), state(&other)), (3, "byway; fwd=miss; stored"));
        assert_eq!(n(&ask(&server, &path, &[(name, "a=1")])), 4, "not even one that is kept");
        // Unless it says itself that it is for them too.
        let public = format!("{path}?cc=public%2C%20s-maxage%3D60");
        assert_eq!(n(&server.get(&public).unwrap()), 1);
        assert_eq!(state(&ask(&server, &public, &[(name, "a=1")])), "byway; hit");
    }
}

#[test]
fn c04_an_answer_that_varies_is_kept_for_each_value() {
    let (_fixture, server) = serve();
    let path = "/api/vary?vary=Accept-Language";
    let of = |language: &str| ask(&server, path, &[("Accept-Language", language)]);
    assert_eq!(of("de").json()["language"], "de");
    assert_eq!(of("en").json()["language"], "en");
    for language in ["de", "en", "de"] {
        let answer = of(language);
        assert_eq!(
            (answer.json()["language"].as_str().unwrap(), state(&answer)),
            (language, "byway; hit")
        );
        assert_eq!(answer.header("vary"), Some("Accept-Language"));
    }
    assert!(server.get(path).unwrap().json()["language"].is_null());
    let tenant =
        |name: &str| ask(&server, "/api/tenant", &[("X-Tenant", name), ("Cookie", "id=1")]);
    assert_eq!(tenant("one").json()["tenant"], "one");
    assert_eq!(tenant("two").json()["tenant"], "two");
    assert_eq!(
        (state(&tenant("one")), tenant("one").json()["tenant"].as_str().unwrap()),
        ("byway; hit", "one")
    );
    assert_eq!(tenant("one").json()["told"], serde_json::json!(["host", "x-tenant"]));
}

#[test]
fn c02_many_who_ask_at_once_get_one_answer() {
    let (_fixture, server) = serve();
    let ask_all = |path: &'static str| -> Vec<RawResponse> {
        std::thread::scope(|scope| {
            let asked: Vec<_> =
                (0..50).map(|_| scope.spawn(|| server.get(path).unwrap())).collect();
            asked.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    };
    let answers = ask_all("/api/slow?wait=300");
    assert!(answers.iter().all(|answer| n(answer) == 1));
    let stored = answers.iter().filter(|it| state(it) == "byway; fwd=miss; stored").count();
    assert_eq!(stored, 1);
    // Those who find that it may not be kept wait for one answer, and not for each other.
    let begun = Instant::now();
    let answers = ask_all("/api/slow?wait=300&cc=no-store");
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn c12_an_old_answer_is_given_while_a_new_one_is_made_or_cannot_be() {
    let (_fixture, server) = serve();
    let path = "/api/stale?cc=s-maxage%3D1%2C%20stale-while-revalidate%3D60&wait=200";
    assert_eq!(n(&server.get(path).unwrap()), 1);
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    loop {
        let asked = Instant::now();
        let answer = server.get(path).unwrap();
        slowest = slowest.max(asked.elapsed());
        if n(&answer) == 2 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    assert!(slowest < Duration::from_millis(190), "nobody waits for it: {slowest:?}");
    let path = "/api/broken?cc=s-maxage%3D1%2C%20stale-if-error%3D60&fail=1";
    assert_eq!(n(&server.get(path).unwrap()), 1);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        let answer = server.get(path).unwrap();
        assert_eq!((answer.status, n(&answer)), (200, 1));
    }
    assert!(server.wait_for_log("not again", Duration::from_secs(5)).is_some(), "it was tried");
}

#[test]
fn a_client_that_has_the_answer_gets_304() {
    let (_fixture, server) = serve();
    let path = "/api/tagged?etag=%22v1%22";
    let first = server.get(path).unwrap();
    assert_eq!(first.header("etag"), Some("\"v1\""));
    for (tags, expect) in [("\"v1\"", 304), ("\"x\", W/\"v1\"", 304), ("*", 304), ("\"v2\"", 200)] {
        let answer = ask(&server, path, &[("If-None-Match", tags)]);
        assert_eq!(answer.status, expect, "{tags}");
        assert_eq!(answer.header("etag"), Some("\"v1\""));
        assert_eq!(answer.body.is_empty(), expect == 304);
    }
}

#[test]
fn c10_what_is_purged_is_gone() {
    let (fixture, server) = serve();
    let paths = ["/api/p?cache-tag=one,two", "/api/q?cache-tag=two", "/api/r"];
    let runs = || paths.map(|path| n(&server.get(path).unwrap()));
    assert_eq!((runs(), runs()), ([1, 1, 1], [1, 1, 1]));
    byway(fixture.path(), &["purge", "--tag", "one"]);
    assert_eq!(runs(), [2, 1, 1]);
    byway(fixture.path(), &["purge", "--tag", "two", "--path", "/api/r"]);
    assert_eq!(runs(), [3, 2, 2]);
    byway(fixture.path(), &["purge", "--all"]);
    assert_eq!(runs(), [4, 3, 3]);
    // The project's own calls mean the same.
    let revalidate =
        |query: &str| server.request("POST", &format!("/purge?{query}"), &[], "").unwrap();
    assert_eq!(revalidate("tag=two").status, 200);
    assert_eq!(runs(), [5, 4, 3]);
    assert_eq!(revalidate("path=/api/r").status, 200);
    assert_eq!(runs(), [5, 4, 4]);
    // Something was changed there (RFC 9111 §4.4), or was not.
    server.request("POST", "/api/r?status=400", &[], "x").unwrap();
    assert_eq!(runs(), [5, 4, 4]);
    server.request("POST", "/api/r", &[], "x").unwrap();
    assert_eq!(runs(), [5, 4, 5]);
}

#[test]
fn c10_a_purge_while_an_answer_is_made_wins() {
    let (fixture, server) = serve();
    let path = "/api/slow?wait=500&cache-tag=t";
    std::thread::scope(|scope| {
        let first = scope.spawn(|| server.get(path).unwrap());
        // It is being made as soon as another one is told to wait; here a moment is enough, and a purge
        // that comes too early leaves nothing to fail.
        std::thread::sleep(Duration::from_millis(200));
        byway(fixture.path(), &["purge", "--tag", "t"]);
        assert_eq!(n(&first.join().unwrap()), 1);
    });
    assert_eq!(n(&server.get(path).unwrap()), 2);
}

#[test]
fn streams_are_passed_on_as_they_come() {
    let (_fixture, server) = serve();
    for _ in 0..2 {
        let answer = server.get("/api/stream").unwrap();
        assert_eq!(answer.text(), "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    }
}

fn byway(dir: &Path, args: &[&str]) {
    let mut command = Command::new(byway_binary(env!("CARGO_BIN_EXE_byway")));
    let output = command.args(args).arg(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
