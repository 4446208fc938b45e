//! Two proxies, nginx and haproxy, in front of a server, as in production, for requests that two hops may
//! read differently.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::is_installed;

/// How long one may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontKind {
    /// With connections to the server that are kept, and bodies that are passed on as they come.
    Nginx,
    /// With connections to the server that clients share.
    HaProxy,
}

impl fmt::Display for FrontKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

impl FrontKind {
    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
        }
    }
}

/// A proxy that listens on a socket file. Dropping it kills it.
#[derive(Debug)]
pub struct Front {
    dir: TempDir,
    child: Child,
}

impl Front {
    /// Starts a proxy in front of the server on this port of 127.0.0.1; `None` where it is not installed,
    /// see [`crate::missing`].
    pub fn start(kind: FrontKind, port: u16) -> io::Result<Option<Self>> {
        if !is_installed(kind.program())? {
            return Ok(None);
        }
        let dir = tempfile::Builder::new().prefix("front-").tempdir()?;
        let settings = dir.path().join("settings");
        let text = match kind {
            FrontKind::Nginx => nginx(&dir.path().display().to_string(), port),
            FrontKind::HaProxy => haproxy(&dir.path().display().to_string(), port),
        };
        fs::write(&settings, text)?;
        let mut command = Command::new(kind.program());
        match kind {
            FrontKind::Nginx => command.arg("-p").arg(dir.path()).arg("-c").arg(&settings),
            FrontKind::HaProxy => command.arg("-db").arg("-f").arg(&settings),
        };
        let log = fs::File::create(dir.path().join("log"))?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut front = Self { dir, child };
        front.wait_until_it_listens()?;
        Ok(Some(front))
    }

    /// A connection to it.
    pub fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.socket())
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match self.connect() {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline || self.child.try_wait()?.is_some() => {
                    let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
                    return Err(io::Error::new(error.kind(), format!("{error}:\n{log}")));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, which is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nginx(dir: &str, port: u16) -> String {
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temp = temp.map(|it| format!("  {it}_temp_path {dir}/{it};\n")).concat();
    format!(
        "daemon off;\nmaster_process off;\npid {dir}/pid;\nerror_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n  access_log off;\n{temp}\
         \x20 upstream byway {{ server 127.0.0.1:{port}; keepalive 4; }}\n\
         \x20 server {{\n    listen unix:{dir}/socket;\n    location / {{\n\
         \x20     proxy_pass http://byway;\n      proxy_http_version 1.1;\n\
         \x20     proxy_set_header Connection \"\";\n      proxy_set_header Host $host;\n\
         \x20     proxy_request_buffering off;\n    }}\n  }}\n}}\n"
    )
}

fn haproxy(dir: &str, port: u16) -> String {
    format!(
        "global\n  maxconn 64\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n\
         \x20 timeout server 5s\nfrontend front\n  bind unix@{dir}/socket\n  default_backend byway\n\
         backend byway\n  http-reuse always\n  server byway 127.0.0.1:{port}\n"
    )
}
