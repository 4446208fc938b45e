//! Project sources: shared modules, aliases, kinds of files, names.

use crate::fixture::Project;

#[tokio::test]
async fn a_module_of_two_routes_is_one_instance() {
    let mut project = Project::new();
    project.file("lib/counter.ts", "let n = 0;\nexport function next(): number { return ++n; }\n");
    project.route(
        "app/a/route.ts",
        "import { next } from '../../lib/counter';\nexport function GET() { return next(); }\n",
    );
    project.route(
        "app/b/route.ts",
        "import { next } from '../../lib/counter';\nexport function GET() { return next(); }\n",
    );
    project.route(
        "pages/api/c.js",
        "import { next } from '../../lib/counter';\nexport default () => next();\n",
    );
    let output = project.build().await;
    let shown = project.run(
        &output,
        "const [a, b, c] = [await load(0), await load(1), await load(2)];\n\
         show([a.GET(), b.GET(), c.default(), a.GET()]);",
    );
    assert_eq!(shown, "[1,2,3,4]");
    assert!(output.warnings.is_empty(), "{:?}", output.warnings);
    let manifest = output.manifest;
    assert_eq!(manifest.worker, "server/worker.mjs");
    assert_eq!(manifest.routes[0].chunk, "server/routes/app.a.mjs");
    assert_eq!(manifest.routes[0].methods.as_deref(), Some(&["GET".to_owned()][..]));
    assert_eq!(manifest.routes[2].methods, None);
    assert!(manifest.routes[0].size > 0);
    // No package asks for `next/*`, so that nothing of it is kept for its own sake.
    assert!(manifest.next_modules.is_empty());
    let ignore = std::fs::read_to_string(project.root().join(".byway/.gitignore")).unwrap();
    assert_eq!(ignore, "*\n");
}

