//! What can be set for one route: in `[[route]]` tables of `byway.toml`, and in `export const config` of the
//! route's file. What a table does not say stays as a less specific one says it.

mod cache;
mod cors;
mod csrf;
mod rate;
mod security;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{
    BODY_BYTES_CEILING, RATE_LIMITS_PER_ROUTE_MAX, ROUTE_ANSWER_WAIT_MAX, STREAMS_PER_WORKER_MAX,
    WORKERS_MAX,
};
use crate::reader::{Key, Reader, Switch};

pub use cache::SharedCache;
pub use cors::{Cors, OriginPattern};
pub(crate) use cors::{header_name, method};
pub use csrf::Csrf;
pub use rate::{Algorithm, Counted, RateKey, RateLimit, StoreDown};
pub use security::SecurityHeaders;

/// The policies of a route; what nobody says is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoutePolicy {
    /// Bytes of a request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<u64>,
    /// From a worker's start on a request to the head of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<usize>,
    /// Whether answers are kept and shared, as far as they allow it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Switch<SharedCache>>,
    /// Whether answers may be compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress: Option<bool>,
    /// Who else's pages may read answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Switch<Cors>>,
    /// How often; an empty list is without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<Vec<RateLimit>>,
    /// Whether requests that change something have to come from pages of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf: Option<Switch<Csrf>>,
    /// Headers by which browsers are told to be careful.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_headers: Option<Switch<SecurityHeaders>>,
}

impl RoutePolicy {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn read(table: &Reader<'_, '_>) -> Self {
        Self {
            body: table.size(
                Key(
                    "body",
                    "Bytes of a request's body; 413 beyond. A declared length is refused before the \
                     handler runs; a body without one is cut off and `request.signal` fires.",
                    "\"1mb\"",
                ),
                0..=BODY_BYTES_CEILING,
            ),
            timeout: table.duration(
                Key(
                    "timeout",
                    "From a worker's start on a request to the head of its answer; 504 beyond, and \
                     `request.signal` fires. Goes before `maxDuration`.",
                    "\"10s\"",
                ),
                Duration::from_millis(100)..=ROUTE_ANSWER_WAIT_MAX,
            ),
            concurrency: table
                .integer(
                    Key("concurrency", "Requests at once; 503 beyond.", "64"),
                    1..=(WORKERS_MAX * STREAMS_PER_WORKER_MAX) as u64,
                )
                .and_then(|count| usize::try_from(count).ok()),
            cache: SharedCache::switch(table),
            compress: table
                .bool(Key("compress", "Whether answers may be compressed.", "false")),
            cors: table.switch(
                Key("cors", "Whose pages may call this, besides one's own.", "false"),
                false,
                Cors::read,
            ),
            rate_limit: table.one_or_many(
                Key(
                    "rate_limit",
                    "How often this may be called; 429 beyond. A list applies all its limits.",
                    "[{ limit = 10, window = \"1s\" }, { limit = 100, window = \"1m\" }]",
                ),
                RATE_LIMITS_PER_ROUTE_MAX,
                RateLimit::read,
            ),
            csrf: table.switch(
                Key(
                    "csrf",
                    "Refuses requests that may change something (any method but GET, HEAD and \
                     OPTIONS) when a page of another site sends them; 403. `true` trusts this \
                     site alone.",
                    "true",
                ),
                true,
                |table| Some(Csrf::read(table)),
            ),
            security_headers: table.switch(
                Key(
                    "security_headers",
                    "Headers by which browsers are told to be careful, where the handler sets none \
                     of its own. `true` is the preset.",
                    "true",
                ),
                true,
                |table| Some(SecurityHeaders::read(table)),
            ),
        }
    }
}
