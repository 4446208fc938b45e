//! Texts with parameters to fill in: the path, host, query and fragment of a destination, header lines.
//!
//! A captured value never changes what a destination is made of: in a path it cannot start a query or a
//! fragment or be a dot segment, in a query it cannot add a parameter, in a host it is one label.

use std::borrow::Cow;

use thiserror::Error;

use super::params::{Captured, Params};
use super::pattern::PathPatternError;
use super::tokens::{Adjacent, Modifier, Token, tokens};

/// The path of a destination: `/docs/:path*`.
#[derive(Debug, Clone)]
pub struct PathTemplate {
    tokens: Vec<Token>,
}

/// Any other text, in which only `:name` of a parameter that was captured means something, with `*`, `+` or
/// `?` after it: a header's value, a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Param {
        name: String,
        /// A `/` or `.` before it, which belongs to each of its values.
        prefix: Option<char>,
        modifier: Modifier,
    },
}

/// Why a template cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FillError {
    /// The parameter was not captured.
    #[error("`:{0}` has no value")]
    Missing(String),
    /// A list stands where one value belongs.
    #[error("`:{0}` has several values; write `:{0}*`")]
    Repeats(String),
    /// A value that would change what the destination is.
    #[error("the value of a parameter is not allowed here")]
    Refused,
}

/// What a value becomes part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The path of a URL.
    Path,
    /// The query of a URL.
    Query,
    /// A host, of which a value is one label.
    Host,
    /// A header line: values are left as they are.
    Header,
}

impl PathTemplate {
    /// Reads a path with parameters.
    pub fn new(text: &str) -> Result<Self, PathPatternError> {
        tokens(text, Adjacent::Allowed).map(|tokens| Self { tokens })
    }

    /// The names of the parameters in it.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Slot(slot) => slot.name.as_deref(),
            Token::Text(_) => None,
        })
    }

    /// The parameters that stand for one value here.
    pub fn single_params(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Slot(slot) if !slot.modifier.repeats() => slot.name.as_deref(),
            _ => None,
        })
    }

    /// A text that is taken as it is.
    pub(super) fn constant(text: &str) -> Self {
        Self { tokens: vec![Token::Text(text.to_owned())] }
    }

    /// The same with everything percent-encoded that cannot stand in a URL's path.
    pub(super) fn encoded(mut self) -> Self {
        let encode = |text: &mut String| *text = encoded_text(text, Place::Path).into_owned();
        for token in &mut self.tokens {
            match token {
                Token::Text(text) => encode(text),
                Token::Slot(slot) => {
                    encode(&mut slot.prefix);
                    encode(&mut slot.suffix);
                }
            }
        }
        self
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The text in it.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().flat_map(|token| match token {
            Token::Text(text) => [text.as_str(), ""],
            Token::Slot(slot) => [slot.prefix.as_str(), slot.suffix.as_str()],
        })
    }

    /// Whether nothing is to be filled in.
    pub fn is_constant(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Text(_)))
    }

    /// The text with the parameters' values.
    pub fn fill(&self, params: &Params, place: Place) -> Result<String, FillError> {
        let mut out = String::new();
        for token in &self.tokens {
            let slot = match token {
                Token::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Token::Slot(slot) => slot,
            };
            let name = slot.name.as_deref().unwrap_or_default();
            let one = |out: &mut String, value: &str| {
                out.push_str(&slot.prefix);
                push_value(out, value, place)?;
                out.push_str(&slot.suffix);
                Ok(())
            };
            match params.get(name) {
                Some(Captured::One(value)) => one(&mut out, value)?,
                Some(Captured::Many(_)) if !slot.modifier.repeats() => {
                    return Err(FillError::Repeats(name.to_owned()));
                }
                Some(Captured::Many(values)) => {
                    values.iter().try_for_each(|value| one(&mut out, value))?;
                }
                Some(Captured::Nothing) | None if slot.modifier.may_be_absent() => {}
                Some(Captured::Nothing) | None => return Err(FillError::Missing(name.to_owned())),
            }
        }
        if place == Place::Path && !self.is_constant() && has_dot_segment(&out) {
            return Err(FillError::Refused);
        }
        Ok(out)
    }
}

