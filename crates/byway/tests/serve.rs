//! Requests through the real binary and a real worker, for what the recorded cases do not cover.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::time::Duration;

use byway_testkit::{Fixture, Framing, TestServer};

fn serve(files: &[(&str, &str)]) -> (Fixture, TestServer) {
    Fixture::served(env!("CARGO_BIN_EXE_byway"), files).unwrap()
}

#[test]
fn both_dialects_of_params_cookies_and_headers_work() {
    let (_fixture, server) = serve(&[(
        "app/users/[id]/[...rest]/route.ts",
        "import { cookies, headers } from 'next/headers'\n\
         import { NextResponse, type NextRequest } from 'next/server'\n\
         export async function GET(request: NextRequest, { params }: any) {\n\
         \x20 const now = { id: params.id, rest: params.rest, agent: headers().get('user-agent'), c: cookies().get('c')?.value }\n\
         \x20 const p = await params\n\
         \x20 const later = { id: p.id, rest: p.rest, agent: (await headers()).get('user-agent'), c: (await cookies()).get('c')?.value }\n\
         \x20 cookies().set('seen', 'yes', { httpOnly: true })\n\
         \x20 return NextResponse.json({ now, later, query: request.nextUrl.searchParams.get('q'), ip: request.ip })\n\
         }\n",
    )]);
    let headers = [("User-Agent", "curl/8"), ("Cookie", "c=1; d=2")];
    let response = server.request("GET", "/users/a%20b/x/y%2Fz?q=%C3%A9", &headers, "").unwrap();
    assert_eq!(response.status, 200, "{}", server.stderr());
    let json = response.json();
    let expected =
        serde_json::json!({ "id": "a b", "rest": ["x", "y/z"], "agent": "curl/8", "c": "1" });
    assert_eq!((&json["now"], &json["later"]), (&expected, &expected));
    assert_eq!(json["query"], "é");
    assert!(["127.0.0.1", "::1"].contains(&json["ip"].as_str().unwrap()), "{json}");
    assert_eq!(response.header("set-cookie"), Some("seen=yes; Path=/; HttpOnly"));
}

#[test]
fn one_module_is_one_instance_for_all_routes() {
    let route =
        "import { next } from '@/lib/counter'\nexport const GET = () => Response.json(next())\n";
    let (_fixture, server) = serve(&[
        (
            "tsconfig.json",
            r#"{ "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["./*"] } } }"#,
        ),
        ("lib/counter.ts", "let count: number = 0\nexport const next = () => ++count\n"),
        ("app/a/route.ts", route),
        ("app/b/route.ts", route),
    ]);
    let counts: Vec<_> = ["/a", "/b", "/a"].map(|path| server.get(path).unwrap().json()).into();
    assert_eq!(counts, [1, 2, 3]);
}

