//! The invalidations that entries on disk have to outlive, as a file beside them.
//!
//! Each record has a checksum, so that a torn one at the end, or anything else that is broken, ends the
//! reading there. What follows a broken record may be missing, and then older entries must not be
//! believed: the reader is told.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::{Buf as _, BufMut as _, Bytes};
use byway_config::limits::CACHE_TAG_LOG_BYTES_MAX;
use sha2::{Digest as _, Sha256};

use crate::tags::TagChange;

const CHECKSUM_BYTES: usize = 8;
/// Before each record: its length and its number.
const HEAD_BYTES: usize = 4 + 8;

#[derive(Debug)]
pub(crate) struct TagLog {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// What the file said.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The changes with their numbers, oldest first.
    pub(crate) changes: Vec<(u64, TagChange)>,
    /// Whether something may be missing.
    pub(crate) broken: bool,
}

impl TagLog {
    /// Opens the file, or makes it, and reads what is in it.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Replay)> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        if length > CACHE_TAG_LOG_BYTES_MAX {
            let replay = Replay { changes: Vec::new(), broken: true };
            return Ok((Self { path: path.to_owned(), file, bytes: length }, replay));
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let replay = read(content.into());
        Ok((Self { path: path.to_owned(), file, bytes: length }, replay))
    }

    /// Adds changes whose last one has the number `last`. `false`: the file is full, and everything on
    /// disk has to go.
    pub(crate) fn append(&mut self, changes: &[TagChange], last: u64) -> io::Result<bool> {
        let mut out = Vec::new();
        let first = (last + 1).saturating_sub(changes.len() as u64);
        for (number, change) in (first..).zip(changes) {
            record(&mut out, number, change);
        }
        if self.bytes + out.len() as u64 > CACHE_TAG_LOG_BYTES_MAX {
            return Ok(false);
        }
        // One write: what a killed process leaves is all of it or a torn end.
        self.file.write_all(&out)?;
        self.bytes += out.len() as u64;
        Ok(true)
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.file.set_len(0)?;
        self.bytes = 0;
        Ok(())
    }
}

fn record(out: &mut Vec<u8>, number: u64, change: &TagChange) {
    // A change is a name and a number or two: it can always be written as JSON.
    let json = serde_json::to_vec(change).unwrap_or_default();
    let start = out.len();
    out.put_u32_le(json.len() as u32);
    out.put_u64_le(number);
    out.put_slice(&json);
    let checksum = Sha256::digest(&out[start..]);
    out.put_slice(&checksum[..CHECKSUM_BYTES]);
}

fn read(mut content: Bytes) -> Replay {
    let mut replay = Replay::default();
    while !content.is_empty() {
        let Some(change) = next(&mut content) else {
            replay.broken = true;
            break;
        };
        replay.changes.push(change);
    }
    replay
}

fn next(content: &mut Bytes) -> Option<(u64, TagChange)> {
    let mut head = content.get(..HEAD_BYTES)?;
    let length = head.get_u32_le() as usize;
    let number = head.get_u64_le();
    let end = HEAD_BYTES + length;
    let checksum = content.get(end..end.checked_add(CHECKSUM_BYTES)?)?;
    if &Sha256::digest(&content[..end])[..CHECKSUM_BYTES] != checksum {
        return None;
    }
    let change = serde_json::from_slice(&content[HEAD_BYTES..end]).ok()?;
    content.advance(end + CHECKSUM_BYTES);
    Some((number, change))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::Change;

    fn change(tag: &str) -> TagChange {
        TagChange { tag: tag.into(), change: Change::Stale { gone_at_ms: Some(5) } }
    }

    #[test]
    fn changes_come_back_with_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tags");
        let (mut log, replay) = TagLog::open(&path).unwrap();
        assert!(replay.changes.is_empty() && !replay.broken);
        assert!(log.append(&[change("a"), change("b")], 7).unwrap());
        assert!(log.append(&[change("c")], 8).unwrap());
        let (_, replay) = TagLog::open(&path).unwrap();
        assert_eq!(replay.changes, [(6, change("a")), (7, change("b")), (8, change("c"))]);
        assert!(!replay.broken);
    }

    #[test]
    fn a_torn_or_changed_record_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tags");
        let (mut log, _) = TagLog::open(&path).unwrap();
        log.append(&[change("a"), change("b")], 2).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for end in 1..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let (_, replay) = TagLog::open(&path).unwrap();
            let boundary = end == whole.len() / 2;
            assert_eq!(replay.broken, !boundary, "{end}");
            assert!(replay.changes.len() <= 1);
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(TagLog::open(&path).unwrap().1.broken, "{at}");
        }
    }
}
