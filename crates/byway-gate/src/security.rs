//! Headers by which browsers are told to be careful. A handler that sets one itself knows better.

use byway_config::SecurityHeaders;
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// `security_headers` of a route, ready to use.
#[derive(Debug)]
pub struct SecurityPolicy {
    lines: Vec<(HeaderName, HeaderValue)>,
    hsts: Option<HeaderValue>,
}

impl SecurityPolicy {
    /// From the settings.
    pub fn new(settings: &SecurityHeaders) -> Self {
        let line = |name: HeaderName, text: &str| {
            let value = HeaderValue::from_str(text).ok().filter(|value| !value.is_empty());
            value.map(|value| (name, value))
        };
        let corp = HeaderName::from_static("cross-origin-resource-policy");
        let lines = [
            line(X_CONTENT_TYPE_OPTIONS, "nosniff"),
            line(CONTENT_SECURITY_POLICY, &settings.content_security_policy),
            line(X_FRAME_OPTIONS, &settings.frame_options),
            line(REFERRER_POLICY, &settings.referrer_policy),
            line(corp, &settings.resource_policy),
        ];
        let seconds = settings.hsts.as_secs();
        let hsts = format!("max-age={seconds}; includeSubDomains");
        Self {
            lines: lines.into_iter().flatten().collect(),
            hsts: (seconds > 0).then(|| HeaderValue::try_from(hsts).ok()).flatten(),
        }
    }

    /// Puts the headers on an answer where it has none of its own.
    pub fn apply(&self, https: bool, answer: &mut HeaderMap) {
        for (name, value) in &self.lines {
            if !answer.contains_key(name) {
                answer.insert(name, value.clone());
            }
        }
        if let (true, Some(hsts)) = (https, &self.hsts)
            && !answer.contains_key(STRICT_TRANSPORT_SECURITY)
        {
            answer.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use byway_config::SecurityHeaders;
    use http::header::{HeaderMap, HeaderValue};

    use super::SecurityPolicy;

    #[test]
    fn the_preset_leaves_a_handlers_own_alone() {
        let policy = SecurityPolicy::new(&SecurityHeaders {
            hsts: Duration::from_hours(1),
            content_security_policy: "default-src 'none'".to_owned(),
            frame_options: "DENY".to_owned(),
            referrer_policy: String::new(),
            resource_policy: "same-origin".to_owned(),
        });
        let mut answer = HeaderMap::new();
        answer.insert("x-frame-options", HeaderValue::from_static("SAMEORIGIN"));
        policy.apply(false, &mut answer);
        let mut names: Vec<_> = answer.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        let expected = [
            "content-security-policy",
            "cross-origin-resource-policy",
            "x-content-type-options",
            "x-frame-options",
        ];
        assert_eq!(names, expected);
        assert_eq!(answer["x-frame-options"], "SAMEORIGIN");
        policy.apply(true, &mut answer);
        assert_eq!(answer["strict-transport-security"], "max-age=3600; includeSubDomains");
    }
}
