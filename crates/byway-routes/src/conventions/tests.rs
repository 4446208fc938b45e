//! File names and the paths that they serve.

use proptest::prelude::*;

use super::{
    ConventionError, Root, is_intercepting, is_rendered_page, page_from_file, route_from_file,
};
use crate::pattern::PatternError;

const EXTENSIONS: [&str; 4] = ["tsx", "ts", "jsx", "js"];

fn route(root: Root, file: &str) -> Option<String> {
    route_from_file(root, file, &EXTENSIONS).unwrap().map(|pattern| pattern.to_string())
}

fn app(file: &str) -> Option<String> {
    route(Root::App, file)
}

fn pages(file: &str) -> Option<String> {
    route(Root::PagesApi, file)
}

#[test]
fn route_files_of_the_app_folder() {
    let check = |file: &str, expect: &str| assert_eq!(app(file).as_deref(), Some(expect), "{file}");
    check("route.ts", "/");
    check("api/users/[id]/route.tsx", "/api/users/[id]");
    check("catch/[...slug]/route.js", "/catch/[...slug]");
    check("opt/[[...slug]]/route.jsx", "/opt/[[...slug]]");
    check("(grp)/(inner)/double/[x]/route.ts", "/double/[x]");
    check("(grp)/route.ts", "/");
    check("@slot/x/route.ts", "/x");
    check("%5Funder/route.ts", "/_under");
    check(".well-known/thing/route.ts", "/.well-known/thing");
    check("feed.xml/route.ts", "/feed.xml");
    check("route.d/route.ts", "/route.d");
    check("shadowed/route/route.ts", "/shadowed/route");
    check("Case/Sensitive/route.ts", "/Case/Sensitive");
    check("with-dash_and.dot/route.ts", "/with-dash_and.dot");
    check("(open/closed)/[id/a[b]/route.ts", "/(open/closed)/[id/a[b]");
    check("100%/route.ts", "/100%");
    check("a%20b/route.ts", "/a b");
    check("a b/route.ts", "/a b");
}

#[test]
fn other_files_of_the_app_folder_are_no_routes() {
    for file in [
        "page.tsx",
        "api/route.mjs",
        "api/route.d.ts",
        "api/route",
        "api/my-route.ts",
        "api/route.test.ts",
        "api/Route.ts",
        "_private/route.ts",
        "a/_b/c/route.ts",
        "z/(.)y/route.ts",
        "z/(..)y/route.ts",
        "z/(..)(..)y/route.ts",
        "z/(...)y/x/route.ts",
    ] {
        assert_eq!(app(file), None, "{file}");
    }
    assert!(is_intercepting("z/(..)y/route.ts"));
    assert!(!is_intercepting("(group)/y/route.ts"));
}

#[test]
fn files_of_the_pages_folder() {
    let check = |file: &str, expect: &str| {
        assert_eq!(pages(file).as_deref(), Some(expect), "{file}");
    };
    check("api/echo.ts", "/api/echo");
    check("api/index.ts", "/api");
    check("api.js", "/api");
    check("api/dirindex/index.js", "/api/dirindex");
    check("api/index/index.js", "/api/index");
    check("api/query/[id].ts", "/api/query/[id]");
    check("api/query/[id]/[sub].ts", "/api/query/[id]/[sub]");
    check("api/all/[...slug].ts", "/api/all/[...slug]");
    check("api/maybe/[[...slug]].ts", "/api/maybe/[[...slug]]");
    check("api/hello.json.ts", "/api/hello.json");
    check("api/_under.ts", "/api/_under");
    check("api/(group)/x.ts", "/api/(group)/x");
    check("api/myindex.ts", "/api/myindex");
    for file in ["index.tsx", "apis/x.ts", "api/x.d.ts", "api/x.mjs", "api/notes.txt", "_app.tsx"] {
        assert_eq!(pages(file), None, "{file}");
    }
    assert!(is_rendered_page("index.tsx", &EXTENSIONS));
    assert!(is_rendered_page("apis/x.ts", &EXTENSIONS));
    assert!(!is_rendered_page("api/x.ts", &EXTENSIONS));
    assert!(!is_rendered_page("styles.css", &EXTENSIONS));
}

#[test]
fn page_extensions_can_be_compound() {
    let extensions = ["js", "page.js"];
    let route = |root, file| {
        let pattern = route_from_file(root, file, &extensions).unwrap();
        pattern.map(|pattern| pattern.to_string())
    };
    assert_eq!(route(Root::PagesApi, "api/health.page.js").as_deref(), Some("/api/health"));
    assert_eq!(route(Root::PagesApi, "api/env.js").as_deref(), Some("/api/env"));
    assert_eq!(route(Root::PagesApi, "api/ignored.helper.mjs"), None);
    assert_eq!(route(Root::App, "r/route.page.js").as_deref(), Some("/r"));
    assert_eq!(route(Root::App, "r/route.ts"), None);
}

#[test]
fn names_become_composed() {
    // `u` and `i` with a combining diaeresis, as macOS lists the folder.
    assert_eq!(app("u\u{308}ni\u{308}/route.ts").as_deref(), Some("/ünï"));
    assert_eq!(app("ünï/route.ts").as_deref(), Some("/ünï"));
    assert_eq!(app("%C3%BCn%c3%af/route.ts").as_deref(), Some("/ünï"));
}

#[test]
fn malformed_names_are_errors() {
    let error = |file: &str| route_from_file(Root::App, file, &EXTENSIONS).unwrap_err();
    let pattern = |file: &str| match error(file) {
        ConventionError::Pattern(reason) => reason,
        other @ ConventionError::Unreachable(_) => panic!("{other}"),
    };
    assert_eq!(pattern("[[id]]/route.ts"), PatternError::OptionalParam("[[id]]".into()));
    assert_eq!(pattern("[]/route.ts"), PatternError::EmptyName("[]".into()));
    assert_eq!(pattern("[...a]/b/route.ts"), PatternError::CatchAllNotLast("[...a]".into()));
    assert_eq!(pattern("[a]/(x)/[a]/route.ts"), PatternError::DuplicateName("a".into()));
    for name in ["a%2Fb", "%00", "%2e%2e", "%2E", "a%0a"] {
        let found = error(&format!("x/{name}/route.ts"));
        assert_eq!(found, ConventionError::Unreachable(name.to_owned()), "{name}");
    }
    // Below a private folder nothing is looked at.
    assert_eq!(app("_drafts/[]/route.ts"), None);
}

#[test]
fn pages_of_the_app_folder() {
    let page = |file| page_from_file(file, &EXTENSIONS).unwrap().map(|found| found.to_string());
    assert_eq!(page("(shop)/cart/page.tsx").as_deref(), Some("/cart"));
    assert_eq!(page("cart/route.ts"), None);
}

proptest! {
    #[test]
    fn no_file_name_panics_or_yields_a_dot_segment(file in r"(\PC|[\[\]()./@_%25]){0,40}") {
        for root in [Root::App, Root::PagesApi] {
            let with_leaf = format!("{file}/route.ts");
            for file in [file.as_str(), with_leaf.as_str()] {
                if let Ok(Some(pattern)) = route_from_file(root, file, &EXTENSIONS) {
                    let text = pattern.to_string();
                    prop_assert!(text.starts_with('/'));
                    prop_assert!(text.split('/').all(|name| name != ".." && name != "."));
                }
            }
        }
    }
}
