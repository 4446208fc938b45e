//! A long file on its way to a client: one chunk in memory at a time, read when the client has taken the
//! one before, on a thread that may wait for the disk.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use byway_config::limits::FILE_CHUNK_BYTES_MAX;
use tokio::task::JoinHandle;

/// A part of an open file.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: Arc<File>,
    left: Range<u64>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// Nothing is read before the first poll.
    pub(super) fn new(file: &Arc<File>, part: Range<u64>) -> Self {
        Self { file: Arc::clone(file), left: part, reading: None }
    }

    /// The bytes that are still to come.
    pub(crate) fn length(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// The next chunk. A file that has become shorter is an error, so that what was sent never looks
    /// complete.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let (file, start) = (&self.file, self.left.start);
        let length = self.length().min(FILE_CHUNK_BYTES_MAX as u64) as usize;
        let reading = self.reading.get_or_insert_with(|| {
            let file = Arc::clone(file);
            tokio::task::spawn_blocking(move || read(&file, start, length))
        });
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        let chunk = match read.map_err(io::Error::other).flatten() {
            Ok(chunk) if chunk.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        match &chunk {
            Ok(bytes) => self.left.start += bytes.len() as u64,
            Err(error) => {
                tracing::warn!("an answer broke off, its file could not be read: {error}");
            }
        }
        Poll::Ready(Some(chunk))
    }
}

fn read(file: &File, start: u64, length: usize) -> io::Result<Bytes> {
    let mut chunk = vec![0; length];
    let count = file.read_at(&mut chunk, start)?;
    chunk.truncate(count);
    Ok(chunk.into())
}
