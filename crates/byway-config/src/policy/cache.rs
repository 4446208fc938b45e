//! `cache`: answers that several clients share, as their handler says (RFC 9111).

use serde::{Deserialize, Serialize};

use super::header_name;
use crate::reader::{Key, Reader, Switch};

/// How answers are shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedCache {
    /// Request headers that handlers see and answers differ by; names in lower case.
    pub headers: Vec<String>,
    /// Whether cookies are kept from handlers, so that requests with cookies share answers too.
    pub without_cookies: bool,
}

impl SharedCache {
    pub(super) fn switch(table: &Reader<'_, '_>) -> Option<Switch<Self>> {
        table.switch(
            Key(
                "cache",
                "Keeps answers to GET and gives them to everybody who asks the same, for as long as \
                 their `Cache-Control` says (`s-maxage`, `stale-while-revalidate`, \
                 `stale-if-error`); see docs/caching.md.",
                "true",
            ),
            true,
            |table| Some(Self::read(table)),
        )
    }

    fn read(table: &Reader<'_, '_>) -> Self {
        let headers = table.texts(
            Key(
                "headers",
                "Request headers that the handler needs; each value has answers of its own. Besides \
                 these it sees `Host`, and `Accept`, `Accept-Language` and `Origin` as far as its \
                 `Vary` names them.",
                "[\"x-tenant\"]",
            ),
            "a header's name",
            "[]",
            |text| match header_name(text) {
                Ok(name) if matches!(name.as_str(), "cookie" | "authorization") => {
                    Err("answers to one client are never shared".to_owned())
                }
                read => read,
            },
        );
        let without_cookies = table.bool_or(
            Key(
                "without_cookies",
                "Keeps cookies from the handler, so that requests with cookies share answers too. \
                 Without it they go to the handler each time, unless a kept answer says `public`.",
                "true",
            ),
            false,
        );
        Self { headers: headers.unwrap_or_default(), without_cookies }
    }
}
