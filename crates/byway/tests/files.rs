//! Files of `public/`, pages and inlined variables through the real server, with raw bytes where a client
//! would not send them.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use byway_testkit::{BuildOutput, Fixture, Framing, TestServer, byway_binary};

const BINARY: &str = env!("CARGO_BIN_EXE_byway");
const TEXT: &str = "hello from public\n";
const ROUTE: (&str, &str) =
    ("app/api/route.ts", "export const GET = () => new Response('from the handler')\n");
/// Mon, 06 May 2024 07:08:09.123 GMT
const MODIFIED: Duration = Duration::from_millis(1_714_979_289_123);
const TWO_MINUTES_BEFORE: Duration = Duration::from_millis(1_714_979_169_123);
const TAG: &str = "W/\"12-18f4cbb3823\"";

fn set_modified(fixture: &Fixture, file: &str, since_1970: Duration) {
    let file = File::options().write(true).open(fixture.path().join(file)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + since_1970).unwrap();
}

fn project(files: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::new(files).unwrap();
    fixture.write(ROUTE.0, ROUTE.1).unwrap();
    fixture
}

fn build(files: &[(&str, &str)]) -> BuildOutput {
    project(files).build(byway_binary(BINARY)).unwrap()
}

fn hello() -> (Fixture, TestServer) {
    let fixture = project(&[("public/hello.txt", TEXT)]);
    set_modified(&fixture, "public/hello.txt", MODIFIED);
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    (fixture, server)
}

#[test]
fn a_file_is_answered_as_next_answers_it() {
    let (_fixture, server) = hello();
    for method in ["GET", "HEAD"] {
        let answer = server.request(method, "/hello.txt?x=1", &[], "").unwrap();
        assert_eq!((answer.status, answer.reason.as_str()), (200, "OK"));
        for (name, value) in [
            ("accept-ranges", "bytes"),
            ("cache-control", "public, max-age=0"),
            ("last-modified", "Mon, 06 May 2024 07:08:09 GMT"),
            ("etag", TAG),
            ("content-type", "text/plain; charset=UTF-8"),
            ("content-length", "18"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{method} {name}");
        }
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.text(), if method == "GET" { TEXT } else { "" });
    }
    let fresh = server.request("GET", "/hello.txt", &[("If-None-Match", TAG)], "").unwrap();
    assert_eq!((fresh.status, fresh.framing), (304, Framing::None));
    assert_eq!((fresh.header("etag"), fresh.header("content-type")), (Some(TAG), None));
    let failed = server.request("GET", "/hello.txt", &[("If-Match", "\"x\"")], "").unwrap();
    assert_eq!(failed.status, 412);
    for method in ["POST", "PUT", "DELETE", "PATCH", "PURGE"] {
        let refused = server.request(method, "/hello.txt", &[], "").unwrap();
        assert_eq!(refused.status, 405, "{method}");
        assert_eq!(refused.header_all("allow").collect::<Vec<_>>(), ["GET", "HEAD"]);
        assert_eq!(refused.header("content-type"), Some("text/html; charset=utf-8"));
    }
    assert_eq!(server.request("OPTIONS", "/hello.txt", &[], "").unwrap().status, 204);
    assert_eq!(server.get("/api").unwrap().text(), "from the handler");
}

