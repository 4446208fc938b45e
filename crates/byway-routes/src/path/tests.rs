//! What each sort of target leads to. The expectations were observed on Next 16, except where a
//! comment says otherwise.

mod properties;

use super::{PathOptions, PathOutcome, RequestPath, TARGET_BYTES_MAX, parse_target};

fn parse(target: &str) -> PathOutcome {
    parse_target(target.as_bytes(), &PathOptions::default())
}

fn path_under(target: &str, options: &PathOptions) -> RequestPath {
    match parse_target(target.as_bytes(), options) {
        PathOutcome::Path(path) => path,
        other => panic!("{target}: {other:?}"),
    }
}

fn path(target: &str) -> RequestPath {
    path_under(target, &PathOptions::default())
}

/// The raw path and the decoded segments.
fn check(target: &str, raw: &str, segments: &[&str]) {
    let path = path(target);
    assert_eq!(path.as_str(), raw, "{target}");
    assert_eq!(path.segments().collect::<Vec<_>>(), segments, "{target}");
}

fn check_redirect(target: &str, expect: &str) {
    let location = expect.to_owned();
    assert_eq!(parse(target), PathOutcome::Redirect { location }, "{target}");
}

fn check_refused(target: &[u8]) {
    let outcome = parse_target(target, &PathOptions::default());
    let text = String::from_utf8_lossy(target);
    assert!(matches!(outcome, PathOutcome::BadRequest(_)), "{text}: {outcome:?}");
}

#[test]
fn plain_paths() {
    check("/", "/", &[]);
    check("/a/b", "/a/b", &["a", "b"]);
    check("/a;b=c/d", "/a;b=c/d", &["a;b=c", "d"]);
    check("/CON/a:b", "/CON/a:b", &["CON", "a:b"]);
    check("/a'b!$&(c)*+,=@~^|[]", "/a'b!$&(c)*+,=@~^|[]", &["a'b!$&(c)*+,=@~^|[]"]);
    check("/.../x", "/.../x", &["...", "x"]);
    check("/..;/b", "/..;/b", &["..;", "b"]);
    check("/a/.b", "/a/.b", &["a", ".b"]);
}

#[test]
fn deep_paths() {
    for depth in [11, 12, 13, 14, 2000] {
        let expect: Vec<String> = (0..depth).map(|number| format!("s{number}")).collect();
        let path = path(&format!("/{}", expect.join("/")));
        assert!(path.segments().eq(expect.iter().map(String::as_str)), "{depth}");
    }
}

#[test]
fn queries_are_kept_raw() {
    let query = |target| path(target).query().to_owned();
    assert_eq!(query("/a"), "");
    assert_eq!(query("/a?"), "");
    assert_eq!(query("/a?x=//y\\z&b=%zz"), "x=//y\\z&b=%zz");
    assert_eq!(query("/?a=b?c/"), "a=b?c/");
    assert_eq!(query("/a?q#frag?x"), "q");
    assert_eq!(query("/a#frag?x"), "");
    assert_eq!(path("/a?x=1").with_query(), "/a?x=1");
    assert_eq!(path("/a?").with_query(), "/a");
}

#[test]
fn segments_are_decoded_once() {
    check("/segments/a%20b", "/segments/a%20b", &["segments", "a b"]);
    check("/segments/caf%C3%A9%E2%9C%93", "/segments/caf%C3%A9%E2%9C%93", &["segments", "café✓"]);
    check("/a%2Fb/%2f", "/a%2Fb/%2f", &["a/b", "/"]);
    check("/a%5Cb", "/a%5Cb", &["a\\b"]);
    check("/a%00b", "/a%00b", &["a\0b"]);
    check("/%2520", "/%2520", &["%20"]);
    check("/a+b", "/a+b", &["a+b"]);
    check("/%252e%252e/x", "/%252e%252e/x", &["%2e%2e", "x"]);
    check("/a/..%2fb", "/a/..%2fb", &["a", "../b"]);
    check("/%2f%2fevil.com", "/%2f%2fevil.com", &["//evil.com"]);
}

#[test]
fn characters_are_encoded_as_urls_show_them() {
    check("/a\"b/<c>", "/a%22b/%3Cc%3E", &["a\"b", "<c>"]);
    check("/a{b}`", "/a%7Bb%7D%60", &["a{b}`"]);
    check_redirect("/a\"b/", "/a%22b");
}

