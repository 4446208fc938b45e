//! Ways around a proxy that were found in Next or its like (HARDENING rows X01 to X11).

use std::net::TcpListener;

use byway_testkit::TestServer;

use super::fixture::serve;

/// Lets nobody in.
const GUARD: &str = "\
    export function proxy(req: any) {\n\
      return Response.json({ guarded: req.nextUrl.pathname, url: req.url }, { status: 403 })\n\
    }\n\
    export const config = { matcher: ['/admin/:path*', '/api/:path*', '/fil%C3%A9/:id'] }\n";

const ROUTES: &[&str] =
    &["/admin", "/admin/users", "/admin/[id]", "/api/[...rest]", "/filé/[id]", "/open/[id]"];

fn raw(server: &TestServer, target: &str, lines: &str) -> byway_testkit::RawResponse {
    let mut client = server.connect().unwrap();
    client
        .send(
            format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", server.authority())
                .as_str(),
        )
        .unwrap();
    client.read().unwrap()
}

#[test]
fn x02_no_header_of_a_client_skips_or_steers_the_proxy() {
    let (_fixture, server) = serve(GUARD, ROUTES);
    for header in [
        "x-middleware-subrequest: proxy",
        "x-middleware-subrequest: proxy:proxy:proxy:proxy:proxy",
        "x-middleware-subrequest: src/proxy:src/proxy:src/proxy:src/proxy:src/proxy",
        "x-middleware-subrequest: middleware:middleware:middleware:middleware:middleware",
        "x-middleware-subrequest-id: 1",
        "x-middleware-next: 1",
        "x-middleware-rewrite: /open/1",
        "x-middleware-skip: 1",
        "x-middleware-override-headers: a\r\nx-middleware-request-a: 1",
        "x-middleware-invoke: 1",
        "x-invoke-path: /open/1",
        "x-invoke-status: 200",
        "x-matched-path: /open/1",
        "x-now-route-matches: 1=x",
        "x-nextjs-data: 1",
        "x-prerender-revalidate: 1",
        "next-resume: 1",
        "purpose: prefetch",
        "rsc: 1",
        "next-router-prefetch: 1",
    ] {
        let response = raw(&server, "/admin", &format!("{header}\r\n"));
        assert_eq!(response.status, 403, "{header}");
    }
}

#[test]
fn x02_internal_headers_reach_neither_proxy_nor_handler() {
    let (_fixture, server) = serve(
        "import { NextResponse } from 'next/server'\n\
         export function proxy(req: any) {\n\
         \x20 const names = [...req.headers.keys()].filter((name) => /middleware|nextjs|invoke|byway/.test(name))\n\
         \x20 return NextResponse.next({ headers: { 'x-seen': names.join(',') } })\n\
         }\n",
        &["/a"],
    );
    let lines =
        "x-middleware-rewrite: /b\r\nx-nextjs-data: 1\r\nx-invoke-path: /b\r\nx-byway-route: 1\r\n";
    let response = raw(&server, "/a", lines);
    assert_eq!(response.header("x-seen"), Some(""));
    let seen = response.json();
    let names = seen["headers"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(
        names.iter().all(|name| !name.contains("middleware") && !name.contains("invoke")),
        "{names:?}"
    );
}

#[test]
fn x03_no_spelling_of_a_path_gets_past_the_proxy() {
    let (_fixture, server) = serve(GUARD, ROUTES);
    assert_eq!(raw(&server, "/open/1", "").status, 200);
    // A slash that is encoded separates nothing, neither for the proxy nor for the route.
    let inside = raw(&server, "/open/..%2fadmin", "").json();
    assert_eq!(inside["params"], serde_json::json!({ "id": "../admin" }));
    for target in [
        "/admin",
        "/admin/",
        "/admin/users",
        "/admin/7",
        "/%61dmin",
        "/%61dmin/users",
        "/adm%69n/7",
        "//admin",
        "/\\admin",
        "/.//admin",
        "/./admin",
        "/open/../admin",
        "/open/%2e%2e/admin",
        "/open/%2E%2E/admin/users",
        "/open/..\\admin",
        "/admin%2Fusers",
        "/admin/users/",
        "/admin//users",
        "/admin/./users",
        "/admin/x/../users",
        "/admin/%75sers",
        "/admin/x%3Fy",
        "/admin/x%23y",
        "/%61dmin/x%3Fy",
        "/admin/x%2Fy",
        "/admin/%00",
        "/admin/%0a",
        "/admin/x;y",
        "/admin;x",
        "/admin.json",
        "/admin.rsc",
        "/admin/users.rsc",
        "/admin.segments/a.segment.rsc",
        "/_next/data/build/admin.json",
        "/_next/data/build/admin/users.json",
        "/Admin",
        "/ADMIN/users",
        "/admin?x=/open/1",
        "/admin#/open/1",
        "/api/x",
        "/api/x/y%2Fz",
        "/%61pi/x",
        "/api/..%2f..%2fopen/1",
        "/API/x",
        "/fil%C3%A9/1",
        "/fil%c3%a9/1",
        "/file%CC%81/1",
        "/fil%C3%A9/x%3Fy",
        "http://other.test/admin",
        "HTTP://other.test/admin/users",
        "/admin/\u{202e}x",
        "/admin%ff",
        "/%2561dmin",
    ] {
        let response = raw(&server, target, "");
        let text = response.text();
        assert_ne!(response.status, 200, "{target}: {text}");
        assert!(!text.contains("\"params\""), "{target}: {text}");
    }
}

#[test]
fn x04_reflected_request_headers_steer_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let sink = format!("http://{}/", listener.local_addr().unwrap());
    let (_fixture, server) = serve(
        "import { NextResponse } from 'next/server'\n\
         export const proxy = (req: any) => NextResponse.next({ headers: req.headers })\n",
        &["/a"],
    );
    let lines = format!(
        "location: {sink}\r\nx-middleware-rewrite: {sink}\r\nx-middleware-set-cookie: a=1\r\n\
         content-length: 0\r\nte: trailers\r\ncontent-encoding: gzip\r\nx-mine: 1\r\n"
    );
    let response = raw(&server, "/a", &lines);
    assert_eq!(response.status, 200);
    assert_eq!(response.json()["path"], "/a");
    assert_eq!(response.header("x-mine"), Some("1"));
    for name in ["te", "content-encoding", "x-middleware-rewrite", "x-middleware-set-cookie"] {
        assert_eq!(response.header(name), None, "{name}");
    }
    assert!(listener.accept().is_err(), "a connection went out");
}

