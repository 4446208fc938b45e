//! npm packages: what stays outside, and that a bundler's interop holds all the same.

use std::os::unix::fs::symlink;

use crate::fixture::Project;

/// A `CommonJS` package whose exports only exist when it runs.
fn add_commonjs(project: &Project, dir: &str, name: &str) {
    project.file(
        &format!("{dir}/{name}/package.json"),
        &format!("{{ \"name\": \"{name}\", \"version\": \"1.0.0\", \"main\": \"lib/index\" }}"),
    );
    project.file(
        &format!("{dir}/{name}/lib/index.js"),
        "globalThis.loads = (globalThis.loads ?? 0) + 1;\n\
         for (const key of ['sign', 'verify']) exports[key] = () => key;\n\
         exports.where = __dirname;\nexports.loads = () => globalThis.loads;\n",
    );
    project.file(
        &format!("{dir}/{name}/sub.js"),
        "module.exports = function sub() { return 'sub'; };\n",
    );
}

fn add_module(project: &Project, dir: &str, name: &str, text: &str) {
    project.file(
        &format!("{dir}/{name}/package.json"),
        &format!("{{ \"name\": \"{name}\", \"type\": \"module\", \"exports\": {{ \".\": \"./index.js\" }} }}"),
    );
    project.file(&format!("{dir}/{name}/index.js"), text);
}

#[tokio::test]
async fn commonjs_packages_have_a_bundlers_interop() {
    let mut project = Project::new();
    add_commonjs(&project, "node_modules", "token");
    project.file("node_modules/es-flag/package.json", "{ \"name\": \"es-flag\" }");
    project.file(
        "node_modules/es-flag/index.js",
        "Object.defineProperty(exports, '__esModule', { value: true });\nexports.default = 'd'; exports.named = 'n';\n",
    );
    project.route(
        "app/a/route.ts",
        "import { verify } from 'token';\nimport token from 'token';\nimport * as all from 'token';\n\
         import sub from 'token/sub';\nimport flag, { named } from 'es-flag';\n\
         export const GET = async () => {\n\
           const lazy = await import('token');\n\
           return [verify(), token.sign(), all.verify(), all.default === token, sub(), flag, named,\n\
             lazy.verify(), lazy.default === token, token.loads()];\n\
         };\n",
    );
    project.route(
        "pages/api/b.js",
        "const { sign, loads, where } = require('token');\n\
         module.exports = () => [sign(), loads(), where.endsWith('node_modules/token/lib')];\n",
    );
    let output = project.build().await;
    let shown = project.run(
        &output,
        "const b = (await load(1)).default; show([await (await load(0)).GET(), b()]);",
    );
    assert_eq!(
        shown,
        r#"[["verify","sign","verify",true,"sub","d","n","verify",true,1],["sign",1,true]]"#
    );
}

