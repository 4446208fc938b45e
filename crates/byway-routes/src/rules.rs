//! Rules written by people: path patterns, conditions on a request, destinations made from both.
//!
//! The language is the one of `next.config` and of a proxy's `matcher`: path-to-regexp 6 as Next uses it.
//! Everything is compiled once, when the server starts; a rule that cannot be compiled is an error
//! of the build.

pub mod condition;
pub mod destination;
pub mod js_regex;
pub mod params;
pub mod pattern;
pub mod query;
pub mod resolve;
pub mod table;
pub mod template;
mod tokens;
