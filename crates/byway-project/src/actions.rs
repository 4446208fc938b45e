//! Files that may have Server Actions: those in which `use server` stands somewhere. What the words
//! mean there is for who reads the code to say.
//!
//! Next finds actions on its way through the pages' imports. byway does not compile pages, so it
//! looks at the project's own source files instead.

use std::fs;
use std::path::Path;

use byway_config::limits::{ACTION_SOURCE_BYTES_MAX, NEXT_ACTIONS_BYTES_MAX};
use byway_routes::manifest::NextAction;
use serde::Deserialize;

use crate::tree::{self, Tree};

/// What Next's build says of its actions.
const NEXT_BUILD: &str = ".next/server/server-reference-manifest.json";
/// Folders beside `app/` that hold what builds have made.
const MADE: [&str; 5] = ["build", "coverage", "dist", "out", "public"];
const DIRECTIVE: &str = "use server";

/// The files, relative to `dir` with `/`, sorted; or why the folder cannot be looked through.
pub fn files_with_directive(dir: &Path) -> Result<Vec<String>, String> {
    let is_skipped = |name: &str| name == "node_modules" || name.starts_with('.');
    let Tree { mut files, .. } =
        tree::list_sources(dir, is_skipped, &MADE).map_err(|error| error.to_string())?;
    files.retain(|file| may_have_actions(&dir.join(file)));
    files.sort_unstable();
    Ok(files)
}

/// Whether the file is code in which the directive stands somewhere.
pub fn may_have_actions(path: &Path) -> bool {
    const ENDINGS: [&str; 8] = ["cjs", "cts", "js", "jsx", "mjs", "mts", "ts", "tsx"];
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    if !ENDINGS.contains(&ending) || stem.rsplit('.').next() == Some("d") && stem != "d" {
        return false;
    }
    let is_short = fs::metadata(path).is_ok_and(|it| it.len() <= ACTION_SOURCE_BYTES_MAX);
    is_short && fs::read_to_string(path).is_ok_and(|text| text.contains(DIRECTIVE))
}

/// The actions of Next's build of the project, if there is one. A file that is not as Next writes
/// it says nothing.
pub fn next_actions(dir: &Path) -> Vec<NextAction> {
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        node: std::collections::BTreeMap<String, Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        #[serde(default)]
        filename: String,
        #[serde(default, rename = "exportedName")]
        exported_name: String,
    }
    let path = dir.join(NEXT_BUILD);
    if !fs::metadata(&path).is_ok_and(|it| it.len() <= NEXT_ACTIONS_BYTES_MAX) {
        return Vec::new();
    }
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    let Ok(file) = serde_json::from_str::<File>(&text) else { return Vec::new() };
    let named = file.node.into_iter().filter(|(_, it)| !it.filename.is_empty());
    named.map(|(id, it)| NextAction { id, file: it.filename, export: it.exported_name }).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use byway_routes::manifest::NextAction;

    use super::{files_with_directive, next_actions};

    #[test]
    fn files_that_mention_it_are_found_outside_of_packages_and_builds() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for name in ["app/a.ts", "lib/deep/b.mjs", "c.jsx", "app/build/d.tsx", "src/out/e.cts"] {
            file(name, "'use server'\n");
        }
        for name in [
            "node_modules/x/a.js",
            "packages/y/node_modules/x/a.js",
            ".next/server/a.js",
            ".byway/server/a.mjs",
            "dist/a.js",
            "out/a.js",
            "app/a.d.ts",
            "app/a.css",
        ] {
            file(name, "'use server'\n");
        }
        file("app/other.ts", "export const text = 'user server'\n");
        let found = files_with_directive(dir.path()).unwrap();
        assert_eq!(
            found,
            ["app/a.ts", "app/build/d.tsx", "c.jsx", "lib/deep/b.mjs", "src/out/e.cts"]
        );
    }

    #[test]
    fn the_ids_of_a_next_build_are_read_and_nonsense_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(next_actions(dir.path()), []);
        let path = dir.path().join(".next/server/server-reference-manifest.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, r#"{"node":{"40ab":{"workers":{"app/page":{"moduleId":1}},"filename":"app/a.ts","exportedName":"save"},"41":{}},"edge":{},"encryptionKey":"k"}"#).unwrap();
        let expected = NextAction {
            id: "40ab".to_owned(),
            file: "app/a.ts".to_owned(),
            export: "save".to_owned(),
        };
        assert_eq!(next_actions(dir.path()), [expected]);
        for nonsense in ["", "[]", "{\"node\":7}", "{\"node\":{\"a\":1}}", "{}"] {
            fs::write(&path, nonsense).unwrap();
            assert_eq!(next_actions(dir.path()), [], "{nonsense}");
        }
    }
}
