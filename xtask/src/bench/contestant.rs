//! Who is measured, and how each is made ready and started. All run with their defaults.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::running::{capture, check};
use crate::{node, print, project};

/// One server.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Byway,
    /// With `bench/gated.toml`.
    Gated,
    /// With room for a crowd.
    Roomy,
    Next,
    NodeScript,
    Bun,
    Hyper,
}

const ALL: [(&str, Kind); 8] = [
    ("byway", Kind::Byway),
    ("byway-gated", Kind::Gated),
    ("next", Kind::Next),
    ("hono", Kind::NodeScript),
    ("fastify", Kind::NodeScript),
    ("node-http", Kind::NodeScript),
    ("bun", Kind::Bun),
    ("bare-hyper", Kind::Hyper),
];

pub(crate) fn all() -> Result<Vec<Contestant>> {
    if cfg!(not(target_os = "linux")) {
        bail!("the bench reads /proc: it runs on Linux only");
    }
    Ok(ALL.map(|(name, kind)| Contestant { name, kind }).into())
}

/// byway with room for more connections than it takes by default.
pub(crate) fn roomy() -> Contestant {
    Contestant { name: "byway", kind: Kind::Roomy }
}

/// The folder of the benchmark's packages.
pub(crate) fn folder() -> PathBuf {
    project::root().join("bench")
}

fn next_project() -> PathBuf {
    folder().join("project")
}

/// The same project with `gated.toml`; beside it, so that the packages are found.
fn gated_project() -> PathBuf {
    folder().join(".byway-gated")
}

fn prepare_gated(binary: &Path) -> Result<()> {
    print::stage("byway build bench/project with gated.toml");
    let project = gated_project();
    if project.exists() {
        std::fs::remove_dir_all(&project)?;
    }
    let copied = byway_testkit::Fixture::copy_of(next_project())?;
    check(Command::new("cp").arg("-r").arg(copied.path()).arg(&project))?;
    std::fs::copy(folder().join("gated.toml"), project.join("byway.toml"))?;
    check(Command::new(binary).arg("build").arg(project))
}

/// Installs packages, builds binaries and builds the project, as far as the contestants need it.
pub(crate) fn prepare(contestants: &[Contestant]) -> Result<()> {
    let has = |kind: Kind| contestants.iter().any(|contestant| contestant.kind == kind);
    node::install(&folder())?;
    if has(Kind::Byway) || has(Kind::Gated) || has(Kind::Roomy) || has(Kind::Hyper) {
        let binaries = project::build_release()?;
        if has(Kind::Gated) {
            prepare_gated(&binaries.join("byway"))?;
        }
        if has(Kind::Byway) || has(Kind::Roomy) {
            print::stage("byway build bench/project");
            check(Command::new(binaries.join("byway")).arg("build").arg(next_project()))?;
        }
    }
    if has(Kind::Next) && !is_next_build_current()? {
        print::stage("next build bench/project");
        let mut build = Command::new("node");
        build.arg(next_binary()).arg("build").current_dir(next_project());
        check(build.envs(ENVIRONMENT))?;
    }
    Ok(())
}

/// Set for every contestant.
const ENVIRONMENT: [(&str, &str); 2] =
    [("NODE_ENV", "production"), ("NEXT_TELEMETRY_DISABLED", "1")];

/// Whether Next's build is newer than what it was made from.
fn is_next_build_current() -> Result<bool> {
    let Ok(built) = next_project().join(".next/BUILD_ID").metadata() else { return Ok(false) };
    let built = built.modified()?;
    let mut folders = vec![next_project(), folder().join("package-lock.json")];
    while let Some(path) = folders.pop() {
        let name = path.file_name().unwrap_or_default();
        // Made by the builds and servers themselves.
        if name == ".next"
            || name.as_encoded_bytes().starts_with(b".byway")
            || name == "next-env.d.ts"
        {
            continue;
        }
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                folders.push(entry?.path());
            }
        } else if path.metadata()?.modified()? > built {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Contestant {
    /// The command that serves on a port of 127.0.0.1.
    pub(crate) fn command(&self, port: u16) -> Result<Command> {
        let port = port.to_string();
        let script = |extension: &str| {
            folder().join("contestants").join(self.name).with_extension(extension)
        };
        let mut command = match self.kind {
            Kind::Byway | Kind::Gated | Kind::Roomy => {
                let mut command = Command::new(project::release_folder()?.join("byway"));
                let gated = self.kind == Kind::Gated;
                command.arg("start").arg(if gated { gated_project() } else { next_project() });
                command.args(["--port", &port, "--hostname", "127.0.0.1"]);
                if self.kind == Kind::Roomy {
                    command.env("BYWAY_LIMITS_CONNECTIONS", "20000");
                }
                command
            }
            Kind::Next => {
                let mut command = Command::new("node");
                command.arg(next_binary()).arg("start").current_dir(next_project());
                command.args(["--port", &port, "--hostname", "127.0.0.1"]);
                command
            }
            Kind::NodeScript => {
                let mut command = Command::new("node");
                command.arg(script("mjs"));
                command
            }
            Kind::Bun => {
                let mut command = Command::new(bun_binary()?);
                command.arg(script("ts"));
                command
            }
            Kind::Hyper => Command::new(project::release_folder()?.join("bare-hyper")),
        };
        command.envs(ENVIRONMENT).env("PORT", &port).env("HOSTNAME", "127.0.0.1");
        Ok(command)
    }

    /// The version of what serves, such as `bun 1.4.5`.
    pub(crate) fn version(&self) -> Result<String> {
        let package = |name: &str| package_version(&folder().join("node_modules").join(name));
        Ok(match self.kind {
            Kind::Byway | Kind::Gated | Kind::Roomy => {
                capture(Command::new(project::release_folder()?.join("byway")).arg("--version"))?
            }
            Kind::Next => format!("next {}", package("next")?),
            Kind::NodeScript if self.name == "hono" => {
                format!("hono {}, node-server {}", package("hono")?, package("@hono/node-server")?)
            }
            Kind::NodeScript if self.name == "fastify" => {
                format!("fastify {}", package("fastify")?)
            }
            Kind::NodeScript => format!("node {}", capture(Command::new("node").arg("--version"))?),
            Kind::Bun => format!("bun {}", capture(Command::new(bun_binary()?).arg("--version"))?),
            Kind::Hyper => "hyper 1, tokio 1".to_owned(),
        }
        .trim()
        .to_owned())
    }
}

pub(crate) fn next_binary() -> PathBuf {
    folder().join("node_modules/next/dist/bin/next")
}

/// Bun's binary ships in a package of its own for each platform.
fn bun_binary() -> Result<PathBuf> {
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        other => other,
    };
    let package = format!("bun-linux-{processor}");
    for name in [package.clone(), format!("{package}-musl")] {
        let binary = folder().join("node_modules/@oven").join(name).join("bin/bun");
        if binary.is_file() {
            return Ok(binary);
        }
    }
    bail!("npm installed no `@oven/{package}`; leave bun out with `--only`")
}

fn package_version(package: &Path) -> Result<String> {
    let path = package.join("package.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let package: serde_json::Value = serde_json::from_str(&text)?;
    package["version"].as_str().map(str::to_owned).context("the package has no version")
}
