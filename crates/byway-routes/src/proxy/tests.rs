//! Matchers on their own, and beside the router: no path may reach a route past its proxy.

use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{Locales, MatcherOptions, MatcherSource, ProxyMatchers};
use crate::conventions::{Root, route_from_file};
use crate::path::{PathOptions, PathOutcome, RequestPath, parse_target};
use crate::pattern::{Pattern, Segment};
use crate::router::Router;
use crate::rules::condition::Facts;

/// A request by its parts: `header:x`, `cookie:x`, `query:x`.
#[derive(Default)]
struct Request(BTreeMap<String, String>);

impl Request {
    fn with(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn value(&self, kind: &str, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(&format!("{kind}:{name}")).map(|value| Cow::Borrowed(value.as_str()))
    }
}

impl Facts for Request {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.value("header", name)
    }
    fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        self.value("cookie", name)
    }
    fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.value("query", name)
    }
}

fn source(text: &str) -> MatcherSource {
    MatcherSource { source: text.to_owned(), ..MatcherSource::default() }
}

fn matchers(sources: &[&str], options: &MatcherOptions) -> ProxyMatchers {
    let sources: Vec<MatcherSource> = sources.iter().map(|text| source(text)).collect();
    ProxyMatchers::new(Some(&sources), options).unwrap()
}

fn path(target: &str, base: &str) -> RequestPath {
    let options = PathOptions {
        base_path: base.to_owned(),
        skip_trailing_slash_redirect: true,
        ..PathOptions::default()
    };
    match parse_target(target.as_bytes(), &options) {
        PathOutcome::Path(path) => path,
        other => panic!("{target}: {other:?}"),
    }
}

fn check(pattern: &str, target: &str, expect: bool) {
    let matchers = matchers(&[pattern], &MatcherOptions::default());
    let found = matchers.matches(&path(target, ""), &Request::default());
    assert_eq!(found, expect, "{pattern} {target}");
}

#[test]
fn patterns_are_anchored_and_know_modifiers() {
    check("/a", "/a", true);
    check("/a", "/a/", true);
    check("/a", "/a/b", false);
    check("/a/:id", "/a/1", true);
    check("/a/:id", "/a", false);
    check("/a/:id", "/a/1/2", false);
    check("/a/:id?", "/a", true);
    check("/a/:path*", "/a", true);
    check("/a/:path*", "/a/1/2", true);
    check("/a/:path+", "/a", false);
    check("/re/(\\d{2,3})", "/re/12", true);
    check("/re/(\\d{2,3})", "/re/1", false);
    check("/neg/((?!skip).*)", "/neg/skipme", false);
    check("/neg/((?!skip).*)", "/neg/else/where", true);
    check("/((?!api|_next/static).*)", "/api/x", false);
    check("/((?!api|_next/static).*)", "/x/api", true);
    check("/", "/", true);
    check("/", "/a", false);
    check("/A", "/a", false);
}

#[test]
fn x03_the_root_below_a_base_path_is_matched() {
    let options = MatcherOptions { base_path: "/base".to_owned(), locales: None };
    let root = matchers(&["/"], &options);
    for (target, expect) in [("/base", true), ("/base/", true), ("/base/a", false)] {
        assert_eq!(root.matches(&path(target, "/base"), &Request::default()), expect, "{target}");
    }
}

#[test]
fn without_a_matcher_every_request_is_matched() {
    let all = ProxyMatchers::new(None, &MatcherOptions::default()).unwrap();
    assert!(all.matches(&path("/_next/static/x.js", ""), &Request::default()));
}

#[test]
fn x03_forms_of_a_path_for_data_are_covered() {
    check("/admin", "/admin.json", true);
    check("/admin", "/admin.rsc", true);
    check("/admin", "/admin.segments/_tree.segment.rsc", true);
    check("/admin", "/_next/data/build/admin.json", true);
    check("/", "/_next/data/build/index.json", true);
    check("/", "/index.rsc", true);
    check("/admin", "/administrator", false);
}

