//! Requests that may change something have to come from pages of one's own.
//!
//! Browsers say where a request comes from: `Sec-Fetch-Site`
//! (<https://w3c.github.io/webappsec-fetch-metadata/>), and `Origin` on everything but GET and HEAD. A
//! request with neither comes from no page and carries no visitor's cookies. `Origin: null` is a foreign page
//! (CVE-2026-27978 took it for none).

use byway_config::{Csrf, OriginPattern};
use http::Method;
use http::header::{HeaderMap, HeaderName, ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// `csrf` of a route, ready to use.
#[derive(Debug)]
pub struct CsrfPolicy {
    trusted: Vec<OriginPattern>,
}

impl CsrfPolicy {
    /// From the settings.
    pub fn new(csrf: &Csrf) -> Self {
        Self { trusted: csrf.trusted_origins.clone() }
    }

    /// Whether the request may pass. `authority` is the host that the client asked for.
    pub fn allows(&self, method: &Method, headers: &HeaderMap, authority: Option<&str>) -> bool {
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return true;
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (origin, None) => origin.map(|origin| origin.to_str().unwrap_or("null")),
            _ => return false,
        };
        if let Some(origin) = origin
            && self.trusted.iter().any(|pattern| pattern.matches(origin))
        {
            return true;
        }
        match headers.get(SEC_FETCH_SITE).map(http::HeaderValue::as_bytes) {
            Some(b"same-origin" | b"none") => return true,
            Some(_) => return false,
            None => {}
        }
        match origin {
            None => true,
            Some(origin) => {
                let host = origin.split_once("://").map(|(_, host)| host);
                host.is_some_and(|host| authority.is_some_and(|own| own.eq_ignore_ascii_case(host)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use byway_config::Csrf;
    use http::Method;
    use http::header::{HeaderMap, HeaderValue};

    use super::CsrfPolicy;

    #[test]
    fn x08_foreign_pages_change_nothing() {
        let trusted_origins = vec!["https://admin.example.com".parse().unwrap()];
        let policy = CsrfPolicy::new(&Csrf { trusted_origins });
        let check = |lines: &[(&'static str, &'static str)], expect: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let allowed = policy.allows(&method, &headers, Some("app.example.com"));
                assert_eq!(allowed, expect, "{method} {lines:?}");
            }
            assert!(policy.allows(&Method::GET, &headers, Some("app.example.com")));
        };
        check(&[], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.com")], false);
        check(&[("sec-fetch-site", "same-site"), ("origin", "https://evil.example.com")], false);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "https://admin.example.com")], true);
        check(&[("origin", "https://app.example.com")], true);
        check(&[("origin", "https://APP.example.com")], true);
        check(&[("origin", "https://app.example.com:8443")], false);
        check(&[("origin", "https://app.example.com.evil.com")], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "")], false);
        check(&[("origin", "https://app.example.com"), ("origin", "https://evil.com")], false);
    }
}
