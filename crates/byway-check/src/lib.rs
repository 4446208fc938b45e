//! Rules about a project's sources: what byway does differently, what is likely a mistake, what byway.toml
//! could do instead.
//!
//! Pure: no disk, nothing is run. What the build itself finds (imports, verbs, options of routes) is found
//! in `byway-compile`; here are the rules that a build does not need. A rule would rather miss a case than
//! cry wolf: it fires where the text leaves one reading.

mod exits;
mod handlers;
mod ignore;
mod module;
mod rules;

use std::collections::BTreeSet;

use byway_error::Diagnostic;

pub use rules::RULES;

/// Modules with more text than this are generated and say nothing about their project.
pub const SOURCE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A file that the project's routes load.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative to the project, with `/`.
    pub file: String,
    /// Its text.
    pub text: String,
    /// What it is to the project.
    pub role: Role,
}

/// What a file is to the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `app/**/route.ts`
    AppRoute,
    /// `pages/api/**`
    PagesRoute,
    /// Anything that these import.
    Module,
}

/// What the rules have to know beside the sources.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Variables that are set, in the environment, in `.env` files or by next.config.
    pub variables: BTreeSet<String>,
    /// Worker processes; 1 by default.
    pub workers: usize,
    /// The major version of `next` that package.json asks for.
    pub next_major: Option<u32>,
    /// The major version of `zod` that is installed or asked for.
    pub zod_major: Option<u32>,
    /// Keys of byway.toml by their full name, such as `route[].cors`: a rule that would replace code by a
    /// setting is silent where there is no such setting.
    pub settings: BTreeSet<String>,
    /// Texts in which a name may be declared for the whole project: its `.d.ts` files and next.config.
    /// `None`: they are not known.
    pub ambient: Option<Vec<String>>,
}

/// Everything that the rules find, in the order of `sources` and of their lines.
pub fn check(sources: &[Source], facts: &Facts) -> Vec<Diagnostic> {
    rules::run(sources, facts)
}

#[cfg(test)]
mod tests;
