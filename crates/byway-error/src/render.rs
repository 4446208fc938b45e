//! A diagnostic as text for a terminal: message, place, code frame, hint.
//!
//! Readable without colour, and whatever the file contains: tabs count as they are shown, control
//! characters are replaced, and of a long line only the part around the finding is printed.

use std::fmt::{self, Write as _};

use crate::{Diagnostic, Location, Severity};

/// Lines that are shown before and after the one with the finding.
const CONTEXT_LINES: usize = 2;
/// Columns of a line that are shown.
const WIDTH_MAX: usize = 100;
/// Columns kept before the finding where a line is cut.
const BEFORE_MAX: usize = 40;
const TAB_WIDTH: usize = 4;
const CUT: char = '…';

impl Diagnostic {
    /// The lines around the finding with a mark below it, where there is a place and a text.
    pub fn frame(&self) -> Option<String> {
        let (location, source) = (self.location.as_ref()?, self.source.as_ref()?);
        let rendered = Rendered { diagnostic: self, paint: Paint(false) };
        let mut text = String::new();
        rendered.frame(&mut text, location, source).ok()?;
        Some(text)
    }

    /// The diagnostic as text that ends with a newline.
    pub fn render(&self, colour: bool) -> String {
        Rendered { diagnostic: self, paint: Paint(colour) }.to_string()
    }
}

impl fmt::Display for Diagnostic {
    /// The text without colour.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Rendered { diagnostic: self, paint: Paint(false) }.fmt(f)
    }
}

/// Escape codes, or nothing.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn strong(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;34",
        };
        self.wrap(code, text)
    }

    fn quiet(self, text: &str) -> String {
        self.wrap("34", text)
    }
}

struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    paint: Paint,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { severity, code, message, file, location, source, help } = self.diagnostic;
        let kind = severity.name();
        let kind = code.map_or_else(|| kind.to_owned(), |code| format!("{kind}[{code}]"));
        writeln!(f, "{}: {}", self.paint.strong(*severity, &kind), plain(message))?;
        if let Some(file) = file {
            let arrow = self.paint.quiet(" -->");
            match location {
                Some(at) => writeln!(f, "{arrow} {}:{}:{}", plain(file), at.line, at.column)?,
                None => writeln!(f, "{arrow} {}", plain(file))?,
            }
        }
        if let (Some(location), Some(source)) = (location, source) {
            self.frame(f, location, source)?;
        }
        match help {
            Some(help) => writeln!(f, "{}: {}", self.paint.wrap("1;36", "hint"), plain(help)),
            None => Ok(()),
        }
    }
}

impl Rendered<'_> {
    fn frame(&self, f: &mut impl fmt::Write, at: &Location, source: &str) -> fmt::Result {
        let Some(index) = (at.line as usize).checked_sub(1) else { return Ok(()) };
        let first = index.saturating_sub(CONTEXT_LINES);
        let shown: Vec<(usize, &str)> = source
            .lines()
            .enumerate()
            .skip(first)
            .take(index + CONTEXT_LINES + 1 - first)
            .collect();
        // A finding at the end of the text stands behind its last line.
        let lines = source.lines().count();
        if index > lines {
            return Ok(());
        }
        let digits = (index + CONTEXT_LINES + 1).min(lines.max(1)).to_string().len();
        let bar = self.paint.quiet(&format!("{:digits$} |", ""));
        writeln!(f, "{bar}")?;
        let window = Window::around(at);
        for (number, line) in shown {
            let gutter = self.paint.quiet(&format!("{:>digits$} |", number + 1));
            writeln!(f, "{}", format!("{gutter} {}", window.cut(line)).trim_end())?;
            if number == index {
                let (indent, carets) = window.underline(line, at);
                let carets = self.paint.strong(self.diagnostic.severity, &carets);
                writeln!(f, "{bar} {indent}{carets}")?;
            }
        }
        writeln!(f, "{bar}")
    }
}

/// The part of every line of a frame that is shown, in characters of the line.
struct Window {
    start: usize,
}

impl Window {
    fn around(at: &Location) -> Self {
        let column = (at.column as usize).saturating_sub(1);
        let fits = column + (at.length as usize).min(WIDTH_MAX / 2) < WIDTH_MAX;
        Self { start: if fits { 0 } else { column - BEFORE_MAX.min(column) } }
    }

    fn cut(&self, line: &str) -> String {
        let mut text = String::new();
        if self.start > 0 {
            text.push(CUT);
        }
        let mut rest = line.chars().skip(self.start);
        for c in rest.by_ref().take(WIDTH_MAX) {
            push_visible(&mut text, c);
        }
        if rest.next().is_some() {
            text.push(CUT);
        }
        text
    }

    /// Blanks up to the finding and the marks under it, both as wide as the text above.
    fn underline(&self, line: &str, at: &Location) -> (String, String) {
        let column = (at.column as usize).saturating_sub(1).max(self.start);
        let mut before = String::new();
        if self.start > 0 {
            before.push(CUT);
        }
        let skipped = column - self.start;
        let mut shown = line.chars().skip(self.start).take(WIDTH_MAX);
        for c in shown.by_ref().take(skipped) {
            push_visible(&mut before, c);
        }
        let mut covered = String::new();
        for c in shown.take(at.length as usize) {
            push_visible(&mut covered, c);
        }
        let marks = covered.chars().count().max(1);
        (" ".repeat(before.chars().count()), "^".repeat(marks))
    }
}

/// Tabs have a fixed width; what would move the cursor or change colours is not passed on.
fn push_visible(text: &mut String, c: char) {
    match c {
        '\t' => text.extend(std::iter::repeat_n(' ', TAB_WIDTH)),
        c if c.is_control() => text.push('\u{fffd}'),
        c => text.push(c),
    }
}

/// One line without control characters.
fn plain(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        if c == '\n' {
            let _ = line.write_str("\n  ");
        } else {
            push_visible(&mut line, c);
        }
    }
    line
}

#[cfg(test)]
mod tests;