#[test]
fn x01_the_origin_that_a_proxy_sees_is_the_servers() {
    let (_fixture, server) = serve(
        "export const proxy = (req: any) =>\n\
         \x20 Response.json({ url: req.url, origin: req.nextUrl.origin, to: new URL('/x', req.url).href })\n",
        &["/a"],
    );
    let mut client = server.connect().unwrap();
    client
        .send(
            "GET /a HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: evil.test\r\n\
             Forwarded: host=evil.test\r\n\r\n",
        )
        .unwrap();
    let seen = client.read().unwrap().json();
    let base = server.base_url();
    assert_eq!(seen["origin"], base);
    assert_eq!(seen["url"], format!("{base}/a"));
    assert_eq!(seen["to"], format!("{base}/x"));
}

#[test]
fn x09_parameters_come_from_the_path_alone() {
    let (_fixture, server) = serve(
        "import { NextResponse } from 'next/server'\n\
         export const proxy = (req: any) => {\n\
         \x20 const url = req.nextUrl.clone(); url.pathname = '/users/7'; return NextResponse.rewrite(url)\n\
         }\n\
         export const config = { matcher: '/me' }\n",
        &["/users/[id]"],
    );
    for query in ["id=8", "nxtPid=8", "nxtIid=8", "__proto__=8", "id=8&id=9"] {
        let response = raw(&server, &format!("/me?{query}"), "");
        assert_eq!(response.json()["params"], serde_json::json!({ "id": "7" }), "{query}");
    }
}

#[test]
fn x10_a_target_in_absolute_form_opens_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let sink = listener.local_addr().unwrap();
    let (_fixture, server) = serve(
        "import { NextResponse } from 'next/server'\n\
         export const proxy = () => NextResponse.next()\n",
        &["/a"],
    );
    for (method, target, lines) in [
        ("GET", format!("http://{sink}/a"), String::new()),
        (
            "GET",
            format!("http://{sink}/"),
            "Connection: Upgrade\r\nUpgrade: websocket\r\n".to_owned(),
        ),
        ("CONNECT", sink.to_string(), String::new()),
    ] {
        let mut client = server.connect().unwrap();
        client
            .send(format!("{method} {target} HTTP/1.1\r\nHost: {sink}\r\n{lines}\r\n").as_str())
            .unwrap();
        let status = client.read().map_or(400, |response| response.status);
        assert!(matches!(status, 200 | 400 | 404 | 405), "{method} {target}: {status}");
        assert!(listener.accept().is_err(), "{method} {target}: a connection went out");
    }
}
