//! One contestant while it runs, in a process group of its own.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use byway_testkit::RawClient;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::contestant::Contestant;
use super::scenario::Scenario;
use super::verify::request_text;

const START_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(1);

/// A running server. Dropping it kills its process group.
pub(crate) struct Server {
    child: Child,
    log: File,
    pub(crate) authority: String,
    /// From the start of the process to its first right answer.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts a contestant and asks it every millisecond until it answers `first` rightly.
    pub(crate) fn start(contestant: &Contestant, first: &Scenario) -> Result<Self> {
        let port = free_port()?;
        Self::launch(contestant.command(port)?, format!("127.0.0.1:{port}"), first)
    }

    /// The same for a command that will listen at `authority`.
    pub(crate) fn launch(
        mut command: Command,
        authority: String,
        first: &Scenario,
    ) -> Result<Self> {
        let log = tempfile::tempfile()?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
        let begun = Instant::now();
        let child = command.process_group(0).spawn().context("cannot start the server")?;
        let mut server = Self { child, log, authority, start: Duration::ZERO };
        while !server.answers(first) {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended: {status}\n{}", server.output());
            }
            if begun.elapsed() > START_TIMEOUT {
                bail!("no right answer within {START_TIMEOUT:?}\n{}", server.output());
            }
            thread::sleep(POLL);
        }
        server.start = begun.elapsed();
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server printed.
    pub(crate) fn output(&mut self) -> String {
        let mut text = String::new();
        // Best effort: this explains another failure.
        let _ = self.log.rewind().and_then(|()| self.log.read_to_string(&mut text));
        text
    }

    /// Sends SIGTERM and waits; what does not end in time is killed.
    pub(crate) fn stop(mut self) -> Result<()> {
        if let Some(pid) = process_id(&self.child) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() && begun.elapsed() < STOP_TIMEOUT {
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn answers(&self, scenario: &Scenario) -> bool {
        let answer = || {
            let timeout = Duration::from_secs(1);
            let mut client = RawClient::connect_within(&self.authority, timeout).ok()?;
            client.send(request_text(scenario, &self.authority)).ok()?;
            client.read().ok()
        };
        answer().is_some_and(|answer| answer.status == scenario.status)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The group outlives its leader when children were left behind; its id is still ours then.
        if let Some(group) = process_id(&self.child) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn process_id(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
