//! One finding about the user's project.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The build cannot go on.
    Error,
    /// The build goes on.
    Warning,
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

/// One finding about the user's project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, one sentence without a final dot.
    pub message: String,
    /// The file, relative to the project, with `/`.
    pub file: Option<String>,
    /// Where in the file.
    pub location: Option<Location>,
    /// The text of the file, for the code frame.
    pub source: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}
