//! The gate through the real binary: limits, CORS, rates and client addresses, decided before user code.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

mod bodies;
mod early;
mod elsewhere;
mod http2;
mod listeners;
mod observe;
mod policies;
mod store;
mod trust;

use byway_testkit::{Fixture, TestServer, byway_binary};

/// A handler that tells what it sees and how often it ran.
const ECHO: (&str, &str) = (
    "app/api/echo/route.ts",
    "let runs = 0\n\
     export const GET = (request: any) => Response.json({ url: request.url, ip: request.ip, runs: ++runs,\n\
     \x20 headers: Object.fromEntries(request.headers) })\n\
     export const POST = async (request: Request) => { runs++; return new Response(await request.text()) }\n",
);

fn serve(files: &[(&str, &str)]) -> (Fixture, TestServer) {
    let fixture = Fixture::new(files).unwrap();
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, server)
}

/// A server with the echo handler and these settings.
fn serve_with(settings: &str) -> (Fixture, TestServer) {
    serve(&[ECHO, ("byway.toml", settings)])
}
