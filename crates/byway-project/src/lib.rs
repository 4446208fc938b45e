//! Reads a project from disk: which files are routes, which modules run beside them, which files
//! lie in `public/`, and what `next.config` and the `.env` files say.
//!
//! Of the project's code, only `next.config` is run, by Node in a process of its own, and nothing is
//! parsed (of a sitemap, a look at its text tells which path it has); findings about it are
//! [`byway_error::Diagnostic`]s.

mod actions;
pub mod env;
pub mod next_config;
mod project;
pub mod public;
mod scan;
mod tree;

pub use actions::{files_with_directive, may_have_actions, next_actions};
pub use project::{IgnoredFile, IgnoredReason, Project, SourceFile};
pub use scan::{ConfigFiles, ScanOptions, config_files, scan};
pub use tree::{DEPTH_MAX, ENTRIES_MAX};
