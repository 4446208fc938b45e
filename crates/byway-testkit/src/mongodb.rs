//! A server of a test's own that speaks MongoDB's wire protocol: NX-27017, which keeps documents in SQLite.
//!
//! MongoDB itself is in no package registry that tests install from. This server is, as a Python package;
//! it is not MongoDB, but the drivers connect to it as to one: handshake, pool, monitor, BSON, error codes.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::missing;

/// The packages with their exact versions.
const REQUIREMENTS: &str = include_str!("mongodb/requirements.txt");
/// What precedes the address on stderr.
const READY: &str = "Listening on 127.0.0.1:";

/// A running server without any data. Dropping it kills it.
#[derive(Debug)]
pub struct MongoServer {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl MongoServer {
    /// Starts a server; its packages are installed into a folder of `cache` first, once. See [`missing`]
    /// for a machine without Python and pip.
    pub fn start(cache: &Path) -> io::Result<Option<Self>> {
        if !has_pip() {
            return missing("python3 with pip").map(|()| None);
        }
        let packages = install(cache)?;
        let directory = tempfile::Builder::new().prefix("mongodb-").tempdir()?;
        let mut child = Command::new("python3")
            .env("PYTHONPATH", packages)
            .args([
                "-m",
                "nx_27017.nx_27017",
                "--db",
                "memory",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
            ])
            .args(["--log-file", "server.log", "--pid-file", "server.pid"])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
        let mut server = Self { child, port: 0, _directory: directory };
        let mut printed = String::new();
        let mut lines = lines.ok_or(io::ErrorKind::BrokenPipe)?;
        for line in lines.by_ref() {
            let line = line?;
            if let Some((_, port)) = line.split_once(READY) {
                server.port = port.trim().parse().map_err(io::Error::other)?;
                // The rest has to be read as well, or the server stands still one day.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Some(server));
            }
            printed.push_str(&line);
            printed.push('\n');
        }
        Err(io::Error::other(format!("NX-27017 ended before it was ready:\n{printed}")))
    }

    /// The address of a database, for drivers.
    pub fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/test", self.port)
    }

    /// Kills the server, as a crash would; its data is lost.
    pub fn kill(&mut self) {
        // One that has ended by itself cannot be killed, which is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for MongoServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether Python and pip are there.
pub(crate) fn has_pip() -> bool {
    Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Tests that run at the same time, also in other processes, wait for the one that installs.
fn install(cache: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(cache)?;
    // Held until the file is closed, by the system also when this process dies.
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    let digest = Sha256::digest(REQUIREMENTS);
    let name = digest.iter().take(8).fold(0, |name: u64, byte| name << 8 | u64::from(*byte));
    let folder = cache.join(format!("{name:016x}"));
    let mark = folder.join("installed");
    if !mark.exists() {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let list = folder.join("requirements.txt");
        fs::write(&list, REQUIREMENTS)?;
        pip(&folder, &list)?;
        fs::write(mark, "")?;
    }
    Ok(folder)
}

/// Installs what the list names and nothing else, and builds nothing.
fn pip(folder: &Path, list: &Path) -> io::Result<()> {
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary", ":all:", "--target"])
        .arg(folder)
        .arg("--requirement")
        .arg(list)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("pip in {}: {}\n{printed}", folder.display(), output.status)))
}
