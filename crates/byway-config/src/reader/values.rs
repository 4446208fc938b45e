//! Values of one key each, by their kinds.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Key, Reader};
use crate::context::Wrong;
use crate::kind::Kind;
use crate::limits::TEXTS_MAX;
use crate::node::{Node, Value};
use crate::suggest::closest;
use crate::units::{format_duration, format_size, parse_duration, parse_size};

impl Reader<'_, '_> {
    /// `true` or `false`.
    pub(crate) fn bool(&self, key: Key) -> Option<bool> {
        self.bool_with(key, None)
    }

    pub(crate) fn bool_or(&self, key: Key, default: bool) -> bool {
        self.bool_with(key, Some(if default { "true" } else { "false" })).unwrap_or(default)
    }

    fn bool_with(&self, key: Key, default: Option<&str>) -> Option<bool> {
        self.read(&key, &Kind::Bool, default, false, |node| match node.value {
            Value::Bool(value) => Ok(value),
            _ => Err(self.wrong(&key, &Kind::Bool, node)),
        })
    }

    /// A whole number.
    pub(crate) fn integer(&self, key: Key, range: RangeInclusive<u64>) -> Option<u64> {
        self.integer_with(key, range, None, false)
    }

    pub(crate) fn integer_or(&self, key: Key, default: u64, range: RangeInclusive<u64>) -> u64 {
        self.integer_with(key, range, Some(&default.to_string()), false).unwrap_or(default)
    }

    pub(crate) fn integer_required(&self, key: Key, range: RangeInclusive<u64>) -> Option<u64> {
        self.integer_with(key, range, None, true)
    }

    fn integer_with(
        &self,
        key: Key,
        range: RangeInclusive<u64>,
        default: Option<&str>,
        required: bool,
    ) -> Option<u64> {
        let kind = Kind::Integer(range.clone());
        self.read(&key, &kind, default, required, |node| {
            match node.value {
                Value::Integer(value) => u64::try_from(value).ok().filter(|it| range.contains(it)),
                _ => None,
            }
            .ok_or_else(|| self.wrong(&key, &kind, node))
        })
    }

    /// A size in bytes.
    pub(crate) fn size(&self, key: Key, range: RangeInclusive<u64>) -> Option<u64> {
        self.size_with(key, range, None)
    }

    pub(crate) fn size_or(&self, key: Key, default: u64, range: RangeInclusive<u64>) -> u64 {
        let text = format!("{:?}", format_size(default));
        self.size_with(key, range, Some(&text)).unwrap_or(default)
    }

    fn size_with(
        &self,
        key: Key,
        range: RangeInclusive<u64>,
        default: Option<&str>,
    ) -> Option<u64> {
        let kind = Kind::Size(range.clone());
        self.read(&key, &kind, default, false, |node| {
            match &node.value {
                Value::Integer(value) => u64::try_from(*value).ok(),
                Value::Text(text) => parse_size(text),
                _ => None,
            }
            .filter(|size| range.contains(size))
            .ok_or_else(|| self.wrong(&key, &kind, node))
        })
    }

    /// A duration.
    pub(crate) fn duration(&self, key: Key, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.duration_with(key, range, None, false)
    }

    pub(crate) fn duration_or(
        &self,
        key: Key,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let text = format!("{:?}", format_duration(default));
        self.duration_with(key, range, Some(&text), false).unwrap_or(default)
    }

    pub(crate) fn duration_required(
        &self,
        key: Key,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        self.duration_with(key, range, None, true)
    }

    fn duration_with(
        &self,
        key: Key,
        range: RangeInclusive<Duration>,
        default: Option<&str>,
        required: bool,
    ) -> Option<Duration> {
        let kind = Kind::Duration(range.clone());
        self.read(&key, &kind, default, required, |node| {
            let parsed = match &node.value {
                Value::Text(text) => parse_duration(text).filter(|it| range.contains(it)),
                _ => None,
            };
            parsed.ok_or_else(|| match node.value {
                Value::Integer(number) => Wrong {
                    help: Some(format!("a duration has a unit: `\"{number}s\"`, `\"{number}ms\"`")),
                    ..self.wrong(&key, &kind, node)
                },
                _ => self.wrong(&key, &kind, node),
            })
        })
    }

