use proptest::prelude::*;

use super::{Destination, DestinationError};
use crate::rules::params::{Captured, Params};
use crate::rules::query::Query;
use crate::rules::template::FillError;

fn params(entries: &[(&str, &str)]) -> Params {
    let mut params = Params::default();
    for (name, value) in entries {
        let value = match value.split_once('|') {
            Some(_) => Captured::Many(value.split('|').map(str::to_owned).collect()),
            None => Captured::One((*value).to_owned()),
        };
        params.set(name, value);
    }
    params
}

/// The URL of a redirect.
fn url(text: &str, entries: &[(&str, &str)], query: &str) -> String {
    let target = Destination::new(text).unwrap().fill(&params(entries), false).unwrap();
    target.url(&target.merged_query(&Query::parse(query)))
}

#[test]
fn urls_are_those_of_next() {
    assert_eq!(url("/new", &[], ""), "/new");
    assert_eq!(url("/new#frag", &[], "a=1"), "/new?a=1#frag");
    assert_eq!(url("/blog/:slug", &[("slug", "x")], "y=1&y=2"), "/blog/x?y=1&y=2");
    assert_eq!(
        url("/y/:rest?year=:year", &[("year", "2024"), ("rest", "a%20b")], "q=a+b"),
        "/y/a%20b?q=a%20b&year=2024"
    );
    assert_eq!(url("/m?via=redirect", &[], "x=1&via=own"), "/m?x=1&via=redirect");
    assert_eq!(url("/deep/:path*", &[("path", "a|b")], ""), "/deep/a/b");
    assert_eq!(url("/deep/:path*", &[], ""), "/deep");
    assert_eq!(
        url("https://example.com/landing", &[], "flag"),
        "https://example.com/landing?flag="
    );
    assert_eq!(
        url("https://example.com/:x/end?y=:x", &[("x", "1")], ""),
        "https://example.com/1/end?y=1"
    );
    assert_eq!(url("https://EXAMPLE.com:8443", &[], ""), "https://example.com:8443/");
    assert_eq!(url("http://[::1]:80/a", &[], ""), "http://[::1]:80/a");
    assert_eq!(
        url("https://:tenant.example.com/:p*", &[("tenant", "acme"), ("p", "a|b")], ""),
        "https://acme.example.com/a/b"
    );
    assert_eq!(url("/a/../b/./c", &[], ""), "/b/c");
    assert_eq!(url("/a b/é", &[], ""), "/a%20b/%C3%A9");
    assert_eq!(url("app://open/:x", &[("x", "1")], ""), "app://open/1");
}

#[test]
fn rewrites_take_unused_parameters_along() {
    let fill = |text: &str, entries: &[(&str, &str)]| {
        let target = Destination::new(text).unwrap().fill(&params(entries), true).unwrap();
        let query = target.merged_query(&Query::default());
        format!("{} {query}", target.path)
    };
    assert_eq!(fill("/t", &[("x", "1"), ("m", "a|b")]), "/t x=1&m=a&m=b");
    assert_eq!(fill("/t?x=2", &[("x", "1")]), "/t x=2");
    assert_eq!(fill("/t/:x", &[("x", "1"), ("y", "2")]), "/t/1 ");
    assert_eq!(fill("/t?a=:x", &[("x", "1"), ("y", "2")]), "/t a=1&x=1&y=2");
    assert_eq!(fill("/t?fb=:p*", &[("p", "a|b")]), "/t fb=a/b&p=a&p=b");
    assert_eq!(
        fill("/:nextInternalLocale/t", &[("nextInternalLocale", "en"), ("x", "1")]),
        "/en/t x=1"
    );
}

#[test]
fn what_is_no_destination_is_refused() {
    let error = |text: &str| Destination::new(text).unwrap_err();
    assert_eq!(error("new"), DestinationError::NotAbsolute);
    assert_eq!(error(":url"), DestinationError::NotAbsolute);
    assert_eq!(error("mailto:a@b"), DestinationError::NotAbsolute);
    assert_eq!(error("https://a:b@example.com/"), DestinationError::Credentials);
    for host in [
        "https:///x",
        "https://a b/",
        "https://[::x]/",
        "https://a:99999/",
        "https://é.com/",
        "http://a%2f/",
    ] {
        assert!(matches!(error(host), DestinationError::Host(_)), "{host}");
    }
    assert!(matches!(error("/a/:"), DestinationError::Pattern(_)));
}

#[test]
fn x11_a_request_cannot_choose_the_host_of_a_destination() {
    let host = Destination::new("https://:tenant.api.example.com/:path*").unwrap();
    let elsewhere = Destination::new("https://example.com/:path*").unwrap();
    for evil in
        ["evil.com#", "evil.com/", "a@b", "a%2fb", "evil.com?", "evil.com:80", "", "a\\b", "%00"]
    {
        let found = host.fill(&params(&[("tenant", evil)]), true);
        assert_eq!(found, Err(FillError::Refused), "{evil}");
        let target = elsewhere.fill(&params(&[("path", evil)]), true).unwrap();
        assert_eq!(target.origin.unwrap().authority(), "example.com");
    }
}

#[test]
fn x11_a_location_of_this_server_never_names_another_one() {
    let target = |value: &str| {
        let target = Destination::new("/:to").unwrap().fill(&params(&[("to", value)]), false);
        target.map(|target| target.url(""))
    };
    assert_eq!(target("/evil.com").as_deref(), Ok("/evil.com"));
    assert_eq!(target("//evil.com").as_deref(), Ok("/evil.com"));
    assert_eq!(target("\\evil.com").as_deref(), Ok("/%5Cevil.com"));
    assert_eq!(target("\t//evil.com").as_deref(), Ok("/%09/evil.com"));
    assert_eq!(target("../evil"), Err(FillError::Refused));
}

proptest! {
    /// Whatever is captured, the origin is the rule's, and a path stays one.
    #[test]
    fn x11_captured_values_stay_in_the_path(value in any::<String>(), query in "[ -~]{0,30}") {
        for (text, prefix) in [("/a:x", "/a"), ("/:x", "/"), ("https://example.com/:x", "https://example.com/")] {
            let destination = Destination::new(text).unwrap();
            let Ok(target) = destination.fill(&params(&[("x", &value.replace('|', ""))]), false) else { continue };
            let url = target.url(&target.merged_query(&Query::parse(&query)));
            prop_assert!(url.starts_with(prefix), "{}", url);
            prop_assert!(!url.starts_with("//") && !url.starts_with("/\\"), "{}", url);
            prop_assert!(url.bytes().all(|byte| (0x21..0x7F).contains(&byte)), "{}", url);
            prop_assert!(!url.contains('#'), "{}", url);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in r"(https?://)?[a-z:/?#@\[\].%{}()*+]{0,30}") {
        let _ = Destination::new(&text);
    }
}
