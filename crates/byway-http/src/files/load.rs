//! Reads a file from disk, on a thread that may wait for it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use byway_config::limits::FILE_KEPT_BYTES_MAX;
use http::header::{ACCEPT_RANGES, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue};

use super::cache_control;
use super::conditional::seconds;

/// File systems tell times apart in steps of up to two seconds: a file that changed so recently may
/// change once more without its time showing it.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// A file as it was when it was read. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) facts: Facts,
    pub(super) content: Content,
    pub(super) stamp: Stamp,
}

/// What the answers to all requests for a file have in common.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) length: u64,
    pub(super) modified_seconds: u64,
    pub(super) etag: HeaderValue,
    pub(super) headers: HeaderMap,
}

/// The bytes, or where they come from.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Whole(Bytes),
    Open(Arc<File>),
}

/// By what a change of a file is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: SystemTime,
    /// Whether the time is old enough to show the next change.
    is_settled: bool,
}

impl Stamp {
    /// Whether the file is still the same.
    pub(super) fn is_current(&self, root: &Path, name: &str) -> bool {
        self.is_settled
            && fs::metadata(root.join(name))
                .and_then(|found| stamp(&found))
                .is_ok_and(|found| (found.length, found.modified) == (self.length, self.modified))
    }
}

/// Opens a file, and reads it where it is short. `None` when it is no longer there, or a link has since
/// been put into its way that leads out of `root`.
pub(super) fn load(
    root: &Path,
    name: &str,
    content_type: &HeaderValue,
) -> io::Result<Option<Loaded>> {
    match open(root, name, content_type) {
        Ok(loaded) => Ok(loaded),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn open(root: &Path, name: &str, content_type: &HeaderValue) -> io::Result<Option<Loaded>> {
    let path: PathBuf = fs::canonicalize(root.join(name))?;
    // Opening a pipe would wait for a writer.
    if !path.starts_with(root) || !fs::metadata(&path)?.is_file() {
        return Ok(None);
    }
    let file = File::open(&path)?;
    let found = stamp(&file.metadata()?)?;
    let mut length = found.length;
    let content = if length <= FILE_KEPT_BYTES_MAX as u64 {
        let mut bytes = Vec::with_capacity(length as usize);
        // Never more than the length that was seen: the rest was added a moment ago.
        file.take(length).read_to_end(&mut bytes)?;
        length = bytes.len() as u64;
        Content::Whole(bytes.into())
    } else {
        Content::Open(Arc::new(file))
    };
    let facts = Facts::new(length, found.modified, content_type);
    Ok(Some(Loaded { facts, content, stamp: found }))
}

fn stamp(metadata: &Metadata) -> io::Result<Stamp> {
    let modified = metadata.modified()?;
    // A time in the future is as good as any other.
    let is_settled = modified.elapsed().map_or(true, |age| age >= SETTLED_AFTER);
    Ok(Stamp { length: metadata.len(), modified, is_settled })
}

impl Facts {
    fn new(length: u64, modified: SystemTime, content_type: &HeaderValue) -> Self {
        let modified = rounded(modified);
        let etag = etag(length, modified);
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        cache_control(&mut headers);
        let date = httpdate::fmt_http_date(modified);
        if let Ok(date) = HeaderValue::try_from(date) {
            headers.insert(LAST_MODIFIED, date);
        }
        headers.insert(ETAG, etag.clone());
        headers.insert(CONTENT_TYPE, content_type.clone());
        Self { length, modified_seconds: seconds(modified), etag, headers }
    }

    /// A compressed copy has the type of its file.
    pub(super) fn set_content_type(&mut self, content_type: &HeaderValue) {
        self.headers.insert(CONTENT_TYPE, content_type.clone());
    }

    /// An answer without content does not say what the content is.
    pub(super) fn headers_of_304(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.remove(CONTENT_TYPE);
        headers
    }
}

/// The time in whole milliseconds, the nearest ones, as Node.js tells it. Times before 1970 are 1970.
fn rounded(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = (since + Duration::from_micros(500)).as_millis();
    UNIX_EPOCH + Duration::from_millis(milliseconds as u64)
}

/// The weak tag that the npm package `etag` makes: length and milliseconds since 1970, both hexadecimal.
fn etag(length: u64, modified: SystemTime) -> HeaderValue {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    HeaderValue::try_from(format!("W/\"{length:x}-{:x}\"", since.as_millis()))
        .unwrap_or(HeaderValue::from_static("W/\"\""))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use http::HeaderValue;

    use super::{Facts, etag, load};

    /// The facts of a file of 18 bytes from Mon, 06 May 2024 07:08:09 GMT.
    pub(in super::super) fn facts() -> Facts {
        Facts::new(18, modified(), &HeaderValue::from_static("text/plain; charset=UTF-8"))
    }

    fn modified() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_714_979_289_123)
    }

    #[test]
    fn tags_and_dates_are_those_of_next() {
        assert_eq!(etag(18, modified()), "W/\"12-18f4cbb3823\"");
        assert_eq!(facts().headers["last-modified"], "Mon, 06 May 2024 07:08:09 GMT");
    }

    #[test]
    fn times_are_rounded_to_milliseconds() {
        let kind = HeaderValue::from_static("a/b");
        let facts = |nanos| Facts::new(1, UNIX_EPOCH + Duration::from_nanos(nanos), &kind);
        assert_eq!(facts(2_499_999).etag, "W/\"1-2\"");
        assert_eq!(facts(2_500_000).etag, "W/\"1-3\"");
        let next_second = facts(1_999_600_000);
        assert_eq!(next_second.headers["last-modified"], "Thu, 01 Jan 1970 00:00:02 GMT");
        assert_eq!(next_second.modified_seconds, 2);
    }

    #[test]
    fn times_before_1970_are_taken_for_1970() {
        let facts =
            Facts::new(1, UNIX_EPOCH - Duration::from_secs(9), &HeaderValue::from_static("a/b"));
        assert_eq!(facts.etag, "W/\"1-0\"");
        assert_eq!(facts.headers["last-modified"], "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn p04_what_is_no_file_of_the_folder_is_not_there() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret.txt"), "secret").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        std::fs::create_dir(root.join("folder")).unwrap();
        std::fs::write(root.join("plain.txt"), "plain").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.txt"), root.join("out.txt"))
            .unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("out")).unwrap();
        std::os::unix::fs::symlink("plain.txt", root.join("in.txt")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap();
        assert!(made.success());
        let kind = HeaderValue::from_static("text/plain");
        let is_there = |name: &str| load(&root, name, &kind).unwrap().is_some();
        for name in ["folder", "out.txt", "out/secret.txt", "pipe", "missing", "plain.txt/x"] {
            assert!(!is_there(name), "{name}");
        }
        assert!(is_there("plain.txt") && is_there("in.txt"));
    }
}