#[test]
fn ranges_of_a_file() {
    let (_fixture, server) = hello();
    let range = |value: &str| server.request("GET", "/hello.txt", &[("Range", value)], "").unwrap();
    for (value, part, body) in [
        ("bytes=0-4", "bytes 0-4/18", "hello"),
        ("bytes=-4", "bytes 14-17/18", "lic\n"),
        ("bytes=5-", "bytes 5-17/18", " from public\n"),
        ("bytes=3-9,0-5", "bytes 0-9/18", "hello from"),
        ("bytes=0-18446744073709551616", "bytes 0-17/18", TEXT),
    ] {
        let answer = range(value);
        assert_eq!((answer.status, answer.text().as_str()), (206, body), "{value}");
        assert_eq!(answer.header("content-range"), Some(part), "{value}");
        assert_eq!(answer.header("etag"), Some(TAG));
    }
    for value in ["bytes=18-", "bytes=4-2", "bytes=x", "bytes=-0"] {
        let answer = range(value);
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */18")));
    }
    // Neither many parts nor thousands of ranges make an answer larger than the file.
    let thousands = format!("bytes={}", vec!["0-"; 4000].join(","));
    let scattered = (0..9).map(|at| format!("{0}-{0}", at * 2)).collect::<Vec<_>>().join(",");
    for value in [&thousands, "bytes=0-0,5-6", &format!("bytes={scattered}"), "items=0-4"] {
        let answer = range(value);
        assert_eq!((answer.status, answer.text().as_str()), (200, TEXT), "{value:.40}");
    }
    let stale = [("Range", "bytes=0-4"), ("If-Range", "\"other\"")];
    assert_eq!(server.request("GET", "/hello.txt", &stale, "").unwrap().status, 200);
}

#[test]
fn names_in_every_spelling_that_next_knows() {
    let names = ["with space.txt", "ünï.txt", "100%.txt", "[x].txt", "a+b@c,d;e.txt", "a#b?.txt"];
    let files: Vec<(String, &str)> =
        names.iter().map(|name| (format!("public/{name}"), *name)).collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let fixture = project(&files);
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    for (path, text) in [
        ("/with%20space.txt", "with space.txt"),
        ("/%C3%BCn%C3%AF.txt", "ünï.txt"),
        ("/100%25.txt", "100%.txt"),
        ("/[x].txt", "[x].txt"),
        ("/%5Bx%5D.txt", "[x].txt"),
        ("/a+b@c,d;e.txt", "a+b@c,d;e.txt"),
        ("/a%2Bb%40c%2Cd%3Be.txt", "a+b@c,d;e.txt"),
        ("/a%23b%3F.txt", "a#b?.txt"),
    ] {
        let answer = server.get(path).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, text), "{path}");
    }
}

/// Targets that must not lead to a file.
#[rustfmt::skip]
const ATTACKS: [&str; 41] = [
    "/../.env", "/../../.env", "/%2e%2e/.env", "/%2e%2e%2f.env", "/..%2f.env", "/..%5c.env",
    "/.%2e/.env", "/%252e%252e%252f.env", "/dir/..%2f..%2f.env", "/..;/.env", "/.env", "/%2eenv",
    "/public/../.env", "/.hidden", "/hello.txt%00", "/hello.txt%00.png", "/%00", "/dir%2Fin.txt",
    "/dir%5Cin.txt", "/hello.txt.", "/hello.txt::$DATA", "/CON", "/C:/outside.txt",
    "//?/C:/outside.txt", "/link.txt", "/up/.env", "/up/outside.txt", "/proc/environ", "/pipe",
    "/dir", "/.byway/manifest.json", "/app/api/route.ts", "/hell%6F.txt", "/%c0%ae%c0%ae/.env",
    "/%e0%80%ae%e0%80%ae/.env", "/hello.txt%", "/hello.txt%2", "/HELLO.txt", "http://a/../.env",
    "/./././.env", "/dir/../../../../../.env",
];

