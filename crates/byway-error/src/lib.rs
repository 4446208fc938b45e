//! Diagnostics with file, span, code frame and help.
//!
//! A [`Diagnostic`] is about the user's project: what is wrong, where, and what to do. Rendering is here
//! too, so that every command prints them alike.

mod diagnostic;
mod render;

pub use diagnostic::{Diagnostic, Location, Severity};
