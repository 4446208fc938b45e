//! Edits take effect, and cost only what they have to.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use byway_testkit::{RawClient, TestServer, byway_binary};

use crate::project::{Project, route};

const STORE: &str = "export const store = { count: 0 }\n";

#[test]
fn an_edited_route_answers_anew_and_every_other_module_keeps_its_state() {
    let project = Project::start(&[
        ("lib/store.ts", STORE),
        ("lib/words.ts", "export const word = 'one'\n"),
        (
            "lib/boot.ts",
            "const all = globalThis as any\nexport const boots = (all.boots = (all.boots ?? 0) + 1)\n",
        ),
        ("app/count/route.ts", &route("import { store } from '@/lib/store'", "++store.count")),
        (
            "app/word/route.ts",
            &route(
                "import { word } from '@/lib/words'\nimport { store } from '@/lib/store'\nimport { boots } from '@/lib/boot'",
                "`${word} ${store.count} ${boots}`",
            ),
        ),
        ("tsconfig.json", r#"{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }"#),
    ]);
    assert_eq!([project.text("/count"), project.text("/count")], ["1", "2"]);
    assert_eq!(project.text("/word"), "one 2 1");
    // A module that both routes share changes; the store and what is beside it do not.
    project.write("lib/words.ts", "export const word = 'two'\n");
    project.await_text("/word", "two 2 1");
    assert_eq!(project.text("/count"), "3");
    // Only the route changes.
    project.write(
        "app/count/route.ts",
        &route("import { store } from '@/lib/store'", "`count ${++store.count}`"),
    );
    project.await_that("/count", |answer| answer.text().starts_with("count "));
    // The store itself changes: it begins anew, what is global does not.
    let before = project.text("/word");
    assert!(before.starts_with("two ") && before.ends_with(" 1"), "{before}");
    project.write("lib/store.ts", "export const store = { count: 100 }\n");
    project.await_text("/word", "two 100 1");
    project.write("lib/boot.ts", "const all = globalThis as any\nexport const boots = 'boot ' + (all.boots = (all.boots ?? 0) + 1)\n");
    project.await_text("/word", "two 100 boot 2");
}

#[test]
fn routes_come_move_and_go() {
    let project = Project::start(&[("app/a/route.ts", &route("", "'a'"))]);
    assert_eq!(project.text("/a"), "a");
    assert_eq!(project.get("/b").status, 404);
    project.write("app/b/[id]/route.ts", &route("", "'b'"));
    project.await_text("/b/1", "b");
    std::fs::rename(project.files.path().join("app/b"), project.files.path().join("app/c"))
        .unwrap();
    project.await_text("/c/1", "b");
    assert_eq!(project.get("/b/1").status, 404);
    project.files.remove("app/a/route.ts").unwrap();
    project.await_status("/a", 404);
    project.await_log("- /a");
}

#[test]
fn the_environment_and_next_config_take_a_new_worker() {
    let project = Project::start(&[
        (
            "app/env/route.ts",
            &route(
                "",
                "`${process.env.WORD} ${process.env.NODE_ENV} ${process.env.NEXT_PUBLIC_X}`",
            ),
        ),
        (".env.development", "WORD=one\nNEXT_PUBLIC_X=x\n"),
    ]);
    assert_eq!(project.text("/env"), "one development x");
    project.write(".env.local", "WORD=two\n");
    project.await_text("/env", "two development x");
    project.write("next.config.mjs", "export default { basePath: '/base' }\n");
    project.await_text("/base/env", "two development x");
    assert_eq!(project.get("/env").status, 404);
    // One that makes no sense changes nothing.
    project.write("next.config.mjs", "export default { basePath: 'base' }\n");
    project.await_log("not rebuilt");
    assert_eq!(project.text("/base/env"), "two development x");
}

#[test]
fn a_request_in_flight_finishes_in_the_module_where_it_began() {
    let slow = |word: &str| {
        format!(
            "export async function GET() {{\n  await new Promise((done) => {{ (globalThis as any).finish = done }})\n  return new Response('{word}')\n}}\n"
        )
    };
    let project = Project::start(&[
        ("app/slow/route.ts", &slow("before")),
        (
            "app/finish/route.ts",
            "export function GET() { (globalThis as any).finish?.(); return new Response('told') }\n",
        ),
        ("app/word/route.ts", &route("", "'one'")),
    ]);
    let mut client = RawClient::connect(project.server.authority()).unwrap();
    client
        .send(format!("GET /slow HTTP/1.1\r\nHost: {}\r\n\r\n", project.server.authority()))
        .unwrap();
    project.await_that("/word", |answer| answer.text() == "one");
    project.write("app/slow/route.ts", &slow("after"));
    project.write("app/word/route.ts", &route("", "'two'"));
    project.await_text("/word", "two");
    assert_eq!(project.text("/finish"), "told");
    assert_eq!(client.read().unwrap().text(), "before");
}

#[test]
fn fifty_edits_under_load_lose_no_request() {
    let project = Project::start(&[
        ("app/steady/route.ts", &route("", "'steady'")),
        ("app/edited/route.ts", &route("", "0")),
    ]);
    assert_eq!(project.text("/steady"), "steady");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut answered = 0_u64;
            while !done.load(Ordering::Relaxed) {
                for path in ["/steady", "/edited"] {
                    let answer = project.get(path);
                    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                    answered += 1;
                }
            }
            answered
        });
        for edit in 1..=50 {
            project.write("app/edited/route.ts", &route("", &edit.to_string()));
            project.await_text("/edited", &edit.to_string());
        }
        done.store(true, Ordering::Relaxed);
        assert!(load.join().unwrap() > 50);
    });
}

