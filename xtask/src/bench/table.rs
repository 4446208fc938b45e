//! The report as Markdown tables, so that it can be pasted into documents as it is. In brackets:
//! each figure as a multiple of byway's.

use std::fmt::Write as _;

use super::summary::{Report, Row, ScenarioSummary};

/// The contestant that the ratios refer to.
const BASE: &str = "byway";

pub(crate) fn render(report: &Report) -> String {
    let mut text = machine_line(report);
    for scenario in &report.scenarios {
        text.push_str(&scenario_table(scenario));
    }
    text.push_str(
        "\n### start and memory\n\n\
         | server | start to first answer, ms | memory after load, MiB |\n|---|--:|--:|\n",
    );
    let base = report.servers.iter().find(|server| server.contestant == BASE);
    for server in &report.servers {
        let start = with_ratio(server.start_ms, base.map(|base| base.start_ms), 0);
        let memory = with_ratio(server.memory_mib, base.map(|base| base.memory_mib), 0);
        // Writing into a string cannot fail.
        let _ = writeln!(text, "| {} | {start} | {memory} |", server.contestant);
    }
    text
}

fn machine_line(report: &Report) -> String {
    let field = |name: &str| {
        let value = &report.machine[name];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let versions = report.machine["versions"].as_object().into_iter().flatten();
    let versions: Vec<&str> = versions.filter_map(|(_, version)| version.as_str()).collect();
    let setting = |name: &str| report.settings[name].to_string();
    format!(
        "{}, {} cores, {} GiB, {}, Linux {}, Node {}; {}.\n\
         wrk with {} thread and {} connections, {} rounds of {} s \
         in turn, medians. Compression and telemetry off, everything else as it comes.\n",
        field("processor"),
        field("cores"),
        field("memory_gib"),
        field("system"),
        field("kernel"),
        field("node"),
        versions.join("; "),
        field("load_threads"),
        setting("connections"),
        setting("rounds"),
        setting("load_seconds"),
    )
}

fn scenario_table(scenario: &ScenarioSummary) -> String {
    let mut text = format!(
        "\n### {}: {}\n\n| server | requests/s | CPU µs/request | p50 µs | p99 µs \
         | 1 connection: p50 µs | p99 µs | errors |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
        scenario.name, scenario.what
    );
    let base = scenario.rows.iter().find(|row| row.contestant == BASE);
    for row in &scenario.rows {
        let cells: Vec<String> =
            (0..row.figures.len()).map(|index| cell(row, base, index)).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "| {} | {} | {} |", row.contestant, cells.join(" | "), row.errors);
    }
    text
}

fn cell(row: &Row, base: Option<&Row>, index: usize) -> String {
    // Processor time is a matter of microseconds and their tenths.
    let decimals = usize::from(index == 1);
    with_ratio(row.figures[index], base.map(|base| base.figures[index]), decimals)
}

fn with_ratio(value: f64, base: Option<f64>, decimals: usize) -> String {
    match base {
        Some(base) if base > 0.0 => format!("{value:.decimals$} ({:.2}×)", value / base),
        _ => format!("{value:.decimals$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::with_ratio;

    #[test]
    fn ratios_refer_to_byway_where_it_took_part() {
        assert_eq!(with_ratio(30.0, Some(20.0), 1), "30.0 (1.50×)");
        assert_eq!(with_ratio(30.4, None, 0), "30");
        assert_eq!(with_ratio(30.0, Some(0.0), 0), "30");
    }
}
