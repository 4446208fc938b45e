//! Spellings of a path, and of a wish for another protocol, as raw bytes to the real binary.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use byway_testkit::{Fixture, RawResponse, TestServer};

const SLUG: &str = "export const GET = async (_: Request, { params }: any) => Response.json((await params) ?? {})\n";

fn serve(files: &[(&str, &str)]) -> (Fixture, TestServer) {
    Fixture::served(env!("CARGO_BIN_EXE_byway"), files).unwrap()
}

fn get(server: &TestServer, target: &str) -> RawResponse {
    let mut client = server.connect().unwrap();
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
    client.read().unwrap()
}

#[test]
fn p03_every_spelling_of_a_path_is_read_once_and_as_next_reads_it() {
    let (_fixture, server) =
        serve(&[("app/posts/[slug]/route.ts", SLUG), ("app/Posts/new/route.ts", SLUG)]);
    for (target, slug) in [
        ("/posts/a%2Fb", "a/b"),
        ("/posts/a%252Fb", "a%2Fb"),
        ("/posts/%2e%2e%2Fetc", "../etc"),
        ("/posts/a;b=c", "a;b=c"),
        ("/posts/a%5Cb", "a\\b"),
        ("/x/../posts/A%20b", "A b"),
        ("/posts/%C3%A9", "é"),
    ] {
        let response = get(&server, target);
        assert_eq!(response.status, 200, "{target}: {}", server.stderr());
        assert_eq!(response.json()["slug"], slug, "{target}");
    }
    for (target, location) in [
        ("/posts/a/", "/posts/a"),
        ("/posts//a", "/posts/a"),
        ("//posts/a?b=//c", "/posts/a?b=//c"),
        ("/posts\\a", "/posts/a"),
    ] {
        let response = get(&server, target);
        assert_eq!(response.status, 308, "{target}");
        assert_eq!(response.header("location"), Some(location), "{target}");
    }
    for (target, status) in [
        ("/POSTS/a", 404),
        ("/posts/new/x", 404),
        ("/Posts/new", 200),
        ("/posts/%zz", 400),
        ("/posts/%C0%AF", 400),
    ] {
        assert_eq!(get(&server, target).status, status, "{target}");
    }
}

#[test]
fn x07_a_wish_to_upgrade_is_passed_over_and_what_follows_is_the_next_request() {
    let (_fixture, server) = serve(&[
        (
            "app/here/route.ts",
            "export const POST = async (request: Request) => Response.json({\n\
             \x20 upgrade: request.headers.get('upgrade'), body: await request.text(),\n\
             })\n",
        ),
        ("app/next/route.ts", "export const GET = () => new Response('the next one')\n"),
    ]);
    for wish in ["websocket", "h2c", "TLS/1.3"] {
        let mut client = server.connect().unwrap();
        client
            .send(format!(
                "POST /here HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {wish}\r\n\
                 HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nSec-WebSocket-Version: 13\r\nContent-Length: 3\r\n\r\n\
                 abcGET /next HTTP/1.1\r\nHost: a\r\n\r\n"
            ))
            .unwrap();
        let first = client.read().unwrap();
        assert_eq!((first.status, first.header("upgrade")), (200, None), "{wish}");
        assert_eq!(first.json(), serde_json::json!({ "upgrade": null, "body": "abc" }), "{wish}");
        assert_eq!(client.read().unwrap().text(), "the next one", "{wish}");
    }
}
