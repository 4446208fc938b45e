//! `cargo xtask bench dev`: what a person waits for while a project is written, beside Next.
//!
//! Two projects: a copy of the example, and one of a hundred routes that is made for the occasion.
//! Of both servers the same is asked: the time to the first answer, from a save to the first answer
//! that shows it, the memory after one request and after a session; then the time of a build.

mod routes;
mod session;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::contestant::{folder, next_binary};
use super::scenario::Scenario;
use super::server::{Server, free_port};
use super::{LOAD_AVERAGE_QUIET, machine, process_tree};
use crate::arguments::Arguments;
use crate::running::capture;
use crate::{demo, node, print, project};
use routes::Routes;
use session::Copy;

const EDITS_DEFAULT: usize = 50;
const ROUNDS_DEFAULT: usize = 5;
/// What a server that nobody asks gets to put away what it needed last, before its memory is read.
const REST: Duration = Duration::from_secs(5);

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
    /// Of the example, the first time ever and later.
    first_start: Duration,
    first_answer: Duration,
    /// Of the example's server, in KiB, when it has answered one request and rests.
    memory_begun_kib: u64,
    /// The same after a session: all routes asked, and the edits.
    memory_session_kib: u64,
    /// From a save to the answer that shows it, in the example.
    edits_example: Vec<Duration>,
    /// The same with a hundred routes.
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
    let plan = Plan { example, routes: Routes::make(&folder())?, edits, rounds };
    let byway = measure(Tool::Byway, &plan, rounds)?;
    // Next needs so long for a build that one tells enough.
    let next = measure(Tool::Next, &plan, 1)?;
    let report = report(&byway, &next, load_average);
    print::data(&table(&byway, &next));
    print::data(&format!("\nThe load average before the run was {load_average}."));
    if let Some(path) = json_path {
        fs::write(&path, format!("{report:#}\n")).with_context(|| format!("writing {path}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is asked of each tool.
struct Plan {
    example: PathBuf,
    routes: Routes,
    edits: usize,
    rounds: usize,
}

fn measure(tool: Tool, plan: &Plan, builds: usize) -> Result<Figures> {
    print::stage(&format!("{tool:?}"));
    // Of its own, so that no tool finds what another has left.
    let example = Copy::of(&plan.example)?;
    let first_start = start_and_stop(tool, &example)?;
    let mut starts = Vec::new();
    for _ in 0..plan.rounds {
        starts.push(start_and_stop(tool, &example)?);
    }
    let server = tool.serve(&example.dir, "/api/health")?;
    thread::sleep(REST);
    let memory_begun_kib = process_tree::memory_kib(server.pid())?;
    let visited = example.visit(&server.authority)?;
    let edits = (1..=plan.edits).map(|number| example.edit(&server.authority, number));
    let mut edits_example = edits.collect::<Result<Vec<_>>>()?;
    example.restore()?;
    thread::sleep(REST);
    let memory_session_kib = process_tree::memory_kib(server.pid())?;
    print::progress(&format!("the session: {visited} routes, {} edits", plan.edits));
    server.stop()?;
    let mut edits = edit_routes(tool, plan)?;
    let mut times = Vec::new();
    for _ in 0..builds {
        times.push(tool.build(&plan.routes.dir)?);
    }
    edits_example.sort_unstable();
    edits.sort_unstable();
    Ok(Figures {
        first_start,
        first_answer: median(&mut starts),
        memory_begun_kib,
        memory_session_kib,
        edits_example,
        edits,
        build: median(&mut times),
    })
}

fn start_and_stop(tool: Tool, example: &Copy) -> Result<Duration> {
    let server = tool.serve(&example.dir, "/api/health")?;
    let start = server.start;
    server.stop()?;
    Ok(start)
}

/// Changes routes of the project of a hundred, one after the other.
fn edit_routes(tool: Tool, plan: &Plan) -> Result<Vec<Duration>> {
    let server = tool.serve(&plan.routes.dir, "/api/r0")?;
    let mut waits = Vec::new();
    for edit in 0..plan.edits {
        let route = edit * 7 % routes::COUNT;
        let (word, path) = (format!("edit {edit} of {tool:?}"), format!("/api/r{route}"));
        let expected = routes::answer(route, &word);
        let save = || plan.routes.save(route, &word);
        let is_new = |answer: &str| answer == expected;
        waits.push(session::save_and_wait(&server.authority, &path, save, is_new)?);
    }
    server.stop()?;
    Ok(waits)
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
    let edits = |all: &[Duration]| {
        json!({
            "edits": all.len(),
            "median": milliseconds(share(all, 50)),
            "p95": milliseconds(share(all, 95)),
        })
    };
    let of = |figures: &Figures| {
        json!({
            "first_start_ms": milliseconds(figures.first_start),
            "first_answer_ms": milliseconds(figures.first_answer),
            "memory_after_one_request_mib": figures.memory_begun_kib / 1024,
            "memory_after_session_mib": figures.memory_session_kib / 1024,
            "save_to_answer_example_ms": edits(&figures.edits_example),
            "save_to_answer_ms": edits(&figures.edits),
            "build_ms": milliseconds(figures.build),
        })
    };
    let machine = machine::describe(&[]);
    json!({ "byway": of(byway), "next": of(next), "machine": machine, "load_average": load_average })
}

fn table(byway: &Figures, next: &Figures) -> String {
    let time = |what: &str, of: fn(&Figures) -> Duration| {
        let (byway, next) = (of(byway), of(next));
        let ratio = next.as_secs_f64() / byway.as_secs_f64().max(1e-9);
        let (byway, next) = (milliseconds(byway), milliseconds(next));
        format!("| {what} | {byway} ms | {next} ms | {ratio:.1}× |")
    };
    let memory = |what: &str, of: fn(&Figures) -> u64| {
        let (byway, next) = (of(byway), of(next));
        let ratio = next as f64 / byway.max(1) as f64;
        format!("| {what} | {} MiB | {} MiB | {ratio:.1}× |", byway / 1024, next / 1024)
    };
    [
        "| | byway | next | |".to_owned(),
        "|---|---|---|---|".to_owned(),
        time("`dev` to the first answer, example", |it| it.first_answer),
        time("the same, the first time ever", |it| it.first_start),
        time("save to the new answer, example, median", |it| share(&it.edits_example, 50)),
        time("the same, 95th percentile", |it| share(&it.edits_example, 95)),
        time("save to the new answer, 100 routes, median", |it| share(&it.edits, 50)),
        time("the same, 95th percentile", |it| share(&it.edits, 95)),
        time("`build` of 100 routes", |it| it.build),
        memory("memory of `dev` after a session, example", |it| it.memory_session_kib),
        memory("the same after one request", |it| it.memory_begun_kib),
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
