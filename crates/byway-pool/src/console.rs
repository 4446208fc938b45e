//! What user code prints, line by line and within bounds.
//!
//! The pipes are always read: a worker whose output nobody takes would block in `console.log`. What is
//! more than the bound is counted and left out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use byway_config::limits::{CONSOLE_BYTES_PER_SECOND_MAX, CONSOLE_LINE_BYTES_MAX};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Precedes a line whose request the worker knows: this byte, the stream in decimal, this byte.
const REQUEST_MARK: u8 = 0x1F;

/// Silence after which it is said how much was left out.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleStream {
    /// `console.log` and `process.stdout`.
    Stdout,
    /// `console.error` and `process.stderr`.
    Stderr,
}

/// A line that user code printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsoleLine<'a> {
    /// The worker's number.
    pub worker: u64,
    /// The number of the request on that worker, if it is known.
    pub request: Option<u32>,
    /// Where it was printed.
    pub stream: ConsoleStream,
    /// The line without its end. Any bytes.
    pub text: &'a [u8],
}

/// Takes the lines. It must not block.
pub type ConsoleSink = Arc<dyn Fn(ConsoleLine<'_>) + Send + Sync>;

/// Reads a pipe to its end.
pub(crate) async fn follow(
    pipe: impl AsyncRead + Unpin,
    worker: u64,
    stream: ConsoleStream,
    sink: ConsoleSink,
) {
    let mut pipe = pipe;
    let mut lines = Lines::new(worker, stream, sink);
    let mut buffer = BytesMut::with_capacity(CONSOLE_LINE_BYTES_MAX);
    loop {
        buffer.reserve(CONSOLE_LINE_BYTES_MAX);
        let read = pipe.read_buf(&mut buffer);
        // After a flood there may be silence; what was left out is to be said all the same.
        let silence = if lines.dropped_count > 0 { REPORT_AFTER } else { Duration::MAX };
        let Ok(read) = tokio::time::timeout(silence, read).await else {
            lines.report();
            continue;
        };
        match read {
            Ok(0) | Err(_) => break,
            Ok(_) => lines.take(&mut buffer, Instant::now()),
        }
    }
    lines.end(&buffer);
}

/// Cuts bytes into lines and keeps to the bound.
struct Lines {
    worker: u64,
    stream: ConsoleStream,
    sink: ConsoleSink,
    second_began: Instant,
    passed_bytes: usize,
    dropped_count: u64,
    dropped_bytes: u64,
}

impl Lines {
    fn new(worker: u64, stream: ConsoleStream, sink: ConsoleSink) -> Self {
        Self {
            worker,
            stream,
            sink,
            second_began: Instant::now(),
            passed_bytes: 0,
            dropped_count: 0,
            dropped_bytes: 0,
        }
    }

    /// Passes on the whole lines in `buffer`, and what is too long for one.
    fn take(&mut self, buffer: &mut BytesMut, now: Instant) {
        if now.duration_since(self.second_began) >= Duration::from_secs(1) {
            self.second_began = now;
            self.passed_bytes = 0;
            self.report();
        }
        loop {
            let within = &buffer[..buffer.len().min(CONSOLE_LINE_BYTES_MAX)];
            let (text, skip) = match within.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end, 1),
                None if within.len() == CONSOLE_LINE_BYTES_MAX => (within.len(), 0),
                None => return,
            };
            let line = buffer.split_to(text + skip);
            self.line(&line[..text]);
        }
    }

    fn end(&mut self, rest: &[u8]) {
        if !rest.is_empty() {
            self.line(rest);
        }
        self.report();
    }

    fn line(&mut self, text: &[u8]) {
        if self.passed_bytes + text.len() > CONSOLE_BYTES_PER_SECOND_MAX {
            self.dropped_count += 1;
            self.dropped_bytes += text.len() as u64;
            return;
        }
        // An empty line costs something too.
        self.passed_bytes += text.len() + 1;
        let (request, text) = marked(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        (self.sink)(ConsoleLine { worker: self.worker, request, stream: self.stream, text });
    }

    fn report(&mut self) {
        if self.dropped_count > 0 {
            tracing::warn!(
                worker = self.worker,
                lines = self.dropped_count,
                bytes = self.dropped_bytes,
                "console output was more than {CONSOLE_BYTES_PER_SECOND_MAX} bytes a second; \
                 some was left out"
            );
        }
        (self.dropped_count, self.dropped_bytes) = (0, 0);
    }
}

/// Takes the mark of a request off a line.
fn marked(line: &[u8]) -> (Option<u32>, &[u8]) {
    let Some(rest) = line.strip_prefix(&[REQUEST_MARK]) else { return (None, line) };
    let Some(end) = rest.iter().position(|byte| *byte == REQUEST_MARK) else { return (None, line) };
    match std::str::from_utf8(&rest[..end]).ok().and_then(|digits| digits.parse().ok()) {
        Some(request) => (Some(request), &rest[end + 1..]),
        None => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    type Seen = Arc<Mutex<Vec<(Option<u32>, Vec<u8>)>>>;

    fn lines() -> (Lines, Seen) {
        let seen = Seen::default();
        let into = Arc::clone(&seen);
        let sink: ConsoleSink =
            Arc::new(move |line| into.lock().push((line.request, line.text.to_vec())));
        (Lines::new(1, ConsoleStream::Stdout, sink), seen)
    }

    #[test]
    fn w09_output_is_cut_into_lines_and_long_ones_are_cut_up() {
        let (mut lines, seen) = lines();
        let mut buffer = BytesMut::from(&b"one\r\n\n\x1f12\x1ftwo\n\x1fx\x1f\nbegun"[..]);
        lines.take(&mut buffer, Instant::now());
        assert_eq!(buffer.as_ref(), b"begun");
        buffer.extend_from_slice(&vec![0xFF; CONSOLE_LINE_BYTES_MAX]);
        lines.take(&mut buffer, Instant::now());
        lines.end(&buffer);
        let seen = seen.lock();
        let texts: Vec<_> = seen.iter().map(|(_, text)| text.len()).collect();
        assert_eq!(texts, [3, 0, 3, 3, CONSOLE_LINE_BYTES_MAX, 5]);
        let requests: Vec<_> = seen.iter().map(|(request, _)| *request).collect();
        assert_eq!(requests, [None, None, Some(12), None, None, None]);
    }

    #[test]
    fn w09_a_flood_is_bounded_and_counted() {
        let (mut lines, seen) = lines();
        let now = Instant::now();
        let mut buffer = BytesMut::from(vec![b'x'; 1023].as_slice());
        buffer.extend_from_slice(b"\n");
        let line = buffer.clone();
        for _ in 0..10_000 {
            buffer.clear();
            buffer.extend_from_slice(&line);
            lines.take(&mut buffer, now);
        }
        assert_eq!(seen.lock().len(), CONSOLE_BYTES_PER_SECOND_MAX / 1024);
        assert_eq!(lines.dropped_count as usize, 10_000 - CONSOLE_BYTES_PER_SECOND_MAX / 1024);
        buffer.extend_from_slice(b"later\n");
        lines.take(&mut buffer, now + Duration::from_secs(1));
        assert_eq!(seen.lock().last().unwrap().1, b"later");
    }
}
