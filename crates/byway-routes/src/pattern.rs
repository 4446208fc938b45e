//! Route patterns: `/users/[id]/[...rest]`.

use serde::{Deserialize, Serialize};

/// One segment of a route pattern. Static text is percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "text")]
pub enum Segment {
    /// Literal text.
    Static(String),
    /// `[name]`: exactly one segment.
    Param(String),
    /// `[...name]`: one or more segments.
    CatchAll(String),
    /// `[[...name]]`: any number of segments.
    OptionalCatchAll(String),
}

/// A whole pattern, without route groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern {
    /// Its segments, none for `/`.
    pub segments: Vec<Segment>,
}