    /// One of some words.
    pub(crate) fn choice_or<T: Copy + PartialEq>(
        &self,
        key: Key,
        default: T,
        words: &'static [&'static str],
        values: &[T],
    ) -> T {
        let kind = Kind::Choice(words);
        let index = values.iter().position(|value| *value == default);
        let shown = index.and_then(|at| words.get(at)).map(|word| format!("{word:?}"));
        let read = self.read(&key, &kind, shown.as_deref(), false, |node| {
            let word = match &node.value {
                Value::Text(text) => text.as_str(),
                _ => return Err(self.wrong(&key, &kind, node)),
            };
            let found = words.iter().position(|known| *known == word);
            found.and_then(|at| values.get(at).copied()).ok_or_else(|| {
                let similar = closest(word, words.iter().copied());
                let wrong = self.wrong(&key, &kind, node);
                let help = similar.map(|known| format!("did you mean `\"{known}\"`?"));
                Wrong { help: help.or(wrong.help), ..wrong }
            })
        });
        read.unwrap_or(default)
    }

    /// A number or a word.
    pub(crate) fn integer_or_word<T: std::str::FromStr<Err = String>>(
        &self,
        key: Key,
        default: &str,
        range: RangeInclusive<u64>,
        word: &'static str,
    ) -> Option<T> {
        let kind = Kind::IntegerOr(range, word);
        self.read(&key, &kind, Some(default), false, |node| {
            let text = match &node.value {
                Value::Integer(number) => number.to_string(),
                Value::Text(text) if text == word => text.clone(),
                _ => return Err(self.wrong(&key, &kind, node)),
            };
            text.parse().map_err(|_| self.wrong(&key, &kind, node))
        })
    }

    /// Text with a form that `parse` knows; its error is an addition to "has to be `form`".
    pub(crate) fn text<T>(
        &self,
        key: Key,
        form: &'static str,
        default: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let shown = default.map(|text| format!("{text:?}"));
        self.text_with(key, form, shown.as_deref(), false, parse)
    }

    pub(crate) fn text_required<T>(
        &self,
        key: Key,
        form: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.text_with(key, form, None, true, parse)
    }

    fn text_with<T>(
        &self,
        key: Key,
        form: &'static str,
        default: Option<&str>,
        required: bool,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let kind = Kind::Text(form);
        self.read(&key, &kind, default, required, |node| match &node.value {
            Value::Text(text) => {
                parse(text).map_err(|reason| self.bad_text(&key, &kind, node, reason))
            }
            _ => Err(self.wrong(&key, &kind, node)),
        })
    }

    /// A list of texts, each with a form that `parse` knows.
    pub(crate) fn texts<T>(
        &self,
        key: Key,
        form: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        self.texts_with(key, form, Some(default), false, parse)
    }

    fn texts_with<T>(
        &self,
        key: Key,
        form: &'static str,
        default: Option<&str>,
        required: bool,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let kind = Kind::Texts(form);
        let one = Kind::Text(form);
        self.read(&key, &kind, default, required, |node| {
            let Value::List(list) = &node.value else {
                return Err(self.wrong(&key, &kind, node));
            };
            if list.len() > TEXTS_MAX {
                let help = Some(format!("a list has at most {TEXTS_MAX} entries"));
                return Err(Wrong { help, ..self.wrong(&key, &kind, node) });
            }
            let items = list.iter().map(|item| match &item.value {
                Value::Text(text) => {
                    parse(text).map_err(|reason| self.bad_text(&key, &one, item, reason))
                }
                _ => Err(Wrong { at: item.at.clone(), ..self.wrong(&key, &kind, item) }),
            });
            items.collect()
        })
    }

    /// The same where the table makes no sense without it.
    pub(crate) fn texts_required<T>(
        &self,
        key: Key,
        form: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        self.texts_with(key, form, None, true, parse)
    }

    /// One text, or a list of them that is not empty.
    pub(crate) fn one_or_more_texts<T>(
        &self,
        key: Key,
        form: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let kind = Kind::TextOrTexts(form);
        let one = |node: &Node| match &node.value {
            Value::Text(text) => {
                parse(text).map_err(|reason| self.bad_text(&key, &kind, node, reason))
            }
            _ => Err(self.wrong(&key, &kind, node)),
        };
        self.read(&key, &kind, Some(&format!("{default:?}")), false, |node| match &node.value {
            Value::List(list) if !list.is_empty() => list.iter().map(one).collect(),
            _ => Ok(vec![one(node)?]),
        })
    }

    fn bad_text(&self, key: &Key, kind: &Kind, node: &Node, reason: String) -> Wrong {
        let wrong = self.wrong(key, kind, node);
        Wrong { help: if reason.is_empty() { wrong.help } else { Some(reason) }, ..wrong }
    }
}
