//! The images of `app/`: `icon.png`, `opengraph-image.tsx` and the like. What was asked of byway here was asked of
//! Next before, but for what docs/compatibility.md names.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::process::Command;
use std::time::Duration;

use byway_testkit::{Fixture, TestServer, byway_binary};
use serde_json::{Value as Json, json};

const KEPT: &str = "public, max-age=0, must-revalidate";
const FOREVER: &str = "s-maxage=31536000";
const TEXT: &str = "text/plain;charset=UTF-8";

fn serve(files: &[(&str, &str)]) -> (Fixture, TestServer) {
    Fixture::served(env!("CARGO_BIN_EXE_byway"), files).unwrap()
}

/// Status, type, `Cache-Control`, `x-nextjs-cache` and body.
fn answer(server: &TestServer, path: &str) -> (u16, String, String, String, String) {
    let response = server.get(path).unwrap();
    let header = |name| response.header(name).unwrap_or("-").to_owned();
    let (kind, control) = (header("content-type"), header("cache-control"));
    (response.status, kind, control, header("x-nextjs-cache"), response.text())
}

#[track_caller]
fn check(server: &TestServer, path: &str, expect: (u16, &str, &str, &str, &str)) {
    let (status, kind, control, cache, body) = answer(server, path);
    assert_eq!((status, &*kind, &*control, &*cache, &*body), expect, "{path}");
}

#[track_caller]
fn logs(server: &TestServer, line: &str) {
    let found = server.wait_for_log(line, Duration::from_secs(10));
    assert!(found.is_some(), "{}", server.stderr());
}

fn is_missing(server: &TestServer, path: &str) {
    assert_eq!(server.get(path).unwrap().status, 404, "{path}");
}

#[test]
fn files_are_served_at_the_paths_of_next() {
    let (_fixture, server) = serve(&[
        ("next.config.mjs", "export default { basePath: '/base' }\n"),
        ("app/icon.png", "root"),
        ("app/icon2.svg", "<svg/>"),
        ("app/apple-icon.jpg", "jpg"),
        ("app/opengraph-image.gif", "gif"),
        ("app/opengraph-image.alt.txt", "what is to be seen"),
        ("app/twitter-image.jpeg", "jpeg"),
        ("app/d/[slug]/icon.ico", "ico"),
        ("app/(g)/apple-icon1.png", "grouped"),
        ("app/(g)/icn/opengraph-image.png", "deeper"),
        ("app/@slot/par/opengraph-image.png", "parallel"),
        ("app/_private/icon.png", "private"),
    ]);
    for (path, kind, body) in [
        ("/icon.png", "image/png", "root"),
        ("/icon.png?8a5b", "image/png", "root"),
        ("/icon2.svg", "image/svg+xml", "<svg/>"),
        ("/apple-icon.jpg", "image/jpeg", "jpg"),
        ("/opengraph-image.gif", "image/gif", "gif"),
        ("/twitter-image.jpeg", "image/jpeg", "jpeg"),
        ("/apple-icon1-yj9kvg.png", "image/png", "grouped"),
        ("/icn/opengraph-image-1nf4vp.png", "image/png", "deeper"),
        ("/par/opengraph-image-1fcy0e.png", "image/png", "parallel"),
    ] {
        check(&server, &format!("/base{path}"), (200, kind, KEPT, "HIT", body));
        is_missing(&server, path);
    }
    // Next's pages refer to the first of these.
    for slug in ["-", "x", "[slug]"] {
        let path = format!("/base/d/{slug}/icon.ico");
        check(&server, &path, (200, "image/x-icon", KEPT, "-", "ico"));
    }
    for path in ["/icon", "/opengraph-image", "/icn/opengraph-image.png", "/_private/icon.png"] {
        is_missing(&server, &format!("/base{path}"));
    }
    let head = server.request("HEAD", "/base/icon.png", &[], "").unwrap();
    assert_eq!((head.status, head.header("content-type")), (200, Some("image/png")));
    for method in ["POST", "OPTIONS"] {
        let refused = server.request(method, "/base/icon.png", &[], "").unwrap();
        // The first of two lines, the other of which is for HEAD.
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET")), "{method}");
    }
}

