//! Medians over the rounds, for the table and as JSON.

use serde_json::{Value, json};

use super::measure::{Run, Visit};
use super::{CONNECTIONS, Plan, machine};

/// Everything that a reader is told.
pub(crate) struct Report {
    pub(crate) machine: Value,
    pub(crate) settings: Value,
    pub(crate) scenarios: Vec<ScenarioSummary>,
    pub(crate) servers: Vec<ServerSummary>,
    pub(crate) errors: u64,
}

pub(crate) struct ScenarioSummary {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// One contestant in one scenario: the median of each figure.
pub(crate) struct Row {
    pub(crate) contestant: &'static str,
    pub(crate) figures: [f64; 6],
    pub(crate) errors: u64,
    rounds: Vec<[f64; 6]>,
}

pub(crate) struct ServerSummary {
    pub(crate) contestant: &'static str,
    pub(crate) start_ms: f64,
    pub(crate) memory_mib: f64,
}

/// The figures of a row, in their order.
pub(crate) const FIGURES: [&str; 6] = [
    "requests_per_second",
    "processor_us_per_request",
    "p50_us",
    "p99_us",
    "single_connection_p50_us",
    "single_connection_p99_us",
];

impl Report {
    pub(crate) fn new(plan: &Plan, visits: &[Visit], load_average: f64) -> Self {
        let names: Vec<&'static str> =
            plan.contestants.iter().map(|contestant| contestant.name).collect();
        let scenarios = plan.scenarios.iter().map(|scenario| ScenarioSummary {
            name: scenario.name,
            what: scenario.what,
            rows: names
                .iter()
                .filter(|name| scenario.is_for(name))
                .map(|name| row(name, scenario.name, visits))
                .collect(),
        });
        let runs = visits.iter().flat_map(|visit| &visit.runs);
        Self {
            machine: machine::describe(&plan.contestants),
            settings: json!({
                "rounds": plan.rounds, "connections": CONNECTIONS,
                "load_average_before": load_average,
                "load_seconds": plan.seconds.load,
                "latency_seconds": plan.seconds.latency,
                "warm_seconds": plan.seconds.warm,
            }),
            scenarios: scenarios.collect(),
            servers: names.iter().map(|name| server(name, visits)).collect(),
            errors: runs.map(|run| run.errors).sum(),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let row = |row: &Row| {
            let figures = |values: &[f64; 6]| -> serde_json::Map<String, Value> {
                let named = FIGURES.iter().zip(values);
                named.map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
            };
            json!({
                "contestant": row.contestant, "errors": row.errors,
                "median": figures(&row.figures),
                "rounds": row.rounds.iter().map(figures).collect::<Vec<_>>(),
            })
        };
        let scenario = |scenario: &ScenarioSummary| {
            json!({
                "scenario": scenario.name, "what": scenario.what,
                "contestants": scenario.rows.iter().map(row).collect::<Vec<_>>(),
            })
        };
        let server = |server: &ServerSummary| {
            json!({
                "contestant": server.contestant, "start_ms": server.start_ms,
                "memory_mib": server.memory_mib,
            })
        };
        let report = json!({
            "machine": self.machine, "settings": self.settings, "errors": self.errors,
            "scenarios": self.scenarios.iter().map(scenario).collect::<Vec<_>>(),
            "servers": self.servers.iter().map(server).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }
}

fn row(contestant: &'static str, scenario: &str, visits: &[Visit]) -> Row {
    let own = visits.iter().filter(|visit| visit.contestant == contestant);
    let runs: Vec<&Run> =
        own.flat_map(|visit| &visit.runs).filter(|run| run.scenario == scenario).collect();
    let rounds: Vec<[f64; 6]> = runs
        .iter()
        .map(|run| {
            [
                run.requests_per_second,
                run.processor_us,
                run.p50_us,
                run.p99_us,
                run.single_p50_us,
                run.single_p99_us,
            ]
        })
        .collect();
    let figure = |index: usize| median(rounds.iter().map(|round| round[index]));
    Row {
        contestant,
        figures: std::array::from_fn(figure),
        errors: runs.iter().map(|run| run.errors).sum(),
        rounds,
    }
}

fn server(contestant: &'static str, visits: &[Visit]) -> ServerSummary {
    let own = || visits.iter().filter(|visit| visit.contestant == contestant);
    ServerSummary {
        contestant,
        start_ms: median(own().map(|visit| visit.start_ms)),
        memory_mib: median(own().map(|visit| visit.memory_mib)),
    }
}

/// The middle value; of two middle values their mean; 0 of nothing.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_ignores_outliers() {
        let check = |values: &[f64], expect: f64| {
            assert!((median(values.iter().copied()) - expect).abs() < 1e-9, "{values:?}");
        };
        check(&[3.0, 1000.0, 1.0], 3.0);
        check(&[4.0, 2.0], 3.0);
        check(&[], 0.0);
    }
}
