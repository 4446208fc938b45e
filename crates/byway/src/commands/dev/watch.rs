//! Watching a project: its folders without those of packages and outputs, and what it imports from elsewhere.
//!
//! Each folder is watched for itself, because a watch over the whole tree would include `node_modules`. A
//! new folder is watched before its files are read, so that nothing in it goes unnoticed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use byway_config::limits::{CHANGES_MAX, WATCHED_FOLDERS_MAX};
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, channel};

use super::changes::{Changes, Judge, Kind, is_skipped_folder};

/// Editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(4);
/// A disk that never rests does not hold up a build for longer.
const QUIET_WAIT_MAX: Duration = Duration::from_millis(100);

/// Tells what has changed.
pub(super) struct Watcher {
    dir: PathBuf,
    inner: RecommendedWatcher,
    events: Receiver<Change>,
    folders: BTreeSet<PathBuf>,
    /// What is known of the project.
    pub(super) judge: Judge,
    warned: bool,
}

/// An event of the system.
#[derive(Debug)]
enum Change {
    Path(PathBuf, Kind),
    /// Some events were lost: anything may have changed.
    Lost,
}

impl Watcher {
    /// Watches the project in `dir`, a real path.
    pub(super) fn new(dir: &Path) -> anyhow::Result<Self> {
        let (sender, events) = channel(CHANGES_MAX);
        let inner = notify::recommended_watcher(move |event: notify::Result<Event>| {
            for change in changes(event) {
                // A full queue means that enough is known to have changed for a look at everything.
                if let Err(TrySendError::Closed(_)) = sender.try_send(change) {
                    return;
                }
            }
        })
        .context("cannot watch the project's files")?;
        let judge = Judge::new(dir);
        let folders = BTreeSet::new();
        let mut watcher =
            Self { dir: dir.to_owned(), inner, events, folders, judge, warned: false };
        watcher.watch_folders();
        Ok(watcher)
    }

    /// Waits for changes that matter, and until the disk rests.
    pub(super) async fn next(&mut self) -> Changes {
        let mut changes = Changes::default();
        while changes.is_empty() {
            let Some(change) = self.events.recv().await else { std::future::pending().await };
            self.take(&mut changes, &change);
        }
        let rest = async {
            while let Ok(Some(change)) = tokio::time::timeout(QUIET, self.events.recv()).await {
                self.take(&mut changes, &change);
            }
        };
        // What comes later is the next build's.
        let _ = tokio::time::timeout(QUIET_WAIT_MAX, rest).await;
        self.watch_folders();
        changes
    }

    fn take(&mut self, changes: &mut Changes, change: &Change) {
        let lost = self.events.len() + 1 >= CHANGES_MAX;
        match change {
            Change::Path(path, kind) if !lost => self.judge.take(changes, path, *kind),
            _ => changes.everything = true,
        }
    }

    /// Watches the folders that a build was made of, wherever they are, besides those of the project.
    pub(super) fn watch_sources(&mut self) {
        let outside: BTreeSet<PathBuf> = self
            .judge
            .sources
            .iter()
            .chain(&self.judge.config)
            .filter(|path| !path.starts_with(&self.dir))
            .filter_map(|path| path.parent().map(Path::to_owned))
            .collect();
        for folder in outside {
            self.watch(folder);
        }
    }

    /// Watches every folder of the project that is not watched yet.
    fn watch_folders(&mut self) {
        self.folders.retain(|folder| folder.is_dir());
        let mut open = vec![self.dir.clone()];
        while let Some(folder) = open.pop() {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            // Watched before it is read.
            self.watch(folder);
            let folders = entries.filter(|entry| {
                let name = entry.file_name();
                entry.file_type().is_ok_and(|kind| kind.is_dir())
                    && !is_skipped_folder(&name.to_string_lossy())
            });
            open.extend(folders.map(|entry| entry.path()));
        }
    }

    fn watch(&mut self, folder: PathBuf) {
        if self.folders.contains(&folder) {
            return;
        }
        let failed = if self.folders.len() < WATCHED_FOLDERS_MAX {
            self.inner.watch(&folder, RecursiveMode::NonRecursive).err().map(|it| it.to_string())
        } else {
            Some(format!("there are more than {WATCHED_FOLDERS_MAX} folders"))
        };
        match failed {
            None => {
                self.folders.insert(folder);
            }
            // One that has gone already is nobody's concern.
            Some(reason) if folder.is_dir() && !std::mem::replace(&mut self.warned, true) => {
                tracing::warn!("changes in `{}` are not noticed: {reason}", folder.display());
            }
            Some(_) => {}
        }
    }
}

fn changes(event: notify::Result<Event>) -> Vec<Change> {
    let Ok(event) = event else { return vec![Change::Lost] };
    if event.need_rescan() {
        return vec![Change::Lost];
    }
    let kind = match event.kind {
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => return Vec::new(),
        EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any | ModifyKind::Other) => {
            Kind::Content
        }
        _ => Kind::Existence,
    };
    event.paths.into_iter().map(|path| Change::Path(path, kind)).collect()
}
