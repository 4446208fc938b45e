//! A child process whose output is collected by threads and whose end can be awaited with a bound.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, kill_process};

/// Lines kept from each stream; a server gone wild must not fill the memory of its test.
const LINES_MAX: usize = 100_000;

#[derive(Debug, Default)]
struct State {
    stdout: Vec<String>,
    stderr: Vec<String>,
    streams_ended: u8,
    status: Option<ExitStatus>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    shared: Arc<Shared>,
}

/// Everything that a child printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The byway binary with an environment that the caller's own settings cannot change.
pub(crate) fn byway_command(binary: &Path, verb: &str, directory: &Path) -> Command {
    let mut command = Command::new(binary);
    command.arg(verb).arg(directory);
    let ours = |name: &str| name.starts_with("BYWAY_");
    let clashing = ["NODE_ENV", "NODE_OPTIONS", "PORT", "HOSTNAME"];
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| ours(name) || clashing.contains(&name)) {
            command.env_remove(name);
        }
    }
    command
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            let program = command.get_program().to_string_lossy();
            io::Error::new(error.kind(), format!("starting `{program}`: {error}"))
        })?;
        let shared = Arc::new(Shared::default());
        let process = Self { pid: child.id(), shared };
        process.collect(child.stdout.take(), |state| &mut state.stdout);
        process.collect(child.stderr.take(), |state| &mut state.stderr);
        process.reap(child);
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn stderr(&self) -> String {
        self.shared.state.lock().stderr.join("\n")
    }

    /// Waits until a line on stderr satisfies `pick`. `None` when the time is over or the child
    /// ended.
    pub(crate) fn stderr_line<T>(
        &self,
        timeout: Duration,
        mut pick: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + timeout;
        let mut seen = 0;
        let mut state = self.shared.state.lock();
        loop {
            if let Some(found) = state.stderr[seen..].iter().find_map(|line| pick(line)) {
                return Some(found);
            }
            seen = state.stderr.len();
            let ended = state.status.is_some() && state.streams_ended == 2;
            if ended || self.shared.changed.wait_until(&mut state, deadline).timed_out() {
                return state.stderr[seen..].iter().find_map(|line| pick(line));
            }
        }
    }

    /// Asks the child to end, as a process manager would.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for the child and for all that it printed; kills it when `timeout` passes first.
    pub(crate) fn wait(self, timeout: Duration) -> io::Result<Ended> {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        while state.status.is_none() || state.streams_ended < 2 {
            if self.shared.changed.wait_until(&mut state, deadline).timed_out() {
                let printed = state.stderr.join("\n");
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("process {} did not end within {timeout:?}:\n{printed}", self.pid),
                ));
            }
        }
        let Some(status) = state.status else { return Err(io::ErrorKind::TimedOut.into()) };
        Ok(Ended { status, stdout: state.stdout.join("\n"), stderr: state.stderr.join("\n") })
    }

    /// Signals only a child that was not reaped: its id may belong to someone else afterwards.
    fn signal(&self, signal: Signal) {
        let state = self.shared.state.lock();
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let (None, Some(pid)) = (state.status, pid) {
            // A child that ended a moment ago cannot be signalled, which is what was wanted.
            let _ = kill_process(pid, signal);
        }
    }

    fn collect<R: Read + Send + 'static>(
        &self,
        stream: Option<R>,
        lines: fn(&mut State) -> &mut Vec<String>,
    ) {
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            let mut reader = stream.map(BufReader::new);
            let mut line = Vec::new();
            while let Some(Ok(1..)) =
                reader.as_mut().map(|reader| reader.read_until(b'\n', &mut line))
            {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                line.clear();
                let mut state = shared.state.lock();
                let kept = lines(&mut state);
                if kept.len() < LINES_MAX {
                    kept.push(text);
                }
                shared.changed.notify_all();
            }
            shared.state.lock().streams_ended += 1;
            shared.changed.notify_all();
        });
    }

    fn reap(&self, mut child: Child) {
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            let status = child.wait().unwrap_or_default();
            shared.state.lock().status = Some(status);
            shared.changed.notify_all();
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
