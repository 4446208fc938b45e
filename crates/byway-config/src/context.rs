//! What all tables of one file share while they are read: the text, the findings, the list of keys.

use std::cell::RefCell;
use std::ops::Range;

use byway_error::{Diagnostic, Location, Severity};

use crate::kind::Kind;
use crate::node::Entry;
use crate::origin::{Given, Origin};
use crate::suggest::closest;

/// How keys are spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `max_age`, in `byway.toml`.
    Snake,
    /// `maxAge`, in route files.
    Camel,
}

/// One setting, as the docs and the schema have it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyInfo {
    /// The whole name, `route[].cors.origins`.
    pub name: String,
    /// What values it takes.
    pub kind: Kind,
    /// The default as TOML; `None` when there is none.
    pub default: Option<String>,
    /// Whether its table makes no sense without it.
    pub required: bool,
    /// What it does, one sentence or two.
    pub doc: &'static str,
    /// A value as TOML.
    pub example: &'static str,
    /// Whether variables and flags may set it.
    pub layered: bool,
}

/// One value in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The whole name, with numbers for tables of a list: `route[0].body`.
    pub name: String,
    /// The value as TOML; `None` where nothing is set.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What is wrong with a value.
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) at: Range<usize>,
}

/// The text that nodes point into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Relative to the project.
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

/// What all readers of one file share.
pub(crate) struct Context<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) style: Style,
    /// The earlier ones win.
    pub(crate) given: &'a [Given],
    /// Only the keys are wanted: every table counts as there and nothing as missing.
    pub(crate) describing: bool,
    pub(crate) problems: RefCell<Vec<Diagnostic>>,
    pub(crate) keys: RefCell<Vec<KeyInfo>>,
    pub(crate) shown: RefCell<Vec<Shown>>,
    pub(crate) unknown: RefCell<Vec<Unknown>>,
}

/// A key that nobody asked for, and the keys of its table.
pub(crate) struct Unknown {
    pub(crate) table: String,
    pub(crate) entry: Entry,
    pub(crate) known: Vec<String>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(source: Source<'a>, style: Style, given: &'a [Given]) -> Self {
        Self {
            source,
            style,
            given,
            describing: false,
            problems: RefCell::default(),
            keys: RefCell::default(),
            shown: RefCell::default(),
            unknown: RefCell::default(),
        }
    }

    pub(crate) fn spell(&self, name: &str) -> String {
        match self.style {
            Style::Snake => name.to_owned(),
            Style::Camel => camel(name),
        }
    }

    /// A finding about bytes of the file.
    pub(crate) fn finding(&self, wrong: Wrong) -> Diagnostic {
        let location = Location::of_bytes(self.source.text, &wrong.at);
        let found = Diagnostic::error(wrong.message)
            .in_file(self.source.file)
            .at(location, self.source.text);
        match wrong.help {
            Some(help) => found.with_help(help),
            None => found,
        }
    }

    pub(crate) fn problem(&self, wrong: Wrong) {
        let found = self.finding(wrong);
        self.problems.borrow_mut().push(found);
    }

    /// Everything that is wrong, unknown keys included, in the order of the file.
    ///
    /// `severity` judges an unknown key, and whether a known one is similar; `None` passes over it.
    pub(crate) fn into_problems(
        self,
        severity: impl Fn(&str, bool) -> Option<Severity>,
    ) -> Vec<Diagnostic> {
        let keys = self.keys.borrow();
        for Unknown { table, entry, known } in self.unknown.borrow().iter() {
            let similar = closest(&entry.name, known.iter().map(String::as_str));
            let Some(severity) = severity(&entry.name, similar.is_some()) else { continue };
            let place = if table.is_empty() { "here".to_owned() } else { format!("in `{table}`") };
            let elsewhere = || {
                let mut names = keys.iter().map(|key| key.name.as_str());
                let whole = names.find(|name| name.rsplit('.').next() == Some(&entry.name))?;
                let (home, _) = whole.rsplit_once('.')?;
                Some(format!("`{}` belongs into `{}`", entry.name, home.replace("[]", "")))
            };
            let list = || format!("known are {}", known.join(", "));
            let help = similar.map(|word| format!("did you mean `{word}`?"));
            let help = help.or_else(elsewhere).unwrap_or_else(list);
            let mut found = self.finding(Wrong {
                message: format!("unknown key `{}` {place}", entry.name),
                help: Some(help),
                at: entry.name_at.clone(),
            });
            found.severity = severity;
            self.problems.borrow_mut().push(found);
        }
        drop(keys);
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|found| found.location.as_ref().map(|at| (at.line, at.column)));
        problems
    }
}

/// `max_age` → `maxAge`.
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}
