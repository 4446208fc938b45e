//! A failure as a page and as JSON.
//!
//! The page stands alone: it loads nothing, and its policy allows only its own style and script, by their
//! hashes. It loads itself again when another build is served.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byway_error::Diagnostic;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::report::{Failure, Frame, Owner, Thrown};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Findings of one build that are shown.
const DIAGNOSTICS_SHOWN_MAX: usize = 20;

/// A page and its content security policy.
pub(super) struct Page {
    pub(super) html: String,
    pub(super) policy: String,
}

/// The page for a failure.
pub(super) fn of(failure: &Failure, version: u64) -> Page {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let mut body = String::new();
    if failure.diagnostics.is_empty() {
        thrown(&mut body, failure);
    } else {
        for found in failure.diagnostics.iter().take(DIAGNOSTICS_SHOWN_MAX) {
            let _ = write!(body, "<section><h1>{}</h1>", escaped(&found.message));
            diagnostic(&mut body, found);
            body.push_str("</section>");
        }
    }
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <style>{STYLE}</style></head><body data-version=\"{version}\"><main>\
         <header><span>{title}</span><span>{file}</span></header>{body}\
         <footer>This page loads itself again when the project is saved. It exists under \
         <code>byway dev</code> only.</footer></main>\
         <script type=\"module\">{SCRIPT}</script></body></html>\n",
        title = escaped(failure.title),
        file = escaped(&failure.file),
    );
    Page { html, policy }
}

fn thrown(body: &mut String, failure: &Failure) {
    let Some(first) = failure.errors.first() else { return };
    let _ = write!(body, "<h1>{}: {}</h1>", escaped(&first.name), escaped(&first.message));
    if let Some(place) = &failure.place {
        diagnostic(body, place);
    }
    hint(body, failure.hint.as_deref());
    stack(body, "Stack", &first.frames);
    for Thrown { name, message, frames, .. } in failure.errors.iter().skip(1) {
        let _ = write!(body, "<h2>Caused by {}: {}</h2>", escaped(name), escaped(message));
        stack(body, "", frames);
    }
}

fn stack(body: &mut String, title: &str, frames: &[Frame]) {
    if frames.is_empty() {
        return;
    }
    if !title.is_empty() {
        let _ = write!(body, "<h2>{title}</h2>");
    }
    body.push_str("<ol>");
    for Frame { name, file, line, column, of } in frames {
        let class = if *of == Owner::Package { " class=\"package\"" } else { "" };
        let (name, file) = (escaped(name), escaped(file));
        let _ = write!(body, "<li{class}><b>{name}</b> <span>{file}:{line}:{column}</span></li>");
    }
    body.push_str("</ol>");
}

/// Place, code frame and hint.
fn diagnostic(body: &mut String, found: &Diagnostic) {
    if let Some(file) = &found.file {
        let _ = match &found.location {
            Some(at) => {
                let file = escaped(file);
                write!(body, "<p class=\"place\">{file}:{}:{}</p>", at.line, at.column)
            }
            None => write!(body, "<p class=\"place\">{}</p>", escaped(file)),
        };
    }
    if let Some(frame) = found.frame() {
        body.push_str("<pre>");
        let lines: Vec<&str> = frame.lines().filter(|line| !is_bar(line)).collect();
        for (index, line) in lines.iter().enumerate() {
            let class = if is_underline(line) {
                " class=\"under\""
            } else if lines.get(index + 1).is_some_and(|next| is_underline(next)) {
                " class=\"hit\""
            } else {
                ""
            };
            let _ = write!(body, "<span{class}>{}</span>", escaped(line));
        }
        body.push_str("</pre>");
    }
    hint(body, found.help.as_deref());
}

fn hint(body: &mut String, hint: Option<&str>) {
    if let Some(hint) = hint {
        let _ = write!(body, "<p class=\"hint\">{}</p>", with_code(&escaped(hint)));
    }
}

/// What stands between backticks is code.
fn with_code(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            shown.push_str(if index % 2 == 1 { "<code>" } else { "</code>" });
        }
        shown.push_str(part);
    }
    if text.matches('`').count() % 2 == 1 {
        shown.push_str("</code>");
    }
    shown
}

/// A line of a frame that only holds it together.
fn is_bar(line: &str) -> bool {
    line.trim() == "|"
}

/// The line with the marks.
fn is_underline(line: &str) -> bool {
    line.split_once('|').is_some_and(|(number, rest)| {
        let rest = rest.trim();
        number.trim().is_empty() && !rest.is_empty() && rest.bytes().all(|byte| byte == b'^')
    })
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// The same for programs.
pub(super) fn json(failure: &Failure) -> String {
    let frames = |thrown: &Thrown| -> Vec<String> {
        let line = |it: &Frame| {
            format!("{} {}:{}:{}", it.name, it.file, it.line, it.column).trim().to_owned()
        };
        thrown.frames.iter().map(line).collect()
    };
    let found = |it: &Diagnostic| {
        json!({
            "message": it.message,
            "file": it.file,
            "line": it.location.as_ref().map(|at| at.line),
            "column": it.location.as_ref().map(|at| at.column),
            "frame": it.frame(),
            "hint": it.help,
        })
    };
    let mut error = json!({ "title": failure.title, "file": failure.file });
    if failure.diagnostics.is_empty() {
        if let Some(first) = failure.errors.first() {
            error["name"] = first.name.as_str().into();
            error["message"] = first.message.as_str().into();
            error["code"] = first.code.as_deref().into();
            error["stack"] = frames(first).into();
        }
        let causes = failure.errors.iter().skip(1);
        let causes: Vec<Value> = causes
            .map(|it| json!({ "name": it.name, "message": it.message, "stack": frames(it) }))
            .collect();
        error["causes"] = causes.into();
        error["place"] = failure.place.as_ref().map(found).into();
        error["hint"] = failure.hint.as_deref().into();
    } else {
        let all: Vec<Value> =
            failure.diagnostics.iter().take(DIAGNOSTICS_SHOWN_MAX).map(found).collect();
        error["diagnostics"] = all.into();
    }
    json!({ "error": error }).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use byway_error::Location;

    use super::super::variables::Variables;
    use super::*;

    #[test]
    fn what_user_code_says_is_text_and_never_markup() {
        let report = br#"{"kind":"handler","file":"app/<b>/route.ts","errors":[{"name":"<i>",
            "message":"</style><script>alert(1)</script>","frames":[]}]}"#;
        let failure = Failure::read(Path::new("/p"), report, &[], &Variables::default());
        let Page { html, policy } = of(&failure, 3);
        assert!(!html.contains("<script>alert") && !html.contains("<i>") && !html.contains("<b>"));
        assert!(html.contains("&lt;/style&gt;&lt;script&gt;alert(1)"));
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"));
        assert!(html.contains("data-version=\"3\""));
    }

    #[test]
    fn a_finding_is_shown_with_the_line_marked() {
        let source = "const a = 1\nconst = 2\n";
        let location = Location { line: 2, column: 7, length: 1 };
        let found = Diagnostic::error("unexpected token").in_file("a.ts").at(location, source);
        let failure = Failure::of_project("x", vec![found]);
        let html = of(&failure, 0).html;
        assert!(html.contains("<span class=\"hit\">2 | const = 2</span>"), "{html}");
        assert!(html.contains("class=\"under\""));
        let value: Value = serde_json::from_str(&json(&failure)).unwrap();
        assert_eq!(value["error"]["diagnostics"][0]["line"], 2);
    }
}
