//! `csrf`: requests that change something have to come from pages of one's own.

use serde::{Deserialize, Serialize};

use super::OriginPattern;
use crate::reader::{Key, Reader};

/// Whose pages may send requests that change something, besides one's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Csrf {
    /// Other origins that are trusted.
    pub trusted_origins: Vec<OriginPattern>,
}

impl Csrf {
    pub(super) fn read(table: &Reader<'_, '_>) -> Self {
        let key = Key(
            "trusted_origins",
            "Other origins whose pages may send such requests.",
            "[\"https://admin.example.com\"]",
        );
        let read = table.texts(key, "an origin", "[]", |text| match text.parse() {
            Ok(OriginPattern::Any) => Err("`*` would switch the check off".to_owned()),
            other => other,
        });
        Self { trusted_origins: read.unwrap_or_default() }
    }
}
