//! Queries as lists of names with their values, as rules see and change them.

use std::borrow::Cow;

use super::template::push_encoded;
use crate::path::bytes::percent_decode;

/// A query: each name once, in the order of its first occurrence, with all of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    entries: Vec<(String, Vec<String>)>,
}

impl Query {
    /// Reads the raw query of a URL, without `?`, as `URLSearchParams` does.
    pub fn parse(raw: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in pairs(raw) {
            let (name, value) = (decoded(name), decoded(value).into_owned());
            match query.entries.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value),
                None => query.entries.push((name.into_owned(), vec![value])),
            }
        }
        query
    }

    /// The values of a name.
    pub fn get(&self, name: &str) -> Option<&[String]> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, values)| values.as_slice())
    }

    /// Gives a name other values; a name that is there keeps its place.
    pub fn set(&mut self, name: &str, values: Vec<String>) {
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = values,
            None => self.entries.push((name.to_owned(), values)),
        }
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.entries.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The last value of a name in a raw query, without reading the rest of it into memory.
pub fn last_value<'q>(raw: &'q str, name: &str) -> Option<Cow<'q, str>> {
    pairs(raw).filter(|(key, _)| decoded(key) == name).last().map(|(_, value)| decoded(value))
}

fn pairs(raw: &str) -> impl Iterator<Item = (&str, &str)> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// A name or value of `application/x-www-form-urlencoded` text
/// (<https://url.spec.whatwg.org/#urlencoded-parsing>).
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        match (byte, after.first().and_then(digit), after.get(1).and_then(digit)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            (b'+', _, _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Text decoded as `decodeURIComponent` does it; `None` where that throws.
pub fn decoded_component(text: &str) -> Option<String> {
    percent_decode(text).map(|decoded| decoded.text)
}

/// Writes text as `encodeURIComponent` does.
pub(super) fn push_component(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => {
                out.push(char::from(byte));
            }
            _ => push_encoded(out, byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Query, last_value, push_component};

    #[test]
    fn queries_are_read_as_url_search_params_does() {
        let query = Query::parse("a=1&b=x+y&a=%32&&c&=e&d=%C3%A9%zz%&%61=3");
        let found: Vec<_> = query.iter().map(|(name, values)| (name, values.join("|"))).collect();
        let expect = [("a", "1|2|3"), ("b", "x y"), ("c", ""), ("", "e"), ("d", "é%zz%")];
        assert_eq!(found, expect.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(last_value("a=1&b=2&%61=%33", "a").as_deref(), Some("3"));
        assert_eq!(last_value("a=1", "b"), None);
        assert_eq!(last_value("b", "b").as_deref(), Some(""));
    }

    #[test]
    fn other_values_keep_the_place() {
        let mut query = Query::parse("a=1&b=2");
        query.set("a", vec!["x".to_owned(), "y".to_owned()]);
        query.set("c", Vec::new());
        assert_eq!(query.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(query.get("a").unwrap(), ["x", "y"]);
    }

    #[test]
    fn components_are_encoded_as_javascript_does() {
        let mut out = String::new();
        push_component(&mut out, "a b&c=é/?:'()*!~-_.+%");
        assert_eq!(out, "a%20b%26c%3D%C3%A9%2F%3F%3A'()*!~-_.%2B%25");
    }
}
