use proptest::prelude::*;

use super::{FillError, PathTemplate, Place, TextTemplate};
use crate::rules::params::{Captured, Params};

fn params() -> Params {
    let mut params = Params::default();
    params.set("x", Captured::One("1".to_owned()));
    params.set("y", Captured::One("2".to_owned()));
    params.set("m", Captured::Many(vec!["a".to_owned(), "b".to_owned()]));
    params.set("none", Captured::Nothing);
    params
}

fn one(value: &str) -> Params {
    let mut params = Params::default();
    params.set("x", Captured::One(value.to_owned()));
    params
}

#[test]
fn texts_are_filled_in_as_under_next() {
    // The expectations are answers of Next 16.4.6.
    let check = |text: &str, expect: &str| {
        assert_eq!(
            TextTemplate::new(text).fill(&params(), Place::Header).as_deref(),
            Ok(expect),
            "{text}"
        );
    };
    check("a:b", "a:b");
    check(":x", "1");
    check(":x*", "1");
    check("r=:x*", "r=1");
    check("/p/:x", "/p/1");
    check("a.:x.:y", "a.1.2");
    check(":x-:y", "1-2");
    check(":xy", ":xy");
    check(":x(foo)", "1(foo)");
    check("{:x}", "{1}");
    check(":x?", "1");
    check("(:x)", "(1)");
    check(":nope*", ":nope*");
    check("a/:nope+/b", "a/:nope+/b");
    check(":m*", "a/b");
    check("r=:m*", "r=ab");
    check("/:m*", "/a/b");
    check(":m+/z", "a/b/z");
    check("a/:m*/b", "a/a/b/b");
    check("a.:m*", "a.a.b");
    check("http://h:80/:x", "http://h:80/1");
    check("*:x*", "*1");
    check("", "");
    check("12:30:00", "12:30:00");
    // Two in a row are an error of Next's.
    check(":x:y", "12");
    let many = TextTemplate::new(":m").fill(&params(), Place::Header);
    assert_eq!(many, Err(FillError::Repeats("m".to_owned())));
    let none = TextTemplate::new(":none").fill(&params(), Place::Header);
    assert_eq!(none, Err(FillError::Missing("none".to_owned())));
}

#[test]
fn paths_are_filled_in() {
    let check = |text: &str, expect: Result<&str, FillError>| {
        let found = PathTemplate::new(text).unwrap().fill(&params(), Place::Path);
        assert_eq!(found.as_deref(), expect.as_deref(), "{text}");
    };
    check("/a/:x", Ok("/a/1"));
    check("/a/:m*", Ok("/a/a/b"));
    check("/a/:none*", Ok("/a"));
    check("/a/:none?/b", Ok("/a/b"));
    check("/a/:x(\\d+)", Ok("/a/1"));
    check("/:x:y", Ok("/12"));
    check("/a{-:x}?", Ok("/a-1"));
    check("/a\\:b", Ok("/a:b"));
    check("/a/:m", Err(FillError::Repeats("m".to_owned())));
    check("/a/:q", Err(FillError::Missing("q".to_owned())));
    check("/a/:none", Err(FillError::Missing("none".to_owned())));
}

#[test]
fn x11_a_captured_value_cannot_change_the_host() {
    let host = PathTemplate::new(":x.api.example.com").unwrap();
    assert_eq!(host.fill(&one("acme-1"), Place::Host).as_deref(), Ok("acme-1.api.example.com"));
    for evil in [
        "evil.com#",
        "evil.com",
        "a@b",
        "a%2fb",
        "a/b",
        "a:80",
        "",
        "a?b",
        "a\\b",
        "-a",
        "a-",
        "é",
        "a b",
        "[::1]",
        "%00",
        "evil.com%23",
    ] {
        assert_eq!(host.fill(&one(evil), Place::Host), Err(FillError::Refused), "{evil}");
    }
}

#[test]
fn captured_values_stay_where_they_are_put() {
    let path = PathTemplate::new("/to/:x").unwrap();
    let fill = |value: &str| path.fill(&one(value), Place::Path);
    assert_eq!(fill("a b?c#d").as_deref(), Ok("/to/a%20b%3Fc%23d"));
    assert_eq!(fill("a%20b").as_deref(), Ok("/to/a%20b"));
    assert_eq!(fill("100%").as_deref(), Ok("/to/100%25"));
    assert_eq!(fill("é\\").as_deref(), Ok("/to/%C3%A9%5C"));
    for dots in ["..", ".", "%2e%2E", "a/../b", "../../etc"] {
        assert_eq!(fill(dots), Err(FillError::Refused), "{dots}");
    }
    let query = TextTemplate::new("a=:x").fill(&one("1&b=2#c d"), Place::Query);
    assert_eq!(query.as_deref(), Ok("a=1%26b=2%23c%20d"));
}

proptest! {
    #[test]
    fn a_filled_path_is_a_path(value in any::<String>()) {
        let template = PathTemplate::new("/a/:x/b").unwrap();
        if let Ok(path) = template.fill(&one(&value), Place::Path) {
            prop_assert!(path.starts_with("/a/") && path.ends_with("/b"));
            prop_assert!(path.bytes().all(|byte| (0x21..0x7F).contains(&byte)));
            prop_assert!(!path.contains(['?', '#', '\\']));
            let dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
            prop_assert!(!dots);
        }
    }

    #[test]
    fn a_text_without_colons_is_itself(text in "[^:]{0,40}") {
        let template = TextTemplate::new(&text);
        prop_assert_eq!(template.constant(), Some(text.as_str()));
        prop_assert_eq!(template.fill(&params(), Place::Header), Ok(text));
    }

    #[test]
    fn names_that_were_not_captured_stay(text in "[a-c:*+?/.=-]{0,30}") {
        prop_assert_eq!(TextTemplate::new(&text).fill(&Params::default(), Place::Header), Ok(text));
    }
}