#[test]
fn x03_encoded_forms_of_a_path_are_covered() {
    check("/admin/:path*", "/%61dmin/x", true);
    check("/admin/:path*", "/admin%2Fx", true);
    check("/admin/:path*", "/a/../admin/x", true);
    check("/admin/:path*", "/a/%2e%2e/admin/x", true);
    check("/caf%C3%A9", "/caf%C3%A9", true);
    check("/café", "/caf%C3%A9", true);
}

#[test]
fn x03_an_encoded_delimiter_hides_no_segment() {
    // Next matches the first two spellings only, and misses all of these.
    check("/admin/:id", "/%61dmin/x%3Fy", true);
    check("/admin/:id", "/%61dmin/x%23y", true);
    check("/café/:id", "/caf%c3%a9/x%3Fy", true);
    check("/caf%C3%A9/:id", "/caf%c3%a9/x%3Fy", true);
}

#[test]
fn the_base_path_belongs_to_the_pattern() {
    let options = MatcherOptions { base_path: "/base".to_owned(), locales: None };
    let matchers = matchers(&["/a"], &options);
    for (target, expect) in [("/base/a", true), ("/a", false), ("/base/base/a", false)] {
        assert_eq!(
            matchers.matches(&path(target, "/base"), &Request::default()),
            expect,
            "{target}"
        );
    }
}

#[test]
fn x03_every_locale_of_a_path_is_covered() {
    let locales = Locales {
        names: vec!["en".to_owned(), "fr".to_owned()],
        default: "en".to_owned(),
        domains: vec![("exemple.fr".to_owned(), "fr".to_owned())],
    };
    let options = MatcherOptions { base_path: String::new(), locales: Some(locales) };
    let own = matchers(&["/admin", "/"], &options);
    let plain = Request::default();
    for target in ["/admin", "/en/admin", "/FR/admin", "/", "/fr", "/_next/data/b/fr/admin.json"] {
        assert!(own.matches(&path(target, ""), &plain), "{target}");
    }
    assert!(!own.matches(&path("/de/admin", ""), &plain));
    let named = MatcherSource { names_locale: true, ..source("/fr/admin") };
    let named = ProxyMatchers::new(Some(&[named]), &options).unwrap();
    let french = Request::with(&[("header:host", "exemple.fr:80")]);
    for (target, request, expect) in [
        ("/fr/admin", &plain, true),
        ("/admin", &plain, false),
        ("/admin", &french, true),
        ("/en/admin", &french, false),
    ] {
        assert_eq!(named.matches(&path(target, ""), request), expect, "{target}");
    }
}

#[test]
fn conditions_are_asked() {
    let source: MatcherSource = serde_json::from_value(json!({
        "source": "/a",
        "has": [{ "type": "header", "key": "X-Go", "value": "yes|sure" }, { "type": "query", "key": "q" }],
        "missing": [{ "type": "cookie", "key": "skip" }],
    }))
    .unwrap();
    let matchers = ProxyMatchers::new(Some(&[source]), &MatcherOptions::default()).unwrap();
    let check = |pairs: &[(&str, &str)], expect| {
        assert_eq!(matchers.matches(&path("/a", ""), &Request::with(pairs)), expect, "{pairs:?}");
    };
    check(&[("header:x-go", "yes"), ("query:q", "1")], true);
    // As Next compiles it: anchored without a group.
    check(&[("header:x-go", "yessir"), ("query:q", "1")], true);
    check(&[("header:x-go", "no"), ("query:q", "1")], false);
    check(&[("header:x-go", "yes")], false);
    check(&[("header:x-go", "yes"), ("query:q", "")], false);
    check(&[("header:x-go", "yes"), ("query:q", "1"), ("cookie:skip", "1")], false);
}

#[test]
fn what_is_no_pattern_is_an_error() {
    let error = |text: &str| {
        let found = ProxyMatchers::new(Some(&[source(text)]), &MatcherOptions::default());
        found.unwrap_err().to_string()
    };
    assert!(error("a").contains("start with `/`"));
    assert!(error(&format!("/{}", "a".repeat(5000))).contains("longer than"));
    assert!(!error("/a/:").is_empty());
    assert!(!error("/a/(").is_empty());
}

