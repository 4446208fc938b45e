//! `$NAME` and `${NAME:-default}` in values, as dotenv-expand 10 replaces them.

use std::collections::BTreeMap;

use thiserror::Error;

use super::parse::Parsed;

/// How many references one value may need. JavaScript ends such a chain by a stack overflow.
const REPLACEMENTS_MAX: usize = 4096;

/// How long a value may become.
const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// Why the values of a file cannot be expanded.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum ExpandError {
    #[error("`{0}` refers to itself, directly or through other variables")]
    Endless(String),
    #[error("the value of `{0}` becomes longer than {VALUE_BYTES_MAX} bytes")]
    TooLong(String),
}

/// A reference in a value.
struct Reference<'a> {
    /// All of it, from the dollar sign on.
    text: &'a str,
    name: &'a str,
    default: &'a str,
}

/// Expands the values in their order; later ones see the expanded earlier ones. The environment
/// goes before the file, both for a variable that the file sets and for one that it refers to.
pub(super) fn expand(
    parsed: &mut Parsed,
    environment: &BTreeMap<String, String>,
) -> Result<(), ExpandError> {
    for name in parsed.names().to_vec() {
        let value = environment.get(&name).map(String::as_str).or(parsed.get(&name));
        let mut value = value.unwrap_or_default().to_owned();
        let mut replacements = 0;
        while let Some(reference) = last_reference(&value) {
            let replacement = [
                environment.get(reference.name).map(String::as_str),
                Some(reference.default),
                parsed.get(reference.name),
            ];
            let replacement = replacement.into_iter().flatten().find(|text| !text.is_empty());
            value = replace_first(&value, reference.text, replacement.unwrap_or_default());
            replacements += 1;
            if replacements > REPLACEMENTS_MAX {
                return Err(ExpandError::Endless(name));
            }
            if value.len() > VALUE_BYTES_MAX {
                return Err(ExpandError::TooLong(name));
            }
        }
        parsed.set(&name, value.replace("\\$", "$"));
    }
    Ok(())
}

/// The reference at the last dollar sign without a backslash before it; `None` also when no name
/// follows there, whatever is before.
fn last_reference(value: &str) -> Option<Reference<'_>> {
    let dollar =
        value.rmatch_indices('$').map(|(at, _)| at).find(|&at| !value[..at].ends_with('\\'))?;
    let text = &value[dollar..];
    let after_brace = text[1..].strip_prefix('{').unwrap_or(&text[1..]);
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let name_bytes = after_brace.find(|character| !is_word(character)).unwrap_or(after_brace.len());
    let (name, rest) = after_brace.split_at(name_bytes);
    if name.is_empty() {
        return None;
    }
    let (default, rest) = match rest.strip_prefix(":-") {
        Some(after) => after.split_at(after.find(['}', '\\']).unwrap_or(after.len())),
        None => ("", rest),
    };
    let rest = rest.strip_prefix('}').unwrap_or(rest);
    Some(Reference { text: &text[..text.len() - rest.len()], name, default })
}

/// JavaScript's `value.replace(reference, replacement)`: the first occurrence goes, even if an
/// escaped one, and `$$`, `$&`, `` $` `` and `$'` in the replacement stand for other texts.
fn replace_first(value: &str, reference: &str, replacement: &str) -> String {
    let Some((before, after)) = value.split_once(reference) else {
        return value.to_owned();
    };
    let mut result = before.to_owned();
    let mut rest = replacement;
    while let Some((literal, special)) = rest.split_once('$') {
        result.push_str(literal);
        let text = match special.chars().next() {
            Some('$') => "$",
            Some('&') => reference,
            Some('`') => before,
            Some('\'') => after,
            _ => {
                result.push('$');
                rest = special;
                continue;
            }
        };
        result.push_str(text);
        rest = &special[1..];
    }
    result.push_str(rest);
    result.push_str(after);
    result
}
