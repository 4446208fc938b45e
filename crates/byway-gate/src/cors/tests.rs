use std::time::Duration;

use byway_config::Cors;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};

use super::{CorsPolicy, preflight_method};

fn cors(origins: &[&str]) -> Cors {
    Cors {
        origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
        methods: vec!["GET".to_owned(), "PUT".to_owned()],
        headers: Vec::new(),
        exposed_headers: vec!["x-total".to_owned()],
        credentials: false,
        max_age: Some(Duration::from_mins(10)),
        private_network: false,
    }
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let lines = lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name, value);
    }
    headers
}

fn text(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines
}

const APP: &str = "https://app.example.com";

#[test]
fn a_preflight_is_answered_with_what_is_allowed() {
    let policy =
        CorsPolicy::new(&Cors { credentials: true, private_network: true, ..cors(&[APP]) });
    let asked = headers(&[
        ("origin", APP),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "content-type,x-a"),
        ("access-control-request-private-network", "true"),
    ]);
    assert_eq!(
        text(&policy.preflight(&asked)),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: content-type,x-a",
            "access-control-allow-methods: GET, PUT",
            "access-control-allow-origin: https://app.example.com",
            "access-control-allow-private-network: true",
            "access-control-max-age: 600",
            "vary: Access-Control-Request-Headers",
            "vary: Origin",
        ]
    );
    let listed = CorsPolicy::new(&Cors { headers: vec!["x-b".to_owned()], ..cors(&[APP]) });
    let answer = listed.preflight(&asked);
    assert_eq!(answer["access-control-allow-headers"], "x-b");
    assert!(!answer.contains_key("access-control-allow-private-network"));
}

#[test]
fn x14_other_pages_get_nothing_but_vary() {
    let policy =
        CorsPolicy::new(&Cors { credentials: true, ..cors(&[APP, "https://*.example.org"]) });
    for origin in [
        "null",
        "https://app.example.com.evil.com",
        "https://evilexample.org",
        "https://evil.com",
        "http://app.example.com",
    ] {
        let asked = headers(&[("origin", origin), ("access-control-request-method", "PUT")]);
        let answer = text(&policy.preflight(&asked));
        assert_eq!(answer, ["vary: Access-Control-Request-Headers", "vary: Origin"], "{origin}");
        let mut answer = headers(&[("access-control-allow-origin", "*")]);
        policy.apply(policy.allowed(&asked), &mut answer);
        assert_eq!(text(&answer), ["vary: Origin"], "{origin}");
    }
    let two = headers(&[("origin", APP), ("origin", "https://evil.com")]);
    assert_eq!(policy.allowed(&two), None);
}

#[test]
fn x14_a_handlers_own_headers_are_never_doubled() {
    let policy = CorsPolicy::new(&Cors { credentials: true, ..cors(&["https://*.example.org"]) });
    let request = headers(&[("origin", "https://a.example.org")]);
    let mut answer = headers(&[
        ("access-control-allow-origin", "https://other.example"),
        ("access-control-allow-credentials", "false"),
        ("vary", "rsc"),
    ]);
    policy.apply(policy.allowed(&request), &mut answer);
    assert_eq!(
        text(&answer),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: https://a.example.org",
            "access-control-expose-headers: x-total",
            "vary: Origin",
            "vary: rsc",
        ]
    );
}

#[test]
fn everybody_means_the_same_answer_for_everybody() {
    let policy = CorsPolicy::new(&cors(&["*"]));
    let mut answer = HeaderMap::new();
    policy.apply(policy.allowed(&headers(&[("origin", "null")])), &mut answer);
    assert_eq!(
        text(&answer),
        ["access-control-allow-origin: *", "access-control-expose-headers: x-total"]
    );
    let mut plain = HeaderMap::new();
    policy.apply(policy.allowed(&HeaderMap::new()), &mut plain);
    assert!(plain.is_empty());
}

#[test]
fn only_options_with_origin_and_method_is_a_preflight() {
    let check = |method: Method, lines: &[(&'static str, &'static str)], expect: Option<&str>| {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.headers_mut() = headers(lines);
        let (parts, ()) = request.into_parts();
        assert_eq!(preflight_method(&parts), expect);
    };
    let both = [("origin", APP), ("access-control-request-method", "PUT")];
    check(Method::OPTIONS, &both, Some("PUT"));
    check(Method::GET, &both, None);
    check(Method::OPTIONS, &both[..1], None);
    check(Method::OPTIONS, &both[1..], None);
}