#[test]
fn undecodable_segments_are_refused() {
    for target in ["/%zz", "/a%", "/a%2", "/%E0%A4%A", "/%ff", "/a/%+1", "/%u0041", "/x/%%20"] {
        check_refused(target.as_bytes());
    }
    // Overlong forms of `/` and `.`, a surrogate, a code point beyond the last.
    for target in ["/%C0%AF", "/%c0%ae%c0%ae/x", "/%ED%A0%80", "/%F4%90%80%80"] {
        check_refused(target.as_bytes());
    }
}

#[test]
fn raw_bytes_that_no_target_has_are_refused() {
    for target in [&b"/a\0b"[..], b"/a b", b"/a\tb", b"/a\x7f", b"/\xc3\xa4", b"/a\r\nX: y"] {
        check_refused(target);
    }
    for target in [&b"/a?\0"[..], b"/a?b c", b"/a/?\xe9", b"//a?\r\nX: y", b"/a?\x7f"] {
        check_refused(target);
    }
    // Under Next `*` is a 500.
    for target in [&b""[..], b"*", b"a/b", b"example.com:443", b"?x", b"ftp://a/b"] {
        check_refused(target);
    }
}

#[test]
fn dot_segments_are_resolved() {
    check("/a/../b", "/b", &["b"]);
    check("/a/./b", "/a/b", &["a", "b"]);
    check("/../../x", "/x", &["x"]);
    check("/a/%2e%2E/b", "/b", &["b"]);
    check("/a/.%2e/b", "/b", &["b"]);
    check("/%2e%2e/%2e%2e/etc", "/etc", &["etc"]);
    for root in ["/.", "/..", "/%2e", "/%2E%2e", "/a/..", "/a/../", "/a/b/../..", "/a/%2e%2e/"] {
        check(root, "/", &[]);
    }
    assert_eq!(path("/a/..?x").query(), "x");
    check_redirect("/a/.", "/a");
    check_redirect("/a/%2e/", "/a");
    check_redirect("/b/a/%2e%2e/", "/b");
    check_redirect("/s/x/../stat/?q=1", "/s/stat?q=1");
}

#[test]
fn a_slash_at_the_end_is_removed() {
    check_redirect("/segments/42/", "/segments/42");
    check_redirect("/segments/42/?a=1&b=2", "/segments/42?a=1&b=2");
    check_redirect("/.well-known/thing/", "/.well-known/thing");
    check_redirect("/a./", "/a.");
    check_redirect("/a/?", "/a");
    check_redirect("/a/#frag", "/a");
    check_redirect("/%5C%5Cevil.com/", "/%5C%5Cevil.com");
    // The encoding is looked at when the client comes back.
    check_redirect("/%zz/", "/%zz");
    // Next writes the query anew here (`x=%2F%2Fy&flag=`), which names the same values.
    check_redirect("/a/?x=//y&flag", "/a?x=//y&flag");
}

#[test]
fn repeated_slashes_and_backslashes_are_collapsed() {
    check_redirect("/a//b", "/a/b");
    check_redirect("//segments/42", "/segments/42");
    check_redirect("/x///", "/x/");
    check_redirect("//", "/");
    check_redirect("/a\\b", "/a/b");
    check_redirect("/a/\\", "/a/");
    check_redirect("/a//b/?u=http://x//y", "/a/b/?u=http://x//y");
    check_redirect("//?x=1", "/?x=1");
    check_redirect("/a\\..\\b", "/b");
    check_redirect("/a/..//b", "/b");
    check_redirect("//..", "/");
    check_redirect("/http://x", "/http:/x");
    check_redirect("//%zz", "/%zz");
}

#[test]
fn no_redirect_leads_to_another_host() {
    check_redirect("//evil.com", "/evil.com");
    check_redirect("//evil.com/", "/evil.com/");
    check_redirect("/\\evil.com", "/evil.com");
    check_redirect("/.//evil.com", "/evil.com");
    check_redirect("/a/../..//evil.com", "/evil.com");
    check_redirect("/a/..\\\\evil.com/%2e%2e", "/");
}

#[test]
fn the_absolute_form_is_reduced_to_its_path() {
    // Next redirects these to themselves; RFC 9112 §3.2.2 wants them served.
    check("http://localhost:3000/a/b", "/a/b", &["a", "b"]);
    check("HTTPS://evil.com/a?x", "/a", &["a"]);
    check("http://localhost", "/", &[]);
    check_redirect("http://localhost//evil.com", "/evil.com");
    check_redirect("http://localhost\\\\evil.com", "/evil.com");
    check_redirect("http://localhost/a/", "/a");
    check_refused(b"http://localhost?x");
}

