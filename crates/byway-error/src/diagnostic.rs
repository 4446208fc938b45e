//! One finding about the user's project.

use std::ops::Range;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The build cannot go on.
    Error,
    /// The build goes on.
    Warning,
    /// Worth knowing; nothing has to be done.
    Note,
}

impl Severity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A place in a file, 1-based, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many characters the finding covers on that line, at least 1.
    pub length: u32,
}

impl Location {
    /// The place of a range of bytes. A range that is no part of `source` is moved into it; one that
    /// goes on in the next line ends with its first.
    pub fn of_bytes(source: &str, bytes: &Range<usize>) -> Self {
        let start = char_boundary(source, bytes.start);
        let end = char_boundary(source, bytes.end).max(start);
        let before = &source[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let covered = source[start..end].lines().next().unwrap_or_default();
        Self {
            line: count(before.matches('\n').count()) + 1,
            column: count(before[line_start..].chars().count()) + 1,
            length: count(covered.chars().count()).max(1),
        }
    }
}

/// One finding about the user's project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The rule that it is about, such as `module-state`, where it has a name.
    pub code: Option<&'static str>,
    /// What is wrong, one sentence without a final dot.
    pub message: String,
    /// The file, relative to the project, with `/`.
    pub file: Option<String>,
    /// Where in the file.
    pub location: Option<Location>,
    /// The text of the file, for the code frame.
    pub source: Option<Box<str>>,
    /// What to do about it.
    pub help: Option<Box<str>>,
}

impl Diagnostic {
    /// An error that names no file yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// A warning that names no file yet.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    /// A note that names no file yet.
    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        let (code, file, location, source, help) = (None, None, None, None, None);
        Self { severity, code, message, file, location, source, help }
    }

    /// Names the rule.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Names the file, relative to the project.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Points into the file, whose text is `source`.
    #[must_use]
    pub fn at(mut self, location: Location, source: impl Into<Box<str>>) -> Self {
        self.location = Some(location);
        self.source = Some(source.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Box<str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the build cannot go on.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The start of the character at `index`, or the end of the text.
fn char_boundary(source: &str, index: usize) -> usize {
    let mut index = index.min(source.len());
    while !source.is_char_boundary(index) {
        index -= 1;
    }
    index
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "a range that no text has must not panic")]
    fn bytes_to_places() {
        let check = |bytes: std::ops::Range<usize>, expect: (u32, u32, u32)| {
            let found = Location::of_bytes("ab\näöü x\n", &bytes);
            assert_eq!((found.line, found.column, found.length), expect, "{bytes:?}");
        };
        check(0..2, (1, 1, 2));
        check(3..9, (2, 1, 3));
        check(4..4, (2, 1, 1));
        check(10..11, (2, 5, 1));
        check(1..9, (1, 2, 1));
        check(500..900, (3, 1, 1));
        check(9..2, (2, 4, 1));
    }
}
