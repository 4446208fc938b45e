//! A copy of a build for as long as it is served.
//!
//! `byway build` replaces `.byway/` while a server may be running from it. So a server works from hard
//! links beside it: workers of the earlier build can be replaced and load their last modules although
//! the new build has taken its place. The folder lies beside `.byway/` and at the same depth, so that
//! packages and source maps are found as from there.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder that `byway build` writes.
const BUILD: &str = ".byway";
/// What the names of the copies begin with.
pub(crate) const PREFIX: &str = ".byway-serving-";
/// Locked for as long as the folder is in use.
const LOCK: &str = "lock";
/// Nothing in a build nests deeper.
const DEPTH_MAX: usize = 32;
/// Builds that may take each other's place while one is being linked.
const TRIES_MAX: usize = 5;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// What tells one build from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BuildId {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl BuildId {
    /// The build that is in the project's folder now.
    pub(super) fn of(dir: &Path) -> Option<Self> {
        let found = fs::metadata(dir.join(BUILD).join("manifest.json")).ok()?;
        let changed = (found.mtime(), found.mtime_nsec());
        Some(Self { device: found.dev(), inode: found.ino(), changed })
    }
}

/// A build that stays as it is. Dropping it removes the copy.
#[derive(Debug)]
pub(super) struct KeptBuild {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it is a copy of.
    pub(super) id: Option<BuildId>,
    /// `None` where no copy could be made, as on a read-only disk: nothing will be built there either.
    lock: Option<File>,
}

impl KeptBuild {
    pub(super) fn of(dir: &Path) -> Self {
        for _ in 0..TRIES_MAX {
            let id = BuildId::of(dir);
            let Ok((path, lock)) = link(dir) else { break };
            let kept = Self { path, id, lock: Some(lock) };
            // Another build came in between: what was linked may be some of both.
            if BuildId::of(dir) == id {
                return kept;
            }
        }
        Self { path: dir.join(BUILD), id: BuildId::of(dir), lock: None }
    }
}

impl Drop for KeptBuild {
    fn drop(&mut self) {
        if self.lock.is_some() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn link(dir: &Path) -> io::Result<(PathBuf, File)> {
    let path = loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{PREFIX}{}-{number}", std::process::id()));
        match fs::create_dir(&path) {
            Ok(()) => break path,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    };
    let linked = (|| {
        let lock = File::create(path.join(LOCK))?;
        lock.try_lock()?;
        link_folder(&dir.join(BUILD), &path, 0)?;
        Ok(lock)
    })();
    match linked {
        Ok(lock) => Ok((path, lock)),
        Err(error) => {
            let _ = fs::remove_dir_all(&path);
            Err(error)
        }
    }
}

fn link_folder(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir(&target)?;
            link_folder(&source, &target, depth + 1)?;
        } else if kind.is_file() && fs::hard_link(&source, &target).is_err() {
            // File systems without hard links.
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// Removes the copies of servers that were killed.
pub(super) fn remove_stale(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
