//! What user code can do to its worker, and what that costs.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, Framing, TestServer, byway_binary};

const HOSTILE: &[(&str, &str)] = &[
    ("app/pid/route.ts", "export const GET = () => Response.json({ pid: process.pid })\n"),
    (
        "app/exit/[how]/route.ts",
        "export async function GET(_: Request, { params }: any) {\n\
         \x20 const { how } = await params\n\
         \x20 if (how === 'exit') process.exit(3)\n\
         \x20 if (how === 'abort') process.abort()\n\
         \x20 if (how === 'kill') process.kill(process.pid, 'SIGKILL')\n\
         \x20 return new Promise(() => {})\n\
         }\n",
    ),
    (
        "app/wait/route.ts",
        "export async function GET() {\n\
         \x20 console.error('waiting')\n\
         \x20 await new Promise((resolve) => setTimeout(resolve, 20000))\n\
         \x20 return new Response('late')\n\
         }\n",
    ),
    (
        "app/stream/route.ts",
        "export const GET = () => new Response(new ReadableStream({\n\
         \x20 async start(controller) {\n\
         \x20   controller.enqueue(new TextEncoder().encode('begun'))\n\
         \x20   await new Promise((resolve) => setTimeout(resolve, 100))\n\
         \x20   process.kill(process.pid, 'SIGKILL')\n\
         \x20 },\n\
         }))\n",
    ),
    (
        "app/reject/route.ts",
        "export function GET() {\n\
         \x20 Promise.reject(new Error('nobody waits for this'))\n\
         \x20 return new Response('answered')\n\
         }\n",
    ),
    (
        "app/half/route.ts",
        "export const GET = () => { let n = 0; return new Response(new ReadableStream({\n\
         \x20 pull(controller) { if (n++) throw new Error('stream broke'); controller.enqueue(new TextEncoder().encode('half')) },\n\
         })) }\n",
    ),
];

fn serve(args: &[&str]) -> (Fixture, TestServer) {
    let fixture = Fixture::new(HOSTILE).unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    let built = fixture.build(&binary).unwrap();
    assert_eq!(built.code(), Some(0), "{}", built.stderr);
    let launch = TestServer::launch(&binary, fixture.path());
    let server = args.iter().fold(launch, |launch, arg| launch.arg(*arg)).start().unwrap();
    (fixture, server)
}

fn pid(server: &TestServer) -> u64 {
    server.get("/pid").unwrap().json()["pid"].as_u64().unwrap()
}

#[test]
fn w01_a_dying_worker_costs_only_its_own_requests() {
    let (_fixture, server) = serve(&[]);
    for how in ["exit", "abort", "kill"] {
        let before = pid(&server);
        let mut waiting = server.connect().unwrap();
        waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(server.wait_for_log("waiting", Duration::from_secs(5)).is_some());
        let died = Instant::now();
        assert_eq!(server.get(&format!("/exit/{how}")).unwrap().status, 502, "{how}");
        assert_eq!(waiting.read().unwrap().status, 502, "{how}");
        let after = pid(&server);
        assert_ne!(before, after, "{how}");
        assert!(died.elapsed() < Duration::from_secs(3), "{how}: {:?}", died.elapsed());
    }
}

#[test]
fn r05_an_answer_that_was_begun_breaks_off_visibly_when_its_worker_dies() {
    let (_fixture, server) = serve(&[]);
    let response = server.get("/stream").unwrap();
    assert_eq!((response.status, response.text().as_str()), (200, "begun"));
    assert!(!response.complete && response.framing == Framing::Chunked, "{response:?}");
}

#[test]
fn w01_other_workers_are_untouched() {
    let (_fixture, server) = serve(&["--workers", "3"]);
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut pids = BTreeSet::new();
    // Requests that wait occupy one worker each, so that the next goes elsewhere.
    let mut waiting = Vec::new();
    while pids.len() < 3 {
        assert!(Instant::now() < deadline, "only {pids:?}: {}", server.stderr());
        pids.insert(pid(&server));
        let mut client = server.connect().unwrap();
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        waiting.push(client);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.get("/exit/kill").unwrap().status, 502);
    let broken = waiting
        .iter_mut()
        .filter_map(|client| {
            client.read_until(Instant::now() + Duration::from_millis(300), false).ok()
        })
        .count();
    assert!(broken < waiting.len(), "all {broken} waiting requests broke");
    assert!(!pids.contains(&pid(&server)), "the replacement has the least to do");
}

#[test]
fn w07_an_unhandled_rejection_is_logged_and_nothing_else() {
    let (_fixture, server) = serve(&[]);
    let before = pid(&server);
    assert_eq!(server.get("/reject").unwrap().text(), "answered");
    let line = server.wait_for_log("nobody waits for this", Duration::from_secs(5));
    assert!(line.is_some(), "{}", server.stderr());
    assert_eq!(pid(&server), before);
}

#[test]
fn a_stream_that_fails_after_its_head_is_broken_off_visibly() {
    let (_fixture, server) = serve(&[]);
    let response = server.get("/half").unwrap();
    assert_eq!((response.status, response.complete), (200, false), "{response:?}");
    let line = server.wait_for_log("stream broke", Duration::from_secs(5));
    assert!(line.is_some(), "{}", server.stderr());
}

#[test]
fn user_code_that_cannot_start_is_reported_once_and_ends_with_1() {
    let fixture = Fixture::new(&[
        ("app/a/route.ts", "export const GET = () => new Response('a')\n"),
        ("instrumentation.ts", "export function register() { throw new Error('no database') }\n"),
    ])
    .unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    assert_eq!(fixture.build(&binary).unwrap().code(), Some(0));
    let error = TestServer::start(&binary, fixture.path()).unwrap_err().to_string();
    assert!(error.contains("error: the worker cannot start: "), "{error}");
    assert!(error.contains("no database"), "{error}");
}
