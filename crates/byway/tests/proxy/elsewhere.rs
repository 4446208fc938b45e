//! Proxies beside the rules of next.config, and requests that they send to other servers.

use byway_testkit::{Fixture, RawResponse, TestServer};
use serde_json::json;

use super::fixture::{ECHO, binary, serve};

/// Another server, which shows what it is sent, and a project whose proxy sends requests there.
fn two_servers() -> ((Fixture, TestServer), (Fixture, TestServer)) {
    let upstream = serve("export const proxy = () => undefined\n", &["/echo"]);
    let proxy = format!(
        "import {{ NextResponse }} from 'next/server'\n\
         export async function proxy(req: any) {{\n\
         \x20 const read = req.nextUrl.searchParams.get('read')\n\
         \x20 if (read === 'text') await req.text()\n\
         \x20 if (read === 'some') await req.body?.getReader().read()\n\
         \x20 const headers = new Headers(req.headers)\n\
         \x20 headers.set('x-user', 'amina'); headers.delete('x-secret'); headers.set('x-middleware-next', '1')\n\
         \x20 return NextResponse.rewrite('http://127.0.0.1:{}/echo?a=1', {{ request: {{ headers }}, headers: {{ 'x-proxy': '1' }} }})\n\
         }}\n\
         export const config = {{ matcher: '/out' }}\n",
        upstream.1.port()
    );
    (upstream, serve(&proxy, &["/own"]))
}

#[test]
fn a_rewrite_to_another_server_takes_the_body_along_whoever_has_read_of_it() {
    let (_upstream, (_fixture, server)) = two_servers();
    for bytes in [0, 5, 70_000, 700_000] {
        let body = "0123456789".repeat(bytes / 10) + &"x".repeat(bytes % 10);
        for read in ["none", "text", "some"] {
            if bytes == 0 && read == "some" {
                continue;
            }
            let path = format!("/out?read={read}");
            let response = server
                .request("POST", &path, &[("x-secret", "s"), ("x-kept", "k")], &body)
                .unwrap();
            assert_eq!(response.status, 200, "{bytes} {read}: {}", server.stderr());
            let seen = response.json();
            assert_eq!(seen["body"].as_str().unwrap().len(), bytes, "{read}");
            assert_eq!(seen["path"], "/echo");
            assert_eq!(seen["headers"]["x-user"], "amina");
            assert_eq!(seen["headers"]["x-kept"], "k");
            assert_eq!(response.header("x-proxy"), Some("1"));
        }
    }
}

#[test]
fn x05_internal_and_removed_headers_do_not_go_out() {
    let (_upstream, (_fixture, server)) = two_servers();
    let lines = [("x-secret", "s"), ("x-middleware-subrequest", "1"), ("x-byway-route", "1")];
    let seen = server.request("GET", "/out", &lines, "").unwrap().json();
    let names: Vec<&String> = seen["headers"].as_object().unwrap().keys().collect();
    let internal = |name: &&&String| {
        name.contains("middleware") || name.contains("byway") || name.as_str() == "x-secret"
    };
    assert!(names.iter().find(internal).is_none(), "{names:?}");
}

#[test]
fn x06_chunked_bodies_are_framed_anew_on_their_way_out() {
    let (_upstream, (_fixture, server)) = two_servers();
    for (method, read) in [("DELETE", "none"), ("DELETE", "text"), ("PUT", "some")] {
        let mut client = server.connect().unwrap();
        client
            .send(format!(
                "{method} /out?read={read} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
                 Connection: x-nominated\r\nx-nominated: 1\r\n\r\n\
                 3\r\nabc\r\n21\r\n0\r\n\r\nGET /own HTTP/1.1\r\nHost: a\r\n\r\n0\r\n\r\n"
            ))
            .unwrap();
        let response = client.read().unwrap();
        let seen = response.json();
        assert_eq!(seen["body"], "abc0\r\n\r\nGET /own HTTP/1.1\r\nHost: a\r\n", "{method} {read}");
        assert!(seen["headers"]["x-nominated"].is_null(), "{method} {read}");
    }
}

#[test]
fn x11_what_is_no_server_is_not_asked() {
    let (_fixture, server) = serve(
        "export const proxy = (req: any) => new Response(null, {\n\
         \x20 headers: { 'x-middleware-rewrite': req.nextUrl.searchParams.get('to') } })\n\
         export const config = { matcher: '/out' }\n",
        &["/own"],
    );
    for to in [
        "http://user:secret@127.0.0.1:1/",
        "ftp://127.0.0.1/",
        "data:text/plain,x",
        "file:///etc/passwd",
    ] {
        let response = server.get(&format!("/out?to={to}")).unwrap();
        assert!(matches!(response.status, 400 | 500), "{to}: {}", response.status);
    }
    // A server that does not answer.
    assert_eq!(server.get("/out?to=http://127.0.0.1:1/x").unwrap().status, 500);
}

fn with_rules(config: &str, proxy: &str) -> (Fixture, TestServer) {
    let fixture = Fixture::new(&[
        ("next.config.mjs", config),
        ("proxy.ts", proxy),
        ("app/a/route.ts", ECHO),
        ("app/b/[id]/route.ts", ECHO),
        ("public/file.txt", "a file"),
        (
            "pages/api/query.ts",
            "export default (req: any, res: any) => {\n\
             \x20 res.setHeader('x-both', 'handler')\n\
             \x20 res.json({ query: req.query, url: req.url, user: req.headers['x-user'] ?? null, body: req.body })\n\
             }\n",
        ),
    ])
    .unwrap();
    let server = fixture.serve(binary()).unwrap();
    (fixture, server)
}

