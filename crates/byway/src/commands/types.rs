//! `byway types`: TypeScript declarations for projects that do not install `next`.
//!
//! The declarations are byway's own, of what its worker gives to user code; `RouteContext` knows the
//! project's routes, as the one that `next typegen` writes.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use byway_project::Project;
use byway_routes::manifest::RouteKind;
use byway_routes::pattern::{Pattern, Segment};

use crate::cli::TypesArgs;
use crate::print::{self, WithHint};
use crate::reading::{self, Reading};

/// The file, in the project's folder.
pub(crate) const FILE: &str = "byway-env.d.ts";

const PARTS: [&str; 7] = [
    include_str!("types/header.d.ts"),
    include_str!("types/server.d.ts"),
    include_str!("types/headers.d.ts"),
    include_str!("types/navigation.d.ts"),
    include_str!("types/cache.d.ts"),
    include_str!("types/og.d.ts"),
    include_str!("types/next.d.ts"),
];

pub(crate) fn run(args: &TypesArgs) -> anyhow::Result<()> {
    let (dir, node) = (&args.project.dir, args.project.node.as_deref());
    let reading = reading::runtime()?.block_on(Reading::for_command(dir, node))?;
    if reading.has_errors() || reading.project.is_none() {
        return Err(reading.failed("reading the routes", Vec::new()));
    }
    let text = declarations(reading.project.as_ref());
    let path = reading.dir.join(FILE);
    if args.check {
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        return if found == text { Ok(()) } else { Err(outdated(&path).into()) };
    }
    if has_next(&reading.dir) && !args.force {
        let message = "the package `next` is installed, whose own types are better".to_owned();
        let hint = "write the file all the same with `--force`".to_owned();
        return Err(WithHint { message, hint }.into());
    }
    std::fs::write(&path, &text).with_context(|| format!("cannot write `{FILE}`"))?;
    print::note(&format!("wrote {FILE}"));
    if !is_included(&reading.dir) {
        print::note(&format!("hint: add `{FILE}` to `include` in tsconfig.json"));
    }
    Ok(())
}

fn outdated(path: &Path) -> WithHint {
    let state = if path.exists() { "is not current" } else { "is missing" };
    let (message, hint) = (format!("`{FILE}` {state}"), "run `byway types`".to_owned());
    WithHint { message, hint }
}

/// The whole file for a project, or for one whose routes are not known.
pub(crate) fn declarations(project: Option<&Project>) -> String {
    let mut text = PARTS.join("\n");
    text.push_str("\n/** The parameters of the project's route handlers by path. */\n");
    text.push_str("interface RouteHandlerParams {\n");
    for source in project.iter().flat_map(|project| &project.sources) {
        if source.kind == RouteKind::App && source.special.is_none() {
            let path = serde_json::Value::from(source.pattern.to_string());
            // Writing into a string cannot fail.
            let _ = writeln!(text, "  {path}: {};", params(&source.pattern));
        }
    }
    text.push_str(
        "}\n\n/** The second argument of the handlers of a path: `RouteContext<\"/users/[id]\">`. */\n\
         interface RouteContext<Path extends keyof RouteHandlerParams> {\n  \
         params: Promise<RouteHandlerParams[Path]>;\n}\n",
    );
    text
}

/// `{ id: string; rest: string[] }`
fn params(pattern: &Pattern) -> String {
    let name = |name: &str| serde_json::Value::from(name).to_string();
    let members = pattern.segments.iter().filter_map(|segment| match segment {
        Segment::Static(_) => None,
        Segment::Param(it) => Some(format!("{}: string", name(it))),
        Segment::CatchAll(it) => Some(format!("{}: string[]", name(it))),
        Segment::OptionalCatchAll(it) => Some(format!("{}?: string[]", name(it))),
    });
    let members: Vec<String> = members.collect();
    if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join("; ")) }
}

/// Whether TypeScript would find Next's own types.
fn has_next(dir: &Path) -> bool {
    dir.ancestors().any(|dir| dir.join("node_modules/next/package.json").is_file())
}

/// Whether tsconfig.json covers the file, as far as its text tells.
fn is_included(dir: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(dir.join("tsconfig.json")) else { return true };
    // One with comments is not JSON; whoever writes those knows the file.
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else { return true };
    let Some(include) = json.get("include").and_then(|it| it.as_array()) else { return true };
    let covers = ["**/*.ts", "**/*", "*", "*.ts", ".", "./", "./**/*.ts", "./**/*", "*.d.ts", FILE];
    include.iter().filter_map(|it| it.as_str()).any(|it| covers.contains(&it))
}

#[cfg(test)]
mod tests {
    use byway_routes::pattern::Pattern;

    use super::params;

    #[test]
    fn parameters_have_the_types_of_their_segments() {
        for (path, expect) in [
            ("/a", "{}"),
            ("/a/[id]", "{ \"id\": string }"),
            ("/[a]/[...rest]", "{ \"a\": string; \"rest\": string[] }"),
            ("/[[...rest]]", "{ \"rest\"?: string[] }"),
        ] {
            assert_eq!(params(&Pattern::parse(path).unwrap()), expect, "{path}");
        }
    }
}
