//! Node and npm: whether they are there, and packages installed where they are missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::print;
use crate::running::{capture, check};

/// The oldest Node that runs workers.
const NODE_MAJOR_MIN: u32 = 20;
/// Written by npm when an installation is complete.
const INSTALLED_MARK: &str = "node_modules/.package-lock.json";

/// Fails with one clear line when Node is missing or too old or npm is missing.
pub(crate) fn require() -> Result<()> {
    let version = capture(Command::new("node").arg("--version"))
        .context("Node is needed: install Node 20 or newer and put it on PATH")?;
    let version = version.trim();
    let major = major_of(version)
        .ok_or_else(|| anyhow!("`node --version` printed `{version}`, which is no version"))?;
    if major < NODE_MAJOR_MIN {
        bail!("Node {NODE_MAJOR_MIN} or newer is needed, `node` on PATH is {version}");
    }
    capture(npm(Path::new(".")).arg("--version"))
        .context("npm is needed: it comes with Node; put it on PATH")?;
    Ok(())
}

/// npm in a folder, without its advertisements.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder);
    command.envs([
        ("NPM_CONFIG_AUDIT", "false"),
        ("NPM_CONFIG_FUND", "false"),
        ("NPM_CONFIG_UPDATE_NOTIFIER", "false"),
    ]);
    command
}

/// Runs `npm ci` unless the packages of the lock file are installed.
pub(crate) fn install(folder: &Path) -> Result<()> {
    if is_installed(folder) {
        return Ok(());
    }
    print::stage(&format!("npm ci in {}", folder.display()));
    check(npm(folder).arg("ci"))
}

/// Installed, and the lock file has not changed since.
fn is_installed(folder: &Path) -> bool {
    let modified = |file: &str| folder.join(file).metadata().and_then(|data| data.modified()).ok();
    match (modified(INSTALLED_MARK), modified("package-lock.json")) {
        (Some(installed), Some(locked)) => installed >= locked,
        _ => false,
    }
}

fn major_of(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_of;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major_of("v20.20.2"), Some(20));
        assert_eq!(major_of("v9.0.0-nightly"), Some(9));
        assert_eq!(major_of("20.1.0"), None);
        assert_eq!(major_of(""), None);
    }
}
