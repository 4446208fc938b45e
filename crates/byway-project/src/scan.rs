//! From a folder to a [`Project`], by Next's file conventions.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use byway_error::Diagnostic;
use byway_routes::conflict::{Conflict, conflicts};
use byway_routes::conventions::{
    ConventionError, Root, is_intercepting, is_rendered_page, page_from_file,
    rendered_page_from_file, route_from_file,
};
use byway_routes::manifest::{Page, RouteKind};
use byway_routes::pattern::Pattern;
use byway_routes::special::{Special, SpecialSource};
use regex::Regex;

use crate::project::{IgnoredFile, IgnoredReason, Project, SourceFile};
use crate::tree::{self, Tree};

/// The names under which Next looks for its configuration, and one more; the first one wins.
const NEXT_CONFIG_NAMES: [&str; 5] =
    ["next.config.js", "next.config.mjs", "next.config.ts", "next.config.mts", "next.config.cjs"];

/// The files that say how a project is to be read, relative to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFiles {
    /// `next.config.js` or one of its other names.
    pub next_config: Option<String>,
    /// `tsconfig.json`, or `jsconfig.json` in its absence.
    pub tsconfig: Option<String>,
}

/// Finds them.
pub fn config_files(dir: &Path) -> ConfigFiles {
    ConfigFiles {
        next_config: first_file(dir, &NEXT_CONFIG_NAMES),
        tsconfig: first_file(dir, &["tsconfig.json", "jsconfig.json"]),
    }
}

/// What `next.config` says about the scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanOptions {
    /// `pageExtensions`, without dots.
    pub page_extensions: Vec<String>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { page_extensions: ["tsx", "ts", "jsx", "js"].map(str::to_owned).to_vec() }
    }
}

/// Finds the project's routes and the modules beside them. Reports everything that is wrong at
/// once.
pub fn scan(dir: &Path, options: &ScanOptions) -> Result<Project, Vec<Diagnostic>> {
    let roots = Roots::find(dir).map_err(|diagnostic| vec![diagnostic])?;
    let extensions: Vec<&str> = options.page_extensions.iter().map(String::as_str).collect();
    let mut scan = Scan::new(dir, &extensions);
    for shadowed in &roots.shadowed {
        scan.ignore(shadowed.clone(), IgnoredReason::Shadowed);
    }
    if let Some(app) = roots.app {
        scan.read_root(app, |name| name.starts_with('_'), Scan::app_file);
    }
    if let Some(pages) = roots.pages {
        scan.read_root(pages, |_| false, Scan::pages_file);
    }
    let beside = |name: &str| find_module(dir, roots.parent, name, &extensions);
    let proxy = match (beside("proxy"), beside("middleware")) {
        (Some(proxy), Some(middleware)) => {
            scan.errors.push(
                Diagnostic::error(format!(
                    "`{proxy}` and `{middleware}` are one thing by two names"
                ))
                .in_file(&middleware)
                .with_help("middleware is the former name of proxy; keep `proxy` only"),
            );
            None
        }
        (proxy, middleware) => proxy.or(middleware),
    };
    let instrumentation = beside("instrumentation");
    let ConfigFiles { next_config, tsconfig } = config_files(dir);
    let Findings { sources, pages, ignored } = scan.finish()?;
    let dir = dir.to_owned();
    Ok(Project { dir, sources, pages, instrumentation, proxy, next_config, tsconfig, ignored })
}

/// Where the project's `app` and `pages` are, relative to it.
struct Roots {
    app: Option<&'static str>,
    pages: Option<&'static str>,
    /// What both lie in: nothing or `src/`.
    parent: &'static str,
    shadowed: Vec<String>,
}

