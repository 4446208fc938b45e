//! What a scan finds.

use std::path::PathBuf;

use byway_routes::manifest::{Page, RouteKind};
use byway_routes::pattern::Pattern;
use byway_routes::special::Special;

/// A Next.js project as it lies on disk. File names are relative to `dir`, with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder with `package.json`.
    pub dir: PathBuf,
    /// The route files, sorted by their path and then by file name.
    pub sources: Vec<SourceFile>,
    /// The pages, sorted by their path: byway does not render them, but has to know their paths.
    pub pages: Vec<Page>,
    /// `instrumentation.ts`, beside `app/` or `pages/`.
    pub instrumentation: Option<String>,
    /// `proxy.ts`, or `middleware.ts` as it was called before, beside `app/` or `pages/`.
    pub proxy: Option<String>,
    /// `next.config.js` or one of its other names.
    pub next_config: Option<String>,
    /// `tsconfig.json`, or `jsconfig.json` in its absence.
    pub tsconfig: Option<String>,
    /// What Next serves and byway does not, sorted by file name.
    pub ignored: Vec<IgnoredFile>,
}

/// A route file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file.
    pub file: String,
    /// The paths that it serves.
    pub pattern: Pattern,
    /// Which convention it follows.
    pub kind: RouteKind,
    /// Where it is not a route handler: `robots`, `sitemap` and the like.
    pub special: Option<Special>,
}

/// A file or folder that the scan passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredFile {
    /// The file or folder.
    pub file: String,
    /// Why.
    pub reason: IgnoredReason,
}

/// Why a file or folder is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoredReason {
    /// A page of React components, in `app/` or `pages/`.
    Page,
    /// A route handler below `(.)folder`: only navigation within rendered pages reaches it.
    Intercepting,
    /// `src/app` or `src/pages` beside one in the project's own folder; Next does not look there.
    Shadowed,
    /// A symbolic link that leads back to a folder it lies in.
    LinkCycle,
    /// A name that is not UTF-8, so that no URL can be derived from it.
    NotUnicode,
}
