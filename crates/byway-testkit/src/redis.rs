//! A Redis server of a test's own, on a socket file, that can be killed and started again.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::missing;

/// What the server prints once it takes connections, in one of several sentences.
const READY: &str = "eady to accept connections";

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct RedisServer {
    dir: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts a server without any data; see [`missing`] for one that is not installed.
    pub fn start() -> io::Result<Option<Self>> {
        let mut server =
            Self { dir: tempfile::Builder::new().prefix("redis-").tempdir()?, child: None };
        match server.start_again() {
            Ok(()) => Ok(Some(server)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                missing("redis-server").map(|()| None)
            }
            Err(error) => Err(error),
        }
    }

    /// The address, for byway's settings.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Kills the server, as a crash would; its data is lost.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that has ended by itself cannot be killed, which is what was wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts the server where it was.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.kill();
        let socket = self.socket();
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take();
        self.child = Some(child);
        let mut lines = BufReader::new(stdout.ok_or(io::ErrorKind::BrokenPipe)?).lines();
        for line in lines.by_ref() {
            if line?.contains(READY) {
                // The rest has to be read as well, or the server stands still one day.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(());
            }
        }
        Err(io::Error::other("redis-server ended before it was ready"))
    }

    /// Lets the server stand still: connections stay open, and nothing is answered.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.as_ref().and_then(|it| Pid::from_raw(it.id().cast_signed()));
        if let Some(pid) = pid {
            // It is our child and has not been waited for, so that the id is its own.
            let _ = kill_process(pid, signal);
        }
    }

    /// Runs one command; an error that it answers with is one.
    pub fn command(&self, words: &[&str]) -> io::Result<()> {
        self.commands(&[words])
    }

    /// The same with a password.
    pub fn command_as(&self, password: &str, words: &[&str]) -> io::Result<()> {
        self.commands(&[&["AUTH", password], words])
    }

    fn commands(&self, commands: &[&[&str]]) -> io::Result<()> {
        let mut socket = UnixStream::connect(self.socket())?;
        let mut lines = BufReader::new(socket.try_clone()?).lines();
        for words in commands {
            let one = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
            let text: String = words.iter().map(one).collect();
            socket.write_all(format!("*{}\r\n{text}", words.len()).as_bytes())?;
            let answer = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
            if answer.starts_with('-') {
                return Err(io::Error::other(answer));
            }
        }
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
