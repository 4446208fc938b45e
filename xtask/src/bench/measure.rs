//! One contestant in one round.

use anyhow::{Context as _, Result};

use super::contestant::Contestant;
use super::load::Measured;
use super::scenario::{Scenario, all};
use super::server::Server;
use super::{CONNECTIONS, Seconds, load, process_tree, verify};
use crate::print;

/// What one round showed of one contestant.
pub(crate) struct Visit {
    pub(crate) contestant: &'static str,
    pub(crate) start_ms: f64,
    /// After all scenarios.
    pub(crate) memory_mib: f64,
    pub(crate) runs: Vec<Run>,
}

/// One scenario in one round.
pub(crate) struct Run {
    pub(crate) scenario: &'static str,
    pub(crate) requests_per_second: f64,
    pub(crate) processor_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// With one connection.
    pub(crate) single_p50_us: f64,
    pub(crate) single_p99_us: f64,
    pub(crate) errors: u64,
}

/// Starts the contestant, checks its answers, loads it and stops it.
pub(crate) fn visit(
    contestant: &Contestant,
    scenarios: &[Scenario],
    seconds: Seconds,
    round: usize,
) -> Result<Visit> {
    let first = all().into_iter().next().context("there is no scenario")?;
    let mut server = Server::start(contestant, &first)?;
    verify::check(&server.authority, contestant.name)
        .with_context(|| format!("the server printed:\n{}", server.output()))?;
    let mut runs = Vec::new();
    for scenario in scenarios.iter().filter(|scenario| scenario.is_for(contestant.name)) {
        let run = run(&server, scenario, seconds)?;
        print::progress(&format!(
            "round {} {:<10} {:<10} {:>9.0} requests/s {:>8.1} µs of processor time each",
            round + 1,
            contestant.name,
            scenario.name,
            run.requests_per_second,
            run.processor_us
        ));
        runs.push(run);
    }
    let memory_mib = process_tree::memory_kib(server.pid())? as f64 / 1024.0;
    let start_ms = server.start.as_secs_f64() * 1e3;
    server.stop()?;
    Ok(Visit { contestant: contestant.name, start_ms, memory_mib, runs })
}

fn run(server: &Server, scenario: &Scenario, seconds: Seconds) -> Result<Run> {
    let Seconds { load, latency, warm } = seconds;
    send(server, scenario, CONNECTIONS, warm)?;
    let before = process_tree::processor_time(server.pid())?;
    let loaded = send(server, scenario, CONNECTIONS, load)?;
    let spent = process_tree::processor_time(server.pid())?.saturating_sub(before);
    let single = send(server, scenario, 1, latency)?;
    Ok(Run {
        scenario: scenario.name,
        requests_per_second: loaded.requests_per_second(),
        processor_us: spent.as_secs_f64() * 1e6 / loaded.requests.max(1) as f64,
        p50_us: loaded.p50_us as f64,
        p99_us: loaded.p99_us as f64,
        single_p50_us: single.p50_us as f64,
        single_p99_us: single.p99_us as f64,
        errors: loaded.errors() + single.errors(),
    })
}

fn send(server: &Server, scenario: &Scenario, connections: u32, seconds: u32) -> Result<Measured> {
    load::run(&server.authority, scenario, connections, seconds)
}
