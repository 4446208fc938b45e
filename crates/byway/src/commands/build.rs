//! `byway build`: compiles a project and prints its routes.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use byway_compile::{BuildError, BuildInput, BuildOutput, SourceRoute};
use byway_error::Diagnostic;
use byway_project::next_config::ReadConfig;
use byway_project::public::{self, PublicFiles};
use byway_project::{Project, ScanOptions};
use byway_routes::manifest::{Manifest, Route, RouteKind};
use byway_routes::next_config::NextConfig;

use super::next_config::read_config;
use crate::print::{self, Reported};
use crate::{BuildArgs, environment, settings};

pub(crate) fn run(args: &BuildArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let given = &args.dir;
    let dir = std::fs::canonicalize(given)
        .with_context(|| format!("cannot open the folder `{}`", given.display()))?;
    let node = settings::node_of_build(&dir, args.node.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ReadConfig { config, warnings } =
        runtime.block_on(read_config(&dir, &node)).map_err(|error| reported(&dir, error))?;
    let options = ScanOptions { page_extensions: config.page_extensions.clone() };
    let project = byway_project::scan(&dir, &options).map_err(|found| report(&dir, &found))?;
    let files = public_files(&project)?;
    let output =
        runtime.block_on(compile(&project, config)).map_err(|error| reported(&dir, error))?;
    files.warnings.iter().for_each(print::diagnostic);
    output.warnings.iter().for_each(print::diagnostic);
    warnings.iter().for_each(print::diagnostic);
    unsupported(&project).iter().for_each(print::diagnostic);
    print::data(&route_table(&output.manifest))?;
    print::note(&summary(&output.manifest, &project, started.elapsed().as_millis()));
    Ok(())
}

/// The files of `public/`, which have to get along with the routes.
fn public_files(project: &Project) -> anyhow::Result<PublicFiles> {
    let mut files = public::scan(&project.dir).map_err(|found| report(&project.dir, &[found]))?;
    files.warnings.extend(public::conflicts(project, &files.names));
    if files.warnings.iter().any(Diagnostic::is_error) {
        return Err(report(&project.dir, &files.warnings));
    }
    Ok(files)
}

async fn compile(project: &Project, config: NextConfig) -> anyhow::Result<BuildOutput> {
    let mut inlined_env = environment::inlined(&project.dir)?;
    inlined_env.extend(config.env.clone());
    let routes = project
        .sources
        .iter()
        .map(|source| SourceRoute {
            path: source.pattern.to_string(),
            pattern: source.pattern.clone(),
            file: source.file.clone(),
            kind: source.kind,
            special: source.special,
        })
        .collect();
    let input = BuildInput {
        project_dir: project.dir.clone(),
        out_dir: project.dir.join(".byway"),
        routes,
        pages: project.pages.clone(),
        instrumentation: project.instrumentation.clone(),
        proxy: project.proxy.clone(),
        tsconfig: project.tsconfig.as_ref().map(|file| project.dir.join(file)),
        next_config: project.next_config.clone(),
        config,
        inlined_env,
        production: true,
    };
    Ok(byway_compile::build(input).await?)
}

/// Prints the project's faults; another error goes up as it is.
fn reported(dir: &Path, error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<BuildError>() {
        Ok(BuildError::Project(found)) => report(dir, &found),
        Ok(other) => other.into(),
        Err(other) => other,
    }
}

/// What the project relies on and this version does not do.
fn unsupported(project: &Project) -> Vec<Diagnostic> {
    let warning = |file: &Option<String>, message: &str, help: &str| {
        let file = file.as_ref()?;
        Some(Diagnostic::warning(message).in_file(file.clone()).with_help(help))
    };
    let legacy = project.dir.join("static").is_dir().then(|| "static/".to_owned());
    let found = [warning(
        &legacy,
        "the files of this folder are not served: Next has long replaced it by `public/`",
        "move it to `public/static/`; the paths stay the same",
    )];
    found.into_iter().flatten().collect()
}

/// Prints what was found; what is left to say is how much.
fn report(dir: &Path, found: &[Diagnostic]) -> anyhow::Error {
    found.iter().for_each(print::diagnostic);
    let errors = found.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let errors = if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
    let earlier = if dir.join(".byway/manifest.json").exists() {
        "; the earlier build is still in place"
    } else {
        ""
    };
    Reported(format!("the build failed with {errors}{earlier}")).into()
}

/// The routes as columns: path, methods, kind, size.
fn route_table(manifest: &Manifest) -> String {
    let rows: Vec<[String; 4]> =
        std::iter::once(["route", "methods", "kind", "size"].map(String::from))
            .chain(manifest.routes.iter().map(row))
            .collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let [a, b, c, d] = widths;
    let line = |[path, methods, kind, size]: &[String; 4]| {
        format!("{path:<a$}  {methods:<b$}  {kind:<c$}  {size:>d$}\n")
    };
    rows.iter().map(line).collect()
}

fn row(route: &Route) -> [String; 4] {
    let kind = match route.kind {
        RouteKind::App if route.segment.is_edge() => "edge",
        RouteKind::App => "app",
        RouteKind::Pages => "pages",
    };
    let methods = route.methods.as_ref().map_or_else(|| "any".to_owned(), |m| m.join(" "));
    [route.path.clone(), methods, kind.to_owned(), size(route.size)]
}

/// A size for people: `812 B`, `1.4 kB`.
#[expect(clippy::cast_precision_loss, reason = "one decimal of a file's size")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn summary(manifest: &Manifest, project: &Project, took_ms: u128) -> String {
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let mut text = format!("built {} in {took_ms} ms", count(manifest.routes.len(), "route"));
    if !project.ignored.is_empty() {
        let left_out = count(project.ignored.len(), "page");
        text = format!("{text}; {left_out} left out: byway serves the API side only");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_three_digits_or_so() {
        assert_eq!(
            [size(0), size(999), size(1_400), size(2_500_000)],
            ["0 B", "999 B", "1.4 kB", "2.5 MB"]
        );
    }
}