impl TextTemplate {
    /// Reads a text; every text is a template.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(':') {
            let after = &rest[at + 1..];
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
            literal.push_str(&rest[..at]);
            rest = &after[end..];
            if end == 0 {
                literal.push(':');
                continue;
            }
            let prefix = literal.pop();
            let prefix = match prefix {
                Some('/' | '.') => prefix,
                Some(other) => {
                    literal.push(other);
                    None
                }
                // At the beginning, values are separated as if a slash stood before the first.
                None if parts.is_empty() => Some('/'),
                None => None,
            };
            let modifier = match rest.chars().next() {
                Some('*') => Modifier::ZeroOrMore,
                Some('+') => Modifier::OneOrMore,
                Some('?') => Modifier::Optional,
                _ => Modifier::Once,
            };
            rest = &rest[modifier.as_str().len()..];
            // The text before the first parameter is there even when it is empty: it tells that the
            // parameter's own slash is not.
            if !literal.is_empty() || parts.is_empty() && prefix.is_some() && at > 0 {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Param { name: after[..end].to_owned(), prefix, modifier });
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Self { parts }
    }

    /// The text, if no parameter can be in it.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The names that stand for one value here.
    pub fn single_params(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Param { name, modifier, .. } if !modifier.repeats() => Some(name.as_str()),
            _ => None,
        })
    }

    /// The text with the values of those parameters that were captured; the others stay as written.
    pub fn fill(&self, params: &Params, place: Place) -> Result<String, FillError> {
        let mut out = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            let (name, prefix, modifier) = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Param { name, prefix, modifier } => (name, *prefix, *modifier),
            };
            let is_first = index == 0;
            let own_prefix = prefix.filter(|_| !is_first);
            match params.get(name) {
                None => {
                    out.extend(own_prefix);
                    out.extend([":", name, modifier.as_str()]);
                }
                Some(Captured::One(value)) => {
                    out.extend(own_prefix);
                    push_value(&mut out, value, place)?;
                }
                Some(Captured::Many(_)) if !modifier.repeats() => {
                    return Err(FillError::Repeats(name.clone()));
                }
                Some(Captured::Many(values)) => {
                    for (position, value) in values.iter().enumerate() {
                        out.extend(prefix.filter(|_| !is_first || position > 0));
                        push_value(&mut out, value, place)?;
                    }
                }
                Some(Captured::Nothing) if modifier.may_be_absent() => {}
                Some(Captured::Nothing) => return Err(FillError::Missing(name.clone())),
            }
        }
        Ok(out)
    }
}

/// Writes a captured value.
fn push_value(out: &mut String, value: &str, place: Place) -> Result<(), FillError> {
    match place {
        Place::Header => out.push_str(value),
        Place::Host if is_label(value) => out.push_str(value),
        Place::Host => return Err(FillError::Refused),
        Place::Path | Place::Query => out.push_str(&encoded_text(value, place)),
    }
    Ok(())
}

/// Percent-encodes what would end the part of a URL that text is put into, or cannot stand there.
pub(super) fn encoded_text(text: &str, place: Place) -> Cow<'_, str> {
    let special: &[u8] = match place {
        Place::Path => b"\"<>`{}?#\\",
        Place::Query => b"\"<>#&",
        Place::Host | Place::Header => b"",
    };
    encoded(text, |byte| special.contains(&byte))
}

/// One label of a host's name (RFC 1123 §2.1).
fn is_label(value: &str) -> bool {
    (1..=63).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !value.starts_with('-')
        && !value.ends_with('-')
}

/// Percent-encodes what cannot stand in a URL, and what `special` names. What is encoded already stays.
fn encoded(value: &str, special: impl Fn(u8) -> bool) -> Cow<'_, str> {
    let is_plain = |at: usize, byte: u8| match byte {
        b'%' => is_encoded_byte(&value.as_bytes()[at..]),
        0x21..=0x7E => !special(byte),
        _ => false,
    };
    if value.bytes().enumerate().all(|(at, byte)| is_plain(at, byte)) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 8);
    for (at, byte) in value.bytes().enumerate() {
        if is_plain(at, byte) {
            out.push(char::from(byte));
        } else {
            push_encoded(&mut out, byte);
        }
    }
    Cow::Owned(out)
}

/// Writes `%` and two digits.
pub(super) fn push_encoded(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

fn is_encoded_byte(rest: &[u8]) -> bool {
    matches!(rest, [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// Whether some segment is `.` or `..`, each dot plain or encoded.
fn has_dot_segment(path: &str) -> bool {
    let is_dots = |segment: &str| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        matches!(plain.as_str(), "." | "..")
    };
    path.split('/').any(is_dots)
}

#[cfg(test)]
mod tests;
