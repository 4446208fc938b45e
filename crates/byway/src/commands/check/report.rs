//! The result of `byway check`, for people and for programs.

use byway_error::{Diagnostic, Severity};
use byway_routes::manifest::{Route, RouteKind};
use serde_json::{Value as Json, json};

use super::Checked;
use crate::print::{self, counted};

/// The version of the shape of `--json`.
const JSON_VERSION: u32 = 1;

/// The findings with their code frames, then what runs, then how much was found.
pub(super) fn text(checked: &Checked) -> String {
    let colour = print::colours_of_data();
    let mut text = String::new();
    for found in &checked.found {
        text.push_str(&found.render(colour));
        text.push('\n');
    }
    text.push_str(&runs(checked));
    text.push('\n');
    text.push_str(&counts(checked));
    text.push('\n');
    text
}

/// `will run: 14 app routes, 2 pages routes, a proxy, 3 files of public/`
fn runs(checked: &Checked) -> String {
    let Some(manifest) = &checked.manifest else {
        return "will not run: the sources cannot be compiled".to_owned();
    };
    let routes =
        |wanted: fn(&Route) -> bool| manifest.routes.iter().filter(|it| wanted(it)).count();
    let app = routes(|it| it.kind == RouteKind::App);
    let pages = routes(|it| it.kind == RouteKind::Pages);
    let rendered = routes(|it| it.kind == RouteKind::Page);
    let mut parts = Vec::new();
    if app > 0 {
        parts.push(counted(app, "app route"));
    }
    if pages > 0 {
        parts.push(counted(pages, "Pages API route"));
    }
    if rendered > 0 {
        parts.push(counted(rendered, "page"));
    }
    let edge = routes(|it| it.segment.is_edge());
    if edge > 0 {
        parts.push(format!("{edge} of them as edge code"));
    }
    if let Some(proxy) = &manifest.proxy {
        parts.push(format!("`{}`", proxy.file));
    }
    if let Some(file) = checked.reading.project.as_ref().and_then(|it| it.instrumentation.as_ref())
    {
        parts.push(format!("`{file}`"));
    }
    let files = checked.reading.public.names.len();
    if files > 0 {
        parts.push(format!("{} of `public/`", counted(files, "file")));
    }
    if parts.is_empty() {
        return "will run: nothing, there are no routes".to_owned();
    }
    format!("will run: {}", parts.join(", "))
}

fn counts(checked: &Checked) -> String {
    let count = |severity, noun| counted(checked.count(severity), noun);
    format!(
        "{}, {}, {}",
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning"),
        count(Severity::Note, "note")
    )
}

pub(super) fn json(checked: &Checked) -> serde_json::Result<String> {
    let routes = checked.manifest.as_ref().map(|manifest| {
        let one = |it: &Route| json!({ "path": it.path, "file": it.file, "methods": it.methods });
        manifest.routes.iter().map(one).collect::<Vec<_>>()
    });
    let all = json!({
        "version": JSON_VERSION,
        "runs": checked.manifest.is_some(),
        "routes": routes,
        "errors": checked.count(Severity::Error),
        "warnings": checked.count(Severity::Warning),
        "notes": checked.count(Severity::Note),
        "findings": checked.found.iter().map(finding).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&all)? + "\n")
}

fn finding(found: &Diagnostic) -> Json {
    let at = found.location.as_ref();
    json!({
        "rule": found.code,
        "severity": found.severity.name(),
        "message": found.message,
        "file": found.file,
        "line": at.map(|at| at.line),
        "column": at.map(|at| at.column),
        "length": at.map(|at| at.length),
        "help": found.help,
    })
}
