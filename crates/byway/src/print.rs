//! Everything that a person reads: data on stdout, all else on stderr, colours only on a terminal.

use std::io::{IsTerminal as _, Write as _};

use byway_error::Diagnostic;
use tracing_subscriber::EnvFilter;

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

/// Whether stderr takes colours (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Sends log lines to stderr; `BYWAY_LOG` filters them as `RUST_LOG` does elsewhere.
pub(crate) fn init_log() {
    let filter = EnvFilter::try_from_env("BYWAY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| output::LogWriter)
        .with_ansi(colours())
        .with_target(false)
        .init();
}

/// A line on stderr. Nobody can be told when stderr itself is gone.
pub(crate) fn note(text: &str) {
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
    note(&diagnostic.render(colours()));
}

/// The reason why a command failed.
pub(crate) fn error(error: &anyhow::Error) {
    let label = if colours() { "\x1b[1;31merror\x1b[0m" } else { "error" };
    // `{:#}` joins the causes: one line for one problem.
    note(&format!("{label}: {error:#}"));
    if let Some(WithHint { hint, .. }) = error.downcast_ref() {
        note(&format!("hint: {hint}"));
    }
}
