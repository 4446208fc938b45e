//! `byway build`: compiles a project and prints its routes.

use std::time::Instant;

use byway_compile::BuildError;
use byway_error::Diagnostic;
use byway_routes::manifest::{Manifest, Route, RouteKind};

use crate::cli::BuildArgs;
use crate::print::{self, Reported, counted};
use crate::progress::Progress;
use crate::reading::{self, Reading};

pub(crate) fn run(args: &BuildArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    reading::runtime()?.block_on(build(args, started))
}

async fn build(args: &BuildArgs, started: Instant) -> anyhow::Result<()> {
    let reading = Reading::for_command(&args.project.dir, args.project.node.as_deref()).await?;
    let Some(input) = reading.build_input().filter(|_| !reading.has_errors()) else {
        return Err(failed(reading, Vec::new()));
    };
    let progress = Progress::start("compiling");
    let output = match byway_compile::build(input).await {
        Ok(output) => output,
        Err(BuildError::Project(found)) => {
            drop(progress);
            return Err(failed(reading, found));
        }
        Err(other) => return Err(other.into()),
    };
    drop(progress);
    output.warnings.iter().chain(&reading.found).for_each(print::diagnostic);
    print::data(&route_table(&output.manifest))?;
    let took_ms = started.elapsed().as_millis();
    print::note(&summary(&output.manifest, took_ms));
    Ok(())
}

fn failed(reading: Reading, found: Vec<Diagnostic>) -> anyhow::Error {
    let earlier = reading.dir.join(".byway/manifest.json").exists();
    let error = reading.failed("the build", found);
    if earlier {
        Reported(format!("{error}; the earlier build is still in place")).into()
    } else {
        error
    }
}

/// The routes as columns: path, methods, kind, size.
fn route_table(manifest: &Manifest) -> String {
    let heading = ["route", "methods", "kind", "size"].map(String::from);
    let mut rows: Vec<[String; 4]> = vec![heading];
    rows.extend(manifest.routes.iter().map(row));
    let width = rows.iter().map(|row| row[3].chars().count()).max().unwrap_or(0);
    for row in &mut rows {
        row[3] = format!("{:>width$}", row[3]);
    }
    print::table(&rows)
}

fn row(route: &Route) -> [String; 4] {
    let kind = match route.kind {
        RouteKind::App if route.segment.is_edge() => "edge",
        RouteKind::App => "app",
        RouteKind::Page => "page",
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

fn summary(manifest: &Manifest, took_ms: u128) -> String {
    let mut routes = counted(manifest.routes.len(), "route");
    if let Some(actions) = &manifest.actions {
        routes.push_str(" and ");
        routes.push_str(&counted(actions.entries.len(), "action"));
    }
    if manifest.pages.is_empty() {
        return format!("built {routes} in {took_ms} ms");
    }
    let left_out = counted(manifest.pages.len(), "page");
    format!("built {routes} in {took_ms} ms; {left_out} not rendered, `byway check` says why")
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
