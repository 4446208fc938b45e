//! Route patterns: `/users/[id]/[...rest]`.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most segments that a pattern may have. The router's work per request is bounded by it.
pub const PATTERN_SEGMENTS_MAX: usize = 128;

/// One segment of a route pattern. Static text is percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "text")]
pub enum Segment {
    /// Literal text.
    Static(String),
    /// `[name]`: exactly one segment.
    Param(String),
    /// `[...name]`: one or more segments.
    CatchAll(String),
    /// `[[...name]]`: any number of segments.
    OptionalCatchAll(String),
}

/// A whole pattern, without route groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern {
    /// Its segments, none for `/`.
    pub segments: Vec<Segment>,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// The text does not start with `/`.
    #[error("`{0}` does not start with `/`")]
    NotAbsolute(String),
    /// Two slashes in a row, or one at the end.
    #[error("`{0}` has an empty segment")]
    EmptySegment(String),
    /// More than [`PATTERN_SEGMENTS_MAX`] segments.
    #[error("more than {PATTERN_SEGMENTS_MAX} segments")]
    TooManySegments,
    /// `[]`, `[...]`.
    #[error("the parameter in `{0}` has no name")]
    EmptyName(String),
    /// `[[name]]`.
    #[error("`{0}`: a single optional parameter does not exist; `[[...name]]` does")]
    OptionalParam(String),
    /// `[[[...name]]]` and the like.
    #[error("the parameter in `{0}` has brackets too many")]
    ExtraBrackets(String),
    /// `[.name]`, `[....name]`.
    #[error("the parameter in `{0}` has dots too many or too few: a catch-all has three")]
    StrayDots(String),
    /// `[…name]`, with the one character U+2026.
    #[error("`{0}` has the character `…` where a catch-all has three dots")]
    Ellipsis(String),
    /// Something follows `[...name]` or `[[...name]]`.
    #[error("the catch-all `{0}` is not the last segment")]
    CatchAllNotLast(String),
    /// One name twice.
    #[error("the parameter name `{0}` occurs twice")]
    DuplicateName(String),
    /// `[user-id]` and `[userid]`.
    #[error("the parameter names `{0}` and `{1}` differ only in punctuation")]
    LookalikeNames(String, String),
}

impl Segment {
    /// Reads one segment, static text as it is, decoded.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Ok(Self::Static(text.to_owned()));
        };
        if let Some(name) = inner.strip_prefix("[...").and_then(|rest| rest.strip_suffix(']')) {
            return Ok(Self::OptionalCatchAll(param_name(text, name)?));
        }
        if inner.len() > 1 && inner.starts_with('[') && inner.ends_with(']') {
            return Err(PatternError::OptionalParam(text.to_owned()));
        }
        match inner.strip_prefix("...") {
            Some(name) => Ok(Self::CatchAll(param_name(text, name)?)),
            None => Ok(Self::Param(param_name(text, inner)?)),
        }
    }

    /// The parameter's name, if the segment has one.
    pub fn param_name(&self) -> Option<&str> {
        match self {
            Self::Static(_) => None,
            Self::Param(name) | Self::CatchAll(name) | Self::OptionalCatchAll(name) => Some(name),
        }
    }

    /// Whether the segment takes the rest of the path.
    pub fn is_catch_all(&self) -> bool {
        matches!(self, Self::CatchAll(_) | Self::OptionalCatchAll(_))
    }
}

impl Pattern {
    /// Reads a pattern as [`Display`](fmt::Display) writes it: `/api/users/[id]`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PatternError::NotAbsolute(text.to_owned()));
        };
        if rest.is_empty() {
            return Self::from_segments(Vec::new());
        }
        let segments = rest
            .split('/')
            .map(|segment| {
                if segment.is_empty() {
                    Err(PatternError::EmptySegment(text.to_owned()))
                } else {
                    Segment::parse(segment)
                }
            })
            .collect::<Result<_, _>>()?;
        Self::from_segments(segments)
    }

    /// Checks what concerns the segments together: how many, unique names, catch-all at the end.
    pub fn from_segments(segments: Vec<Segment>) -> Result<Self, PatternError> {
        if segments.len() > PATTERN_SEGMENTS_MAX {
            return Err(PatternError::TooManySegments);
        }
        if let Some((_, before_last)) = segments.split_last()
            && let Some(early) = before_last.iter().find(|segment| segment.is_catch_all())
        {
            return Err(PatternError::CatchAllNotLast(early.to_string()));
        }
        let names: Vec<&str> = segments.iter().filter_map(Segment::param_name).collect();
        for (index, name) in names.iter().enumerate() {
            for earlier in &names[..index] {
                if earlier == name {
                    return Err(PatternError::DuplicateName((*name).to_owned()));
                }
                if word_characters(earlier).eq(word_characters(name)) {
                    let (earlier, name) = ((*earlier).to_owned(), (*name).to_owned());
                    return Err(PatternError::LookalikeNames(earlier, name));
                }
            }
        }
        Ok(Self { segments })
    }

    /// The parameters' names in the order of the path.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::param_name)
    }

    /// Whether no segment is a parameter.
    pub fn is_static(&self) -> bool {
        self.segments.iter().all(|segment| matches!(segment, Segment::Static(_)))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(text) => formatter.write_str(text),
            Self::Param(name) => write!(formatter, "[{name}]"),
            Self::CatchAll(name) => write!(formatter, "[...{name}]"),
            Self::OptionalCatchAll(name) => write!(formatter, "[[...{name}]]"),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return formatter.write_str("/");
        }
        self.segments.iter().try_for_each(|segment| write!(formatter, "/{segment}"))
    }
}

/// Checks the name in the brackets of `segment`.
fn param_name(segment: &str, name: &str) -> Result<String, PatternError> {
    let error: fn(String) -> PatternError = if name.is_empty() {
        PatternError::EmptyName
    } else if name.contains('…') {
        PatternError::Ellipsis
    } else if name.starts_with('[') || name.ends_with(']') {
        PatternError::ExtraBrackets
    } else if name.starts_with('.') {
        PatternError::StrayDots
    } else {
        return Ok(name.to_owned());
    };
    Err(error(segment.to_owned()))
}

/// What JavaScript's `\w` keeps. Next takes names for equal that are equal in this.
fn word_characters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|character| character.is_ascii_alphanumeric() || *character == '_')
}

#[cfg(test)]
mod tests;
