//! Where code believes to be: its own file, in stack traces and in `import.meta`.

use std::fs;
use std::process::Command;

use crate::fixture::Project;

#[tokio::test]
async fn stack_traces_name_the_sources() {
    let mut project = Project::new();
    project.file(
        "lib/deep/fail.ts",
        "interface Wide { a: string }\n\nexport function fail(input: Wide): never {\n  throw new Error(input.a);\n}\n",
    );
    for name in ["[id]", "b"] {
        project.route(
            &format!("app/{name}/route.ts"),
            "import type { X } from './x';\nimport { fail } from '../../lib/deep/fail';\n\n\
             export const GET = () =>\n  fail({ a: 'oh' });\n",
        );
    }
    let output = project.build().await;
    let shown = project
        .run(&output, "try { (await load(0)).GET(); } catch (error) { console.log(error.stack); }");
    let root = project.root().display().to_string();
    assert!(shown.contains(&format!("{root}/lib/deep/fail.ts:4:")), "{shown}");
    assert!(shown.contains(&format!("{root}/app/[id]/route.ts:5:")), "{shown}");
    let map =
        fs::read_to_string(project.root().join(".byway/server/routes/app.b.mjs.map")).unwrap();
    assert!(map.contains("\"../../../app/b/route.ts\""), "{map}");
    assert!(!map.contains(&root), "{map}");
}

#[tokio::test]
async fn the_runtime_has_names_of_its_own_in_maps() {
    let project = Project::new();
    project.build().await;
    let map = fs::read_to_string(project.root().join(".byway/server/worker.mjs.map")).unwrap();
    assert!(map.contains("\"byway:worker/main.ts\""), "{map}");
}

#[tokio::test]
async fn files_beside_a_module_are_found() {
    let mut project = Project::new();
    project.file("lib/template file.txt", "hello");
    project.file(
        "lib/read.ts",
        "import { readFileSync } from 'node:fs';\n\
         const { dirname, filename } = import.meta;\n\
         export const read = () => [\n\
           readFileSync(new URL('./template file.txt', import.meta.url), 'utf8'),\n\
           readFileSync(import.meta.dirname + '/template file.txt', 'utf8'),\n\
           readFileSync(__dirname + '/template file.txt', 'utf8'),\n\
           import.meta.filename === __filename, dirname === __dirname, filename === __filename,\n\
           Object.keys({ __dirname }).length,\n\
         ];\n",
    );
    project.file(
        "lib/old.cjs",
        "const fs = require('fs');\n\
         exports.read = () => [fs.readFileSync(`${__dirname}/template file.txt`, 'utf8'), __filename.split('/').pop()];\n",
    );
    project.file(
        "lib/own.mjs",
        "import path from 'path';\nimport { fileURLToPath } from 'url';\n\
         const __filename = fileURLToPath(import.meta.url);\nconst __dirname = path.dirname(__filename);\n\
         export const own = [path.basename(__dirname), path.basename(__filename)];\n",
    );
    for name in ["a", "b"] {
        project.route(
            &format!("app/{name}/route.ts"),
            "import { read } from '../../lib/read';\nimport old from '../../lib/old.cjs';\n\
             import { own } from '../../lib/own.mjs';\n\
             export const GET = () => [read(), old.read(), own, import.meta.url.split('/').at(-2)];\n",
        );
    }
    let output = project.build().await;
    let expect = |name: &str| {
        format!(
            r#"[["hello","hello","hello",true,true,true,1],["hello","old.cjs"],["lib","own.mjs"],"{name}"]"#
        )
    };
    let script = "show((await load(0)).GET());";
    assert_eq!(project.run(&output, script), expect("a"));

    // A build moves with its project.
    let moved = project.outside().join("elsewhere");
    fs::rename(project.root(), &moved).unwrap();
    let script = format!(
        "const it = await import('{}/.byway/server/routes/app.b.mjs'); console.log(JSON.stringify(it.GET()));",
        moved.display()
    );
    let output =
        Command::new("node").args(["--input-type=module", "-e", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.trim(), expect("b"), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The runtime that is embedded in the crate, as it is.
#[tokio::test]
async fn the_embedded_runtime_builds_and_answers_for_next() {
    let mut project = Project::new();
    project.file(
        "node_modules/kit/package.json",
        "{ \"name\": \"kit\", \"peerDependencies\": { \"next\": \">=14\" } }",
    );
    project.route(
        "app/a/route.ts",
        "import { NextResponse } from 'next/server';\nimport { headers } from 'next/headers';\n\
         export const GET = () => [typeof NextResponse.json, typeof headers];\n",
    );
    let output = project.build_embedded().await;
    assert!(output.warnings.is_empty(), "{:?}", output.warnings);
    for module in
        ["next", "next/cache", "next/headers", "next/navigation", "next/server", "server-only"]
    {
        assert!(output.manifest.next_modules.contains_key(module), "{module}");
    }
    let shown = project.run(&output, "show((await load(0)).GET());");
    assert_eq!(shown, r#"["function","function"]"#);
}

/// Requests pay for a context only where something may ask for it, however late that is loaded.
#[tokio::test]
async fn who_asks_for_the_request_is_known() {
    let needs_context = async |text: &str| {
        let mut project = Project::new();
        project
            .file("lib/who.ts", "import { cookies } from 'next/headers';\nexport { cookies };\n");
        project.route("app/a/route.ts", text);
        project.build_embedded().await.manifest.needs_context
    };
    assert!(!needs_context("export const GET = () => new Response('x');\n").await);
    let plain = "import { NextResponse } from 'next/server';\n\
                 export const GET = () => NextResponse.json(1);\n";
    assert!(!needs_context(plain).await);
    let after = "import { after } from 'next/server';\nexport const GET = () => after(() => {});\n";
    assert!(needs_context(after).await);
    let late = "export const GET = async () => (await import('../../lib/who')).cookies();\n";
    assert!(needs_context(late).await);
}
