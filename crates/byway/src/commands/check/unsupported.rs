//! What Next would serve or read and byway does not: pages, a custom server, settings of a host.

use byway_error::Diagnostic;
use byway_project::{IgnoredFile, IgnoredReason, Project};

/// Files that are named; of more there is only the number.
const NAMED_MAX: usize = 3;

pub(super) fn find(project: &Project, ignored_settings: &[String]) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = REASONS.iter().filter_map(|it| files(project, it)).collect();
    if let (Some(file), false) = (&project.next_config, ignored_settings.is_empty()) {
        let message =
            format!("settings that byway has no use for: {}", ignored_settings.join(", "));
        let help = "they are about pages, images, browsers or Next's own build";
        let note = Diagnostic::note(message).in_file(file).with_help(help);
        found.push(note.with_code("ignored-settings"));
    }
    found.extend(custom_server(project));
    found.extend(vercel(project));
    found
}

struct Reason {
    of: IgnoredReason,
    code: &'static str,
    what: &'static str,
    help: &'static str,
    is_warning: bool,
}

const REASONS: [Reason; 5] = [
    Reason {
        of: IgnoredReason::Page,
        code: "pages",
        what: "pages are not rendered: requests for them get 501",
        help: "let `next start` or a static host serve the pages of the Pages Router",
        is_warning: false,
    },
    Reason {
        of: IgnoredReason::Intercepting,
        code: "intercepting-routes",
        what: "routes in `(.)folders` are reached only from rendered pages",
        help: "nothing to do, unless a client should reach them",
        is_warning: false,
    },
    Reason {
        of: IgnoredReason::Shadowed,
        code: "shadowed-folder",
        what: "this folder is not looked at, because the project's own folder has one of that name",
        help: "move its files into the other one, as Next demands it too",
        is_warning: true,
    },
    Reason {
        of: IgnoredReason::LinkCycle,
        code: "link-cycle",
        what: "symbolic links that lead back to a folder they lie in",
        help: "remove the links",
        is_warning: true,
    },
    Reason {
        of: IgnoredReason::NotUnicode,
        code: "file-name",
        what: "names that are not UTF-8, so that no URL leads to them",
        help: "rename the files",
        is_warning: true,
    },
];

/// Why pages of `app/` are not rendered is told by reasons, as the compiler has found them.
fn is_page_of_app(ignored: &IgnoredFile) -> bool {
    let in_app = ["app/", "src/app/"].iter().any(|root| ignored.file.starts_with(root));
    ignored.reason == IgnoredReason::Page && in_app
}

/// One finding for all files that are passed over for one reason.
fn files(project: &Project, about: &Reason) -> Option<Diagnostic> {
    let names: Vec<&str> = project
        .ignored
        .iter()
        .filter(|it| it.reason == about.of && !is_page_of_app(it))
        .map(|it| it.file.as_str())
        .collect();
    let first = *names.first()?;
    let mut message = about.what.to_owned();
    if names.len() > 1 {
        let others: Vec<&str> = names.iter().skip(1).take(NAMED_MAX - 1).copied().collect();
        let rest = names.len() - 1 - others.len();
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        message = format!("{message} (also {}{more})", others.join(", "));
    }
    let found =
        if about.is_warning { Diagnostic::warning(message) } else { Diagnostic::note(message) };
    Some(found.in_file(first).with_help(about.help).with_code(about.code))
}

/// `"start": "node server.js"`: a program that starts Next itself.
fn custom_server(project: &Project) -> Option<Diagnostic> {
    const NAMES: [&str; 4] = ["server.js", "server.mjs", "server.ts", "server/index.js"];
    let name = NAMES.into_iter().find(|name| {
        let text = std::fs::read_to_string(project.dir.join(name)).unwrap_or_default();
        ["from 'next'", "from \"next\"", "require('next')", "require(\"next\")"]
            .iter()
            .any(|import| text.contains(import))
    })?;
    let message = "a custom server is not run: byway is the server";
    let help = "move its routes into route handlers, and what it does before them into `proxy.ts`";
    let found = Diagnostic::warning(message).in_file(name).with_help(help);
    Some(found.with_code("custom-server"))
}

/// What a host reads beside the project.
fn vercel(project: &Project) -> Option<Diagnostic> {
    const NAME: &str = "vercel.json";
    const SETTINGS: [&str; 6] =
        ["crons", "functions", "headers", "redirects", "rewrites", "routes"];
    let text = std::fs::read_to_string(project.dir.join(NAME)).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    let named: Vec<&str> = SETTINGS.into_iter().filter(|it| json.get(*it).is_some()).collect();
    if named.is_empty() {
        return None;
    }
    let message = format!("the host's settings are not read: {}", named.join(", "));
    let help = "put headers, redirects and rewrites into next.config; start crons from outside";
    let found = Diagnostic::warning(message).in_file(NAME).with_help(help);
    Some(found.with_code("host-settings"))
}
