//! Why user code failed: the worker's report, with frames that a person can use.

use std::fmt::Write as _;
use std::path::Path;

use byway_error::{Diagnostic, Location};
use serde::Deserialize;

use super::hints;
use super::variables::Variables;

/// What a worker sends.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Report {
    /// What failed: `handler`, `load` or `proxy`.
    #[serde(default)]
    pub(super) kind: String,
    /// The route's or proxy's file, relative to the project.
    #[serde(default)]
    pub(super) file: String,
    /// The error and its causes, outermost first.
    #[serde(default)]
    pub(super) errors: Vec<Thrown>,
}

/// Something that was thrown.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Thrown {
    pub(super) name: String,
    pub(super) message: String,
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) frames: Vec<Frame>,
}

/// One line of a stack.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) name: String,
    /// Relative to the project once it is its own.
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: u32,
    /// Whose code it is.
    #[serde(skip)]
    pub(super) of: Owner,
}

/// Whose code a frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Owner {
    /// The project's.
    #[default]
    Project,
    /// An installed package's.
    Package,
}

/// A failure, ready to be shown.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) title: &'static str,
    pub(super) file: String,
    pub(super) errors: Vec<Thrown>,
    /// The first place in the project's code.
    pub(super) place: Option<Diagnostic>,
    /// What to do about it.
    pub(super) hint: Option<String>,
    /// What is wrong with the sources, where that is the reason.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// Reads a worker's report. `errors` is what is wrong with the sources.
    pub(super) fn read(
        dir: &Path,
        report: &[u8],
        errors: &[Diagnostic],
        variables: &Variables,
    ) -> Self {
        let mut report: Report = serde_json::from_slice(report).unwrap_or_default();
        for thrown in &mut report.errors {
            thrown.frames = frames(dir, &thrown.frames);
            let message = std::mem::take(&mut thrown.message);
            thrown.message = without_folder(dir, &variables.without_secrets(message));
        }
        let is_build = report.kind == "load"
            && report.errors.iter().any(|it| {
                it.name == "BuildError"
                    || it.code.as_deref().is_some_and(|code| code.ends_with("MODULE_NOT_FOUND"))
            });
        let diagnostics = if is_build { errors.to_vec() } else { Vec::new() };
        let title = match report.kind.as_str() {
            _ if !diagnostics.is_empty() => "The project cannot be compiled",
            "load" => "A route file cannot be loaded",
            "proxy" => "The proxy has failed",
            _ => "A handler has failed",
        };
        let place = place(dir, &report.errors);
        let hint = hints::of(&report, place.as_ref(), variables);
        Self { title, file: report.file, errors: report.errors, place, hint, diagnostics }
    }

    /// There is no build at all.
    pub(super) fn of_project(message: &str, diagnostics: Vec<Diagnostic>) -> Self {
        let thrown =
            Thrown { name: "Error".to_owned(), message: message.to_owned(), ..Thrown::default() };
        Self {
            title: "The project cannot be built",
            file: String::new(),
            errors: if diagnostics.is_empty() { vec![thrown] } else { Vec::new() },
            place: None,
            hint: None,
            diagnostics,
        }
    }

    /// What the terminal shows.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        if !self.diagnostics.is_empty() {
            return self.diagnostics.clone();
        }
        let Some(first) = self.errors.first() else { return Vec::new() };
        let message = format!("{}: {}", first.name, first.message);
        let mut shown = match &self.place {
            Some(place) => Diagnostic { message, ..place.clone() },
            None => Diagnostic::error(message).in_file(&self.file),
        };
        for cause in self.errors.iter().skip(1) {
            let _ = write!(shown.message, "\ncaused by {}: {}", cause.name, cause.message);
        }
        shown.help = self.hint.as_deref().map(Into::into);
        vec![shown]
    }
}

/// Frames of the project and of packages; those of byway and Node say nothing to a user.
fn frames(dir: &Path, all: &[Frame]) -> Vec<Frame> {
    all.iter().filter_map(|frame| own_frame(dir, frame)).collect()
}