#[tokio::test]
async fn modules_duals_and_data_are_loaded_in_place() {
    let mut project = Project::new();
    add_module(
        &project,
        "node_modules",
        "pure",
        "export const pure = import.meta.url;\nexport default 'd';\n",
    );
    add_module(
        &project,
        "node_modules",
        "waits",
        "export const waited = await Promise.resolve('w');\n",
    );
    project.file(
        "node_modules/dual/package.json",
        "{ \"name\": \"dual\", \"exports\": { \".\": { \"import\": \"./i.mjs\", \"require\": \"./r.cjs\" },\n\
           \"./mixed\": { \"import\": \"./mixed-import.cjs\", \"require\": \"./mixed-require.cjs\" } } }",
    );
    project.file("node_modules/dual/i.mjs", "export const kind = 'import';\n");
    project.file("node_modules/dual/r.cjs", "exports.kind = 'require';\n");
    project.file("node_modules/dual/mixed-import.cjs", "exports.kind = 'mixed import';\n");
    project.file("node_modules/dual/mixed-require.cjs", "exports.kind = 'mixed require';\n");
    project
        .file("node_modules/data/package.json", "{ \"name\": \"data\", \"version\": \"3.2.1\" }");
    // Such packages were made for bundlers: no exports map, and files named without their ending.
    project
        .file("node_modules/loose/package.json", "{ \"name\": \"loose\", \"type\": \"module\" }");
    project.file("node_modules/loose/deep/part.js", "export const part = 'part';\n");
    project.file(
        "node_modules/syntax/package.json",
        "{ \"name\": \"syntax\", \"main\": \"index.js\" }",
    );
    project.file("node_modules/syntax/index.js", "export { more as syntax } from './more';\n");
    project.file("node_modules/syntax/more.js", "export const more = 'esm without a type';\n");
    project.route(
        "app/a/route.ts",
        "import d, { pure } from 'pure';\nimport { waited } from 'waits';\nimport { kind } from 'dual';\n\
         import { kind as mixed } from 'dual/mixed';\n\
         import { version } from 'data/package.json';\nimport { part } from 'loose/deep/part';\n\
         import { syntax } from 'syntax';\nimport fs from 'fs';\nimport { join } from 'node:path';\n\
         export const GET = () => [d, pure.endsWith('node_modules/pure/index.js'), waited, kind, mixed, version,\n\
           part, syntax, typeof fs.readFileSync, join('a', 'b')];\n",
    );
    project
        .route("app/b/route.js", "const { kind } = require('dual');\nexports.GET = () => kind;\n");
    let output = project.build().await;
    let shown = project.run(
        &output,
        "const b = await load(1); show([...(await load(0)).GET(), (b.GET ?? b.default.GET)()]);",
    );
    assert_eq!(
        shown,
        r#"["d",true,"w","import","mixed import","3.2.1","part","esm without a type","function","a/b","require"]"#
    );
}

#[tokio::test]
async fn a_workspace_package_is_source_and_has_its_own_packages() {
    let mut project = Project::within("apps/web");
    project.file("package.json", "{ \"name\": \"web\" }");
    project.file(
        "../../packages/ui/package.json",
        "{ \"name\": \"@repo/ui\", \"type\": \"module\", \"exports\": { \".\": \"./src/index.ts\" } }",
    );
    project.file(
        "../../packages/ui/src/index.ts",
        "import { where } from 'token';\nimport { which } from 'pure';\nimport { here } from './here';\n\
         export enum Size { S, L }\nexport const ui = [where, which, here, Size.L] as const;\n",
    );
    project.file(
        "../../packages/ui/src/here.cts",
        "import path = require('path');\nexports.here = path.basename(__dirname) + '/' + path.basename(__filename);\n",
    );
    project.file("../../packages/ui/src/here.ts", "export const here = import.meta.url;\n");
    add_commonjs(&project, "../../packages/ui/node_modules", "token");
    add_commonjs(&project, "node_modules", "token");
    add_module(
        &project,
        "../../packages/ui/node_modules",
        "pure",
        "export const which = 'nested';\n",
    );
    add_module(&project, "node_modules", "pure", "export const which = 'own';\n");
    std::fs::create_dir_all(project.root().join("node_modules/@repo")).unwrap();
    symlink("../../../../packages/ui", project.root().join("node_modules/@repo/ui")).unwrap();
    project.route(
        "app/a/route.ts",
        "import { ui } from '@repo/ui';\nimport { where } from 'token';\nimport { which } from 'pure';\n\
         export const GET = () => [...ui, where, which];\n",
    );
    let output = project.build().await;
    let outside = project.outside().display().to_string();
    let shown = project.run(&output, "show((await load(0)).GET());").replace(&outside, "");
    assert_eq!(
        shown,
        r#"["/packages/ui/node_modules/token/lib","nested","file:///packages/ui/src/here.ts",1,"/apps/web/node_modules/token/lib","own"]"#
    );
}

