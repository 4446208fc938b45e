//! What the figures were measured on.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::contestant::Contestant;
use super::load;
use crate::running::capture;

/// The machine and the versions of all that took part.
pub(crate) fn describe(contestants: &[Contestant]) -> Value {
    let versions = contestants.iter().map(|contestant| {
        let version = contestant.version().unwrap_or_else(|error| format!("{error:#}"));
        (contestant.name.to_owned(), Value::String(version))
    });
    json!({
        "processor": processor(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gib": memory_gib(),
        "system": system(),
        "kernel": read("/proc/sys/kernel/osrelease"),
        "node": capture(Command::new("node").arg("--version")).unwrap_or_default().trim(),
        "load_threads": load::threads(),
        "versions": versions.collect::<serde_json::Map<_, _>>(),
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// Processes that wanted to run during the last minute, on average.
pub(crate) fn load_average() -> f64 {
    let text = read("/proc/loadavg");
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// The value of the first line `NAME : VALUE` or `NAME=VALUE`.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':', '=']).trim_matches('"').to_owned())
}

fn processor() -> String {
    field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn system() -> String {
    field(&read("/etc/os-release"), "PRETTY_NAME")
        .unwrap_or_else(|| std::env::consts::OS.to_owned())
}

fn memory_gib() -> u64 {
    let total = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kib: u64 = total.trim_end_matches(" kB").parse().unwrap_or(0);
    (kib + 512 * 1024) / (1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_read_in_both_notations() {
        assert_eq!(field("a\nmodel name\t: X 1\n", "model name").as_deref(), Some("X 1"));
        assert_eq!(field("PRETTY_NAME=\"D 12\"", "PRETTY_NAME").as_deref(), Some("D 12"));
        assert_eq!(field("a", "b"), None);
    }
}
