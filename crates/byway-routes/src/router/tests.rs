//! Which route gets a path, and with which parameters.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{ParamValue, Router};
use crate::path::{PathOptions, PathOutcome, RequestPath, parse_target};
use crate::pattern::{Pattern, Segment};

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::parse(text).unwrap()).collect()
}

fn parsed(target: &str, options: &PathOptions) -> RequestPath {
    match parse_target(target.as_bytes(), options) {
        PathOutcome::Path(path) => path,
        other => panic!("{target}: {other:?}"),
    }
}

/// The matching pattern and its parameters, as in `/[id] id=42 rest=a,b`.
fn found(routes: &[Pattern], target: &str) -> Option<String> {
    let router = Router::new(routes);
    let path = parsed(target, &PathOptions::default());
    let found = router.matches(&path)?;
    let mut text = routes[found.route].to_string();
    assert_eq!(found.params().len(), found.params().count());
    for (name, value) in found.params() {
        let value = match value {
            ParamValue::One(value) => value.to_owned(),
            ParamValue::Many(values) => values.collect::<Vec<_>>().join(","),
        };
        write!(text, " {name}={value}").unwrap();
    }
    Some(text)
}

#[test]
fn precedence_is_decided_over_the_whole_path() {
    let routes = patterns(&[
        "/segments/[id]",
        "/segments/[id]/[other]",
        "/segments/[id]/[other]/[...deep]",
        "/segments/[id]/sub",
        "/segments/static",
        "/segments/static/nested",
        "/catch/[...slug]",
        "/catch/fixed",
        "/opt/[[...slug]]",
    ]);
    let check = |target: &str, expect: &str| {
        assert_eq!(found(&routes, target).as_deref(), Some(expect), "{target}");
    };
    check("/segments/42", "/segments/[id] id=42");
    check("/segments/static", "/segments/static");
    check("/segments/static/sub", "/segments/[id]/sub id=static");
    check("/segments/static/nested", "/segments/static/nested");
    check("/segments/static/other", "/segments/[id]/[other] id=static other=other");
    check(
        "/segments/static/nested/deeper",
        "/segments/[id]/[other]/[...deep] id=static other=nested deep=deeper",
    );
    check("/catch/a/b/c", "/catch/[...slug] slug=a,b,c");
    check("/catch/fixed", "/catch/fixed");
    check("/catch/fixed/x", "/catch/[...slug] slug=fixed,x");
    check("/opt", "/opt/[[...slug]]");
    check("/opt/x/y", "/opt/[[...slug]] slug=x,y");
    for target in ["/", "/segments", "/catch", "/no/such", "/optional", "/Segments/static"] {
        assert_eq!(found(&routes, target), None, "{target}");
    }
}

#[test]
fn the_way_back_up_finds_the_next_best_route() {
    let routes = patterns(&["/a/b/c/d", "/a/[x]/c/[y]/e", "/a/[...rest]", "/[[...all]]"]);
    assert_eq!(found(&routes, "/a/b/c/d").as_deref(), Some("/a/b/c/d"));
    assert_eq!(found(&routes, "/a/b/c/d/e").as_deref(), Some("/a/[x]/c/[y]/e x=b y=d"));
    assert_eq!(found(&routes, "/a/b/c/d/f").as_deref(), Some("/a/[...rest] rest=b,c,d,f"));
    assert_eq!(found(&routes, "/a").as_deref(), Some("/[[...all]] all=a"));
    assert_eq!(found(&routes, "/").as_deref(), Some("/[[...all]]"));
    assert_eq!(found(&routes, "/b/c").as_deref(), Some("/[[...all]] all=b,c"));
}

#[test]
fn values_are_decoded_within_their_segment() {
    let routes = patterns(&["/[id]", "/s/[id]/x", "/c/[...rest]"]);
    let check = |target: &str, expect: &str| {
        assert_eq!(found(&routes, target).as_deref(), Some(expect), "{target}");
    };
    check("/a%2Fb", "/[id] id=a/b");
    check("/%2520", "/[id] id=%20");
    check("/s/%2F/x", "/s/[id]/x id=/");
    check("/c/a%2Fb/%C3%A9", "/c/[...rest] rest=a/b,é");
    assert_eq!(found(&routes, "/s/a%2Fx"), None);
}

#[test]
fn static_segments_have_one_spelling() {
    let routes = patterns(&["/admin", "/ünï", "/a b", "/c+d", "/100%", "/a\"b"]);
    let check = |target: &str, expect: Option<&str>| {
        assert_eq!(found(&routes, target).as_deref(), expect, "{target}");
    };
    check("/admin", Some("/admin"));
    check("/Admin", None);
    check("/%61dmin", None);
    check("/%C3%BCn%C3%AF", Some("/ünï"));
    check("/%c3%bcn%C3%af", Some("/ünï"));
    check("/%C3%BC%6E%C3%AF", None);
    check("/u%CC%88ni%CC%88", None);
    check("/a%20b", Some("/a b"));
    check("/c+d", Some("/c+d"));
    check("/c%2Bd", None);
    check("/100%25", Some("/100%"));
    check("/a%22b", Some("/a\"b"));
    check("/a\"b", Some("/a\"b"));
}

