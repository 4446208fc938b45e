//! Projects whose routes collide, and some whose do not.

use super::{ConflictKind, conflicts};
use crate::manifest::RouteKind;
use crate::pattern::Pattern;

/// Files with the pattern that they serve; those in `pages/` are Pages routes.
fn check(routes: &[(&str, &str)], expect: &[(ConflictKind, &str, &str)]) {
    let routes: Vec<_> = routes
        .iter()
        .map(|(file, pattern)| {
            let kind = if file.starts_with("pages/") { RouteKind::Pages } else { RouteKind::App };
            (Pattern::parse(pattern).unwrap(), (*file).to_owned(), kind)
        })
        .collect();
    let found = conflicts(&routes);
    let summary: Vec<_> = found
        .iter()
        .map(|conflict| (conflict.kind, conflict.files[0].as_str(), conflict.files[1].as_str()))
        .collect();
    assert_eq!(summary, expect, "{found:?}");
    for conflict in &found {
        for file in &conflict.files {
            assert!(conflict.message.contains(file), "{conflict:?}");
        }
    }
}

#[test]
fn one_path_twice() {
    use ConflictKind::SamePath;
    let groups = [("app/(g)/a/route.ts", "/a"), ("app/(h)/a/route.ts", "/a")];
    check(&groups, &[(SamePath, groups[0].0, groups[1].0)]);
    let extensions = [("app/a/route.js", "/a"), ("app/a/route.ts", "/a")];
    check(&extensions, &[(SamePath, extensions[0].0, extensions[1].0)]);
    let kinds = [("app/api/a/route.ts", "/api/a"), ("pages/api/a.ts", "/api/a")];
    check(&kinds, &[(SamePath, kinds[0].0, kinds[1].0)]);
    let index = [("pages/api/a.ts", "/api/a"), ("pages/api/a/index.ts", "/api/a")];
    check(&index, &[(SamePath, index[0].0, index[1].0)]);
    let thrice = [("1", "/[a]/x"), ("2", "/[a]/x"), ("3", "/[a]/x")];
    check(&thrice, &[(SamePath, "1", "2"), (SamePath, "1", "3")]);
}

#[test]
fn two_names_for_one_parameter() {
    use ConflictKind::ParameterNames;
    check(&[("1", "/a/[id]"), ("2", "/a/[slug]")], &[(ParameterNames, "1", "2")]);
    check(&[("1", "/a/[id]/x"), ("2", "/a/[slug]/y")], &[(ParameterNames, "1", "2")]);
    check(&[("1", "/a/[...id]"), ("2", "/a/[...slug]")], &[(ParameterNames, "1", "2")]);
    let kinds = [("app/1", "/api/b/[slug]/y"), ("pages/2", "/api/b/[id]/x")];
    check(&kinds, &[(ParameterNames, "app/1", "pages/2")]);
    // Each of the later two is named once, with the route that came first.
    let three = [("1", "/[a]"), ("2", "/[b]/[c]"), ("3", "/[d]/[e]/f")];
    check(&three, &[(ParameterNames, "1", "2"), (ParameterNames, "1", "3")]);
}

#[test]
fn both_sorts_of_catch_all() {
    let both = [("1", "/o/[...s]"), ("2", "/o/[[...s]]")];
    check(&both, &[(ConflictKind::BothCatchAlls, "1", "2")]);
    let names = [("1", "/o/[[...s]]"), ("2", "/o/[...t]")];
    check(&names, &[(ConflictKind::BothCatchAlls, "1", "2")]);
}

#[test]
fn an_optional_catch_all_beside_its_parent() {
    use ConflictKind::OptionalCatchAll;
    check(&[("1", "/o"), ("2", "/o/[[...s]]")], &[(OptionalCatchAll, "1", "2")]);
    check(&[("2", "/o/[[...s]]"), ("1", "/o")], &[(OptionalCatchAll, "1", "2")]);
    check(&[("1", "/"), ("2", "/[[...s]]")], &[(OptionalCatchAll, "1", "2")]);
    check(&[("1", "/[x]"), ("2", "/[x]/[[...s]]")], &[(OptionalCatchAll, "1", "2")]);
    let dynamic = [("pages/1", "/api/[x]"), ("app/2", "/api/[x]/[[...s]]")];
    check(&dynamic, &[(OptionalCatchAll, "pages/1", "app/2")]);
}

#[test]
fn routes_that_live_together() {
    check(
        &[
            ("app/1", "/segments/static"),
            ("app/2", "/segments/[id]"),
            ("app/3", "/segments/[id]/sub"),
            ("app/4", "/segments/[id]/[other]"),
            ("app/5", "/segments/[id]/[other]/[...deep]"),
            ("app/6", "/segments/[...rest]"),
            ("app/7", "/api/both/[id]"),
            ("pages/8", "/api/both/fixed"),
            ("pages/9", "/api/o"),
            ("app/10", "/api/o/[[...s]]"),
            ("app/11", "/other/[name]"),
            ("app/12", "/Segments/static"),
        ],
        &[],
    );
}
