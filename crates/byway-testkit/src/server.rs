//! A byway server of its own for one test: the real binary on a port that the system chose.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::process::{Process, byway_command};
use crate::raw::{RawClient, RawResponse, ReadError, fetch};

/// How long a server may take until it says where it listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server may take from SIGTERM to its end.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// What precedes the address on stderr.
const ANNOUNCEMENT: &str = "listening on http";

/// How to start a server; see [`TestServer::launch`].
#[derive(Debug)]
pub struct Launch {
    binary: PathBuf,
    directory: PathBuf,
    verb: &'static str,
    hostname: String,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

/// A running server. Dropping it kills it, by its process id.
#[derive(Debug)]
pub struct TestServer {
    process: Process,
    authority: String,
    port: u16,
}

/// A server that ended after SIGTERM.
#[derive(Debug)]
pub struct Stopped {
    /// Its exit status.
    pub status: ExitStatus,
    /// All that it printed on stdout.
    pub stdout: String,
    /// All that it printed on stderr.
    pub stderr: String,
}

impl Launch {
    /// Runs `byway dev`, which needs no build.
    #[must_use]
    pub fn dev(mut self) -> Self {
        self.verb = "dev";
        self
    }

    /// Adds an argument after `start DIR`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The host name to listen on, `localhost` unless set.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// Starts the server and waits for the line that says where it listens.
    pub fn start(self) -> io::Result<TestServer> {
        let mut command = byway_command(&self.binary, self.verb, &self.directory);
        command.args(["--port", "0", "--hostname", &self.hostname]);
        command.args(self.arguments).envs(self.environment);
        let process = Process::spawn(&mut command)?;
        match process.stderr_line(START_TIMEOUT, announced_authority) {
            Some((authority, port)) => Ok(TestServer { process, authority, port }),
            None => Err(io::Error::other(format!(
                "the server did not say `{ANNOUNCEMENT}://…` within {START_TIMEOUT:?}, it printed:\n{}",
                process.stderr()
            ))),
        }
    }
}

impl TestServer {
    /// Prepares `byway start DIRECTORY`; the directory must hold a build.
    pub fn launch(binary: impl AsRef<Path>, directory: impl AsRef<Path>) -> Launch {
        Launch {
            binary: binary.as_ref().to_owned(),
            directory: directory.as_ref().to_owned(),
            verb: "start",
            hostname: "localhost".to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Runs `byway start DIRECTORY` with nothing special.
    pub fn start(binary: impl AsRef<Path>, directory: impl AsRef<Path>) -> io::Result<Self> {
        Self::launch(binary, directory).start()
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// `http://host:port`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// The port that the system chose.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of the server's process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// A new connection to the server.
    pub fn connect(&self) -> io::Result<RawClient> {
        RawClient::connect(&self.authority)
    }

    /// Sends GET on a connection of its own.
    pub fn get(&self, path: &str) -> Result<RawResponse, ReadError> {
        self.request("GET", path, &[], "")
    }

    /// Sends a request on a connection of its own. A body gets a `Content-Length`.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<RawResponse, ReadError> {
        use std::fmt::Write as _;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.authority);
        for (name, value) in headers {
            // Writing into a string cannot fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            let _ = write!(text, "Content-Length: {}\r\n", body.len());
        }
        text.push_str("Connection: close\r\n\r\n");
        text.push_str(body);
        fetch(&self.authority, &text)
    }

    /// What the server has printed on stderr so far.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// Waits for a line on stderr that contains `needle`; `None` when it does not come in time.
    pub fn wait_for_log(&self, needle: &str, timeout: Duration) -> Option<String> {
        self.process.stderr_line(timeout, |line| line.contains(needle).then(|| line.to_owned()))
    }

    /// Sends SIGTERM and returns at once, for tests that watch the drain.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits for the server's end, which something else must have caused.
    pub fn wait(self) -> io::Result<Stopped> {
        let ended = self.process.wait(STOP_TIMEOUT)?;
        Ok(Stopped { status: ended.status, stdout: ended.stdout, stderr: ended.stderr })
    }

    /// Sends SIGTERM and waits for the server's end. One that does not end in time is killed.
    pub fn stop(self) -> io::Result<Stopped> {
        self.terminate();
        self.wait()
    }
}

fn announced_authority(line: &str) -> Option<(String, u16)> {
    let (_, rest) = line.split_once(ANNOUNCEMENT)?;
    let (_, rest) = rest.split_once("://")?;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(byte);
    let authority: String = rest.bytes().take_while(|byte| fits(byte)).map(char::from).collect();
    let port = authority.rsplit_once(':')?.1.parse().ok()?;
    Some((authority, port))
}

#[cfg(test)]
mod tests;