#[test]
fn nothing_matches_outside_the_base_path() {
    let routes = patterns(&["/[[...all]]"]);
    let router = Router::new(&routes);
    let base_path = "/base".to_owned();
    let options = PathOptions { base_path, ..PathOptions::default() };
    assert!(router.matches(&parsed("/api/echo", &options)).is_none());
    let path = parsed("/base/api/echo", &options);
    let params: Vec<_> = router.matches(&path).unwrap().params().collect();
    let [(name, ParamValue::Many(values))] = &params[..] else { panic!("{params:?}") };
    assert_eq!((*name, values.clone().collect::<Vec<_>>()), ("all", vec!["api", "echo"]));
    assert_eq!(router.matches(&parsed("/base", &options)).unwrap().params().len(), 0);
}

#[test]
fn the_first_of_two_equal_routes_wins() {
    let routes = patterns(&["/a/[x]", "/a/[y]"]);
    assert_eq!(found(&routes, "/a/1").as_deref(), Some("/a/[x] x=1"));
    assert_eq!(found(&[], "/"), None);
}

#[test]
fn a_tree_of_many_forks_is_walked_once() {
    // Every mixture of `a` and `[p]` over sixteen levels, none of which ends in `z`.
    let levels = 16;
    let routes: Vec<Pattern> = (0..1u32 << levels)
        .map(|choice| {
            let segments = (0..levels).map(|level| {
                if choice >> level & 1 == 0 {
                    Segment::Static("a".to_owned())
                } else {
                    Segment::Param(format!("p{level}"))
                }
            });
            Pattern::from_segments(segments.collect()).unwrap()
        })
        .collect();
    let router = Router::new(&routes);
    let path = parsed(&("/a".repeat(levels) + "/z"), &PathOptions::default());
    let mut visits = 0;
    assert_eq!(router.find(&path, || visits += 1), None);
    assert!(visits > 1 << levels);
    assert!(visits <= router.nodes.len(), "{visits} visits of {} nodes", router.nodes.len());
}

/// Whether a pattern matches segments, and how good each of its segments is, the best first.
fn rank(pattern: &Pattern, path: &RequestPath) -> Option<Vec<u8>> {
    let segments: Vec<&str> = path.segments().collect();
    let mut ranks = Vec::new();
    for (index, segment) in pattern.segments.iter().enumerate() {
        let rest = segments.len().checked_sub(index)?;
        ranks.push(match segment {
            Segment::Static(text) => (path.static_text(index)? == text).then_some(0)?,
            Segment::Param(_) => (rest > 0).then_some(1)?,
            Segment::CatchAll(_) => return (rest > 0).then(|| [ranks, vec![2]].concat()),
            Segment::OptionalCatchAll(_) => return Some([ranks, vec![3]].concat()),
        });
    }
    (ranks.len() == segments.len()).then_some(ranks)
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let segment = |level: usize| {
        prop_oneof![
            2 => prop::sample::select(vec!["a", "b", "é", "A"])
                .prop_map(|text| Segment::Static(text.to_owned())),
            2 => Just(Segment::Param(format!("p{level}"))),
        ]
    };
    let end = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Segment::CatchAll("rest".to_owned()))),
        1 => Just(Some(Segment::OptionalCatchAll("rest".to_owned()))),
    ];
    ((segment(0), segment(1), segment(2), segment(3)), 0..5usize, end).prop_map(
        |((first, second, third, fourth), length, end)| {
            let mut segments = vec![first, second, third, fourth];
            segments.truncate(length);
            segments.extend(end);
            Pattern { segments }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_agrees_with_trying_every_route(
        routes in prop::collection::vec(pattern(), 0..12),
        names in prop::collection::vec(
            prop::sample::select(vec!["a", "b", "%C3%A9", "%c3%a9", "%61", "A", "x"]), 0..6),
    ) {
        let path = parsed(&format!("/{}", names.join("/")), &PathOptions::default());
        let router = Router::new(&routes);
        let expect = routes
            .iter()
            .enumerate()
            .filter_map(|(index, pattern)| Some((rank(pattern, &path)?, index)))
            .min();
        let found = router.matches(&path).map(|found| found.route);
        prop_assert_eq!(found, expect.map(|(_, index)| index));
        if let Some(found) = router.matches(&path) {
            let pattern = &routes[found.route];
            let takes_nothing = pattern.segments.len() > path.segments().len();
            let names = pattern.param_names().count() - usize::from(takes_nothing);
            prop_assert_eq!(found.params().len(), names);
        }
    }
}
