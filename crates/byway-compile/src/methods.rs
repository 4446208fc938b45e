//! Which methods a route file exports, and what looks like a mistake in it.

use byway_error::Diagnostic;
use byway_routes::manifest::RouteKind;

use crate::SourceRoute;

/// The methods that Next routes to a handler.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// What the entry chunk of a route exports.
pub(crate) struct RouteExports {
    pub(crate) names: Vec<String>,
    /// Only Node knows all names: there is an `export *` from a package, or the file has no `export`.
    pub(crate) open_ended: bool,
}

/// The methods, in alphabetical order, or `None` where the build cannot know them.
pub(crate) fn methods(route: &SourceRoute, exports: &RouteExports) -> Option<Vec<String>> {
    if route.kind == RouteKind::Pages || exports.open_ended {
        return None;
    }
    let exported = |method: &&str| exports.names.iter().any(|name| name == method);
    Some(METHODS.into_iter().filter(exported).map(str::to_owned).collect())
}

/// What the user should know about the exports of `route`.
pub(crate) fn warnings(route: &SourceRoute, exports: &RouteExports) -> Vec<Diagnostic> {
    if exports.open_ended {
        return Vec::new();
    }
    let has_default = exports.names.iter().any(|name| name == "default");
    let warning = |message: String, help: &str| {
        Diagnostic::warning(message).in_file(&route.file).with_help(help)
    };
    if route.kind == RouteKind::Pages {
        let message = "this API route has no default export, so that every request to it fails";
        let help = "add `export default function handler(req, res) { … }`";
        return if has_default { Vec::new() } else { vec![warning(message.to_owned(), help)] };
    }
    let mut found = Vec::new();
    for name in &exports.names {
        let upper = name.to_ascii_uppercase();
        if *name != upper && METHODS.contains(&upper.as_str()) {
            let help = format!("rename it to `{upper}`");
            found.push(warning(format!("the export `{name}` is not a handler"), &help));
        }
    }
    if has_default {
        let message = "the default export of a route handler is ignored".to_owned();
        found.push(warning(message, "export a function named `GET`, `POST`, …"));
    }
    if methods(route, exports).is_some_and(|methods| methods.is_empty()) {
        let message = "this route exports no method, so that no request reaches it";
        found.push(warning(message.to_owned(), "export a function named `GET`, `POST`, …"));
    }
    found
}

#[cfg(test)]
mod tests {
    use byway_routes::manifest::RouteKind;
    use byway_routes::pattern::Pattern;

    use super::{RouteExports, methods, warnings};
    use crate::SourceRoute;

    fn check(kind: RouteKind, names: &[&str], expect: Option<&[&str]>, messages: &[&str]) {
        let route = SourceRoute {
            path: "/a".to_owned(),
            pattern: Pattern { segments: Vec::new() },
            file: "app/a/route.ts".to_owned(),
            kind,
            special: None,
        };
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let exports = RouteExports { names, open_ended: false };
        let found = methods(&route, &exports);
        assert_eq!(
            found.as_deref().map(|it| it.iter().map(String::as_str).collect()),
            expect.map(<[_]>::to_vec)
        );
        let found: Vec<String> =
            warnings(&route, &exports).into_iter().map(|it| it.message).collect();
        assert_eq!(found.len(), messages.len(), "{found:?}");
        for (found, expect) in found.iter().zip(messages) {
            assert!(found.contains(expect), "{found:?}");
        }
    }

    #[test]
    fn app_routes() {
        check(RouteKind::App, &["POST", "GET", "dynamic"], Some(&["GET", "POST"]), &[]);
        check(RouteKind::App, &["get", "GET"], Some(&["GET"]), &["`get`"]);
        check(RouteKind::App, &["default"], Some(&[]), &["default export", "no method"]);
    }

    #[test]
    fn pages_routes() {
        check(RouteKind::Pages, &["default", "config"], None, &[]);
        check(RouteKind::Pages, &["GET"], None, &["no default export"]);
    }
}
