//! `[[route]]`: policies for the paths that match a pattern.

use std::ops::Range;

use crate::RoutePolicy;
use crate::policy::method;
use crate::reader::{Key, Reader};

/// One `[[route]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteRule {
    /// The pattern, in the language of Next's rules.
    pub path: String,
    /// Where it stands in `byway.toml`, for errors about it.
    pub path_at: Range<usize>,
    /// Methods in upper case; empty: all.
    pub methods: Vec<String>,
    /// What it says.
    pub policy: RoutePolicy,
}

impl RouteRule {
    pub(crate) fn read(table: &Reader<'_, '_>) -> Option<Self> {
        let path = table.text_required(
            Key(
                "path",
                "Which paths are meant, in the language of `source` in next.config: `/api/:path*`, \
                 `/users/:id(\\\\d+)`.",
                "\"/api/:path*\"",
            ),
            "a path pattern",
            |text| {
                let help = || format!("a pattern begins with a slash: `\"/{text}\"`");
                if text.starts_with('/') { Ok(text.to_owned()) } else { Err(help()) }
            },
        );
        let methods = table.texts(
            Key(
                "methods",
                "Methods that are meant; an empty list means all.",
                "[\"POST\", \"PUT\"]",
            ),
            "a method in upper case",
            "[]",
            method,
        );
        let policy = RoutePolicy::read(table);
        let path_at = table.place("path");
        Some(Self { path: path?, path_at, methods: methods.unwrap_or_default(), policy })
    }
}
