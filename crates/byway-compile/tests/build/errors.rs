//! What a broken project is told, and that a broken build breaks nothing.

use std::fs;
use std::time::Instant;

use byway_compile::BuildError;
use byway_error::Diagnostic;

use crate::fixture::Project;

fn summary(found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .map(|it| {
            let file = it.file.as_deref().unwrap_or("-");
            let at = it.location.as_ref();
            let place = at
                .map_or_else(String::new, |at| format!(":{}:{}+{}", at.line, at.column, at.length));
            let help = it.help.as_deref().map_or_else(String::new, |help| format!(" | {help}"));
            format!("{file}{place} {}{help}", it.message)
        })
        .collect()
}

#[tokio::test]
async fn all_errors_come_at_once() {
    let mut project = Project::new();
    project.file("lib/Database.ts", "export const db = 1;\n");
    project.file("lib/broken.ts", "export const a = {\n  b: 1,\n  c: ,\n};\n");
    project.route(
        "app/a/route.ts",
        "import { db } from '../../lib/database';\nimport { z } from 'zod';\n\
         import { deeper } from '../../lib/deeper';\nexport const GET = () => [db, z, deeper];\n",
    );
    project
        .file("lib/deeper.ts", "import { x } from '@scope/missing/x';\nexport const deeper = x;\n");
    project.route("app/b/route.ts", "export function GET( {\n  return 1;\n}\n");
    project.route(
        "app/c/route.ts",
        "import { a } from '../../lib/broken';\nconst x = 1;\nconst x = 2;\nexport const GET = () => [a, x];\n",
    );
    project.route("pages/api/d.ts", "import { NextRequest } from 'next/dist/server/web/spec';\nexport default () => NextRequest;\n");
    let found = project.errors().await;
    let expect = [
        "app/a/route.ts:1:20+20 cannot find `../../lib/database` | did you mean `../../lib/Database`?",
        "app/a/route.ts:2:19+5 cannot find the package `zod` | `npm install zod` adds it to the project",
        "app/b/route.ts",
        "app/c/route.ts:2:7+1 Identifier `x` has already been declared",
        "lib/broken.ts:3:6+1 Unexpected token",
        "lib/deeper.ts:1:19+18 cannot find the package `@scope/missing` | `npm install @scope/missing` adds it to the project",
        "pages/api/d.ts:1:29+27 byway has no `next/dist/server/web/spec` | use `next/server`, `next/headers`, `next/navigation` or `next/cache`",
    ];
    let found_text = summary(&found);
    assert_eq!(found_text.len(), expect.len(), "{found_text:#?}");
    for (found, expect) in found_text.iter().zip(expect) {
        assert!(found.starts_with(expect), "{found}\n{expect}");
    }
    let outside = project.outside().display().to_string();
    for diagnostic in &found {
        assert!(diagnostic.is_error());
        let text = diagnostic.to_string();
        assert!(!text.contains(&outside), "{text}");
        assert!(text.contains(" | "), "a code frame: {text}");
    }
}

#[tokio::test]
async fn a_failed_build_leaves_the_previous_one() {
    let mut project = Project::new();
    project.route("app/a/route.ts", "export const GET = () => 'first';\n");
    let output = project.build().await;
    let stray = project.root().join(".byway/server/routes/old.mjs");
    fs::write(&stray, "").unwrap();

    project.file("app/a/route.ts", "export const GET = (;\n");
    let found = project.errors().await;
    assert_eq!(found.len(), 1);
    assert!(stray.exists());
    assert_eq!(project.run(&output, "show((await load(0)).GET());"), r#""first""#);

    project.file("app/a/route.ts", "export const GET = () => 'second';\n");
    let output = project.build().await;
    assert_eq!(project.run(&output, "show((await load(0)).GET());"), r#""second""#);
    assert!(!stray.exists());
    let left: Vec<String> = fs::read_dir(project.root())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert_eq!(left, [".byway"]);
}

#[tokio::test]
async fn optional_imports_are_no_errors() {
    let mut project = Project::new();
    project.route(
        "app/a/route.ts",
        "let a = 'none';\ntry { a = require('optional-a'); } catch (error: any) { a = error.code; }\n\
         export const GET = async () => [a,\n\
           await import('optional-b').catch((error) => error.code),\n\
           await (async () => { try { return await import('./optional-c'); } catch (e: any) { return e.code; } })()];\n",
    );
    let output = project.build().await;
    let shown = project.run(&output, "show(await (await load(0)).GET());");
    assert_eq!(shown, r#"["MODULE_NOT_FOUND","MODULE_NOT_FOUND","MODULE_NOT_FOUND"]"#);
    assert_eq!(output.warnings.len(), 3, "{:?}", summary(&output.warnings));
}

#[tokio::test]
async fn a_broken_tsconfig_and_broken_json_are_named() {
    let mut project = Project::new();
    project.file("tsconfig.json", "{ \"compilerOptions\": { ");
    project.route("app/a/route.ts", "export const GET = () => 1;\n");
    let found = project.errors().await;
    assert!(summary(&found)[0].contains("tsconfig.json"), "{:?}", summary(&found));

    let mut project = Project::new();
    project.file("data.json", "{\n  \"a\": 1,\n  b\n}\n");
    project.route(
        "app/a/route.ts",
        "import data from '../../data.json';\nexport const GET = () => data;\n",
    );
    let found = project.errors().await;
    assert!(summary(&found)[0].starts_with("data.json:3:"), "{:?}", summary(&found));
}

#[tokio::test]
async fn a_missing_project_is_an_io_error() {
    let project = Project::new();
    fs::remove_dir_all(project.root()).unwrap();
    let error = project.try_build().await.unwrap_err();
    assert!(matches!(error, BuildError::Io { action: "read", .. }), "{error}");
}

#[tokio::test]
async fn a_hundred_routes_build_quickly() {
    let mut project = Project::new();
    for index in 0..20 {
        project.file(
            &format!("lib/m{index}.ts"),
            &format!("export const m{index} = (x: number) => x * {index};\n"),
        );
    }
    for index in 0..100 {
        let lib = index % 20;
        project.route(
            &format!("app/r{index}/[id]/route.ts"),
            &format!(
                "import {{ m{lib} }} from '../../../lib/m{lib}';\nimport {{ NextResponse }} from 'next/server';\n\
                 export async function GET(request: Request) {{ return NextResponse.json(m{lib}({index})); }}\n\
                 export async function POST(request: Request) {{ return NextResponse.json(await request.json()); }}\n"
            ),
        );
    }
    project.build().await;
    let started = Instant::now();
    project.build().await;
    let taken = started.elapsed();
    println!("100 routes: {taken:?}");
    // Ten times the budget, so that a busy machine does not fail the test; a slip of scale still does.
    assert!(taken.as_millis() < 3000, "{taken:?}");
}
