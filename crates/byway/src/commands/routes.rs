//! `byway routes`: every route with its methods, its kind, what is in force for it, and whether the proxy
//! sees its requests.

mod policy;
mod proxy;
mod samples;

use byway_compile::{Analysis, BuildError};
use byway_config::Loaded;
use byway_error::Diagnostic;
use byway_routes::caching::Caching;
use byway_routes::manifest::{Action, Manifest, Route, RouteKind};
use serde_json::{Value as Json, json};

use crate::cli::RoutesArgs;
use crate::print;
use crate::progress::Progress;
use crate::reading::{self, Reading};
use crate::settings;

use policy::Policy;
use proxy::ProxyTest;

/// The version of the shape of `--json`.
const JSON_VERSION: u32 = 1;

/// One route with everything that is shown of it.
struct Row<'a> {
    route: &'a Route,
    kind: &'static str,
    proxy: &'static str,
    policies: Vec<Policy>,
}

pub(crate) fn run(args: &RoutesArgs) -> anyhow::Result<()> {
    let dir = reading::folder(&args.project.dir)?;
    let loaded = settings::of_project(&dir, args.project.node.as_deref())?;
    let node = loaded.settings.workers.node.clone();
    let (reading, analysis) = reading::runtime()?.block_on(async {
        let reading = Reading::of(dir, &node).await?;
        let Some(input) = reading.build_input().filter(|_| !reading.has_errors()) else {
            return Err(reading.failed("reading the routes", Vec::new()));
        };
        let _progress = Progress::start("reading the routes");
        match byway_compile::analyse(input).await {
            Ok(analysis) => Ok((reading, analysis)),
            Err(BuildError::Project(found)) => Err(reading.failed("reading the routes", found)),
            Err(other) => Err(other.into()),
        }
    })?;
    let Analysis { manifest, found, .. } = analysis;
    let Some(manifest) = manifest.filter(|_| !found.iter().any(Diagnostic::is_error)) else {
        return Err(reading.failed("reading the routes", found));
    };
    let proxy = ProxyTest::of(&manifest)?;
    let tables = policy::Tables::new(&loaded);
    let row = |route| row(route, &reading, &tables, &proxy);
    let rows: Vec<Row<'_>> = manifest.routes.iter().map(row).collect();
    let text = if args.json {
        json_of(&manifest, &rows, &loaded)?
    } else {
        table(&rows) + &action_table(&manifest)
    };
    Ok(print::data(&text)?)
}

fn row<'a>(
    route: &'a Route,
    reading: &Reading,
    tables: &policy::Tables<'_>,
    proxy: &ProxyTest,
) -> Row<'a> {
    let mut sources = reading.project.iter().flat_map(|project| &project.sources);
    let is_special = sources.any(|source| source.file == route.file && source.special.is_some());
    Row {
        route,
        kind: kind(route, is_special, reading.config.cache_components),
        proxy: proxy.applies_to(&route.pattern),
        policies: tables.of(route),
    }
}

fn kind(route: &Route, is_special: bool, cache_components: bool) -> &'static str {
    match route.kind {
        _ if route.segment.is_edge() => "edge",
        RouteKind::Pages => "pages",
        RouteKind::Page => "page",
        RouteKind::App if is_special => "file",
        RouteKind::App if Caching::of(route, cache_components).is_some() => "cached",
        RouteKind::App => "dynamic",
    }
}

/// One line per route. A column that says nothing about any route is left out.
fn table(rows: &[Row<'_>]) -> String {
    let heading = ["route", "methods", "kind", "proxy", "policies", "file"].map(String::from);
    let mut cells: Vec<[String; 6]> = vec![heading];
    cells.extend(rows.iter().map(|row| {
        let methods = row.route.methods.as_ref();
        let policies: Vec<String> = row.policies.iter().map(ToString::to_string).collect();
        [
            row.route.path.clone(),
            methods.map_or_else(|| "any".to_owned(), |methods| methods.join(" ")),
            row.kind.to_owned(),
            row.proxy.to_owned(),
            if policies.is_empty() { "-".to_owned() } else { policies.join(", ") },
            row.route.file.clone(),
        ]
    }));
    print::table(&cells)
}

/// The Server Actions below the routes, where there are some.
fn action_table(manifest: &Manifest) -> String {
    let Some(actions) = &manifest.actions else { return String::new() };
    let mut cells = vec![["action", "file", "id"].map(String::from)];
    let row = |it: &Action| [it.export.clone(), it.file.clone(), it.id.clone()];
    cells.extend(actions.entries.iter().map(row));
    format!("\n{}", print::table(&cells))
}

fn json_of(manifest: &Manifest, rows: &[Row<'_>], loaded: &Loaded) -> serde_json::Result<String> {
    let proxy = manifest
        .proxy
        .as_ref()
        .map(|it| json!({ "file": it.file, "edge": it.edge, "matchers": it.matchers }));
    let routes: Vec<Json> = rows
        .iter()
        .map(|row| {
            json!({
                "path": row.route.path,
                "file": row.route.file,
                "methods": row.route.methods,
                "kind": row.kind,
                "router": row.route.kind,
                "proxy": row.proxy,
                "policies": row.policies.iter().map(Policy::json).collect::<Vec<_>>(),
                "segment": row.route.segment,
            })
        })
        .collect();
    let actions = manifest.actions.iter().flat_map(|actions| &actions.entries);
    let settings: Vec<Json> = policy::of_server(loaded).iter().map(Policy::json).collect();
    let all = json!({
        "version": JSON_VERSION,
        "basePath": manifest.config.base_path,
        "proxy": proxy,
        "settings": settings,
        "routes": routes,
        "actions": actions.collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&all)? + "\n")
}
