//! Starting and ending the process of one worker.

use std::ffi::OsString;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use byway_config::limits::WORKER_STOP_MAX;
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

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
    /// The project's folder.
    pub dir: PathBuf,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The JSON text of the `CONFIG` frame.
    pub config: String,
    /// Who answers what workers ask for themselves, such as values of the data cache.
    pub calls: Option<Arc<dyn WorkerCalls>>,
}

/// A running worker process. It leads a process group, so that what it started ends with it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
}

impl Process {
    /// Starts the process and gives byway's end of its socket.
    pub(crate) fn spawn(command: &WorkerCommand) -> Result<(Self, UnixStream), StartError> {
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => StartError::NodeMissing { node: command.node.clone() },
            _ => StartError::Spawn { node: command.node.clone(), source },
        };
        let (ours, theirs) = StdUnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let socket = UnixStream::from_std(ours).map_err(failed)?;
        let mut child = Command::new(&command.node);
        child
            .args(&command.args)
            .current_dir(&command.dir)
            .env_clear()
            .envs(command.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        child
            .fd_mappings(vec![FdMapping { parent_fd: theirs.into(), child_fd: 3 }])
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let child = child.spawn().map_err(failed)?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok((Self { child, group }, socket))
    }

    /// The process id, while the process lives.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the process to end.
    pub(crate) async fn wait(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
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
        if let Some(group) = self.group {
            // It fails when the whole group is gone already, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_both_forms() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("node v24.1.0"), Some(24));
        assert_eq!(major(""), None);
        assert_eq!(major("bun"), None);
    }
}
