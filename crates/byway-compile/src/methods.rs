//! Which methods a route file exports, and what looks like a mistake in it.

use std::fs;
use std::path::{Path, PathBuf};

use byway_error::{Diagnostic, Location};
use byway_routes::manifest::RouteKind;
use strsim::osa_distance;

use crate::{SourceRoute, segment};

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
pub(crate) fn warnings(
    project_dir: &Path,
    route: &SourceRoute,
    exports: &RouteExports,
) -> Vec<Diagnostic> {
    if exports.open_ended || route.kind == RouteKind::Page {
        return Vec::new();
    }
    let has_default = exports.names.iter().any(|name| name == "default");
    let mistakes = Mistakes { file: project_dir.join(&route.file), route };
    if route.kind == RouteKind::Pages {
        let message = "this API route has no default export, so that every request to it fails";
        let help = "add `export default function handler(req, res) { … }`";
        let found = mistakes.warning(NO_HANDLER, message.to_owned(), help, None);
        return if has_default { Vec::new() } else { vec![found] };
    }
    let mut found = Vec::new();
    for name in &exports.names {
        if let Some(meant) = meant(name).filter(|meant| !exports.names.iter().any(|it| it == meant))
            && (name.eq_ignore_ascii_case(meant) || mistakes.may_be_function(name))
        {
            let message = format!("the export `{name}` is not a handler");
            let help = format!("rename it to `{meant}`");
            found.push(mistakes.warning("misspelt-method", message, &help, Some(name)));
        }
    }
    if has_default {
        let message = "the default export of a route handler is ignored".to_owned();
        let help = "export a function named `GET`, `POST`, …";
        found.push(mistakes.warning("default-export", message, help, Some("default")));
    }
    if methods(route, exports).is_some_and(|methods| methods.is_empty()) {
        let message = "this route exports no method, so that no request reaches it".to_owned();
        let help = "export a function named `GET`, `POST`, …";
        found.push(mistakes.warning(NO_HANDLER, message, help, None));
    }
    found
}

const NO_HANDLER: &str = "no-handler";

/// The method that `name` was perhaps meant to be: other letters case, or one letter off.
fn meant(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    if METHODS.contains(&name) || upper.len() < 3 {
        return None;
    }
    if let Some(method) = METHODS.into_iter().find(|method| *method == upper) {
        return Some(method);
    }
    // Handlers are written in capitals or capitalised; `gets` and `posts` are other functions.
    let capitals = name.starts_with(|c: char| c.is_ascii_uppercase());
    METHODS.into_iter().find(|method| capitals && osa_distance(&upper, method) == 1)
}

struct Mistakes<'a> {
    file: PathBuf,
    route: &'a SourceRoute,
}

impl Mistakes<'_> {
    fn warning(
        &self,
        code: &'static str,
        message: String,
        help: &str,
        export: Option<&str>,
    ) -> Diagnostic {
        let found = Diagnostic::warning(message).in_file(&self.route.file).with_help(help);
        let found = found.with_code(code);
        // The chunk's exports are known by name; only a file with a mistake is read again.
        let place = export.and_then(|export| {
            let source = fs::read_to_string(&self.file).ok()?;
            let span = segment::place_of_export(&self.file, &source, export)?;
            let bytes = span.start as usize..span.end as usize;
            Some((Location::of_bytes(&source, &bytes), source))
        });
        match place {
            Some((location, source)) => found.at(location, source),
            None => found,
        }
    }

    /// Whether the export is not plainly something else, such as a list.
    fn may_be_function(&self, export: &str) -> bool {
        let source = fs::read_to_string(&self.file).unwrap_or_default();
        segment::may_be_function(&self.file, &source, export)
    }
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
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("app/a")).unwrap();
        let exported = names.iter().map(|&name| match name {
            "default" => "export default function () {}\n".to_owned(),
            name => format!("export function {name}() {{}}\n"),
        });
        std::fs::write(dir.path().join(&route.file), exported.collect::<String>()).unwrap();
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let exports = RouteExports { names, open_ended: false };
        let found = methods(&route, &exports);
        assert_eq!(
            found.as_deref().map(|it| it.iter().map(String::as_str).collect()),
            expect.map(<[_]>::to_vec)
        );
        let found: Vec<String> =
            warnings(dir.path(), &route, &exports).into_iter().map(|it| it.message).collect();
        assert_eq!(found.len(), messages.len(), "{found:?}");
        for (found, expect) in found.iter().zip(messages) {
            assert!(found.contains(expect), "{found:?}");
        }
    }

    #[test]
    fn app_routes() {
        check(RouteKind::App, &["POST", "GET", "dynamic"], Some(&["GET", "POST"]), &[]);
        check(RouteKind::App, &["get"], Some(&[]), &["`get`", "no method"]);
        // Beside the method it is some function of the project's own.
        check(RouteKind::App, &["get", "GET"], Some(&["GET"]), &[]);
        check(RouteKind::App, &["default"], Some(&[]), &["default export", "no method"]);
    }

    #[test]
    fn names_that_are_nearly_methods() {
        for (name, meant) in [
            ("get", Some("GET")),
            ("Delete", Some("DELETE")),
            ("GTE", Some("GET")),
            ("DELTE", Some("DELETE")),
            ("PSOT", Some("POST")),
            ("OPTION", Some("OPTIONS")),
            ("GET", None),
            ("gets", None),
            ("PURGE", None),
            ("dynamic", None),
            ("HEADERS", None),
            ("_", None),
        ] {
            assert_eq!(super::meant(name), meant, "{name}");
        }
    }

    #[test]
    fn pages_routes() {
        check(RouteKind::Pages, &["default", "config"], None, &[]);
        check(RouteKind::Pages, &["GET"], None, &["no default export"]);
    }
}
