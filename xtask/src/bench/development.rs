//! `cargo xtask bench dev`: what a person waits for while a project is written, beside Next.
//!
//! Two projects: the example, and one of a hundred routes that is made for the occasion. Of both servers
//! the same is asked: the time to the first answer, from a save to the first answer that shows it, and the
//! memory after that; then the time of a build.

mod routes;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use byway_testkit::RawClient;
use serde_json::{Value, json};

use super::contestant::{folder, next_binary};
use super::scenario::Scenario;
use super::server::{Server, free_port};
use super::{LOAD_AVERAGE_QUIET, machine, process_tree};
use crate::arguments::Arguments;
use crate::running::capture;
use crate::{demo, node, print, project};
use routes::Routes;

const EDITS_DEFAULT: usize = 50;
const ROUNDS_DEFAULT: usize = 5;
/// A save that shows up later than this is lost.
const EDIT_WAIT_MAX: Duration = Duration::from_secs(30);

/// Who serves or builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Byway,
    Next,
}

impl Tool {
    /// `byway VERB` or `next VERB` for the project in `dir`.
    fn command(self, verb: &str, dir: &Path) -> Result<Command> {
        let mut command = match self {
            Self::Byway => Command::new(project::release_folder()?.join("byway")),
            Self::Next => {
                let mut command = Command::new("node");
                // The project's own where it has one.
                let own = dir.join("node_modules/next/dist/bin/next");
                command.arg(if own.is_file() { own } else { next_binary() });
                command
            }
        };
        command.arg(verb).current_dir(dir).env("NEXT_TELEMETRY_DISABLED", "1");
        Ok(command)
    }

    /// Starts the server for development and waits for its first answer.
    fn serve(self, dir: &Path, path: &'static str) -> Result<Server> {
        let port = free_port()?;
        let authority = format!("localhost:{port}");
        let mut command = self.command("dev", dir)?;
        command.args(["--port", &port.to_string()]);
        let first = Scenario {
            name: "first",
            what: "the first answer",
            method: "GET",
            path,
            body: None,
            headers: &[],
            status: 200,
            contestants: &[],
        };
        Server::launch(command, authority, &first)
    }

    /// How long a build takes.
    fn build(self, dir: &Path) -> Result<Duration> {
        let mut command = self.command("build", dir)?;
        let begun = Instant::now();
        capture(&mut command)?;
        Ok(begun.elapsed())
    }
}

/// What one tool needed.
#[derive(Debug)]
struct Figures {
    /// Of the example.
    first_answer: Duration,
    /// Of the example's server, in KiB.
    memory_kib: u64,
    /// From a save to the answer that shows it, with a hundred routes.
    edits: Vec<Duration>,
    /// With a hundred routes.
    build: Duration,
}

