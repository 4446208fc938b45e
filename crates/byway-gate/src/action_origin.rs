//! Whose pages may call Server Actions: the server's own, and those that
//! `serverActions.allowedOrigins` of `next.config` names. Patterns mean what they mean under Next:
//! a part between dots may be `*`, and the first one `**` for one or more parts.
//!
//! A request without `Origin` comes from no page and carries no visitor's cookies; `Origin: null`
//! is a foreign page (CVE-2026-27978).

use http::header::{HeaderMap, ORIGIN};

/// Which other hosts' pages may call actions.
#[derive(Debug, Default)]
pub struct ActionOrigins {
    allowed: Vec<Box<str>>,
}

impl ActionOrigins {
    /// From `next.config`.
    pub fn new<'a>(allowed: impl IntoIterator<Item = &'a str>) -> Self {
        Self { allowed: allowed.into_iter().map(|it| it.to_ascii_lowercase().into()).collect() }
    }

    /// Whether the request may pass. `authority` is the host that the client asked for, as far as
    /// it can be trusted.
    pub fn allows(&self, headers: &HeaderMap, authority: Option<&str>) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return true,
            (Some(origin), None) => origin,
            _ => return false,
        };
        let Some((scheme, host)) = origin.to_str().ok().and_then(|it| it.split_once("://")) else {
            return false;
        };
        let host = without_port(scheme, host).to_ascii_lowercase();
        if host.is_empty() {
            return false;
        }
        let is_own = authority.is_some_and(|own| {
            own.eq_ignore_ascii_case(&host) || without_port(scheme, own).eq_ignore_ascii_case(&host)
        });
        is_own || self.allowed.iter().any(|pattern| matches(&host, pattern))
    }
}

/// A host without the port that a URL of the scheme does not name.
fn without_port<'h>(scheme: &str, host: &'h str) -> &'h str {
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return host,
    };
    host.strip_suffix(port).unwrap_or(host)
}

fn matches(host: &str, pattern: &str) -> bool {
    if pattern == host {
        return true;
    }
    // A pattern of one part would be everybody.
    if !pattern.contains('.') {
        return false;
    }
    let mut parts = host.rsplit('.');
    let mut patterns = pattern.rsplit('.').peekable();
    while let Some(pattern) = patterns.next() {
        let part = parts.next().filter(|part| !part.is_empty());
        match (pattern, part) {
            ("**", part) => return part.is_some() && patterns.peek().is_none(),
            ("", _) | (_, None) => return false,
            ("*", Some(_)) => {}
            (pattern, Some(part)) if pattern == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderMap, HeaderValue};

    use super::{ActionOrigins, matches};

    #[test]
    fn x08_only_own_and_allowed_pages_call_actions() {
        let origins = ActionOrigins::new(["OK.example", "*.wild.example", "**.deep.example"]);
        let check = |origin: &'static str, own: &str, expect: bool| {
            let mut headers = HeaderMap::new();
            headers.append("origin", HeaderValue::from_static(origin));
            assert_eq!(origins.allows(&headers, Some(own)), expect, "{origin} {own}");
        };
        assert!(origins.allows(&HeaderMap::new(), Some("app.example")));
        check("http://app.example", "app.example", true);
        check("https://APP.example", "app.example", true);
        check("https://app.example:443", "app.example", true);
        check("https://app.example", "app.example:443", true);
        check("http://app.example:3000", "app.example:3000", true);
        check("http://app.example", "app.example:3000", false);
        check("https://evil.example", "app.example", false);
        check("https://app.example.evil.com", "app.example", false);
        check("null", "null", false);
        check("garbage", "app.example", false);
        check("https://", "", false);
        check("https://ok.example", "app.example", true);
        check("https://a.wild.example", "app.example", true);
        check("https://a.b.wild.example", "app.example", false);
        check("https://wild.example", "app.example", false);
        check("https://a.b.deep.example", "app.example", true);
        check("https://deep.example", "app.example", false);
        let mut two = HeaderMap::new();
        two.append("origin", HeaderValue::from_static("https://app.example"));
        two.append("origin", HeaderValue::from_static("https://evil.example"));
        assert!(!origins.allows(&two, Some("app.example")));
    }

    #[test]
    fn patterns_that_would_be_everybody_are_nobody() {
        for pattern in ["*", "**", "", "."] {
            assert!(!matches("evil.example", pattern) && !matches("localhost", pattern));
        }
        assert!(!matches("a.example", "**.*.example.x"));
    }
}
