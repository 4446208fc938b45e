use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{ConditionKind, ConditionSource, Conditions, Facts};
use crate::rules::params::{Captured, Params};

#[derive(Default)]
struct Request {
    headers: BTreeMap<&'static str, &'static str>,
    cookies: BTreeMap<&'static str, &'static str>,
    query: BTreeMap<&'static str, &'static str>,
}

impl Facts for Request {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers.get(name).map(|value| Cow::Borrowed(*value))
    }

    fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        self.cookies.get(name).map(|value| Cow::Borrowed(*value))
    }

    fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.query.get(name).map(|value| Cow::Borrowed(*value))
    }
}

fn condition(kind: ConditionKind, key: &str, value: Option<&str>) -> ConditionSource {
    let key = (kind != ConditionKind::Host).then(|| key.to_owned());
    ConditionSource { kind, key, value: value.map(str::to_owned) }
}

fn ask(has: &[ConditionSource], missing: &[ConditionSource], request: &Request) -> Option<Params> {
    Conditions::new(has, missing).unwrap().captures(request).unwrap()
}

fn captured(params: &Params, name: &str) -> String {
    match params.get(name) {
        Some(Captured::One(value)) => value.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn values_are_captured_under_the_letters_of_the_key() {
    let request = Request {
        headers: [("x-tenant-1", "acme")].into(),
        cookies: [("Go", "1")].into(),
        query: [("to", "x y")].into(),
    };
    let has = [
        condition(ConditionKind::Header, "X-Tenant-1", None),
        condition(ConditionKind::Cookie, "Go", None),
        condition(ConditionKind::Query, "to", Some("(?<dest>[a-z ]+)")),
    ];
    let params = ask(&has, &[], &request).unwrap();
    assert_eq!(captured(&params, "xtenant"), "acme");
    assert_eq!(captured(&params, "Go"), "1");
    assert_eq!(captured(&params, "dest"), "x y");
    assert_eq!(params.get("to"), None);
    let names = Conditions::new(&has, &[]).unwrap();
    assert_eq!(names.param_names().collect::<Vec<_>>(), ["xtenant", "Go", "dest"]);
}

#[test]
fn an_expression_is_about_the_whole_value_and_its_case() {
    let request = Request { query: [("a", "yes"), ("b", "")].into(), ..Request::default() };
    let holds = |key: &str, value: Option<&str>| {
        ask(&[condition(ConditionKind::Query, key, value)], &[], &request).is_some()
    };
    assert!(holds("a", Some("yes")));
    assert!(holds("a", Some("y.*")));
    assert!(holds("a", Some("")));
    assert!(!holds("a", Some("ye")));
    assert!(!holds("a", Some("YES")));
    // As in JavaScript, alternatives go beyond the anchors that Next puts around them.
    assert!(holds("a", Some("no|s")));
    assert!(!holds("A", None));
    assert!(!holds("b", None));
    assert!(!holds("b", Some(".*")));
    assert!(!holds("c", None));
}

#[test]
fn hosts_lose_their_port_and_case() {
    let request = Request { headers: [("host", "Special.TEST:3000")].into(), ..Request::default() };
    let host = |value| ask(&[condition(ConditionKind::Host, "", Some(value))], &[], &request);
    assert_eq!(captured(&host("special\\.test").unwrap(), "host"), "special.test");
    let named = host("(?<tenant>[^.]+)\\.test").unwrap();
    assert_eq!(captured(&named, "tenant"), "special");
    assert_eq!(named.get("host"), None);
    assert!(host("other").is_none());
}

#[test]
fn missing_turns_a_condition_around() {
    let request = Request { headers: [("x-want", "1")].into(), ..Request::default() };
    let want = || [condition(ConditionKind::Header, "x-want", None)];
    assert!(ask(&[], &want(), &request).is_none());
    assert!(ask(&[], &want(), &Request::default()).unwrap().is_empty());
    assert!(ask(&want(), &[], &Request::default()).is_none());
}

#[test]
fn a_group_that_took_no_part_has_nothing() {
    let request = Request { query: [("a", "x")].into(), ..Request::default() };
    let has = [condition(ConditionKind::Query, "a", Some("(?<one>x)|(?<two>y)"))];
    let params = ask(&has, &[], &request).unwrap();
    assert_eq!(captured(&params, "one"), "x");
    assert_eq!(params.get("two"), Some(&Captured::Nothing));
}

#[test]
fn a_wrong_expression_is_an_error() {
    let wrong = [condition(ConditionKind::Header, "a", Some("("))];
    assert!(Conditions::new(&wrong, &[]).is_err());
}
