//! What went wrong, as diagnostics: from the bundler's own errors and from the plugin's findings.
//!
//! Paths are relative to the project, and nothing of this machine's folders gets into a message.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use byway_error::{Diagnostic, Location, Severity};
use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind};

use crate::place::Layout;
use crate::plugin::{Finding, Problem};
use crate::specifier::package_name;
use crate::suggest::similar_specifier;
use crate::syntax;

/// A project with more errors than this has one cause, and nobody reads them all.
const DIAGNOSTICS_MAX: usize = 200;

/// Turns events into diagnostics, reading each file once.
pub(crate) struct Reporter<'a> {
    layout: &'a Layout,
    sources: BTreeMap<PathBuf, Option<String>>,
    parsed: HashSet<PathBuf>,
    /// Importers with the specifiers that are reported already.
    explained: HashSet<(PathBuf, String)>,
    found: Vec<Diagnostic>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(layout: &'a Layout) -> Self {
        Self {
            layout,
            sources: BTreeMap::new(),
            parsed: HashSet::new(),
            explained: HashSet::new(),
            found: Vec::new(),
        }
    }

    /// All diagnostics: errors first, each kind sorted by file and place, without repetitions.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        let key = |it: &Diagnostic| {
            let place = it.location.as_ref().map(|at| (at.line, at.column));
            (it.severity != Severity::Error, it.file.clone(), place, it.message.clone())
        };
        self.found.sort_by_cached_key(key);
        self.found.dedup();
        self.found.truncate(DIAGNOSTICS_MAX);
        self.found
    }

    pub(crate) fn add(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.found.extend(diagnostics);
    }

    /// Errors that the bundler reports.
    pub(crate) fn add_errors(&mut self, errors: &[BuildDiagnostic]) {
        for error in errors {
            let is_syntax = matches!(error.kind(), EventKind::ParseError);
            let file = error.id().map(PathBuf::from).filter(|path| path.is_absolute());
            match file {
                Some(file) if is_syntax && self.add_syntax_errors(&file) => {}
                file => self.add_event(error, file.as_deref(), Severity::Error),
            }
        }
    }

    /// Those of the bundler's warnings that tell a user something.
    pub(crate) fn add_warnings(&mut self, warnings: &[BuildDiagnostic]) {
        for warning in warnings {
            let matters = matches!(
                warning.kind(),
                EventKind::ImportIsUndefined
                    | EventKind::CannotCallNamespace
                    | EventKind::CommonJsVariableInEsm
                    | EventKind::UnsupportedTsconfigOption
                    | EventKind::MissingExportError
            );
            let file = warning.id().map(PathBuf::from);
            let theirs = file.as_ref().is_some_and(|path| is_in_node_modules(path));
            if matters && !theirs {
                self.add_event(warning, file.as_deref(), Severity::Warning);
            }
        }
    }

    /// Imports of names that a file does not export: `undefined` when the code runs.
    pub(crate) fn add_missing_exports(&mut self, errors: &[BuildDiagnostic]) {
        for error in errors {
            let file = error.id().map(PathBuf::from);
            if !file.as_ref().is_some_and(|path| is_in_node_modules(path)) {
                self.add_event(error, file.as_deref(), Severity::Warning);
            }
        }
    }

    /// Whether there was anything that a second look explains.
    fn add_syntax_errors(&mut self, file: &Path) -> bool {
        if self.parsed.contains(file) {
            return true;
        }
        let Some(source) = self.source(file) else { return false };
        let errors = syntax::errors(file, &source);
        if errors.is_empty() {
            return false;
        }
        self.parsed.insert(file.to_owned());
        for error in errors {
            let mut found = Diagnostic::error(error.message).in_file(self.name(file));
            if let Some(bytes) = error.bytes {
                found = found.at(Location::of_bytes(&source, &bytes), source.clone());
            }
            found.help = error.help.map(Into::into);
            self.found.push(found);
        }
        true
    }

    fn add_event(&mut self, event: &BuildDiagnostic, file: Option<&Path>, severity: Severity) {
        let options = DiagnosticOptions { cwd: self.layout.project_dir().to_owned() };
        let details = event.to_diagnostic_with(&options);
        let mut message = event.to_message_with(&options);
        if message.is_empty() {
            message = details.convert_to_string(false);
        }
        let mut found = match severity {
            Severity::Error => Diagnostic::error(self.without_paths(&message)),
            Severity::Warning => Diagnostic::warning(self.without_paths(&message)),
            Severity::Note => Diagnostic::note(self.without_paths(&message)),
        };
        let place = details.get_primary_location();
        let file = match &place {
            Some((name, ..)) => Some(self.layout.project_dir().join(name)),
            None => file.filter(|path| path.is_absolute()).map(Path::to_owned),
        };
        if let Some(file) = file {
            found = found.in_file(self.name(&file));
            if let (Some((_, line, column, _)), Some(source)) = (place, self.source(&file)) {
                let location = token_at(&source, line, column);
                found = found.at(location, source);
            }
        }
        self.found.push(found);
    }

    /// Imports that the plugin could not resolve.
    pub(crate) fn add_findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            if self.explained.insert((finding.importer.clone(), finding.specifier.clone())) {
                self.add_finding(finding);
            }
        }
    }

    fn add_finding(&mut self, finding: &Finding) {
        let source = self.source(&finding.importer);
        let sites = source
            .as_deref()
            .map(|source| syntax::import_sites(&finding.importer, source))
            .unwrap_or_default();
        let sites: Vec<_> =
            sites.into_iter().filter(|site| site.specifier == finding.specifier).collect();
        let guarded = !sites.is_empty() && sites.iter().all(|site| site.guarded);
        let site = sites.iter().find(|site| site.guarded == guarded);
        let in_package = is_in_node_modules(&finding.importer);
        let fatal = finding.problem.is_fatal() && !guarded && !in_package;
        if in_package && !fatal {
            return;
        }
        let (message, help) = self.explain(finding);
        let mut found =
            if fatal { Diagnostic::error(message) } else { Diagnostic::warning(message) };
        found = found.in_file(self.name(&finding.importer));
        found.help = help.map(Into::into);
        let bytes = match finding.problem {
            Problem::UseCache(_, start, end) => Some(start as usize..end as usize),
            _ => site.map(|site| site.bytes.clone()),
        };
        if let (Some(bytes), Some(source)) = (bytes, source) {
            found = found.at(Location::of_bytes(&source, &bytes), source);
        }
        self.found.push(found);
    }

    fn explain(&self, finding: &Finding) -> (String, Option<String>) {
        let specifier = &finding.specifier;
        match finding.problem {
            Problem::NoFile => {
                let similar = similar_specifier(self.layout, &finding.importer, specifier);
                let help = match similar {
                    Some(similar) => Some(format!("did you mean `{similar}`?")),
                    None if specifier.starts_with('.') || specifier.starts_with('/') => None,
                    None => Some(
                        "aliases come from `compilerOptions.paths` in tsconfig.json".to_owned(),
                    ),
                };
                (format!("cannot find `{specifier}`"), help)
            }
            Problem::NoPackage => {
                let name = package_name(specifier).unwrap_or(specifier);
                let help = format!("`npm install {name}` adds it to the project");
                (format!("cannot find the package `{name}`"), Some(help))
            }
            Problem::NoSubpath => {
                let help = "what imports it fails when it runs, the rest is served";
                let name = package_name(specifier).unwrap_or(specifier);
                (format!("the package `{name}` has no `{specifier}`"), Some(help.to_owned()))
            }
            Problem::ForPages => {
                let help = "importing it is fine, using it in an API route throws";
                (format!("`{specifier}` is for pages"), Some(help.to_owned()))
            }
            Problem::NoImageLibrary => {
                let help = "`npm install @vercel/og` adds it to the project";
                let message = format!("`{specifier}` needs a library that draws images");
                (message, Some(help.to_owned()))
            }
            Problem::UseCache(fault, ..) => {
                let (message, help) = fault.explained();
                (message.to_owned(), Some(help.to_owned()))
            }
            Problem::NextInternal => {
                let help = "use `next/server`, `next/headers`, `next/navigation` or `next/cache`";
                (format!("byway has no `{specifier}`"), Some(help.to_owned()))
            }
        }
    }

    fn source(&mut self, file: &Path) -> Option<String> {
        let read = || fs::read_to_string(file).ok();
        self.sources.entry(file.to_owned()).or_insert_with(read).clone()
    }

    fn name(&self, file: &Path) -> String {
        self.layout.project_path(file)
    }

    /// Errors of the bundler itself quote absolute paths.
    fn without_paths(&self, message: &str) -> String {
        let project = format!("{}/", self.layout.project_dir().display());
        let message = message.replace(&project, "");
        let message = message.replace(&self.layout.project_dir().display().to_string(), ".");
        message.trim().trim_end_matches('.').to_owned()
    }
}

