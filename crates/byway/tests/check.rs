//! `byway check` on projects with known faults, and on real ones without any.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::process::{Command, Output};

use byway_testkit::{Fixture, byway_binary};
use serde_json::Value as Json;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn run(dir: &str, flags: &[&str]) -> Output {
    let mut command = Command::new(byway_binary(env!("CARGO_BIN_EXE_byway")));
    for name in ["NODE_ENV", "PORT", "BYWAY_WORKERS"] {
        command.env_remove(name);
    }
    command.args(["check", dir]).args(flags).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The findings as `rule file:line`, sorted, and the exit code.
fn findings(dir: &str, flags: &[&str]) -> (Vec<String>, Option<i32>) {
    let output = run(dir, &[flags, &["--json"]].concat());
    let json: Json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    assert_eq!(json["version"], 1);
    let found = json["findings"].as_array().unwrap().iter().map(|it| {
        let word = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
        let line = it["line"].as_u64().map_or(String::new(), |line| format!(":{line}"));
        format!("{} {} {}{line}", word("severity"), word("rule"), word("file"))
    });
    let mut found: Vec<String> = found.collect();
    found.sort_unstable();
    (found, output.status.code())
}

#[track_caller]
fn finds(files: &[(&str, &str)], expect: &[&str]) {
    let fixture = Fixture::new(files).unwrap();
    let (found, code) = findings(fixture.path().to_str().unwrap(), &[]);
    assert_eq!(found, expect);
    let has_errors = expect.iter().any(|line| line.starts_with("error"));
    assert_eq!(code, Some(i32::from(has_errors)));
    assert!(!fixture.path().join(".byway").exists(), "check writes nothing");
}

const FINE: &str = "export const GET = () => new Response('fine')\n";

#[test]
fn a_project_without_faults_has_no_findings() {
    finds(&[("app/a/route.ts", FINE), ("package.json", "{}")], &[]);
}

#[test]
fn what_keeps_a_project_from_being_built_is_an_error() {
    finds(
        &[
            ("app/a/route.ts", "export function GET() {\n  return new Response('x'\n}\n"),
            ("app/b/route.ts", "import { db } from '../../lib/dbx'\nexport const GET = () => db\n"),
            ("app/c/route.ts", "import { z } from 'zodd'\nexport const GET = () => z\n"),
            ("app/d/route.ts", "export const maxDuration = 'long'\nexport const GET = () => 1\n"),
            ("lib/db.ts", "export const db = 1\n"),
            ("byway.toml", "[limits]\ntimeuot = \"7s\"\n"),
        ],
        &[
            "error build app/a/route.ts:3",
            "error build app/b/route.ts:1",
            "error build app/c/route.ts:1",
            "error build app/d/route.ts:1",
            "error settings byway.toml:2",
            "warning forgotten-response app/d/route.ts:2",
        ],
    );
}

#[test]
fn next_config_is_read_as_the_build_reads_it() {
    let config = "export default () => ({ images: {}, webpack: (c) => c, bassePath: '/x' })\n";
    finds(
        &[("app/a/route.ts", FINE), ("next.config.mjs", config)],
        &[
            "note ignored-settings next.config.mjs",
            "warning project next.config.mjs:1",
            "warning project next.config.mjs:1",
        ],
    );
    finds(
        &[("app/a/route.ts", FINE), ("next.config.mjs", "throw new Error('no database')\n")],
        &["error project next.config.mjs:1"],
    );
}

#[test]
fn the_mistakes_of_tutorials_are_found() {
    finds(
        &[
            ("package.json", r#"{ "dependencies": { "next": "^16.4.6", "zod": "4.6.7" } }"#),
            (".env", "STRIPE_KEY=x\n"),
            (
                "app/users/[id]/route.ts",
                "import { cookies } from 'next/headers'\n\
                 export async function GET(request: Request, { params }: any) {\n\
                 const session = cookies().get('session')\n\
                 return Response.json({ id: params.id, session })\n\
                 }\n\
                 export async function DELTE() { return Response.json({}) }\n",
            ),
            ("app/lower/route.ts", "export async function get() { return Response.json({}) }\n"),
            (
                "app/default/route.ts",
                "export default function GET() { return Response.json({}) }\n",
            ),
            (
                "app/forgot/route.ts",
                "export async function POST() {\n  Response.json({ ok: true })\n}\n",
            ),
            (
                "pages/api/webhook.ts",
                "import { stripe } from '../../lib/stripe'\n\
                 export default async function handler(req: any, res: any) {\n\
                 stripe.webhooks.constructEvent(req.body, req.headers['stripe-signature'], 'x')\n\
                 res.status(200).end()\n\
                 }\n",
            ),
            (
                "lib/stripe.ts",
                "export const stripe = { webhooks: { constructEvent: (...all: any[]) => all }, \
                 key: process.env.STRIPE_KEY, secret: process.env.STRIPE_WEBHOOK_SECRET }\n",
            ),
            (
                "lib/compose.js",
                "export const compose = (...all) =>\n  all.reduce((a, b) => (req, res) => a(req, res, () => b(req, res)))\n",
            ),
            (
                "pages/api/complex.js",
                "import { compose } from '../../lib/compose'\n\
                 const withAuth = (handler) => async (req, res) => { res.status(401).end() }\n\
                 const hits = new Map()\n\
                 export default compose(withAuth, withAuth)((req, res) => res.json(hits.set(1, 2).size))\n",
            ),
        ],
        &[
            "note missing-env lib/stripe.ts:1",
            "note module-state pages/api/complex.js:3",
            "warning composed-wrappers pages/api/complex.js:4",
            "warning default-export app/default/route.ts:1",
            "warning dropped-handler pages/api/complex.js:2",
            "warning forgotten-response app/forgot/route.ts:2",
            "warning misspelt-method app/lower/route.ts:1",
            "warning misspelt-method app/users/[id]/route.ts:6",
            "warning no-handler app/default/route.ts",
            "warning no-handler app/lower/route.ts",
            "warning sync-request-api app/users/[id]/route.ts:3",
            "warning sync-request-api app/users/[id]/route.ts:4",
            "warning webhook-body pages/api/webhook.ts:3",
        ],
    );
}

#[test]
fn what_byway_does_not_serve_is_told_once() {
    finds(
        &[
            ("app/a/route.ts", FINE),
            ("app/page.tsx", "export default () => null\n"),
            ("app/b/page.tsx", "export default () => null\n"),
            ("server.js", "const next = require('next')\nnext({ dev: false }).prepare()\n"),
            ("vercel.json", r#"{ "crons": [{ "path": "/a", "schedule": "0 0 * * *" }] }"#),
        ],
        &[
            "note pages app/b/page.tsx",
            "warning custom-server server.js",
            "warning host-settings vercel.json",
        ],
    );
}

#[test]
fn state_of_modules_is_a_warning_with_several_workers() {
    let route = "let n = 0\nexport const GET = () => new Response(String(n++))\n";
    let fixture =
        Fixture::new(&[("app/a/route.ts", route), ("byway.toml", "[workers]\ncount = 3\n")])
            .unwrap();
    let dir = fixture.path().to_str().unwrap();
    let (found, code) = findings(dir, &[]);
    assert_eq!((found, code), (vec!["warning module-state app/a/route.ts:1".to_owned()], Some(0)));
    let (_, code) = findings(dir, &["--deny-warnings"]);
    assert_eq!(code, Some(1));
}

#[test]
fn people_get_code_frames_and_a_summary() {
    let route = "let n = 0\nexport const GET = () => new Response(String(n++))\n";
    let fixture = Fixture::new(&[("app/a/route.ts", route)]).unwrap();
    let output = run(fixture.path().to_str().unwrap(), &[]);
    let printed = text(&output.stdout);
    for part in [
        "note[module-state]: `n` is state of this module",
        " --> app/a/route.ts:1:5\n",
        "1 | let n = 0\n",
        "will run: 1 app route\n",
        "0 errors, 0 warnings, 1 note\n",
    ] {
        assert!(printed.contains(part), "no {part:?} in:\n{printed}");
    }
    assert!(!printed.contains('\u{1b}'), "colours are for terminals");
    assert_eq!(text(&output.stderr), "");
}

/// The apps of the conformance corpus do on purpose what the rules look for, and nothing else is found.
#[test]
fn the_conformance_apps_cause_no_false_alarms() {
    let check = |app: &str, expect: &[&str]| {
        let copy = Fixture::copy_of(format!("{ROOT}/tests/conformance/{app}")).unwrap();
        let (found, code) = findings(copy.path().to_str().unwrap(), &[]);
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>(), code),
            (expect.to_vec(), Some(0))
        );
    };
    check(
        "app",
        &[
            "note hand-written-cors app/methods/own-options/route.ts:2",
            "note ignored-settings next.config.mjs",
            "note module-state app/mod/state-a/route.ts:2",
            "note module-state lib/counter.ts:1",
            "note pages app/form/page.tsx",
            "warning default-export app/methods/default-only/route.js:1",
            "warning forgotten-response app/edge/nav/[kind]/route.ts:3",
            "warning misspelt-method app/methods/lowercase/route.js:1",
            "warning misspelt-method app/methods/lowercase/route.js:2",
            "warning no-handler app/methods/default-only/route.js",
            "warning no-handler app/methods/lowercase/route.js",
            "warning no-handler pages/api/no-default.ts",
            "warning sync-request-api app/hooks/sync-legacy/route.ts:4",
            "warning sync-request-api app/hooks/sync-legacy/route.ts:4",
            "warning sync-request-api app/hooks/sync-legacy/route.ts:4",
            "warning sync-request-api app/sync/[id]/route.ts:2",
        ],
    );
    check("app2", &["note ignored-settings next.config.ts", "note pages src/app/page.tsx"]);
    check("app3", &["note pages pages/index.js"]);
}
