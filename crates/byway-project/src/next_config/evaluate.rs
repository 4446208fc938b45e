//! One run of `next.config` in a process of its own, bounded in time and in what it may say.

use std::io::{BufRead as _, BufReader, PipeReader, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use byway_config::limits::{CONFIG_BYTES_MAX, CONFIG_WAIT_MAX};
use byway_error::{Diagnostic, Location};
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ConfigCommand, Place};

/// What the program reports.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Evaluated {
    /// All settings, without the functions below.
    pub(super) settings: Map<String, Value>,
    /// What `headers()`, `redirects()` and `rewrites()` have returned, where they exist.
    pub(super) rules: Map<String, Value>,
    /// Whether `process.env` is not what it was.
    pub(super) sets_environment: bool,
    /// What was thrown instead.
    error: Option<String>,
    stack: String,
}

/// Runs the file.
pub(super) fn evaluate(
    dir: &Path,
    place: &Place<'_>,
    command: &ConfigCommand,
) -> Result<Evaluated, Diagnostic> {
    let failed = |reason: std::io::Error| {
        let node = command.node.display();
        place.error(format!("cannot run the file with `{node}`: {reason}"))
    };
    let (reader, mut child) = spawn(dir, command).map_err(|error| {
        failed(error).with_help("install Node.js 20 or newer, or name it with `--node PATH`")
    })?;
    let answer = first_line(reader).recv_timeout(CONFIG_WAIT_MAX);
    let group = Pid::from_raw(child.id().cast_signed());
    if answer.is_err()
        && let Some(group) = group
    {
        // It fails when the group is gone already, which is what is wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait().map_err(failed)?;
    let Ok(line) = answer else {
        let seconds = CONFIG_WAIT_MAX.as_secs();
        let help = "a server or timer that it starts does no harm; a promise that never \
                        settles in it or in `headers`, `redirects` or `rewrites` does";
        let message = format!("the file has not finished after {seconds} seconds");
        return Err(place.error(message).with_help(help));
    };
    let line = line.map_err(failed)?;
    if line.is_empty() {
        let message = format!("the file ended the process before it said anything ({status})");
        return Err(place.error(message));
    }
    let evaluated: Evaluated = serde_json::from_slice(&line).map_err(|_| {
        place.error(format!("the file says more than {CONFIG_BYTES_MAX} bytes of settings"))
    })?;
    match &evaluated.error {
        Some(error) => Err(thrown(place, error, &evaluated.stack)),
        None => Ok(evaluated),
    }
}

fn spawn(dir: &Path, command: &ConfigCommand) -> std::io::Result<(PipeReader, Child)> {
    let (reader, writer) = std::io::pipe()?;
    let mut child = Command::new(&command.node);
    child
        .arg("--enable-source-maps")
        .arg(&command.entry)
        .arg(&command.config)
        .args(command.development.then_some("dev"))
        .current_dir(dir)
        .env_clear()
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        // Stdout is byway's own data; what the file prints is for people.
        .stdout(Stdio::from(std::io::stderr().as_fd().try_clone_to_owned()?))
        .process_group(0);
    child
        .fd_mappings(vec![FdMapping { parent_fd: writer.into(), child_fd: 3 }])
        .map_err(std::io::Error::other)?;
    let spawned = child.spawn()?;
    Ok((reader, spawned))
}

/// Reads up to the end of the line, and no further: a process that was left behind may keep the
/// pipe open. In a thread, because a pipe knows no deadline.
fn first_line(reader: PipeReader) -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut line = Vec::new();
        let read = BufReader::new(reader.take(CONFIG_BYTES_MAX)).read_until(b'\n', &mut line);
        // Nobody waits any more when the time is over.
        let _ = sender.send(read.map(|_| line));
    });
    receiver
}

/// The error that the file has thrown, with its place where the stack tells it.
fn thrown(place: &Place<'_>, error: &str, stack: &str) -> Diagnostic {
    let found =
        place.error(format!("the file cannot be evaluated: {}", error.trim_end_matches('.')));
    let suffix = format!("/{}:", place.file);
    let position = stack.lines().find_map(|line| {
        let (_, position) = line.split_once(&suffix)?;
        let mut numbers = position.trim_end_matches(')').split(':');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    });
    match position {
        Some((line, column)) => {
            found.at(Location { line, column, length: 1 }, place.source.clone())
        }
        None => found,
    }
}
