//! The project that the tests run: an honest route, and everything that user code can do wrong.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, Launch, TestServer, byway_binary};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Answers with the request's nonce, as many bytes as asked for, and their checksum.
const ECHO: &str = r"
import { createHash } from 'node:crypto'
import { cookies } from 'next/headers'

async function answer(request: Request, sent: string) {
  const url = new URL(request.url)
  const nonce = url.searchParams.get('nonce') ?? ''
  const wait = Number(url.searchParams.get('wait') ?? 0)
  const busy = Number(url.searchParams.get('busy') ?? 0)
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
  for (const end = performance.now() + busy; performance.now() < end; );
  const jar = await cookies()
  const body = `${nonce}:${jar.get('nonce')?.value}:${sent}:` + nonce.repeat(Number(url.searchParams.get('times') ?? 1))
  const sum = createHash('sha256').update(body).digest('hex')
  const headers = { 'x-sum': sum, 'x-pid': String(process.pid), 'x-build': BUILD }
  if (url.searchParams.get('stream') === null) return new Response(body, { headers })
  const bytes = new TextEncoder().encode(body)
  let at = 0
  return new Response(new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, (at += 1000)))
    },
  }), { headers })
}

export const GET = (request: Request) => answer(request, '')
export const POST = async (request: Request) => answer(request, await request.text())
";

const FAULT: &str = r"
import { spawn } from 'node:child_process'

const leak: unknown[] = []
export async function GET(request: Request, { params }: any) {
  const { kind } = await params
  const query = new URL(request.url).searchParams
  switch (kind) {
    case 'exit': process.exit(3)
    case 'abort': process.abort()
    case 'kill': process.kill(process.pid, 'SIGKILL')
    case 'segv': process.kill(process.pid, 'SIGSEGV')
    case 'loop': for (;;);
    case 'never': return new Promise(() => {})
    case 'oom': for (;;) leak.push(new Array(100_000).fill(Math.random()))
    case 'buffers': leak.push(Buffer.alloc(Number(query.get('mb')) << 20, 1)); break
    case 'throw': throw new Error('thrown on purpose')
    case 'timer': setTimeout(() => { throw new Error('thrown in a timer') }, 1); break
    case 'reject': void Promise.reject(new Error('nobody waits for this')); break
    case 'timers': for (let n = 0; n < 1000; n++) setInterval(() => leak.length, 10); break
    case 'flood': for (let n = 0; n < Number(query.get('lines')); n++) console.log('x'.repeat(Number(query.get('width') ?? 1000))); break
    case 'binary': process.stdout.write(Buffer.from(Array.from({ length: 65536 }, (_, n) => n & 255))); break
    case 'close': process.stdout.end(); break
    case 'child': {
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
      return Response.json({ pid: child.pid })
    }
    case 'busy': {
      for (const end = performance.now() + Number(query.get('ms')); performance.now() < end; );
      break
    }
  }
  return Response.json({ pid: process.pid })
}
";

/// A route that gives up after a second by Next's own setting.
const IMPATIENT: &str = "export const maxDuration = 1\n\
    export const GET = () => new Promise(() => {})\n";

const INSTRUMENTATION: &str = "import { existsSync } from 'node:fs'\n\
    export function register() {\n\
    \x20 if (existsSync('broken.flag')) throw new Error('the database is not there')\n\
    }\n";

/// The project as a folder with a build.
pub(crate) fn built() -> Fixture {
    let fixture = Fixture::new(&[
        ("app/fault/[kind]/route.ts", FAULT),
        ("app/impatient/route.ts", IMPATIENT),
        ("app/other/route.ts", "export const GET = () => Response.json({ pid: process.pid })\n"),
        (
            "app/edge/route.ts",
            "export const runtime = 'edge'\nexport const GET = () => new Response('edge')\n",
        ),
        ("instrumentation.ts", INSTRUMENTATION),
    ])
    .unwrap();
    build(&fixture, "1");
    fixture
}

/// Builds the project so that it says `name` of itself.
pub(crate) fn build(fixture: &Fixture, name: &str) {
    fixture.write("app/echo/route.ts", format!("const BUILD = '{name}'\n{ECHO}")).unwrap();
    let built = fixture.build(binary()).unwrap();
    assert_eq!(built.code(), Some(0), "{}", built.stderr);
}

pub(crate) fn binary() -> PathBuf {
    byway_binary(env!("CARGO_BIN_EXE_byway"))
}

/// `args` may be flags, or settings such as `workers.queue=3`.
pub(crate) fn launch(fixture: &Fixture, args: &[&str]) -> Launch {
    let launch = TestServer::launch(binary(), fixture.path());
    args.iter().fold(launch, |launch, arg| {
        if arg.contains('=') { launch.arg("--set").arg(*arg) } else { launch.arg(*arg) }
    })
}

/// A server on the project.
pub(crate) fn serve(args: &[&str]) -> (Fixture, TestServer) {
    let fixture = built();
    let server = launch(&fixture, args).start().unwrap();
    (fixture, server)
}

/// What `byway VERB DIR …` prints on stdout, and its exit code.
pub(crate) fn byway(verb: &str, fixture: &Fixture, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(binary())
        .arg(verb)
        .arg(fixture.path())
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// `byway status --json`.
pub(crate) fn status(fixture: &Fixture) -> Value {
    // The socket is made just after the server has said where it listens.
    let (code, stdout, stderr) = eventually("a status", || {
        let told = byway("status", fixture, &["--json"]);
        (told.0 == Some(0)).then_some(told)
    });
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str(stdout.lines().next().unwrap()).unwrap()
}

/// The default pool in a status.
pub(crate) fn default_pool(fixture: &Fixture) -> Value {
    status(fixture)["pool"]["groups"][0].clone()
}

/// How long a test waits for an event before it fails. It is no measure of anything.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(1);

/// The first value that `look` gives.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "there was never {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to a process that the test has started, directly or not.
pub(crate) fn signal(pid: u64, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may have ended by itself.
    let _ = kill_process(pid, signal);
}

/// Whether a process runs, and is not merely waiting to be reaped.
pub(crate) fn alive(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Open descriptors of a process.
pub(crate) fn descriptors(pid: u64) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Resident kilobytes of a process.
pub(crate) fn resident_kb(pid: u64) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The longest of some starts of a bare Node.js just now: what no new worker can do without, on this
/// machine with all that it has to do. Times that include the start of a worker are allowed in its terms.
pub(crate) fn node_start() -> Duration {
    let once = |_| {
        let begun = Instant::now();
        assert!(Command::new("node").args(["-e", "0"]).status().unwrap().success());
        begun.elapsed()
    };
    (0..3).map(once).max().unwrap()
}

/// The worker that answers just now.
pub(crate) fn worker(server: &TestServer) -> u64 {
    server.get("/other").unwrap().json()["pid"].as_u64().unwrap()
}
