//! The store on disk: one file per entry, made whole before it gets its name.
//!
//! A process that is killed leaves whole files, and temporary ones that the next start removes. A file
//! whose checksum does not fit is removed and never given out. Reading and writing block, so the cache
//! calls this from threads that may.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use byway_config::limits::{CACHE_ANSWER_BYTES_MAX, CACHE_DISK_FILES_MAX};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};

use crate::codec;
use crate::entry::Entry;
use crate::hex::hex;
use crate::tag_log::{Replay, TagLog};
use crate::tags::{Change, TagChange, Tags};

/// Where the store is and how much it may hold.
#[derive(Debug, Clone)]
pub struct DiskOptions {
    /// A folder of its own.
    pub dir: PathBuf,
    /// Bytes of all its files.
    pub bytes_max: u64,
}

/// A file is never longer than an entry's value and this much for its head.
const FILE_BYTES_MAX: u64 = CACHE_ANSWER_BYTES_MAX as u64 + 2 * 1024 * 1024;
const TEMPORARY: &str = "tmp-";

#[derive(Debug)]
pub(crate) struct Disk {
    options: DiskOptions,
    index: Mutex<Index>,
    log: Mutex<TagLog>,
    next_temporary: AtomicU64,
    /// Held while this process uses the folder.
    _lock: File,
}

#[derive(Debug, Default)]
struct Index {
    files: FxHashMap<[u8; 16], Known>,
    bytes: u64,
    /// Counts uses, for telling what was not used for longest.
    uses: u64,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    bytes: u64,
    used: u64,
}