#[test]
fn p02_p04_p05_nothing_outside_of_public_is_served() {
    let fixture = project(&[
        ("public/hello.txt", TEXT),
        ("public/dir/in.txt", "in"),
        ("public/.hidden", "hidden"),
        ("public/.well-known/x.json", "{}"),
        (".env", "SECRET=secret-value\n"),
        ("outside.txt", "outside"),
    ]);
    let public = fixture.path().join("public");
    symlink("../outside.txt", public.join("link.txt")).unwrap();
    symlink("..", public.join("up")).unwrap();
    symlink("/proc/self", public.join("proc")).unwrap();
    symlink("dir/in.txt", public.join("inside.txt")).unwrap();
    assert!(
        std::process::Command::new("mkfifo").arg(public.join("pipe")).status().unwrap().success()
    );
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    let target = |target: &[u8]| {
        let mut client = server.connect().unwrap();
        let head = [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat();
        client.send(head).unwrap();
        client.read().unwrap()
    };
    for attack in ATTACKS {
        let answer = target(attack.as_bytes());
        assert!(matches!(answer.status, 308 | 400 | 404), "{attack}: {}", answer.status);
        let text = answer.text();
        for secret in ["secret-value", "outside", "hidden", TEXT] {
            assert!(answer.status == 308 || !text.contains(secret), "{attack}: {text}");
        }
    }
    for raw in [&b"/hello.txt\0"[..], b"/hello\xFF.txt", b"/hello.txt\t", b"/\x80"] {
        let status = target(raw).status;
        assert_eq!(status, 400, "{raw:?}");
    }
    for (path, text) in [
        ("/hello.txt", TEXT),
        ("/dir/../hello.txt", TEXT),
        ("/inside.txt", "in"),
        ("/.well-known/x.json", "{}"),
    ] {
        assert_eq!(target(path.as_bytes()).text(), text, "{path}");
    }
}

#[test]
fn p04_a_link_that_appears_later_leads_nowhere() {
    let (fixture, server) = hello();
    fixture.write("outside.txt", "outside").unwrap();
    fixture.remove("public/hello.txt").unwrap();
    symlink("../outside.txt", fixture.path().join("public/hello.txt")).unwrap();
    assert_eq!(server.get("/hello.txt").unwrap().status, 404);
}

#[test]
fn a_file_that_changes_is_read_anew_and_one_that_is_new_is_not_served() {
    let (fixture, server) = hello();
    let first = server.get("/hello.txt").unwrap();
    fixture.write("public/hello.txt", "changed").unwrap();
    fixture.write("public/new.txt", "new").unwrap();
    let changed = || server.get("/hello.txt").unwrap();
    let begun = std::time::Instant::now();
    let second = loop {
        let answer = changed();
        if answer.text() != TEXT || begun.elapsed() > Duration::from_secs(5) {
            break answer;
        }
    };
    assert_eq!(second.text(), "changed");
    assert_ne!(first.header("etag"), second.header("etag"));
    assert_eq!(server.get("/new.txt").unwrap().status, 404);
    fixture.remove("public/hello.txt").unwrap();
    let begun = std::time::Instant::now();
    while changed().status == 200 && begun.elapsed() < Duration::from_secs(5) {}
    assert_eq!(changed().status, 404);
    assert_eq!(server.get("/api").unwrap().status, 200);
}

#[test]
fn large_files_are_streamed() {
    const BLOCK: usize = 1 << 20;
    const BLOCKS: usize = 48;
    let fixture = project(&[("public/small", "")]);
    let mut file = File::create(fixture.path().join("public/large.bin")).unwrap();
    for block in 0..BLOCKS {
        file.write_all(&vec![block as u8; BLOCK]).unwrap();
    }
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    let head = server.request("HEAD", "/large.bin", &[], "").unwrap();
    assert_eq!(head.header("content-length"), Some((BLOCKS * BLOCK).to_string().as_str()));
    let whole = server.get("/large.bin").unwrap();
    assert!(whole.complete && whole.body.len() == BLOCKS * BLOCK);
    assert!(
        whole
            .body
            .chunks(BLOCK)
            .enumerate()
            .all(|(at, block)| block.iter().all(|b| *b == at as u8))
    );
    let range = [("Range", "bytes=3145727-3145728")];
    let part = server.request("GET", "/large.bin", &range, "").unwrap();
    assert_eq!((part.status, part.body.as_slice()), (206, &[2, 3][..]));
    assert_eq!(part.header("content-range"), Some("bytes 3145727-3145728/50331648"));
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_breaks_the_answer_off_visibly() {
    let fixture = project(&[("public/small", "")]);
    let path = fixture.path().join("public/large.bin");
    fs::write(&path, vec![7; 64 << 20]).unwrap();
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    let mut client = server.connect().unwrap();
    client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let head = client.read_head().unwrap();
    assert_eq!(head.header("content-length"), Some("67108864"));
    fs::write(&path, "short").unwrap();
    let begun = client.read();
    assert!(!begun.is_ok_and(|answer| answer.complete), "a part looks like the whole file");
    let line = server.wait_for_log("its file could not be read", Duration::from_secs(5));
    assert!(line.is_some(), "{}", server.stderr());
}

#[test]
fn compressed_copies_are_sent_to_those_who_take_them() {
    let fixture = project(&[
        ("public/a.css", "body { color: red }"),
        ("public/a.css.br", "brotli"),
        ("public/a.css.gz", "gzip"),
        ("public/stale.js", "new"),
        ("public/stale.js.gz", "old"),
        ("public/plain.css", "p {}"),
    ]);
    for file in ["a.css", "a.css.br", "a.css.gz", "stale.js"] {
        set_modified(&fixture, &format!("public/{file}"), MODIFIED);
    }
    set_modified(&fixture, "public/stale.js.gz", TWO_MINUTES_BEFORE);
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    let get = |path: &str, accept: &str| {
        server.request("GET", path, &[("Accept-Encoding", accept)], "").unwrap()
    };
    for (accept, encoding, body) in [
        ("gzip, deflate, br", Some("br"), "brotli"),
        ("gzip", Some("gzip"), "gzip"),
        ("br;q=0, gzip;q=0.1", Some("gzip"), "gzip"),
        ("zstd", None, "body { color: red }"),
        ("identity", None, "body { color: red }"),
    ] {
        let answer = get("/a.css", accept);
        assert_eq!((answer.header("content-encoding"), answer.text().as_str()), (encoding, body));
        assert_eq!(answer.header("content-type"), Some("text/css; charset=UTF-8"), "{accept}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{accept}");
        let tag = answer.header("etag").unwrap();
        let fresh = [("Accept-Encoding", accept), ("If-None-Match", tag)];
        let fresh = server.request("GET", "/a.css", &fresh, "").unwrap();
        assert_eq!((fresh.status, fresh.header("vary")), (304, Some("accept-encoding")));
    }
    // Parts are those of the file itself.
    let part = [("Accept-Encoding", "br"), ("Range", "bytes=0-3")];
    let part = server.request("GET", "/a.css", &part, "").unwrap();
    assert_eq!((part.text().as_str(), part.header("content-encoding")), ("body", None));
    assert_eq!(get("/stale.js", "gzip").text(), "new");
    assert_eq!(get("/plain.css", "gzip").header("vary"), Some("Accept-Encoding"));
    // The copy itself is a file too.
    let copy = get("/a.css.gz", "gzip");
    assert_eq!(
        (copy.header("content-type"), copy.header("content-encoding")),
        (Some("application/gzip"), None)
    );
}

#[test]
fn a_file_hides_an_app_route_and_is_refused_beside_a_pages_route() {
    let hidden = build(&[("public/api", "file")]);
    assert_eq!(hidden.code(), Some(0), "{}", hidden.stderr);
    assert!(
        hidden.stderr.contains(
            "warning: `public/api` hides this file: both serve `/api`\n --> app/api/route.ts\nhint: "
        ),
        "{}",
        hidden.stderr
    );
    let refused = build(&[
        ("public/api/hello", "file"),
        ("pages/api/hello.ts", "export default function handler() {}\n"),
    ]);
    assert_eq!(refused.code(), Some(1), "{}", refused.stderr);
    let message = "error: `public/api/hello` and this file both serve `/api/hello`\n --> pages/api/hello.ts\n";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
    let reserved = build(&[("public/_next/x.txt", "")]);
    assert_eq!(reserved.code(), Some(1), "{}", reserved.stderr);
    assert!(reserved.stderr.contains(" --> public/_next\n"), "{}", reserved.stderr);
}

#[test]
fn a_link_out_of_public_and_the_old_static_folder_are_named_at_build() {
    let fixture = project(&[("public/a.txt", ""), ("static/b.txt", ""), ("outside.txt", "")]);
    symlink("../outside.txt", fixture.path().join("public/link.txt")).unwrap();
    let built = fixture.build(byway_binary(BINARY)).unwrap();
    assert_eq!(built.code(), Some(0), "{}", built.stderr);
    for named in [" --> public/link.txt\n", " --> static/\n"] {
        assert!(built.stderr.contains(named), "{}", built.stderr);
    }
}

#[test]
fn pages_say_that_they_are_not_rendered_here() {
    let fixture = project(&[
        ("app/page.tsx", "export default function Page() { return null }\n"),
        ("app/docs/[slug]/page.tsx", "export default function Page() { return null }\n"),
        ("app/docs/[slug]/raw/route.ts", "export const GET = () => new Response('raw')\n"),
        ("app/api/[id]/route.ts", "export const GET = () => new Response('any')\n"),
        ("app/api/help/page.tsx", "export default function Page() { return null }\n"),
        ("pages/about/index.tsx", "export default function Page() { return null }\n"),
        ("pages/_app.tsx", "export default function App() { return null }\n"),
        ("pages/404.tsx", "export default function NotFound() { return null }\n"),
    ]);
    let built = fixture.build(byway_binary(BINARY)).unwrap();
    assert!(
        built.stderr.contains("4 pages not rendered, `byway check` says why"),
        "{}",
        built.stderr
    );
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    for path in ["/", "/docs/x", "/api/help", "/about"] {
        for method in ["GET", "POST"] {
            let answer = server.request(method, path, &[], "").unwrap();
            assert_eq!(answer.status, 501, "{method} {path}");
            assert!(
                answer.text().contains("a page of the project that is not rendered here"),
                "{}",
                answer.text()
            );
            assert!(answer.header("cache-control").unwrap().contains("no-store"));
            assert!(!answer.text().contains("page.tsx"), "a client learns no file names");
        }
    }
    assert_eq!(server.get("/docs/x/raw").unwrap().text(), "raw");
    assert_eq!(server.get("/api/1").unwrap().text(), "any");
    for path in ["/nope", "/_app", "/404", "/docs", "/api/x/y"] {
        let answer = server.get(path).unwrap();
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
    }
    let chunk = server.get("/_next/static/chunks/x.js").unwrap();
    assert_eq!((chunk.status, chunk.text().as_str()), (404, "Not Found"));
}

#[test]
fn public_variables_are_those_of_the_build_and_others_of_the_start() {
    let fixture = project(&[
        (
            ".env",
            "NEXT_PUBLIC_A=env\nNEXT_PUBLIC_B=env\nPRIVATE=env\nNEXT_PUBLIC_Q='say \"hi\"\\n'\n",
        ),
        (".env.production", "NEXT_PUBLIC_B=production\n"),
        (
            "app/env/route.ts",
            "const name = 'NEXT_PUBLIC_A'\n\
             export const GET = () => Response.json([process.env.NEXT_PUBLIC_A, process.env.NEXT_PUBLIC_B,\n\
             \x20 process.env[name], process.env.PRIVATE, process.env.NEXT_PUBLIC_NONE, process.env.NEXT_PUBLIC_Q,\n\
             \x20 process.env.NODE_ENV])\n",
        ),
        (
            "app/edge/route.ts",
            "export const runtime = 'edge'\n\
             export const GET = () => Response.json([process.env.NEXT_RUNTIME, process.env.NEXT_PUBLIC_A])\n",
        ),
    ]);
    let built = fixture.build(byway_binary(BINARY)).unwrap();
    assert_eq!(built.code(), Some(0), "{}", built.stderr);
    fixture.write(".env", "NEXT_PUBLIC_A=later\nPRIVATE=later\n").unwrap();
    let server = TestServer::start(byway_binary(BINARY), fixture.path()).unwrap();
    let expected = serde_json::json!([
        "env",
        "production",
        "later",
        "later",
        null,
        "say \"hi\"\\n",
        "production"
    ]);
    assert_eq!(server.get("/env").unwrap().json(), expected);
    assert_eq!(server.get("/edge").unwrap().json(), serde_json::json!(["edge", "env"]));
}
