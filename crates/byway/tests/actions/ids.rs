//! What actions are called, and how builds and commands tell of them.

use std::process::Command;

use byway_testkit::{Fixture, byway_binary};
use serde_json::Value as Json;

use super::{Served, ids, result};

fn byway(project: &Fixture, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(byway_binary(env!("CARGO_BIN_EXE_byway")))
        .args(arguments)
        .arg(project.path())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn ids_of_a_next_build_beside_it_are_known_too() {
    let other = "40".to_owned() + &"b".repeat(40);
    let known = format!(
        "{{\"node\":{{\"{other}\":{{\"filename\":\"app/actions.ts\",\"exportedName\":\"echo\"}},\
         \"00{}\":{{\"filename\":\"app/page.tsx\",\"exportedName\":\"$$RSC_SERVER_ACTION_0\"}}}},\"edge\":{{}}}}",
        "c".repeat(40)
    );
    let served = Served::start(&[(".next/server/server-reference-manifest.json", &known)]);
    assert_eq!(result(&served.call(&other, "[1]")), "[1]");
    assert_eq!(result(&served.call("echo", "[1]")), "[1]");
    assert_eq!(served.call(&format!("00{}", "c".repeat(40)), "[]").status, 409);
}

#[test]
fn with_the_key_of_next_the_ids_are_those_of_next() {
    // Next 16.4.6 gave this id under this key.
    let key = "NEXT_SERVER_ACTIONS_ENCRYPTION_KEY=iCUfKktkvcXgpwIj4pIX/n5NGsla9mCbN6uqNNuEAG4=\n";
    let code = "'use server'\nexport const arrow = async (x) => ({ x })\n";
    let page = ("app/page.jsx", "export default () => null\n");
    let project = Fixture::new(&[("app/actions.js", code), (".env", key), page]).unwrap();
    assert_eq!(byway(&project, &["build"]).0, Some(0));
    assert_eq!(ids(&project)["arrow"], "4049ea2caa7368d925e587822934bfedc69a54b167");
    project.write(".env", "").unwrap();
    assert_eq!(byway(&project, &["build"]).0, Some(0));
    let plain = ids(&project)["arrow"].clone();
    assert!(plain.len() == 42 && plain.starts_with("40") && !plain.starts_with("4049ea"));
    assert_eq!(byway(&project, &["build"]).0, Some(0));
    assert_eq!(ids(&project)["arrow"], plain);
}

#[test]
fn routes_lists_actions() {
    let project = Fixture::new(super::FILES).unwrap();
    let (code, text, _) = byway(&project, &["routes"]);
    assert_eq!(code, Some(0));
    let line = text.lines().find(|line| line.starts_with("renamed ")).unwrap();
    assert!(line.contains("app/actions.ts") && line.split_whitespace().count() == 3, "{line}");
    let (_, json, _) = byway(&project, &["routes", "--json"]);
    let json: Json = serde_json::from_str(&json).unwrap();
    let actions = json["actions"].as_array().unwrap();
    let echo = actions.iter().find(|it| it["export"] == "echo").unwrap();
    assert_eq!((&echo["file"], echo["id"].as_str().unwrap().len()), (&"app/actions.ts".into(), 42));
    assert!(echo["id"].as_str().unwrap().starts_with("7f"));
}

#[test]
fn what_cannot_be_an_action_is_a_fault_with_its_place() {
    let code = "'use server'\n\nexport const LIMIT = 5\nexport function save() {}\nexport * from './other'\n";
    let project = Fixture::new(&[
        ("app/actions.ts", code),
        ("app/other.ts", "export const x = 1\n"),
        ("app/page.tsx", "export default () => null\n"),
    ])
    .unwrap();
    let (code, _, said) = byway(&project, &["build"]);
    assert_eq!(code, Some(1), "{said}");
    for expect in [
        "app/actions.ts:3:14",
        "only async functions are allowed to be exported in a \"use server\" file",
        "app/actions.ts:4:17",
        "Server Actions must be async functions",
        "app/actions.ts:5:1",
        "export const LIMIT = 5",
    ] {
        assert!(said.contains(expect), "no `{expect}` in\n{said}");
    }
}

#[test]
fn check_points_at_actions_within_pages() {
    let project = Fixture::new(&[
        (
            "app/page.tsx",
            "export default function Page() {\n  async function save() {\n    'use server'\n  }\n  return null\n}\n",
        ),
        ("app/api/x/route.ts", "export const GET = () => new Response('x')\n"),
    ])
    .unwrap();
    let (code, said, more) = byway(&project, &["check"]);
    let said = said + &more;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("app/page.tsx:3:5") && said.contains("cannot be called"), "{said}");
}

#[test]
fn a_module_that_fails_to_load_takes_nothing_else_down() {
    let served = Served::start(&[
        (
            "lib/broken.ts",
            "'use server'\nexport async function broken() {}\nthrow new Error('no database')\n",
        ),
        (
            "lib/wrong.ts",
            "'use server'\nconst value = { a: 1 }\nexport async function right() {}\nexport { value }\n",
        ),
    ]);
    let stderr = || served.server.stderr();
    assert_eq!(served.call("broken", "[]").status, 500, "{}", stderr());
    assert_eq!(served.call("right", "[]").status, 500);
    assert_eq!(result(&served.call("echo", "[1]")), "[1]");
    assert_eq!(served.server.get("/api/pledges").unwrap().status, 200);
    let log = stderr();
    assert_eq!(log.matches("the actions in lib/broken.ts cannot be loaded").count(), 1, "{log}");
    assert!(log.contains("can only export async functions, found object as \"value\""), "{log}");
}

#[test]
fn routes_and_actions_share_modules() {
    let served = Served::start(&[
        ("lib/counter.ts", "export const counter = { n: 0 }\n"),
        (
            "lib/count.ts",
            "'use server'\nimport { counter } from './counter'\nexport async function count() { return ++counter.n }\n",
        ),
        (
            "app/api/count/route.ts",
            "import { counter } from '@/lib/counter'\nimport { count } from '@/lib/count'\nexport const GET = async () => new Response(String(await count() + counter.n))\n",
        ),
    ]);
    assert_eq!(result(&served.call("count", "[]")), "1");
    assert_eq!(served.server.get("/api/count").unwrap().text(), "4");
    assert_eq!(result(&served.call("count", "[]")), "3");
}
