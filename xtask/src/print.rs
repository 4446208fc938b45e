//! The two ways in which these commands speak: data on stdout, everything else on stderr.

use std::io::Write;

/// One line of data.
pub(crate) fn data(line: &str) {
    // A reader that went away, such as `head`, is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// One line about what is going on.
pub(crate) fn progress(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The headline of a stage.
pub(crate) fn stage(line: &str) {
    progress(&format!("\n==> {line}"));
}
