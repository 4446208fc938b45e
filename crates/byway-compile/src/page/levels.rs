//! The files in the folders above a page that are shown around it, or in its place.

use std::path::Path;

use byway_routes::pattern::Segment;

/// File names without endings, and what generated code calls them. All but the layouts are optional.
const PARTS: [(&str, &str); 7] = [
    ("layout", "layout"),
    ("template", "template"),
    (ERROR, "error"),
    ("loading", "loading"),
    ("not-found", "notFound"),
    ("forbidden", "forbidden"),
    ("unauthorized", "unauthorized"),
];
/// A component for browsers by its nature: under Next it has to say `'use client'`.
pub(super) const ERROR: &str = "error";

/// A folder on the way to a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// The folder, relative to the project, with `/`.
    pub(super) folder: String,
    /// The parameters that the path has up to here.
    pub(super) params: Vec<String>,
    /// What lies in it, by what generated code calls it, absolute.
    pub(super) files: Vec<(&'static str, String)>,
}

/// `app` or `src/app` if the file lies there.
pub(super) fn root_of(file: &str) -> Option<&'static str> {
    ["app", "src/app"]
        .into_iter()
        .find(|root| file.strip_prefix(root).is_some_and(|rest| rest.starts_with('/')))
}

/// The folders from `root` to the one of `page`.
pub(super) fn of(project_dir: &Path, root: &str, page: &str, extensions: &[String]) -> Vec<Level> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let below = folder.strip_prefix(root).unwrap_or_default();
    let mut folders = vec![root.to_owned()];
    let mut params = vec![Vec::new()];
    for name in below.split('/').filter(|name| !name.is_empty()) {
        let (mut folder, mut known) =
            (folders[folders.len() - 1].clone(), params[params.len() - 1].clone());
        folder.push('/');
        folder.push_str(name);
        known.extend(param_of(name));
        folders.push(folder);
        params.push(known);
    }
    folders
        .into_iter()
        .zip(params)
        .map(|(folder, params)| {
            let files = PARTS.iter().filter_map(|&(stem, part)| {
                let names = extensions.iter().map(|extension| format!("{stem}.{extension}"));
                let mut paths = names.map(|name| project_dir.join(&folder).join(name));
                let path = paths.find(|path| path.is_file())?;
                Some((part, path.to_string_lossy().into_owned()))
            });
            Level { files: files.collect(), folder, params }
        })
        .collect()
}

/// The name in `[id]`, `[...path]` or `[[...path]]`.
fn param_of(folder: &str) -> Option<String> {
    Segment::parse(folder).ok()?.param_name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{of, param_of, root_of};

    #[test]
    fn names_of_parameters() {
        for (folder, expect) in [
            ("[id]", "id"),
            ("[...path]", "path"),
            ("[[...rest]]", "rest"),
            ("(group)", ""),
            ("x", ""),
        ] {
            assert_eq!(param_of(folder).unwrap_or_default(), expect, "{folder}");
        }
    }

    #[test]
    fn a_page_lies_in_the_root_of_the_app_router() {
        assert_eq!(root_of("app/page.tsx"), Some("app"));
        assert_eq!(root_of("src/app/x/page.tsx"), Some("src/app"));
        assert_eq!(root_of("apparel/page.tsx"), None);
        assert_eq!(root_of("pages/index.tsx"), None);
    }

    #[test]
    fn folders_and_their_files_from_the_root_down() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("app/(shop)/[lang]/cart")).unwrap();
        for name in
            ["app/layout.tsx", "app/layout.jsx", "app/(shop)/[lang]/not-found.js", "app/error.tsx"]
        {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let extensions = ["tsx", "js"].map(str::to_owned);
        let levels = of(dir.path(), "app", "app/(shop)/[lang]/cart/page.tsx", &extensions);
        let brief: Vec<(&str, &[String], Vec<&str>)> = levels
            .iter()
            .map(|it| {
                (it.folder.as_str(), &it.params[..], it.files.iter().map(|it| it.0).collect())
            })
            .collect();
        let lang = ["lang".to_owned()];
        assert_eq!(
            brief,
            [
                ("app", &[][..], vec!["layout", "error"]),
                ("app/(shop)", &[], vec![]),
                ("app/(shop)/[lang]", &lang, vec!["notFound"]),
                ("app/(shop)/[lang]/cart", &lang, vec![]),
            ]
        );
    }
}