#[test]
fn both_forms_are_served_without_the_redirect() {
    let options = PathOptions { skip_trailing_slash_redirect: true, ..PathOptions::default() };
    let path = path_under("/api/i18n/", &options);
    assert_eq!(path.as_str(), "/api/i18n/");
    assert_eq!(path.segments().collect::<Vec<_>>(), ["api", "i18n"]);
    assert_eq!(path_under("/api/i18n", &options).as_str(), "/api/i18n");
    let outcome = parse_target(b"/a//", &options);
    assert_eq!(outcome, PathOutcome::Redirect { location: "/a/".into() });
}

#[test]
fn trailing_slashes_can_be_demanded() {
    let options = PathOptions { trailing_slash: true, ..PathOptions::default() };
    let check = |target: &str, expect: Option<&str>| {
        let outcome = parse_target(target.as_bytes(), &options);
        match expect {
            Some(location) => {
                let location = location.to_owned();
                assert_eq!(outcome, PathOutcome::Redirect { location }, "{target}");
            }
            None => assert!(matches!(outcome, PathOutcome::Path(_)), "{target}: {outcome:?}"),
        }
    };
    check("/a", Some("/a/"));
    check("/a?x=1", Some("/a/?x=1"));
    check("/a/", None);
    check("/", None);
    check("/item/a.txt", None);
    check("/item/a.txt/", Some("/item/a.txt"));
    check("/item/a.b-c/", None);
    check("/item/a.b-c", None);
    check("/item/.hidden", None);
    check("/item/.hidden/", None);
    check("/item/a./", None);
    check("/.well-known/x", None);
    check("/.well-known/x/", None);
    check("/a/.well-known", None);
    check("/v1.0/users", Some("/v1.0/users/"));
}

#[test]
fn a_base_path_is_taken_off() {
    let base_path = "/base".to_owned();
    let options = PathOptions { base_path, ..PathOptions::default() };
    let path = path_under("/base/item/a%2Fb?q=1", &options);
    assert_eq!(path.as_str(), "/item/a%2Fb");
    assert_eq!(path.with_base(), "/base/item/a%2Fb");
    assert_eq!(path.with_query(), "/base/item/a%2Fb?q=1");
    assert_eq!(path.segments().collect::<Vec<_>>(), ["item", "a/b"]);
    assert!(!path.is_outside_base());
    let root = path_under("/base", &options);
    assert_eq!((root.as_str(), root.segments().len()), ("/", 0));
    for outside in ["/", "/api", "/BASE/x", "/basement", "/%62ase/x", "/x/base"] {
        let path = path_under(outside, &options);
        assert!(path.is_outside_base(), "{outside}");
        assert_eq!(path.as_str(), outside);
    }
}

#[test]
fn a_base_path_with_trailing_slashes() {
    let base_path = "/v1.0/base".to_owned();
    let options = PathOptions { base_path, trailing_slash: true, ..PathOptions::default() };
    let redirect = |target: &str| match parse_target(target.as_bytes(), &options) {
        PathOutcome::Redirect { location } => Some(location),
        _ => None,
    };
    assert_eq!(redirect("/v1.0/base").as_deref(), Some("/v1.0/base/"));
    assert_eq!(redirect("/v1.0/base/"), None);
    assert_eq!(path_under("/v1.0/base/", &options).as_str(), "/");
    assert_eq!(redirect("/v1.0/base/x").as_deref(), Some("/v1.0/base/x/"));
    assert_eq!(redirect("/outside").as_deref(), Some("/outside/"));
    // Next sends `/v1.0` and `/v1.0/` to each other for ever; the base path keeps its slash here.
    let dotted = PathOptions { base_path: "/v1.0".into(), ..options };
    assert!(!path_under("/v1.0/", &dotted).is_outside_base());
}

#[test]
fn targets_have_a_maximum() {
    let longest = format!("/{}", "a".repeat(TARGET_BYTES_MAX - 1));
    assert_eq!(path(&longest).as_str(), longest);
    check_refused(format!("{longest}a").as_bytes());
    // What fits raw but not encoded.
    check_refused(format!("/{}", "\"".repeat(TARGET_BYTES_MAX - 1)).as_bytes());
}
