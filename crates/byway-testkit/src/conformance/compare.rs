//! Compares one answer with the recorded one and names the first difference.

use std::collections::BTreeMap;

use serde_json::Value;

use super::case::{Body, BodyMode, Compare, Headers};
use super::json;
use super::record::Record;

/// Not compared unless a case names them: they depend on the connection, the clock or Next's own
/// pages.
const HEADERS_IGNORED: [&str; 10] = [
    "date",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "x-powered-by",
    "refresh",
    "x-middleware-rewrite",
    "x-nextjs-prerender",
    "x-nextjs-stale-time",
];
/// Names that Next's page router and its compression add to `Vary`.
const VARY_IGNORED: [&str; 5] = [
    "rsc",
    "next-router-state-tree",
    "next-router-prefetch",
    "next-router-segment-prefetch",
    "accept-encoding",
];

/// The first difference, in words.
pub(super) fn difference(
    expected: &Record,
    got: &Record,
    compare: &Compare,
    strict_case: bool,
) -> Option<String> {
    if expected.aborted {
        return None;
    }
    if expected.multi.len() != got.multi.len() {
        let (expected, got) = (expected.multi.len() + 1, got.multi.len() + 1);
        return Some(format!("answers on the connection: expected {expected}, got {got}"));
    }
    for (index, (earlier, ours)) in expected.multi.iter().zip(&got.multi).enumerate() {
        if let Some(found) = difference(earlier, ours, compare, strict_case) {
            return Some(format!("answer {} on the connection: {found}", index + 1));
        }
    }
    if expected.error.is_some() || got.error.is_some() {
        return transport(expected, got, compare);
    }
    head(expected, got, compare)
        .or_else(|| headers(expected, got, compare, strict_case))
        .or_else(|| {
            let differ = compare.trailers && expected.trailers != got.trailers;
            differ.then(|| "trailers differ".to_owned())
        })
        .or_else(|| body(expected, got, &compare.body))
}

