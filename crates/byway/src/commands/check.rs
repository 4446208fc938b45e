//! `byway check`: what of a project runs, what differs and what is not supported, without running it.

mod facts;
mod report;
mod unsupported;

use std::path::{Path, PathBuf};

use byway_check::{Role, Source};
use byway_compile::{Analysis, BuildError};
use byway_error::{Diagnostic, Severity};
use byway_project::Project;
use byway_routes::manifest::{Manifest, RouteKind};

use crate::cli::CheckArgs;
use crate::print::{self, Reported, counted};
use crate::progress::Progress;
use crate::reading::{self, Reading};
use crate::settings;

/// Everything that was found out.
struct Checked {
    reading: Reading,
    manifest: Option<Manifest>,
    /// Errors first, then warnings, then notes; each sorted by file.
    found: Vec<Diagnostic>,
}

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let checked = reading::runtime()?.block_on(check(args))?;
    let text = if args.json { report::json(&checked)? } else { report::text(&checked) };
    print::data(&text)?;
    let [errors, warnings] = [Severity::Error, Severity::Warning].map(|it| checked.count(it));
    if errors > 0 {
        return Err(Reported(format!("the project has {}", counted(errors, "error"))).into());
    }
    if args.deny_warnings && warnings > 0 {
        return Err(Reported(format!("the project has {}", counted(warnings, "warning"))).into());
    }
    Ok(())
}

impl Checked {
    fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|found| found.severity == severity).count()
    }
}

async fn check(args: &CheckArgs) -> anyhow::Result<Checked> {
    let dir = reading::folder(&args.project.dir)?;
    let mut found = Vec::new();
    // Faults of byway.toml are findings like others; the rest is checked as if it was not there.
    let node = args.project.node.as_deref();
    let loaded = settings::findings(&dir, node);
    let loaded = match loaded {
        Ok(loaded) => {
            found.extend(coded("settings", loaded.warnings.iter().cloned()));
            Some(loaded)
        }
        Err(faults) => {
            found.extend(coded("settings", faults));
            None
        }
    };
    let node = loaded.as_ref().map(|it| it.settings.workers.node.clone());
    let node = node.unwrap_or_else(|| node_without_settings(args.project.node.as_deref()));
    let mut reading = Reading::of(dir, &node).await?;
    found.extend(coded("project", std::mem::take(&mut reading.found)));
    let mut manifest = None;
    if let (Some(input), Some(project)) = (reading.build_input(), &reading.project) {
        let _progress = Progress::start("checking");
        match byway_compile::analyse(input).await {
            Ok(analysis) => {
                let Analysis { manifest: compiled, found: compile, unrendered, sources } = analysis;
                manifest = compiled;
                found.extend(coded("build", compile));
                found.extend(unrendered);
                let facts = facts::of(&reading, loaded.as_ref());
                let sources = read_sources(&reading.dir, project, &sources);
                found.extend(byway_check::check(&sources, &facts));
            }
            Err(BuildError::Project(faults)) => found.extend(coded("build", faults)),
            Err(other) => return Err(other.into()),
        }
        found.extend(unsupported::find(project, &reading.ignored_settings));
    }
    found.sort_by_key(|it| match it.severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Note => 2,
    });
    Ok(Checked { reading, manifest, found })
}

/// Findings that have no rule of their own are named after where they come from.
fn coded(code: &'static str, found: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let name = |it: Diagnostic| if it.code.is_some() { it } else { it.with_code(code) };
    found.into_iter().map(name).collect()
}

fn node_without_settings(given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| PathBuf::from("node"), Path::to_owned)
}

/// The texts of the files that routes load. What cannot be read is the build's to report.
fn read_sources(dir: &Path, project: &Project, files: &[PathBuf]) -> Vec<Source> {
    const CODE: [&str; 8] = ["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts"];
    let role = |file: &str| {
        let route = project.sources.iter().find(|it| it.file == file && it.special.is_none());
        match route.map(|route| route.kind) {
            Some(RouteKind::App) => Role::AppRoute,
            Some(RouteKind::Pages) => Role::PagesRoute,
            Some(RouteKind::Page) | None => Role::Module,
        }
    };
    let is_code = |file: &&PathBuf| {
        file.extension().and_then(|it| it.to_str()).is_some_and(|it| CODE.contains(&it))
    };
    files
        .iter()
        .filter(is_code)
        .filter_map(|path| {
            // What lies outside, such as another package of a workspace, is not this project's to judge.
            let file = path.strip_prefix(dir).ok()?.to_str()?.to_owned();
            let text = std::fs::read_to_string(path).ok()?;
            Some(Source { role: role(&file), file, text })
        })
        .collect()
}
