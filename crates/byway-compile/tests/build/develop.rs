//! Builds for development: what changes its name, and what an error takes down.

use std::collections::BTreeMap;

use byway_compile::DevBuild;

use crate::fixture::Project;

/// Of the hash of a file's content at the end of its name.
const HASH_CHARS: usize = 8;

/// The files of a build by their names without the hash of their content.
fn names(build: &DevBuild) -> BTreeMap<String, String> {
    let modules = build.files.iter().map(|file| file.name.as_str());
    let modules = modules.filter_map(|name| name.strip_suffix(".mjs"));
    // The hash may have dashes in it.
    let known = |name: &str| name[..name.len() - HASH_CHARS - 1].to_owned();
    modules.map(|name| (known(name), name.to_owned())).collect()
}

/// What has another name in `after`, without the numbers of paths.
fn renamed(before: &DevBuild, after: &DevBuild) -> Vec<String> {
    let (before, after) = (names(before), names(after));
    let changed = after.iter().filter(|(name, file)| before.get(*name) != Some(*file));
    let mut names: Vec<String> = changed
        .map(|(name, _)| match name.rsplit_once("modules/") {
            Some((_, module)) => module.rsplit_once('-').unwrap().0.to_owned(),
            None => name.rsplit('/').next().unwrap().to_owned(),
        })
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_change_renames_the_module_and_what_imports_it_and_nothing_else() {
    let mut project = Project::new();
    project.file("lib/deep.ts", "export const deep = 1\n");
    project.file("lib/store.ts", "export const store = { count: 0 }\n");
    project
        .file("lib/middle.ts", "import { deep } from './deep'\nexport const middle = deep + 1\n");
    project.route("app/a/route.ts", "import { middle } from '../../lib/middle'\nimport { store } from '../../lib/store'\nexport const GET = () => middle + store.count\n");
    project.route(
        "app/b/route.ts",
        "import { store } from '../../lib/store'\nexport const GET = () => store.count\n",
    );
    let developer = project.developer();
    let first = project.develop(&developer).await;
    assert_eq!(first.diagnostics, []);
    assert_eq!(renamed(&first, &project.develop(&developer).await), [""; 0]);
    project.file("lib/deep.ts", "export const deep = 2\n");
    let second = project.develop(&developer).await;
    assert_eq!(renamed(&first, &second), ["app.a", "deep", "middle"]);
    // What was before has the name that it had.
    project.file("lib/deep.ts", "export const deep = 1\n");
    assert_eq!(renamed(&first, &project.develop(&developer).await), [""; 0]);
}

#[tokio::test]
async fn modules_that_import_each_other_are_renamed_together() {
    let mut project = Project::new();
    project.file("lib/a.ts", "import { b } from './b'\nexport const a = () => 'a' + b()\n");
    project.file("lib/b.ts", "import { a } from './a'\nexport const b = () => 'b' + typeof a\n");
    project.route("app/a/route.ts", "import { a } from '../../lib/a'\nexport const GET = a\n");
    let developer = project.developer();
    let first = project.develop(&developer).await;
    project.file("lib/a.ts", "import { b } from './b'\nexport const a = () => 'A' + b()\n");
    let second = project.develop(&developer).await;
    assert_eq!(renamed(&first, &second), ["a", "app.a", "b"]);
    assert_eq!(
        project.run_developed(&developer, &second, "show((await load(0)).GET())").await,
        "\"Abfunction\""
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_compiled_takes_down_what_imports_it_and_nothing_else() {
    let mut project = Project::new();
    project.file("lib/wrong.ts", "import './behind'\nexport const a = = 1\n");
    project.file("lib/behind.ts", "export const b = = 1\n");
    project.route(
        "app/a/route.ts",
        "import { a } from '../../lib/wrong'\nexport const GET = () => a\n",
    );
    project.route("app/b/route.ts", "export const GET = () => 'b'\n");
    project.route("app/c/route.ts", "export const GET = () => { let x = = 1 }\n");
    let developer = project.developer();
    let build = project.develop(&developer).await;
    let mut files: Vec<_> =
        build.diagnostics.iter().filter_map(|found| found.file.as_deref()).collect();
    files.sort_unstable();
    // The file behind the broken one is looked at too.
    assert_eq!(files, ["app/c/route.ts", "lib/behind.ts", "lib/wrong.ts"]);
    let script = "const result = async (at) => {
            try { return (await load(at)).GET() } catch (error) { return `${error.name}: ${error.message}` }
        }
        show([await result(0), await result(1), await result(2)])";
    assert_eq!(
        project.run_developed(&developer, &build, script).await,
        r#"["BuildError: `lib/wrong.ts` cannot be compiled","b","BuildError: `app/c/route.ts` cannot be compiled"]"#
    );
    // All of them are watched, so that mending any is noticed.
    for file in ["lib/wrong.ts", "lib/behind.ts", "app/c/route.ts"] {
        assert!(build.sources.contains(&project.root().join(file)), "{file}");
    }
}

#[tokio::test]
async fn modules_of_all_kinds_find_each_other_in_files_of_their_own() {
    let mut project = Project::new();
    project.file("lib/old.cjs", "const data = require('./data.json')\nmodule.exports = { word: data.word, twice: () => data.word + data.word }\n");
    project.file("lib/data.json", r#"{ "word": "cjs" }"#);
    project.file(
        "lib/index.ts",
        "export * from './named'\nexport { default as other } from './other'\n",
    );
    project.file("lib/named.ts", "export enum Kind { One = 'one' }\n");
    project.file("lib/other.ts", "export default class Other { static label = 'other' }\n");
    project.route(
        "app/a/route.ts",
        "import old, { twice } from '../../lib/old.cjs'\nimport data from '../../lib/data.json'\nimport { Kind, other } from '../../lib'\nimport { cookies } from 'next/headers'\nexport const GET = async () => [old.word, twice(), data.word, Kind.One, other.label, other.name, (await import('../../lib/named')).Kind.One, typeof cookies]\n",
    );
    let developer = project.developer();
    let build = project.develop(&developer).await;
    assert_eq!(build.diagnostics, []);
    assert_eq!(
        project.run_developed(&developer, &build, "show(await (await load(0)).GET())").await,
        r#"["cjs","cjscjs","cjs","one","other","Other","one","function"]"#
    );
}
