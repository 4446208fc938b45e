//! `byway build` as a new user meets it: the route table, and errors that can be acted on.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use byway_testkit::{BuildOutput, Fixture, byway_binary};

fn build(files: &[(&str, &str)]) -> (Fixture, BuildOutput) {
    let fixture = Fixture::new(files).unwrap();
    let output = fixture.build(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, output)
}

#[test]
fn the_route_table_lists_path_methods_and_kind() {
    let (_fixture, output) = build(&[
        (
            "app/api/users/route.ts",
            "export const GET = () => new Response('a')\nexport const POST = GET\n",
        ),
        ("app/api/users/[id]/route.ts", "export function DELETE() { return new Response(null) }\n"),
        ("app/(shop)/cart/[[...rest]]/route.js", "export async function GET() {}\n"),
        ("app/_lib/route.ts", "export const GET = 1\n"),
        ("pages/api/old.js", "export default function handler(req, res) { res.end() }\n"),
    ]);
    assert_eq!(output.code(), Some(0), "{}", output.stderr);
    let rows: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .map(|line| line.split("  ").filter(|c| !c.is_empty()).collect())
        .collect();
    assert_eq!(
        rows[0],
        ["route", "methods", "kind", "size"].map(|name| rows[0]
            .iter()
            .find(|c| c.trim() == name)
            .copied()
            .unwrap())
    );
    let mut found: Vec<(&str, &str, &str)> =
        rows[1..].iter().map(|row| (row[0].trim(), row[1].trim(), row[2].trim())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/api/old", "any", "pages"),
            ("/api/users", "GET POST", "app"),
            ("/api/users/[id]", "DELETE", "app"),
            ("/cart/[[...rest]]", "GET", "app"),
        ]
    );
    assert!(output.stderr.contains("built 4 routes in "), "{}", output.stderr);
}

#[test]
fn all_bad_files_are_reported_in_one_go() {
    let (_fixture, output) = build(&[
        ("app/a/route.ts", "export function GET() {\n  return new Response('x'\n}\n"),
        ("app/b/route.ts", "import { db } from '../../lib/dbx'\nexport const GET = () => db\n"),
        ("app/c/route.ts", "import { z } from 'zodd'\nexport const GET = () => z\n"),
        ("app/d/route.ts", "export const GET = () => new Response('fine')\n"),
        ("lib/db.ts", "export const db = 1\n"),
    ]);
    assert_eq!(output.code(), Some(1));
    assert_eq!(output.stdout, "");
    for place in ["app/a/route.ts:", "app/b/route.ts:1:20", "app/c/route.ts:1:19"] {
        assert!(output.stderr.contains(place), "no {place} in:\n{}", output.stderr);
    }
    assert!(!output.stderr.contains("app/d/"), "{}", output.stderr);
    assert!(output.stderr.contains("the build failed with 3 errors"), "{}", output.stderr);
    assert!(!output.stderr.contains(std::env::temp_dir().to_str().unwrap()), "{}", output.stderr);
}

#[test]
fn conflicting_routes_name_both_files() {
    let handler = "export const GET = () => new Response()\n";
    let (_fixture, output) =
        build(&[("app/(a)/x/route.ts", handler), ("app/(b)/x/route.ts", handler)]);
    assert_eq!(output.code(), Some(1));
    for file in ["app/(a)/x/route.ts", "app/(b)/x/route.ts"] {
        assert!(output.stderr.contains(file), "no {file} in:\n{}", output.stderr);
    }
}

#[test]
fn a_failed_build_leaves_the_earlier_one_in_place() {
    let (fixture, output) =
        build(&[("app/a/route.ts", "export const GET = () => new Response('one')\n")]);
    assert_eq!(output.code(), Some(0), "{}", output.stderr);
    let before = fixture.read(".byway/manifest.json").unwrap();
    fixture.write("app/a/route.ts", "export const GET = (\n").unwrap();
    let output = fixture.build(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    assert_eq!(output.code(), Some(1));
    assert_eq!(fixture.read(".byway/manifest.json").unwrap(), before);
}

#[test]
fn a_folder_that_is_no_project_is_named_as_such() {
    let (_fixture, output) = build(&[("readme.txt", "nothing here")]);
    assert_eq!(output.code(), Some(1));
    assert!(output.stderr.contains("app/"), "{}", output.stderr);
}

#[test]
fn what_this_version_does_not_do_is_said_loudly() {
    let (_fixture, output) = build(&[
        ("app/a/route.ts", "export const GET = () => new Response('a')\n"),
        ("static/a.txt", "a"),
    ]);
    assert_eq!(output.code(), Some(0), "{}", output.stderr);
    assert!(output.stderr.contains(" --> static/"), "{}", output.stderr);
}
