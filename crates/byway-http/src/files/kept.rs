//! Short files in memory, so that a file that is asked for often costs no system call.
//!
//! What is kept is used for a moment without a look at the disk, then its length and time are compared
//! again. The total is bounded: what was read first makes room for what is read now.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Instant;

use byway_config::limits::{FILE_OPENINGS_MAX, FILE_TRUSTED_MAX, FILES_KEPT_BYTES_MAX};
use http::HeaderValue;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::load::{self, Content, Loaded};

/// The files in memory.
#[derive(Debug)]
pub(super) struct Kept {
    slots: Box<[Mutex<Option<Slot>>]>,
    room: Mutex<Room>,
    openings: Semaphore,
}

#[derive(Debug, Clone)]
struct Slot {
    loaded: Loaded,
    checked: Instant,
}

/// What fills the memory, in the order in which it came. Locked before any slot.
#[derive(Debug, Default)]
struct Room {
    bytes: usize,
    order: VecDeque<usize>,
}

impl Default for Kept {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Kept {
    /// Room for the files from 0 to `count`.
    pub(super) fn new(count: usize) -> Self {
        Self {
            slots: (0..count).map(|_| Mutex::new(None)).collect(),
            room: Mutex::default(),
            openings: Semaphore::new(FILE_OPENINGS_MAX),
        }
    }

    /// The file if it was looked at a moment ago.
    pub(super) fn fresh(&self, at: usize) -> Option<Loaded> {
        let slot = self.slots.get(at)?.lock();
        let slot = slot.as_ref()?;
        (slot.checked.elapsed() < FILE_TRUSTED_MAX).then(|| slot.loaded.clone())
    }

    /// The file as it is on disk now; `None` when it is not there.
    pub(super) async fn load(
        &self,
        at: usize,
        root: &Path,
        name: &str,
        content_type: &HeaderValue,
    ) -> io::Result<Option<Loaded>> {
        // The semaphore is never closed.
        let _place = self.openings.acquire().await.map_err(io::Error::other)?;
        // Somebody may have read it while this request waited.
        if let Some(loaded) = self.fresh(at) {
            return Ok(Some(loaded));
        }
        let known = self.slots.get(at).and_then(|slot| slot.lock().clone());
        let (root, name, content_type) = (root.to_owned(), name.to_owned(), content_type.clone());
        let checked = Instant::now();
        let read = tokio::task::spawn_blocking(move || match known {
            Some(slot) if slot.loaded.stamp.is_current(&root, &name) => Ok(Some(slot.loaded)),
            _ => load::load(&root, &name, &content_type),
        });
        let loaded = read.await.map_err(io::Error::other)??;
        self.keep(at, loaded.as_ref(), checked);
        Ok(loaded)
    }

    /// Puts a short file into memory, and removes from it what is longer or gone.
    fn keep(&self, at: usize, loaded: Option<&Loaded>, checked: Instant) {
        let Some(slot) = self.slots.get(at) else { return };
        let room = &mut *self.room.lock();
        let new = loaded
            .filter(|loaded| matches!(loaded.content, Content::Whole(_)))
            .map(|loaded| Slot { loaded: loaded.clone(), checked });
        let added = new.as_ref().map(Slot::bytes);
        let old = std::mem::replace(&mut *slot.lock(), new);
        room.bytes -= old.as_ref().map_or(0, Slot::bytes);
        room.bytes += added.unwrap_or(0);
        match (old, added) {
            (None, Some(_)) => room.order.push_back(at),
            (Some(_), None) => room.order.retain(|kept| *kept != at),
            _ => {}
        }
        while room.bytes > FILES_KEPT_BYTES_MAX
            && let Some(first) = room.order.pop_front()
        {
            let gone = self.slots.get(first).and_then(|slot| slot.lock().take());
            room.bytes -= gone.as_ref().map_or(0, Slot::bytes);
        }
    }
}

/// What a file in memory takes beside its content: the slot, its headers, their values.
const OVERHEAD_BYTES: usize = 1024;

impl Slot {
    fn bytes(&self) -> usize {
        OVERHEAD_BYTES
            + match &self.loaded.content {
                Content::Whole(bytes) => bytes.len(),
                Content::Open(_) => 0,
            }
    }
}

#[cfg(test)]
mod tests {
    use byway_config::limits::{FILE_KEPT_BYTES_MAX, FILE_TRUSTED_MAX, FILES_KEPT_BYTES_MAX};
    use http::HeaderValue;

    use super::{Content, Kept};

    static KIND: HeaderValue = HeaderValue::from_static("text/plain");

    #[tokio::test]
    async fn the_files_in_memory_stay_within_their_bound() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        let count = FILES_KEPT_BYTES_MAX / FILE_KEPT_BYTES_MAX + 10;
        let kept = Kept::new(count);
        for at in 0..count {
            let name = format!("{at}.bin");
            std::fs::write(root.join(&name), vec![at as u8; FILE_KEPT_BYTES_MAX]).unwrap();
            let loaded = kept.load(at, &root, &name, &KIND).await.unwrap().unwrap();
            assert_eq!(loaded.facts.length, FILE_KEPT_BYTES_MAX as u64);
        }
        let held: usize =
            kept.slots.iter().filter_map(|slot| Some(slot.lock().as_ref()?.bytes())).sum();
        let room = kept.room.lock();
        assert_eq!(room.bytes, held);
        assert!(held <= FILES_KEPT_BYTES_MAX && held > FILES_KEPT_BYTES_MAX / 2);
        assert!(kept.slots[0].lock().is_none() && kept.slots[count - 1].lock().is_some());
    }

    #[tokio::test]
    async fn a_longer_file_is_opened_and_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        std::fs::write(root.join("a"), vec![1; FILE_KEPT_BYTES_MAX + 1]).unwrap();
        let kept = Kept::new(1);
        let load = || kept.load(0, &root, "a", &KIND);
        let loaded = load().await.unwrap().unwrap();
        assert!(matches!(loaded.content, Content::Open(_)) && kept.slots[0].lock().is_none());
        std::fs::write(root.join("a"), "short").unwrap();
        assert!(matches!(load().await.unwrap().unwrap().content, Content::Whole(_)));
        std::fs::remove_file(root.join("a")).unwrap();
        kept.slots[0].lock().as_mut().unwrap().checked -= FILE_TRUSTED_MAX;
        assert!(load().await.unwrap().is_none());
        assert_eq!(kept.room.lock().bytes, 0);
    }
}
