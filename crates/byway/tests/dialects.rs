//! Handlers as teams have written them since Next 13, faults included: what works works, and what is
//! wrong is that one route's error.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use byway_testkit::{Fixture, Framing, TestServer};
use serde_json::json;

fn serve(files: &[(&str, &str)]) -> (Fixture, TestServer) {
    Fixture::served(env!("CARGO_BIN_EXE_byway"), files).unwrap()
}

#[test]
fn params_without_await_in_every_spelling() {
    let (_fixture, server) = serve(&[(
        "app/contracts/[id]/route.ts",
        "interface RouteContext { params: { id: string } }\n\
         export async function GET(request: Request, context: RouteContext) {\n\
         \x20 return Response.json({ id: context.params.id })\n\
         }\n\
         export async function PATCH(_: Request, { params }: { params: { id: string } }) {\n\
         \x20 return Response.json({ id: params.id, copy: { ...params }, keys: Object.keys(params) })\n\
         }\n\
         export async function DELETE(_: Request, { params: { id } }: { params: { id: string } }) {\n\
         \x20 return new Response(null, { status: id === 'a/b' ? 204 : 404 })\n\
         }\n",
    )]);
    assert_eq!(server.get("/contracts/c%C3%A9").unwrap().json(), json!({ "id": "cé" }));
    let patched = server.request("PATCH", "/contracts/7", &[], "{}").unwrap().json();
    assert_eq!(patched, json!({ "id": "7", "copy": { "id": "7" }, "keys": ["id"] }));
    assert_eq!(server.request("DELETE", "/contracts/a%2Fb", &[], "").unwrap().status, 204);
}

#[test]
fn headers_and_cookies_without_await() {
    let (_fixture, server) = serve(&[(
        "app/session/route.ts",
        "import { cookies, headers } from 'next/headers'\n\
         export async function GET() {\n\
         \x20 const store = cookies()\n\
         \x20 return Response.json({ token: store.get('token'), signature: headers().get('x-signature') })\n\
         }\n\
         export async function POST() {\n\
         \x20 cookies().set('token', 'abc', { httpOnly: true, maxAge: 60, sameSite: 'lax' })\n\
         \x20 return Response.json({ ok: true })\n\
         }\n",
    )]);
    let headers = [("Cookie", "token=t1"), ("X-Signature", "sig")];
    let answer = server.request("GET", "/session", &headers, "").unwrap().json();
    // The store of a handler can be written to, so that its cookies have a path, as under Next.
    let token = json!({ "name": "token", "value": "t1", "path": "/" });
    assert_eq!(answer, json!({ "token": token, "signature": "sig" }));
    let cookie = server.request("POST", "/session", &[], "").unwrap();
    let cookie = cookie.header("set-cookie").unwrap();
    assert!(cookie.starts_with("token=abc; Path=/; Expires="), "{cookie}");
    assert!(cookie.ends_with("Max-Age=60; HttpOnly; SameSite=lax"), "{cookie}");
}

#[test]
fn faults_of_one_route_are_that_routes_500() {
    let (_fixture, server) = serve(&[
        ("app/undeclared/route.ts", "export const GET = () => NextResponse.json({ a: 1 })\n"),
        (
            "app/twice/route.ts",
            "export async function POST(request: Request) {\n\
             \x20 const text = await request.text()\n\
             \x20 return Response.json([text, await request.json()])\n\
             }\n",
        ),
        (
            "app/no-content/route.ts",
            "import { NextResponse } from 'next/server'\n\
             export const DELETE = () => NextResponse.json({ success: true }, { status: 204 })\n",
        ),
        ("lib/tools.ts", "export const one = () => 1\n"),
        (
            "app/missing/route.ts",
            "import { one, two } from '@/lib/tools'\n\
             export const GET = () => Response.json([one(), two()])\n",
        ),
        ("tsconfig.json", r#"{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }"#),
        (
            "app/bad-json/route.ts",
            "export async function POST(r: Request) { return Response.json(await r.json()) }\n",
        ),
        ("app/fine/route.ts", "export const GET = () => new Response('fine')\n"),
    ]);
    for (method, path) in [
        ("GET", "/undeclared"),
        ("POST", "/twice"),
        ("DELETE", "/no-content"),
        ("GET", "/missing"),
        ("POST", "/bad-json"),
    ] {
        let answer =
            server.request(method, path, &[], if method == "POST" { "{" } else { "" }).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (500, ""), "{method} {path}");
    }
    assert_eq!(server.get("/fine").unwrap().text(), "fine");
}

