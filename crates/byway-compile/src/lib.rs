//! Sources to .byway/: chunks, source maps, manifest. The only crate that names the bundler.
//!
//! [`build`] runs one rolldown build over everything a worker process loads: the worker runtime, byway's
//! `next/*` modules, the project's instrumentation file and every route file. A module that two of them
//! import lands in a shared chunk, so that it is one instance in the process. Routes of the edge runtime
//! have a run of their own before it; see `pass.rs`. npm packages stay outside and are resolved by Node at
//! run time; see `packages.rs`.
//!
//! The modules, in the order in which a build meets them: `names` (what chunks are called), `segment`
//! and `proxy` with `constant` and `special` (what a file says before it is compiled), `options` and `pass`
//! (how the bundler is set up), `bundler` (one run of it), `plugin` with `resolve`, `specifier`,
//! `packages`, `runtime`, `virtual_modules`, `place`, `templates` and `assertions` (what an import and
//! a name mean), `actions` (what clients may call by ids), `methods`
//! (what a route exports), `config` (next.config, which is evaluated before the rest),
//! `report` with `syntax` and `suggest` (what went wrong), `manifest` and `emit` (writing it
//! all down), `develop` (the same for `byway dev`, in memory).

mod actions;
mod assertions;
mod bundler;
mod config;
mod constant;
mod develop;
mod emit;
mod identity;
mod manifest;
mod methods;
mod names;
mod next_users;
mod options;
mod packages;
mod page;
mod pass;
mod pipeline;
mod place;
mod plugin;
mod proxy;
mod report;
mod resolve;
mod runtime;
mod segment;
mod special;
mod specifier;
mod suggest;
mod syntax;
mod templates;
mod use_cache;
mod virtual_modules;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use byway_error::Diagnostic;
use byway_routes::manifest::{Manifest, Page, RouteKind};
use byway_routes::next_config::NextConfig;
use byway_routes::pattern::Pattern;
use byway_routes::special::Special;

pub use crate::actions::ActionSources;
pub use crate::config::{ConfigProgram, compile_config};
pub use crate::develop::{DevBuild, DevFile, Developer};
pub use crate::pipeline::{analyse, build, build_with};
pub use crate::runtime::RuntimeSources;

/// What to build.
#[derive(Debug, Clone)]
pub struct BuildInput {
    /// The project's folder.
    pub project_dir: PathBuf,
    /// Where the result goes, usually `.byway` in the project. Replaced as a whole by a good build.
    pub out_dir: PathBuf,
    /// The route files; a route's id is its index here.
    pub routes: Vec<SourceRoute>,
    /// The project's pages. Those that can be rendered become routes behind the others.
    pub pages: Vec<Page>,
    /// Where to look for Server Actions.
    pub actions: ActionSources,
    /// The project's `instrumentation` file, relative to the project, with `/`.
    pub instrumentation: Option<String>,
    /// The project's `proxy` or `middleware` file, relative to the project, with `/`.
    pub proxy: Option<String>,
    /// The project's `tsconfig.json` or `jsconfig.json`.
    pub tsconfig: Option<PathBuf>,
    /// The project's `next.config` file, relative to the project, with `/`.
    pub next_config: Option<String>,
    /// What it says.
    pub config: NextConfig,
    /// Variables whose values take the place of `process.env.NAME` in the code.
    pub inlined_env: BTreeMap<String, String>,
    /// Whether `process.env.NODE_ENV` is `production` or `development`.
    pub production: bool,
}

/// One route file.
#[derive(Debug, Clone)]
pub struct SourceRoute {
    /// The pattern as Next writes it: `/api/users/[id]`.
    pub path: String,
    /// The same, parsed.
    pub pattern: Pattern,
    /// The source file, relative to the project, with `/`.
    pub file: String,
    /// Which convention it follows.
    pub kind: RouteKind,
    /// Where it is not a route handler: `robots`, `sitemap` and the like.
    pub special: Option<Special>,
}

impl SourceRoute {
    /// The id of the module that its chunk is made from; `file` is its file, absolute.
    pub(crate) fn module_id(&self, file: String) -> String {
        match self.special {
            _ if self.kind == RouteKind::Page => virtual_modules::page_id(&file),
            Some(special) => special::id(special, &file),
            None => file,
        }
    }
}

/// A good build.
#[derive(Debug)]
pub struct BuildOutput {
    /// What was written to `manifest.json`.
    pub manifest: Manifest,
    /// What the user should know, sorted by file.
    pub warnings: Vec<Diagnostic>,
}

/// What a build would be, without one.
#[derive(Debug)]
pub struct Analysis {
    /// The manifest; absent where the sources cannot be compiled.
    pub manifest: Option<Manifest>,
    /// Errors first, each kind sorted by file.
    pub found: Vec<Diagnostic>,
    /// Why pages of `app/` are not rendered, a note for each reason.
    pub unrendered: Vec<Diagnostic>,
    /// The project's own files that its routes, proxy and instrumentation load, absolute and sorted.
    pub sources: Vec<PathBuf>,
}

/// Why there is no build. The previous one is untouched.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The project is at fault: every error that was found, then every warning, each sorted by file.
    #[error("the project has {} errors", .0.iter().filter(|found| found.is_error()).count())]
    Project(Vec<Diagnostic>),
    /// A file could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was attempted, such as `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The bundler failed in a way that is not the project's fault.
    #[error("the bundler failed: {0}")]
    Bundler(String),
}
