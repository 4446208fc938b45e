//! Reads a project from disk: which files are routes, which modules run beside them, which files
//! lie in `public/`, and what the `.env` files say.
//!
//! Nothing here runs or parses the project's code (of a sitemap, a look at its text tells which path it
//! has); findings about it are [`byway_error::Diagnostic`]s.

pub mod env;
mod project;
pub mod public;
mod scan;
mod tree;

pub use project::{IgnoredFile, IgnoredReason, Project, SourceFile};
pub use scan::{ScanOptions, scan};
pub use tree::{DEPTH_MAX, ENTRIES_MAX};
