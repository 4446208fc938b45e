//! What a worker prints on stderr before it is ready: where it ends without a `FATAL` frame, the
//! reason is there and nowhere else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::task::JoinHandle;

use crate::console::{self, ConsoleLine, ConsoleSink, ConsoleStream};

/// Lines that are remembered.
const LINES_MAX: usize = 40;
/// Characters of the line that is quoted.
const REASON_CHARS_MAX: usize = 500;

/// The console output of one worker.
pub(crate) struct Output {
    words: Arc<LastWords>,
    /// Reads its stderr.
    stderr: Option<JoinHandle<()>>,
}

impl Output {
    /// Reads the pipes to their ends, which come with the last process that holds them.
    pub(crate) fn follow(
        worker: u64,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
        sink: Option<&ConsoleSink>,
    ) -> Self {
        let words = Arc::new(LastWords::default());
        let mut reading = None;
        if let Some(sink) = sink {
            if let Some(pipe) = stdout {
                let sink = Arc::clone(sink);
                tokio::spawn(console::follow(pipe, worker, ConsoleStream::Stdout, sink));
            }
            if let Some(pipe) = stderr {
                let sink = words.of(Arc::clone(sink));
                let follow = console::follow(pipe, worker, ConsoleStream::Stderr, sink);
                reading = Some(tokio::spawn(follow));
            }
        }
        Self { words, stderr: reading }
    }

    /// The worker is ready: what it prints from now on is nobody's reason.
    pub(crate) fn forget(&self) {
        self.words.forget();
    }

    /// What a worker that has ended said last. What it has started may keep the pipe open, so
    /// `wait_max` bounds how long its end is waited for.
    pub(crate) async fn reason(self, wait_max: Duration) -> Option<String> {
        if let Some(stderr) = self.stderr {
            let _ = tokio::time::timeout(wait_max, stderr).await;
        }
        self.words.reason()
    }
}

#[derive(Default)]
struct LastWords {
    lines: Mutex<VecDeque<String>>,
    /// Whether nobody will ask.
    over: AtomicBool,
}

impl LastWords {
    /// Listens to what goes to `sink`.
    fn of(self: &Arc<Self>, sink: ConsoleSink) -> ConsoleSink {
        let words = Arc::clone(self);
        Arc::new(move |line: ConsoleLine<'_>| {
            if line.stream == ConsoleStream::Stderr && !words.over.load(Ordering::Relaxed) {
                words.take(line.text);
            }
            sink(line);
        })
    }

    /// Listens no more.
    fn forget(&self) {
        self.over.store(true, Ordering::Relaxed);
        *self.lines.lock() = VecDeque::new();
    }

    fn take(&self, text: &[u8]) {
        let mut lines = self.lines.lock();
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        let text = String::from_utf8_lossy(text);
        lines.push_back(text.chars().take(REASON_CHARS_MAX).collect());
    }

    /// The line that names an error, else the last one that says anything.
    fn reason(&self) -> Option<String> {
        let lines = self.lines.lock();
        let words = lines.iter().map(|line| line.trim());
        let mut words = words.filter(|line| !line.is_empty() && !line.starts_with("Node.js v"));
        let named = words.clone().find(|line| names_an_error(line));
        named.or_else(|| words.next_back()).map(str::to_owned)
    }
}

/// `TypeError: …`, `Error [ERR_X]: …`, `FATAL ERROR: …`
fn names_an_error(line: &str) -> bool {
    let name = line.split([':', ' ', '[']).next().unwrap_or_default();
    name.ends_with("Error") || line.starts_with("FATAL ERROR:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Option<String> {
        let words = Arc::new(LastWords::default());
        let sink = words.of(Arc::new(|_| {}));
        for line in text.lines() {
            let (stream, text) = (ConsoleStream::Stderr, line.as_bytes());
            sink(ConsoleLine { worker: 1, request: None, stream, text });
        }
        words.reason()
    }

    #[test]
    fn the_reason_is_the_line_that_names_the_error() {
        let missing = "node:internal/modules/esm/resolve:283\n    throw new ERR_MODULE_NOT_FOUND(\n\n\
            Error [ERR_MODULE_NOT_FOUND]: Cannot find module 'x'\n    at f (node:internal:1:2)\n\
            Node.js v20.20.2\n";
        let found = reason(missing);
        assert_eq!(found.as_deref(), Some("Error [ERR_MODULE_NOT_FOUND]: Cannot find module 'x'"));
        assert_eq!(reason("a\nmy reason\n\n").as_deref(), Some("my reason"));
        let memory = "\n<--- Last few GCs --->\nFATAL ERROR: Reached heap limit\n----- trace\n";
        assert_eq!(reason(memory).as_deref(), Some("FATAL ERROR: Reached heap limit"));
        assert_eq!(reason(""), None);
    }

    #[test]
    fn a_worker_that_is_ready_has_no_reason_to_give() {
        let words = Arc::new(LastWords::default());
        let sink = words.of(Arc::new(|_| {}));
        let text = b"Error: x";
        words.forget();
        sink(ConsoleLine { worker: 1, request: None, stream: ConsoleStream::Stderr, text });
        assert_eq!(words.reason(), None);
    }
}