#[test]
fn a_rate_limit_in_a_module_counts_every_request_and_knows_the_client() {
    let limit = "const hits = new Map<string, number>()\n\
                 export function allowed(key: string, limit: number) {\n\
                 \x20 const count = (hits.get(key) ?? 0) + 1\n\
                 \x20 hits.set(key, count)\n\
                 \x20 return count <= limit\n\
                 }\n";
    let route = "import { NextResponse, type NextRequest } from 'next/server'\n\
                 import { allowed } from '../../lib/limit'\n\
                 export function GET(request: NextRequest) {\n\
                 \x20 const ip = request.ip || 'unknown'\n\
                 \x20 if (!allowed(ip, 3)) return NextResponse.json({ error: 'Too many requests' }, { status: 429 })\n\
                 \x20 return NextResponse.json({ ip })\n\
                 }\n";
    let (_fixture, server) =
        serve(&[("lib/limit.ts", limit), ("app/a/route.ts", route), ("app/b/route.ts", route)]);
    let first = server.get("/a").unwrap();
    assert_ne!(first.json()["ip"], "unknown");
    let statuses: Vec<u16> =
        ["/b", "/a", "/b", "/a"].iter().map(|path| server.get(path).unwrap().status).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[test]
fn downloads_uploads_and_streams_keep_their_framing() {
    let (fixture, server) = serve(&[
        (
            "app/file/route.ts",
            "import { writeFile, mkdir } from 'fs/promises'\n\
             import path from 'path'\n\
             export const GET = () => new Response(Buffer.from([0, 255, 13, 10]), { headers: {\n\
             \x20 'Content-Type': 'application/pdf', 'Content-Disposition': 'attachment; filename=\"a.pdf\"' } })\n\
             export async function POST(request: Request) {\n\
             \x20 const file = (await request.formData()).get('file') as File\n\
             \x20 if (file.size > 10) return Response.json({ error: 'too large' }, { status: 400 })\n\
             \x20 await mkdir(path.join(process.cwd(), 'uploads'), { recursive: true })\n\
             \x20 await writeFile(path.join(process.cwd(), 'uploads', 'up.txt'), Buffer.from(await file.arrayBuffer()))\n\
             \x20 return Response.json({ type: file.type }, { status: 201, headers: { Location: '/file' } })\n\
             }\n",
        ),
        (
            "app/cached/route.ts",
            "export const GET = () => Response.json({ a: 1 }, { headers: {\n\
             \x20 'Cache-Control': 'public, s-maxage=60, stale-while-revalidate=300' } })\n",
        ),
        (
            "app/go/route.ts",
            "import { NextResponse, type NextRequest } from 'next/server'\n\
             export const POST = (request: NextRequest) => NextResponse.redirect(new URL('/login', request.url), 303)\n",
        ),
    ]);
    let file = server.get("/file").unwrap();
    assert_eq!((file.body.as_slice(), file.framing), (&[0, 255, 13, 10][..], Framing::Length));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"a.pdf\""));
    let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\
                Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";
    let form = [("Content-Type", "multipart/form-data; boundary=b")];
    let stored = server.request("POST", "/file", &form, body).unwrap();
    assert_eq!((stored.status, stored.header("location")), (201, Some("/file")));
    assert_eq!(fixture.read("uploads/up.txt").unwrap(), "hello");
    let cached = server.get("/cached").unwrap();
    let policy = "public, s-maxage=60, stale-while-revalidate=300";
    assert_eq!(cached.header("cache-control"), Some(policy));
    let go = server.request("POST", "/go", &[], "").unwrap();
    let login = format!("http://localhost:{}/login", server.port());
    assert_eq!((go.status, go.header("location")), (303, Some(login.as_str())));
}

#[test]
fn a_commonjs_route_file_is_a_route() {
    let (_fixture, server) = serve(&[(
        "app/old/route.js",
        "const os = require('os')\nexports.GET = () => new Response(typeof os.cpus)\n",
    )]);
    assert_eq!(server.get("/old").unwrap().text(), "function", "{}", server.stderr());
    assert_eq!(server.request("POST", "/old", &[], "").unwrap().status, 405);
    let options = server.request("OPTIONS", "/old", &[], "").unwrap();
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
}
