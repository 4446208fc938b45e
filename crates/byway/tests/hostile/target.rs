//! The server that is attacked, and what came of an attack.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, TestServer, byway_binary};
use serde_json::Value;

/// Silence after which a connection counts as left open.
const SILENCE: Duration = Duration::from_millis(400);
/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// `begun` counts handlers that ran, `whole` those that got a whole body, `seen` what they got. GET tells.
const HANDLER: (&str, &str) = (
    "app/f/route.ts",
    "const told = { begun: 0, whole: 0, seen: [] as unknown[] }\n\
     const run = async (request: Request) => {\n\
     \x20 told.begun++\n\
     \x20 const body = await request.text()\n\
     \x20 told.whole++\n\
     \x20 const headers = Object.fromEntries(request.headers)\n\
     \x20 told.seen.push({ method: request.method, body, headers })\n\
     \x20 return new Response(body, { headers: { 'x-length': String(body.length) } })\n\
     }\n\
     export const GET = () => Response.json(told)\n\
     export { run as POST, run as PUT, run as DELETE, run as OPTIONS, run as PATCH }\n",
);
/// What only a request in disguise would reach.
const SMUGGLED: (&str, &str) = (
    "app/smuggled/route.ts",
    "let runs = 0\n\
     export const GET = () => new Response(String(++runs))\n\
     export const POST = () => new Response(String(runs))\n",
);

pub(super) struct Target {
    pub(super) server: TestServer,
    _fixture: Fixture,
}

/// What handlers have seen so far.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) begun: u64,
    pub(super) whole: u64,
    pub(super) smuggled: u64,
    pub(super) seen: Vec<Value>,
}

/// What came back on one connection.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) text: String,
    /// The server has closed the connection.
    pub(super) closed: bool,
}

impl Came {
    /// The statuses of all answers but interim ones.
    pub(super) fn statuses(&self) -> Vec<u16> {
        // Bodies here never have a status line in them.
        let starts = self.text.match_indices("HTTP/1.1 ").map(|(at, text)| at + text.len());
        let number = |at: usize| self.text.get(at..at + 3)?.parse().ok();
        starts.filter_map(number).filter(|status| *status != 100).collect()
    }
}

impl Target {
    pub(super) fn start() -> Self {
        Self::with(&[])
    }

    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let files = [&[HANDLER, SMUGGLED], files].concat();
        let fixture = Fixture::new(&files).unwrap();
        let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
        Self { server, _fixture: fixture }
    }

    /// What handlers have seen; that this is answered shows that others are served.
    pub(super) fn told(&self) -> Told {
        let told = self.server.get("/f").unwrap().json();
        let smuggled = self.server.request("POST", "/smuggled", &[], "").unwrap().text();
        Told {
            begun: told["begun"].as_u64().unwrap(),
            whole: told["whole"].as_u64().unwrap(),
            smuggled: smuggled.parse().unwrap(),
            seen: told["seen"].as_array().unwrap().clone(),
        }
    }

    /// Sends these bytes on a connection of their own.
    pub(super) fn send(&self, bytes: &[u8]) -> Came {
        exchange(TcpStream::connect(self.server.authority()).unwrap(), bytes)
    }
}

/// A socket whose reads can be bounded in time.
pub(super) trait Socket: Read + Write {
    fn wait_at_most(&self, time: Duration) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }
}

impl Socket for std::os::unix::net::UnixStream {
    fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }
}

/// Sends everything, then reads until the other side closes or is silent.
pub(super) fn exchange(mut socket: impl Socket, bytes: &[u8]) -> Came {
    // It may be refused before all of it is sent.
    let _ = socket.write_all(bytes);
    let begun = Instant::now();
    let (mut all, mut piece) = (Vec::new(), [0; 16 * 1024]);
    let mut closed = true;
    loop {
        assert!(begun.elapsed() < PATIENCE, "{}", String::from_utf8_lossy(&all));
        // The first answer may take a busy machine a while.
        let wait = if all.is_empty() { PATIENCE } else { SILENCE };
        socket.wait_at_most(wait).unwrap();
        match socket.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                closed = false;
                break;
            }
            Err(_) => break,
        }
    }
    Came { text: String::from_utf8_lossy(&all).into_owned(), closed }
}