impl Problem {
    fn is_fatal(self) -> bool {
        match self {
            Self::NoFile | Self::NoPackage | Self::NextInternal | Self::UseCache(..) => true,
            Self::NoSubpath | Self::ForPages | Self::NoImageLibrary => false,
        }
    }
}

pub(crate) fn is_in_node_modules(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "node_modules")
}

/// The word or string that starts at a line and a column, the column in UTF-16 units from 0.
fn token_at(source: &str, line: usize, column: usize) -> Location {
    let start_of_line: usize =
        source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let text = source[start_of_line..].lines().next().unwrap_or_default();
    let mut units = 0;
    let mut start = text.len();
    for (index, c) in text.char_indices() {
        if units >= column {
            start = index;
            break;
        }
        units += c.len_utf16();
    }
    let length = token_bytes(&text[start..]);
    let start = start_of_line + start;
    let bytes: Range<usize> = start..start + length;
    Location::of_bytes(source, &bytes)
}

fn token_bytes(text: &str) -> usize {
    let mut chars = text.char_indices();
    let Some((_, first)) = chars.next() else { return 0 };
    if matches!(first, '"' | '\'' | '`') {
        return chars.find(|&(_, c)| c == first).map_or(text.len(), |(end, _)| end + 1);
    }
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.find(|c| !in_word(c)).unwrap_or(text.len()).max(first.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::token_at;

    #[test]
    fn tokens() {
        let check = |source: &str, line, column, expect: (u32, u32, u32)| {
            let found = token_at(source, line, column);
            assert_eq!((found.line, found.column, found.length), expect, "{source}");
        };
        check("a\nimport { names } from 'x';\n", 2, 9, (2, 10, 5));
        check("import x from './y';", 1, 14, (1, 15, 5));
        check("'😀' + name", 1, 7, (1, 7, 4));
        check("", 9, 9, (1, 1, 1));
    }
}
