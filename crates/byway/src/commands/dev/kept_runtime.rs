//! The worker's runtime, bundled by an earlier `byway dev`: it is the same for every project, and
//! making it anew takes as long as making the project.
//!
//! It is kept where tools keep such things, in `node_modules/.cache`, under a name that stands for
//! this very binary. It is never needed: what cannot be read is made again.

use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byway_compile::DevFile;
use byway_config::limits::KEPT_RUNTIME_BYTES_MAX;
use rustc_hash::FxHasher;
use sha2::{Digest as _, Sha256};

const FOLDER: &str = "node_modules/.cache/byway";
/// Precedes the number of the binary in the name of a file.
const PREFIX: &str = "runtime-";

/// The files that were kept, if this binary has made them.
pub(super) fn read(dir: &Path) -> Option<Vec<DevFile>> {
    let path = path(dir)?;
    let small = fs::metadata(&path).is_ok_and(|it| it.len() <= KEPT_RUNTIME_BYTES_MAX);
    let text = small.then(|| fs::read(&path).ok()).flatten()?;
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (digest, body) = (&text[..end], &text[end + 1..]);
    if digest != digest_of(body).as_bytes() {
        return None;
    }
    let files: Vec<(String, String)> = serde_json::from_slice(body).ok()?;
    let file = |(name, text): (String, String)| DevFile { name, bytes: text.into_bytes() };
    Some(files.into_iter().map(file).collect())
}

/// Keeps the files for the next server, in the place of those of earlier binaries. Failing is no
/// loss.
pub(super) fn keep(dir: &Path, files: &[DevFile]) {
    let Some(path) = path(dir) else { return };
    let _ = write(&path, files);
}

fn write(path: &Path, files: &[DevFile]) -> std::io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let texts: Vec<_> = files
        .iter()
        .map(|file| (file.name.as_str(), String::from_utf8_lossy(&file.bytes)))
        .collect();
    let body = serde_json::to_vec(&texts)?;
    let mut text = digest_of(&body).into_bytes();
    text.push(b'\n');
    text.extend(body);
    fs::create_dir_all(folder)?;
    let earlier: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path())
        .collect();
    // Whoever reads meets the whole file or none.
    let new = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, text)?;
    fs::rename(&new, path)?;
    for file in earlier.iter().filter(|file| *file != path) {
        let _ = fs::remove_file(file);
    }
    Ok(())
}

/// Where the files of this binary are kept; nowhere for a project without packages.
fn path(dir: &Path) -> Option<PathBuf> {
    if !dir.join("node_modules").is_dir() {
        return None;
    }
    let binary = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let changed = binary.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let mut hasher = FxHasher::default();
    (env!("CARGO_PKG_VERSION"), binary.len(), changed).hash(&mut hasher);
    Some(dir.join(FOLDER).join(format!("{PREFIX}{:016x}.json", hasher.finish())))
}

fn digest_of(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<DevFile> {
        ["server/worker.mjs", "server/next/server.mjs"]
            .map(|name| DevFile { name: name.to_owned(), bytes: b"export {}\n".to_vec() })
            .into()
    }

    #[test]
    fn what_was_kept_is_read_again_and_what_is_broken_is_not() {
        let project = tempfile::tempdir().unwrap();
        let dir = project.path();
        keep(dir, &files());
        assert_eq!(read(dir), None, "a project without packages keeps nothing");
        fs::create_dir(dir.join("node_modules")).unwrap();
        fs::create_dir_all(dir.join(FOLDER)).unwrap();
        fs::write(dir.join(FOLDER).join("runtime-0.json"), "of an earlier binary").unwrap();
        assert_eq!(read(dir), None);
        keep(dir, &files());
        assert_eq!(read(dir), Some(files()));
        assert_eq!(fs::read_dir(dir.join(FOLDER)).unwrap().count(), 1);
        let kept = path(dir).unwrap();
        let text = fs::read_to_string(&kept).unwrap();
        fs::write(&kept, text.replace("export", "eXport")).unwrap();
        assert_eq!(read(dir), None);
        fs::write(&kept, &text[..text.len() / 2]).unwrap();
        assert_eq!(read(dir), None);
    }
}