impl Roots {
    fn find(dir: &Path) -> Result<Self, Diagnostic> {
        if !dir.is_dir() {
            let message = format!("there is no folder `{}`", dir.display());
            return Err(Diagnostic::error(message));
        }
        let is_dir = |name: &str| dir.join(name).is_dir();
        let mut shadowed = Vec::new();
        let mut pick = |own: &'static str, in_src: &'static str| match (is_dir(own), is_dir(in_src))
        {
            (true, true) => {
                shadowed.push(in_src.to_owned());
                Some(own)
            }
            (true, false) => Some(own),
            (false, in_src_is_dir) => in_src_is_dir.then_some(in_src),
        };
        let (app, pages) = (pick("app", "src/app"), pick("pages", "src/pages"));
        let parents = [app, pages].into_iter().flatten().map(|root| root.starts_with("src/"));
        let parents: BTreeSet<bool> = parents.collect();
        match (parents.contains(&false), parents.contains(&true)) {
            (false, false) => Err(Diagnostic::error(format!(
                "`{}` is not a Next.js project: neither `app/` nor `pages/` is in it or its `src/`",
                dir.display()
            ))),
            (true, true) => Err(Diagnostic::error(format!(
                "`{}` and `{}` have to be in the same folder",
                app.unwrap_or_default(),
                pages.unwrap_or_default()
            ))
            .with_help("move one of them, as Next demands it too")),
            (_, in_src) => {
                let parent = if in_src { "src/" } else { "" };
                Ok(Self { app, pages, parent, shadowed })
            }
        }
    }
}

/// The findings so far.
struct Scan<'a> {
    dir: &'a Path,
    extensions: &'a [&'a str],
    sources: Vec<SourceFile>,
    /// Pages of `app/`, which may not share a path with a route.
    app_pages: Vec<SourceFile>,
    /// All pages.
    pages: Vec<Page>,
    ignored: Vec<IgnoredFile>,
    errors: Vec<Diagnostic>,
}

/// What a scan comes to.
struct Findings {
    sources: Vec<SourceFile>,
    pages: Vec<Page>,
    ignored: Vec<IgnoredFile>,
}

