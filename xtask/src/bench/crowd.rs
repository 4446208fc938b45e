//! What a crowd of connections costs that want nothing, or want it very slowly.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, getrlimit};

use super::load::Measured;
use super::scenario::{Scenario, all};
use super::server::Server;
use super::verify::request_text;
use super::{Seconds, contestant, load, process_tree};
use crate::print;

/// Connections that have had one answer and ask for nothing more.
const IDLE: usize = 10_000;
/// Connections that send a request's head byte by byte.
const SLOW: usize = 5_000;
/// Between two bytes of each.
const DRIP: Duration = Duration::from_secs(1);
/// Parts of the crowd that send one after the other in this time.
const PARTS: usize = 50;
/// Connections of the clients that are measured meanwhile.
const ACTIVE: u32 = 16;
/// After so long an idle connection rests.
const REST: Duration = Duration::from_secs(3);
/// Descriptors that this process needs.
const DESCRIPTORS: u64 = IDLE as u64 + 500;

pub(crate) fn run(seconds: Seconds) -> Result<ExitCode> {
    if getrlimit(Resource::Nofile).current.is_some_and(|most| most < DESCRIPTORS) {
        bail!("too few descriptors: run `ulimit -n {DESCRIPTORS}` first");
    }
    let contestant = contestant::roomy();
    contestant::prepare(std::slice::from_ref(&contestant))?;
    let first = all().into_iter().next().context("there is no scenario")?;
    let server = Server::start(&contestant, &first)?;
    let measure = || load::run(&server.authority, &first, ACTIVE, seconds.load);
    measure()?;
    let alone = measure()?;
    let before = process_tree::memory_kib(server.pid())?;
    print::stage(&format!("{IDLE} idle connections"));
    let idle = (0..IDLE).map(|_| idle(&server, &first)).collect::<Result<Vec<_>>>()?;
    thread::sleep(REST);
    let grown = process_tree::memory_kib(server.pid())?.saturating_sub(before);
    let beside_idle = measure()?;
    drop(idle);
    print::stage(&format!("{SLOW} connections that send a byte each second"));
    let slow = (0..SLOW).map(|_| Ok(TcpStream::connect(&server.authority)?));
    let slow = slow.collect::<Result<Vec<_>>>()?;
    let stop = AtomicBool::new(false);
    let beside_slow = thread::scope(|scope| {
        scope.spawn(|| drip(slow, &stop));
        let measured = measure();
        stop.store(true, Ordering::Relaxed);
        measured
    })?;
    let row = |what: &str, it: &Measured| {
        let ratio = it.p99_us as f64 / alone.p99_us.max(1) as f64;
        format!("| {what} | {:.0} | {} | {ratio:.2} |\n", it.requests_per_second(), it.p99_us)
    };
    print::data(&format!(
        "| {ACTIVE} connections | requests/s | p99 µs | p99, multiple |\n|---|--:|--:|--:|\n{}{}{}\n\
         {IDLE} idle connections: {:.1} MB more\n",
        row("alone", &alone),
        row("beside idle ones", &beside_idle),
        row("beside slow ones", &beside_slow),
        grown as f64 * 1024.0 / 1e6,
    ));
    let errors = alone.errors() + beside_idle.errors() + beside_slow.errors();
    if errors > 0 {
        bail!("{errors} requests failed: the figures above are worth nothing");
    }
    server.stop()?;
    Ok(ExitCode::SUCCESS)
}

/// A connection that has had an answer.
fn idle(server: &Server, scenario: &Scenario) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(&server.authority)?;
    let text = request_text(scenario, &server.authority).replace("Connection: close\r\n", "");
    socket.write_all(text.as_bytes())?;
    // Short answers come in one piece.
    let count = socket.read(&mut [0; 4096])?;
    if count == 0 {
        bail!("a connection was closed");
    }
    Ok(socket)
}

/// Sends a byte of an endless head on each connection, again and again: not on all at once, because slow
/// clients know nothing of each other.
fn drip(mut sockets: Vec<TcpStream>, stop: &AtomicBool) {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nx-slow: ".iter().chain([&b'x'].into_iter().cycle());
    for byte in head {
        for part in 0..PARTS {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            for socket in sockets.iter_mut().skip(part).step_by(PARTS) {
                // One that the server has cut is as slow as any.
                let _ = socket.write_all(&[*byte]);
            }
            thread::sleep(DRIP / PARTS as u32);
        }
    }
}
