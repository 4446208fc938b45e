use proptest::prelude::*;

use super::{JsRegex, REGEX_BYTES_MAX, RegexError, TooComplex};

fn matches(regex: &str, text: &str) -> bool {
    JsRegex::new(regex, true).unwrap().is_match(text).unwrap()
}

#[test]
fn javascript_meanings() {
    // Each expectation is what `new RegExp(regex).test(text)` gives in Node.
    let check = |regex: &str, text: &str, expect: bool| {
        assert_eq!(matches(regex, text), expect, "/{regex}/ on {text:?}");
    };
    check(r"^\d$", "7", true);
    check(r"^\d$", "٧", false);
    check(r"^[\w-]+$", "a-b", true);
    check(r"^[\w-.]+$", "a-b.c", true);
    check(r"^[\w-]+$", "é", false);
    check(r"^\w+$", "é", false);
    check(r"^[^\W\d]+$", "ab_", true);
    check(r"^[^\W\d]+$", "a1", false);
    check(r"^\/a\-b$", "/a-b", true);
    check(r"^[[]$", "[", true);
    check(r"^[&&a]$", "&", true);
    check(r"^[a~~b]$", "~", true);
    check(r"^[\]]$", "]", true);
    check(r"^[a-c-e]$", "-", true);
    check(r"^a.c$", "a\nc", false);
    check(r"^a.c$", "a\u{2028}c", false);
    check(r"^a[^]c$", "a\nc", true);
    check(r"^a[]c$", "abc", false);
    check(r"^a{2}$", "aa", true);
    check(r"^a{2,}$", "aaaa", true);
    check(r"^a{,2}$", "a{,2}", true);
    check(r"^a{b}$", "a{b}", true);
    check(r"^\x41\u0042\cJ$", "AB\n", true);
    check(r"^a$", "a\n", false);
    check(r"^(?!api|_next).*$", "admin", true);
    check(r"^(?!api|_next).*$", "api/x", false);
    check(r"(?<=@)b$", "a@b", true);
    check(r"^(a|b)\1$", "bb", true);
    check(r"^(a|b)\1$", "ab", false);
    check(r"^(?<x>a|b)\k<x>$", "aa", true);
    check(r"\bfoo\b", "a foo b", true);
    check(r"\bfoo\b", "éfoo", true);
    check(r"\Boo$", "foo", true);
    check(r"^\s$", "\u{FEFF}", true);
    check(r"^\s$", "\u{85}", false);
    check(r"^a-b<c>$", "a-b<c>", true);
    check(r"^#&~ $", "#&~ ", true);
    check(r"^a}$", "a}", true);
    check(r"^]$", "]", true);
    check(r"^a+?b*?$", "aab", true);
}

#[test]
fn case_is_ignored_when_asked() {
    assert!(JsRegex::new("^/a[b-d]$", false).unwrap().is_match("/AC").unwrap());
    assert!(!JsRegex::new("^/a[b-d]$", true).unwrap().is_match("/AC").unwrap());
}

#[test]
fn what_javascript_refuses_is_refused() {
    for wrong in
        ["a**", "a++", "*a", "(", "a)", "[a", "(?x)", "(?>a)", r"a\", "(?<a", r"\k<a", "a|*"]
    {
        let found = JsRegex::new(wrong, true);
        assert!(matches!(found, Err(RegexError::Invalid { .. })), "{wrong}: {found:?}");
    }
    let long = "a".repeat(REGEX_BYTES_MAX + 1);
    assert_eq!(JsRegex::new(&long, true).unwrap_err(), RegexError::TooLong);
}

#[test]
fn backtracking_is_bounded() {
    let regex = JsRegex::new("^(?=(a+)+$)a*b", true).unwrap();
    let plain = JsRegex::new("^(a+)+$", true).unwrap();
    let text = format!("{}!", "a".repeat(20_000));
    assert!(!plain.is_match(&text).unwrap());
    assert!(matches!(regex.is_match(&text), Ok(false) | Err(TooComplex)));
    let catastrophic = JsRegex::new(r"^(?:(a|aa|\1)+)+$", true).unwrap();
    assert_eq!(catastrophic.is_match(&text), Err(TooComplex));
}

proptest! {
    /// Escaping every character makes a text match itself alone.
    #[test]
    fn escaped_text_matches_itself(text in "[ -~é\u{2028}]{0,30}") {
        let escaped: String = text
            .chars()
            .map(|c| if c.is_ascii_punctuation() { format!("\\{c}") } else { c.to_string() })
            .collect();
        let regex = JsRegex::new(&format!("^{escaped}$"), true).unwrap();
        prop_assert!(regex.is_match(&text).unwrap());
        let longer = format!("{text}x");
        prop_assert!(!regex.is_match(&longer).unwrap());
    }

    /// The same within a class.
    #[test]
    fn a_class_holds_its_characters(text in "[ -~]{1,20}", other in "[ -~]") {
        let escaped: String = text
            .chars()
            .map(|c| if matches!(c, '\\' | ']' | '^' | '-') { format!("\\{c}") } else { c.to_string() })
            .collect();
        let regex = JsRegex::new(&format!("^[{escaped}]$"), true).unwrap();
        prop_assert_eq!(regex.is_match(&other).unwrap(), text.contains(&other));
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in r"[\\\[\](){}|*+?^$.:=!<>dwsbk0-9a-c,-]{0,24}") {
        if let Ok(regex) = JsRegex::new(&text, true) {
            let _ = regex.is_match("abc-012");
        }
    }
}
