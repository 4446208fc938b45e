//! Everything that a person reads: data on stdout, all else on stderr, colours only on a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU8, Ordering};

use byway_error::Diagnostic;
use tracing_subscriber::EnvFilter;

use crate::cli::OutputArgs;
use crate::output;

/// A failure whose details have been printed already.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Reported(pub(crate) String);

/// An error with something to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct WithHint {
    pub(crate) message: String,
    pub(crate) hint: String,
}

const QUIET: u8 = 0;
const NORMAL: u8 = 1;
const VERBOSE: u8 = 2;

/// How much is said. It is set once, before the command runs.
static LEVEL: AtomicU8 = AtomicU8::new(NORMAL);

/// Takes over `--quiet` and `--verbose`, and sends log lines to stderr; `BYWAY_LOG` filters them as
/// `RUST_LOG` does elsewhere.
pub(crate) fn init(output: &OutputArgs) {
    let (level, log) = match (output.quiet, output.verbose) {
        (true, _) => (QUIET, "error"),
        (_, true) => (VERBOSE, "debug"),
        _ => (NORMAL, "info"),
    };
    LEVEL.store(level, Ordering::Relaxed);
    let filter = EnvFilter::try_from_env("BYWAY_LOG").unwrap_or_else(|_| EnvFilter::new(log));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| output::LogWriter)
        .with_ansi(colours())
        .with_target(false)
        .init();
}

pub(crate) fn is_quiet() -> bool {
    LEVEL.load(Ordering::Relaxed) == QUIET
}

/// Whether stderr takes colours (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    std::io::stderr().is_terminal() && colours_wanted()
}

/// The same for stdout.
pub(crate) fn colours_of_data() -> bool {
    std::io::stdout().is_terminal() && colours_wanted()
}

fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}

/// A line on stderr, except where only errors are wanted.
pub(crate) fn note(text: &str) {
    if !is_quiet() {
        line(text);
    }
}

/// A line for those who want to know more.
pub(crate) fn detail(text: &str) {
    if LEVEL.load(Ordering::Relaxed) == VERBOSE {
        line(text);
    }
}

fn line(text: &str) {
    output::stderr().write(format!("{text}\n").into_bytes());
}

/// Data on stdout.
pub(crate) fn data(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// A finding about the project, with its code frame.
pub(crate) fn diagnostic(diagnostic: &Diagnostic) {
    if diagnostic.is_error() || !is_quiet() {
        line(&diagnostic.render(colours()));
    }
}

/// The reason why a command failed.
pub(crate) fn error(error: &anyhow::Error) {
    let label = if colours() { "\x1b[1;31merror\x1b[0m" } else { "error" };
    // `{:#}` joins the causes: one line for one problem.
    line(&format!("{label}: {error:#}"));
    if let Some(WithHint { hint, .. }) = error.downcast_ref() {
        line(&format!("hint: {hint}"));
    }
}

/// `1 route`, `2 routes`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// Rows as columns of equal width, two blanks apart; the first row is the heading.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