const RULES: &str = "\
    export default {\n\
      async headers() { return [{ source: '/:p*', headers: [\n\
        { key: 'x-config', value: 'config' }, { key: 'x-both', value: 'config' }, { key: 'x-three', value: 'config' }] }] },\n\
      async redirects() { return [{ source: '/old', destination: '/new', permanent: false }] },\n\
      async rewrites() { return { beforeFiles: [\n\
        { source: '/before', destination: '/b/before' },\n\
        { source: '/tenant', has: [{ type: 'header', key: 'x-user', value: '(?<u>.+)' }], destination: '/b/:u' }],\n\
        afterFiles: [{ source: '/after/:x', destination: '/api/query?x=:x' }], fallback: [] } },\n\
    }\n";

const RULED: &str = "\
    import { NextResponse } from 'next/server'\n\
    export function proxy(req: any) {\n\
      const to = req.nextUrl.searchParams.get('to')\n\
      const headers = new Headers(req.headers); headers.set('x-user', 'amina')\n\
      const init = { request: { headers }, headers: { 'x-proxy': '1', 'x-three': 'proxy' } }\n\
      if (to === 'own') return Response.json({ own: true }, { headers: { 'x-three': 'proxy' } })\n\
      return to === null ? NextResponse.next(init) : NextResponse.rewrite(new URL(to, req.url), init)\n\
    }\n";

fn headers_of(response: &RawResponse) -> [Option<&str>; 4] {
    ["x-config", "x-both", "x-three", "x-proxy"].map(|name| response.header(name))
}

#[test]
fn rules_come_before_and_after_a_proxy_as_under_next() {
    let (_fixture, server) = with_rules(RULES, RULED);
    let get = |path: &str| server.get(path).unwrap();
    assert_eq!(get("/old").header("location"), Some("/new"), "redirects come first");
    let config = Some("config");
    let proxy = Some("proxy");

    let route = get("/a");
    assert_eq!(route.json()["headers"]["x-user"], "amina");
    assert_eq!(headers_of(&route), [config, config, proxy, Some("1")]);
    assert_eq!(headers_of(&get("/file.txt")), [config, config, proxy, Some("1")]);
    assert_eq!(headers_of(&get("/nowhere")), [config, config, proxy, Some("1")]);
    assert_eq!(headers_of(&get("/a?to=own")), [config, config, proxy, None]);
    assert_eq!(headers_of(&get("/api/query")), [config, Some("handler"), proxy, Some("1")]);

    assert_eq!(get("/before").json()["params"]["id"], "before");
    assert_eq!(get("/a?to=/before").json()["params"]["id"], "before", "rules follow a rewrite");
    assert_eq!(get("/tenant").json()["params"]["id"], "amina", "rules see changed headers");
    assert_eq!(get("/a?to=/file.txt").text(), "a file");
    assert_eq!(get("/a?to=/nowhere").status, 404);
}

#[test]
fn a_pages_api_route_sees_the_query_of_a_rewrite() {
    let (_fixture, server) = with_rules(RULES, RULED);
    let seen = server.get("/a?to=/api/query?z=1").unwrap().json();
    assert_eq!(seen["query"], json!({ "z": "1" }));
    assert_eq!(seen["url"], "/a?to=%2Fapi%2Fquery%3Fz%3D1");
    assert_eq!(seen["user"], "amina");
    let seen = server.get("/after/5").unwrap().json();
    assert_eq!(seen["query"]["x"], "5");
    let json = [("content-type", "application/json")];
    let body = format!("[\"{}\"]", "x".repeat(200_000));
    let seen = server.request("POST", "/api/query", &json, &body).unwrap().json();
    assert_eq!(seen["body"][0].as_str().unwrap().len(), 200_000);
}

#[test]
fn a_proxy_knows_base_path_and_locales() {
    let (_fixture, server) = with_rules(
        "export default { basePath: '/base', i18n: { locales: ['en', 'fr'], defaultLocale: 'en' } }\n",
        "import { NextResponse } from 'next/server'\n\
         export function proxy(req: any) {\n\
         \x20 const { basePath, locale, defaultLocale, pathname, href } = req.nextUrl\n\
         \x20 if (pathname === '/to') { const url = req.nextUrl.clone(); url.pathname = '/api/query'; return NextResponse.rewrite(url) }\n\
         \x20 return Response.json({ basePath, locale, defaultLocale, pathname, href, url: req.url })\n\
         }\n\
         export const config = { matcher: ['/x/:path*', '/to'] }\n",
    );
    let base = server.base_url();
    for (path, locale, shown) in [
        ("/base/x/1", "en", "/base/x/1"),
        ("/base/fr/x/1", "fr", "/base/fr/x/1"),
        ("/base/en/x/1", "en", "/base/x/1"),
    ] {
        let seen = server.get(path).unwrap().json();
        let href = format!("{base}{shown}");
        assert_eq!(
            seen,
            json!({ "basePath": "/base", "locale": locale, "defaultLocale": "en",
                    "pathname": "/x/1", "href": href, "url": href }),
            "{path}"
        );
    }
    assert_eq!(server.get("/x/1").unwrap().status, 404, "outside the base path");
    assert_eq!(server.get("/base/to").unwrap().json()["url"], "/to");
}
