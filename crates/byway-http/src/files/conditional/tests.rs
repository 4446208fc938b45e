use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::super::load::tests::facts;
use super::{Verdict, judge};

const TAG: &str = "W/\"12-18f4cbb3823\"";
const STRONG: &str = "\"12-18f4cbb3823\"";
const MODIFIED: &str = "Mon, 06 May 2024 07:08:09 GMT";
const BEFORE: &str = "Mon, 06 May 2024 07:08:08 GMT";
const AFTER: &str = "Mon, 06 May 2024 07:08:10 GMT";

fn verdict(lines: &[(&'static str, &str)]) -> Verdict {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    judge(&headers, &facts())
}

#[test]
fn one_condition_as_next_judges_it() {
    for (name, value, expect) in [
        ("if-none-match", TAG, Verdict::NotModified),
        ("if-none-match", STRONG, Verdict::NotModified),
        ("if-none-match", "*", Verdict::NotModified),
        ("if-none-match", "\"x\", W/\"12-18f4cbb3823\"", Verdict::NotModified),
        ("if-none-match", "\"x\"", Verdict::Whole),
        ("if-none-match", "", Verdict::Whole),
        ("if-modified-since", MODIFIED, Verdict::NotModified),
        ("if-modified-since", AFTER, Verdict::NotModified),
        ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT", Verdict::NotModified),
        ("if-modified-since", BEFORE, Verdict::Whole),
        ("if-modified-since", "garbage", Verdict::Whole),
        ("if-modified-since", "Monday, 06-May-24 07:08:09 GMT", Verdict::NotModified),
        ("if-modified-since", "Mon May  6 07:08:09 2024", Verdict::NotModified),
        ("if-match", TAG, Verdict::Whole),
        ("if-match", STRONG, Verdict::Whole),
        ("if-match", "*", Verdict::Whole),
        ("if-match", "\"x\"", Verdict::Failed),
        ("if-unmodified-since", MODIFIED, Verdict::Whole),
        ("if-unmodified-since", BEFORE, Verdict::Failed),
        ("if-unmodified-since", "junk", Verdict::Whole),
        ("range", "bytes=0-4", Verdict::Part(0..5)),
        ("range", "bytes=50-", Verdict::Unsatisfiable),
        ("range", "items=0-4", Verdict::Whole),
    ] {
        assert_eq!(verdict(&[(name, value)]), expect, "{name}: {value}");
    }
}

#[test]
fn several_conditions_in_the_order_of_the_rfc() {
    let part = Verdict::Part(0..2);
    let range = ("range", "bytes=0-1");
    for (lines, expect) in [
        // The tag is the better witness, so that the date is not asked (RFC 9110 §13.1.3).
        (vec![("if-none-match", TAG), ("if-modified-since", BEFORE)], Verdict::NotModified),
        (vec![("if-none-match", "\"x\""), ("if-modified-since", AFTER)], Verdict::Whole),
        (vec![("if-match", TAG), ("if-unmodified-since", BEFORE)], Verdict::Whole),
        (vec![("if-match", "\"x\""), ("if-none-match", TAG)], Verdict::Failed),
        (vec![("if-none-match", "\"q\""), ("if-none-match", TAG)], Verdict::NotModified),
        (vec![("if-none-match", TAG), ("cache-control", "max-age=0, No-Cache")], Verdict::Whole),
        (vec![("if-none-match", TAG), range], Verdict::NotModified),
        (vec![range, ("if-range", TAG)], part.clone()),
        (vec![range, ("if-range", STRONG)], Verdict::Whole),
        (vec![range, ("if-range", "\"x\"")], Verdict::Whole),
        (vec![range, ("if-range", MODIFIED)], part.clone()),
        (vec![range, ("if-range", AFTER)], part),
        (vec![range, ("if-range", BEFORE)], Verdict::Whole),
        (vec![range, ("if-range", "junk")], Verdict::Whole),
        (vec![("range", "bytes=50-"), ("if-range", "\"x\"")], Verdict::Whole),
    ] {
        assert_eq!(verdict(&lines), expect, "{lines:?}");
    }
}

proptest! {
    #[test]
    fn any_headers_are_judged(lines in prop::collection::vec((0_usize..7, prop::collection::vec(any::<u8>(), 0..30)), 0..5)) {
        const NAMES: [&str; 7] = [
            "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range",
            "range", "cache-control",
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(HeaderName::from_static(NAMES[name]), value);
            }
        }
        if let Verdict::Part(part) = judge(&headers, &facts()) {
            prop_assert!(part.start < part.end && part.end <= 18);
        }
    }
}
