//! Path patterns as people write them: `/blog/:slug`, `/docs/:path*`, `/((?!api|_next).*)`.
//!
//! The language is path-to-regexp 6 as Next uses it for the `source` of a rule and for the `matcher`
//! of a proxy (<https://nextjs.org/docs/app/api-reference/config/next-config-js/redirects#path-matching>).
//! A pattern matches the normalised path of a request, percent-encoded as it was sent.

use fancy_regex::Captures;
use thiserror::Error;

use super::js_regex::{JsRegex, REGEX_BYTES_MAX, RegexError, TooComplex};
use super::params::{Captured, Params};
use super::tokens::{Adjacent, Slot, SlotRegex, Token, tokens};

/// Where a pattern stands, which decides what Next makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternKind {
    /// The `source` of a header rule, redirect or rewrite: case is ignored unless asked for, one slash
    /// may follow.
    Rule {
        /// `experimental.caseSensitiveRoutes`.
        case_sensitive: bool,
    },
    /// The `matcher` of a proxy: case counts, a slash may follow, `#` and `?` delimit parameters as well.
    Matcher,
}

/// A pattern that is ready to match.
#[derive(Debug, Clone)]
pub struct PathPattern {
    source: Box<str>,
    case_sensitive: bool,
    /// What every matching path starts with. Compared first, as it is cheap.
    prefix: Box<str>,
    /// `None` for a pattern that is all text.
    regex: Option<JsRegex>,
    /// One for each group of the expression, in order.
    slots: Vec<Slot>,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct PathPatternError {
    /// The byte of the pattern that it is about, where one is to blame.
    pub at: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl PathPatternError {
    pub(super) fn new(at: usize, reason: impl Into<String>) -> Self {
        Self { at: Some(at), reason: reason.into() }
    }
}

impl From<RegexError> for PathPatternError {
    fn from(error: RegexError) -> Self {
        Self { at: None, reason: error.to_string() }
    }
}

impl PathPattern {
    /// Compiles a pattern.
    pub fn new(source: &str, kind: PatternKind) -> Result<Self, PathPatternError> {
        let tokens = tokens(source, Adjacent::Refused)?;
        let (case_sensitive, delimiters, end) = match kind {
            PatternKind::Rule { case_sensitive } => (case_sensitive, "/", "/?"),
            PatternKind::Matcher => (true, "/#?", "[/#?]?"),
        };
        let prefix = match tokens.first() {
            Some(Token::Text(text)) if text.is_ascii() => text.as_str(),
            _ => "",
        };
        let is_text = tokens.is_empty() || tokens.len() == 1 && !prefix.is_empty();
        let regex = if is_text && kind != PatternKind::Matcher {
            None
        } else {
            let mut text = String::from("^");
            for token in &tokens {
                push_token(&mut text, token, delimiters)?;
            }
            text.push_str(end);
            text.push('$');
            if text.len() > REGEX_BYTES_MAX {
                return Err(RegexError::TooLong.into());
            }
            Some(JsRegex::new(&text, case_sensitive)?)
        };
        let prefix = prefix.into();
        let slots = tokens
            .into_iter()
            .filter_map(|token| match token {
                Token::Slot(slot) if slot.regex != SlotRegex::None => Some(slot),
                _ => None,
            })
            .collect();
        Ok(Self { source: source.into(), case_sensitive, prefix, regex, slots })
    }

    /// The text that it was made from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What every matching path starts with, as far as the pattern is plain text; in any case of letters
    /// where case does not count.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The names of its parameters, in the order of the path; a name that occurs twice is here twice.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().filter_map(|slot| slot.name.as_deref())
    }

    /// Whether the parameter is one of `:name*` and `:name+`, whose value is a list.
    pub fn repeats(&self, name: &str) -> bool {
        let slot = self.slots.iter().rfind(|slot| slot.name.as_deref() == Some(name));
        slot.is_some_and(|slot| slot.modifier.repeats())
    }

    /// Whether the path matches. A caller for which a match is a protection takes [`TooComplex`] for one.
    pub fn is_match(&self, path: &str) -> Result<bool, TooComplex> {
        match (self.rest(path), &self.regex) {
            (None, _) => Ok(false),
            (Some(rest), None) => Ok(matches!(rest, "" | "/")),
            (Some(_), Some(regex)) => regex.is_match(path),
        }
    }

    /// The values of the named parameters, as they stand in the path; `None` where it does not match.
    /// A parameter that may be absent and is has no value.
    pub fn captures(&self, path: &str) -> Result<Option<Params>, TooComplex> {
        let Some(rest) = self.rest(path) else { return Ok(None) };
        let Some(regex) = &self.regex else {
            return Ok(matches!(rest, "" | "/").then(Params::default));
        };
        Ok(regex.captures(path)?.map(|groups| self.params(&groups)))
    }

    /// What follows the prefix.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (start, rest) = path.split_at_checked(self.prefix.len())?;
        let is_same = if self.case_sensitive {
            start == &*self.prefix
        } else {
            start.eq_ignore_ascii_case(&self.prefix)
        };
        is_same.then_some(rest)
    }

