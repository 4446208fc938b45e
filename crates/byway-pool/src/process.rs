//! Starting, stopping and ending the process of one worker.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use byway_config::limits::{PROCESS_STOP_MAX, WORKER_STOP_MAX};
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::StartError;
use crate::calls::WorkerCalls;

/// The oldest Node.js that runs the worker.
pub(crate) const NODE_MAJOR_MIN: u32 = 20;

/// How a worker process is started.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The Node.js executable.
    pub node: PathBuf,
    /// Its arguments: options, the worker's entry, the build's folder.
    pub args: Vec<OsString>,
    /// The working directory, as a rule the project's folder.
    pub dir: PathBuf,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The JSON text of the `CONFIG` frame.
    pub config: String,
    /// Who answers what workers ask for themselves, such as values of the data cache.
    pub calls: Option<Arc<dyn WorkerCalls>>,
    /// The user id to run as, byway's own unless set.
    pub user: Option<u32>,
    /// The group id to run as, byway's own unless set.
    pub group: Option<u32>,
}

/// A running worker process. It leads a process group, so that what it started ends with it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: Option<Pid>,
    stopped: bool,
}

/// byway's side of a new worker.
pub(crate) struct Spawned {
    pub(crate) process: Process,
    pub(crate) socket: UnixStream,
    /// A second descriptor of the worker's end, through which its unread bytes can be seen.
    pub(crate) theirs: OwnedFd,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

impl Process {
    /// Starts the process and gives byway's end of its socket. Its console output is piped if asked for,
    /// else it is byway's own.
    pub(crate) fn spawn(command: &WorkerCommand, pipe_output: bool) -> Result<Spawned, StartError> {
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => StartError::NodeMissing { node: command.node.clone() },
            _ => StartError::Spawn { node: command.node.clone(), source },
        };
        let (ours, theirs) = StdUnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let socket = UnixStream::from_std(ours).map_err(failed)?;
        let kept = theirs.try_clone().map_err(failed)?;
        let output = || if pipe_output { Stdio::piped() } else { Stdio::inherit() };
        let mut child = Command::new(&command.node);
        child
            .args(&command.args)
            .current_dir(&command.dir)
            .env_clear()
            .envs(command.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(user) = command.user {
            child.uid(user);
        }
        if let Some(group) = command.group {
            child.gid(group);
        }
        die_with_parent(&mut child);
        child
            .fd_mappings(vec![FdMapping { parent_fd: theirs.into(), child_fd: 3 }])
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let mut child = child.spawn().map_err(failed)?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let process = Self { child, pid, stopped: false };
        Ok(Spawned { process, socket, theirs: kept.into(), stdout, stderr })
    }

    /// The process id, while the process lives.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the process to end.
    pub(crate) async fn wait(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// Stops the process as SIGSTOP does and waits until it has stopped. `false` when it does not.
    pub(crate) async fn stop(&mut self) -> bool {
        let Some(pid) = self.pid.filter(|_| self.child.id().is_some()) else { return false };
        if kill_process(pid, Signal::STOP).is_err() {
            return false;
        }
        self.stopped = true;
        let since = Instant::now();
        loop {
            let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            match waitid(WaitId::Pid(pid), options) {
                Ok(Some(status)) if status.stopped() => return true,
                Ok(_) if since.elapsed() < PROCESS_STOP_MAX => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                _ => {
                    self.resume();
                    return false;
                }
            }
        }
    }

    /// Lets a stopped process go on.
    pub(crate) fn resume(&mut self) {
        if std::mem::take(&mut self.stopped)
            && let Some(pid) = self.pid.filter(|_| self.child.id().is_some())
        {
            let _ = kill_process(pid, Signal::CONT);
        }
    }

    /// Waits a little for the process to end by itself, then kills it and all it started.
    pub(crate) async fn finish(mut self) -> String {
        let ended = tokio::time::timeout(WORKER_STOP_MAX, self.child.wait()).await;
        self.kill_group();
        let status = match ended {
            Ok(status) => status,
            Err(_) => self.child.wait().await,
        };
        status.map_or_else(|error| error.to_string(), describe)
    }

    /// Kills the process and all it started.
    pub(crate) fn kill_group(&self) {
        if let Some(group) = self.pid {
            // It fails when the whole group is gone already, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Lets the system kill the worker when byway dies, however that happens: a worker in an endless loop
/// would not notice that its socket was closed.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let prepare = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before that.
        let alive = rustix::process::getppid() == Some(parent);
        alive.then_some(()).ok_or_else(|| std::io::ErrorKind::BrokenPipe.into())
    };
    #[expect(unsafe_code, reason = "there is no other way to run code between fork and exec")]
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. Both calls are plain system
    // calls; nothing is allocated, and an error is a number.
    unsafe {
        command.pre_exec(prepare);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}

/// How a process ended, for logs: `exit code 1`, `signal 9`.
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    }
}

/// What `node --version` says when a worker did not come up: the likely reason is its age.
pub(crate) async fn too_old(command: &WorkerCommand) -> Option<StartError> {
    let output = Command::new(&command.node).arg("--version").kill_on_drop(true).output();
    let output = tokio::time::timeout(WORKER_STOP_MAX, output).await.ok()?.ok()?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let old = major(&found)? < NODE_MAJOR_MIN;
    old.then(|| StartError::NodeTooOld {
        node: command.node.clone(),
        found: format!("Node.js {found}"),
        needed: NODE_MAJOR_MIN,
    })
}

/// The major version in `v20.20.0` or `node v20.20.0`.
pub(crate) fn major(version: &str) -> Option<u32> {
    let digits = version.rsplit('v').next()?;
    digits.split('.').next()?.parse().ok()
}

/// The resident memory of a process in bytes, where the system tells.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::{major, resident_bytes};

    #[test]
    fn the_major_version_is_read_from_both_forms() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("node v24.1.0"), Some(24));
        assert_eq!(major(""), None);
        assert_eq!(major("bun"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_memory_of_a_process_is_known() {
        let bytes = resident_bytes(std::process::id()).unwrap();
        assert!(bytes > 100_000 && bytes < 1 << 40, "{bytes}");
        assert_eq!(resident_bytes(u32::MAX), None);
    }
}
