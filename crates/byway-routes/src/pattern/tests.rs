//! Patterns and their texts.

use proptest::prelude::*;

use super::{PATTERN_SEGMENTS_MAX, Pattern, PatternError, Segment};

fn error(text: &str) -> PatternError {
    Pattern::parse(text).unwrap_err()
}

#[test]
fn every_sort_of_segment_is_read_and_written() {
    let text = "/api/[user]/static.txt/[a-b]/[[...rest]]";
    let pattern = Pattern::parse(text).unwrap();
    assert_eq!(
        pattern.segments,
        [
            Segment::Static("api".into()),
            Segment::Param("user".into()),
            Segment::Static("static.txt".into()),
            Segment::Param("a-b".into()),
            Segment::OptionalCatchAll("rest".into()),
        ]
    );
    assert_eq!(pattern.to_string(), text);
    assert_eq!(pattern.param_names().collect::<Vec<_>>(), ["user", "a-b", "rest"]);
    assert!(!pattern.is_static());
    assert_eq!(Pattern::parse("/[...all]").unwrap().segments, [Segment::CatchAll("all".into())]);
}

#[test]
fn the_root_has_no_segments() {
    let root = Pattern::parse("/").unwrap();
    assert!(root.segments.is_empty() && root.is_static());
    assert_eq!(root.to_string(), "/");
}

#[test]
fn unpaired_brackets_are_static_text() {
    for text in ["/[id", "/id]", "/a[b]", "/[a]b", "/["] {
        assert!(Pattern::parse(text).unwrap().is_static(), "{text}");
    }
}

#[test]
fn malformed_patterns_are_refused() {
    assert_eq!(error("api"), PatternError::NotAbsolute("api".into()));
    assert_eq!(error(""), PatternError::NotAbsolute(String::new()));
    assert_eq!(error("/a//b"), PatternError::EmptySegment("/a//b".into()));
    assert_eq!(error("/a/"), PatternError::EmptySegment("/a/".into()));
    assert_eq!(error("/[]"), PatternError::EmptyName("[]".into()));
    assert_eq!(error("/[...]"), PatternError::EmptyName("[...]".into()));
    assert_eq!(error("/[[...]]"), PatternError::EmptyName("[[...]]".into()));
    assert_eq!(error("/[[id]]"), PatternError::OptionalParam("[[id]]".into()));
    assert_eq!(error("/[[[id]]]"), PatternError::OptionalParam("[[[id]]]".into()));
    assert_eq!(error("/[[id]"), PatternError::ExtraBrackets("[[id]".into()));
    assert_eq!(error("/[[]"), PatternError::ExtraBrackets("[[]".into()));
    assert_eq!(error("/[.id]"), PatternError::StrayDots("[.id]".into()));
    assert_eq!(error("/[....id]"), PatternError::StrayDots("[....id]".into()));
    assert_eq!(error("/[…id]"), PatternError::Ellipsis("[…id]".into()));
    assert_eq!(error("/[...a]/b"), PatternError::CatchAllNotLast("[...a]".into()));
    assert_eq!(error("/[[...a]]/[b]"), PatternError::CatchAllNotLast("[[...a]]".into()));
    assert_eq!(error("/[a]/x/[a]"), PatternError::DuplicateName("a".into()));
    assert_eq!(error("/[a]/[...a]"), PatternError::DuplicateName("a".into()));
    assert_eq!(error("/[a-b]/[ab]"), PatternError::LookalikeNames("a-b".into(), "ab".into()));
    assert_eq!(error(&"/a".repeat(PATTERN_SEGMENTS_MAX + 1)), PatternError::TooManySegments);
    assert!(Pattern::parse(&"/a".repeat(PATTERN_SEGMENTS_MAX)).is_ok());
}

#[test]
fn the_manifest_keeps_its_shape() {
    let json = concat!(
        r#"[{"kind":"static","text":"api"},{"kind":"param","text":"id"},"#,
        r#"{"kind":"optionalCatchAll","text":"r"}]"#
    );
    let pattern = Pattern::parse("/api/[id]/[[...r]]").unwrap();
    assert_eq!(serde_json::to_string(&pattern).unwrap(), json);
    assert_eq!(serde_json::from_str::<Pattern>(json).unwrap(), pattern);
}

proptest! {
    #[test]
    fn what_is_read_is_written_alike(text in r"(/(\PC|\[|\]|\.){0,8}){0,5}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            prop_assert_eq!(pattern.to_string(), text);
        }
    }
}