impl Disk {
    /// Opens the folder, and brings `tags` up to what an earlier process knew.
    pub(crate) fn open(options: DiskOptions, tags: &Tags) -> io::Result<Self> {
        fs::create_dir_all(&options.dir)?;
        // Nothing of it belongs into version control.
        fs::write(options.dir.join(".gitignore"), "*\n")?;
        let lock = File::create(options.dir.join("lock"))?;
        lock.try_lock()?;
        let same_boot = remember_boot(&options.dir)?;
        let (mut log, replay) = TagLog::open(&options.dir.join("tags"))?;
        // After a crash of the machine, files and invalidations may be missing that were written; a
        // killed process loses nothing of what it wrote.
        let believed = same_boot && !replay.broken;
        let mut index = Index::default();
        if believed {
            scan(&options, &mut index)?;
            restore(tags, &replay);
        } else {
            remove_entries(&options.dir)?;
            log.clear()?;
        }
        Ok(Self {
            options,
            index: Mutex::new(index),
            log: Mutex::new(log),
            next_temporary: AtomicU64::new(0),
            _lock: lock,
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<Entry> {
        let name = name_of(key);
        {
            let mut index = self.index.lock();
            index.uses += 1;
            let used = index.uses;
            index.files.get_mut(&name)?.used = used;
        }
        let path = self.path(&name);
        let entry = fs::read(&path).ok().and_then(|bytes| codec::decode(key, &Bytes::from(bytes)));
        if entry.is_none() {
            tracing::warn!("a file of the cache is broken and was removed: {}", path.display());
            self.remove_named(&name);
        }
        entry
    }

    /// Keeps an entry, and removes what was not used for longest where room is needed.
    pub(crate) fn put(&self, key: &str, entry: &Entry) -> io::Result<()> {
        let content = codec::encode(key, entry);
        let bytes = content.len() as u64;
        if bytes > self.options.bytes_max || bytes > FILE_BYTES_MAX {
            return Ok(());
        }
        let name = name_of(key);
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.options.dir.join(format!("{TEMPORARY}{number}"));
        let written = File::create(&temporary).and_then(|mut file| file.write_all(&content));
        let renamed = written.and_then(|()| fs::rename(&temporary, self.path(&name)));
        if let Err(error) = renamed {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        let surplus = {
            let mut index = self.index.lock();
            index.uses += 1;
            let used = index.uses;
            index.insert(name, Known { bytes, used });
            index.take_surplus(self.options.bytes_max, &name)
        };
        for name in surplus {
            let _ = fs::remove_file(self.path(&name));
        }
        Ok(())
    }

    pub(crate) fn remove(&self, key: &str) {
        self.remove_named(&name_of(key));
    }

    /// Writes invalidations down. They have to be there before anybody is told of them.
    pub(crate) fn invalidated(&self, changes: &[TagChange], last: u64) -> io::Result<()> {
        let mut log = self.log.lock();
        if !log.append(changes, last)? {
            self.clear()?;
            log.clear()?;
            // What is written from now on has seen this much; the next process has to count on from it.
            let marker = TagChange { tag: "".into(), change: Change::Expire };
            log.append(&[marker], last)?;
        }
        Ok(())
    }

    /// Removes every entry.
    pub(crate) fn clear(&self) -> io::Result<()> {
        *self.index.lock() = Index::default();
        remove_entries(&self.options.dir)
    }

    fn remove_named(&self, name: &[u8; 16]) {
        self.index.lock().remove(name);
        let _ = fs::remove_file(self.path(name));
    }

    fn path(&self, name: &[u8; 16]) -> PathBuf {
        self.options.dir.join(hex(name))
    }
}

impl Index {
    fn insert(&mut self, name: [u8; 16], known: Known) {
        self.remove(&name);
        self.bytes += known.bytes;
        self.files.insert(name, known);
    }

    fn remove(&mut self, name: &[u8; 16]) {
        if let Some(known) = self.files.remove(name) {
            self.bytes -= known.bytes;
        }
    }

    /// Forgets what has to go for the store to keep within its bounds, a tenth more than that, so that
    /// not every write has to look for something.
    fn take_surplus(&mut self, bytes_max: u64, keep: &[u8; 16]) -> Vec<[u8; 16]> {
        if self.bytes <= bytes_max && self.files.len() <= CACHE_DISK_FILES_MAX {
            return Vec::new();
        }
        let mut oldest: Vec<_> = self.files.iter().map(|(name, it)| (it.used, *name)).collect();
        oldest.sort_unstable();
        let (bytes, files) = (bytes_max - bytes_max / 10, CACHE_DISK_FILES_MAX * 9 / 10);
        let mut taken = Vec::new();
        for (_, name) in oldest {
            if self.bytes <= bytes && self.files.len() <= files {
                break;
            }
            if name != *keep {
                self.remove(&name);
                taken.push(name);
            }
        }
        taken
    }
}

fn name_of(key: &str) -> [u8; 16] {
    let mut name = [0; 16];
    name.copy_from_slice(&Sha256::digest(key.as_bytes())[..16]);
    name
}

/// Whether the machine has not been started anew since the folder was last used.
fn remember_boot(dir: &Path) -> io::Result<bool> {
    let boot = fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let path = dir.join("boot");
    let same = fs::read(&path).is_ok_and(|known| known == boot);
    if !same {
        fs::write(&path, &boot)?;
    }
    Ok(same)
}

fn restore(tags: &Tags, replay: &Replay) {
    for (number, change) in &replay.changes {
        tags.restore(change, *number);
    }
}

/// Finds the entries in the folder and removes what was not finished.
fn scan(options: &DiskOptions, index: &mut Index) -> io::Result<()> {
    for file in fs::read_dir(&options.dir)? {
        let file = file?;
        let name = file.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with(TEMPORARY) {
            fs::remove_file(file.path())?;
        } else if let Some(name) = parse_name(name) {
            let bytes = file.metadata()?.len();
            index.insert(name, Known { bytes, used: 0 });
        }
    }
    for name in index.take_surplus(options.bytes_max, &[0; 16]) {
        let _ = fs::remove_file(options.dir.join(hex(&name)));
    }
    Ok(())
}

fn remove_entries(dir: &Path) -> io::Result<()> {
    for file in fs::read_dir(dir)? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_str().unwrap_or_default();
        if name.starts_with(TEMPORARY) || parse_name(name).is_some() {
            let _ = fs::remove_file(file.path());
        }
    }
    Ok(())
}

fn parse_name(digits: &str) -> Option<[u8; 16]> {
    if digits.len() != 32 {
        return None;
    }
    let mut name = [0; 16];
    for (index, byte) in name.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(name)
}

#[cfg(test)]
mod tests;
