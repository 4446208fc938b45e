//! The queue of lines and the thread that writes them.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use byway_config::limits::{ACCESS_LOG_BYTES_MAX, ACCESS_LOG_FLUSH_MAX, ACCESS_LOG_INTERVAL};
use parking_lot::{Condvar, Mutex};

/// After a write that failed.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something was queued, or the end has come.
    changed: Condvar,
    /// The thread has written everything.
    done: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    closing: bool,
    written: bool,
}

impl Queue {
    pub(super) fn new(out: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            done: Condvar::new(),
            dropped: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&shared);
        let spawned = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || of_thread.write(out));
        // Without a thread every line counts as dropped.
        if spawned.is_err() {
            let mut state = shared.state.lock();
            (state.closing, state.written) = (true, true);
        }
        Self(shared)
    }

    /// Queues a line, or drops it when too many wait.
    pub(super) fn push(&self, line: &[u8]) {
        let first = {
            let mut state = self.0.state.lock();
            if state.closing || state.bytes.len() + line.len() > ACCESS_LOG_BYTES_MAX {
                drop(state);
                self.0.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let first = state.bytes.is_empty();
            state.bytes.extend_from_slice(line);
            first
        };
        // Only the first line wakes the thread, which then waits a little for others.
        if first {
            self.0.changed.notify_one();
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Queue {
    /// What is queued is written, unless nobody takes it any more.
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.closing = true;
        self.0.changed.notify_one();
        let late = |state: &mut State| !state.written;
        let _ = self.0.done.wait_while_for(&mut state, late, ACCESS_LOG_FLUSH_MAX);
    }
}

impl Shared {
    fn write(&self, mut out: impl Write) {
        let mut bytes = Vec::new();
        loop {
            let closing = {
                let mut state = self.state.lock();
                self.changed.wait_while(&mut state, |it| it.bytes.is_empty() && !it.closing);
                if !state.closing {
                    // Lines that come meanwhile leave with the same write.
                    let open = |it: &mut State| !it.closing;
                    let _ = self.changed.wait_while_for(&mut state, open, ACCESS_LOG_INTERVAL);
                }
                std::mem::swap(&mut state.bytes, &mut bytes);
                state.closing
            };
            if out.write_all(&bytes).and_then(|()| out.flush()).is_err() {
                let lines = bytes.split(|byte| *byte == b'\n').count().saturating_sub(1);
                self.dropped.fetch_add(lines as u64, Ordering::Relaxed);
                // A full disk may get room again; trying at once would only spin.
                std::thread::sleep(RETRY_PAUSE);
            }
            bytes.clear();
            if closing {
                self.state.lock().written = true;
                self.done.notify_all();
                return;
            }
        }
    }
}
