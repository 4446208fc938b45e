//! Cached route handlers behind the stages before them: rules of `next.config`, its paths, and the proxy.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::time::{Duration, Instant};

use byway_testkit::{Fixture, RawResponse, TestServer, byway_binary};

const FILES: &[(&str, &str)] = &[
    (
        "next.config.ts",
        "export default {\n\
           basePath: '/base', trailingSlash: true, expireTime: 300,\n\
           headers: () => [{ source: '/:path*', headers: [{ key: 'x-rule', value: '1' }] }],\n\
           redirects: () => [{ source: '/kept/gone', destination: '/kept/new', permanent: false }],\n\
           rewrites: () => [{ source: '/other/:k', destination: '/kept/:k' }],\n\
         }\n",
    ),
    (
        "app/kept/[k]/route.ts",
        "export const dynamic = 'force-static'\nexport const revalidate = 60\nlet n = 0\n\
         export async function GET(_: Request, { params }: any) { return Response.json({ k: (await params).k, n: ++n }) }\n",
    ),
    (
        "app/listed/[k]/route.ts",
        "export const generateStaticParams = () => [{ k: 'a' }]\n\
         export async function GET(_: Request, { params }: any) { const { k } = await params; (globalThis as any).made = k; return new Response(k) }\n",
    ),
    (
        "app/made/route.ts",
        "export async function GET(request: Request) { return new Response((globalThis as any).made ?? request.headers.get('x-none') ?? 'nothing') }\n",
    ),
    (
        "app/draft/route.ts",
        "import { draftMode } from 'next/headers'\nexport async function GET() { (await draftMode()).enable(); return new Response('ok') }\n",
    ),
    (
        "pages/api/again.ts",
        "export default async function handler(req: any, res: any) { await res.revalidate(req.query.path); res.end('done') }\n",
    ),
    (
        "proxy.ts",
        "import { NextResponse } from 'next/server'\n\
         export const config = { matcher: ['/kept/:k'] }\n\
         export function proxy(request: any) {\n\
           if (request.headers.has('x-deny')) return new Response('denied', { status: 403 })\n\
           const headers = { 'x-proxy': '1' }\n\
           const to = request.nextUrl.searchParams.get('to')\n\
           if (to === null) return NextResponse.next({ headers })\n\
           const url = request.nextUrl.clone()\n\
           url.pathname = `/kept/${to}`\n\
           return NextResponse.rewrite(url, { headers })\n\
         }\n",
    ),
];

fn serve() -> (Fixture, TestServer) {
    let fixture = Fixture::new(FILES).unwrap();
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, server)
}

/// What the cache, the rules and the proxy say about an answer.
fn facts(answer: &RawResponse) -> [Option<&str>; 3] {
    ["x-nextjs-cache", "x-rule", "x-proxy"].map(|name| answer.header(name))
}

#[test]
fn kept_answers_get_the_headers_of_rules_and_proxy() {
    let (_fixture, server) = serve();
    for state in ["MISS", "HIT", "HIT"] {
        let answer = server.get("/base/kept/a/").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "{\"k\":\"a\",\"n\":1}"));
        assert_eq!(facts(&answer), [Some(state), Some("1"), Some("1")]);
        let expected = Some("s-maxage=60, stale-while-revalidate=240");
        assert_eq!(answer.header("cache-control"), expected, "expireTime is 300");
    }
    for (path, proxied) in [("/base/other/a/", None), ("/base/kept/b/?to=a", Some("1"))] {
        let answer = server.get(path).unwrap();
        assert_eq!(answer.text(), "{\"k\":\"a\",\"n\":1}", "{path}");
        assert_eq!(facts(&answer), [Some("HIT"), Some("1"), proxied], "{path}");
    }
}

#[test]
fn nothing_kept_gets_past_a_redirect_or_the_proxy() {
    let (_fixture, server) = serve();
    let kept = server.get("/base/kept/a/").unwrap();
    assert_eq!(kept.status, 200);
    let denied = server.request("GET", "/base/kept/a/", &[("x-deny", "1")], "").unwrap();
    assert_eq!((denied.status, denied.text().as_str()), (403, "denied"));
    assert_eq!(server.get("/base/kept/gone/").unwrap().status, 307);
    assert_eq!(server.get("/kept/a/").unwrap().status, 404);
    let slash = server.get("/base/kept/a").unwrap();
    assert_eq!((slash.status, slash.header("location")), (308, Some("/base/kept/a/")));
    let body = "x".repeat(300_000);
    let refused = server.request("POST", "/base/kept/a/", &[], &body).unwrap();
    assert_eq!((refused.status, facts(&refused)), (405, [None, Some("1"), Some("1")]));
}

#[test]
fn c10_drafts_behind_a_proxy_are_kept_for_nobody() {
    let (_fixture, server) = serve();
    assert_eq!(server.get("/base/kept/a/").unwrap().text(), "{\"k\":\"a\",\"n\":1}");
    let enabled = server.get("/base/draft/").unwrap();
    let cookie = enabled.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let draft = server.request("GET", "/base/kept/a/", &[("cookie", &cookie)], "").unwrap();
    assert_eq!(draft.text(), "{\"k\":\"a\",\"n\":2}");
    assert_eq!(facts(&draft), [None, Some("1"), Some("1")]);
    assert!(draft.header("cache-control").unwrap().contains("no-store"), "{draft:?}");
    assert_eq!(server.get("/base/kept/a/").unwrap().text(), "{\"k\":\"a\",\"n\":1}");
}

#[test]
fn what_is_rendered_without_a_request_is_found_below_the_base_path() {
    let (_fixture, server) = serve();
    let begun = Instant::now();
    while server.get("/base/made/").unwrap().text() != "a" {
        assert!(begun.elapsed() < Duration::from_secs(10), "it was not rendered beforehand");
    }
    assert_eq!(server.get("/base/kept/a/").unwrap().text(), "{\"k\":\"a\",\"n\":1}");
    let again = server.get("/base/api/again/?path=/base/kept/a").unwrap();
    assert_eq!((again.status, again.text().as_str()), (200, "done"));
    let renewed = server.get("/base/kept/a/").unwrap();
    assert_eq!(
        (renewed.text().as_str(), facts(&renewed)[0]),
        ("{\"k\":\"a\",\"n\":2}", Some("HIT"))
    );
    // Nothing is at this path, which is as good as rendered under Next; what is kept stays.
    assert_eq!(server.get("/base/api/again/?path=/kept/a").unwrap().status, 200);
    assert_eq!(server.get("/base/kept/a/").unwrap().text(), "{\"k\":\"a\",\"n\":2}");
}
