//! A line that says what takes so long, on terminals only.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::print;

/// What is over sooner is not worth a line.
const PATIENCE: Duration = Duration::from_millis(300);
const STEP: Duration = Duration::from_millis(120);
const MARKS: [char; 4] = ['|', '/', '-', '\\'];

/// Shows the line until it is dropped; with `--verbose` what the step took is said afterwards.
pub(crate) struct Progress {
    text: &'static str,
    started: Instant,
    shown: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(crate) fn start(text: &'static str) -> Self {
        let is_wanted = std::io::stderr().is_terminal() && !print::is_quiet();
        let shown = is_wanted.then(|| {
            let (stop, stopped) = mpsc::channel();
            (stop, std::thread::spawn(move || show(text, &stopped)))
        });
        Self { text, started: Instant::now(), shown }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.shown.take() {
            drop(stop);
            // It has nothing to say: the worst is a line that stays.
            let _ = thread.join();
        }
        print::detail(&format!("{}: {} ms", self.text, self.started.elapsed().as_millis()));
    }
}

fn show(text: &str, stopped: &Receiver<()>) {
    let mut wait = PATIENCE;
    let started = Instant::now();
    let mut marks = MARKS.iter().cycle();
    let mut is_shown = false;
    while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        let mark = marks.next().unwrap_or(&' ');
        let seconds = started.elapsed().as_secs();
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "\r\x1b[2K{mark} {text} ({seconds} s)");
        let _ = stderr.flush();
        (wait, is_shown) = (STEP, true);
    }
    if is_shown {
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "\r\x1b[2K");
        let _ = stderr.flush();
    }
}
