//! The command line as a whole: help, exit codes, quiet and verbose, completions, manual pages.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::process::{Command, Output};

use byway_testkit::{Fixture, byway_binary};

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(byway_binary(env!("CARGO_BIN_EXE_byway")));
    for name in ["NODE_ENV", "PORT", "BYWAY_WORKERS"] {
        command.env_remove(name);
    }
    command.args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_teaches_by_examples() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for part in ["Usage: byway", "build", "check", "Examples:", "Exit codes: 0 fine"] {
        assert!(text(&help.stdout).contains(part), "{part}: {}", text(&help.stdout));
    }
    let build = text(&run(&["build", "--help"]).stdout);
    assert!(build.contains("byway build apps/api"), "{build}");
    assert_eq!(
        text(&run(&["--version"]).stdout),
        concat!("byway ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_wrong_command_line_is_2_and_a_wrong_project_1() {
    for args in [
        &["biuld"][..],
        &["build", "--no-such-flag"],
        &["build", "--quiet", "--verbose"],
        &["start", "--port", "99999"],
        &["completions", "ksh93"],
        &[],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
    }
    assert!(text(&run(&["biuld"]).stderr).contains("'build'"), "a suggestion");
    let output = run(&["build", "/no/such/folder"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/no/such/folder"), "{}", text(&output.stderr));
}

#[test]
fn quiet_leaves_errors_and_data() {
    let fixture =
        Fixture::new(&[("app/a/route.ts", "export const GET = () => 1\nexport default GET\n")])
            .unwrap();
    let dir = fixture.path().to_str().unwrap();
    let loud = run(&["build", dir]);
    assert!(text(&loud.stderr).contains("default export"), "{}", text(&loud.stderr));
    let quiet = run(&["build", dir, "--quiet"]);
    assert_eq!(text(&quiet.stderr), "");
    assert!(text(&quiet.stdout).contains("/a"), "the table is data");
    let verbose = run(&["-v", "build", dir]);
    assert!(text(&verbose.stderr).contains("compiling: "), "{}", text(&verbose.stderr));
    fixture.write("app/a/route.ts", "export const = 1\n").unwrap();
    let broken = run(&["-q", "build", dir]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(text(&broken.stderr).contains("app/a/route.ts:1:14"), "{}", text(&broken.stderr));
}

#[test]
fn completions_know_commands_and_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        let script = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        for word in ["routes", "deny-warnings"] {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
    }
    // What it prints is a script that bash accepts.
    let script = run(&["completions", "bash"]).stdout;
    let fixture = Fixture::new(&[("byway.bash", script)]).unwrap();
    let checked = Command::new("bash").arg("-n").arg(fixture.path().join("byway.bash")).status();
    assert!(checked.is_ok_and(|status| status.success()));
}

#[test]
fn manual_pages_are_one_per_command() {
    let page = text(&run(&["man"]).stdout);
    assert!(page.contains(".TH byway 1") && page.contains("Exit codes"), "{page}");
    let fixture = Fixture::new::<&str, &str>(&[]).unwrap();
    let output = run(&["man", "--out", fixture.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for name in ["byway.1", "byway-build.1", "byway-check.1", "byway-routes.1"] {
        assert!(fixture.read(name).unwrap().contains(".TH"), "{name}");
    }
    let missing = run(&["man", "--out", "/no/such/folder"]);
    assert_eq!(missing.status.code(), Some(1));
}
