//! Header lines that `next.config` adds to answers.

use byway_routes::manifest::RouteKind;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

/// Whose answer the lines are added to, which decides who wins where both have a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerOf {
    /// A route handler: the configuration wins.
    Route(RouteKind),
    /// A file of `public/`: the configuration wins.
    File,
    /// byway's own 404: the configuration wins but for `cache-control`.
    Nobody,
}

/// The lines for one answer.
#[derive(Debug, Default)]
pub(crate) struct AddedHeaders {
    lines: Vec<(HeaderName, HeaderValue)>,
}

impl AddedHeaders {
    /// Takes the lines of the rules that apply. One that HTTP does not allow, because a captured value made
    /// it so, is left out.
    pub(crate) fn new(lines: Vec<(String, String)>) -> Self {
        let lines = lines.into_iter().filter_map(|(name, value)| {
            let line = (HeaderName::from_bytes(name.as_bytes()), latin1(&value));
            if let (Ok(name), Some(value)) = line {
                return Some((name, value));
            }
            tracing::warn!("a header rule of next.config made an invalid line; it was left out");
            None
        });
        Self { lines: lines.collect() }
    }

    /// Adds the lines.
    pub(crate) fn apply(self, answer: &mut HeaderMap, of: AnswerOf) {
        if self.lines.is_empty() {
            return;
        }
        let own: HeaderMap = std::mem::take(answer);
        for (name, value) in self.lines {
            if name == SET_COOKIE {
                answer.append(name, value);
            } else {
                answer.insert(name, value);
            }
        }
        let mut is_replaced = false;
        let mut last = None;
        for (name, value) in own {
            // A map names a header with several lines once.
            if let Some(name) = name {
                let handler_wins = match of {
                    AnswerOf::Route(RouteKind::Pages) => true,
                    AnswerOf::Route(RouteKind::App | RouteKind::Page) | AnswerOf::File => false,
                    AnswerOf::Nobody => name == CACHE_CONTROL,
                };
                if handler_wins {
                    answer.remove(&name);
                }
                is_replaced = name != SET_COOKIE && answer.contains_key(&name);
                last = Some(name);
            }
            if let Some(name) = last.as_ref().filter(|_| !is_replaced) {
                answer.append(name.clone(), value);
            }
        }
    }
}

/// A value as Node writes it: each character one byte.
fn latin1(value: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
    HeaderValue::from_bytes(&bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(of: AnswerOf) -> Vec<String> {
        let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let added = AddedHeaders::new(vec![
            line("X-Own", "first"),
            line("x-own", "config"),
            line("cache-control", "config"),
            line("Set-Cookie", "a=1"),
            line("Set-Cookie", "b=2"),
            line("x-bad name", "1"),
            line("x-bad-value", "a\nb"),
            line("x-latin", "é"),
        ]);
        let mut answer = HeaderMap::new();
        let own = [
            ("x-own", "handler"),
            ("cache-control", "handler"),
            ("set-cookie", "c=3"),
            ("vary", "a"),
            ("vary", "b"),
        ];
        for (name, value) in own {
            answer.append(name, HeaderValue::from_static(value));
        }
        added.apply(&mut answer, of);
        let shown = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut lines: Vec<String> =
            answer.iter().map(|(name, value)| format!("{name}: {}", shown(value))).collect();
        lines.sort_by_key(|line| line.split(':').next().map(str::to_owned));
        lines
    }

    #[test]
    fn the_configuration_wins_over_route_handlers() {
        let expect = [
            "cache-control: config",
            "set-cookie: a=1",
            "set-cookie: b=2",
            "set-cookie: c=3",
            "vary: a",
            "vary: b",
            "x-latin: \u{FFFD}",
            "x-own: config",
        ];
        assert_eq!(applied(AnswerOf::Route(RouteKind::App)), expect);
    }

    #[test]
    fn pages_api_routes_win_over_the_configuration() {
        let expect = [
            "cache-control: handler",
            "set-cookie: c=3",
            "vary: a",
            "vary: b",
            "x-latin: \u{FFFD}",
            "x-own: handler",
        ];
        assert_eq!(applied(AnswerOf::Route(RouteKind::Pages)), expect);
    }

    #[test]
    fn a_404_keeps_its_cache_control() {
        let lines = applied(AnswerOf::Nobody);
        assert!(lines.contains(&"cache-control: handler".to_owned()));
        assert!(lines.contains(&"x-own: config".to_owned()));
    }
}
