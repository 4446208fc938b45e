//! "Did you mean": files whose names are close to one that is not there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place::Layout;

/// Directories with more entries are not searched.
const ENTRIES_MAX: usize = 2000;

/// What `specifier` should perhaps have been, in the same form.
pub(crate) fn similar_specifier(
    layout: &Layout,
    importer: &Path,
    specifier: &str,
) -> Option<String> {
    let (folder, written) = match specifier.rfind('/') {
        Some(slash) => specifier.split_at(slash + 1),
        None => return None,
    };
    let written_stem = stem(written);
    let mut best: Option<(usize, String)> = None;
    for dir in folders(layout, importer, folder) {
        let Ok(entries) = fs::read_dir(dir) else { continue };
        for entry in entries.take(ENTRIES_MAX).flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(distance) = distance(written_stem, stem(&name)) else { continue };
            let better = best
                .as_ref()
                .is_none_or(|(least, text)| (distance, name.as_str()) < (*least, text.as_str()));
            if better {
                best = Some((distance, name));
            }
        }
    }
    let (_, name) = best?;
    let has_ending = written != written_stem;
    Some(format!("{folder}{}", if has_ending { name.as_str() } else { stem(&name) }))
}

/// Where the file may be meant to be. Aliases for the project's root are so common that they are tried.
fn folders(layout: &Layout, importer: &Path, folder: &str) -> Vec<PathBuf> {
    if folder.starts_with('.') {
        return importer.parent().map(|dir| dir.join(folder)).into_iter().collect();
    }
    let Some(rest) = folder.strip_prefix("@/").or_else(|| folder.strip_prefix("~/")) else {
        return Vec::new();
    };
    let root = layout.project_dir();
    vec![root.join(rest), root.join("src").join(rest)]
}

fn stem(name: &str) -> &str {
    for ending in [".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs", ".cts", ".cjs", ".json"] {
        if let Some(stem) = name.strip_suffix(ending) {
            return stem;
        }
    }
    name
}

/// How many changes lead from one name to the other; `None` where they are not alike.
fn distance(left: &str, right: &str) -> Option<usize> {
    if left == right || left.to_lowercase() == right.to_lowercase() {
        return Some(0);
    }
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let allowed = (left.len().min(right.len()) / 3).min(2);
    if allowed == 0 || left.len().abs_diff(right.len()) > allowed {
        return None;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().filter(|&it| it <= allowed)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        assert_eq!(distance("database", "Database"), Some(0));
        assert_eq!(distance("databse", "database"), Some(1));
        assert_eq!(distance("db", "da"), None);
        assert_eq!(distance("prisma", "stripe"), None);
        assert_eq!(distance("x", "x"), Some(0));
    }
}
