//! What parsing and matching a path costs: `cargo bench -p byway-routes`, nanoseconds per request.
//!
//! Each figure is the best of several rounds, which other work on the machine disturbs least.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Write as _, stdout};
use std::time::Instant;

use byway_routes::path::{PathOptions, PathOutcome, parse_target};
use byway_routes::pattern::Pattern;
use byway_routes::router::{ParamValue, Router};

const ROUNDS: usize = 15;
const REQUESTS_PER_ROUND: u32 = 100_000;

const TARGETS: [&str; 9] = [
    "/",
    "/api/health",
    "/api/users/42",
    "/api/users/42/orders/7?expand=items&page=2",
    "/api/resource17/9f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0",
    "/api/files/2026/11/21/report.pdf",
    "/api/users/me/orders/7",
    "/api/users/caf%C3%A9%20%2F",
    "/no/such/route",
];

fn main() {
    let mut patterns = vec![
        "/".to_owned(),
        "/api/health".to_owned(),
        "/api/users".to_owned(),
        "/api/users/[id]".to_owned(),
        "/api/users/me".to_owned(),
        "/api/users/[id]/orders".to_owned(),
        "/api/users/[id]/orders/[order]".to_owned(),
        "/api/files/[...path]".to_owned(),
        "/docs/[[...slug]]".to_owned(),
    ];
    for number in 0..50 {
        patterns.push(format!("/api/resource{number}"));
        patterns.push(format!("/api/resource{number}/[id]"));
    }
    let patterns: Vec<Pattern> =
        patterns.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
    let router = Router::new(&patterns);
    let options = PathOptions::default();

    let mut report =
        format!("{} routes\n{:>10} {:>10}  target\n", patterns.len(), "parse", "+ match");
    for target in TARGETS {
        let parse = best(|| {
            black_box(parse_target(black_box(target.as_bytes()), &options));
        });
        let both = best(|| {
            if let PathOutcome::Path(path) = parse_target(black_box(target.as_bytes()), &options) {
                black_box(value_bytes(&router, &path));
            }
        });
        writeln!(report, "{parse:>7.1} ns {both:>7.1} ns  {target}").unwrap_or_default();
    }
    // The figures are the whole output of this program.
    stdout().write_all(report.as_bytes()).unwrap_or_default();
}

/// Matches and reads every parameter.
fn value_bytes(router: &Router, path: &byway_routes::path::RequestPath) -> usize {
    let Some(found) = router.matches(path) else { return 0 };
    let values = found.params().map(|(name, value)| match value {
        ParamValue::One(text) => name.len() + text.len(),
        ParamValue::Many(texts) => name.len() + texts.map(str::len).sum::<usize>(),
    });
    values.sum()
}

fn best(mut request: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..REQUESTS_PER_ROUND {
            request();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(REQUESTS_PER_ROUND));
    }
    best
}
