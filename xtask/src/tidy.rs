//! The rules of the house that no compiler checks, as tests: sizes, words, and which crate may know
//! which.

mod crates;
mod files;
mod functions;

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::root;

/// Folders that are installed, built or recorded and not written here.
const FOLDERS_SKIPPED: [&str; 8] =
    [".git", "target", "node_modules", ".next", "build", "generated", "data", ".test-build"];
/// Nothing in the repository nests deeper.
const DEPTH_MAX: usize = 24;

/// A text file of the repository.
struct Source {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path).extension().and_then(|text| text.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    }

    /// Whether the whole file is a test, a benchmark or a recorded fixture.
    fn is_test(&self) -> bool {
        let in_folder = |folder: &str| self.path.split('/').any(|component| component == folder);
        in_folder("tests")
            || in_folder("benches")
            || self.path.ends_with("/tests.rs")
            || self.path.contains(".test.")
    }

    /// The lines before inline tests, which come last in a file.
    fn lines_without_tests(&self) -> Vec<&str> {
        let lines = self.text.lines();
        lines.take_while(|line| !line.starts_with("#[cfg(test)]")).collect()
    }
}

/// Every source file, in the order of their paths.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(root(), 0, &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(found.len() > 50, "only {} files were found", found.len());
    found
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<Source>) {
    assert!(depth < DEPTH_MAX, "{} nests too deep", folder.display());
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let relative = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        if path.is_dir() {
            let made = FOLDERS_SKIPPED.contains(&name) || name.starts_with(".byway");
            if !made && !relative.starts_with("tests/conformance/app") {
                collect(&path, depth + 1, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push(Source { path: relative, text });
        }
    }
}

/// Fails with one line for each thing that is wrong.
fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