impl<'a> Scan<'a> {
    fn new(dir: &'a Path, extensions: &'a [&'a str]) -> Self {
        let (sources, app_pages, pages) = (Vec::new(), Vec::new(), Vec::new());
        let (ignored, errors) = (Vec::new(), Vec::new());
        Self { dir, extensions, sources, app_pages, pages, ignored, errors }
    }

    fn read_root(
        &mut self,
        root: &str,
        is_skipped: fn(&str) -> bool,
        take: fn(&mut Self, &str, &str),
    ) {
        let Tree { mut files, link_cycles, not_unicode, .. } =
            match tree::list(&self.dir.join(root), is_skipped) {
                Ok(tree) => tree,
                Err(error) => {
                    return self.errors.push(Diagnostic::error(error.to_string()).in_file(root));
                }
            };
        files.sort_unstable();
        for relative in &files {
            take(self, root, relative);
        }
        for (list, reason) in
            [(link_cycles, IgnoredReason::LinkCycle), (not_unicode, IgnoredReason::NotUnicode)]
        {
            for file in list {
                self.ignore(format!("{root}/{file}"), reason);
            }
        }
    }

    fn app_file(&mut self, root: &str, relative: &str) {
        let file = format!("{root}/{relative}");
        if let Some(special) = Special::of_file(relative, self.extensions) {
            return self.special_file(special, relative, file);
        }
        match route_from_file(Root::App, relative, self.extensions) {
            Ok(Some(pattern)) => {
                let (kind, special) = (RouteKind::App, None);
                return self.sources.push(SourceFile { file, pattern, kind, special });
            }
            Err(error) => return self.convention_error(&error, file),
            Ok(None) => {}
        }
        let name = relative.rsplit('/').next().unwrap_or_default();
        let is_route_or_page =
            ["route", "page"].into_iter().any(|stem| has_stem(name, stem, self.extensions));
        match page_from_file(relative, self.extensions) {
            Ok(Some(pattern)) => {
                self.pages.push(Page { file: file.clone(), pattern: pattern.clone() });
                let (kind, special) = (RouteKind::App, None);
                self.app_pages.push(SourceFile { file: file.clone(), pattern, kind, special });
                self.ignore(file, IgnoredReason::Page);
            }
            // A page is not byway's to judge.
            Err(_) => self.ignore(file, IgnoredReason::Page),
            Ok(None) if is_route_or_page && is_intercepting(relative) => {
                self.ignore(file, IgnoredReason::Intercepting);
            }
            Ok(None) => {}
        }
    }

    fn special_file(&mut self, mut special: Special, relative: &str, file: String) {
        if let Some(namer) = special.namer()
            && exports(&self.dir.join(&file), namer)
        {
            special.source = SpecialSource::CodeOfMany;
        }
        match special.pattern(relative) {
            Ok(Some(pattern)) => {
                let (kind, special) = (RouteKind::App, Some(special));
                self.sources.push(SourceFile { file, pattern, kind, special });
            }
            Ok(None) => {}
            Err(error) => self.convention_error(&error, file),
        }
    }

    fn pages_file(&mut self, root: &str, relative: &str) {
        let file = format!("{root}/{relative}");
        match route_from_file(Root::PagesApi, relative, self.extensions) {
            Ok(Some(pattern)) => {
                let (kind, special) = (RouteKind::Pages, None);
                self.sources.push(SourceFile { file, pattern, kind, special });
            }
            Ok(None) if is_rendered_page(relative, self.extensions) => {
                // Names that make no pattern are not byway's to judge in a page.
                if let Ok(Some(pattern)) = rendered_page_from_file(relative, self.extensions) {
                    self.pages.push(Page { file: file.clone(), pattern });
                }
                self.ignore(file, IgnoredReason::Page);
            }
            Ok(None) => {}
            Err(error) => self.convention_error(&error, file),
        }
    }

    fn ignore(&mut self, file: String, reason: IgnoredReason) {
        self.ignored.push(IgnoredFile { file, reason });
    }

    fn convention_error(&mut self, error: &ConventionError, file: String) {
        let message = format!("the folder names make no route: {error}");
        self.errors.push(Diagnostic::error(message).in_file(file));
    }

    fn finish(mut self) -> Result<Findings, Vec<Diagnostic>> {
        let candidate =
            |source: &SourceFile| (source.pattern.clone(), source.file.clone(), source.kind);
        // Pages come last, so that each collision of a page with a route is named once; collisions
        // among pages, which parallel routes have on purpose, are of no concern here.
        let candidates: Vec<(Pattern, String, RouteKind)> =
            self.sources.iter().chain(&self.app_pages).map(candidate).collect();
        let pages: BTreeSet<&str> = self.app_pages.iter().map(|page| page.file.as_str()).collect();
        let is_about_routes =
            |found: &Conflict| !found.files.iter().all(|file| pages.contains(file.as_str()));
        let found = conflicts(&candidates).into_iter().filter(is_about_routes);
        self.errors.extend(found.map(|conflict| {
            let [_, second] = conflict.files;
            Diagnostic::error(conflict.message).in_file(second)
        }));
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        self.sources.sort_by_cached_key(|source| (source.pattern.to_string(), source.file.clone()));
        self.ignored.sort_by(|left, right| left.file.cmp(&right.file));
        self.pages.sort_by_cached_key(|page| (page.pattern.to_string(), page.file.clone()));
        Ok(Findings { sources: self.sources, pages: self.pages, ignored: self.ignored })
    }
}

/// The file `name` with a page extension, beside `app/` or `pages/`.
fn find_module(dir: &Path, parent: &str, name: &str, extensions: &[&str]) -> Option<String> {
    extensions
        .iter()
        .map(|extension| format!("{parent}{name}.{extension}"))
        .find(|file| dir.join(file).is_file())
}

fn first_file(dir: &Path, names: &[&str]) -> Option<String> {
    names.iter().find(|name| dir.join(name).is_file()).map(|name| (*name).to_owned())
}

fn has_stem(name: &str, stem: &str, extensions: &[&str]) -> bool {
    name.strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|extension| extensions.contains(&extension))
}

/// Whether the file at `path` exports a function `namer`, on which its path depends. The text is enough
/// to tell; one that cannot be read is the build's to report.
fn exports(path: &Path, namer: &str) -> bool {
    static EXPORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let space = r"[ \t\r\n]";
        let name = r"(generateSitemaps|generateImageMetadata)(?-u:\b)";
        let declared = format!("(?:async{space}+)?(?:function|const|let|var){space}+{name}");
        let listed = format!(r"\{{[^}}]*(?-u:\b){name}{space}*[,}}]");
        Regex::new(&format!(
            r"(?m)^[ \t]*(?:export{space}*(?:{declared}|{listed})|(?:module\.)?exports\.{name})"
        ))
        .ok()
    });
    let Ok(text) = fs::read_to_string(path) else { return false };
    let Some(export) = EXPORT.as_ref() else { return false };
    export
        .captures_iter(&text)
        .any(|found| found.iter().skip(1).flatten().any(|it| it.as_str() == namer))
}

#[cfg(test)]
mod tests;
