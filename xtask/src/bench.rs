//! `cargo xtask bench`: byway beside what people run today, on the same handlers, in turn, in
//! several rounds.
//!
//! One server runs at a time. In each round every contestant is started, checked, loaded with each
//! scenario and stopped; the next round begins with another contestant, so that none always has the
//! warm or the cold machine. Every figure is the median of the rounds.

#![expect(clippy::cast_precision_loss, reason = "what is measured stays far below 2^52")]

mod contestant;
mod crowd;
mod development;
mod load;
mod machine;
mod measure;
mod process_tree;
mod scenario;
mod server;
mod summary;
mod table;
mod verify;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::arguments::Arguments;
use crate::{node, print};
use contestant::Contestant;
use measure::Visit;
use scenario::Scenario;

/// Connections of the throughput run.
const CONNECTIONS: u32 = 64;
const SECONDS_DEFAULT: u32 = 5;
const ROUNDS_DEFAULT: usize = 3;

/// Above this average load the machine has other things to do.
const LOAD_AVERAGE_QUIET: f64 = 0.7;

/// What to run and how long.
struct Plan {
    contestants: Vec<Contestant>,
    scenarios: Vec<Scenario>,
    rounds: usize,
    seconds: Seconds,
    json_path: Option<String>,
}

/// How long each run of the load generator takes.
#[derive(Clone, Copy)]
struct Seconds {
    load: u32,
    latency: u32,
    warm: u32,
}

pub(crate) fn run(mut arguments: Arguments) -> Result<ExitCode> {
    match arguments.next_word().as_deref() {
        None => {}
        Some("dev") => return development::run(arguments),
        Some(word) => bail!("`bench {word}` is unknown, there is: bench dev"),
    }
    let crowd = arguments.flag("--crowd");
    let plan = plan(&mut arguments)?;
    arguments.finish()?;
    node::require()?;
    load::require()?;
    if crowd {
        return crowd::run(plan.seconds);
    }
    contestant::prepare(&plan.contestants)?;
    print::stage(&format!("about {} minutes", minutes(&plan)));
    let load_average = machine::load_average();
    if load_average > LOAD_AVERAGE_QUIET {
        print::progress(&format!(
            "WARNING: the load average is {load_average}: others use this machine, and the figures \
             below are theirs too"
        ));
    }
    let mut visits: Vec<Visit> = Vec::new();
    for round in 0..plan.rounds {
        for turn in 0..plan.contestants.len() {
            let contestant = &plan.contestants[(round + turn) % plan.contestants.len()];
            let visit = measure::visit(contestant, &plan.scenarios, plan.seconds, round)
                .with_context(|| format!("{}, round {}", contestant.name, round + 1))?;
            visits.push(visit);
        }
    }
    let report = summary::Report::new(&plan, &visits, load_average);
    print::data(&table::render(&report));
    if let Some(path) = &plan.json_path {
        fs::write(path, report.to_json()).with_context(|| format!("writing {path}"))?;
    }
    if report.errors > 0 {
        bail!("{} requests failed: the figures above are worth nothing", report.errors);
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(arguments: &mut Arguments) -> Result<Plan> {
    let quick = arguments.flag("--quick");
    let seconds = arguments.parsed("--seconds")?.unwrap_or(if quick { 1 } else { SECONDS_DEFAULT });
    let rounds = arguments.parsed("--rounds")?.unwrap_or(if quick { 1 } else { ROUNDS_DEFAULT });
    if seconds == 0 || rounds == 0 {
        bail!("`--seconds` and `--rounds` begin at 1");
    }
    let contestants =
        chosen(contestant::all()?, &arguments.list("--only")?, |contestant| contestant.name)?;
    let scenarios =
        chosen(scenario::all(), &arguments.list("--scenario")?, |scenario| scenario.name)?;
    let seconds =
        Seconds { load: seconds, latency: seconds.div_ceil(2), warm: if quick { 1 } else { 2 } };
    Ok(Plan { contestants, scenarios, rounds, seconds, json_path: arguments.value("--json")? })
}

/// Those that are named, in their own order; all when none is.
fn chosen<T>(all: Vec<T>, names: &[String], name_of: impl Fn(&T) -> &str) -> Result<Vec<T>> {
    let known: Vec<String> = all.iter().map(|item| name_of(item).to_owned()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("`{unknown}` is unknown, there are: {}", known.join(", "));
    }
    let wanted = |item: &T| names.is_empty() || names.iter().any(|name| name == name_of(item));
    Ok(all.into_iter().filter(wanted).collect())
}

fn minutes(plan: &Plan) -> usize {
    let Seconds { load, latency, warm } = plan.seconds;
    let runs = plan.contestants.len() * plan.scenarios.len() * plan.rounds;
    runs.saturating_mul((load + latency + warm) as usize).div_ceil(60)
}
