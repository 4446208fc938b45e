//! A value with its place in the file that it comes from: the common form of what `byway.toml` and a
//! route file's `export const config` say.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and the bytes of the file where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Bytes of the file.
    pub at: Range<usize>,
}

/// A value without a meaning yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by name.
    Table(Vec<Entry>),
    /// Something that no setting takes; the text says what it is, with its article.
    Other(&'static str),
}

/// One line of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub name: String,
    /// Where the key stands.
    pub name_at: Range<usize>,
    /// The value.
    pub node: Node,
}

impl Node {
    /// Text that stands in no file.
    pub(crate) fn text(text: &str) -> Self {
        Self { value: Value::Text(text.to_owned()), at: 0..0 }
    }
}

impl Value {
    /// What it is, for people: `the text "x"`, `a list`.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Bool(_) | Self::Integer(_) | Self::Float(_) => format!("`{self}`"),
            Self::Text(_) => format!("the text {self}"),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

/// As TOML writes it on one line.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Other(what) => f.write_str(what),
            Self::List(list) => {
                f.write_str("[")?;
                for (index, node) in list.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { ", " }, node.value)?;
                }
                f.write_str("]")
            }
            Self::Table(entries) => {
                f.write_str("{ ")?;
                for (index, entry) in entries.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{} = {}", entry.name, entry.node.value)?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// Reads TOML; every error that the parser finds, with its place.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<(String, Range<usize>)>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let place = |error: &toml::de::Error| error.span().unwrap_or(0..0);
        return Err(errors.iter().map(|it| (it.message().to_owned(), place(it))).collect());
    }
    let at = table.span();
    Ok(Node { value: of_table(table.get_ref()), at })
}

fn of_table(table: &DeTable<'_>) -> Value {
    let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Entry {
        name: ToString::to_string(name.get_ref()),
        name_at: name.span(),
        node: of_value(value),
    };
    let mut entries: Vec<Entry> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.name_at.start);
    Value::Table(entries)
}

fn of_value(value: &Spanned<DeValue<'_>>) -> Node {
    let of = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number that is too large"), Value::Integer),
        DeValue::Float(number) => number.as_str().parse().map_or(
            // TOML's `inf` and `nan` have spellings of their own.
            Value::Other("a number that is not finite"),
            Value::Float,
        ),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(list) => Value::List(list.iter().map(of_value).collect()),
        DeValue::Table(table) => of_table(table),
    };
    Node { value: of, at: value.span() }
}

#[cfg(test)]
mod tests {
    use super::{Value, parse};

    #[test]
    fn values_have_places() {
        let text = "a = 1\n[b]\nc = [\"x\", 0x10, true, 1.5]\n";
        let node = parse(text).unwrap();
        assert_eq!(node.value.to_string(), "{ a = 1, b = { c = [\"x\", 16, true, 1.5] } }");
        let Value::Table(entries) = node.value else { panic!() };
        let Value::Table(inner) = &entries[1].node.value else { panic!() };
        assert_eq!(&text[inner[0].name_at.clone()], "c");
        assert_eq!(&text[inner[0].node.at.clone()], "[\"x\", 0x10, true, 1.5]");
    }

    #[test]
    fn every_error_of_the_parser_is_told() {
        let errors = parse("a = \nb = 1\nb = 2\n").unwrap_err();
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
