//! What a route file says beside its handlers, and the files of `app/` that are routes by their name.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::time::{Duration, Instant};

use byway_testkit::{BuildOutput, Fixture, TestServer, byway_binary};
use serde_json::json;

fn serve(files: &[(&str, &str)]) -> (Fixture, TestServer) {
    Fixture::served(env!("CARGO_BIN_EXE_byway"), files).unwrap()
}

fn build(files: &[(&str, &str)]) -> (Fixture, BuildOutput) {
    let fixture = Fixture::new(files).unwrap();
    let output = fixture.build(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, output)
}

const KEPT: &str = "public, max-age=0, must-revalidate";

/// Status, type, `Cache-Control`, `x-nextjs-cache` and body.
fn answer(server: &TestServer, path: &str) -> (u16, String, String, String, String) {
    let response = server.get(path).unwrap();
    let header = |name| response.header(name).unwrap_or("-").to_owned();
    let (kind, control) = (header("content-type"), header("cache-control"));
    (response.status, kind, control, header("x-nextjs-cache"), response.text())
}

fn kept(kind: &str, body: &str) -> (u16, String, String, String, String) {
    (200, kind.to_owned(), KEPT.to_owned(), "HIT".to_owned(), body.to_owned())
}

#[test]
fn special_files_of_code_answer_as_text() {
    let (_fixture, server) = serve(&[
        (
            "app/robots.ts",
            "import type { MetadataRoute } from 'next'\n\
             export default function robots(): MetadataRoute.Robots {\n\
             \x20 return { rules: { userAgent: ['a', 'b'], disallow: '/' }, sitemap: 'https://x.test/sitemap.xml' }\n\
             }\n",
        ),
        (
            "app/sitemap.js",
            "import { pages } from '../lib/pages'\n\
             export default async () => pages.map((url) => ({ url, priority: 1 }))\n",
        ),
        ("lib/pages.ts", "export const pages: string[] = ['https://x.test/']\n"),
        ("app/manifest.ts", "export default () => ({ name: 'x' })\n"),
        ("app/(docs)/docs/[lang]/sitemap.ts", "export default () => []\n"),
    ]);
    let robots =
        "User-Agent: a\nUser-Agent: b\nDisallow: /\n\nSitemap: https://x.test/sitemap.xml\n";
    assert_eq!(answer(&server, "/robots.txt"), kept("text/plain", robots));
    let start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";
    let page = "<url>\n<loc>https://x.test/</loc>\n<priority>1</priority>\n</url>\n";
    let sitemap = format!("{start}{page}</urlset>\n");
    assert_eq!(answer(&server, "/sitemap.xml"), kept("application/xml", &sitemap));
    let empty = format!("{start}</urlset>\n");
    assert_eq!(answer(&server, "/docs/de/sitemap.xml"), kept("application/xml", &empty));
    let manifest = kept("application/manifest+json", r#"{"name":"x"}"#);
    assert_eq!(answer(&server, "/manifest.webmanifest"), manifest);
    assert_eq!(server.request("HEAD", "/robots.txt", &[], "").unwrap().status, 200);
    assert_eq!(server.get("/robots").unwrap().status, 404);
}

#[test]
fn a_sitemap_may_be_several() {
    let (_fixture, server) = serve(&[
        (
            "app/shop/sitemap.ts",
            "export async function generateSitemaps() { return [{ id: 0 }, { id: 'new' }] }\n\
             export default async ({ id }: { id: Promise<string> }) => [{ url: 'u' + (await id) }]\n",
        ),
        ("app/shop/sitemap.xml/route.ts", "export const GET = () => new Response('index')\n"),
    ]);
    for id in ["0", "new"] {
        let (status, kind, _, _, body) = answer(&server, &format!("/shop/sitemap/{id}.xml"));
        assert_eq!((status, kind.as_str()), (200, "application/xml"));
        assert!(body.contains(&format!("<loc>u{id}</loc>")), "{body}");
    }
    let unknown = (404, "text/plain;charset=UTF-8", "s-maxage=31536000", "MISS", "Not Found");
    for path in ["/shop/sitemap/1.xml", "/shop/sitemap/0"] {
        let (status, kind, control, cache, body) = answer(&server, path);
        assert_eq!((status, &*kind, &*control, &*cache, &*body), unknown, "{path}");
    }
    assert_eq!(server.get("/shop/sitemap.xml").unwrap().text(), "index");
}

#[test]
fn special_files_may_be_the_answer_themselves() {
    let fixture = Fixture::new(&[
        ("app/robots.txt", "User-Agent: *\nDisallow:\n"),
        ("app/a/sitemap.xml", "<urlset/>"),
        ("app/manifest.json", "{ \"name\": \"é\" }"),
    ])
    .unwrap();
    let icon: Vec<u8> = (0..=255).collect();
    fixture.write("app/favicon.ico", &icon).unwrap();
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    assert_eq!(answer(&server, "/robots.txt"), kept("text/plain", "User-Agent: *\nDisallow:\n"));
    assert_eq!(answer(&server, "/a/sitemap.xml"), kept("application/xml", "<urlset/>"));
    let manifest = kept("application/manifest+json", "{ \"name\": \"é\" }");
    assert_eq!(answer(&server, "/manifest.json"), manifest);
    let response = server.get("/favicon.ico").unwrap();
    assert_eq!(response.header("content-type"), Some("image/x-icon"));
    assert_eq!(response.body, icon);
}

#[test]
fn special_files_that_make_no_sense_are_build_errors() {
    let (_fixture, output) = build(&[
        ("app/robots.ts", "export default () => ({ rules: {} })\n"),
        ("app/robots.txt", "User-Agent: *\n"),
    ]);
    assert_eq!(output.code(), Some(1));
    assert!(
        output.stderr.contains("`app/robots.ts` and `app/robots.txt` both serve"),
        "{}",
        output.stderr
    );
    let (_fixture, output) = build(&[("app/sitemap.ts", "export const sitemap = () => []\n")]);
    assert_eq!(output.code(), Some(1));
    assert!(output.stderr.contains("has no default export"), "{}", output.stderr);
}

#[test]
fn wrong_options_are_build_errors_with_their_place() {
    let handler = "export const GET = () => new Response()\n";
    let (_fixture, output) = build(&[
        ("app/a/route.ts", &format!("{handler}export const dynamic = 'always'\n")),
        ("app/b/route.ts", &format!("{handler}export const maxDuration = -5\n")),
        ("app/c/route.ts", &format!("{handler}export const runtime = 'edge', revalidate = 60\n")),
    ]);
    assert_eq!(output.code(), Some(1));
    for part in [
        "app/a/route.ts:2:24",
        "`dynamic` cannot be 'always'",
        "\"force-dynamic\"",
        "app/b/route.ts:2:28",
        "`maxDuration` cannot be -5",
        "the build failed with 2 errors",
    ] {
        assert!(output.stderr.contains(part), "no {part} in:\n{}", output.stderr);
    }
}

#[test]
fn options_are_part_of_the_build() {
    let (fixture, output) = build(&[
        (
            "app/a/route.ts",
            "export const revalidate = 60 * 60\nexport const fetchCache = 'auto' as const\n\
             export const whatever = 'is fine'\nexport const GET = () => new Response()\n",
        ),
        (
            "app/b/route.ts",
            "export const runtime = 'edge'\nexport const GET = () => new Response()\n",
        ),
        ("app/c/route.ts", "export const GET = () => new Response()\n"),
    ]);
    assert_eq!(output.code(), Some(0), "{}", output.stderr);
    let manifest: serde_json::Value =
        serde_json::from_str(&fixture.read(".byway/manifest.json").unwrap()).unwrap();
    let segment = |index: usize| manifest["routes"][index]["segment"].clone();
    assert_eq!(segment(0), json!({ "revalidate": { "after": 3600 }, "fetchCache": "auto" }));
    assert_eq!(segment(1), json!({ "runtime": "edge" }));
    assert_eq!(segment(2), json!(null));
    let kinds: Vec<_> =
        output.stdout.lines().skip(1).map(|row| row.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!(kinds, ["app", "edge", "app"]);
}

#[test]
fn a_handler_has_as_long_as_its_file_says() {
    let (_fixture, server) = serve(&[
        (
            "app/slow/route.ts",
            "export const maxDuration = 1\n\
             export const GET = (request: Request) => new Promise(() => {\n\
             \x20 request.signal.addEventListener('abort', () => console.error('given up'))\n\
             })\n",
        ),
        (
            "app/stream/route.ts",
            "export const maxDuration = 1\n\
             export const GET = () => new Response(new ReadableStream({\n\
             \x20 start(c) { c.enqueue('a'); setTimeout(() => { c.enqueue('b'); c.close() }, 1500) },\n\
             }).pipeThrough(new TextEncoderStream()))\n",
        ),
    ]);
    let started = Instant::now();
    let response = server.get("/slow").unwrap();
    let taken = started.elapsed();
    assert_eq!((response.status, response.text().as_str()), (504, "Gateway Timeout"));
    assert!(taken >= Duration::from_secs(1) && taken < Duration::from_secs(10), "{taken:?}");
    let told = server.wait_for_log("given up", Duration::from_secs(5));
    assert!(told.is_some(), "{}", server.stderr());
    assert_eq!(server.get("/stream").unwrap().text(), "ab", "only the head has to be in time");
}

const SEEN: &str = "({ runtime: process.env.NEXT_RUNTIME, bare: typeof EdgeRuntime, \
     of_global: typeof (globalThis as any).EdgeRuntime })";

#[test]
fn edge_routes_see_the_edge_runtime_and_node_routes_do_not() {
    let library = format!(
        "declare const EdgeRuntime: string\nexport const seen = () => {SEEN}\n\
         let count = 0\nexport const next = () => ++count\n"
    );
    let handler = "import { next, seen } from '../../lib/seen'\n\
         import { cookies, headers } from 'next/headers'\n\
         import { NextResponse, type NextRequest } from 'next/server'\n\
         import state from 'package-with-state'\n\
         export async function GET(request: NextRequest) {\n\
         \x20 const jar = await cookies()\n\
         \x20 jar.set('set', 'yes')\n\
         \x20 const later = await import('../../lib/later')\n\
         \x20 return NextResponse.json({\n\
         \x20   seen: seen(), later: later.runtime, count: next(), shared: ++state.count,\n\
         \x20   agent: (await headers()).get('user-agent'), cookie: jar.get('c')?.value,\n\
         \x20   query: request.nextUrl.searchParams.get('q'),\n\
         \x20 })\n\
         }\n";
    let edge = format!("export const runtime = 'edge'\n{handler}");
    let (_fixture, server) = serve(&[
        ("lib/seen.ts", &library),
        ("lib/later.ts", "export const runtime = process.env.NEXT_RUNTIME\n"),
        ("node_modules/package-with-state/index.js", "module.exports = { count: 0 }\n"),
        ("node_modules/package-with-state/package.json", r#"{ "name": "package-with-state" }"#),
        ("app/edge/route.ts", &edge),
        ("app/node/route.ts", handler),
        (
            "app/old/route.ts",
            "export const runtime = 'experimental-edge'\n\
             export const GET = () => new Response(process.env['NEXT_RUNTIME'])\n",
        ),
    ]);
    let ask = |path: &str| {
        let headers = [("User-Agent", "test"), ("Cookie", "c=1")];
        let response = server.request("GET", &format!("{path}?q=2"), &headers, "").unwrap();
        assert_eq!(response.status, 200, "{}", server.stderr());
        assert_eq!(response.header("set-cookie"), Some("set=yes; Path=/"), "{path}");
        response.json()
    };
    let expect = |runtime: &str, kind: &str, count: u32, shared: u32| {
        json!({
            "seen": { "runtime": runtime, "bare": kind, "of_global": kind },
            "later": runtime, "count": count, "shared": shared,
            "agent": "test", "cookie": "1", "query": "2",
        })
    };
    // The project's modules have an instance per runtime, and packages have one for both.
    assert_eq!(ask("/edge"), expect("edge", "string", 1, 1));
    assert_eq!(ask("/node"), expect("nodejs", "undefined", 1, 2));
    assert_eq!(ask("/edge"), expect("edge", "string", 2, 3));
    assert_eq!(server.get("/old").unwrap().text(), "edge");
}

#[test]
fn d03_an_edge_handler_that_fails_answers_with_a_page_without_details() {
    let edge = "export const runtime = 'edge'\n";
    let (_fixture, server) = serve(&[
        (
            "app/[kind]/route.ts",
            &format!(
                "import {{ notFound, redirect }} from 'next/navigation'\n{edge}\
                 export async function GET(_: Request, {{ params }}: any) {{\n\
                 \x20 const {{ kind }} = await params\n\
                 \x20 if (kind === 'throw') throw new Error('secret detail')\n\
                 \x20 if (kind === 'missing') notFound()\n\
                 \x20 if (kind === 'away') redirect('/there?x=1')\n\
                 }}\n"
            ),
        ),
        (
            "app/broken/route.ts",
            &format!("{edge}throw new Error('secret detail')\nexport const GET = () => 1\n"),
        ),
    ]);
    for path in ["/throw", "/nothing", "/broken"] {
        let response = server.get(path).unwrap();
        assert_eq!(response.status, 500, "{path}");
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let control = response.header("cache-control").unwrap_or_default().to_owned();
        assert!(control.starts_with("private, no-cache, no-store"), "{path}: {control}");
        let page = response.text();
        assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("secret"), "{path}: {page}");
    }
    assert!(server.wait_for_log("secret detail", Duration::from_secs(5)).is_some());
    let head = server.request("HEAD", "/throw", &[], "").unwrap();
    assert_eq!((head.status, head.body.len()), (500, 0));
    let missing = server.get("/missing").unwrap();
    assert_eq!((missing.status, missing.text().as_str()), (404, ""));
    let away = server.get("/away").unwrap();
    assert_eq!((away.status, away.header("location")), (307, Some("/there?x=1")));
}

#[test]
fn errors_of_edge_routes_and_others_come_at_once_and_each_once() {
    let (_fixture, output) = build(&[
        ("lib/both.ts", "import { gone } from './gone'\nexport const both = () => gone\n"),
        (
            "app/edge/route.ts",
            "import { both } from '../../lib/both'\nexport const runtime = 'edge'\n\
             export const GET = () => both(\n",
        ),
        ("app/node/route.ts", "import { both } from '../../lib/both'\nexport const GET = both\n"),
    ]);
    assert_eq!(output.code(), Some(1));
    assert!(output.stderr.contains("app/edge/route.ts:"), "{}", output.stderr);
    assert_eq!(output.stderr.matches("cannot find `./gone`").count(), 1, "{}", output.stderr);
    assert!(output.stderr.contains("the build failed with 2 errors"), "{}", output.stderr);
}