fn own_frame(dir: &Path, frame: &Frame) -> Option<Frame> {
    let file = frame.file.as_str();
    let is_internal = file.starts_with("node:")
        || file.contains("byway:")
        || !file.contains('/')
        || file.contains("/.byway-dev/");
    if is_internal {
        return None;
    }
    let name = frame.name.strip_prefix("async ").unwrap_or(&frame.name).to_owned();
    let of = if file.contains("/node_modules/") { Owner::Package } else { Owner::Project };
    let file = match Path::new(file).strip_prefix(dir) {
        Ok(relative) => relative.to_string_lossy().into_owned(),
        Err(_) => match file.rfind("/node_modules/") {
            Some(at) => file[at + 1..].to_owned(),
            // A workspace's own package beside the project: its last folders name it well enough.
            None => file
                .rsplitn(4, '/')
                .take(3)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .fold(String::from("…"), |path, part| path + "/" + part),
        },
    };
    Some(Frame { name, file, of, ..frame.clone() })
}

/// The innermost place in the project's code, of the outermost error that has one.
fn place(dir: &Path, errors: &[Thrown]) -> Option<Diagnostic> {
    let frame = errors
        .iter()
        .find_map(|thrown| thrown.frames.iter().find(|frame| frame.of == Owner::Project))?;
    let mut place = Diagnostic::error("").in_file(&frame.file);
    let location = Location { line: frame.line, column: frame.column, length: 1 };
    if let Ok(source) = std::fs::read_to_string(dir.join(&frame.file)) {
        place = place.at(location, source);
    }
    Some(place)
}

/// Messages of the system quote absolute paths.
fn without_folder(dir: &Path, message: &str) -> String {
    let folder = dir.to_string_lossy();
    message.replace(&format!("{folder}/"), "").replace(&*folder, ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(json: &str) -> Failure {
        Failure::read(Path::new("/p"), json.as_bytes(), &[], &Variables::default())
    }

    #[test]
    fn frames_of_byway_and_node_are_left_out_and_paths_are_the_projects() {
        let failure = report(
            r#"{"kind":"handler","file":"app/a/route.ts","errors":[{"name":"Error",
            "message":"cannot read /p/data/x.json","frames":[
            {"name":"async GET","file":"/p/app/a/route.ts","line":2,"column":3},
            {"name":"parse","file":"/p/node_modules/zod/index.js","line":9,"column":1},
            {"name":"f","file":"/p/.byway-dev/1/server/worker.mjs","line":9,"column":1},
            {"name":"g","file":"node:internal/process","line":9,"column":1},
            {"name":"h","file":"/repo/packages/ui/src/h.ts","line":4,"column":1}]}]}"#,
        );
        let files: Vec<_> = failure.errors[0]
            .frames
            .iter()
            .map(|it| (it.name.as_str(), it.file.as_str()))
            .collect();
        assert_eq!(
            files,
            [
                ("GET", "app/a/route.ts"),
                ("parse", "node_modules/zod/index.js"),
                ("h", "…/ui/src/h.ts")
            ]
        );
        assert_eq!(failure.errors[0].message, "cannot read data/x.json");
        assert_eq!(failure.place.unwrap().file.as_deref(), Some("app/a/route.ts"));
    }

    #[test]
    fn a_report_that_makes_no_sense_is_still_a_failure() {
        assert_eq!(report("{").title, "A handler has failed");
    }

    #[test]
    fn errors_of_the_sources_are_shown_where_they_are_the_reason() {
        let errors = [Diagnostic::error("unexpected token").in_file("lib/a.ts")];
        let none = Variables::default();
        let of = |json: &str| {
            Failure::read(Path::new("/p"), json.as_bytes(), &errors, &none).diagnostics
        };
        assert_eq!(of(r#"{"kind":"load","errors":[{"name":"BuildError","message":"x"}]}"#), errors);
        assert!(of(r#"{"kind":"load","errors":[{"name":"Error","message":"x"}]}"#).is_empty());
    }
}
