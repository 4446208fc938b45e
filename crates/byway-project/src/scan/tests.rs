//! Projects as they may lie on disk.

use std::fs;
use std::path::Path;

use byway_error::Diagnostic;
use byway_routes::manifest::RouteKind;
use tempfile::TempDir;

use super::{ScanOptions, scan};
use crate::project::{IgnoredReason, Project};

fn project(files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    dir
}

fn found(files: &[&str]) -> Project {
    let dir = project(files);
    let project = scan(dir.path(), &ScanOptions::default()).unwrap();
    assert_eq!(project.dir, dir.path());
    project
}

fn errors(files: &[&str]) -> Vec<Diagnostic> {
    let errors = scan(project(files).path(), &ScanOptions::default()).unwrap_err();
    assert!(errors.iter().all(Diagnostic::is_error));
    errors
}

fn sources(project: &Project) -> Vec<(String, &str)> {
    let source = |source: &crate::SourceFile| source.pattern.to_string();
    project.sources.iter().map(|found| (source(found), found.file.as_str())).collect()
}

fn ignored(project: &Project) -> Vec<(&str, IgnoredReason)> {
    project.ignored.iter().map(|ignored| (ignored.file.as_str(), ignored.reason)).collect()
}

#[test]
fn a_project_with_everything() {
    let project = found(&[
        "app/api/users/[id]/route.ts",
        "app/api/users/route.ts",
        "app/(group)/grouped/route.js",
        "app/_private/route.ts",
        "app/layout.tsx",
        "app/page.tsx",
        "app/blog/[slug]/page.tsx",
        "app/sitemap.ts",
        "app/favicon.ico",
        "app/icon.png",
        "app/api/helper.ts",
        "app/photo/(.)modal/route.ts",
        "pages/api/hello.ts",
        "pages/api/users/[id]/posts.ts",
        "pages/index.tsx",
        "pages/_app.tsx",
        "pages/styles.css",
        "instrumentation.ts",
        "proxy.ts",
        "next.config.mjs",
        "tsconfig.json",
        "jsconfig.json",
        "lib/route.ts",
    ]);
    assert_eq!(
        sources(&project),
        [
            ("/api/hello".to_owned(), "pages/api/hello.ts"),
            ("/api/users".to_owned(), "app/api/users/route.ts"),
            ("/api/users/[id]".to_owned(), "app/api/users/[id]/route.ts"),
            ("/api/users/[id]/posts".to_owned(), "pages/api/users/[id]/posts.ts"),
            ("/favicon.ico".to_owned(), "app/favicon.ico"),
            ("/grouped".to_owned(), "app/(group)/grouped/route.js"),
            ("/icon.png".to_owned(), "app/icon.png"),
            ("/sitemap.xml".to_owned(), "app/sitemap.ts"),
        ]
    );
    let kinds: Vec<_> = project.sources.iter().map(|source| source.kind).collect();
    assert_eq!(
        kinds,
        [
            RouteKind::Pages,
            RouteKind::App,
            RouteKind::App,
            RouteKind::Pages,
            RouteKind::App,
            RouteKind::App,
            RouteKind::App,
            RouteKind::App
        ]
    );
    assert_eq!(
        ignored(&project),
        [
            ("app/blog/[slug]/page.tsx", IgnoredReason::Page),
            ("app/page.tsx", IgnoredReason::Page),
            ("app/photo/(.)modal/route.ts", IgnoredReason::Intercepting),
            ("pages/_app.tsx", IgnoredReason::Page),
            ("pages/index.tsx", IgnoredReason::Page),
        ]
    );
    assert_eq!(project.instrumentation.as_deref(), Some("instrumentation.ts"));
    assert_eq!(project.proxy.as_deref(), Some("proxy.ts"));
    assert_eq!(project.next_config.as_deref(), Some("next.config.mjs"));
    assert_eq!(project.tsconfig.as_deref(), Some("tsconfig.json"));
}

#[test]
fn a_project_in_src() {
    let project = found(&[
        "src/app/a/route.ts",
        "src/pages/api/b.ts",
        "src/middleware.js",
        "src/instrumentation.js",
        // Next does not look at these when the folders are in `src/`.
        "proxy.ts",
        "instrumentation.ts",
        "jsconfig.json",
    ]);
    assert_eq!(
        sources(&project),
        [("/a".to_owned(), "src/app/a/route.ts"), ("/api/b".to_owned(), "src/pages/api/b.ts")]
    );
    assert_eq!(project.proxy.as_deref(), Some("src/middleware.js"));
    assert_eq!(project.instrumentation.as_deref(), Some("src/instrumentation.js"));
    assert_eq!(project.tsconfig.as_deref(), Some("jsconfig.json"));
    assert_eq!(project.next_config, None);
}

#[test]
fn the_projects_own_folder_wins_over_src() {
    let project = found(&["app/a/route.ts", "src/app/b/route.ts", "src/lib.ts"]);
    assert_eq!(sources(&project), [("/a".to_owned(), "app/a/route.ts")]);
    assert_eq!(ignored(&project), [("src/app", IgnoredReason::Shadowed)]);
}

