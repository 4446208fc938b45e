//! Whether an installed package may import `next/*` itself.
//!
//! Such a package needs resolve hooks in the worker, which slow every other import down a little. The
//! answer comes from package.json files alone: who works with Next names it as a peer or a dependency.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Packages that import `next/*` where it is there, without naming it in their package.json.
const UNDECLARED: [&str; 4] = ["better-auth", "@sentry/nextjs", "next-intl", "next-safe-action"];
/// More packages than this are not looked at; hooks are then assumed to be needed.
const PACKAGES_MAX: usize = 20_000;
/// How many folders upwards are searched for a `node_modules`, for workspaces.
const PARENTS_MAX: usize = 8;

/// Looks at every package that is installed for the project.
pub(crate) fn packages_import_next(project_dir: &Path) -> bool {
    let mut seen = 0_usize;
    for dir in project_dir.ancestors().take(PARENTS_MAX) {
        let modules = dir.join("node_modules");
        if any_in(&modules, &mut seen) {
            return true;
        }
        // pnpm keeps all packages of a project beside each other, each with a node_modules of its own.
        let Ok(stores) = fs::read_dir(modules.join(".pnpm")) else { continue };
        if stores.flatten().any(|store| any_in(&store.path().join("node_modules"), &mut seen)) {
            return true;
        }
    }
    false
}

fn any_in(modules: &Path, seen: &mut usize) -> bool {
    let Ok(entries) = fs::read_dir(modules) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "next" {
            return false;
        }
        if name.starts_with('@') {
            return any_in(&entry.path(), seen);
        }
        *seen += 1;
        *seen > PACKAGES_MAX || imports_next(&entry.path())
    })
}

fn imports_next(package: &Path) -> bool {
    let Ok(text) = fs::read_to_string(package.join("package.json")) else { return false };
    // Most packages never say the word, and parsing is what costs here.
    if !text.contains("\"next\"") && !UNDECLARED.iter().any(|name| text.contains(name)) {
        return false;
    }
    let Ok(json) = serde_json::from_str::<Value>(&text) else { return false };
    let named = json.get("name").and_then(Value::as_str).is_some_and(|it| UNDECLARED.contains(&it));
    let lists = ["peerDependencies", "dependencies", "optionalDependencies"];
    named || lists.iter().any(|list| json.get(list).and_then(|it| it.get("next")).is_some())
}
