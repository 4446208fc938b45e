use std::time::Duration;

use super::{ECHO, serve, serve_with};

const APP: (&str, &str) = ("Origin", "https://app.example.com");

#[test]
fn x14_preflights_are_answered_without_the_handler() {
    let (_fixture, server) = serve_with(
        "[[route]]\npath = \"/api/:path*\"\nmethods = [\"GET\", \"PUT\"]\n\
         cors = { origins = [\"https://app.example.com\"], credentials = true, max_age = \"10m\" }\n",
    );
    let asks = |origin, method| {
        let headers = [("Origin", origin), ("Access-Control-Request-Method", method)];
        server.request("OPTIONS", "/api/echo", &headers, "").unwrap()
    };
    let allowed = asks("https://app.example.com", "PUT");
    assert_eq!((allowed.status, allowed.text().as_str()), (204, ""));
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(allowed.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(allowed.header("access-control-max-age"), Some("600"));
    for origin in ["null", "https://app.example.com.evil.com", "http://app.example.com"] {
        let refused = asks(origin, "PUT");
        assert_eq!(refused.status, 204);
        assert_eq!(refused.header("access-control-allow-origin"), None, "{origin}");
        assert!(refused.header_all("vary").any(|it| it == "Origin"), "{origin}");
    }
    // The table is not about POST, so a page is told nothing that lets it send one.
    assert_eq!(asks("https://app.example.com", "POST").header("access-control-allow-origin"), None);
    let answer = server.request("GET", "/api/echo", &[APP], "").unwrap();
    assert_eq!(answer.json()["runs"], 1, "no preflight reached the handler");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
}

#[test]
fn x14_a_handlers_own_cors_headers_are_replaced() {
    let (_fixture, server) = serve(&[(
        "app/own/route.ts",
        "export const config = { cors: { origins: ['https://*.example.com'] } }\n\
             export const GET = () => new Response('x', { headers: {\n\
             \x20 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Credentials': 'true', Vary: 'Cookie' } })\n",
    )]);
    let answer = server.request("GET", "/own", &[APP], "").unwrap();
    let origins: Vec<_> = answer.header_all("access-control-allow-origin").collect();
    assert_eq!(origins, ["https://app.example.com"]);
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let vary = answer.header_all("vary").collect::<Vec<_>>().join(", ");
    assert!(vary.contains("Cookie") && vary.contains("Origin"), "{vary}");
    let foreign = server.request("GET", "/own", &[("Origin", "https://evil.com")], "").unwrap();
    assert_eq!(foreign.header("access-control-allow-origin"), None);
}

#[test]
fn a_rate_limit_refuses_in_json_and_says_when_to_come_back() {
    let (_fixture, server) = serve_with(
        "[[route]]\npath = \"/api/:path*\"\n\
         cors = { origins = [\"https://app.example.com\"] }\n\
         rate_limit = { limit = 2, window = \"1h\", key = \"header:x-api-key\", algorithm = \"fixed\" }\n",
    );
    let call = |key| server.request("GET", "/api/echo", &[("X-Api-Key", key), APP], "").unwrap();
    let first = call("a");
    assert_eq!(first.header("ratelimit-policy"), Some("\"default\";q=2;w=3600"));
    assert_eq!(first.header("ratelimit"), Some("\"default\";r=1;t=3600"));
    assert_eq!(call("a").status, 200);
    let refused = call("a");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("content-type"), Some("application/json"));
    assert_eq!(refused.json()["error"], "rate_limited");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    // A page can read why it was refused.
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://app.example.com"));
    let other = call("b");
    assert_eq!((other.status, &other.json()["runs"]), (200, &3.into()));
}

#[test]
fn the_most_specific_setting_wins() {
    let (_fixture, server) = serve(&[
        ECHO,
        (
            "byway.toml",
            "[limits]\nbody = \"1kb\"\n\n[[route]]\npath = \"/api/echo\"\nbody = 20\n\n\
             [[route]]\npath = \"/:path*\"\nbody = 10\n",
        ),
        (
            "app/api/own/route.ts",
            "export const config = { body: 30 }\n\
             export const POST = async (request: Request) => new Response(await request.text())\n",
        ),
        (
            "app/api/other/route.ts",
            "export const POST = async (request: Request) => new Response(await request.text())\n",
        ),
    ]);
    for (path, limit) in [("/api/echo", 20), ("/api/own", 30), ("/api/other", 10)] {
        let send = |length| server.request("POST", path, &[], &"x".repeat(length)).unwrap().status;
        assert_eq!((send(limit), send(limit + 1)), (200, 413), "{path}");
    }
}

#[test]
fn x08_requests_of_foreign_pages_change_nothing() {
    let (_fixture, server) = serve_with("[[route]]\npath = \"/:path*\"\ncsrf = true\n");
    let own = format!("http://{}", server.authority());
    let post =
        |headers: &[(&str, &str)]| server.request("POST", "/api/echo", headers, "x").unwrap();
    assert_eq!(post(&[]).status, 200);
    assert_eq!(post(&[("Origin", &own)]).status, 200);
    for origin in ["null", "https://evil.com", "http://localhost.evil.com"] {
        let refused = post(&[("Origin", origin)]);
        assert_eq!(
            (refused.status, refused.json()["error"].as_str()),
            (403, Some("cross_site_request"))
        );
    }
    let cross = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.com")];
    assert_eq!(post(&cross).status, 403);
    let read = server.request("GET", "/api/echo", &cross, "").unwrap();
    assert_eq!((read.status, &read.json()["runs"]), (200, &3.into()));
}

