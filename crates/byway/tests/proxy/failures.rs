//! Proxies that fail: nothing passes by them.

use std::time::Duration;

use byway_testkit::Fixture;

use super::fixture::{ECHO, binary, serve};

#[test]
fn what_a_failing_proxy_protects_stays_closed() {
    let (_fixture, server) = serve(
        "import { redirect } from 'next/navigation'\n\
         export async function proxy(req: any, event: any) {\n\
         \x20 event.passThroughOnException()\n\
         \x20 const op = req.nextUrl.searchParams.get('op')\n\
         \x20 if (op === 'throw') throw new Error('secret reason')\n\
         \x20 if (op === 'string') return 'nope' as any\n\
         \x20 if (op === 'object') return { status: 200 } as any\n\
         \x20 if (op === 'redirect') redirect('/elsewhere')\n\
         \x20 if (op === 'relative') return new Response(null, { status: 307, headers: { location: '/x' } })\n\
         \x20 if (op === 'rewrite') return new Response(null, { headers: { 'x-middleware-rewrite': 'no url' } })\n\
         \x20 if (op === 'error') return Response.error()\n\
         }\n\
         export const config = { matcher: '/a' }\n",
        &["/a", "/b"],
    );
    for op in ["throw", "string", "object", "redirect", "relative", "rewrite"] {
        let response = server.get(&format!("/a?op={op}")).unwrap();
        assert_eq!(response.status, 500, "{op}");
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"), "{op}");
        assert!(!response.text().contains("secret"), "{op}");
    }
    assert_eq!(server.get("/a?op=error").unwrap().status, 404);
    assert!(server.wait_for_log("secret reason", Duration::from_secs(5)).is_some());
    assert_eq!(server.get("/a").unwrap().status, 200);
    assert_eq!(server.get("/b?op=throw").unwrap().status, 200);
}

#[test]
fn a_proxy_that_cannot_be_loaded_lets_nothing_pass() {
    let (_fixture, server) = serve(
        "throw new Error('no key is configured')\n\
         export function proxy() {}\n\
         export const config = { matcher: '/a' }\n",
        &["/a", "/b"],
    );
    for _ in 0..2 {
        assert_eq!(server.get("/a").unwrap().status, 500);
    }
    assert_eq!(server.get("/b").unwrap().status, 200);
    assert!(server.wait_for_log("no key is configured", Duration::from_secs(5)).is_some());
}

#[test]
fn w01_a_worker_that_dies_in_the_proxy_costs_its_own_request() {
    let (_fixture, server) = serve(
        "export function proxy(req: any) {\n\
         \x20 if (req.nextUrl.searchParams.has('die')) process.kill(process.pid, 'SIGKILL')\n\
         }\n",
        &["/a"],
    );
    assert_eq!(server.get("/a?die").unwrap().status, 502);
    assert_eq!(server.get("/a").unwrap().status, 200);
}

#[test]
fn w05_a_client_that_leaves_is_seen_by_the_proxy() {
    let (_fixture, server) = serve(
        "export async function proxy(req: Request) {\n\
         \x20 req.signal.addEventListener('abort', () => console.error('gone: ' + req.signal.reason.name))\n\
         \x20 console.error('waiting')\n\
         \x20 await new Promise(() => {})\n\
         }\n\
         export const config = { matcher: '/a' }\n",
        &["/a"],
    );
    let mut client = server.connect().unwrap();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(server.wait_for_log("waiting", Duration::from_secs(5)).is_some());
    drop(client);
    assert!(server.wait_for_log("gone: ResponseAborted", Duration::from_secs(5)).is_some());
}

#[test]
fn errors_of_a_proxy_reach_instrumentation() {
    let fixture = Fixture::new(&[
        ("app/a/route.ts", ECHO),
        ("proxy.ts", "export function proxy() { throw new Error('reported') }\n"),
        (
            "instrumentation.ts",
            "export const onRequestError = (error: any, request: any, context: any) =>\n\
             \x20 console.error('hook ' + JSON.stringify([error.message, request.path, request.method, context]))\n",
        ),
    ])
    .unwrap();
    let server = fixture.serve(binary()).unwrap();
    assert_eq!(server.get("/a?x=1").unwrap().status, 500);
    let line = server.wait_for_log("hook ", Duration::from_secs(5)).unwrap();
    assert!(
        line.contains(
            "[\"reported\",\"/a?x=1\",\"GET\",{\"routerKind\":\"Pages Router\",\
             \"routePath\":\"/proxy\",\"routeType\":\"proxy\"}]"
        ),
        "{line}"
    );
}
