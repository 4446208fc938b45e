//! `security_headers`: headers by which browsers are told to be careful, with a preset that suits APIs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::reader::{Key, Reader};

const YEAR: Duration = Duration::from_hours(365 * 24);

/// The headers; an empty text leaves one out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityHeaders {
    /// `Strict-Transport-Security`, on answers to `https` alone; zero leaves it out.
    pub hsts: Duration,
    /// `Content-Security-Policy`
    pub content_security_policy: String,
    /// `X-Frame-Options`
    pub frame_options: String,
    /// `Referrer-Policy`
    pub referrer_policy: String,
    /// `Cross-Origin-Resource-Policy`
    pub resource_policy: String,
}

impl SecurityHeaders {
    pub(super) fn read(table: &Reader<'_, '_>) -> Self {
        let text = |key: Key, default: &'static str| {
            let visible = |text: &str| {
                let fine = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
                if fine { Ok(text.to_owned()) } else { Err(String::new()) }
            };
            let form = "a header's value, or empty for no header";
            table.text(key, form, Some(default), visible).unwrap_or_else(|| default.to_owned())
        };
        Self {
            hsts: table.duration_or(
                Key(
                    "hsts",
                    "`Strict-Transport-Security`: how long browsers use `https` alone. Sent over \
                     `https` only; `0s` sends none.",
                    "\"30d\"",
                ),
                YEAR,
                Duration::ZERO..=YEAR * 2,
            ),
            content_security_policy: text(
                Key("content_security_policy", "`Content-Security-Policy`.", "\"\""),
                "default-src 'none'; frame-ancestors 'none'",
            ),
            frame_options: text(
                Key("frame_options", "`X-Frame-Options`.", "\"SAMEORIGIN\""),
                "DENY",
            ),
            referrer_policy: text(
                Key("referrer_policy", "`Referrer-Policy`.", "\"same-origin\""),
                "no-referrer",
            ),
            resource_policy: text(
                Key("resource_policy", "`Cross-Origin-Resource-Policy`.", "\"cross-origin\""),
                "same-origin",
            ),
        }
    }
}
