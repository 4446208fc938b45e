use proptest::prelude::*;

use super::*;

fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    lines.iter().map(line).collect()
}

fn kept(control: &str) -> Option<(u32, u32)> {
    let terms = terms(StatusCode::OK, &map(&[("cache-control", control)]), &HeaderMap::new())?;
    Some((terms.lifetime.revalidate.unwrap(), terms.lifetime.expire.unwrap()))
}

#[test]
fn only_what_says_how_long_is_kept() {
    assert_eq!(kept("public"), None);
    assert_eq!(kept(""), None);
    assert_eq!(kept("s-maxage=60"), Some((60, 60)));
    assert_eq!(kept("max-age=10"), Some((10, 10)));
    assert_eq!(kept("max-age=10, s-maxage=60"), Some((60, 60)));
    assert_eq!(kept("S-MaxAge = \"60\""), Some((60, 60)));
    assert_eq!(kept("s-maxage=60, s-maxage=5"), Some((5, 5)), "of two the shorter one");
    assert_eq!(kept("s-maxage=-1"), None);
    assert_eq!(kept("s-maxage=1e9"), None);
    assert_eq!(kept("s-maxage=99999999999999999999"), Some((SECONDS_MAX, SECONDS_MAX)));
    assert_eq!(kept("s-maxage=0"), None);
}

#[test]
fn what_is_for_one_client_is_not_kept() {
    for control in [
        "s-maxage=60, private",
        "s-maxage=60, no-store",
        "s-maxage=60, no-cache",
        "s-maxage=60, private=\"x-user\"",
        "extension=\"a, b\", s-maxage=60, No-Store",
        "extension=\"a, no-store, s-maxage=60",
        "extension=\"\\\", s-maxage=60, b=\", no-store, c=\"\"",
    ] {
        assert_eq!(kept(control), None, "{control}");
    }
    assert_eq!(kept("note=\"no-store, private\", s-maxage=60"), Some((60, 60)), "quoted");
}

#[test]
fn an_answer_may_be_used_after_its_time_where_it_says_so() {
    assert_eq!(kept("s-maxage=1, stale-while-revalidate=9"), Some((1, 10)));
    assert_eq!(kept("s-maxage=1, stale-while-revalidate=2, stale-if-error=30"), Some((1, 31)));
    assert_eq!(kept("s-maxage=1, stale-if-error=30, must-revalidate"), Some((1, 1)));
    assert_eq!(kept("max-age=0, stale-while-revalidate=9"), Some((0, 9)));
}

#[test]
fn an_answer_from_another_cache_is_as_old_as_it_says() {
    let check = |lines: &[(&'static str, &str)]| {
        terms(StatusCode::OK, &map(lines), &HeaderMap::new()).map(|terms| terms.lifetime.revalidate)
    };
    assert_eq!(check(&[("cache-control", "s-maxage=60"), ("age", "20")]), Some(Some(40)));
    assert_eq!(check(&[("cache-control", "s-maxage=60"), ("age", "60")]), None);
    assert_eq!(check(&[("cache-control", "s-maxage=60"), ("age", "young")]), None);
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let expires = ("expires", "Sun, 06 Nov 1994 08:50:07 GMT");
    assert_eq!(check(&[expires, ("date", date)]), Some(Some(30)));
    assert_eq!(check(&[expires]), None, "long ago");
    assert_eq!(check(&[("expires", "0")]), None);
    assert_eq!(check(&[expires, ("date", date), ("cache-control", "max-age=0")]), None);
}

#[test]
fn c05_errors_parts_and_answers_without_a_body_are_not_kept() {
    let control = map(&[("cache-control", "s-maxage=60")]);
    for status in [200, 203, 301, 302, 307, 308, 404, 410] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(terms(status, &control, &HeaderMap::new()).is_some(), "{status}");
    }
    for status in [201, 204, 205, 206, 304, 400, 401, 403, 429, 500, 502, 503, 504] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(terms(status, &control, &HeaderMap::new()).is_none(), "{status}");
    }
}

#[test]
fn c03_cookies_and_credentials_keep_an_answer_out() {
    for line in [
        ("set-cookie", "a=1"),
        ("vary", "Cookie"),
        ("vary", "accept, AUTHORIZATION"),
        ("vary", "*"),
    ] {
        let answer = map(&[("cache-control", "public, s-maxage=60"), line]);
        assert!(terms(StatusCode::OK, &answer, &HeaderMap::new()).is_none(), "{line:?}");
    }
}

#[test]
fn c04_what_an_answer_varies_by_is_known_whatever_the_spelling() {
    let vary = |lines: &[(&'static str, &str)], request: &[(&'static str, &str)]| {
        let mut all = vec![("cache-control", "s-maxage=60")];
        all.extend(lines);
        let terms = terms(StatusCode::OK, &map(&all), &map(request)).unwrap();
        terms.vary.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    let two = [("vary", "RSC , accept"), ("vary", "Accept,,")];
    assert_eq!(vary(&two, &[]), ["accept", "rsc"]);
    let reflected = [("access-control-allow-origin", "https://a.example")];
    assert_eq!(vary(&reflected, &[("origin", "https://a.example")]), ["origin"]);
    assert!(vary(&reflected, &[]).is_empty());
    assert!(
        vary(&[("access-control-allow-origin", "*")], &[("origin", "https://a.example")])
            .is_empty()
    );
}

#[test]
fn tags_are_what_the_answer_names() {
    let answer =
        map(&[("cache-control", "s-maxage=1"), ("cache-tag", "a, b,,"), ("cache-tag", "c")]);
    let terms = terms(StatusCode::OK, &answer, &HeaderMap::new()).unwrap();
    assert_eq!(terms.tags.join(" "), "a b c");
}

proptest! {
    #[test]
    fn no_line_that_forbids_it_is_overlooked(
        before in "[ -~&&[^\"]]{0,40}", after in "[ -~]{0,40}", which in 0..3_usize,
    ) {
        let name = ["no-store", "private", "NO-cache"][which];
        let control = format!("s-maxage=60,{before}, {name} ,{after}");
        prop_assert_eq!(kept(&control), None);
    }

    #[test]
    fn any_line_is_read_without_a_fault(bytes in prop::collection::vec(0x20..=0xff_u8, 0..80)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let answer = HeaderMap::from_iter([(CACHE_CONTROL, value.clone()), (VARY, value)]);
            let _ = terms(StatusCode::OK, &answer, &HeaderMap::new());
        }
    }
}
