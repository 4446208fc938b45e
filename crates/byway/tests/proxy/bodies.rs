//! Request bodies that a proxy reads, reads in part or leaves alone.

use super::fixture::{binary, serve};
use byway_testkit::{Fixture, TestServer};

const PROXY: &str = "\
    import { NextResponse, type NextRequest } from 'next/server'\n\
    export async function proxy(req: NextRequest) {\n\
      const op = req.nextUrl.searchParams.get('op')\n\
      let read = 0\n\
      if (op === 'text') read = (await req.text()).length\n\
      if (op === 'clone') read = (await req.clone().arrayBuffer()).byteLength\n\
      if (op === 'some') { const { value } = await req.body!.getReader().read(); read = value!.length > 0 ? 1 : 0 }\n\
      if (op === 'cancel') await req.body!.cancel()\n\
      if (op === 'late') (globalThis as any).late = req.text().then((text) => text.length, (error) => error.message)\n\
      if (op === 'answer') return new Response('read ' + (await req.text()).length)\n\
      if (op === 'unread') return new Response('not read')\n\
      const target = req.nextUrl.searchParams.get('to')\n\
      const init = { headers: { 'x-read': String(read) } }\n\
      return target === null ? NextResponse.next(init) : NextResponse.rewrite(new URL(target, req.url), init)\n\
    }\n\
    export const config = { matcher: '/up' }\n";

const ROUTES: &[(&str, &str)] = &[
    ("proxy.ts", PROXY),
    (
        "app/up/route.ts",
        "import { createHash } from 'node:crypto'\n\
         export async function POST(req: Request) {\n\
         \x20 const hash = createHash('sha256'); let length = 0\n\
         \x20 for await (const chunk of req.body as any) { hash.update(chunk); length += chunk.length }\n\
         \x20 return Response.json({ length, hash: hash.digest('hex'), late: await (globalThis as any).late })\n\
         }\n",
    ),
    ("app/other/route.ts", "export { POST } from '../up/route'\n"),
    (
        "app/memory/route.ts",
        "export const GET = () => Response.json({ rss: process.memoryUsage().rss })\n",
    ),
];

fn project() -> (Fixture, TestServer) {
    let fixture = Fixture::new(ROUTES).unwrap();
    let server = fixture.serve(binary()).unwrap();
    (fixture, server)
}

/// A body whose every part is different.
fn body(bytes: usize) -> String {
    let lines: Vec<String> = (0..=bytes / 16).map(|line| format!("{line:015}")).collect();
    let mut text = lines.join("\n");
    text.truncate(bytes);
    text
}

fn send(server: &TestServer, path: &str, text: &str) -> byway_testkit::RawResponse {
    server.request("POST", path, &[], text).unwrap()
}

#[test]
fn a_body_of_any_size_reaches_both_whole() {
    const ALL: &[&str] = &["none", "text", "clone", "some", "cancel", "late"];
    let (_fixture, server) = project();
    // Next gives a proxy, and the handler after it, no more than 10 MB.
    for (bytes, ops) in [(10, ALL), (70_000, ALL), (600_000, ALL), (12 << 20, &["none", "text"])] {
        let text = body(bytes);
        let plain = send(&server, "/other", &text).json();
        for &op in ops {
            for to in ["", "&to=/other"] {
                let response = send(&server, &format!("/up?op={op}{to}"), &text);
                let seen = response.json();
                assert_eq!(seen["length"], bytes, "{op}{to}");
                assert_eq!(seen["hash"], plain["hash"], "{op}{to}");
                let read = match op {
                    "text" | "clone" => bytes,
                    "some" => 1,
                    _ => 0,
                };
                assert_eq!(response.header("x-read"), Some(read.to_string().as_str()), "{op}{to}");
                if op == "late" {
                    assert_eq!(seen["late"], bytes);
                }
            }
        }
        assert_eq!(send(&server, "/up?op=answer", &text).text(), format!("read {bytes}"));
    }
}

#[test]
fn a_body_that_nobody_reads_is_not_sent_for() {
    let (_fixture, server) = project();
    let before = server.get("/memory").unwrap().json()["rss"].as_u64().unwrap();
    let mut client = server.connect().unwrap();
    client
        .send("POST /up?op=unread HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        .unwrap();
    client.send("x".repeat(1 << 20).as_str()).unwrap();
    assert_eq!(client.read().unwrap().text(), "not read");
    let after = server.get("/memory").unwrap().json()["rss"].as_u64().unwrap();
    assert!(after < before + (8 << 20), "{before} {after}");
}

#[test]
fn a_body_that_breaks_off_breaks_off_for_both() {
    let (_fixture, server) = serve(
        "export async function proxy(req: Request) {\n\
         \x20 try { await req.text() } catch { console.error('the proxy has seen it') }\n\
         }\n",
        &["/up"],
    );
    let mut client = server.connect().unwrap();
    client
        .send("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .unwrap();
    drop(client);
    let patience = std::time::Duration::from_secs(5);
    assert!(server.wait_for_log("the proxy has seen it", patience).is_some());
    assert_eq!(server.get("/up").unwrap().status, 200);
}
