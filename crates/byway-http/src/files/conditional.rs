//! Conditions of a request for a file (RFC 9110 §13), and the range that it asks for.
//!
//! Two rules are `send`'s, because the only entity tags that are given out are weak: `If-Match` and
//! `If-Range` accept them. `Cache-Control: no-cache` in a request demands the file.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{
    CACHE_CONTROL, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderName};

use super::load::Facts;
use super::range::{self, Asked};

/// What a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 200
    Whole,
    /// 206
    Part(Range<u64>),
    /// 304
    NotModified,
    /// 412
    Failed,
    /// 416
    Unsatisfiable,
}

/// Looks at the headers in the order of RFC 9110 §13.2.2.
pub(super) fn judge(headers: &HeaderMap, facts: &Facts) -> Verdict {
    if is_failed(headers, facts) {
        return Verdict::Failed;
    }
    if is_fresh(headers, facts) {
        return Verdict::NotModified;
    }
    let Some(value) = headers.get(RANGE) else { return Verdict::Whole };
    if !may_be_part(headers, facts) {
        return Verdict::Whole;
    }
    match range::parse(value.to_str().unwrap_or_default(), facts.length) {
        Asked::Whole => Verdict::Whole,
        Asked::Part(part) => Verdict::Part(part),
        Asked::Nothing => Verdict::Unsatisfiable,
    }
}

fn is_failed(headers: &HeaderMap, facts: &Facts) -> bool {
    match tags_match(headers, &IF_MATCH, facts) {
        Some(matches) => !matches,
        None => {
            date(headers, &IF_UNMODIFIED_SINCE).is_some_and(|since| facts.modified_seconds > since)
        }
    }
}

fn is_fresh(headers: &HeaderMap, facts: &Facts) -> bool {
    let fresh = match tags_match(headers, &IF_NONE_MATCH, facts) {
        Some(matches) => matches,
        None => {
            date(headers, &IF_MODIFIED_SINCE).is_some_and(|since| facts.modified_seconds <= since)
        }
    };
    fresh && !demands_file(headers)
}

/// Whether some tag of the header is the file's; `None` without one.
fn tags_match(headers: &HeaderMap, name: &HeaderName, facts: &Facts) -> Option<bool> {
    let mut lines = headers.get_all(name).iter().peekable();
    // An empty line is no condition, as for Next.
    if lines.peek()?.is_empty() {
        return None;
    }
    Some(lines.any(|line| {
        let line = line.as_bytes();
        line.trim_ascii() == b"*"
            || line.split(|byte| *byte == b',').any(|tag| is_tag(tag.trim_ascii(), facts))
    }))
}

/// Weak comparison (RFC 9110 §8.8.3.2). Tags of files have no commas in them.
fn is_tag(tag: &[u8], facts: &Facts) -> bool {
    let opaque = |tag| <[u8]>::strip_prefix(tag, b"W/").unwrap_or(tag);
    opaque(tag) == opaque(facts.etag.as_bytes())
}

fn may_be_part(headers: &HeaderMap, facts: &Facts) -> bool {
    match headers.get(IF_RANGE) {
        None => true,
        Some(tag) if tag.as_bytes().contains(&b'"') => *tag == facts.etag,
        Some(_) => date(headers, &IF_RANGE).is_some_and(|since| facts.modified_seconds <= since),
    }
}

fn demands_file(headers: &HeaderMap) -> bool {
    let directives = headers.get_all(CACHE_CONTROL).iter();
    directives
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|directive| directive.trim_ascii().eq_ignore_ascii_case("no-cache"))
}

/// Seconds since 1970. What is no date in one of the three forms of RFC 9110 §5.6.7 is no condition.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    httpdate::parse_http_date(text).ok().map(seconds)
}

/// Whole seconds since 1970, which is all that a date in a header says.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
