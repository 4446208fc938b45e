//! `byway status` and its relatives: talk to running servers over their control sockets.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use byway_config::limits::{
    BUILD_CHECK_INTERVAL, CONTROL_WAIT_MAX, UPGRADE_WAIT_MAX, WORKER_READY_MAX,
};
use byway_pool::{GroupStatus, PoolStatus, WorkerStatus};
use serde::{Deserialize, Serialize};

use crate::print::{self, WithHint};

/// How long a server may take until its control socket is back after a build.
const SOCKET_RETURN_MAX: Duration = BUILD_CHECK_INTERVAL.saturating_mul(4);

/// Whether a server takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ServerState {
    /// It does.
    Ready,
    /// It has no worker at this time.
    Unready,
    /// It finishes what it has.
    Stopping,
}

/// A server at one moment; what `byway status --json` prints.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServerStatus {
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) address: String,
    pub(crate) state: ServerState,
    pub(crate) uptime_s: u64,
    pub(crate) reloads: u64,
    pub(crate) leaving_builds: usize,
    pub(crate) reload_error: Option<String>,
    pub(crate) panics: u64,
    pub(crate) output_lines_lost: u64,
    pub(crate) pool: PoolStatus,
}

/// What is said about something that was asked.
#[derive(Debug, Deserialize)]
struct Said {
    ok: bool,
    message: String,
}

/// Prints the state of the servers of a project.
pub(crate) fn status(dir: &Path, json: bool) -> anyhow::Result<()> {
    for socket in servers(dir)? {
        let text = ask(socket, "status", CONTROL_WAIT_MAX)?;
        if json {
            print::data(&text)?;
        } else {
            let status = serde_json::from_str(&text).context("the server answers nonsense")?;
            print::data(&table(&status))?;
        }
    }
    Ok(())
}

/// Lets the servers of a project do something and prints what they say.
pub(crate) fn order(dir: &Path, what: &str) -> anyhow::Result<()> {
    let patience = WORKER_READY_MAX + UPGRADE_WAIT_MAX;
    let mut failed = None;
    for socket in servers(dir)? {
        let said = ask(socket, what, patience)?;
        let said: Said = serde_json::from_str(&said).context("the server answers nonsense")?;
        if said.ok {
            print::note(&said.message);
        } else {
            failed = Some(said.message);
        }
    }
    failed.map_or(Ok(()), |message| Err(anyhow::Error::msg(message)))
}

/// Connections to the servers of a project.
fn servers(given: &Path) -> anyhow::Result<Vec<UnixStream>> {
    let dir = std::fs::canonicalize(given)
        .with_context(|| format!("cannot open the folder `{}`", given.display()))?;
    let until = Instant::now() + SOCKET_RETURN_MAX;
    loop {
        let found = listening(&dir.join(".byway"))?;
        if !found.is_empty() {
            return Ok(found);
        }
        if Instant::now() > until || !is_served(&dir) {
            let message = format!("no server is running in `{}`", given.display());
            let hint = format!("run `byway start {}`", given.display());
            return Err(WithHint { message, hint }.into());
        }
        // A build has just replaced the folder; the server makes its socket again.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a server works from a copy of a build.
fn is_served(dir: &Path) -> bool {
    std::fs::read_dir(dir).into_iter().flatten().flatten().any(|entry| {
        entry.file_name().to_string_lossy().starts_with(crate::commands::start::SERVING_PREFIX)
    })
}

/// The control sockets in a folder. Those that nobody listens on any more are removed.
fn listening(folder: &Path) -> anyhow::Result<Vec<UnixStream>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix("control-").and_then(|rest| rest.strip_suffix(".sock"));
        if number.is_none() {
            continue;
        }
        match connect(folder, &name) {
            Ok(socket) => found.push(socket),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                let _ = std::fs::remove_file(entry.path());
            }
            // It has gone since the folder was read.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("cannot talk to the server"),
        }
    }
    Ok(found)
}

/// Connects below an open folder: a socket's path has 107 bytes at most, a project's may have more.
fn connect(folder: &Path, name: &str) -> std::io::Result<UnixStream> {
    use std::os::fd::AsRawFd as _;
    let open = std::fs::File::open(folder)?;
    let path = if cfg!(target_os = "linux") {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", open.as_raw_fd()))
    } else {
        folder.join(name)
    };
    UnixStream::connect(path)
}

fn ask(mut socket: UnixStream, what: &str, patience: Duration) -> anyhow::Result<String> {
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(CONTROL_WAIT_MAX))?;
    socket.write_all(format!("{what}\n").as_bytes()).context("the server takes no request")?;
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).context("the server does not answer")?;
    Ok(line)
}

fn table(status: &ServerStatus) -> String {
    let ServerStatus { version, pid, address, state, uptime_s, reloads, .. } = status;
    let state = format!("{state:?}").to_lowercase();
    let mut text = format!(
        "byway {version}, pid {pid}, http://{address}: {state}, up {uptime_s} s, {reloads} reloads\n"
    );
    if let Some(error) = &status.reload_error {
        let _ = writeln!(text, "the last reload failed: {error}");
    }
    if status.leaving_builds > 0 {
        let _ =
            writeln!(text, "earlier builds that finish their requests: {}", status.leaving_builds);
    }
    status.pool.groups.iter().for_each(|group| group_table(&mut text, group));
    text
}

fn group_table(text: &mut String, group: &GroupStatus) {
    let GroupStatus { name, wanted, ready, queue, queued, refused, expired, .. } = group;
    let _ = writeln!(
        text,
        "pool {name}: {ready} of {wanted} workers ready, {queue} requests wait ({queued} ever did, \
         {refused} refused, {expired} given up)"
    );
    if let Some(failure) = &group.failure {
        let _ = writeln!(text, "  no worker starts: {failure}");
    }
    if !group.restarts.is_empty() {
        let reasons: Vec<_> = group.restarts.iter().map(|(why, n)| format!("{why} {n}")).collect();
        let _ = writeln!(text, "  restarts: {}", reasons.join(", "));
    }
    let _ = writeln!(
        text,
        "  {:>6} {:>8} {:<9} {:>8} {:>10} {:>9} {:>9} {:>9}",
        "worker", "pid", "state", "age s", "requests", "in flight", "memory MB", "delay ms"
    );
    for worker in &group.workers {
        let WorkerStatus { id, pid, state, age_s, requests, in_flight, .. } = worker;
        let state = format!("{state:?}").to_lowercase();
        let (memory, delay) = (worker.memory_bytes / 1_000_000, worker.loop_delay_us / 1_000);
        let _ = writeln!(
            text,
            "  {id:>6} {pid:>8} {state:<9} {age_s:>8} {requests:>10} {in_flight:>9} {memory:>9} \
             {delay:>9}"
        );
    }
}
