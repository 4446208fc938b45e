//! W01, W04: a request with a proxy before its route is sent again only while the proxy cannot have seen
//! it.

use byway_testkit::{Fixture, TestServer};
use rustix::process::Signal;

use crate::project::{binary, default_pool, eventually, launch, signal, worker};

/// Writes down what it sees, and then rewrites, waits or lets the request pass.
const PROXY: &str = r"
import { appendFileSync } from 'node:fs'
import { NextResponse } from 'next/server'

export async function proxy(request: any) {
  const { pathname, search, searchParams } = request.nextUrl
  appendFileSync('seen.log', searchParams.get('nonce') + '\n')
  if (searchParams.get('wait')) await new Promise((resolve) => setTimeout(resolve, 30_000))
  if (pathname === '/moved') return NextResponse.rewrite(new URL('/echo' + search, request.url))
  return NextResponse.next()
}

export const config = { matcher: ['/echo', '/moved'] }
";

const ECHO: &str = r"
export const GET = (request: any) => new Response(request.nextUrl.searchParams.get('nonce'))
export const POST = async (request: any) =>
  new Response(request.nextUrl.searchParams.get('nonce') + (await request.text()).length)
";

fn serve(args: &[&str]) -> (Fixture, TestServer) {
    let fixture = Fixture::new(&[
        ("proxy.ts", PROXY),
        ("app/echo/route.ts", ECHO),
        ("app/other/route.ts", "export const GET = () => Response.json({ pid: process.pid })\n"),
    ])
    .unwrap();
    let built = fixture.build(binary()).unwrap();
    assert_eq!(built.code(), Some(0), "{}", built.stderr);
    let server = launch(&fixture, args).start().unwrap();
    (fixture, server)
}

/// The nonces of the requests that the proxy has seen.
fn seen(fixture: &Fixture) -> Vec<String> {
    let log = fixture.read("seen.log").unwrap_or_default();
    let mut seen: Vec<_> = log.lines().map(str::to_owned).collect();
    seen.sort();
    seen
}

#[test]
fn w04_requests_that_a_stuck_worker_has_not_read_pass_their_proxy_once() {
    let (fixture, server) = serve(&[]);
    // A stopped process reads nothing, so whatever is sent to it waits in its socket.
    signal(worker(&server), Signal::STOP);
    let paths = ["GET /echo", "GET /moved", "POST /echo", "POST /moved"];
    let mut clients: Vec<_> = (0..12)
        .map(|n| {
            let mut client = server.connect().unwrap();
            let (start, length) = (paths[n % 4], if n % 4 < 2 { 0 } else { n * 1000 });
            let head = format!("{start}?nonce=n{n:02} HTTP/1.1\r\nHost: a\r\n");
            let body = "x".repeat(length);
            client.send(format!("{head}Content-Length: {length}\r\n\r\n{body}")).unwrap();
            client
        })
        .collect();
    for (n, client) in clients.iter_mut().enumerate() {
        let answer = client.read().unwrap();
        let length = if n % 4 < 2 { String::new() } else { (n * 1000).to_string() };
        assert_eq!((answer.status, answer.text()), (200, format!("n{n:02}{length}")));
    }
    let sent: Vec<_> = (0..12).map(|n| format!("n{n:02}")).collect();
    assert_eq!(seen(&fixture), sent);
    assert!(default_pool(&fixture)["recalled"].as_u64().unwrap() > 5);
}

#[test]
fn w01_a_request_that_its_proxy_has_seen_is_never_sent_again() {
    let (fixture, server) = serve(&["workers.retry_idempotent=true"]);
    let pid = worker(&server);
    let mut client = server.connect().unwrap();
    client.send("GET /echo?nonce=once&wait=1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    eventually("a proxy that waits", || (!seen(&fixture).is_empty()).then_some(()));
    signal(pid, Signal::KILL);
    assert_eq!(client.read().unwrap().status, 502);
    assert_eq!(server.get("/echo?nonce=next").unwrap().text(), "next");
    assert_eq!(seen(&fixture), ["next", "once"]);
}
