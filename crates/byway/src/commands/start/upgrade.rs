//! Sockets from and for another process: a service manager that listened before (`LISTEN_FDS`), and a new
//! binary that takes over while connections keep arriving.

use std::ffi::OsString;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use byway_config::limits::{INHERITED_SOCKETS_MAX, UPGRADE_WAIT_MAX};
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::socket_acceptconn;
use tokio::sync::watch;

/// The first descriptor that a service manager passes (`sd_listen_fds(3)`).
const FIRST: RawFd = 3;
/// Names the pipe through which a new binary says that it serves.
const READY_FD: &str = "BYWAY_READY_FD";

/// The listening sockets that this process was started with; none is the usual case. To be called once,
/// before anything else opens descriptors.
pub(crate) fn inherited() -> anyhow::Result<Vec<TcpListener>> {
    let Some(count) = std::env::var_os("LISTEN_FDS") else { return Ok(Vec::new()) };
    // They may be meant for a parent; without the variable they come from an earlier byway.
    if let Some(pid) = std::env::var_os("LISTEN_PID")
        && pid.to_str().and_then(|pid| pid.parse().ok()) != Some(std::process::id())
    {
        return Ok(Vec::new());
    }
    let count: RawFd = count.to_str().and_then(|count| count.parse().ok()).unwrap_or(0);
    if !(1..=INHERITED_SOCKETS_MAX).contains(&count) {
        bail!("`LISTEN_FDS` must be a number from 1 to {INHERITED_SOCKETS_MAX}");
    }
    (FIRST..FIRST + count).map(listener).collect()
}

fn listener(number: RawFd) -> anyhow::Result<TcpListener> {
    let descriptor =
        claim(number).with_context(|| format!("descriptor {number} was not passed"))?;
    match socket_acceptconn(&descriptor) {
        Ok(true) => Ok(descriptor.into()),
        _ => bail!("descriptor {number} is no listening stream socket"),
    }
}

/// Takes over a descriptor that this process was started with, and keeps it from its workers.
fn claim(number: RawFd) -> std::io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "a number is all that a process is told of such a descriptor")]
    // SAFETY: the protocol of LISTEN_FDS and of BYWAY_READY_FD makes this process the owner of the
    // descriptor; each is claimed once, at the start. A number that is not open fails below, and closing
    // it does nothing then.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    match fcntl_setfd(&descriptor, FdFlags::CLOEXEC) {
        Ok(()) => Ok(descriptor),
        Err(error) => {
            // Nobody owns it, so it must not be closed.
            std::mem::forget(descriptor);
            Err(error.into())
        }
    }
}

/// Tells the process that started this one, if it waits for that, that requests are served from now on.
pub(crate) struct Ready(Option<std::fs::File>);

impl Ready {
    /// To be called once, early.
    pub(crate) fn from_environment() -> Self {
        let number = std::env::var(READY_FD).ok().and_then(|number| number.parse().ok());
        Self(number.and_then(|number| claim(number).ok()).map(Into::into))
    }

    pub(crate) fn tell(self) {
        use std::io::Write as _;
        if let Some(mut pipe) = self.0 {
            let _ = pipe.write_all(b"1");
        }
    }
}

/// What it takes to start the binary anew.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// Where the binary lies; read at the start, because a replaced one has another name afterwards.
    program: Option<PathBuf>,
    arguments: Vec<OsString>,
    sockets: Vec<OwnedFd>,
}

impl Upgrade {
    pub(super) fn new(sockets: Vec<OwnedFd>) -> Self {
        let program = std::env::current_exe().ok();
        Self { program, arguments: std::env::args_os().skip(1).collect(), sockets }
    }

    /// Starts the binary anew with the listening sockets. Once it serves, this process stops; connections
    /// wait in the sockets' queues in between. When it does not come up, this process goes on.
    pub(super) fn start(&self, stop: watch::Sender<bool>) {
        let started = self.spawn();
        let (mut child, mut pipe) = match started {
            Ok(started) => started,
            Err(error) => {
                tracing::error!("the new binary cannot be started: {error:#}");
                return;
            }
        };
        tracing::info!(pid = child.id(), "the new binary is starting");
        tokio::spawn(async move {
            let told = tokio::task::spawn_blocking(move || {
                let mut byte = [0];
                pipe.read_exact(&mut byte).is_ok()
            });
            if tokio::time::timeout(UPGRADE_WAIT_MAX, told)
                .await
                .is_ok_and(|told| told.unwrap_or(false))
            {
                tracing::info!(pid = child.id(), "the new binary serves; this one stops");
                stop.send_replace(true);
            } else {
                // It does not serve, so nobody misses it.
                let _ = child.kill();
                let _ = child.wait();
                tracing::error!("the new binary did not come up; this one goes on");
            }
        });
    }

    fn spawn(&self) -> anyhow::Result<(std::process::Child, std::io::PipeReader)> {
        let program = self.program.as_ref().context("the path of the binary is unknown")?;
        let (ready, told) = std::io::pipe()?;
        let mut mappings = Vec::new();
        for (socket, child_fd) in self.sockets.iter().zip(FIRST..) {
            mappings.push(FdMapping { parent_fd: socket.try_clone()?, child_fd });
        }
        let ready_fd = FIRST + RawFd::try_from(mappings.len())?;
        mappings.push(FdMapping { parent_fd: told.into(), child_fd: ready_fd });
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .env("LISTEN_FDS", self.sockets.len().to_string())
            .env_remove("LISTEN_PID")
            .env(READY_FD, ready_fd.to_string())
            .stdin(Stdio::null())
            .fd_mappings(mappings)?;
        // The descriptor for telling is closed here with the command, so that the pipe ends with the child.
        Ok((command.spawn()?, ready))
    }
}
