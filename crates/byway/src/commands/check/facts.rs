//! What the rules have to know about a project beside its sources.

use std::collections::BTreeSet;
use std::path::Path;

use byway_check::Facts;
use byway_config::Loaded;
use serde_json::Value as Json;

use crate::environment::Environment;
use crate::reading::Reading;

/// Files and folders that are looked at for declarations.
const AMBIENT_ENTRIES_MAX: usize = 50_000;

pub(super) fn of(reading: &Reading, loaded: Option<&Loaded>) -> Facts {
    let package = read_json(&reading.dir.join("package.json"));
    let mut variables: BTreeSet<String> =
        reading.environment.iter().flat_map(Environment::names).map(str::to_owned).collect();
    variables.extend(reading.config.env.keys().cloned());
    variables.extend(of_other_modes(&reading.dir));
    Facts {
        variables,
        workers: loaded.map_or(1, |it| it.settings.workers.count.get()),
        next_major: package.as_ref().and_then(|it| asked_major(it, "next")),
        zod_major: installed_major(&reading.dir, "zod")
            .or_else(|| package.as_ref().and_then(|it| asked_major(it, "zod"))),
        settings: byway_config::keys().into_iter().map(|key| key.name).collect(),
        ambient: ambient(&reading.dir),
    }
}

/// The texts of the project's `.d.ts` files and of next.config, which may replace names by
/// constants. `None` where there is too much to look at.
fn ambient(dir: &Path) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    let mut folders = vec![dir.to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > AMBIENT_ENTRIES_MAX {
                return None;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && name != "node_modules" && !name.starts_with('.') {
                folders.push(entry.path());
            }
            let declares = [".d.ts", ".d.mts", ".d.cts"].iter().any(|end| name.ends_with(end));
            if !is_folder && (declares || name.starts_with("next.config.")) {
                texts.extend(std::fs::read_to_string(entry.path()));
            }
        }
    }
    Some(texts)
}

/// Variables that only a development machine or the tests have: whoever named them knows of them.
fn of_other_modes(dir: &Path) -> impl Iterator<Item = String> {
    use byway_project::env::{Mode, load};
    [Mode::Development, Mode::Test].into_iter().flat_map(move |mode| {
        let files = load(dir, mode, &std::collections::BTreeMap::new()).unwrap_or_default();
        files.variables.into_keys()
    })
}

fn read_json(path: &Path) -> Option<Json> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// The major version that package.json asks for: `^16.4.6`, `15.x`, `>=14`; nothing for `latest`.
fn asked_major(package: &Json, name: &str) -> Option<u32> {
    let lists = ["dependencies", "devDependencies", "peerDependencies"];
    let range = lists.iter().find_map(|list| package.get(list)?.get(name)?.as_str())?;
    let range =
        range.strip_prefix("npm:").and_then(|it| it.rsplit_once('@')).map_or(range, |it| it.1);
    major(range)
}

fn installed_major(dir: &Path, name: &str) -> Option<u32> {
    let mut installed = dir.ancestors().map(|dir| dir.join("node_modules").join(name));
    let package = installed.find_map(|it| read_json(&it.join("package.json")))?;
    major(package.get("version")?.as_str()?)
}

/// The first number of a version or a range.
fn major(version: &str) -> Option<u32> {
    let text = version.trim_start_matches(|c: char| "^~>=v ".contains(c));
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::asked_major;

    #[test]
    fn versions_that_are_asked_for() {
        for (range, expect) in [
            ("16.4.6", Some(16)),
            ("^15.0.0-rc.1", Some(15)),
            ("~14.2", Some(14)),
            (">= 13", Some(13)),
            ("npm:@scope/next@12.0.0", Some(12)),
            ("latest", None),
            ("workspace:*", None),
        ] {
            let package = json!({ "dependencies": { "next": range } });
            assert_eq!(asked_major(&package, "next"), expect, "{range}");
        }
        assert_eq!(asked_major(&json!({}), "next"), None);
    }
}