#[test]
fn files_that_are_too_large_are_build_errors() {
    const MIB: usize = 1024 * 1024;
    let fixture = Fixture::new::<&str, &str>(&[]).unwrap();
    fixture.write("app/opengraph-image.png", vec![1; 5 * MIB + 1]).unwrap();
    fixture.write("app/twitter-image.png", vec![1; 5 * MIB + 1]).unwrap();
    fixture.write("app/icon.png", vec![1; 8 * MIB + 1]).unwrap();
    let output = fixture.build(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    assert_eq!(output.code(), Some(1));
    assert!(output.stderr.contains("5242881 bytes, and 5242880 are the most"), "{}", output.stderr);
    assert!(output.stderr.contains("8388609 bytes, and 8388608 are the most"), "{}", output.stderr);
    assert_eq!(output.stderr.matches("are the most").count(), 2, "{}", output.stderr);
}

#[test]
fn code_answers_with_what_its_function_returns() {
    let now = "export default () => new Response(String(process.hrtime.bigint()))\n";
    let forced = format!("export const dynamic = 'force-dynamic'\n{now}");
    let (_fixture, server) = serve(&[
        (
            "app/icon.ts",
            "export const size = { width: 32, height: 32 }\n\
             export const contentType = 'image/svg+xml'\n\
             export const alt = 'an icon'\n\
             export default async () => new Response('<svg/>', { headers: { 'content-type': contentType, 'x-a': 'b' } })\n",
        ),
        ("app/(g)/grp/opengraph-image.ts", "export default () => new Response('grp')\n"),
        (
            "app/timed/twitter-image.ts",
            "export const revalidate = 30\nexport default () => new Response('t')\n",
        ),
        ("app/forced/opengraph-image.ts", &forced),
        ("app/once/opengraph-image.ts", now),
        (
            "app/client/opengraph-image.ts",
            "import { headers } from 'next/headers'\n\
             export default async () => new Response((await headers()).get('x-client'))\n",
        ),
        (
            "app/of/[slug]/opengraph-image.ts",
            "export default async ({ params }: { params: Promise<{ slug: string }> }) =>\n\
             \x20 new Response((await params).slug)\n",
        ),
        (
            "app/known/[slug]/opengraph-image.ts",
            "export const generateStaticParams = () => [{ slug: 'one' }]\n\
             export default ({ params }: { params: { slug: string } }) => new Response(params.slug)\n",
        ),
        (
            "app/edge/icon.ts",
            "export const runtime = 'edge'\nexport default () => new Response(process.env.NEXT_RUNTIME)\n",
        ),
        (
            "app/fails/icon.ts",
            "export const dynamic = 'force-dynamic'\nexport default () => { throw new Error('no image') }\n",
        ),
    ]);
    check(&server, "/icon", (200, "image/svg+xml", FOREVER, "HIT", "<svg/>"));
    assert_eq!(server.get("/icon").unwrap().header("x-a"), Some("b"));
    check(&server, "/grp/opengraph-image-1nf4uf", (200, TEXT, FOREVER, "HIT", "grp"));
    let timed = "s-maxage=30, stale-while-revalidate=31535970";
    check(&server, "/timed/twitter-image", (200, TEXT, timed, "HIT", "t"));
    check(&server, "/of/a%20b/opengraph-image", (200, TEXT, "-", "-", "a b"));
    check(&server, "/known/one/opengraph-image", (200, TEXT, FOREVER, "HIT", "one"));
    check(&server, "/known/two/opengraph-image", (200, TEXT, FOREVER, "MISS", "two"));
    check(&server, "/edge/icon", (200, TEXT, "-", "-", "edge"));
    let body = |path: &str| server.get(path).unwrap().text();
    assert_eq!(body("/once/opengraph-image"), body("/once/opengraph-image"));
    assert_ne!(body("/forced/opengraph-image"), body("/forced/opengraph-image"));
    for client in ["ada", "bob"] {
        let headers = [("X-Client", client)];
        let answer = server.request("GET", "/client/opengraph-image", &headers, "").unwrap();
        assert_eq!(answer.text(), client);
    }
    let failed = server.get("/fails/icon").unwrap();
    assert_eq!((failed.status, failed.text()), (500, String::new()));
    logs(&server, "Error: no image");
}

#[test]
fn several_images_of_one_file_have_a_path_each() {
    let (_fixture, server) = serve(&[
        (
            "app/icon.ts",
            "export const generateImageMetadata = () => [{ id: 'small' }, { id: 2 }]\n\
             export default async ({ id }: { id: Promise<string> }) => {\n\
             \x20 return Response.json([await id, `${id}`])\n\
             }\n",
        ),
        (
            "app/of/[slug]/opengraph-image.ts",
            "export async function generateImageMetadata({ params }: { params: { slug: string } }) {\n\
             \x20 return [{ id: params.slug + '-1' }]\n\
             }\n\
             export default async ({ params, id }: { params: Promise<object>; id: Promise<string> }) =>\n\
             \x20 Response.json({ ...(await params), image: await id })\n",
        ),
        (
            "app/bad/icon.ts",
            "export const dynamic = 'force-dynamic'\n\
             export const generateImageMetadata = () => [{}]\n\
             export default () => new Response()\n",
        ),
    ]);
    let json = "application/json";
    check(&server, "/icon/small", (200, json, FOREVER, "HIT", r#"["small","small"]"#));
    check(&server, "/icon/2", (200, json, FOREVER, "HIT", r#"["2","2"]"#));
    check(&server, "/icon/3", (404, TEXT, FOREVER, "MISS", "Not Found"));
    is_missing(&server, "/icon");
    let body = r#"{"slug":"a","image":"a-1"}"#;
    check(&server, "/of/a/opengraph-image/a-1", (200, json, FOREVER, "MISS", body));
    check(&server, "/of/a/opengraph-image/a-1", (200, json, FOREVER, "HIT", body));
    check(&server, "/of/a/opengraph-image/b-1", (404, TEXT, FOREVER, "MISS", "Not Found"));
    assert_eq!(server.get("/bad/icon/x").unwrap().status, 500);
    let why = "every item that generateImageMetadata in app/bad/icon.ts returns needs an id";
    logs(&server, why);
}

#[test]
fn developers_see_the_file_of_this_moment() {
    let fixture = Fixture::new(&[
        ("app/icon.svg", "<svg/>"),
        ("app/opengraph-image.ts", "export default () => new Response('drawn')\n"),
    ])
    .unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    let server = TestServer::launch(binary, fixture.path()).dev().start().unwrap();
    check(&server, "/icon.svg", (200, "image/svg+xml", "no-cache, no-store", "-", "<svg/>"));
    assert_eq!(server.get("/opengraph-image").unwrap().text(), "drawn");
}

#[test]
fn an_image_without_a_library_says_what_to_install() {
    let route = "import { ImageResponse } from 'next/og'\n\
                 export const GET = () => new ImageResponse({ type: 'div', props: {} } as never)\n";
    let former = "import { ImageResponse } from 'next/server'\n\
                  export const GET = () => new ImageResponse({ type: 'div', props: {} } as never)\n";
    let fixture = Fixture::new(&[
        ("app/a/route.ts", route),
        ("app/b/route.ts", former),
        ("app/c/icon.png", "png"),
    ])
    .unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    let built = fixture.build(&binary).unwrap();
    assert_eq!(built.code(), Some(0));
    let warning = "warning: `next/og` needs a library that draws images\n --> app/a/route.ts:1:";
    assert!(built.stderr.contains(warning), "{}", built.stderr);
    let checked =
        Command::new(&binary).arg("check").arg(fixture.path()).arg("--json").output().unwrap();
    let found: Json = serde_json::from_slice(&checked.stdout).unwrap();
    let found: Vec<_> =
        found["findings"].as_array().unwrap().iter().map(|it| &it["message"]).collect();
    assert_eq!(found, [&json!("`next/og` needs a library that draws images")]);

    let server = TestServer::start(binary, fixture.path()).unwrap();
    for path in ["/a", "/b"] {
        assert_eq!(server.get(path).unwrap().status, 500, "{path}");
    }
    for file in ["app/a/route.ts", "app/b/route.ts"] {
        let why = "ImageResponse needs a library that draws images: `npm install @vercel/og`";
        logs(&server, &format!("({file}): Error: {why}"));
    }
}

#[test]
fn the_table_of_routes_has_them() {
    let fixture = Fixture::new(&[
        ("app/(g)/icon.png", "png"),
        ("app/a/opengraph-image.tsx", "export default () => new Response()\n"),
    ])
    .unwrap();
    let output = Command::new(byway_binary(env!("CARGO_BIN_EXE_byway")))
        .arg("routes")
        .arg(fixture.path())
        .arg("--json")
        .output()
        .unwrap();
    let table: Json = serde_json::from_slice(&output.stdout).unwrap();
    let routes: Vec<_> = table["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| (route["path"].clone(), route["kind"].clone(), route["file"].clone()))
        .collect();
    let row = |path: &str, file: &str| (json!(path), json!("file"), json!(file));
    assert_eq!(
        routes,
        [
            row("/a/opengraph-image", "app/a/opengraph-image.tsx"),
            row("/icon-yj9kvg.png", "app/(g)/icon.png"),
        ]
    );
}
