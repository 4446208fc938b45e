//! The load generator is wrk: its own cost is small and the same for all contestants.

use std::io::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::contestant::folder;
use super::scenario::Scenario;
use crate::print;
use crate::running::{capture, check, is_root};

/// What one run measured.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Measured {
    pub(crate) requests: u64,
    pub(crate) duration_us: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    connect_errors: u64,
    read_errors: u64,
    write_errors: u64,
    timeouts: u64,
    status_errors: u64,
}

impl Measured {
    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests as f64 * 1e6 / self.duration_us.max(1) as f64
    }

    /// Requests that failed or were not answered with success.
    pub(crate) fn errors(&self) -> u64 {
        let sockets = self.connect_errors + self.read_errors + self.write_errors;
        sockets + self.timeouts + self.status_errors
    }
}

/// Makes sure that wrk is there; it prints its version and ends with 1.
pub(crate) fn require() -> Result<()> {
    let is_there = || Command::new("wrk").arg("-v").output().is_ok();
    if is_there() {
        return Ok(());
    }
    if is_root() && Command::new("apt-get").arg("--version").output().is_ok() {
        print::stage("apt-get install wrk");
        check(Command::new("apt-get").args(["install", "-y", "-qq", "wrk"]))?;
    }
    if !is_there() {
        bail!("the load generator `wrk` is needed: install the package `wrk` (apt, dnf, brew)");
    }
    Ok(())
}

/// Threads of the generator: it shares the machine with the server.
pub(crate) fn threads() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores / 2).unwrap_or(1).clamp(1, 4)
}

/// Loads a server for some seconds.
pub(crate) fn run(
    authority: &str,
    scenario: &Scenario,
    connections: u32,
    seconds: u32,
) -> Result<Measured> {
    let mut body_file = tempfile::NamedTempFile::new()?;
    let threads = threads().min(connections);
    let mut wrk = Command::new("wrk");
    wrk.args(["-t", &threads.to_string(), "-c", &connections.to_string()]);
    wrk.args(["-d", &format!("{seconds}s"), "--timeout", "10s", "-s"]);
    wrk.arg(folder().join("load.lua"));
    wrk.arg(format!("http://{authority}{}", scenario.path)).args(["--", scenario.method]);
    if let Some(body) = scenario.body {
        body_file.write_all(body.as_bytes())?;
        wrk.arg(body_file.path()).arg("content-type: application/json");
    } else {
        wrk.arg("");
    }
    wrk.args(scenario.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    let mut measured = parse(&capture(&mut wrk)?)?;
    if scenario.status >= 400 {
        // Every answer is what wrk takes for an error; any other one would be.
        measured.status_errors = measured.requests.abs_diff(measured.status_errors);
    }
    Ok(measured)
}

fn parse(printed: &str) -> Result<Measured> {
    let line = printed.lines().find_map(|line| line.strip_prefix("RESULT "));
    let line = line.with_context(|| format!("wrk printed no result:\n{printed}"))?;
    serde_json::from_str(line).with_context(|| format!("wrk's result: {line}"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn results_are_read_from_what_wrk_prints() {
        let line = r#"{"requests":200,"duration_us":2000000,"p50_us":90,"p99_us":900,"max_us":1000,
            "bytes":1,"connect_errors":1,"read_errors":2,"write_errors":3,"timeouts":4,"status_errors":5}"#;
        let printed = format!("Running 1s test\n\nRESULT {}\n", line.replace('\n', ""));
        let measured = parse(&printed).unwrap();
        assert!((measured.requests_per_second() - 100.0).abs() < 1e-9);
        assert_eq!((measured.errors(), measured.p50_us, measured.p99_us), (15, 90, 900));
        assert!(parse("unable to connect").unwrap_err().to_string().contains("unable to connect"));
    }
}