#[test]
fn files_of_public_come_and_go() {
    let project = Project::start(&[("app/a/route.ts", &route("", "'a'"))]);
    assert_eq!(project.get("/hello.txt").status, 404);
    project.write("public/hello.txt", "hello");
    project.await_text("/hello.txt", "hello");
    project.files.remove("public/hello.txt").unwrap();
    project.await_status("/hello.txt", 404);
}

#[test]
fn the_proxy_is_swapped_too() {
    let proxy = |word: &str| {
        format!(
            "import {{ NextResponse }} from 'next/server'\nexport function proxy() {{ return NextResponse.next({{ headers: {{ 'x-word': '{word}' }} }}) }}\n"
        )
    };
    let project = Project::start(&[("app/a/route.ts", &route("", "'a'"))]);
    assert_eq!(project.get("/a").header("x-word"), None);
    project.write("proxy.ts", &proxy("one"));
    project.await_that("/a", |answer| answer.header("x-word") == Some("one"));
    project.write("proxy.ts", &proxy("two"));
    project.await_that("/a", |answer| answer.header("x-word") == Some("two"));
    project.files.remove("proxy.ts").unwrap();
    project.await_that("/a", |answer| answer.header("x-word").is_none());
}

#[test]
fn the_terminal_tells_routes_requests_and_rebuilds() {
    let project = Project::start(&[("app/hello/[name]/route.ts", &route("", "'hi'"))]);
    project.await_log("/hello/[name]");
    assert_eq!(project.text("/hello/x?y=1"), "hi");
    project.await_log("GET    /hello/x?y=1 200 ");
    project.write("app/hello/[name]/route.ts", &route("", "'ho'"));
    project.await_log("rebuilt in ");
    let line = project.server.wait_for_log("rebuilt in ", Duration::from_secs(1)).unwrap();
    assert!(line.ends_with("app/hello/[name]/route.ts"), "{line}");
}

#[test]
fn a_debugger_finds_every_worker() {
    let project = Project::start_with(
        &[("app/env/route.ts", &route("", "process.env.WORD")), (".env", "WORD=one\n")],
        &["--inspect=127.0.0.1:0"],
    );
    assert_eq!(project.text("/env"), "one");
    let listening = "Debugger listening on ws://127.0.0.1:";
    project.await_log(listening);
    project.write(".env.local", "WORD=two\n");
    project.await_that("/env", |answer| answer.text() == "two");
    assert_eq!(project.server.stderr().matches(listening).count(), 2);
}

#[test]
fn a_worker_that_dies_is_replaced_by_one_with_the_latest_build() {
    let project = Project::start(&[
        ("app/word/route.ts", &route("", "'one'")),
        ("app/die/route.ts", "export const GET = () => process.exit(3)\n"),
    ]);
    assert_eq!(project.text("/word"), "one");
    project.write("app/word/route.ts", &route("", "'two'"));
    project.await_text("/word", "two");
    assert_eq!(project.get("/die").status, 502);
    project.await_text("/word", "two");
    project.write("app/word/route.ts", &route("", "'three'"));
    project.await_text("/word", "three");
}

#[test]
fn the_runtime_is_kept_for_the_next_start_and_a_broken_copy_is_made_anew() {
    let files = [
        ("app/a/route.ts", "export const GET = () => new Response('a')\n"),
        ("node_modules/x/package.json", "{ \"name\": \"x\" }"),
    ];
    let project = Project::start(&files);
    assert_eq!(project.text("/a"), "a");
    let folder = project.files.path().join("node_modules/.cache/byway");
    let kept = || -> Vec<PathBuf> {
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let [path] = &kept()[..] else { panic!("{:?}", kept()) };
    let text = std::fs::read(path).unwrap();
    let mut broken = text.clone();
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    let Project { files, server } = project;
    server.stop().unwrap();
    for content in [&text, &broken] {
        std::fs::write(path, content).unwrap();
        let server = TestServer::launch(byway_binary(env!("CARGO_BIN_EXE_byway")), files.path());
        let server = server.dev().start().unwrap();
        assert_eq!(server.get("/a").unwrap().text(), "a");
        assert!(!server.stop().unwrap().stderr.contains("new worker"));
        assert!(std::fs::read(path).unwrap() == text, "what was kept is what is made");
    }
}
