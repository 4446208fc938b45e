//! CORS: preflights are answered here, answers get their headers here
//! (<https://fetch.spec.whatwg.org/#cors-protocol>).

use byway_config::{Cors, OriginPattern};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, VARY,
};
use http::{Method, request};

use crate::vary;

const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");
/// Bytes of `Access-Control-Request-Headers` that are sent back where any header is allowed.
const REQUEST_HEADERS_BYTES_MAX: usize = 1024;
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// `cors` of a route, ready to use.
#[derive(Debug)]
pub struct CorsPolicy {
    origins: Vec<OriginPattern>,
    any_origin: bool,
    credentials: bool,
    private_network: bool,
    methods: HeaderValue,
    /// `None`: whatever is asked for.
    headers: Option<HeaderValue>,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

/// The method that a preflight asks about, if the request is one.
pub fn preflight_method(request: &request::Parts) -> Option<&str> {
    if request.method != Method::OPTIONS || !request.headers.contains_key(ORIGIN) {
        return None;
    }
    request.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()
}

impl CorsPolicy {
    /// Prepares the headers. The settings were checked when they were read.
    pub fn new(cors: &Cors) -> Self {
        let list = |words: &[String]| {
            let text = words.join(", ");
            (!words.is_empty()).then(|| HeaderValue::try_from(text).ok()).flatten()
        };
        let any_origin = cors.origins.contains(&OriginPattern::Any);
        Self {
            any_origin,
            // Any site acting as its visitors is refused by the settings, and here once more.
            credentials: cors.credentials && !any_origin,
            private_network: cors.private_network,
            methods: list(&cors.methods).unwrap_or_else(|| HeaderValue::from_static("GET")),
            headers: list(&cors.headers),
            exposed: list(&cors.exposed_headers),
            max_age: cors.max_age.map(|age| age.as_secs().into()),
            origins: cors.origins.clone(),
        }
    }

    /// The headers of the answer to a preflight. A page that may not call gets none that lets it.
    pub fn preflight(&self, asked: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        if !self.any_origin {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if self.headers.is_none() {
            headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
        }
        let Some(origin) = self.allowed(asked) else { return headers };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        let wanted = || {
            let wanted = asked.get(ACCESS_CONTROL_REQUEST_HEADERS)?;
            (wanted.len() <= REQUEST_HEADERS_BYTES_MAX).then(|| wanted.clone())
        };
        if let Some(allowed) = self.headers.clone().or_else(wanted) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        if let Some(age) = &self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, age.clone());
        }
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if self.private_network && asked.contains_key(REQUEST_PRIVATE_NETWORK) {
            headers.insert(ALLOW_PRIVATE_NETWORK, TRUE);
        }
        headers
    }

    /// The value of `Access-Control-Allow-Origin` for a request, if its page may read the answer.
    pub fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let mut lines = request.get_all(ORIGIN).iter();
        let (Some(origin), None) = (lines.next(), lines.next()) else { return None };
        if self.any_origin {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?;
        self.origins.iter().any(|pattern| pattern.matches(text)).then(|| origin.clone())
    }

    /// Puts the headers on an answer. A handler's own are replaced: what the settings say is in force,
    /// and no browser takes two of them.
    pub fn apply(&self, allowed: Option<HeaderValue>, answer: &mut HeaderMap) {
        for name in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            answer.remove(name);
        }
        if !self.any_origin {
            vary::add(answer, "Origin");
        }
        let Some(origin) = allowed else { return };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(exposed) = &self.exposed {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }
}

#[cfg(test)]
mod tests;
