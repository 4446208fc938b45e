//! `next.config`: run by Node, checked here.
//!
//! The file is code, and its rules come from functions that may ask databases. So it is run once, when
//! the project is built, as under `next build`; a server starts with what it said then.

mod check;
mod evaluate;
mod rules;
mod settings;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use byway_error::{Diagnostic, Location};
use byway_routes::next_config::NextConfig;

/// How `next.config` is run.
#[derive(Debug, Clone)]
pub struct ConfigCommand {
    /// The Node.js executable.
    pub node: PathBuf,
    /// The program that evaluates the file.
    pub entry: PathBuf,
    /// The compiled file.
    pub config: PathBuf,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Whether it is for development, which functions in `next.config` are told.
    pub development: bool,
}

/// What `next.config` says, and what the user should know about it.
#[derive(Debug)]
pub struct ReadConfig {
    /// The settings.
    pub config: NextConfig,
    /// What byway does not honour, sorted by setting.
    pub warnings: Vec<Diagnostic>,
    /// Settings that are about pages, browsers or Next's own build, sorted.
    pub ignored: Vec<String>,
}

/// Runs the file, relative to the project, and checks what it says. Reports all faults at once.
pub fn read(
    dir: &Path,
    file: &str,
    command: &ConfigCommand,
) -> Result<ReadConfig, Vec<Diagnostic>> {
    let place = Place { file, source: std::fs::read_to_string(dir.join(file)).unwrap_or_default() };
    let evaluated = evaluate::evaluate(dir, &place, command).map_err(|found| vec![found])?;
    check::check(&evaluated, &place)
}

/// The file, for diagnostics.
struct Place<'a> {
    file: &'a str,
    source: String,
}

impl Place<'_> {
    fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).in_file(self.file)
    }

    fn warning(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(message).in_file(self.file)
    }

    /// Points to the first place where the file says `text` in quotes, or as a name.
    fn near(&self, diagnostic: Diagnostic, text: &str) -> Diagnostic {
        let quoted = ['\'', '"', '`'].iter().find_map(|quote| {
            let written = text.replace('\\', "\\\\");
            let needle = format!("{quote}{written}{quote}");
            self.source.find(&needle).map(|at| at..at + needle.len())
        });
        let named = || {
            let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            let found = self.source.match_indices(text).find(|(at, _)| {
                let before = self.source[..*at].chars().next_back();
                let after = self.source[at + text.len()..].chars().next();
                !before.is_some_and(is_word) && !after.is_some_and(is_word)
            });
            found.map(|(at, _)| at..at + text.len())
        };
        match quoted.or_else(named) {
            Some(bytes) if !text.is_empty() => {
                let location = Location::of_bytes(&self.source, &bytes);
                diagnostic.at(location, self.source.clone())
            }
            _ => diagnostic,
        }
    }
}

#[cfg(test)]
mod tests;
