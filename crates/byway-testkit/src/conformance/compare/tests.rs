use serde_json::{Value, json};

use super::super::case::Compare;
use super::super::record::Record;
use super::{difference, excerpt};

fn record(text: Value) -> Record {
    serde_json::from_value(text).unwrap()
}

/// The difference between an answer and itself with the fields of `change`.
#[expect(clippy::needless_pass_by_value, reason = "call sites read better with values")]
fn changed(change: Value, compare: Value) -> Option<String> {
    let base = json!({
        "status": 200, "reason": "OK", "framing": "chunked", "complete": true, "body": "{\"a\":1}",
        "headers": [["Content-Type", "application/json"], ["Date", "x"], ["vary", "rsc, Cookie"]],
    });
    let mut other = base.clone();
    for (key, value) in change.as_object().unwrap() {
        other[key] = value.clone();
    }
    let compare: Compare = serde_json::from_value(compare).unwrap();
    difference(&record(base), &record(other), &compare, false)
}

#[test]
fn an_answer_equals_itself() {
    assert_eq!(changed(json!({}), json!({"reason": true, "framing": true})), None);
}

#[test]
fn fields_are_compared_as_the_case_says() {
    let check = |change: Value, compare: Value, differs: bool| {
        let found = changed(change.clone(), compare.clone());
        assert_eq!(found.is_some(), differs, "{change} {compare} {found:?}");
    };
    check(json!({"status": 201}), json!({}), true);
    check(json!({"status": 201}), json!({"status": false}), false);
    check(json!({"reason": "Fine"}), json!({}), false);
    check(json!({"reason": "Fine"}), json!({"reason": true}), true);
    check(json!({"framing": "length"}), json!({}), false);
    check(json!({"framing": "length"}), json!({"framing": true}), true);
    check(json!({"complete": false}), json!({}), true);
    check(json!({"complete": false}), json!({"complete": false}), false);
    check(json!({"closed_after": true}), json!({}), false);
    check(json!({"closed_after": true}), json!({"closed": true}), true);
    check(json!({"interim": [100]}), json!({"interim": true}), true);
    check(json!({"trailers": ["a: b"]}), json!({"trailers": true}), true);
    check(json!({"asserts": [true]}), json!({}), true);
    check(json!({"timing_ok": false}), json!({}), true);
    check(json!({"multi": [{"status": 200}]}), json!({}), true);
}

#[test]
fn bodies_are_compared_exactly_or_as_json_or_by_pattern() {
    let spaced = json!({"body": "{ \"a\": 1.0 }"});
    assert!(changed(spaced.clone(), json!({})).is_some());
    assert_eq!(changed(spaced.clone(), json!({"body": "json"})), None);
    assert_eq!(changed(spaced.clone(), json!({"body": "none"})), None);
    assert_eq!(changed(spaced.clone(), json!({"body": {"regex": "\"a\": .\\.0"}})), None);
    assert!(changed(spaced, json!({"body": {"regex": "b"}})).is_some());
    let found = changed(json!({"body": "{\"a\":2}"}), json!({"body": "json"}));
    assert_eq!(found.as_deref(), Some("json: $.a: expected 1, got 2"));
    assert!(changed(json!({"body": null, "body_b64": "/w=="}), json!({"body": "json"})).is_some());
    assert!(changed(json!({"body": null, "body_b64": "/w=="}), json!({})).is_some());
}

#[test]
fn headers_are_compared_by_name_and_order_of_values() {
    let with = |headers: Value, compare: Value| changed(json!({"headers": headers}), compare);
    let same = json!([["content-type", "application/json"], ["vary", "Cookie"]]);
    assert_eq!(with(same.clone(), json!({})), None);
    let extra = json!([["content-type", "application/json"], ["vary", "Cookie"], ["x-a", "1"]]);
    let found = with(extra.clone(), json!({}));
    assert_eq!(found.as_deref(), Some("header x-a: expected absent, got [\"1\"]"));
    assert_eq!(with(extra.clone(), json!({"skip": ["X-A"]})), None);
    assert_eq!(with(extra, json!({"headers": ["Content-Type"]})), None);
    assert!(with(same.clone(), json!({"also": ["Date"]})).is_some());
    assert!(with(same, json!({"vary_exact": true})).is_some());
}

#[test]
fn etags_are_compared_by_strength_and_cookies_by_order() {
    let one = |value: &str| record(json!({"headers": [["ETag", value]]}));
    let compare = Compare::default();
    let differs =
        |left: &str, right: &str| difference(&one(left), &one(right), &compare, false).is_some();
    assert!(!differs("\"0123456789\"", "\"abcdefghi\""));
    assert!(differs("\"0123456789\"", "W/\"abcdefghi\""));
    assert!(differs("\"short\"", "\"other\""));
    let cookies =
        |a: &str, b: &str| record(json!({"headers": [["Set-Cookie", a], ["set-cookie", b]]}));
    assert!(difference(&cookies("a", "b"), &cookies("b", "a"), &compare, false).is_some());
    let without = Compare { set_cookie: false, ..Compare::default() };
    assert!(difference(&cookies("a", "b"), &cookies("b", "a"), &without, false).is_none());
    assert!(difference(&cookies("a", "b"), &cookies("a", "b"), &compare, true).is_none());
    let other_case = record(json!({"headers": [["set-cookie", "a"], ["set-cookie", "b"]]}));
    assert!(difference(&cookies("a", "b"), &other_case, &compare, true).is_some());
}

#[test]
fn failures_of_the_transport_are_compared_by_their_words() {
    let failed = |error: &str| record(json!({"error": error}));
    let fine = record(json!({"status": 200}));
    let compare = Compare::default();
    let check = |expected: &Record, got: &Record, compare: &Compare| {
        difference(expected, got, compare, false)
    };
    assert_eq!(check(&failed("timeout"), &failed("timeout"), &compare), None);
    assert!(check(&failed("timeout"), &failed("connection: closed"), &compare).is_some());
    let any = Compare { any_error: true, ..Compare::default() };
    assert_eq!(check(&failed("timeout"), &failed("connection: closed"), &any), None);
    assert!(check(&failed("timeout"), &fine, &any).is_some());
    let found = check(&fine, &failed("timeout"), &compare);
    assert_eq!(found.as_deref(), Some("transport: expected 200, got timeout"));
    assert_eq!(check(&record(json!({"aborted": true})), &failed("timeout"), &compare), None);
}

#[test]
fn excerpts_are_one_line_and_never_cut_a_character() {
    assert_eq!(excerpt("a\r\nb", 10), "a\\r\\nb");
    assert_eq!(excerpt("\u{e9}\u{e9}\u{e9}", 2), "\u{e9}\u{e9}…");
    assert_eq!(excerpt("ab", 2), "ab");
}
