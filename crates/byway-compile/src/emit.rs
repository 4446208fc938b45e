//! Writing a build: all of it, or nothing.
//!
//! Files go to a folder beside the target, the manifest last; then the two change places in one step, so
//! that a reader of `.byway/` sees the old build or the new one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use byway_routes::manifest::Manifest;
use rolldown_common::Output;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::BuildError;

/// Keeps the result, and a folder left behind by a killed build, out of version control.
const GITIGNORE: &str = "*\n";

/// Replaces `out_dir` by a folder with `files` and `manifest`.
pub(crate) fn write<'f>(
    out_dir: &Path,
    files: impl IntoIterator<Item = &'f Output>,
    manifest: &Manifest,
) -> Result<(), BuildError> {
    let parent = out_dir.parent().unwrap_or(Path::new("/"));
    create_dir(parent)?;
    // Not hidden from `ls` only to be forgotten: the name says whose it is.
    let staged = temporary(parent, ".byway-build-")?;
    write_files(staged.path(), files)?;
    let json = serde_json::to_vec_pretty(manifest)
        .map_err(|error| io_error("write", out_dir)(io::Error::other(error)))?;
    write_file(&staged.path().join("manifest.json"), &json)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(staged.path(), mode).map_err(io_error("write", staged.path()))?;
    swap(staged, out_dir)
}

/// A folder of our own in `parent`, out of version control, that is removed when it is dropped.
pub(crate) fn temporary(parent: &Path, prefix: &str) -> Result<tempfile::TempDir, BuildError> {
    let folder = tempfile::Builder::new()
        .prefix(prefix)
        .tempdir_in(parent)
        .map_err(io_error("create a folder in", parent))?;
    write_file(&folder.path().join(".gitignore"), GITIGNORE.as_bytes())?;
    Ok(folder)
}

/// Writes what the bundler has made.
pub(crate) fn write_files<'f>(
    dir: &Path,
    files: impl IntoIterator<Item = &'f Output>,
) -> Result<(), BuildError> {
    files
        .into_iter()
        .try_for_each(|file| write_file(&dir.join(file.filename()), file.content_as_bytes()))
}

/// Puts `staged` in the place of `out_dir`; what was there is removed.
fn swap(staged: tempfile::TempDir, out_dir: &Path) -> Result<(), BuildError> {
    match renameat_with(CWD, staged.path(), CWD, out_dir, RenameFlags::EXCHANGE) {
        // Dropping `staged` now removes the previous build.
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::NOENT) => {}
        // File systems without an exchange: two steps.
        Err(_) => {
            let old = staged.path().with_extension("old");
            fs::rename(out_dir, &old).map_err(io_error("replace", out_dir))?;
            let moved = fs::rename(staged.path(), out_dir);
            if moved.is_err() {
                let _ = fs::rename(&old, out_dir);
            }
            moved.map_err(io_error("replace", out_dir))?;
            let _ = staged.keep();
            return fs::remove_dir_all(&old).map_err(io_error("remove", &old));
        }
    }
    fs::rename(staged.path(), out_dir).map_err(io_error("create", out_dir))?;
    let _ = staged.keep();
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if let Some(dir) = path.parent() {
        create_dir(dir)?;
    }
    fs::write(path, bytes).map_err(io_error("write", path))
}

fn create_dir(dir: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(dir).map_err(io_error("create", dir))
}

pub(crate) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> BuildError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| BuildError::Io { action, path, source }
}
