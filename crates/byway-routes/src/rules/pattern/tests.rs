//! What patterns match. `vectors.json` holds what Next 16.4.6 answers: for each pattern, as a rule and as a
//! matcher, the paths of the list that match, with their parameters.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::{PathPattern, PatternKind};
use crate::rules::params::{Captured, Params};

const RULE: PatternKind = PatternKind::Rule { case_sensitive: false };

fn json(params: &Params) -> Value {
    let value = |value: &Captured| match value {
        Captured::One(one) => Value::from(one.as_str()),
        Captured::Many(many) => Value::from(many.clone()),
        Captured::Nothing => Value::Null,
    };
    params.iter().map(|(name, captured)| (name.to_owned(), value(captured))).collect()
}

/// Where byway differs: text that is not ASCII is found in encoded paths too.
const DIFFERENT: [&str; 1] = ["/é/:x"];

#[test]
fn patterns_match_what_they_match_under_next() {
    let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let paths: Vec<&str> =
        vectors["paths"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut compared = 0;
    for vector in vectors["patterns"].as_array().unwrap() {
        let text = vector["pattern"].as_str().unwrap();
        if DIFFERENT.contains(&text) {
            continue;
        }
        let kind = if vector["kind"] == "rule" { RULE } else { PatternKind::Matcher };
        let pattern = PathPattern::new(text, kind);
        if vector["error"] == true {
            assert!(pattern.is_err(), "{text}");
            continue;
        }
        let pattern = pattern.unwrap();
        let found: BTreeMap<&str, Value> = paths
            .iter()
            .filter_map(|path| {
                let params = pattern.captures(path).unwrap();
                assert_eq!(params.is_some(), pattern.is_match(path).unwrap());
                let shown = |params: &Params| {
                    if kind == RULE { json(params) } else { Value::Bool(true) }
                };
                params.map(|params| (*path, shown(&params)))
            })
            .collect();
        let expect: BTreeMap<&str, Value> = vector["matches"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(path, params)| (path.as_str(), params.clone()))
            .collect();
        assert_eq!(found, expect, "{text} as {kind:?}");
        compared += paths.len();
    }
    assert!(compared > 8000);
}

#[test]
fn text_that_is_not_ascii_is_found_in_encoded_and_decoded_paths() {
    let pattern = PathPattern::new("/é/:x", PatternKind::Matcher).unwrap();
    for path in ["/é/1", "/%C3%A9/1", "/%c3%a9/1"] {
        assert!(pattern.is_match(path).unwrap(), "{path}");
    }
    assert!(!pattern.is_match("/e/1").unwrap());
}

#[test]
fn what_is_no_pattern_says_where() {
    let check = |text: &str, at: Option<usize>| {
        let error = PathPattern::new(text, RULE).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
    };
    check("/:", Some(1));
    check("/a/:-", Some(3));
    check("/(", Some(1));
    check("/()", Some(1));
    check("/(?:a)", Some(2));
    check("/((a))", Some(2));
    check("/((?<x>a))", Some(2));
    check("/{a", Some(1));
    check("/a}", Some(2));
    check("/*", Some(1));
    check("/a\\", Some(2));
    check("/:a:b", Some(3));
    check("/a(.*)*", None);
    check("/:a([)", None);
    check("/:a([z-a])", None);
    check(&format!("/{}:a", "a".repeat(5000)), None);
}

#[test]
fn names_and_repeats() {
    let pattern = PathPattern::new("/:a/:b*/(.*)", RULE).unwrap();
    assert_eq!(pattern.param_names().collect::<Vec<_>>(), ["a", "b"]);
    assert!(pattern.repeats("b") && !pattern.repeats("a") && !pattern.repeats("c"));
}

#[test]
fn a_matcher_with_lookahead_is_bounded() {
    let pattern =
        PathPattern::new("/((?!api|_next/static|.*\\.png$).*)", PatternKind::Matcher).unwrap();
    assert!(pattern.is_match("/dashboard").unwrap());
    assert!(!pattern.is_match("/api/x").unwrap());
    assert!(!pattern.is_match("/a/b.png").unwrap());
    let long = format!("/{}", "a".repeat(60_000));
    assert!(pattern.is_match(&long).unwrap());
}

proptest! {
    /// A pattern of text alone matches its text, and that with a slash.
    #[test]
    fn plain_text_matches_itself(segments in prop::collection::vec("[a-z0-9_.-]{1,6}", 1..5)) {
        let text = format!("/{}", segments.join("/"));
        let escaped = text.replace('.', "\\.");
        for kind in [RULE, PatternKind::Matcher] {
            let pattern = PathPattern::new(&escaped, kind).unwrap();
            let with_slash = format!("{text}/");
            let longer = format!("{text}x");
            prop_assert!(pattern.is_match(&text).unwrap());
            prop_assert!(pattern.is_match(&with_slash).unwrap());
            prop_assert!(!pattern.is_match(&longer).unwrap());
        }
    }

    /// `:name` takes exactly one segment, whatever is in it.
    #[test]
    fn a_parameter_is_one_segment(value in "[!-.0-~]{1,12}", more in "[a-z]{1,3}") {
        let pattern = PathPattern::new("/a/:value", RULE).unwrap();
        let path = format!("/a/{value}");
        let deeper = format!("{path}/{more}");
        let found = pattern.captures(&path).unwrap().unwrap();
        prop_assert_eq!(found.get("value"), Some(&Captured::One(value)));
        prop_assert!(!pattern.is_match(&deeper).unwrap());
    }

    /// `:name*` gives back the segments, however many.
    #[test]
    fn a_repeated_parameter_is_all_segments(segments in prop::collection::vec("[a-z%0-9]{1,5}", 1..6)) {
        let pattern = PathPattern::new("/:rest*", RULE).unwrap();
        let path = format!("/{}", segments.join("/"));
        let found = pattern.captures(&path).unwrap().unwrap();
        prop_assert_eq!(found.get("rest"), Some(&Captured::Many(segments)));
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in r"/[\\\[\](){}|*+?^$.:=!<>/a-c-]{0,24}", path in "/[a-c/.-]{0,12}") {
        for kind in [RULE, PatternKind::Matcher] {
            if let Ok(pattern) = PathPattern::new(&text, kind) {
                let _ = pattern.captures(&path);
            }
        }
    }
}
