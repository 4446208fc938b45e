//! Lines of a `.env` file to variables, as dotenv 16 reads them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

/// What JavaScript's `\s` and `trim` take for white space.
const SPACE: &str = concat!(
    r"[\t\n\x0B\f\r \u{a0}\u{1680}\u{2000}-\u{200a}",
    r"\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}]"
);

/// One assignment: `export`, name, `=` or `:`, a value in one of three quotes or up to `#`, a
/// comment. A value in quotes that is not followed by the end of its line is read as one without
/// quotes.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let quoted =
        ['\'', '"', '`'].map(|quote| format!(r"S*{quote}(?:\\{quote}|[^{quote}])*{quote}"));
    let quoted = quoted.join("|");
    let name = r"([A-Za-z0-9_.\-]+)";
    let value = format!(r"({quoted}|[^#\r\n]+)?");
    let comment = r"(?:#[^\r\n\u{2028}\u{2029}]*)?";
    let pattern = format!(r"(?m)^S*(?:exportS+)?{name}(?:S*=S*?|:S+?){value}S*{comment}$");
    // `S` occurs as the stand-in for white space only. The tests fail if this does not compile.
    Regex::new(&pattern.replace('S', SPACE)).ok()
});

/// The variables of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// The names in the order in which JavaScript walks an object.
    order: Vec<String>,
    values: BTreeMap<String, String>,
}

impl Parsed {
    pub(super) fn names(&self) -> &[String] {
        &self.order
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(super) fn set(&mut self, name: &str, value: String) {
        if self.values.insert(name.to_owned(), value).is_none() {
            self.order.push(name.to_owned());
        }
    }

    pub(super) fn into_entries(self) -> impl Iterator<Item = (String, String)> {
        self.values.into_iter()
    }
}

/// Reads the text of a file. Lines that are no assignments are passed over.
pub(super) fn parse(text: &str) -> Parsed {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut parsed = Parsed::default();
    let assignments = ASSIGNMENT.iter().flat_map(|assignment| assignment.captures_iter(&text));
    for captures in assignments {
        let name = captures.get(1).map_or("", |name| name.as_str());
        let raw = captures.get(2).map_or("", |raw| raw.as_str());
        parsed.set(name, value(raw));
    }
    // JavaScript walks names that are array indexes first, in ascending order.
    parsed.order.sort_by_key(|name| array_index(name).map_or((true, 0), |index| (false, index)));
    parsed
}

/// A value without its quotes. `\n` and `\r` are line breaks where it begins with a double quote.
fn value(raw: &str) -> String {
    let trimmed = raw.trim_matches(is_space);
    let quote = trimmed.chars().next();
    let inner = quote
        .filter(|quote| matches!(quote, '\'' | '"' | '`'))
        .and_then(|quote| trimmed.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(trimmed);
    if quote == Some('"') {
        return inner.replace("\\n", "\n").replace("\\r", "\r");
    }
    inner.to_owned()
}

fn is_space(character: char) -> bool {
    // Rust's white space is JavaScript's but for these two.
    (character.is_whitespace() && character != '\u{85}') || character == '\u{feff}'
}

fn array_index(name: &str) -> Option<u32> {
    let index: u32 = name.parse().ok()?;
    (index != u32::MAX && index.to_string() == name).then_some(index)
}
