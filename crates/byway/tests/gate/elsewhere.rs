//! Policies hold by path for everything that answers: API routes of `pages/`, the proxy, other servers.

use byway_testkit::TestServer;

use super::{ECHO, serve};

fn status(server: &TestServer, method: &str, path: &str, body: &str) -> u16 {
    server.request(method, path, &[], body).unwrap().status
}

#[test]
fn api_routes_of_pages_are_limited_like_others() {
    let (_fixture, server) = serve(&[
        ("byway.toml", "[[route]]\npath = \"/api/:path*\"\nbody = 10\n"),
        (
            "pages/api/a.ts",
            "export const config = { api: { bodyParser: { sizeLimit: '1kb' } },\n\
             \x20 rateLimit: { limit: 2, window: '1h' } }\n\
             export default (req: any, res: any) => res.json({ body: req.body })\n",
        ),
    ]);
    let first = server.request("POST", "/api/a", &[], "0123456789").unwrap();
    assert_eq!(first.header("ratelimit"), Some("\"default\";r=1;t=7200"));
    assert_eq!((first.status, &first.json()["body"]), (200, &"0123456789".into()));
    assert_eq!(status(&server, "POST", "/api/a", "0123456789x"), 413);
    assert_eq!(status(&server, "GET", "/api/a", ""), 429);
}

#[test]
fn policies_hold_where_the_proxy_answers_or_sends_requests_elsewhere() {
    let (_fixture, server) = serve(&[
        ECHO,
        (
            "byway.toml",
            "[[route]]\npath = \"/own\"\nrate_limit = { limit = 1, window = \"1h\" }\n\
             cors = { origins = [\"https://app.example.com\"] }\n\n\
             [[route]]\npath = \"/moved\"\nrate_limit = { limit = 9, window = \"1h\" }\n\n\
             [[route]]\npath = \"/api/:path*\"\nbody = 10\n",
        ),
        (
            "proxy.ts",
            "import { NextResponse } from 'next/server'\n\
             export function proxy(request: any) {\n\
             \x20 if (request.nextUrl.pathname === '/own') return new Response('own')\n\
             \x20 return NextResponse.rewrite(new URL('/api/echo', request.url))\n\
             }\n\
             export const config = { matcher: ['/own', '/moved'] }\n",
        ),
    ]);
    let origin = [("Origin", "https://app.example.com")];
    let own = server.request("GET", "/own", &origin, "").unwrap();
    assert_eq!((own.status, own.text().as_str()), (200, "own"));
    assert_eq!(own.header("access-control-allow-origin"), Some("https://app.example.com"));
    let refused = server.request("GET", "/own", &origin, "").unwrap();
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://app.example.com"));
    // The limit of the path counts once, although the request is decided about twice.
    let moved = server.request("POST", "/moved", &[], "0123456789").unwrap();
    assert_eq!((moved.status, moved.text().as_str()), (200, "0123456789"));
    assert_eq!(moved.header("ratelimit"), Some("\"default\";r=8;t=7200"));
    // What the rewrite leads to has limits of its own.
    assert_eq!(status(&server, "POST", "/moved", "0123456789x"), 413);
}

#[test]
fn policies_hold_for_external_rewrites_and_upstreams_learn_the_client() {
    let (_other, upstream) = serve(&[ECHO]);
    let config = format!(
        "module.exports = {{ rewrites: async () => [{{ source: '/out/:path*',\n\
         \x20 destination: 'http://127.0.0.1:{}/api/:path*' }}] }}\n",
        upstream.port()
    );
    let (_fixture, server) = serve(&[
        ("app/a/route.ts", "export const GET = () => new Response('a')\n"),
        ("next.config.js", &config),
        (
            "byway.toml",
            "[server]\ntrusted_proxies = [\"127.0.0.1\", \"::1\"]\n\n\
             [[route]]\npath = \"/out/:path*\"\nbody = 10\n\
             rate_limit = { limit = 3, window = \"1h\", key = \"ip\" }\n",
        ),
    ]);
    let forwarded = [
        ("X-Forwarded-For", "6.6.6.6, 203.0.113.9"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "api.example.com"),
    ];
    let answer = server.request("GET", "/out/echo", &forwarded, "").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = &answer.json()["headers"];
    assert_eq!(seen["x-forwarded-for"], "203.0.113.9");
    assert_eq!(seen["x-forwarded-proto"], "https");
    assert_eq!(seen["x-forwarded-host"], "api.example.com");
    // From here on the client is this machine itself.
    assert_eq!(status(&server, "POST", "/out/echo", "0123456789"), 200);
    assert_eq!(status(&server, "POST", "/out/echo", "0123456789x"), 413);
    let mut client = server.connect().unwrap();
    let host = server.authority();
    let chunked = "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n678901\r\n0\r\n\r\n";
    client.send(format!("POST /out/echo HTTP/1.1\r\nHost: {host}\r\n{chunked}")).unwrap();
    assert_eq!(client.read().unwrap().status, 413);
    assert_eq!(status(&server, "POST", "/out/echo", "x"), 429);
}

#[test]
fn next_config_can_switch_compression_off() {
    let (_fixture, server) = serve(&[
        ("app/a/route.ts", "export const GET = () => Response.json({ text: 'x'.repeat(9000) })\n"),
        ("next.config.js", "module.exports = { compress: false }\n"),
    ]);
    let answer = server.request("GET", "/a", &[("Accept-Encoding", "gzip, br")], "").unwrap();
    assert_eq!((answer.header("content-encoding"), answer.header("vary")), (None, None));
}