#[tokio::test]
async fn aliases_directories_and_endings_are_found() {
    let mut project = Project::new();
    project.file(
        "tsconfig.base.json",
        "{ \"compilerOptions\": { \"baseUrl\": \".\", \"paths\": { \"@/*\": [\"./src/*\"] } } }",
    );
    project.file("tsconfig.json", "{ // comment\n \"extends\": \"./tsconfig.base.json\", }");
    project.file("src/lib/auth/index.ts", "export const auth = 'auth';\n");
    project.file("src/lib/db.ts", "export const db = 'db';\n");
    project.file("src/lib/old.js", "import { db } from './db.js';\nexport const old = db + '!';\n");
    project.file("src/data.json", "{ \"name\": \"data\", \"list\": [1, 2] }");
    project.file("shared/base.ts", "export const base = 'base';\n");
    project.route(
        "src/app/a/route.ts",
        "import { auth } from '@/lib/auth';\n\
         import { old } from '@/lib/old';\n\
         import data, { name } from '@/data.json';\n\
         import again from '../../data.json' with { type: 'json' };\n\
         import { base } from 'shared/base';\n\
         export const GET = () => [auth, old, name, data.list.length, again === data, base];\n",
    );
    let output = project.build().await;
    let shown = project.run(&output, "show((await load(0)).GET());");
    assert_eq!(shown, r#"["auth","db!","data",2,true,"base"]"#);
}

#[tokio::test]
async fn json_is_one_value_for_every_kind_of_import() {
    for package in ["{}", "{ \"type\": \"module\" }"] {
        let mut project = Project::new();
        project.file("package.json", package);
        project.file("lib/data.json", "{ \"name\": \"data\", \"__proto__\": 1, \"default\": 2 }");
        project.file("lib/list.json", "[1, 2]");
        project.route(
            "app/a/route.ts",
            "import data, { name } from '../../lib/data.json';\n\
             import * as all from '../../lib/data.json';\n\
             import list from '../../lib/list.json' with { type: 'json' };\n\
             export const GET = async () => {\n\
             \x20 const later = await import('../../lib/data.json', { with: { type: 'json' } });\n\
             \x20 const { default: same } = await import('../../lib/list.json');\n\
             \x20 return [data, name, all.name, later.name, later.default === data, same === list, list];\n\
             };\n",
        );
        project.route(
            "app/b/route.ts",
            "import data from '../../lib/data.json';\nexport const GET = () => data.name;\n",
        );
        let output = project.build().await;
        let shown =
            project.run(&output, "show([await (await load(0)).GET(), (await load(1)).GET()]);");
        let data = r#"{"name":"data","__proto__":1,"default":2}"#;
        assert_eq!(shown, format!(r#"[[{data},"data","data","data",true,true,[1,2]],"data"]"#));
    }
}

#[tokio::test]
async fn jsconfig_counts_too() {
    let mut project = Project::new();
    project.file("jsconfig.json", "{ \"compilerOptions\": { \"paths\": { \"~/*\": [\"./*\"] } } }");
    project.file("lib/a.js", "export const a = 'a';\n");
    project.route("app/a/route.js", "import { a } from '~/lib/a';\nexport const GET = () => a;\n");
    let output = project.build().await;
    assert_eq!(project.run(&output, "show((await load(0)).GET());"), r#""a""#);
}

#[tokio::test]
async fn typescript_is_more_than_types() {
    let mut project = Project::new();
    project.file(
        "tsconfig.json",
        "{ \"compilerOptions\": { \"experimentalDecorators\": true, \"emitDecoratorMetadata\": true,\n\
           \"jsx\": \"preserve\", \"target\": \"ES2017\" } }",
    );
    project.route(
        "app/a/route.tsx",
        r"
        import type { Missing } from './not-there';
        enum Level { Low = 1, High = 2 }
        namespace Names { export const first = 'first'; }
        class Point { constructor(public x: number, private readonly y = 2) {} sum() { return this.x + this.y; } }
        const seen: unknown[] = [];
        (Reflect as any).metadata = (key: string, value: unknown) => () => { seen.push([key, value]); };
        function mark(target: object, key: string) { seen.push(key); }
        class Service { @mark name: string = 'n'; }
        class Held { [Symbol.dispose]() { seen.push('disposed'); } }
        const waited = await Promise.resolve('waited');
        export function GET(given?: Missing) {
            { using held = new Held(); }
            const types = seen.filter(Array.isArray).map(([key, value]: any) => key + ':' + value.name);
            return [Level.High, Level[1], Names.first, new Point(1).sum(), seen.includes('name'),
                seen.includes('disposed'), types, waited, new Service().name];
        }
        ",
    );
    let output = project.build().await;
    let shown = project.run(&output, "show((await load(0)).GET());");
    assert_eq!(shown, r#"[2,"Low","first",3,true,true,["design:type:String"],"waited","n"]"#);
}

#[tokio::test]
async fn jsx_is_compiled_for_the_automatic_runtime() {
    let mut project = Project::new();
    project.file("tsconfig.json", "{ \"compilerOptions\": { \"jsx\": \"preserve\" } }");
    project
        .file("node_modules/react/package.json", "{ \"name\": \"react\", \"main\": \"index.js\" }");
    project.file("node_modules/react/index.js", "module.exports = {};\n");
    project.file(
        "node_modules/react/jsx-runtime.js",
        "exports.jsx = (type, props) => ({ type, props });\nexports.jsxs = exports.jsx;\n",
    );
    project.file("lib/mail.tsx", "export const Mail = (p: { n: string }) => <p>{p.n}</p>;\n");
    project.route(
        "app/a/route.ts",
        "import { Mail } from '../../lib/mail';\nexport const GET = () => Mail({ n: 'hi' });\n",
    );
    project.route("app/b/route.js", "export const GET = () => <b>x</b>;\n");
    let output = project.build().await;
    let shown = project.run(&output, "show([(await load(0)).GET(), (await load(1)).GET().type]);");
    assert_eq!(shown, r#"[{"type":"p","props":{"children":"hi"}},"b"]"#);
}

#[tokio::test]
async fn names_that_no_file_should_have() {
    let mut project = Project::new();
    let names = [
        "app/[id]/route.ts",
        "app/id/route.ts",
        "app/ID/route.ts",
        "app/(group)/id/[...rest]/route.ts",
        "app/日本 語/route.ts",
        "app/.well-known/100%/route.ts",
        "app/a#b/route.ts",
        "app/[[...all]]/route.ts",
    ];
    for name in names {
        let text =
            format!("export const GET = () => import.meta.url.split('/').at(-2) + ' {name}';\n");
        project.route(name, &text);
    }
    let output = project.build().await;
    let mut chunks: Vec<String> =
        output.manifest.routes.iter().map(|it| it.chunk.to_lowercase()).collect();
    assert!(chunks.iter().all(|it| it.is_ascii() && !it.contains([' ', '%', '#', '[', '('])));
    chunks.sort();
    chunks.dedup();
    assert_eq!(chunks.len(), names.len());
    let shown = project.run(
        &output,
        "const out = []; for (const i of chunks.keys()) out.push((await load(i)).GET()); show(out);",
    );
    for name in names {
        assert!(shown.contains(&format!(" {name}\"")), "{shown}");
    }
    assert!(shown.contains("\"a%23b app"), "{shown}");
    assert!(shown.contains("\"100%25 app"), "{shown}");
}

#[tokio::test]
async fn methods_come_from_every_kind_of_export() {
    let mut project = Project::new();
    project.file("lib/all.ts", "export const PATCH = () => 1;\nexport { h as PUT } from './h';\n");
    project.file("lib/h.ts", "export function h() {}\nexport default function () {}\n");
    project.route(
        "app/a/route.ts",
        "export * from '../../lib/all';\nexport const dynamic = 'auto';\n",
    );
    project.route(
        "app/b/route.ts",
        "const handlers = { GET() {}, POST() {} };\nexport const { GET, POST } = handlers;\n\
         export { default as DELETE } from '../../lib/h';\nexport async function OPTIONS() {}\n\
         export const HEAD = GET.bind(null);\n",
    );
    project.file(
        "node_modules/kit/package.json",
        "{ \"name\": \"kit\", \"type\": \"module\", \"exports\": \"./index.js\" }",
    );
    project.file("node_modules/kit/index.js", "export const GET = () => 'kit';\n");
    project.route("app/c/route.ts", "export * from 'kit';\n");
    project.route("app/d/route.ts", "export const get = 1;\nexport default 2;\n");
    let output = project.build().await;
    let methods: Vec<Option<String>> = output
        .manifest
        .routes
        .iter()
        .map(|it| it.methods.as_ref().map(|it| it.join(" ")))
        .collect();
    assert_eq!(
        methods,
        [Some("PATCH PUT"), Some("DELETE GET HEAD OPTIONS POST"), None, Some("")]
            .map(|it| it.map(str::to_owned))
    );
    assert_eq!(project.run(&output, "show((await load(2)).GET());"), r#""kit""#);
    let warned: Vec<&str> = output.warnings.iter().filter_map(|it| it.file.as_deref()).collect();
    assert_eq!(warned, ["app/d/route.ts"; 3]);
}

#[tokio::test]
async fn next_modules_are_the_runtimes_own() {
    let mut project = Project::new();
    project.file(
        "lib/guard.ts",
        "import 'server-only';\nexport { cookies } from 'next/headers.js';\n",
    );
    project.route(
        "app/a/route.ts",
        "import { NextResponse, seen } from 'next/server';\n\
         import { cookies } from '../../lib/guard';\n\
         import type { NextConfig } from 'next';\n\
         import Image, { getImageProps } from 'next/image';\n\
         export const GET = () => {\n\
           let thrown = [];\n\
           for (const use of [() => Image({}), () => getImageProps({})]) {\n\
             try { use(); } catch (error) { thrown.push(error.message); }\n\
           }\n\
           return [cookies(), seen, new NextResponse('x') instanceof Response, thrown];\n\
         };\n",
    );
    let output = project.build().await;
    let shown = project.run(&output, "show((await load(0)).GET());");
    let thrown = "`next/image` is for pages and does not exist under byway";
    assert_eq!(shown, format!(r#"[["cookies"],["cookies"],true,["{thrown}","{thrown}"]]"#));
    assert_eq!(output.warnings.len(), 1);
    let text = output.warnings[0].to_string();
    assert!(text.contains("warning: `next/image` is for pages"), "{text}");
    assert!(text.contains("app/a/route.ts:4:38"), "{text}");
}

#[tokio::test]
async fn modules_run_in_the_order_of_their_imports() {
    let mut project = Project::new();
    project.file("lib/shared.ts", "export const value = (globalThis as any).setting;\n");
    project.file("lib/setup-a.ts", "(globalThis as any).setting = 'a';\n");
    project.route(
        "app/a/route.ts",
        "import '../../lib/setup-a';\nimport { value } from '../../lib/shared';\nexport const GET = () => value;\n",
    );
    project.route(
        "app/b/route.ts",
        "import { value } from '../../lib/shared';\nexport const GET = () => value;\n",
    );
    let output = project.build().await;
    assert_eq!(
        project.run(&output, "show([(await load(0)).GET(), (await load(1)).GET()]);"),
        r#"["a","a"]"#
    );
}

#[tokio::test]
async fn a_module_that_fails_fails_only_the_routes_that_need_it() {
    let mut project = Project::new();
    project.file("lib/bad.ts", "export const bad = 1;\nthrow new Error('bad module');\n");
    project.file("lib/good.ts", "export const good = 'good';\n");
    for name in ["a", "b"] {
        project.route(
            &format!("app/{name}/route.ts"),
            "import { good } from '../../lib/good';\nimport { bad } from '../../lib/bad';\n\
             export const GET = () => good + bad;\n",
        );
    }
    project.route(
        "app/c/route.ts",
        "import { good } from '../../lib/good';\nimport { missing } from '../../lib/good';\n\
         export const GET = () => good;\nexport const POST = () => missing();\n",
    );
    let output = project.build().await;
    let shown = project.run(
        &output,
        "const out = [];\n\
         for (const i of [0, 1, 0]) await load(i).then(() => out.push('?'), (e) => out.push(e.message));\n\
         const c = await load(2); out.push(c.GET());\n\
         try { c.POST(); } catch (e) { out.push(e.name); }\n\
         show(out);",
    );
    assert_eq!(shown, r#"["bad module","bad module","bad module","good","TypeError"]"#);
    let text: Vec<String> = output.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 1, "{text:?}");
    assert!(text[0].contains("app/c/route.ts:2:10") && text[0].contains("missing"), "{}", text[0]);
}

#[tokio::test]
async fn instrumentation_shares_modules_with_routes() {
    let mut project = Project::new();
    project.file("lib/state.ts", "export const state: string[] = [];\n");
    project.file(
        "src/instrumentation.ts",
        "import { state } from '../lib/state';\nexport function register() { state.push('registered'); }\n",
    );
    project.instrumentation = Some("src/instrumentation.ts".to_owned());
    project.route(
        "app/a/route.ts",
        "import { state } from '../../lib/state';\nexport const GET = () => state;\n",
    );
    let output = project.build().await;
    let chunk = output.manifest.instrumentation.clone().unwrap();
    let shown = project.run(
        &output,
        &format!(
            "(await import(root + '/.byway/{chunk}')).register(); show((await load(0)).GET());"
        ),
    );
    assert_eq!(shown, r#"["registered"]"#);
}

#[tokio::test]
async fn imports_of_templates_hold_every_file_they_can_mean() {
    let mut project = Project::new();
    project.file(
        "tsconfig.json",
        "{ \"compilerOptions\": { \"paths\": { \"@/*\": [\"./src/*\"] } } }",
    );
    project.file("src/messages/en.json", "{ \"hi\": \"hello\" }");
    project.file("src/messages/de.json", "{ \"hi\": \"hallo\" }");
    project.file("src/plugins/a/run.ts", "export default 'a';\n");
    project.file("src/plugins/b/run.ts", "export default import.meta.url.split('/').at(-2);\n");
    project.file("src/plugins/b/run.test.ts", "throw new Error('a test');\n");
    project.route(
        "src/app/x/route.ts",
        "const m = async (l: string) => (await import(`@/messages/${l}.json`)).default.hi;\n\
         const p = async (n: string) => (await import(`../../plugins/${n}/${'run'}`)).default;\n\
         export const GET = async () => [await m('en'), await m('de'), await m('fr').catch((e) => e.code),\n\
           await p('a'), await p('b')];\n",
    );
    let output = project.build().await;
    let shown = project.run(&output, "show(await (await load(0)).GET());");
    assert_eq!(shown, r#"["hello","hallo","MODULE_NOT_FOUND","a","b"]"#);
}

#[tokio::test]
async fn the_environment_is_read_when_the_code_runs() {
    let mut project = Project::new();
    project.file("a/names.ts", "export class User {}\n");
    project.file("b/names.ts", "export class User {}\nexport function make() { return User; }\n");
    project.route(
        "app/x/route.ts",
        "import { User } from '../../a/names';\nimport * as b from '../../b/names';\n\
         export const GET = () => [process.env.NODE_ENV, process.env.NEXT_RUNTIME, process.env.SECRET,\n\
           process.env.NEXT_PUBLIC_X, User.name, b.User.name, b.make().name];\n",
    );
    let output = project.build().await;
    let shown = project.run(
        &output,
        "process.env.SECRET = 's'; process.env.NEXT_PUBLIC_X = 'x'; show((await load(0)).GET());",
    );
    assert_eq!(shown, r#"["production","nodejs","s","x","User","User","User"]"#);
}

#[tokio::test]
async fn commonjs_files_of_the_project_work() {
    let mut project = Project::new();
    project.file(
        "lib/old.js",
        "const { join } = require('path');\nmodule.exports = { old: join('a', 'b') };\n",
    );
    project.file("lib/mixed.js", "const { old } = require('./old');\nexports.mixed = old + '!';\n");
    project.file(
        "lib/cyclic-a.ts",
        "import { b } from './cyclic-b';\nexport const a = () => 'a' + b();\n",
    );
    project.file(
        "lib/cyclic-b.ts",
        "import { a } from './cyclic-a';\nexport const b = () => typeof a;\n",
    );
    project.route(
        "app/x/route.ts",
        "import { old } from '../../lib/old';\nimport { mixed } from '../../lib/mixed';\n\
         import { a } from '../../lib/cyclic-a';\nexport const GET = () => [old, mixed, a()];\n",
    );
    let output = project.build().await;
    assert_eq!(
        project.run(&output, "show((await load(0)).GET());"),
        r#"["a/b","a/b!","afunction"]"#
    );
}