pub(crate) fn run(mut arguments: Arguments) -> Result<ExitCode> {
    let edits = arguments.parsed("--edits")?.unwrap_or(EDITS_DEFAULT);
    let rounds = arguments.parsed("--rounds")?.unwrap_or(ROUNDS_DEFAULT);
    let json_path = arguments.value("--json")?;
    arguments.finish()?;
    if edits == 0 || rounds == 0 {
        bail!("`--edits` and `--rounds` begin at 1");
    }
    node::require()?;
    node::install(&folder())?;
    project::build_release()?;
    let example = project::root().join("examples/finance");
    demo::prepare(&example)?;
    let load_average = machine::load_average();
    if load_average > LOAD_AVERAGE_QUIET {
        print::progress(&format!("WARNING: the load average is {load_average}"));
    }
    let routes = Routes::make(&folder())?;
    let byway = measure(Tool::Byway, &example, &routes, edits, rounds)?;
    // Next needs so long that one round tells enough.
    let next = measure(Tool::Next, &example, &routes, edits.min(10), 1)?;
    let report = report(&byway, &next, load_average);
    print::data(&table(&byway, &next));
    if let Some(path) = json_path {
        fs::write(&path, format!("{report:#}\n")).with_context(|| format!("writing {path}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(
    tool: Tool,
    example: &Path,
    routes: &Routes,
    edits: usize,
    rounds: usize,
) -> Result<Figures> {
    print::stage(&format!("{tool:?}"));
    let (mut starts, mut memory, mut builds) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let server = tool.serve(example, "/api/health")?;
        starts.push(server.start);
        memory.push(process_tree::memory_kib(server.pid())?);
        server.stop()?;
    }
    let server = tool.serve(&routes.dir, "/api/r0")?;
    let mut waits = Vec::new();
    for edit in 0..edits {
        waits.push(save_and_wait(&server.authority, routes, edit)?);
    }
    server.stop()?;
    for _ in 0..rounds {
        builds.push(tool.build(&routes.dir)?);
    }
    let (first_answer, build) = (median(&mut starts), median(&mut builds));
    memory.sort_unstable();
    waits.sort_unstable();
    Ok(Figures { first_answer, memory_kib: memory[memory.len() / 2], edits: waits, build })
}

/// Changes one of the routes and asks for it until the answer is the new one.
fn save_and_wait(authority: &str, routes: &Routes, edit: usize) -> Result<Duration> {
    let route = edit * 7 % routes::COUNT;
    let mut client = RawClient::connect(authority)?;
    let mut ask = || -> Result<String> {
        client.send(format!("GET /api/r{route} HTTP/1.1\r\nHost: {authority}\r\n\r\n"))?;
        Ok(client.read()?.text())
    };
    // What is measured is the edit, and not the first time that the route is asked for.
    ask()?;
    let expected = routes.save(route, &format!("edit {edit}"))?;
    let begun = Instant::now();
    while ask()? != expected {
        if begun.elapsed() > EDIT_WAIT_MAX {
            bail!("a save of route {route} did not take effect");
        }
    }
    Ok(begun.elapsed())
}

fn median(all: &mut [Duration]) -> Duration {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

/// A figure of `edits`, which are sorted.
fn share(edits: &[Duration], percent: usize) -> Duration {
    let at = (edits.len() * percent / 100).min(edits.len().saturating_sub(1));
    edits.get(at).copied().unwrap_or_default()
}

fn report(byway: &Figures, next: &Figures, load_average: f64) -> Value {
    let of = |figures: &Figures| {
        json!({
            "first_answer_ms": milliseconds(figures.first_answer),
            "memory_mib": figures.memory_kib / 1024,
            "save_to_answer_ms": {
                "edits": figures.edits.len(),
                "median": milliseconds(share(&figures.edits, 50)),
                "p95": milliseconds(share(&figures.edits, 95)),
            },
            "build_ms": milliseconds(figures.build),
        })
    };
    let machine = machine::describe(&[]);
    json!({ "byway": of(byway), "next": of(next), "machine": machine, "load_average": load_average })
}

fn table(byway: &Figures, next: &Figures) -> String {
    let time = |what: &str, byway: Duration, next: Duration| {
        let ratio = next.as_secs_f64() / byway.as_secs_f64().max(1e-9);
        let (byway, next) = (milliseconds(byway), milliseconds(next));
        format!("| {what} | {byway} ms | {next} ms | {ratio:.1}× |")
    };
    let edits = |what: &str, percent: usize| {
        time(what, share(&byway.edits, percent), share(&next.edits, percent))
    };
    let (own, theirs) = (byway.memory_kib / 1024, next.memory_kib / 1024);
    let memory_ratio = next.memory_kib as f64 / byway.memory_kib.max(1) as f64;
    [
        "| | byway | next | |".to_owned(),
        "|---|---|---|---|".to_owned(),
        time("`dev` to the first answer, example", byway.first_answer, next.first_answer),
        edits("save to the new answer, 100 routes, median", 50),
        edits("the same, 95th percentile", 95),
        time("`build` of 100 routes", byway.build, next.build),
        format!("| memory of `dev`, example | {own} MiB | {theirs} MiB | {memory_ratio:.1}× |"),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{median, share};

    #[test]
    fn figures_are_those_in_the_middle_and_near_the_end() {
        let mut all: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(median(&mut all), Duration::from_millis(51));
        assert_eq!(share(&all, 95), Duration::from_millis(96));
        assert_eq!(share(&[], 95), Duration::ZERO);
    }
}
