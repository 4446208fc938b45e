//! Lists the files below a folder: links are followed, but not in circles, and neither depth nor
//! number is without a maximum.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use thiserror::Error;

/// How many folders may lie in each other.
pub const DEPTH_MAX: usize = 100;

/// How many files and folders `app/` or `pages/` may have.
pub const ENTRIES_MAX: usize = 100_000;

/// The files below a folder, relative to it with `/`, in no order.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<String>,
    /// Links that lead back to a folder they lie in.
    pub(crate) link_cycles: Vec<String>,
    /// Links that lead out of the folder, where that is not allowed.
    pub(crate) links_out: Vec<String>,
    /// Entries whose names are not UTF-8, with replacement characters.
    pub(crate) not_unicode: Vec<String>,
}

/// Why a folder cannot be listed.
#[derive(Debug, Error)]
pub(crate) enum TreeError {
    #[error("cannot read `{path}`: {error}")]
    Read { path: String, error: io::Error },
    #[error("`{path}` has folders more than {DEPTH_MAX} deep")]
    TooDeep { path: String },
    #[error("more than {ENTRIES_MAX} files and folders")]
    TooMany,
}

struct Folder {
    path: PathBuf,
    /// With a `/` at the end, or empty.
    prefix: String,
    depth: usize,
    /// The real folders from which a link was followed on the way here.
    linked_from: Rc<Vec<PathBuf>>,
}

/// Lists `root`, leaving out the names that `is_skipped` says, with all that is below them.
pub(crate) fn list(root: &Path, is_skipped: fn(&str) -> bool) -> Result<Tree, TreeError> {
    walk(root, is_skipped, &[], None)
}

/// Lists `root` without what links in it lead to elsewhere.
pub(crate) fn list_inside(root: &Path) -> Result<Tree, TreeError> {
    let read = |error| TreeError::Read { path: String::new(), error };
    let real = fs::canonicalize(root).map_err(read)?;
    walk(&real, |_| false, &[], Some(&real))
}

/// Lists `root` without what links in it lead to elsewhere, without what `is_skipped` says, and without the
/// folders directly in it that are called as one of `left_out`.
pub(crate) fn list_sources(
    root: &Path,
    is_skipped: fn(&str) -> bool,
    left_out: &[&str],
) -> Result<Tree, TreeError> {
    let read = |error| TreeError::Read { path: String::new(), error };
    let real = fs::canonicalize(root).map_err(read)?;
    walk(&real, is_skipped, left_out, Some(&real))
}

fn walk(
    root: &Path,
    is_skipped: fn(&str) -> bool,
    left_out: &[&str],
    bounds: Option<&Path>,
) -> Result<Tree, TreeError> {
    let mut tree = Tree::default();
    let mut entries = 0;
    let start = Folder {
        path: root.to_owned(),
        prefix: String::new(),
        depth: 0,
        linked_from: Rc::new(Vec::new()),
    };
    let mut folders = vec![start];
    while let Some(folder) = folders.pop() {
        let read = |error| TreeError::Read { path: folder.prefix.clone(), error };
        for entry in fs::read_dir(&folder.path).map_err(read)? {
            let entry = entry.map_err(read)?;
            entries += 1;
            if entries > ENTRIES_MAX {
                return Err(TreeError::TooMany);
            }
            let Ok(name) = entry.file_name().into_string() else {
                let name = entry.file_name().to_string_lossy().into_owned();
                tree.not_unicode.push(folder.prefix.clone() + &name);
                continue;
            };
            if is_skipped(&name) || (folder.depth == 0 && left_out.contains(&name.as_str())) {
                continue;
            }
            let relative = folder.prefix.clone() + &name;
            let kind = entry.file_type().map_err(read)?;
            if kind.is_dir() {
                let linked_from = Rc::clone(&folder.linked_from);
                folders.push(below(&folder, entry.path(), relative, linked_from)?);
            } else if kind.is_symlink() {
                follow(&folder, &entry.path(), relative, bounds, &mut tree, &mut folders)?;
            } else if kind.is_file() {
                tree.files.push(relative);
            }
        }
    }
    Ok(tree)
}

fn below(
    folder: &Folder,
    path: PathBuf,
    relative: String,
    linked_from: Rc<Vec<PathBuf>>,
) -> Result<Folder, TreeError> {
    let depth = folder.depth + 1;
    if depth > DEPTH_MAX {
        return Err(TreeError::TooDeep { path: relative });
    }
    Ok(Folder { path, prefix: relative + "/", depth, linked_from })
}

/// Takes what a link leads to. One that leads nowhere is passed over, as Next does.
fn follow(
    folder: &Folder,
    link: &Path,
    relative: String,
    bounds: Option<&Path>,
    tree: &mut Tree,
    folders: &mut Vec<Folder>,
) -> Result<(), TreeError> {
    let Ok(metadata) = fs::metadata(link) else {
        return Ok(());
    };
    if let Some(bounds) = bounds
        && !fs::canonicalize(link).is_ok_and(|target| target.starts_with(bounds))
    {
        tree.links_out.push(relative);
        return Ok(());
    }
    if metadata.is_file() {
        tree.files.push(relative);
        return Ok(());
    }
    if !metadata.is_dir() {
        return Ok(());
    }
    let read = |error| TreeError::Read { path: relative.clone(), error };
    let target = fs::canonicalize(link).map_err(read)?;
    let mut linked_from = (*folder.linked_from).clone();
    linked_from.push(fs::canonicalize(&folder.path).map_err(read)?);
    if linked_from.iter().any(|visited| visited.starts_with(&target)) {
        tree.link_cycles.push(relative);
        return Ok(());
    }
    folders.push(below(folder, target, relative, Rc::new(linked_from))?);
    Ok(())
}

#[cfg(test)]
mod tests;
