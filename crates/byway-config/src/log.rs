//! `server.access_log` and `[log]`: one line for each request.

use crate::policy::header_name;
use crate::reader::{Key, Reader};

/// Request headers that are recorded unless a setting names others.
const HEADERS: [&str; 2] = ["user-agent", "referer"];
/// Request headers whose values are never recorded unless a setting says so.
const REDACT_HEADERS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];
/// Query parameters whose values are not recorded.
const REDACT_QUERY: [&str; 10] = [
    "access_token",
    "api_key",
    "apikey",
    "code",
    "key",
    "password",
    "secret",
    "sig",
    "signature",
    "token",
];

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// `name="value"` pairs.
    Text,
}

/// What is logged of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// `None`: nothing.
    pub format: Option<LogFormat>,
    /// Request headers that are recorded.
    pub headers: Vec<String>,
    /// Of these, the ones whose values are left out.
    pub redact_headers: Vec<String>,
    /// Query parameters whose values are left out.
    pub redact_query: Vec<String>,
}

impl LogSettings {
    pub(crate) fn format(server: &Reader<'_, '_>) -> Option<LogFormat> {
        server.choice_or(
            Key(
                "access_log",
                "One line on stdout for each request: as JSON, as text or not at all.",
                "\"json\"",
            ),
            None,
            &["json", "text", "off"],
            &[Some(LogFormat::Json), Some(LogFormat::Text), None],
        )
    }

    pub(crate) fn read(table: &Reader<'_, '_>, format: Option<LogFormat>) -> Self {
        let owned = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let names = |key, default: &[&str]| {
            let shown = format!("{default:?}");
            let read = table.texts(key, "a header's name", &shown, header_name);
            read.unwrap_or_else(|| owned(default))
        };
        let any = |text: &str| {
            if text.is_empty() { Err(String::new()) } else { Ok(text.to_owned()) }
        };
        Self {
            format,
            headers: names(
                Key("headers", "Request headers that the access log records.", "[\"user-agent\"]"),
                &HEADERS,
            ),
            redact_headers: names(
                Key(
                    "redact_headers",
                    "Request headers whose values the access log leaves out.",
                    "[\"cookie\"]",
                ),
                &REDACT_HEADERS,
            ),
            redact_query: table
                .texts(
                    Key(
                        "redact_query",
                        "Query parameters whose values the access log leaves out, in `Referer` too.",
                        "[\"token\", \"email\"]",
                    ),
                    "a parameter's name",
                    &format!("{REDACT_QUERY:?}"),
                    any,
                )
                .unwrap_or_else(|| owned(&REDACT_QUERY)),
        }
    }
}