#[test]
fn the_preset_of_security_headers_leaves_the_handlers_own() {
    let (_fixture, server) = serve(&[
        ("byway.toml", "[[route]]\npath = \"/:path*\"\nsecurity_headers = true\n"),
        (
            "app/a/route.ts",
            "export const GET = () => new Response('x', { headers: { 'X-Frame-Options': 'SAMEORIGIN' } })\n",
        ),
    ]);
    let answer = server.get("/a").unwrap();
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"));
    assert_eq!(answer.header("strict-transport-security"), None, "this is no https");
    let https = server.request("GET", "/a", &[("X-Forwarded-Proto", "https")], "").unwrap();
    assert!(https.header("strict-transport-security").unwrap().starts_with("max-age=31536000"));
}

#[test]
fn l12_more_requests_at_once_than_allowed_are_told_to_come_back() {
    let (_fixture, server) = serve(&[(
        "app/slow/route.ts",
        "export const config = { concurrency: 1 }\n\
         const gate: (() => void)[] = []\n\
         export const GET = () => new Promise<Response>((resolve) => {\n\
         \x20 gate.push(() => resolve(new Response('done')))\n\
         \x20 console.log('waiting')\n\
         })\n\
         export const POST = () => { gate.pop()?.(); return new Response('opened') }\n",
    )]);
    let mut slow = server.connect().unwrap();
    slow.send(format!("GET /slow HTTP/1.1\r\nHost: {}\r\n\r\n", server.authority())).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    // The place is taken before the handler runs; until then the second request would be the first.
    loop {
        let second = server.request("GET", "/slow", &[("X-Probe", "1")], "");
        let Ok(second) = second else { continue };
        if second.status == 503 {
            assert_eq!(second.header("retry-after"), Some("1"));
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{}", second.status);
    }
}

#[test]
fn a_timeout_of_a_route_goes_before_max_duration() {
    let (_fixture, server) = serve(&[(
        "app/slow/route.ts",
        "export const maxDuration = 60\nexport const config = { timeout: '200ms' }\n\
         export const GET = (request: Request) => new Promise(() => {\n\
         \x20 request.signal.addEventListener('abort', () => console.log('aborted in time'))\n\
         })\n",
    )]);
    assert_eq!(server.get("/slow").unwrap().status, 504);
}

#[test]
fn a_mistake_in_a_route_file_stops_the_build_and_shows_its_line() {
    let fixture = byway_testkit::Fixture::new(&[(
        "app/a/route.ts",
        "export const config = {\n  cors: { origins: ['*'], credentials: true },\n}\n\
         export const GET = () => new Response('x')\n",
    )])
    .unwrap();
    let built = fixture.build(byway_testkit::byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    assert_eq!(built.code(), Some(1));
    assert!(
        built.stderr.contains("`credentials` cannot go with the origin `*`"),
        "{}",
        built.stderr
    );
    assert!(built.stderr.contains("app/a/route.ts:2:20"), "{}", built.stderr);
}

#[test]
fn policies_are_in_force_where_no_handler_is() {
    let (_fixture, server) = serve(&[
        ECHO,
        ("public/font.txt", "a font"),
        ("app/page.tsx", "export default () => null"),
        (
            "next.config.mjs",
            "export default { redirects: async () => [{ source: '/old', destination: '/new', permanent: false }] }",
        ),
        (
            "byway.toml",
            "[server]\nrequest_id = true\n\n[[route]]\npath = \"/:path*\"\nsecurity_headers = true\n\
             cors = { origins = [\"https://app.example.com\"] }\n\
             rate_limit = { limit = 2, window = \"1h\", key = [\"query:k\"] }\n",
        ),
    ]);
    for (path, status) in [("/font.txt", 200), ("/missing", 404), ("/old", 307), ("/", 501)] {
        let target = format!("{path}?k={status}");
        let ask = |method| server.request(method, &target, &[APP], "").unwrap();
        let first = ask("GET");
        assert_eq!(first.status, status, "{path}");
        assert_eq!(first.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(
            first.header("access-control-allow-origin"),
            Some("https://app.example.com"),
            "{path}"
        );
        assert!(first.header("x-request-id").is_some(), "{path}");
        assert!(first.header("ratelimit").unwrap().contains("r=1"), "{path}");
        assert_eq!((ask("GET").status, ask("GET").status), (status, 429), "{path}");
        let preflight = [APP, ("Access-Control-Request-Method", "GET")];
        let preflight = server.request("OPTIONS", path, &preflight, "").unwrap();
        assert_eq!(preflight.status, 204, "{path}");
        assert!(preflight.header("access-control-allow-origin").is_some(), "{path}");
    }
}
