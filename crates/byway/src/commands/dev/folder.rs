//! `.byway-dev/`: the files of development builds, a folder for each worker that was started anew.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use byway_compile::DevFile;
use byway_routes::manifest::Manifest;

use crate::print::WithHint;

const NAME: &str = ".byway-dev";
/// Held for as long as the server runs; says where it listens.
const LOCK: &str = "lock";

/// The folder of a project, for one server at a time.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
    epochs: u32,
}

/// The files that one worker was started with, and those that came later. Dropping it removes them.
#[derive(Debug)]
pub(super) struct Epoch {
    pub(super) path: PathBuf,
    written: HashSet<String>,
    /// Folders that are there.
    made: HashSet<PathBuf>,
    manifests: u32,
}

impl Folder {
    /// Takes the folder for this process and empties it.
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(NAME);
        let failed = || format!("cannot write to `{}`", path.display());
        fs::create_dir_all(&path).with_context(failed)?;
        let lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .with_context(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(&path)),
            Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
        }
        for entry in fs::read_dir(&path).with_context(failed)?.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                fs::remove_dir_all(entry.path()).with_context(failed)?;
            }
        }
        fs::write(path.join(".gitignore"), "*\n").with_context(failed)?;
        Ok(Self { path, lock, epochs: 0 })
    }

    /// Lets whoever finds the folder taken know where to look.
    pub(super) fn tell(&self, origin: &str) {
        let mut lock = &self.lock;
        let text = format!("{} http://{origin}\n", std::process::id());
        // It is only a courtesy.
        let _ = lock.set_len(0).and_then(|()| lock.write_all(text.as_bytes()));
    }

    /// A folder for another worker.
    pub(super) fn epoch(&mut self) -> Epoch {
        self.epochs += 1;
        let path = self.path.join(self.epochs.to_string());
        Epoch { path, written: HashSet::new(), made: HashSet::new(), manifests: 0 }
    }

    /// Where the next worker's files will be.
    pub(super) fn next(&self) -> PathBuf {
        self.path.join((self.epochs + 1).to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The lock goes with the process; the file is removed while it is still held.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folder of a server that does not wait for its end.
pub(super) fn remove(dir: &Path) {
    let _ = fs::remove_dir_all(dir.join(NAME));
}

fn in_use(path: &Path) -> anyhow::Error {
    let told = fs::read_to_string(path.join(LOCK)).unwrap_or_default();
    let hint = match told.trim().split_once(' ') {
        Some((pid, url)) => format!("it is process {pid} and listens on {url}"),
        None => "stop it first".to_owned(),
    };
    WithHint { message: "another `byway dev` serves this project".to_owned(), hint }.into()
}

impl Epoch {
    /// Writes the files that are not there yet: a file's name stands for its content.
    pub(super) fn write(&mut self, files: &[DevFile]) -> anyhow::Result<usize> {
        let mut count = 0;
        for file in files {
            if self.written.contains(&file.name) {
                continue;
            }
            self.write_file(&file.name, &file.bytes)?;
            self.written.insert(file.name.clone());
            count += 1;
        }
        Ok(count)
    }

    /// Writes a manifest and gives its name.
    pub(super) fn write_manifest(&mut self, manifest: &Manifest) -> anyhow::Result<String> {
        self.manifests += 1;
        let name = format!("manifest-{}.json", self.manifests);
        self.write_file(&name, &serde_json::to_vec(manifest)?)?;
        Ok(name)
    }

    fn write_file(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let failed = || format!("cannot write `{}`", path.display());
        if let Some(parent) = path.parent().filter(|parent| !self.made.contains(*parent)) {
            fs::create_dir_all(parent).with_context(failed)?;
            self.made.insert(parent.to_owned());
        }
        fs::write(&path, bytes).with_context(failed)
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