    fn params(&self, groups: &Captures<'_, str>) -> Params {
        let mut params = Params::default();
        for (index, slot) in self.slots.iter().enumerate() {
            let (Some(name), Some(group)) = (&slot.name, groups.get(index + 1)) else { continue };
            let value = if slot.modifier.repeats() {
                let between = [slot.prefix.as_str(), slot.suffix.as_str()].concat();
                Captured::Many(group.as_str().split(&*between).map(str::to_owned).collect())
            } else {
                Captured::One(group.as_str().to_owned())
            };
            params.set(name, value);
        }
        params
    }
}

/// Writes one part as a regular expression. Each slot but `{text}` becomes exactly one group.
fn push_token(out: &mut String, token: &Token, delimiters: &str) -> Result<(), PathPatternError> {
    let slot = match token {
        Token::Text(text) => {
            push_text(out, text);
            return Ok(());
        }
        Token::Slot(slot) => slot,
    };
    let (mut before, mut after) = (String::new(), String::new());
    push_text(&mut before, &slot.prefix);
    push_text(&mut after, &slot.suffix);
    let modifier = slot.modifier.as_str();
    let regex = match &slot.regex {
        SlotRegex::None => {
            out.extend(["(?:", &before, &after, ")", modifier]);
            return Ok(());
        }
        SlotRegex::Own(regex) => regex.clone(),
        SlotRegex::Default { until } => default_regex(until, delimiters),
    };
    let is_bare = before.is_empty() && after.is_empty();
    if !slot.modifier.repeats() {
        if is_bare {
            out.extend(["(", &regex, ")", modifier]);
        } else {
            out.extend(["(?:", &before, "(", &regex, ")", &after, ")", modifier]);
        }
        return Ok(());
    }
    if is_bare {
        let name = slot.name.as_deref().unwrap_or("the group");
        let reason = format!("`{name}` cannot repeat without a slash or text before it");
        return Err(PathPatternError { at: None, reason });
    }
    out.extend(["(?:", &before, "((?:", &regex, ")(?:", &after, &before]);
    out.extend(["(?:", &regex, "))*)", &after, ")"]);
    out.push_str(if slot.modifier.may_be_absent() { "?" } else { "" });
    Ok(())
}

/// One character or more, none of them a delimiter, and not the text that a parameter follows.
fn default_regex(until: &str, delimiters: &str) -> String {
    let mut set = String::new();
    push_text(&mut set, delimiters);
    let is_safe = until.is_empty() || until.contains(|c| delimiters.contains(c));
    if is_safe {
        return format!("[^{set}]+?");
    }
    let mut stop = String::new();
    push_text(&mut stop, until);
    format!("(?:(?!{stop})[^{set}])+?")
}

/// Writes text that stands for itself. What is not ASCII is percent-encoded in a path, and plain in a
/// decoded one.
fn push_text(out: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || matches!(character, '/' | '_' | '-') {
            out.push(character);
        } else if character.is_ascii() {
            out.push('\\');
            out.push(character);
        } else {
            let mut bytes = [0; 4];
            let encoded: String = character
                .encode_utf8(&mut bytes)
                .bytes()
                .flat_map(|byte| ['%'.to_string(), hex(byte >> 4), hex(byte & 15)])
                .collect();
            out.push_str("(?:");
            out.push(character);
            out.extend(["|", &encoded, ")"]);
        }
    }
}

/// One hexadecimal digit in either case.
fn hex(value: u8) -> String {
    match char::from_digit(u32::from(value), 16) {
        Some(letter @ 'a'..='f') => format!("[{letter}{}]", letter.to_ascii_uppercase()),
        Some(digit) => digit.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