#[test]
fn packages_are_imported_as_a_bundler_does() {
    let (_fixture, server) = serve(&[
        (
            "node_modules/common/index.js",
            "const api = {}\nfor (const name of ['verify', 'sign']) api[name] = () => name\nmodule.exports = api\n",
        ),
        ("node_modules/common/package.json", r#"{ "name": "common", "version": "1.0.0" }"#),
        ("node_modules/modern/index.js", "export const answer = 42\nexport default 'modern'\n"),
        (
            "node_modules/modern/package.json",
            r#"{ "name": "modern", "version": "1.0.0", "type": "module", "exports": "./index.js" }"#,
        ),
        (
            "app/p/route.ts",
            "import { verify } from 'common'\nimport common from 'common'\nimport modern, { answer } from 'modern'\n\
             import { readFileSync } from 'fs'\nimport data from './data.json'\nimport 'server-only'\n\
             export const GET = () => Response.json([verify(), common.sign(), modern, answer, typeof readFileSync, data])\n",
        ),
        ("app/p/data.json", r#"{ "from": "json" }"#),
    ]);
    let json = server.get("/p").unwrap().json();
    let expected =
        serde_json::json!(["verify", "sign", "modern", 42, "function", { "from": "json" }]);
    assert_eq!(json, expected, "{}", server.stderr());
}

#[test]
fn d03_an_error_is_in_the_log_with_its_source_and_not_in_the_answer() {
    let (_fixture, server) = serve(&[
        (
            "app/boom/[id]/route.ts",
            "interface Unused { a: string }\n\n\
             function deep(): never {\n  throw new Error('secret detail')\n}\n\n\
             export async function GET() {\n  deep()\n}\n",
        ),
        ("app/nothing/route.ts", "export function GET() {}\n"),
        (
            "app/broken/route.ts",
            "throw new Error('cannot load')\nexport const GET = () => new Response('x')\n",
        ),
        ("app/fine/route.ts", "export const GET = () => new Response('fine')\n"),
    ]);
    for path in ["/boom/1", "/nothing", "/broken"] {
        let response = server.get(path).unwrap();
        assert_eq!((response.status, response.text().as_str()), (500, ""), "{path}");
    }
    let wait = |needle| server.wait_for_log(needle, Duration::from_secs(5));
    assert!(wait("secret detail").is_some(), "{}", server.stderr());
    assert!(wait("app/boom/[id]/route.ts:4").is_some(), "{}", server.stderr());
    assert!(wait("No response is returned from route handler").is_some(), "{}", server.stderr());
    assert!(wait("cannot load").is_some(), "{}", server.stderr());
    assert_eq!(server.get("/fine").unwrap().text(), "fine");
}

#[test]
fn each_chunk_of_a_stream_is_flushed_when_it_is_produced() {
    let (_fixture, server) = serve(&[(
        "app/stream/route.ts",
        "export function GET() {\n\
         \x20 const text = new TextEncoder()\n\
         \x20 return new Response(new ReadableStream({\n\
         \x20   async start(controller) {\n\
         \x20     for (const part of ['one', 'two', 'three']) {\n\
         \x20       controller.enqueue(text.encode(part))\n\
         \x20       await new Promise((resolve) => setTimeout(resolve, 100))\n\
         \x20     }\n\
         \x20     controller.close()\n\
         \x20   },\n\
         \x20 }), { headers: { 'Transfer-Encoding': 'chunked', 'X-Kind': 'stream' } })\n\
         }\n",
    )]);
    let response = server.get("/stream").unwrap();
    assert_eq!(response.framing, Framing::Chunked);
    assert_eq!(response.header_all("transfer-encoding").count(), 1);
    let chunks: Vec<_> =
        response.chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.bytes)).collect();
    assert_eq!(chunks, ["one", "two", "three"]);
    let gap = response.chunks[2].after.saturating_sub(response.chunks[0].after);
    assert!(gap > Duration::from_millis(150), "the chunks came together: {gap:?}");
}

