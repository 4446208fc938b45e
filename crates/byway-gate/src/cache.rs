//! What a handler is told of a request whose answer others may get too: what is part of the answer's key,
//! and nothing else. So no header that a cache does not look at can change what it keeps
//! (<https://portswigger.net/research/practical-web-cache-poisoning>).

use byway_config::SharedCache;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, ORIGIN,
};

/// By these a handler may choose between forms of its answer; its `Vary` says whether it has.
const NEGOTIATED: [HeaderName; 3] = [ACCEPT, ACCEPT_LANGUAGE, ORIGIN];

/// `cache` of a route.
#[derive(Debug, Clone)]
pub struct CachePolicy {
    /// What is always part of the key.
    keyed: Vec<HeaderName>,
    without_cookies: bool,
}

impl CachePolicy {
    pub(crate) fn new(settings: &SharedCache) -> Self {
        let own = settings.headers.iter();
        let own = own.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let keyed = std::iter::once(HOST).chain(own).collect();
        Self { keyed, without_cookies: settings.without_cookies }
    }

    /// Whether a request says who sends it. Only an answer that calls itself public is for it too.
    pub fn is_personal(&self, request: &HeaderMap) -> bool {
        request.contains_key(AUTHORIZATION)
            || (request.contains_key(COOKIE) && !self.without_cookies)
    }

    /// The headers that are always part of the key.
    pub fn keyed(&self) -> &[HeaderName] {
        &self.keyed
    }

    /// The lines that the handler is told.
    pub fn told(&self, request: &HeaderMap) -> HeaderMap {
        let mut told = HeaderMap::new();
        for name in self.keyed.iter().chain(&NEGOTIATED) {
            if told.contains_key(name) {
                continue;
            }
            for value in request.get_all(name) {
                told.append(name, value.clone());
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn request() -> HeaderMap {
        let lines = [
            ("host", "a.example"),
            ("accept", "text/html"),
            ("x-tenant", "one"),
            ("x-tenant", "two"),
            ("x-forwarded-host", "evil.example"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/admin"),
            ("user-agent", "curl"),
            ("if-none-match", "\"1\""),
            ("range", "bytes=0-1"),
            ("cookie", "session=1"),
        ];
        let line = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        lines.map(line).into_iter().collect()
    }

    #[test]
    fn c01_a_handler_is_told_what_is_in_the_key_and_nothing_else() {
        let settings = SharedCache { headers: vec!["x-tenant".to_owned()], without_cookies: false };
        let told = CachePolicy::new(&settings).told(&request());
        let mut lines: Vec<_> =
            told.iter().map(|(name, it)| (name.as_str(), it.to_str().unwrap())).collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                ("accept", "text/html"),
                ("host", "a.example"),
                ("x-tenant", "one"),
                ("x-tenant", "two"),
            ]
        );
    }

    #[test]
    fn c03_a_request_with_credentials_is_personal() {
        let check =
            |without_cookies| CachePolicy::new(&SharedCache { headers: vec![], without_cookies });
        assert!(check(false).is_personal(&request()));
        assert!(!check(true).is_personal(&request()));
        let mut request = request();
        request.insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        assert!(check(true).is_personal(&request));
    }
}
