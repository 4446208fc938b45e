use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::assert_none;
use crate::project;
use crate::running::capture;

/// Arrows between crates point down only: a crate may use those of later lines.
const LAYERS: [&[&str]; 7] = [
    &["byway"],
    &["byway-http", "byway-compile", "byway-check"],
    &["byway-project"],
    &["byway-gate", "byway-cache", "byway-pool", "byway-routes"],
    &["byway-store", "byway-wire", "byway-config", "byway-observe"],
    &["byway-error"],
    // Used by tests and by xtask; knows none of the others.
    &["byway-testkit"],
];
/// Crates that belong to one place, by the beginning of their name.
const RESERVED: [(&str, &[&str]); 4] = [
    ("rolldown", &["byway-compile"]),
    ("oxc", &["byway-check", "byway-compile"]),
    ("clap", &["byway"]),
    // For programs; and the bundler's plugin interface speaks anyhow.
    ("anyhow", &["bare-hyper", "byway", "byway-compile", "xtask"]),
];

struct Dependency {
    from: String,
    to: String,
    is_dev: bool,
}

fn dependencies() -> Vec<Dependency> {
    let metadata = project::metadata().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            found.push(Dependency {
                from: text(&package["name"]),
                to: text(&dependency["name"]),
                is_dev: dependency["kind"] == "dev",
            });
        }
    }
    assert!(found.len() > 20, "cargo metadata shows no dependencies");
    found
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

#[test]
fn arrows_between_crates_point_down() {
    let mut wrong = Vec::new();
    for Dependency { from, to, is_dev } in dependencies() {
        let ours = to == "byway" || to.starts_with("byway-");
        if !ours || is_dev || from == "xtask" {
            continue;
        }
        match (layer_of(&from), layer_of(&to)) {
            (Some(above), Some(below)) if above < below && to != "byway-testkit" => {}
            (Some(_), Some(_)) => wrong.push(format!("{from} may not use {to}")),
            _ => wrong.push(format!("{from} or {to} has no layer in {}", file!())),
        }
    }
    assert_none(&wrong);
}

#[test]
fn some_crates_belong_to_one_place() {
    let mut wrong = Vec::new();
    for Dependency { from, to, .. } in dependencies() {
        for (prefix, owners) in RESERVED {
            let is_family = to == prefix || to.starts_with(&format!("{prefix}_"));
            if is_family && !owners.contains(&from.as_str()) {
                wrong.push(format!("{from} may not use {to}: it belongs to {owners:?}"));
            }
        }
    }
    assert_none(&wrong);
}

/// Packages of the workspace's graph with the features they are built with.
fn features(edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut tree = project::cargo();
    tree.args(["tree", "--workspace", "--locked", "--offline", "--prefix", "none"]);
    let text = capture(tree.args(["--edges", edges, "--format", "{p}\t{f}"])).unwrap();
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let (package, features) = line.split_once('\t').unwrap_or((line, ""));
        packages
            .entry(package.to_owned())
            .or_default()
            .insert(features.trim_end_matches(" (*)").to_owned());
    }
    packages
}

/// The bundler takes minutes to compile. If a dependency of tests switched on a feature anywhere
/// below it, `cargo build` and the tests would each compile their own.
#[test]
fn tests_build_everything_with_the_features_of_the_plain_build() {
    let plain = features("normal,build");
    let tests = features("normal,build,dev");
    assert!(plain.keys().any(|package| package.starts_with("rolldown v")));
    let wrong: Vec<String> = plain
        .iter()
        .filter(|(package, features)| tests.get(*package) != Some(*features))
        .map(|(package, features)| format!("{package}: {features:?}, {:?}", tests.get(package)))
        .collect();
    assert_none(&wrong);
}
