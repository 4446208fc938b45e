//! Tables within tables: sections, lists of them, and policies that can be switched off.

use byway_error::Location;

use super::{Key, Reader, entries, whole};
use crate::context::Wrong;
use crate::kind::Kind;
use crate::node::{Entry, Node, Value};
use crate::origin::{Given, Origin};

impl<'c, 'a> Reader<'c, 'a> {
    /// A section of the file, there or not.
    pub(crate) fn section<T>(
        &self,
        name: &'static str,
        doc: &'static str,
        read: impl FnOnce(&Reader<'c, 'a>) -> T,
    ) -> T {
        let key = Key(name, doc, "");
        let entry = self.ask(&key, &Kind::Table, None, false);
        let (entries, at) = match entry.map(|entry| &entry.node) {
            Some(Node { value: Value::Table(entries), at }) => (entries.as_slice(), at.clone()),
            Some(node) => {
                self.context.problem(Wrong {
                    message: format!("`{name}` is a section, not {}", node.value.kind()),
                    help: Some(format!("write `[{name}]` on a line of its own")),
                    at: node.at.clone(),
                });
                (&[][..], 0..0)
            }
            None => (&[][..], 0..0),
        };
        Self::child(self.context, entries, self.names(name, ""), at, read)
    }

    /// `[[name]]`, any number of times up to `max`.
    pub(crate) fn sections<T>(
        &self,
        name: &'static str,
        doc: &'static str,
        max: usize,
        read: impl Fn(&Reader<'c, 'a>) -> T,
    ) -> Vec<T> {
        let key = Key(name, doc, "");
        let entry = self.ask(&key, &Kind::Tables, None, false);
        if self.context.describing {
            let (path, docs) = self.names(name, "[]");
            return vec![Self::child(self.context, &[], (path, docs), 0..0, read)];
        }
        let Some(entry) = entry else { return Vec::new() };
        let Value::List(list) = &entry.node.value else {
            self.context.problem(Wrong {
                message: format!("`{name}` is a list of tables, not {}", entry.node.value.kind()),
                help: Some(format!("write `[[{name}]]`, with two brackets")),
                at: entry.name_at.clone(),
            });
            return Vec::new();
        };
        if let Some(beyond) = list.get(max) {
            self.context.problem(Wrong {
                message: format!("more than {max} tables `[[{name}]]`"),
                help: Some("put what several have in common into one".to_owned()),
                at: beyond.at.clone(),
            });
        }
        let tables = list.iter().take(max).enumerate();
        tables.map(|(index, node)| self.item(name, Some(index), node, &read)).collect()
    }

    fn item<T>(
        &self,
        name: &str,
        index: Option<usize>,
        node: &'c Node,
        read: impl FnOnce(&Reader<'c, 'a>) -> T,
    ) -> T {
        if !matches!(node.value, Value::Table(_)) {
            self.context.problem(Wrong {
                message: format!("`{name}` has to have tables, not {}", node.value.kind()),
                help: None,
                at: node.at.clone(),
            });
        }
        let (path, _) = self.names(name, "");
        let path = index.map_or(path.clone(), |index| format!("{path}[{index}]"));
        let (_, docs) = self.names(name, if index.is_some() { "[]" } else { "" });
        Self::child(self.context, entries(&node.value), (path, docs), node.at.clone(), read)
    }

    fn names(&self, name: &str, mark: &str) -> (String, String) {
        let path = format!("{}{mark}", whole(&self.path, name));
        (path, format!("{}{mark}", whole(&self.name, name)))
    }

