//! Replays the cases that were recorded from real Next against the same fixture projects.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that fails is the right answer to an error"
)]

use std::path::Path;

use byway_testkit::conformance::{Corpus, KnownDifferences, Options, run};
use byway_testkit::{Fixture, byway_binary};

fn replay(app: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
    let corpus = Corpus::load(&folder, app).unwrap();
    let known = KnownDifferences::load(&folder.join("known-differences.json"), app).unwrap();
    let fixture = Fixture::copy_of(folder.join(app)).unwrap();
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    // Timing cases may meet a machine that is busy with other tests.
    let options = Options { retries: 2, ..Options::default() };
    let report = run(&server.base_url(), &corpus, &options);
    let verdict = known.judge(&report);
    println!("{}\n{app}: {verdict}", report.table());
    assert!(verdict.is_fine(), "{app}:\n{verdict}");
}

#[test]
fn app() {
    replay("app");
}

#[test]
fn app2() {
    replay("app2");
}

#[test]
fn app3() {
    replay("app3");
}
