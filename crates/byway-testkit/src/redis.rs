//! A Redis server of a test's own, on a socket file, that can be killed and started again.

use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What the server prints once it takes connections, in one of several sentences.
const READY: &str = "eady to accept connections";

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct RedisServer {
    dir: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts a server without any data; `None`, which is printed, when `redis-server` is not installed.
    pub fn start() -> io::Result<Option<Self>> {
        let mut server =
            Self { dir: tempfile::Builder::new().prefix("redis-").tempdir()?, child: None };
        match server.start_again() {
            Ok(()) => Ok(Some(server)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                #[expect(clippy::print_stderr, reason = "whoever reads the tests has to see it")]
                {
                    eprintln!("SKIPPED: redis-server is not installed, nothing was tested");
                }
                Ok(None)
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

    fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
