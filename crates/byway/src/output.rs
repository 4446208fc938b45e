//! Output that never holds the server up: lines go through a bounded queue to a thread that writes them.
//!
//! A terminal, pipe or disk that takes nothing would otherwise stop the one thread that also carries the
//! requests. Lines that do not fit into the queue are counted and reported once there is room again.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use byway_config::limits::{OUTPUT_FLUSH_MAX, OUTPUT_LINES_MAX};

/// Bytes that are gathered for one write.
const BATCH_BYTES_MAX: usize = 64 * 1024;

static STDERR: OnceLock<Output> = OnceLock::new();
static STDOUT: OnceLock<Output> = OnceLock::new();
/// Whether lines may be left out: while requests are served, and not while a command reports.
static SERVING: AtomicBool = AtomicBool::new(false);

enum Item {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// A queue before one of the process's outputs.
pub(crate) struct Output {
    queue: SyncSender<Item>,
    dropped: &'static AtomicU64,
}

/// The queue before stderr.
pub(crate) fn stderr() -> &'static Output {
    static DROPPED: AtomicU64 = AtomicU64::new(0);
    STDERR.get_or_init(|| Output::before(std::io::stderr(), &DROPPED))
}

/// The queue before stdout.
pub(crate) fn stdout() -> &'static Output {
    static DROPPED: AtomicU64 = AtomicU64::new(0);
    STDOUT.get_or_init(|| Output::before(std::io::stdout(), &DROPPED))
}

/// From now on a slow output loses lines instead of holding the process up.
pub(crate) fn serve() {
    SERVING.store(true, Ordering::Relaxed);
}

/// Waits a little for what is queued to be written.
pub(crate) fn flush() {
    for output in [STDOUT.get(), STDERR.get()].into_iter().flatten() {
        let (done, written) = sync_channel(1);
        if output.queue.try_send(Item::Flush(done)).is_ok() {
            let _ = written.recv_timeout(OUTPUT_FLUSH_MAX);
        }
    }
}

/// Lines that were lost so far.
pub(crate) fn dropped() -> u64 {
    [STDOUT.get(), STDERR.get()]
        .into_iter()
        .flatten()
        .map(|output| output.dropped.load(Ordering::Relaxed))
        .sum()
}

impl Output {
    fn before(target: impl Write + Send + 'static, dropped: &'static AtomicU64) -> Self {
        let (queue, items) = sync_channel(OUTPUT_LINES_MAX);
        // Without the thread the queue is closed, and nothing is printed; there is nowhere to say so.
        let _ = std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || write_all(target, &items, dropped));
        Self { queue, dropped }
    }

    /// Queues one line or more, complete with their ends.
    pub(crate) fn write(&self, lines: Vec<u8>) {
        if !SERVING.load(Ordering::Relaxed) {
            let _ = self.queue.send(Item::Line(lines));
        } else if let Err(TrySendError::Full(_)) = self.queue.try_send(Item::Line(lines)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(mut target: impl Write, items: &Receiver<Item>, dropped: &AtomicU64) {
    let mut reported = 0;
    let mut batch = Vec::new();
    while let Ok(item) = items.recv() {
        let mut flushed = Vec::new();
        let mut next = Some(item);
        while let Some(item) = next {
            match item {
                Item::Line(line) => batch.extend_from_slice(&line),
                Item::Flush(done) => flushed.push(done),
            }
            next = (batch.len() < BATCH_BYTES_MAX).then(|| items.try_recv().ok()).flatten();
        }
        let lost = dropped.load(Ordering::Relaxed);
        if lost > reported {
            let count = lost - reported;
            batch.extend_from_slice(
                format!("byway: {count} lines were left out: this output is too slow\n").as_bytes(),
            );
            reported = lost;
        }
        if target.write_all(&batch).and_then(|()| target.flush()).is_err() {
            // A closed pipe or a full disk: the lines are lost, the server goes on.
            dropped.fetch_add(1, Ordering::Relaxed);
            reported += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
        batch.clear();
        for done in flushed {
            let _ = done.send(());
        }
    }
}

/// Where log lines go.
pub(crate) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        stderr().write(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
