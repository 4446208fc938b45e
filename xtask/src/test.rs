//! `cargo xtask test`: everything that must pass. The quick and the foreign come first and the Rust
//! tests last, so that the last lines are the summary of the runner with the most tests.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::arguments::Arguments;
use crate::running::{check, is_root, works};
use crate::{node, print, project};

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    arguments.finish()?;
    node::require()?;
    programs()?;
    let root = project::root();
    worker(&root.join("worker"))?;
    example(&root.join("examples/finance"))?;
    format()?;
    project::build_release()?;
    lints()?;
    rust()?;
    Ok(ExitCode::SUCCESS)
}

/// A program that byway is tested with.
struct Program {
    name: &'static str,
    /// What shows that it is there: it says its version.
    version: &'static [&'static str],
    /// The Debian packages that have it.
    packages: &'static [&'static str],
    tested: &'static str,
}

impl Program {
    const fn server(name: &'static str, package: &'static [&str], tested: &'static str) -> Self {
        Self { name, version: &["-v"], packages: package, tested }
    }

    fn is_missing(&self) -> bool {
        !works(Command::new(self.name).args(self.version))
    }
}

const PROGRAMS: [Program; 4] = [
    Program::server("redis-server", &["redis-server"], "the store that machines share"),
    Program::server("nginx", &["nginx-light"], "byway behind nginx"),
    Program::server("haproxy", &["haproxy"], "byway behind HAProxy"),
    Program {
        name: "python3",
        version: &["-m", "pip", "--version"],
        packages: &["python3", "python3-pip"],
        tested: "MongoDB's drivers with a server",
    },
];

/// Installs what is missing, where that can be done; else says what will not be tested.
fn programs() -> Result<()> {
    let missing: Vec<_> = PROGRAMS.iter().filter(|program| program.is_missing()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if is_root() && works(Command::new("apt-get").arg("--version")) {
        print::stage("apt-get install");
        check(Command::new("apt-get").args(["update", "-qq"]))?;
        let mut install = Command::new("apt-get");
        install.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", "-qq"]);
        return check(install.args(missing.iter().flat_map(|program| program.packages)));
    }
    for Program { name, packages, tested, .. } in missing {
        print::progress(&format!("NOTE: {name} is not installed: NOT tested is {tested}."));
        print::progress(&format!("NOTE: `apt-get install {}` installs it.", packages.join(" ")));
    }
    Ok(())
}

/// The TypeScript half; its `test` script begins with the type check.
fn worker(folder: &Path) -> Result<()> {
    node::install(folder)?;
    print::stage("types and tests of the worker");
    check(node::npm(folder).args(["run", "--silent", "test"]))
}

/// The example's own tests, without a server.
fn example(folder: &Path) -> Result<()> {
    node::install(folder)?;
    print::stage("types and tests of the example");
    for script in ["prepare-client", "typecheck", "test"] {
        check(node::npm(folder).args(["run", "--silent", script]))?;
    }
    Ok(())
}

fn format() -> Result<()> {
    if !works(project::cargo().args(["fmt", "--version"])) {
        print::progress("note: rustfmt is not installed, the format is not checked");
        return Ok(());
    }
    print::stage("cargo fmt --check");
    check(project::cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    if !works(project::cargo().args(["clippy", "--version"])) {
        print::progress("note: clippy is not installed, lints are not checked");
        return Ok(());
    }
    print::stage("cargo clippy");
    let mut clippy = project::cargo();
    clippy.args(["clippy", "--release", "--workspace", "--all-targets", "--locked"]);
    check(clippy.args(["--", "-D", "warnings"]))
}

/// Unit, protocol, end-to-end and conformance tests.
fn rust() -> Result<()> {
    let common = ["--release", "--workspace", "--locked"];
    if !works(project::cargo().args(["nextest", "--version"])) {
        print::stage("cargo test");
        print::progress(
            "NOTE: cargo-nextest is not installed: no timeouts, and tests share processes.",
        );
        print::progress("NOTE: `cargo install cargo-nextest --locked` installs it.");
        return check(project::cargo().arg("test").args(common));
    }
    print::stage("cargo test --doc");
    check(project::cargo().args(["test", "--doc", "--quiet"]).args(common))?;
    print::stage("cargo nextest run");
    check(project::cargo().args(["nextest", "run"]).args(common))
}