#[test]
fn bodies_of_every_kind_and_size_go_both_ways() {
    let (_fixture, server) = serve(&[
        (
            "app/echo/route.ts",
            "export async function POST(request: Request) {\n\
             \x20 return new Response(await request.arrayBuffer(), { headers: { 'content-type': 'application/octet-stream' } })\n\
             }\n\
             export const PUT = (request: Request) => new Response(request.body)\n",
        ),
        (
            "app/form/route.ts",
            "export async function POST(request: Request) {\n\
             \x20 const form = await request.formData()\n\
             \x20 const file = form.get('file') as File\n\
             \x20 return Response.json({ name: file.name, type: file.type, size: file.size, text: await file.text(), plain: form.get('plain') })\n\
             }\n",
        ),
        (
            "app/many/route.ts",
            "export function GET() {\n\
             \x20 const headers = new Headers()\n\
             \x20 headers.append('Set-Cookie', 'a=1')\n\
             \x20 headers.append('Set-Cookie', 'b=2; Path=/x')\n\
             \x20 return new Response(null, { status: 204, headers })\n\
             }\n",
        ),
    ]);
    for length in [0, 1, 65_535, 65_536, 65_537, 300_000, 3_000_000] {
        let body: String = ('a'..='w').cycle().take(length).collect();
        for method in ["POST", "PUT"] {
            let response = server.request(method, "/echo", &[], &body).unwrap();
            assert_eq!(response.status, 200, "{method} {length}: {}", server.stderr());
            assert!(response.complete && response.body == body.as_bytes(), "{method} {length}");
        }
    }
    let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"ä.txt\"\r\n\
                Content-Type: text/csv\r\n\r\na,b\r\n--x\r\n\
                Content-Disposition: form-data; name=\"plain\"\r\n\r\nvalue\r\n--x--\r\n";
    let form = [("Content-Type", "multipart/form-data; boundary=x")];
    let json = server.request("POST", "/form", &form, body).unwrap().json();
    let expected = serde_json::json!(
        { "name": "ä.txt", "type": "text/csv", "size": 3, "text": "a,b", "plain": "value" });
    assert_eq!(json, expected, "{}", server.stderr());
    let response = server.get("/many").unwrap();
    assert_eq!((response.status, response.framing), (204, Framing::None));
    assert_eq!(response.header_all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2; Path=/x"]);
}

#[test]
fn env_files_are_loaded_before_user_code_in_next_order() {
    let (_fixture, server) = serve(&[
        (".env", "A=env\nB=env\nC=env\nD=${A}-expanded\nTAKEN=file\n"),
        (".env.production", "B=production\nC=production\n"),
        (".env.local", "C=local\n"),
        (".env.development", "A=development\n"),
        (
            "app/env/route.ts",
            "const early = process.env.A\n\
             export const GET = () => Response.json([early, process.env.B, process.env.C, process.env.D, process.env.NODE_ENV, process.env.NEXT_RUNTIME])\n",
        ),
    ]);
    let json = server.get("/env").unwrap().json();
    let expected =
        serde_json::json!(["env", "production", "local", "env-expanded", "production", "nodejs"]);
    assert_eq!(json, expected);
}

#[test]
fn l13_a_client_that_leaves_fires_the_signal_and_cancels_the_stream() {
    let (_fixture, server) = serve(&[(
        "app/leave/[how]/route.ts",
        "export async function GET(request: Request, { params }: any) {\n\
         \x20 const { how } = await params\n\
         \x20 request.signal.addEventListener('abort', () => console.error(`aborted ${how} ${request.signal.reason?.name}`))\n\
         \x20 console.error(`running ${how}`)\n\
         \x20 if (how === 'wait') return new Promise<Response>(() => {})\n\
         \x20 return new Response(new ReadableStream({\n\
         \x20   start(controller) { controller.enqueue(new TextEncoder().encode('x')) },\n\
         \x20   cancel() { console.error('stream cancelled') },\n\
         \x20 }))\n\
         }\n",
    )]);
    let wait = |needle: &str| {
        let line = server.wait_for_log(needle, Duration::from_secs(5));
        assert!(line.is_some(), "no `{needle}` in:\n{}", server.stderr());
    };
    for how in ["wait", "stream"] {
        let mut client = server.connect().unwrap();
        client.send(format!("GET /leave/{how} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        wait(&format!("running {how}"));
        drop(client);
        wait(&format!("aborted {how} ResponseAborted"));
    }
    wait("stream cancelled");
}

#[test]
fn r01_stale_framing_headers_of_a_handler_never_reach_the_wire() {
    let (_fixture, server) = serve(&[(
        "app/stale/route.ts",
        "export const GET = () => new Response('exactly this', { headers: {\n\
         \x20 'content-length': '3', 'transfer-encoding': 'gzip', connection: 'upgrade', 'keep-alive': 'timeout=99', 'x-kept': '1' } })\n",
    )]);
    let mut client = server.connect().unwrap();
    client
        .send("GET /stale HTTP/1.1\r\nHost: a\r\n\r\nGET /stale HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    for _ in 0..2 {
        let response = client.read().unwrap();
        assert_eq!(response.text(), "exactly this");
        assert_eq!(response.header("x-kept"), Some("1"));
        for gone in ["keep-alive", "connection"] {
            assert_eq!(response.header(gone), None, "{gone}");
        }
    }
}