#[tokio::test]
async fn pnpm_and_hoisted_layouts() {
    let mut project = Project::within("apps/web");
    let store = "node_modules/.pnpm/token@1.0.0/node_modules";
    add_commonjs(&project, store, "token");
    symlink(".pnpm/token@1.0.0/node_modules/token", project.root().join("node_modules/token"))
        .unwrap();
    add_commonjs(&project, "../../node_modules", "hoisted");
    add_module(&project, "../../node_modules", "pure", "export const which = 'hoisted';\n");
    project.route(
        "app/a/route.ts",
        "import { where } from 'token';\nimport { where as there } from 'hoisted';\nimport { which } from 'pure';\n\
         export const GET = () => [where, there, which];\n",
    );
    let output = project.build().await;
    let outside = project.outside().display().to_string();
    let shown = project.run(&output, "show((await load(0)).GET());").replace(&outside, "");
    assert_eq!(
        shown,
        r#"["/apps/web/node_modules/.pnpm/token@1.0.0/node_modules/token/lib","/node_modules/hoisted/lib","hoisted"]"#
    );
}

#[tokio::test]
async fn packages_that_are_source_are_compiled() {
    let mut project = Project::new();
    project.file(
        "node_modules/only-ts/package.json",
        "{ \"name\": \"only-ts\", \"main\": \"./index.ts\" }",
    );
    project.file("node_modules/only-ts/index.ts", "export enum Kind { A = 'ts' }\n");
    add_module(&project, "node_modules", "listed", "export const url = import.meta.url;\n");
    project.transpile = vec!["listed".to_owned()];
    project.route(
        "app/a/route.ts",
        "import { Kind } from 'only-ts';\nimport { url } from 'listed';\nexport const GET = () => [Kind.A, url];\n",
    );
    let output = project.build().await;
    let code =
        std::fs::read_to_string(project.root().join(".byway/server/routes/app.a.mjs")).unwrap();
    assert!(!code.contains("from \"listed\""), "{code}");
    let outside = project.outside().display().to_string();
    let shown = project.run(&output, "show((await load(0)).GET());").replace(&outside, "");
    assert_eq!(shown, r#"["ts","file:///project/node_modules/listed/index.js"]"#);
}

#[tokio::test]
async fn imports_of_the_package_itself() {
    let mut project = Project::new();
    add_commonjs(&project, "node_modules", "token");
    project.file(
        "package.json",
        "{ \"name\": \"p\", \"imports\": { \"#db\": \"./lib/db.ts\", \"#token\": \"token\" } }",
    );
    project.file("lib/db.ts", "export const db = 'db';\n");
    project.route(
        "app/a/route.ts",
        "import { db } from '#db';\nimport { sign } from '#token';\nexport const GET = () => [db, sign()];\n",
    );
    let output = project.build().await;
    assert_eq!(project.run(&output, "show((await load(0)).GET());"), r#"["db","sign"]"#);
}

#[tokio::test]
async fn a_package_that_fails_is_its_routes_failure() {
    let mut project = Project::new();
    add_commonjs(&project, "node_modules", "token");
    add_module(&project, "node_modules", "closed", "export const a = 1;\n");
    project.file("node_modules/broken/package.json", "{ \"name\": \"broken\" }");
    project
        .file("node_modules/broken/index.js", "throw new Error('no add-on for this machine');\n");
    for name in ["a", "b"] {
        project.route(
            &format!("app/{name}/route.ts"),
            "import { x } from 'broken';\nexport const GET = () => x;\n",
        );
    }
    project.route(
        "app/c/route.ts",
        "import { y } from 'closed/inside';\nexport const GET = () => y;\n",
    );
    project.route(
        "app/d/route.ts",
        "import { nope } from 'token';\nexport const GET = () => typeof nope;\n",
    );
    let output = project.build().await;
    let shown = project.run(
        &output,
        "const out = [];\n\
         for (const i of [0, 1, 2]) await load(i).then(() => out.push('?'), (e) => out.push(e.code ?? e.message));\n\
         out.push((await load(3)).GET()); show(out);",
    );
    let message = "no add-on for this machine";
    assert_eq!(
        shown,
        format!(r#"["{message}","{message}","ERR_PACKAGE_PATH_NOT_EXPORTED","undefined"]"#)
    );
    let text: Vec<String> = output.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 1, "{text:?}");
    assert!(text[0].contains("the package `closed` has no `closed/inside`"), "{}", text[0]);
}

#[tokio::test]
async fn who_imports_next_is_known() {
    let plain = Project::new();
    add_commonjs(&plain, "node_modules", "token");
    plain.file(
        "node_modules/next/package.json",
        "{ \"name\": \"next\", \"dependencies\": { \"next\": \"1\" } }",
    );
    assert!(!plain.build().await.manifest.packages_import_next);

    let peer = Project::new();
    peer.file(
        "node_modules/@scope/kit/package.json",
        "{ \"name\": \"@scope/kit\", \"peerDependencies\": { \"next\": \">=14\" } }",
    );
    assert!(peer.build().await.manifest.packages_import_next);

    let pnpm = Project::new();
    pnpm.file(
        "node_modules/.pnpm/better-auth@1/node_modules/better-auth/package.json",
        "{ \"name\": \"better-auth\" }",
    );
    assert!(pnpm.build().await.manifest.packages_import_next);
}

#[tokio::test]
async fn aliases_of_packages_and_files_that_are_no_code() {
    let mut project = Project::new();
    add_commonjs(&project, "node_modules", "token");
    add_module(&project, "node_modules", "pure", "export const pure = 'pure';\n");
    project.file(
        "tsconfig.json",
        "{ \"compilerOptions\": { \"paths\": { \"short\": [\"./node_modules/token\"],\n\
           \"clean\": [\"./node_modules/pure/index.js\"] } } }",
    );
    project.file(
        "lib/mail.ts",
        "import './mail.css';\nimport logo from './logo.png';\nexport { logo };\n",
    );
    project.file("lib/mail.css", "p { color: red }\n");
    project.file("lib/logo.png", "\u{89}PNG");
    project.route(
        "app/a/route.ts",
        "import { sign } from 'short';\nimport { pure } from 'clean';\nimport { logo } from '../../lib/mail';\n\
         export const GET = () => [sign(), pure, typeof logo];\n",
    );
    let output = project.build().await;
    assert_eq!(
        project.run(&output, "show((await load(0)).GET());"),
        r#"["sign","pure","function"]"#
    );
    assert_eq!(output.warnings.len(), 1);
    assert_eq!(output.warnings[0].file.as_deref(), Some("lib/mail.ts"));
}

/// A package.json in a folder of a package says how Node reads the files there, whatever the package's own
/// says.
#[tokio::test]
async fn the_nearest_package_json_says_what_a_js_file_is() {
    let mut project = Project::new();
    project.file(
        "node_modules/twofold/package.json",
        "{ \"name\": \"twofold\", \"exports\": { \"import\": \"./esm/index.js\", \"require\": \"./cjs/index.js\" } }",
    );
    project.file("node_modules/twofold/esm/package.json", "{ \"type\": \"module\" }");
    project.file(
        "node_modules/twofold/esm/index.js",
        "import { mark } from './mark.js';\nexport class Part {}\nexport const place = import.meta.url + mark;\n",
    );
    project.file("node_modules/twofold/esm/mark.js", "export const mark = '#m';\n");
    project.file("node_modules/twofold/cjs/index.js", "exports.Part = class Part {};\n");
    project.file(
        "node_modules/older/package.json",
        "{ \"name\": \"older\", \"type\": \"module\", \"exports\": \"./cjs/index.js\" }",
    );
    project.file("node_modules/older/cjs/package.json", "{ \"type\": \"commonjs\" }");
    project.file(
        "node_modules/older/cjs/index.js",
        "Object.assign(exports, { older: typeof require });\n",
    );
    // Its instance of `twofold` is Node's, and the project's has to be the same.
    add_module(&project, "node_modules", "user", "export { Part } from 'twofold';\n");
    project.route(
        "app/a/route.ts",
        "import { Part, place } from 'twofold';\nimport { Part as Same } from 'user';\nimport { older } from 'older';\n\
         export const GET = () => [Part === Same, place.endsWith('node_modules/twofold/esm/index.js#m'), older];\n",
    );
    let output = project.build().await;
    let shown = project.run(&output, "show((await load(0)).GET());");
    assert_eq!(shown, r#"[true,true,"function"]"#);
}
