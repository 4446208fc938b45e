//! What kinds of values settings have: for reading them, for saying what was expected, for the schema.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::node::{Node, Value};
use crate::units::{format_duration, format_size};

/// The kind of a setting's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer(RangeInclusive<u64>),
    /// A size, `"16kb"`, or a number of bytes.
    Size(RangeInclusive<u64>),
    /// A duration, `"10s"`.
    Duration(RangeInclusive<Duration>),
    /// Text with a form of its own; the words say which.
    Text(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number or this word.
    IntegerOr(RangeInclusive<u64>, &'static str),
    /// A list of texts.
    Texts(&'static str),
    /// One text or a list of them.
    TextOrTexts(&'static str),
    /// A table of its own.
    Table,
    /// A table of its own, or `false`, or `true` where everything in it has a default.
    Switch {
        /// Whether `true` is allowed.
        on: bool,
    },
    /// One table or a list of tables, or `false`.
    TableOrTables,
    /// `[[name]]`, any number of times.
    Tables,
}

impl Kind {
    /// Whether it is a value of its own and no table.
    pub fn is_value(&self) -> bool {
        !matches!(self, Self::Table | Self::Switch { .. } | Self::TableOrTables | Self::Tables)
    }

    /// Whether a variable can say it: a value, or `true` and `false` for a table.
    pub(crate) fn is_sayable(&self) -> bool {
        self.is_value() || matches!(self, Self::Switch { on: true })
    }

    /// For people, with an article: "has to be …".
    pub(crate) fn expected(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Integer(range) => {
                format!("a whole number from {} to {}", range.start(), range.end())
            }
            Self::Size(range) => format!(
                "a size from {} to {}",
                format_size(*range.start()),
                format_size(*range.end())
            ),
            Self::Duration(range) => format!(
                "a duration from {} to {}",
                format_duration(*range.start()),
                format_duration(*range.end())
            ),
            Self::Text(form) => (*form).to_owned(),
            Self::TextOrTexts(form) => format!("{form}, or a list of them"),
            Self::Choice(words) => any_of(words),
            Self::IntegerOr(range, word) => {
                format!("`{word}` or a whole number from {} to {}", range.start(), range.end())
            }
            Self::Texts(form) => format!("a list, each {form}"),
            Self::Table => "a table".to_owned(),
            Self::Switch { on: true } => "a table, `true` or `false`".to_owned(),
            Self::Switch { on: false } => "a table or `false`".to_owned(),
            Self::TableOrTables => "a table, a list of tables or `false`".to_owned(),
            Self::Tables => "a list of tables".to_owned(),
        }
    }

    /// What `text` of a variable or a flag stands for.
    pub(crate) fn node_of(&self, text: &str) -> Node {
        let value = match self {
            Self::Bool => match text {
                "true" | "1" => Some(Value::Bool(true)),
                "false" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Integer(_) | Self::IntegerOr(..) | Self::Size(_) => {
                text.parse().ok().map(Value::Integer)
            }
            Self::Texts(_) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(Value::List(items.map(Node::text).collect()))
            }
            _ => None,
        };
        value.map_or_else(|| Node::text(text), |value| Node { value, at: 0..0 })
    }

    /// The JSON schema of the value; tables are put together by the caller.
    pub(crate) fn schema(&self) -> Json {
        let size = r"^[0-9]+(\.[0-9]+)?([kKmMgG]i?)?[bB]$";
        let duration = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$";
        match self {
            Self::Bool => json!({ "type": "boolean" }),
            Self::Integer(range) => {
                json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
            }
            Self::Size(range) => json!({ "anyOf": [
                { "type": "string", "pattern": size },
                { "type": "integer", "minimum": range.start(), "maximum": range.end() },
            ] }),
            Self::Duration(_) => json!({ "type": "string", "pattern": duration }),
            Self::Text(_) => json!({ "type": "string" }),
            Self::TextOrTexts(_) => json!({ "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ] }),
            Self::Choice(words) => json!({ "enum": words }),
            Self::IntegerOr(range, word) => json!({ "anyOf": [
                { "const": word },
                { "type": "integer", "minimum": range.start(), "maximum": range.end() },
            ] }),
            Self::Texts(_) => json!({ "type": "array", "items": { "type": "string" } }),
            Self::Table | Self::Switch { .. } | Self::TableOrTables | Self::Tables => {
                json!({ "type": "object" })
            }
        }
    }
}

fn any_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}
