//! `byway routes`: what is in force for each route, as a table and as JSON.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::process::{Command, Output};

use byway_testkit::{Fixture, byway_binary};
use serde_json::Value as Json;

fn run(fixture: &Fixture, flags: &[&str]) -> Output {
    let mut command = Command::new(byway_binary(env!("CARGO_BIN_EXE_byway")));
    for name in ["NODE_ENV", "PORT", "BYWAY_WORKERS"] {
        command.env_remove(name);
    }
    command.arg("routes").arg(fixture.path()).args(flags).output().unwrap()
}

fn project() -> Fixture {
    Fixture::new(&[
        ("app/api/users/[id]/route.ts", "export const GET = () => 1\nexport const POST = GET\n"),
        ("app/api/rates/route.ts", "export const revalidate = 60\nexport const GET = () => 1\n"),
        ("app/edge/route.ts", "export const runtime = 'edge'\nexport const GET = () => 1\n"),
        ("app/slow/route.ts", "export const maxDuration = 90\nexport const GET = () => 1\n"),
        ("app/robots.txt", "User-agent: *\n"),
        ("pages/api/old.js", "export default (req, res) => res.end()\n"),
        (
            "proxy.ts",
            "export const config = { matcher: ['/api/:path*', { source: '/slow', has: [{ type: 'cookie', \
             key: 'a' }] }] }\nexport function proxy() {}\n",
        ),
        ("byway.toml", "[limits]\ntimeout = \"20s\"\n"),
    ])
    .unwrap()
}

#[test]
fn the_table_has_kind_proxy_and_policies() {
    let output = run(&project(), &[]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = printed
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(
        rows,
        [
            ["route", "methods", "kind", "proxy", "policies", "file"],
            ["/api/old", "any", "pages", "yes", "timeout 20s", "pages/api/old.js"],
            [
                "/api/rates",
                "GET",
                "cached",
                "yes",
                "revalidate 1m, timeout 20s",
                "app/api/rates/route.ts"
            ],
            [
                "/api/users/[id]",
                "GET POST",
                "dynamic",
                "yes",
                "timeout 20s",
                "app/api/users/[id]/route.ts"
            ],
            ["/edge", "GET", "edge", "no", "timeout 20s", "app/edge/route.ts"],
            ["/robots.txt", "GET", "file", "no", "timeout 20s", "app/robots.txt"],
            ["/slow", "GET", "dynamic", "sometimes", "timeout 90s", "app/slow/route.ts"],
        ]
        .map(Vec::from)
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn json_says_where_a_policy_comes_from() {
    let project = project();
    let output = run(&project, &["--json"]);
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["version"], &json["proxy"]["file"]), (&1.into(), &"proxy.ts".into()));
    let routes = json["routes"].as_array().unwrap();
    let of = |path: &str| routes.iter().find(|it| it["path"] == path).unwrap();
    let policies = |path: &str| of(path)["policies"].clone();
    assert_eq!(
        policies("/slow"),
        serde_json::json!([
            { "name": "timeout", "value": "90s", "origin": "route file", "only": null },
        ])
    );
    assert_eq!(policies("/edge")[0]["origin"], "byway.toml:2");
    assert_eq!(of("/api/old")["router"], "pages");
    assert_eq!(of("/api/users/[id]")["methods"], serde_json::json!(["GET", "POST"]));
    assert!(!project.path().join(".byway").exists(), "nothing is written");
}

#[test]
fn sources_that_cannot_be_compiled_are_an_error() {
    let fixture = Fixture::new(&[("app/a/route.ts", "export const = 1\n")]).unwrap();
    let output = run(&fixture, &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("app/a/route.ts:1:14"));
}
