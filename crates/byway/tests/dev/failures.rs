//! What goes wrong is shown where it can be acted on, and takes nothing else down.

use serde_json::Value;

use crate::project::{Project, route};

fn error_of(project: &Project, path: &str) -> Value {
    let answer = project.await_status(path, 500);
    serde_json::from_str::<Value>(&answer.text()).unwrap()["error"].take()
}

#[test]
fn a_syntax_error_takes_down_only_what_imports_it_until_it_is_fixed() {
    let project = Project::start(&[
        ("lib/a.ts", "export const a = 'a'\n"),
        ("app/a/route.ts", &route("import { a } from '../../lib/a'", "a")),
        ("app/b/route.ts", &route("", "'b'")),
    ]);
    assert_eq!(project.text("/a"), "a");
    project.write("lib/a.ts", "export const a = = 'a'\n");
    let error = error_of(&project, "/a");
    let found = &error["diagnostics"][0];
    assert_eq!((&found["file"], &found["line"]), (&"lib/a.ts".into(), &1.into()), "{error}");
    assert!(found["frame"].as_str().unwrap().contains("export const a = = 'a'"));
    assert_eq!(project.text("/b"), "b");
    project.await_log(" --> lib/a.ts:1:");
    project.write("lib/a.ts", "export const a = 'fixed'\n");
    project.await_text("/a", "fixed");
}

#[test]
fn an_import_that_leads_nowhere_is_named_and_found_once_it_is_there() {
    let project = Project::start(&[
        ("app/a/route.ts", &route("import { a } from '../../lib/missing'", "a")),
        ("app/b/route.ts", &route("", "'b'")),
    ]);
    let error = error_of(&project, "/a");
    let message = error["diagnostics"][0]["message"].as_str().unwrap();
    assert_eq!(message, "cannot find `../../lib/missing`");
    assert_eq!(project.text("/b"), "b");
    project.write("lib/missing.ts", "export const a = 'here'\n");
    project.await_text("/a", "here");
}

#[test]
fn a_handlers_error_has_its_place_in_the_source_and_no_frames_of_byway() {
    let project = Project::start(&[
        (
            "lib/deep.ts",
            "interface Deep { value: number }\n\nexport function deep(input: Deep | undefined): number {\n  return input!.value\n}\n",
        ),
        (
            "app/(group)/api/fail/route.ts",
            "import { deep } from '../../../../lib/deep'\n\nexport async function GET(): Promise<Response> {\n  return Response.json({ value: deep(undefined) })\n}\n",
        ),
    ]);
    let error = error_of(&project, "/api/fail");
    assert_eq!(error["name"], "TypeError");
    assert_eq!(error["file"], "app/(group)/api/fail/route.ts");
    assert_eq!(
        (&error["place"]["file"], &error["place"]["line"]),
        (&"lib/deep.ts".into(), &4.into())
    );
    let stack: Vec<&str> =
        error["stack"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(stack[0].starts_with("deep lib/deep.ts:4:"), "{stack:?}");
    assert!(stack[1].starts_with("GET app/(group)/api/fail/route.ts:4:"), "{stack:?}");
    assert_eq!(stack.len(), 2, "{stack:?}");
    assert!(!error.to_string().contains(&project.files.path().display().to_string()));
    let page = project.server.request("GET", "/api/fail", &[("Accept", "text/html")], "").unwrap();
    assert_eq!(page.status, 500);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(page.text().contains("return input!.value") && page.text().contains("lib/deep.ts:4:"));
    project.await_log(" --> lib/deep.ts:4:");
}

#[test]
fn frequent_mistakes_come_with_a_hint() {
    let project = Project::start(&[
        (
            "app/twice/route.ts",
            "export async function POST(request: Request) { await request.json(); return Response.json(await request.text()) }\n",
        ),
        ("app/forgot/route.ts", "export async function GET() { Response.json({}) }\n"),
        (
            "pages/api/legacy.ts",
            "export default function handler() { throw new Error('MAIL_API_KEY is not set') }\n",
        ),
    ]);
    let hint = |method: &str, path: &str, body: &str| {
        let answer = project.server.request(method, path, &[], body).unwrap();
        assert_eq!(answer.status, 500, "{}", answer.text());
        let value: Value = serde_json::from_str(&answer.text()).unwrap();
        value["error"]["hint"].as_str().unwrap_or_default().to_owned()
    };
    assert!(hint("POST", "/twice", "{}").contains("read once"));
    assert!(hint("GET", "/forgot", "").contains("`return`"));
    assert!(hint("GET", "/api/legacy", "").contains("`MAIL_API_KEY`"));
}

#[test]
fn a_failing_proxy_and_a_missing_variable_are_named() {
    let project = Project::start(&[
        ("app/a/route.ts", &route("", "process.env.MAIL_URL!.length")),
        (
            "proxy.ts",
            "import { NextRequest } from 'next/server'\nexport function proxy(request: NextRequest) {\n  if (request.nextUrl.searchParams.has('fail')) throw new Error('no', { cause: new TypeError('why') })\n}\n",
        ),
    ]);
    let error = error_of(&project, "/a?fail");
    assert_eq!(
        (&error["title"], &error["file"]),
        (&"The proxy has failed".into(), &"proxy.ts".into())
    );
    assert_eq!(error["place"]["line"], 3);
    assert_eq!(error["causes"][0]["message"], "why");
    let error = error_of(&project, "/a");
    assert!(error["hint"].as_str().unwrap().contains("`MAIL_URL`"), "{error}");
    // Set, it is what the worker sees next.
    project.write(".env.local", "MAIL_URL=abc\n");
    project.await_text("/a", "3");
}

#[test]
fn a_project_that_cannot_be_built_says_so_to_every_client_and_recovers() {
    let project = Project::start(&[
        ("app/a/route.ts", &route("", "'a'")),
        ("next.config.mjs", "export default { basePath: 'base' }\n"),
    ]);
    let error = error_of(&project, "/anything");
    assert!(
        error["diagnostics"][0]["file"].as_str().unwrap().contains("next.config.mjs"),
        "{error}"
    );
    project.write("next.config.mjs", "export default {}\n");
    project.await_text("/a", "a");
}

#[test]
fn stacks_on_the_console_have_no_frames_of_byway_and_keep_their_properties() {
    let code = "export async function GET(): Promise<Response> {\n  \
        console.error('seen:', Object.assign(new Error('one'), { code: 'TWO' }))\n  \
        return new Response('told')\n}\n";
    let project = Project::start(&[("app/tell/route.ts", code)]);
    assert_eq!(project.text("/tell"), "told");
    project.await_log("code: 'TWO'");
    let printed = project.server.stderr();
    let stack = printed.split("seen: Error: one").nth(1).unwrap();
    let stack = stack.split("code: 'TWO'").next().unwrap();
    assert!(stack.contains("app/tell/route.ts:2:"), "{stack}");
    assert_eq!(stack.matches("    at ").count(), 1, "{stack}");
    assert!(stack.contains("    {\n"), "{stack}");
}
