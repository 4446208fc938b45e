//! What `byway dev` tells on the terminal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use byway_error::Diagnostic;
use byway_http::{AnsweredBy, Seen};
use byway_routes::manifest::{Manifest, RouteKind};

use super::report::{Failure, Frame};
use crate::print::{self, colours};

/// Routes that are listed one by one.
const ROUTES_SHOWN_MAX: usize = 30;
/// Lines of a stack that are shown.
const FRAMES_SHOWN_MAX: usize = 8;
/// Characters of a request's target that are shown.
const TARGET_SHOWN_MAX: usize = 200;
/// Changed files that are named.
const FILES_SHOWN_MAX: usize = 3;

fn paint(code: &str, text: &str) -> String {
    if colours() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Where the server listens.
pub(super) fn address(origin: &str) {
    let name = paint("1", &format!("byway {} dev", env!("CARGO_PKG_VERSION")));
    print::note(&format!("{name}, listening on {}", paint("36", &format!("http://{origin}"))));
}

/// A request and its answer.
pub(super) fn request(seen: &Seen<'_>) {
    let Seen { request, status, took, by } = seen;
    let target = request.uri.path_and_query().map_or("/", |it| it.as_str());
    let target: String = target.chars().take(TARGET_SHOWN_MAX).collect();
    let colour = match status {
        500.. | 0 => "31",
        400..500 => "33",
        300..400 => "36",
        _ => "32",
    };
    let status = if *status == 0 { "---".to_owned() } else { status.to_string() };
    let milliseconds = took.as_secs_f64() * 1e3;
    let by = match by {
        AnsweredBy::Byway => "byway",
        AnsweredBy::Handler => "handler",
        AnsweredBy::File => "static",
        AnsweredBy::Proxy => "proxy",
        AnsweredBy::Redirect => "redirect",
        AnsweredBy::Rewrite => "rewrite",
    };
    let line = format!(
        "{:<6} {target} {} {} {}",
        request.method.as_str(),
        paint(colour, &status),
        paint("2", &format!("{milliseconds:.1} ms")),
        paint("2", by)
    );
    print::note(&line);
}

/// Why a request failed.
pub(super) fn failure(failure: &Failure) {
    if !failure.diagnostics.is_empty() {
        // They were told in full by the build that found them.
        for found in failure.diagnostics.iter().filter(|found| found.is_error()) {
            let file = found.file.as_deref().unwrap_or_default();
            let at = found.location.as_ref().map(|at| format!(":{}:{}", at.line, at.column));
            let place = format!("{file}{}", at.unwrap_or_default());
            print::note(&paint("2", &format!("    {place} {}", found.message)));
        }
        return;
    }
    diagnostics(&failure.diagnostics());
    let frames = failure.errors.first().map(|first| first.frames.as_slice()).unwrap_or_default();
    for Frame { name, file, line, column, .. } in frames.iter().take(FRAMES_SHOWN_MAX) {
        let name = if name.is_empty() { String::new() } else { format!("{name} ") };
        print::note(&paint("2", &format!("    at {name}{file}:{line}:{column}")));
    }
}

/// The routes of the first build.
pub(super) fn routes(sources: &[(String, &'static str)]) {
    for (path, kind) in sources.iter().take(ROUTES_SHOWN_MAX) {
        print::note(&format!("  {path}  {}", paint("2", kind)));
    }
    if sources.len() > ROUTES_SHOWN_MAX {
        print::note(&format!("  and {} more", sources.len() - ROUTES_SHOWN_MAX));
    }
    if sources.is_empty() {
        print::note("  there are no routes yet");
    }
}

/// Requests are answered from now on.
pub(super) fn ready(took: Duration) {
    print::note(&paint("32", &format!("ready in {} ms", took.as_millis())));
}

/// A build has taken over.
pub(super) fn rebuilt(dir: &Path, files: &[PathBuf], what: &str, took: Duration) {
    let names: Vec<String> =
        files.iter().take(FILES_SHOWN_MAX).map(|file| shown(dir, file)).collect();
    let more = files.len().saturating_sub(FILES_SHOWN_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let cause = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let took = took.as_millis();
    print::note(&format!("{} in {took} ms{cause}{rest}", paint("32", what)));
}

/// What routes a build has gained and lost.
pub(super) fn difference(before: &Manifest, after: &Manifest) {
    let missing = |from: &Manifest, of: &Manifest| {
        let has = |path: &str| from.routes.iter().any(|route| route.path == path);
        of.routes.iter().filter(|it| !has(&it.path)).map(|it| it.path.clone()).collect::<Vec<_>>()
    };
    for path in missing(before, after) {
        print::note(&format!("  {} {path}", paint("32", "+")));
    }
    for path in missing(after, before) {
        print::note(&format!("  {} {path}", paint("31", "-")));
    }
}

/// What is wrong with the project.
pub(super) fn diagnostics(found: &[Diagnostic]) {
    found.iter().for_each(print::diagnostic);
}

/// The earlier build goes on.
pub(super) fn kept(message: &str) {
    print::note(&format!("{}: {message}", paint("1;31", "not rebuilt")));
}

fn shown(dir: &Path, file: &Path) -> String {
    file.strip_prefix(dir).unwrap_or(file).display().to_string()
}

/// One word for how a route is run.
pub(super) fn kind(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::App => "app",
        RouteKind::Page => "page",
        RouteKind::Pages => "pages",
    }
}
