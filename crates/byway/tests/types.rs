//! `byway types`: projects type-check with the real compiler and without `next`, and what is declared is
//! what the worker gives to user code.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use byway_testkit::{Fixture, byway_binary};
use sha2::{Digest as _, Sha256};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn byway(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(byway_binary(env!("CARGO_BIN_EXE_byway")));
    for name in ["NODE_ENV", "PORT", "BYWAY_WORKERS"] {
        command.env_remove(name);
    }
    command.current_dir(dir).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `node_modules` with TypeScript and the types of Node.js, installed once for each lock file.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let source = Path::new(ROOT).join("tests/fixtures/types");
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("types");
        fs::create_dir_all(&root).unwrap();
        // Other tests wait for the one that installs; the system lets go of it when that one ends.
        let lock = File::create(root.join("lock")).unwrap();
        lock.lock().unwrap();
        let digest = Sha256::digest(fs::read(source.join("package-lock.json")).unwrap());
        let name = digest.iter().take(8).fold(0_u64, |name, byte| name << 8 | u64::from(*byte));
        let folder = root.join(format!("{name:016x}"));
        if !folder.join("installed").exists() {
            fs::create_dir_all(&folder).unwrap();
            for file in ["package.json", "package-lock.json"] {
                fs::copy(source.join(file), folder.join(file)).unwrap();
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
            let output = npm.output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
            fs::write(folder.join("installed"), "").unwrap();
        }
        folder
    })
}

fn tsc(project: &Path) -> Output {
    let modules = project.join("node_modules");
    if !modules.exists() {
        symlink(packages().join("node_modules"), &modules).unwrap();
    }
    let mut command = Command::new("node");
    command.arg(modules.join("typescript/bin/tsc")).args(["--noEmit", "-p", "."]);
    command.current_dir(project).output().unwrap()
}

fn project() -> Fixture {
    let project = Fixture::copy_of(format!("{ROOT}/tests/fixtures/types")).unwrap();
    let output = byway(project.path(), &["types"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    project
}

#[test]
fn a_project_type_checks_without_next() {
    let project = project();
    let checked = tsc(project.path());
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    assert!(!project.path().join("node_modules/next").exists());
}

#[test]
fn what_is_wrong_is_an_error_of_the_compiler() {
    let project = project();
    let route = "import { cookies } from 'next/headers';\n\
        import { NextResponse } from 'next/server';\n\
        export async function GET(r: Request, c: RouteContext<'/api/nowhere'>) {\n\
        cookies().get('a');\n\
        const { nothing } = await ({} as RouteContext<'/api/users/[id]'>).params;\n\
        const wrong: NextResponse<string> = NextResponse.json(1);\n\
        return new Response([r, c, nothing, wrong].join());\n\
        }\n";
    project.write("app/api/wrong/route.ts", route).unwrap();
    let printed = text(&tsc(project.path()).stdout);
    for line in 3..=6 {
        let place = format!("app/api/wrong/route.ts({line},");
        assert!(printed.contains(&place), "no error in line {line}:\n{printed}");
    }
}

#[test]
fn a_new_project_type_checks() {
    let folder = Fixture::new::<&str, &str>(&[]).unwrap();
    let made = byway(folder.path(), &["new", "my-api"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let checked = tsc(&folder.path().join("my-api"));
    assert!(checked.status.success(), "{}", text(&checked.stdout));
}

#[test]
fn a_file_that_is_not_current_is_noticed() {
    let project = project();
    assert_eq!(byway(project.path(), &["types", "--check"]).status.code(), Some(0));
    project
        .write("app/api/more/[x]/route.ts", "export const GET = () => new Response()\n")
        .unwrap();
    let output = byway(project.path(), &["types", "--check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not current"), "{}", text(&output.stderr));
    assert_eq!(byway(project.path(), &["types"]).status.code(), Some(0));
    assert!(
        project.read("byway-env.d.ts").unwrap().contains("\"/api/more/[x]\": { \"x\": string };")
    );
}

#[test]
fn the_types_of_next_go_first_where_they_are_installed() {
    let project = Fixture::new(&[
        ("app/a/route.ts", "export const GET = () => new Response()\n"),
        ("node_modules/next/package.json", "{}"),
        ("tsconfig.json", r#"{ "include": ["app"] }"#),
    ])
    .unwrap();
    let output = byway(project.path(), &["types"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!project.path().join("byway-env.d.ts").exists());
    let forced = byway(project.path(), &["types", "--force"]);
    assert_eq!(forced.status.code(), Some(0));
    assert!(
        text(&forced.stderr).contains("hint: add `byway-env.d.ts`"),
        "{}",
        text(&forced.stderr)
    );
}

/// The names that a text exports: values only, without those that are types.
fn exported_values(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        let Some(rest) = line.strip_prefix("export ") else { continue };
        if let Some(list) = rest.strip_prefix("{ ") {
            let end = list.find('}').unwrap_or(list.len());
            let items = list[..end].split(',').map(str::trim);
            let values = items.filter(|item| !item.is_empty() && !item.starts_with("type "));
            names.extend(values.map(|item| item.rsplit(' ').next().unwrap_or(item).to_owned()));
            continue;
        }
        let rest = rest.strip_prefix("async ").unwrap_or(rest);
        for kind in ["function ", "class ", "const "] {
            let name = |rest: &str| {
                let end =
                    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                rest[..end].to_owned()
            };
            names.extend(rest.strip_prefix(kind).map(name));
        }
        if rest.starts_with("default ") {
            names.insert("default".to_owned());
        }
    }
    names
}

#[test]
fn what_is_declared_is_what_the_worker_exports() {
    // For byway's own runtime, not for user code.
    let internal = ["redirectionOf", "fallbackStatusOf"];
    for (declared, worker) in [
        ("server", "server"),
        ("headers", "headers"),
        ("navigation", "navigation"),
        ("cache", "cache"),
        ("og", "og"),
        ("next", "index"),
    ] {
        let types = format!("{ROOT}/crates/byway/src/commands/types/{declared}.d.ts");
        let declared = exported_values(&fs::read_to_string(types).unwrap());
        let module = format!("{ROOT}/worker/src/next/{worker}.ts");
        let mut exported = exported_values(&fs::read_to_string(module).unwrap());
        assert!(!exported.is_empty(), "{worker}");
        exported.retain(|name| !internal.contains(&name.as_str()));
        assert_eq!(declared, exported, "next/{worker}");
    }
}
