//! What the conditions of rules may ask of a request, read only when one does.

use std::borrow::Cow;

use byway_routes::path::RequestPath;
use byway_routes::rules::condition::Facts;
use byway_routes::rules::query::{decoded_component, last_value};
use http::HeaderMap;
use http::header::COOKIE;

use crate::headers::is_internal;

/// The head of a request, as rules see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestFacts<'r> {
    /// The header lines that the client sent.
    pub(crate) headers: &'r HeaderMap,
    /// The path and the query.
    pub(crate) path: &'r RequestPath,
}

impl Facts for RequestFacts<'_> {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        // What Next's parts tell each other, no client can make a rule believe.
        if is_internal(name) {
            return None;
        }
        let mut lines = self.headers.get_all(name).iter().map(|value| text(value.as_bytes()));
        let first = lines.next()?;
        let separator = if name == COOKIE.as_str() { "; " } else { ", " };
        Some(lines.fold(first, |joined, line| Cow::Owned([&*joined, separator, &*line].concat())))
    }

    fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        let lines = self.headers.get_all(COOKIE).iter().map(|value| text(value.as_bytes()));
        let mut found = None;
        for line in lines {
            let value = line.split(';').find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                (key.trim() == name).then(|| unquoted(value.trim()).to_owned())
            });
            found = found.or(value);
        }
        found.map(|value| match decoded_component(&value) {
            Some(decoded) => Cow::Owned(decoded),
            None => Cow::Owned(value),
        })
    }

    fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        last_value(self.path.query(), name)
    }
}

/// A header line as Node reads it: each byte one character.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use byway_routes::path::{PathOptions, PathOutcome, parse_target};
    use byway_routes::rules::condition::Facts as _;
    use http::{HeaderMap, HeaderValue};

    use super::RequestFacts;

    #[test]
    fn requests_are_read_as_node_reads_them() {
        let PathOutcome::Path(path) = parse_target(b"/a?x=1&x=%20b", &PathOptions::default())
        else {
            panic!("the path is fine");
        };
        let mut headers = HeaderMap::new();
        let lines: [(&str, &[u8]); 8] = [
            ("x-list", b"a"),
            ("x-list", b"b"),
            ("x-latin", b"\xE9"),
            ("cookie", b"a=1; b=%C3%A9; a=2; c=\"q\"; bad=%zz"),
            ("cookie", b"d=4"),
            ("x-middleware-subrequest", b"1"),
            ("x-nextjs-data", b"1"),
            ("empty", b""),
        ];
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let facts = RequestFacts { headers: &headers, path: &path };
        assert_eq!(facts.header("x-list").as_deref(), Some("a, b"));
        assert_eq!(facts.header("x-latin").as_deref(), Some("é"));
        assert_eq!(facts.header("x-none"), None);
        assert_eq!(facts.header("x-middleware-subrequest"), None, "x02");
        assert_eq!(facts.header("x-nextjs-data"), None, "x02");
        for (name, value) in [("a", "1"), ("b", "é"), ("c", "q"), ("d", "4"), ("bad", "%zz")] {
            assert_eq!(facts.cookie(name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(facts.cookie("x"), None);
        assert_eq!(facts.query("x").as_deref(), Some(" b"));
        assert_eq!(facts.query("y"), None);
    }
}
