//! Reads tables of settings, and remembers what was asked for: a key that nobody asked for is unknown,
//! and the list of what was asked for is the list of all settings, for docs and schema.

mod tables;
mod values;

use std::cell::RefCell;
use std::ops::Range;

use byway_error::{Diagnostic, Location};

use crate::context::{Context, KeyInfo, Shown, Style, Unknown, Wrong};
use crate::kind::Kind;
use crate::node::{Entry, Node, Value};
use crate::origin::Origin;

pub use tables::Switch;

/// One table.
pub(crate) struct Reader<'c, 'a> {
    pub(crate) context: &'c Context<'a>,
    entries: &'c [Entry],
    /// The table's name with numbers, for the values in force; empty for the whole file.
    path: String,
    /// The table's name without numbers, for the docs.
    name: String,
    /// Where the table stands.
    pub(crate) at: Range<usize>,
    layered: bool,
    asked: RefCell<Vec<String>>,
}

/// The name of a setting, what it does, and a value as TOML.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

impl<'c, 'a> Reader<'c, 'a> {
    /// Reads the whole file with `read`.
    pub(crate) fn root<T>(
        context: &'c Context<'a>,
        node: &'c Node,
        read: impl FnOnce(&Reader<'c, 'a>) -> T,
    ) -> T {
        let entries = entries(&node.value);
        Self::child(context, entries, (String::new(), String::new()), node.at.clone(), read)
    }

    fn child<T>(
        context: &'c Context<'a>,
        entries: &'c [Entry],
        (path, name): (String, String),
        at: Range<usize>,
        read: impl FnOnce(&Reader<'c, 'a>) -> T,
    ) -> T {
        // Only the sections of the whole server have variables; lists of tables have no one name.
        let layered = !name.contains('[') && context.style == Style::Snake;
        let reader = Self { context, entries, path, name, at, layered, asked: RefCell::default() };
        let value = read(&reader);
        reader.finish();
        value
    }

    fn finish(self) {
        let asked = self.asked.into_inner();
        for entry in self.entries.iter().filter(|entry| !asked.contains(&entry.name)) {
            self.context.unknown.borrow_mut().push(Unknown {
                table: self.name.replace("[]", ""),
                entry: entry.clone(),
                known: asked.clone(),
            });
        }
    }

    /// Notes that the key exists and gives its entry.
    fn ask(
        &self,
        key: &Key,
        kind: &Kind,
        default: Option<String>,
        required: bool,
    ) -> Option<&'c Entry> {
        let spelt = self.context.spell(key.0);
        let entry = self.entries.iter().find(|entry| entry.name == spelt);
        self.asked.borrow_mut().push(spelt);
        self.context.keys.borrow_mut().push(KeyInfo {
            name: whole(&self.name, key.0),
            kind: kind.clone(),
            default,
            required,
            doc: key.1,
            example: key.2,
            layered: self.layered,
        });
        entry
    }

    /// The heart of every getter below: finds the key's value, the first of flag, variable and file.
    fn read<T>(
        &self,
        key: &Key,
        kind: &Kind,
        default: Option<&str>,
        required: bool,
        parse: impl Fn(&Node) -> Result<T, Wrong>,
    ) -> Option<T> {
        let entry = self.ask(key, kind, default.map(str::to_owned), required);
        let whole = whole(&self.path, key.0);
        let given = self.layered.then(|| self.context.given.iter().find(|it| it.key == whole));
        if let Some(given) = given.flatten() {
            let node = kind.node_of(&given.text);
            let parsed = parse(&node);
            return self.settle(parsed, &node, whole, given.origin.clone());
        }
        let Some(entry) = entry else {
            self.absent(key, whole, default, required);
            return None;
        };
        let line = Location::of_bytes(self.context.source.text, &entry.name_at).line;
        let origin = Origin::File { file: self.context.source.file.to_owned(), line };
        self.settle(parse(&entry.node), &entry.node, whole, origin)
    }

    fn absent(&self, key: &Key, whole: String, default: Option<&str>, required: bool) {
        if required && !self.context.describing {
            let table = self.name.replace("[]", "");
            self.context.problem(Wrong {
                message: format!("`{table}` has no `{}`", self.context.spell(key.0)),
                help: Some(format!("add `{} = {}`", self.context.spell(key.0), key.2)),
                at: self.at.clone(),
            });
        }
        // Within tables that a file has, only what it says is worth a line.
        if self.layered {
            let value = default.map(str::to_owned);
            self.show(whole, value, Origin::Default);
        }
    }

    fn show(&self, name: String, value: Option<String>, origin: Origin) {
        self.context.shown.borrow_mut().push(Shown { name, value, origin });
    }

    /// Puts another text in the place of a value that was just read, which has something to hide.
    pub(crate) fn show_instead(&self, key: &Key, text: String) {
        let name = whole(&self.path, key.0);
        let mut values = self.context.shown.borrow_mut();
        if let Some(shown) = values.iter_mut().rev().find(|shown| shown.name == name) {
            shown.value = Some(text);
        }
    }

    /// Takes a parsed value over, or says what is wrong with it and where it was given.
    fn settle<T>(
        &self,
        parsed: Result<T, Wrong>,
        node: &Node,
        name: String,
        origin: Origin,
    ) -> Option<T> {
        match (parsed, &origin) {
            (Ok(value), _) => {
                self.show(name, Some(node.value.to_string()), origin);
                Some(value)
            }
            (Err(wrong), Origin::File { .. }) => {
                self.context.problem(wrong);
                None
            }
            (Err(Wrong { message, help, .. }), _) => {
                self.elsewhere(format!("{origin}: {message}"), help);
                None
            }
        }
    }

    fn wrong(&self, key: &Key, kind: &Kind, node: &Node) -> Wrong {
        Wrong {
            message: format!(
                "`{}` has to be {}, not {}",
                self.context.spell(key.0),
                kind.expected(),
                node.value.kind()
            ),
            help: Some(format!("for example `{} = {}`", self.context.spell(key.0), key.2)),
            at: node.at.clone(),
        }
    }

    /// Says that a value, however it was given, does not do, and where it was given.
    pub(crate) fn reject(&self, key: &Key, message: String, help: Option<String>) {
        let name = whole(&self.path, key.0);
        let shown = self.context.shown.borrow();
        let origin = shown.iter().rev().find(|shown| shown.name == name).map(|shown| &shown.origin);
        match origin {
            Some(origin @ (Origin::Flag(_) | Origin::Variable(_))) => {
                self.elsewhere(format!("{origin}: {message}"), help);
            }
            // The default: what is wrong with it is said by a value that no file has either.
            Some(Origin::Default) if self.at.is_empty() => self.elsewhere(message, help),
            _ => self.context.problem(Wrong { message, help, at: self.place(key.0) }),
        }
    }

    /// A finding about no place in the file.
    fn elsewhere(&self, message: String, help: Option<String>) {
        let found = Diagnostic::error(message);
        let found = match help {
            Some(help) => found.with_help(help),
            None => found,
        };
        self.context.problems.borrow_mut().push(found);
    }

    /// Where a key's value stands, for errors about several keys together.
    pub(crate) fn place(&self, name: &str) -> Range<usize> {
        let spelt = self.context.spell(name);
        let entry = self.entries.iter().find(|entry| entry.name == spelt);
        entry.map_or_else(|| self.at.clone(), |entry| entry.node.at.clone())
    }
}

fn entries(value: &Value) -> &[Entry] {
    match value {
        Value::Table(entries) => entries,
        _ => &[],
    }
}

/// The name of a key with that of its table.
fn whole(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}