    /// A table within this one that can be switched off with `false`, and on with `true` where `on`.
    pub(crate) fn switch<T>(
        &self,
        key: Key,
        on: bool,
        read: impl Fn(&Reader<'c, 'a>) -> Option<T>,
    ) -> Option<Switch<T>> {
        let kind = Kind::Switch { on };
        let entry = self.ask(&key, &kind, None, false);
        if self.context.describing {
            let names = self.names(key.0, "");
            return Self::child(self.context, &[], names, 0..0, read).map(Switch::On);
        }
        let read_empty = |at: std::ops::Range<usize>| {
            Self::child(self.context, &[], self.names(key.0, ""), at, &read).map(Switch::On)
        };
        if let Some(given) = self.given(key.0) {
            let node = Kind::Bool.node_of(&given.text);
            let said = match node.value {
                Value::Bool(said) if on || !said => Ok(said),
                _ => Err(self.wrong(&key, &kind, &node)),
            };
            let name = whole(&self.path, key.0);
            return match self.settle(said, &node, name, given.origin.clone()) {
                Some(true) => read_empty(0..0),
                Some(false) => Some(Switch::Off),
                None => None,
            };
        }
        let Some(Entry { node, .. }) = entry else {
            // Whoever sets a part of it wants it.
            if on && self.is_given_within(key.0) {
                return read_empty(0..0);
            }
            if self.layered {
                self.show(whole(&self.path, key.0), None, Origin::Default);
            }
            return None;
        };
        match &node.value {
            Value::Bool(false) => {
                self.note(&key, node);
                Some(Switch::Off)
            }
            Value::Bool(true) if on => {
                self.note(&key, node);
                read_empty(node.at.clone())
            }
            Value::Table(_) => self.item(key.0, None, node, &read).map(Switch::On),
            _ => {
                self.context.problem(self.wrong(&key, &kind, node));
                None
            }
        }
    }

    /// What a flag or variable says about a table as a whole.
    fn given(&self, name: &str) -> Option<&'c Given> {
        let whole = whole(&self.path, name);
        self.context.given.iter().find(|it| self.layered && it.key == whole)
    }

    /// Whether a flag or variable says something about a key of a table.
    fn is_given_within(&self, name: &str) -> bool {
        let start = format!("{}.", whole(&self.path, name));
        self.layered && self.context.given.iter().any(|it| it.key.starts_with(&start))
    }

    /// One table or a list of tables within this one, up to `max`; `false` is none.
    pub(crate) fn one_or_many<T>(
        &self,
        key: Key,
        max: usize,
        read: impl Fn(&Reader<'c, 'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let kind = Kind::TableOrTables;
        let entry = self.ask(&key, &kind, None, false);
        if self.context.describing {
            let names = self.names(key.0, "");
            return Self::child(self.context, &[], names, 0..0, read).map(|one| vec![one]);
        }
        let node = &entry?.node;
        match &node.value {
            Value::Bool(false) => {
                self.note(&key, node);
                Some(Vec::new())
            }
            Value::Table(_) => Some(self.item(key.0, None, node, read).into_iter().collect()),
            Value::List(list) if list.len() <= max => {
                let items = list.iter().enumerate();
                Some(items.filter_map(|(i, node)| self.item(key.0, Some(i), node, &read)).collect())
            }
            Value::List(_) => {
                let help = Some(format!("at most {max} may apply to one route"));
                self.context.problem(Wrong { help, ..self.wrong(&key, &kind, node) });
                None
            }
            _ => {
                self.context.problem(self.wrong(&key, &kind, node));
                None
            }
        }
    }

    fn note(&self, key: &Key, node: &Node) {
        let line = Location::of_bytes(self.context.source.text, &node.at).line;
        let file = self.context.source.file.to_owned();
        let value = Some(node.value.to_string());
        self.show(whole(&self.path, key.0), value, Origin::File { file, line });
    }
}

/// A policy that can be set to nothing, so that a route is spared what a wider pattern says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Switch<T> {
    /// `false`.
    Off,
    /// The policy.
    On(T),
}

impl<T> Switch<T> {
    /// The policy, where there is one.
    pub fn into_on(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(policy) => Some(policy),
        }
    }

    /// The same by reference.
    pub fn as_on(&self) -> Option<&T> {
        match self {
            Self::Off => None,
            Self::On(policy) => Some(policy),
        }
    }
}