/// Route files, and the matcher that a careful person would write for each.
const ROUTES: [(&str, &str); 8] = [
    ("admin/route.ts", "/admin"),
    ("admin/users/route.ts", "/admin/users"),
    ("admin/[id]/route.ts", "/admin/:id"),
    ("api/[...rest]/route.ts", "/api/:rest+"),
    ("docs/[[...rest]]/route.ts", "/docs/:rest*"),
    ("[tenant]/settings/route.ts", "/:tenant/settings"),
    ("über/route.ts", "/über"),
    ("über/[id]/route.ts", "/über/:id"),
];

fn pieces() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "admin",
        "Admin",
        "users",
        "api",
        "docs",
        "settings",
        "%C3%BCber",
        "%c3%bcber",
        "x",
        "1",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%61dmin",
        "admi%6E",
        "%2F",
        "%5c",
        "\\",
        "/",
        "/",
        "/",
        "//",
        ";",
        ".rsc",
        ".json",
        "_next/data/b",
        "%00",
        "%0a",
        "%25",
        "#x",
        "&",
        "@",
        ":",
        "*",
        "%3F",
        "%23",
        "'",
    ]);
    proptest::collection::vec(piece, 1..9).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever spelling reaches a route, its own matcher sees it.
    #[test]
    fn x03_no_spelling_reaches_a_route_past_its_matcher(target in pieces(), slash in any::<bool>()) {
        let patterns: Vec<Pattern> = ROUTES
            .iter()
            .map(|(file, _)| route_from_file(Root::App, file, &["ts"]).unwrap().unwrap())
            .collect();
        let router = Router::new(patterns.iter());
        let options =
            PathOptions { skip_trailing_slash_redirect: slash, ..PathOptions::default() };
        if let PathOutcome::Path(path) = parse_target(target.as_bytes(), &options)
            && let Some(found) = router.matches(&path)
        {
            let own = matchers(&[ROUTES[found.route].1], &MatcherOptions::default());
            prop_assert!(own.matches(&path, &Request::default()), "{} {:?}", target, path);
            let whole = matchers(&["/:path*"], &MatcherOptions::default());
            prop_assert!(whole.matches(&path, &Request::default()), "{} {:?}", target, path);
        }
    }

    /// A matcher for a folder sees every path whose first segment a handler would read as that folder.
    #[test]
    fn x03_a_matcher_sees_what_a_catch_all_route_would_read(target in pieces()) {
        let pattern = Pattern { segments: vec![Segment::OptionalCatchAll("all".to_owned())] };
        let router = Router::new([&pattern]);
        let PathOutcome::Path(path) = parse_target(target.as_bytes(), &PathOptions::default()) else {
            return Ok(());
        };
        prop_assert!(router.matches(&path).is_some());
        if path.segments().next() == Some("admin") {
            let own = matchers(&["/admin/:path*"], &MatcherOptions::default());
            prop_assert!(own.matches(&path, &Request::default()), "{} {:?}", target, path);
        }
    }

    /// What is compared before the expression leaves nothing out that the expression would match.
    #[test]
    fn x03_the_start_of_a_matcher_is_that_of_all_its_matches(
        text in "(api|admin|docs)?[/a-z:()*+?{}.|-]{0,12}",
        target in pieces(),
        base in proptest::sample::select(vec!["", "/docs", "/api", "/a.b(c)"]),
    ) {
        let options = MatcherOptions { base_path: base.to_owned(), locales: None };
        let Ok(matchers) = ProxyMatchers::new(Some(&[source(&format!("/{text}"))]), &options) else {
            return Ok(());
        };
        for path in [target.clone(), format!("{base}{target}"), format!("{base}/{text}")] {
            for matcher in matchers.matchers.iter().flatten() {
                if matcher.pattern.is_match(&path) == Ok(true) {
                    prop_assert!(matcher.may_match(&path), "{} {:?}", path, matcher);
                }
            }
        }
    }

    #[test]
    fn no_matcher_panics(text in "[/a-z:()*+?{}\\\\.|!^$\\[\\]-]{0,24}", target in pieces()) {
        let compiled = ProxyMatchers::new(Some(&[source(&format!("/{text}"))]), &MatcherOptions::default());
        if let (Ok(matchers), PathOutcome::Path(path)) =
            (compiled, parse_target(target.as_bytes(), &PathOptions::default()))
        {
            let _ = matchers.matches(&path, &Request::default());
        }
    }
}
