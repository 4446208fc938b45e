//! `.byway/manifest.json`: what `byway build` writes and `byway start` and the worker read.

use byway_config::RoutePolicy;
use serde::{Deserialize, Serialize};

use crate::next_config::NextConfig;
use crate::pattern::Pattern;
use crate::proxy::ProxyEntry;
use crate::segment_config::SegmentConfig;

/// The version of the manifest's shape; a build of another version has to be made anew.
pub const MANIFEST_VERSION: u32 = 2;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`MANIFEST_VERSION`] of the byway that wrote it.
    pub version: u32,
    /// Tells this build's code from another's: a hash of all chunks.
    pub build_id: String,
    /// The value of draft mode's cookie: a secret of this build, which every machine that serves it knows.
    pub draft_mode_id: String,
    /// The worker's entry, relative to `.byway/`, with `/`.
    pub worker: String,
    /// The project's `instrumentation` module, relative to `.byway/`.
    pub instrumentation: Option<String>,
    /// Chunks of the `next/*` modules by specifier (`next/headers`), relative to `.byway/`.
    pub next_modules: std::collections::BTreeMap<String, String>,
    /// Whether an installed package may import `next/*` itself, so that resolve hooks are needed.
    pub packages_import_next: bool,
    /// Whether some code, however late it is loaded, asks for the current request (`cookies()`, …).
    pub needs_context: bool,
    /// The project's `next.config` as a module, relative to `.byway/`: where evaluating it changes the
    /// environment, workers do so first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_config: Option<String>,
    /// What `next.config` says.
    #[serde(default)]
    pub config: NextConfig,
    /// The project's proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyEntry>,
    /// The routes; a route's id is its index.
    pub routes: Vec<Route>,
    /// The pages that byway does not render: it says so where Next would answer with one.
    #[serde(default)]
    pub pages: Vec<Page>,
    /// What clients may call by ids; absent where the project has no modules with `'use server'`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Actions>,
}

impl Manifest {
    /// How many numbers workers give to the routes, the actions, and the forms that name an action.
    pub fn numbers(&self) -> usize {
        self.routes.len() + self.actions.as_ref().map_or(0, |actions| actions.entries.len() + 1)
    }
}

/// The Server Actions of a project. Workers know them by numbers that follow those of the routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actions {
    /// The module that lists them, relative to `.byway/`, with `/`.
    pub chunk: String,
    /// One by one; behind the last one comes the number of forms, whose bodies name their action.
    pub entries: Vec<Action>,
}

/// An export of a module with `'use server'`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// The source file, relative to the project, with `/`.
    pub file: String,
    /// The name by which it is exported.
    pub export: String,
    /// What clients call it.
    pub id: String,
    /// What clients of Next's own build call it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_ids: Vec<String>,
}

/// An action as Next's own build calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextAction {
    /// What Next's clients send.
    pub id: String,
    /// The file, relative to the project or to a folder around it, with `/`.
    pub file: String,
    /// The name by which the file exports it.
    pub export: String,
}

impl Action {
    /// The name in logs and metrics.
    pub fn label(&self) -> String {
        format!("action {}#{}", self.file, self.export)
    }

    /// Everything that it may be called.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.id).chain(&self.other_ids).map(String::as_str)
    }
}

/// A page of React components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The source file, relative to the project, with `/`.
    pub file: String,
    /// The paths at which Next serves it.
    pub pattern: Pattern,
}

/// Which convention a route file follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteKind {
    /// An App Router route handler, `app/**/route.ts`.
    App,
    /// A Pages Router API route, `pages/api/**`.
    Pages,
    /// A page of Server Components, `app/**/page.tsx`.
    Page,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The pattern as Next writes it: `/api/users/[id]`.
    pub path: String,
    /// The same, parsed.
    pub pattern: Pattern,
    /// The source file, relative to the project, with `/`.
    pub file: String,
    /// Which convention it follows.
    pub kind: RouteKind,
    /// The chunk to load, relative to `.byway/`, with `/`.
    pub chunk: String,
    /// The methods that the file exports, in alphabetical order. `None` when the build cannot know
    /// them (an `export *` from a package; every Pages route): then the worker decides.
    pub methods: Option<Vec<String>>,
    /// What the file says about how it is to be run.
    #[serde(default, skip_serializing_if = "SegmentConfig::is_default")]
    pub segment: SegmentConfig,
    /// What the file's `config` says about limits and policies.
    #[serde(default, skip_serializing_if = "RoutePolicy::is_default")]
    pub policy: RoutePolicy,
    /// Bytes of the route's own chunk.
    pub size: u64,
}
