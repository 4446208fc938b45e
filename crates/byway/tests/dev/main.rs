//! `byway dev` through the real binary: projects that are edited on disk, and what clients get.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

mod edits;
mod failures;
mod page;
mod project;
mod safety;
