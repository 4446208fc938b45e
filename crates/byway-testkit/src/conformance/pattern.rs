//! The regular expressions of the cases. They are written in Python's dialect with `re.DOTALL`,
//! which differs from Rust's in the meaning of `$` and `\Z`, and in how replacements name groups.

use std::borrow::Cow;

use fancy_regex::{Captures, Regex};
use serde::Deserialize;

/// One compiled expression.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern {
    source: String,
    regex: Regex,
}

/// An expression and what replaces each match.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Replacement(Pattern, String);

impl Pattern {
    pub(super) fn new(source: &str) -> Result<Self, fancy_regex::Error> {
        Ok(Self { source: source.to_owned(), regex: Regex::new(&rust_dialect(source))? })
    }

    /// As it was written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Whether it matches anywhere. An expression that gives up counts as one that does not match:
    /// the case then fails visibly.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text).unwrap_or(false)
    }

    /// The first group of the first match, or the whole match when there are no groups.
    pub(super) fn first_group(&self, text: &str) -> Option<String> {
        let captures = self.regex.captures(text).ok()??;
        let group = if captures.len() > 1 { captures.get(1) } else { captures.get(0) };
        Some(group.map(|found| found.as_str().to_owned()).unwrap_or_default())
    }

    pub(super) fn replace_all<'text>(
        &self,
        text: &'text str,
        by: impl Fn(&Captures<'_, str>) -> String,
    ) -> Cow<'text, str> {
        self.regex
            .try_replacen(text, 0, |captures: &Captures<'_, str>| by(captures))
            .unwrap_or(Cow::Borrowed(text))
    }
}

impl TryFrom<String> for Pattern {
    type Error = fancy_regex::Error;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        Self::new(&source)
    }
}

impl Replacement {
    pub(super) fn apply(&self, text: &str) -> String {
        self.0.replace_all(text, |captures| expand(&self.1, captures)).into_owned()
    }
}

/// Translates to Rust's dialect: `$` also matches before a final line feed, `\Z` is the very end.
fn rust_dialect(source: &str) -> String {
    let mut translated = String::with_capacity(source.len() + 8);
    translated.push_str("(?s)");
    let mut in_class = false;
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('Z') => translated.push_str("\\z"),
                Some(escaped) => translated.extend(['\\', escaped]),
                None => translated.push('\\'),
            },
            '[' if in_class => translated.push_str("\\["),
            '[' => {
                in_class = true;
                translated.push('[');
            }
            ']' => {
                in_class = false;
                translated.push(']');
            }
            '$' if !in_class => translated.push_str("(?=\\n?\\z)"),
            other => translated.push(other),
        }
    }
    translated
}

/// Fills the groups of a match into a replacement such as `\1=X`.
fn expand(template: &str, captures: &Captures<'_, str>) -> String {
    let mut expanded = String::with_capacity(template.len());
    let mut characters = template.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                characters.next();
                let group = digit.to_digit(10).and_then(|group| captures.get(group as usize));
                expanded.push_str(group.map_or("", |found| found.as_str()));
            }
            ('\\', Some('\\')) => {
                characters.next();
                expanded.push('\\');
            }
            ('\\', Some('n')) => {
                characters.next();
                expanded.push('\n');
            }
            (other, _) => expanded.push(other),
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Replacement};

    fn replaced(pattern: &str, by: &str, text: &str) -> String {
        Replacement(Pattern::new(pattern).unwrap(), by.to_owned()).apply(text)
    }

    #[test]
    fn expressions_mean_what_they_mean_in_python() {
        let check = |pattern: &str, text: &str, expect: bool| {
            assert_eq!(Pattern::new(pattern).unwrap().matches(text), expect, "{pattern} {text:?}");
        };
        check("a$", "a\n", true);
        check("a$", "a\nb", false);
        check(r"a\Z", "a\n", false);
        check("a.b", "a\nb", true);
        check(r"\$[$]", "$$", true);
        check("[[a]", "[", true);
        check("Expires=(?!Thu)[A-Z]", "Expires=Fri", true);
        check("Expires=(?!Thu)[A-Z]", "Expires=Thu", false);
    }

    #[test]
    fn replacements_name_groups_with_a_backslash_and_keep_dollars() {
        assert_eq!(replaced("(a)(b)?", r"<\1\2>", "ab a"), "<ab> <a>");
        assert_eq!(replaced("a", "$1{}", "a"), "$1{}");
        assert_eq!(replaced("a", r"\\", "a"), "\\");
        assert_eq!(replaced(r#""m":".*"\}$"#, r#""m":"X"}"#, r#"{"m":"a "b" c"}"#), r#"{"m":"X"}"#);
    }

    #[test]
    fn a_group_that_did_not_take_part_is_empty() {
        assert_eq!(Pattern::new("(x)?a").unwrap().first_group("a").as_deref(), Some(""));
        assert_eq!(Pattern::new("a+").unwrap().first_group("baa").as_deref(), Some("aa"));
        assert_eq!(Pattern::new("c").unwrap().first_group("baa"), None);
    }

    #[test]
    fn a_broken_expression_is_refused_when_the_case_is_read() {
        assert!(serde_json::from_str::<Pattern>(r#""(""#).is_err());
    }
}