/// One line of at most `characters_max` characters.
pub(super) fn excerpt(text: &str, characters_max: usize) -> String {
    let line = text.replace('\n', "\\n").replace('\r', "\\r");
    match line.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn transport(expected: &Record, got: &Record, compare: &Compare) -> Option<String> {
    let shown = |record: &Record| match (&record.error, record.status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => status.to_string(),
        (None, None) => "nothing".to_owned(),
    };
    let both = expected.error.is_some() && got.error.is_some();
    if both && (expected.error == got.error || compare.any_error) {
        return None;
    }
    Some(format!("transport: expected {}, got {}", shown(expected), shown(got)))
}

/// Everything but headers and body.
fn head(expected: &Record, got: &Record, compare: &Compare) -> Option<String> {
    let body = || excerpt(got.body.as_deref().unwrap_or_default(), 60);
    let status = |record: &Record| record.status.unwrap_or_default();
    if compare.status && expected.status != got.status {
        let (expected, got) = (status(expected), status(got));
        return Some(format!("status: expected {expected}, got {got} (body {})", body()));
    }
    if compare.reason && expected.reason != got.reason {
        return Some(format!("reason: expected {:?}, got {:?}", expected.reason, got.reason));
    }
    if expected.asserts != got.asserts {
        let shown = |record: &Record| format!("{:?}", record.asserts.as_deref().unwrap_or(&[]));
        let (expected, got) = (shown(expected), shown(got));
        return Some(format!("asserts: expected {expected}, got {got} (body {})", body()));
    }
    let compared = [
        ("same parallel answers", true, expected.parallel_same, got.parallel_same),
        ("parallel answers in time", true, expected.parallel_in_time, got.parallel_in_time),
        ("streamed", true, expected.timing_ok, got.timing_ok),
        ("complete body", compare.complete, Some(expected.complete), Some(got.complete)),
        ("closed by the server", compare.closed, expected.closed_after, got.closed_after),
    ];
    for (what, wanted, expected, got) in compared {
        if wanted && expected != got {
            let (expected, got) = (shown_switch(expected), shown_switch(got));
            return Some(format!("{what}: expected {expected}, got {got}"));
        }
    }
    if compare.interim && expected.interim != got.interim {
        let (expected, got) = (&expected.interim, &got.interim);
        return Some(format!("interim answers: expected {expected:?}, got {got:?}"));
    }
    if compare.framing && expected.framing != got.framing {
        return Some(format!("framing: expected {}, got {}", expected.framing, got.framing));
    }
    None
}

fn shown_switch(value: Option<bool>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}

fn headers(
    expected: &Record,
    got: &Record,
    compare: &Compare,
    strict_case: bool,
) -> Option<String> {
    let expected = compared_headers(expected, compare, strict_case);
    let got = compared_headers(got, compare, strict_case);
    let shown = |values: Option<&Vec<String>>| {
        values.map_or_else(|| "absent".to_owned(), |values| excerpt(&format!("{values:?}"), 110))
    };
    let mut names: Vec<&String> = expected.keys().chain(got.keys()).collect();
    names.sort();
    names.into_iter().find_map(|name| {
        let (left, right) = (expected.get(name), got.get(name));
        let differ = left != right;
        differ.then(|| format!("header {name}: expected {}, got {}", shown(left), shown(right)))
    })
}

/// The headers that the case compares, by name.
fn compared_headers(
    record: &Record,
    compare: &Compare,
    strict_case: bool,
) -> BTreeMap<String, Vec<String>> {
    let listed =
        |list: &[String], name: &str| list.iter().any(|item| item.eq_ignore_ascii_case(name));
    let mut view: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in &record.headers {
        let name = key.to_lowercase();
        let wanted = match &compare.headers {
            Headers::All(_) => {
                !HEADERS_IGNORED.contains(&name.as_str()) || listed(&compare.also, &name)
            }
            Headers::Named(names) => listed(names, &name),
        };
        if !wanted || listed(&compare.skip, &name) || (name == "set-cookie" && !compare.set_cookie)
        {
            continue;
        }
        let Some(value) = compared_value(&name, value, compare) else { continue };
        view.entry(if strict_case { key.clone() } else { name }).or_default().push(value);
    }
    view
}

/// The part of a header's value that is compared; `None` when nothing of it is.
fn compared_value(name: &str, value: &str, compare: &Compare) -> Option<String> {
    match name {
        "vary" if !compare.vary_exact => {
            let kept: Vec<&str> = value
                .split(',')
                .map(str::trim)
                .filter(|token| !VARY_IGNORED.contains(&token.to_lowercase().as_str()))
                .collect();
            let kept = kept.join(", ");
            if kept.is_empty() { None } else { Some(kept) }
        }
        // Presence and strength only, unless the tag is a short one that a handler set.
        "etag" if !compare.etag_exact && value.chars().count() > 8 => Some(match value {
            weak if weak.starts_with("W/") => "W/\"ETAG\"".to_owned(),
            strong if strong.starts_with('"') => "\"ETAG\"".to_owned(),
            other => other.to_owned(),
        }),
        _ => Some(value.to_owned()),
    }
}

fn body(expected: &Record, got: &Record, mode: &Body) -> Option<String> {
    match mode {
        Body::Mode(BodyMode::None) => None,
        Body::Matches { regex } => {
            let text = got.body.as_deref().unwrap_or_default();
            let pattern = excerpt(regex.source(), 110);
            let differ = !regex.matches(text);
            differ.then(|| format!("body: expected /{pattern}/, got {}", excerpt(text, 110)))
        }
        Body::Mode(BodyMode::Json) => match (&expected.body, &got.body) {
            (Some(left), Some(right)) => {
                json::difference(&json_or_text(left), &json_or_text(right))
                    .map(|found| format!("json: {found}"))
            }
            _ => exact_body(expected, got),
        },
        Body::Mode(BodyMode::Exact) => exact_body(expected, got),
    }
}

fn exact_body(expected: &Record, got: &Record) -> Option<String> {
    let lengths = (expected.body_len.map(|l| l.to_string()), got.body_len.map(|l| l.to_string()));
    let compared = [
        ("body", &expected.body, &got.body),
        ("body_b64", &expected.body_b64, &got.body_b64),
        ("body_sha256", &expected.body_sha256, &got.body_sha256),
        ("body_len", &lengths.0, &lengths.1),
    ];
    compared.into_iter().find_map(|(what, expected, ours)| {
        let shown = |text: &Option<String>| excerpt(text.as_deref().unwrap_or("absent"), 110);
        let instead = if ours.is_some() { ours } else { &got.body };
        let differ = expected != ours;
        differ.then(|| format!("{what}: expected {}, got {}", shown(expected), shown(instead)))
    })
}

fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests;