#[test]
fn page_extensions_are_respected() {
    let dir = project(&["app/r/route.js", "app/x/route.ts", "pages/api/health.page.js"]);
    let page_extensions = vec!["js".to_owned(), "page.js".to_owned()];
    let project = scan(dir.path(), &ScanOptions { page_extensions }).unwrap();
    let expect = [
        ("/api/health".to_owned(), "pages/api/health.page.js"),
        ("/r".to_owned(), "app/r/route.js"),
    ];
    assert_eq!(sources(&project), expect);
}

#[test]
fn what_is_not_a_project_is_said_clearly() {
    let [error] = &errors(&["src/index.ts", "package.json", "app.ts"])[..] else { panic!() };
    assert!(error.message.contains("neither `app/` nor `pages/`"), "{}", error.message);
    let dir = project(&[]);
    let none = scan(&dir.path().join("none"), &ScanOptions::default()).unwrap_err();
    assert!(none[0].message.contains("there is no folder"), "{}", none[0].message);
    let file = project(&["app"]);
    assert!(scan(file.path(), &ScanOptions::default()).is_err());
    let [split] = &errors(&["app/route.ts", "src/pages/api/x.ts"])[..] else { panic!() };
    assert!(split.message.contains("`app` and `src/pages`"), "{}", split.message);
}

#[test]
fn collisions_name_both_files() {
    let check = |first: &str, second: &str| {
        let errors = errors(&[first, second, "app/other/[id]/route.ts"]);
        let [error] = &errors[..] else { panic!("{errors:?}") };
        assert!(error.message.contains(first) && error.message.contains(second), "{error:?}");
        assert!(error.file.is_some());
    };
    check("app/(g)/a/route.ts", "app/(h)/a/route.ts");
    check("app/a/route.js", "app/a/route.ts");
    check("app/api/a/route.ts", "pages/api/a.ts");
    check("app/a/[id]/route.ts", "app/a/[slug]/route.ts");
    check("app/o/route.ts", "app/o/[[...all]]/route.ts");
    check("app/a/route.ts", "app/a/page.tsx");
    check("app/(g)/a/page.tsx", "app/(h)/a/route.ts");
    check("app/robots.ts", "app/robots.txt");
    check("app/a/sitemap.ts", "app/a/sitemap.xml/route.ts");
}

#[test]
fn several_sitemaps_of_one_file_leave_its_own_path_free() {
    let path = |text: &str| {
        let dir = project(&["app/sitemap.xml/route.ts"]);
        fs::create_dir_all(dir.path().join("app/shop")).unwrap();
        fs::write(dir.path().join("app/shop/sitemap.ts"), text).unwrap();
        let project = scan(dir.path(), &ScanOptions::default()).unwrap();
        project.sources[0].pattern.to_string()
    };
    for many in [
        "export async function generateSitemaps() { return [] }",
        "export default a\nexport const generateSitemaps = () => []",
        "function generateSitemaps() {}\nexport { a as b, generateSitemaps }",
        "import { x } from 'y'\nexport {\n  z as generateSitemaps,\n}",
        "exports.generateSitemaps = () => []",
    ] {
        assert_eq!(path(many), "/shop/sitemap/[__metadata_id__]", "{many}");
    }
    for one in ["", "// export function generateSitemaps() {}", "function generateSitemaps() {}"] {
        assert_eq!(path(one), "/shop/sitemap.xml", "{one}");
    }
}

#[test]
fn pages_may_share_a_path_among_themselves() {
    let project = found(&["app/a/page.tsx", "app/@slot/a/page.tsx", "app/b/route.ts"]);
    assert_eq!(sources(&project), [("/b".to_owned(), "app/b/route.ts")]);
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let errors = errors(&[
        "app/[[id]]/route.ts",
        "app/[...all]/x/route.ts",
        "pages/api/[].ts",
        "app/a/route.ts",
        "app/(g)/a/route.ts",
        "proxy.ts",
        "middleware.ts",
    ]);
    let files: Vec<_> = errors.iter().filter_map(|error| error.file.as_deref()).collect();
    assert_eq!(
        files,
        [
            "app/[...all]/x/route.ts",
            "app/[[id]]/route.ts",
            "pages/api/[].ts",
            "middleware.ts",
            "app/a/route.ts",
        ],
        "{errors:?}"
    );
}

#[cfg(unix)]
#[test]
fn links_in_circles_end() {
    use std::os::unix::fs::symlink;

    let dir = project(&["app/a/route.ts"]);
    symlink("..", dir.path().join("app/a/up")).unwrap();
    let project = scan(dir.path(), &ScanOptions::default()).unwrap();
    assert_eq!(sources(&project), [("/a".to_owned(), "app/a/route.ts")]);
    assert_eq!(ignored(&project), [("app/a/up", IgnoredReason::LinkCycle)]);
}

#[test]
fn the_order_does_not_depend_on_the_disk() {
    let files: Vec<String> = (0..40).map(|number| format!("app/r{number}/route.ts")).collect();
    let forwards: Vec<&str> = files.iter().map(String::as_str).collect();
    let backwards: Vec<&str> = forwards.iter().rev().copied().collect();
    let (first, second) = (found(&forwards), found(&backwards));
    assert_eq!(first.sources, second.sources);
    assert!(Path::new(&first.sources[0].file).ends_with("r0/route.ts"));
}
