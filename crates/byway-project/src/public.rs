//! The files of `public/`, which are served as they are.

use std::collections::BTreeSet;
use std::path::Path;

use byway_error::Diagnostic;

use crate::project::Project;
use crate::tree::{self, ENTRIES_MAX, Tree};

/// The folder, relative to the project.
pub const PUBLIC: &str = "public";

/// What can be served of `public/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicFiles {
    /// Sorted, relative to `public/`, with `/`. A file is served under its name as the path.
    pub names: Vec<String>,
    /// Why other files are not served.
    pub warnings: Vec<Diagnostic>,
}

/// Lists `public/`; a project without one has no such files.
///
/// As under Next, files whose own name starts with a dot are left out, those in such a folder are not
/// (`.well-known/…`). Unlike under Next, a link is only followed within `public/`.
pub fn scan(dir: &Path) -> Result<PublicFiles, Diagnostic> {
    let folder = dir.join(PUBLIC);
    if !folder.is_dir() {
        return Ok(PublicFiles::default());
    }
    let tree = tree::list_inside(&folder).map_err(|error| {
        let help = format!("`{PUBLIC}/` may have {ENTRIES_MAX} files and folders at most");
        Diagnostic::error(error.to_string()).in_file(PUBLIC).with_help(help)
    })?;
    let warnings = warnings(&tree);
    let is_served = |name: &String| {
        let leaf = name.rsplit('/').next().unwrap_or_default();
        // A backslash in a path is a slash in a URL.
        !leaf.starts_with('.') && !name.contains('\\')
    };
    let mut names: Vec<String> = tree.files.into_iter().filter(is_served).collect();
    names.sort_unstable();
    Ok(PublicFiles { names, warnings })
}

fn warnings(tree: &Tree) -> Vec<Diagnostic> {
    let named = |message: &str, help: &'static str, files: &[String]| {
        let mut sorted = files.to_vec();
        sorted.sort_unstable();
        let warning =
            |file| Diagnostic::warning(message).in_file(format!("{PUBLIC}/{file}")).with_help(help);
        sorted.into_iter().map(warning).collect::<Vec<_>>()
    };
    [
        named(
            "this link leads out of `public/` and is not served",
            "copy into `public/` what clients may read",
            &tree.links_out,
        ),
        named(
            "this link leads back to a folder it lies in and is not served",
            "remove the link",
            &tree.link_cycles,
        ),
        named(
            "this name is not UTF-8, so that no URL leads to it",
            "rename the file",
            &tree.not_unicode,
        ),
    ]
    .concat()
}

/// What `public/` and the routes of a project have against each other. As under Next, a file hides an App
/// Router route with its path, and is refused beside a file of `pages/`.
pub fn conflicts(project: &Project, names: &[String]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if project.dir.join(PUBLIC).join("_next").exists() {
        let message = "`public/_next` would hide what Next itself serves below `/_next`";
        let help = "rename the folder, as Next demands it too";
        found.push(Diagnostic::error(message).in_file("public/_next").with_help(help));
    }
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let name_of = |path: &str| match path {
        "/" => "index".to_owned(),
        path => path.trim_start_matches('/').to_owned(),
    };
    let sources = project.sources.iter().map(|source| (&source.file, source.pattern.to_string()));
    let pages = project.pages.iter().map(|page| (&page.file, page.pattern.to_string()));
    for (file, path) in sources.chain(pages) {
        let name = name_of(&path);
        if !names.contains(name.as_str()) {
            continue;
        }
        let in_app = file.starts_with("app/") || file.starts_with("src/app/");
        found.push(if in_app && path != "/" {
            Diagnostic::warning(format!("`public/{name}` hides this file: both serve `{path}`"))
                .in_file(file.clone())
                .with_help("remove one of them; Next serves the file in `public/`, too")
        } else if in_app {
            continue;
        } else {
            Diagnostic::error(format!("`public/{name}` and this file both serve `{path}`"))
                .in_file(file.clone())
                .with_help("remove one of them, as Next demands it too")
        });
    }
    found
}

#[cfg(test)]
mod tests;
