//! Where things are in this repository, and its release build.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::print;
use crate::running::{capture, check};

/// The folder that holds the workspace.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The cargo that runs this command.
pub(crate) fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root());
    command
}

/// Builds the workspace in release mode, with the features that the tests use, so that the bundler
/// is compiled once, and gives the folder of the binaries.
pub(crate) fn build_release() -> Result<PathBuf> {
    print::stage("cargo build --release (the first build compiles the bundler: some minutes)");
    check(cargo().args(["build", "--release", "--workspace", "--locked"]))?;
    release_folder()
}

/// Where the release build puts its binaries.
pub(crate) fn release_folder() -> Result<PathBuf> {
    let metadata = metadata()?;
    let Some(target) = metadata["target_directory"].as_str() else {
        bail!("cargo metadata names no target directory");
    };
    Ok(Path::new(target).join("release"))
}

/// `cargo metadata` of the workspace's own packages.
pub(crate) fn metadata() -> Result<Value> {
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    Ok(serde_json::from_str(&capture(&mut command)?)?)
}
