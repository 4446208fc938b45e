//! `rate_limit`: how often a route may be called.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cors::header_name;
use crate::reader::{Key, Reader};

/// Longer windows need a store that outlives the process.
const WINDOW_MAX: Duration = Duration::from_hours(24);
/// The counters have 32 bits.
const LIMIT_MAX: u64 = 1_000_000_000;
const ALGORITHMS: [&str; 3] = ["fixed", "sliding", "gcra"];
const STORES: [&str; 2] = ["shared", "memory"];
const STORE_DOWN: [&str; 3] = ["local", "open", "closed"];

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// The policy's name in `RateLimit-Policy`.
    pub name: String,
    /// Requests within a window.
    pub limit: u64,
    /// How long the window is.
    pub window: Duration,
    /// Who is counted; the parts together make one key.
    pub key: Vec<RateKey>,
    /// How it is counted.
    pub algorithm: Algorithm,
    /// Requests that GCRA lets through at once.
    pub burst: Option<u64>,
    /// Leading bits of an IPv6 address that make one client.
    pub ipv6_prefix: u8,
    /// Where it is counted.
    #[serde(default)]
    pub store: Counted,
    /// What happens while the shared store cannot be asked.
    #[serde(default)]
    pub store_down: StoreDown,
}

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// A counter that begins anew with each window.
    Fixed,
    /// A counter whose last window fades out.
    Sliding,
    /// One request at a time, `window / limit` apart, with bursts (generic cell rate algorithm).
    Gcra,
}

/// Where requests are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Counted {
    /// In the store of `[store]`, for all machines together; in memory where there is none.
    #[default]
    Shared,
    /// In memory, for this machine alone.
    Memory,
}

/// What happens to requests while the shared store cannot be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreDown {
    /// They are counted in memory.
    #[default]
    Local,
    /// They pass without being counted.
    Open,
    /// They are refused.
    Closed,
}

/// A part of what is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RateKey {
    /// The client's address.
    Ip,
    /// The route.
    Route,
    /// A request header; a request without it counts by its address.
    Header(String),
    /// A cookie, likewise.
    Cookie(String),
    /// A query parameter, likewise.
    Query(String),
}

impl FromStr for RateKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "ip" => Ok(Self::Ip),
            None if text == "route" => Ok(Self::Route),
            Some(("header", name)) => header_name(name).map(Self::Header),
            Some(("cookie", name)) if !name.is_empty() => Ok(Self::Cookie(name.to_owned())),
            Some(("query", name)) if !name.is_empty() => Ok(Self::Query(name.to_owned())),
            _ => {
                Err("keys are `ip`, `route`, `header:NAME`, `cookie:NAME`, `query:NAME`".to_owned())
            }
        }
    }
}

impl RateLimit {
    pub(super) fn read(table: &Reader<'_, '_>) -> Option<Self> {
        let limit =
            table.integer_required(Key("limit", "Requests within a window.", "100"), 1..=LIMIT_MAX);
        let window = table.duration_required(
            Key("window", "How long the window is.", "\"1m\""),
            Duration::from_millis(100)..=WINDOW_MAX,
        );
        let key = table.one_or_more_texts(
            Key(
                "key",
                "Who is counted: `ip`, `route`, `header:NAME`, `cookie:NAME`, `query:NAME`; several \
                 together make one key. A request without the header, cookie or parameter counts by \
                 its address.",
                "[\"ip\", \"route\"]",
            ),
            "`ip`, `route`, `header:NAME`, `cookie:NAME` or `query:NAME`",
            "ip",
            str::parse,
        );
        let algorithm = table.choice_or(
            Key(
                "algorithm",
                "`fixed`: a counter that begins anew with each window. `sliding`: one whose last \
                 window fades out. `gcra`: requests `window / limit` apart, with bursts.",
                "\"gcra\"",
            ),
            Algorithm::Sliding,
            &ALGORITHMS,
            &[Algorithm::Fixed, Algorithm::Sliding, Algorithm::Gcra],
        );
        let burst_key =
            Key("burst", "With `gcra`: requests that may come at once; `limit` by default.", "10");
        let burst = table.integer(burst_key, 1..=LIMIT_MAX);
        if burst.is_some() && algorithm != Algorithm::Gcra {
            let help = "add `algorithm = \"gcra\"`".to_owned();
            table.reject(
                &burst_key,
                "`burst` only means something to `gcra`".to_owned(),
                Some(help),
            );
        }
        let ipv6_prefix = table.integer_or(
            Key(
                "ipv6_prefix",
                "Leading bits of an IPv6 address that make one client: a line at home has 64 left.",
                "56",
            ),
            64,
            1..=128,
        );
        let (store, store_down) = Self::read_store(table);
        Some(Self {
            name: Self::read_name(table),
            limit: limit?,
            window: window?,
            key: key.unwrap_or_else(|| vec![RateKey::Ip]),
            algorithm,
            burst,
            ipv6_prefix: u8::try_from(ipv6_prefix).unwrap_or(64),
            store,
            store_down,
        })
    }

    /// Where it is counted, and what happens while that does not work.
    fn read_store(table: &Reader<'_, '_>) -> (Counted, StoreDown) {
        let store = table.choice_or(
            Key(
                "store",
                "Where requests are counted: `shared` in the server of `[store]`, for all machines \
                 together (in memory where there is none), `memory` on each machine for itself.",
                "\"memory\"",
            ),
            Counted::default(),
            &STORES,
            &[Counted::Shared, Counted::Memory],
        );
        let store_down = table.choice_or(
            Key(
                "store_down",
                "What happens while the server of `[store]` is down or slow: `local` counts in memory, \
                 `open` lets requests pass uncounted, `closed` refuses them with 503.",
                "\"closed\"",
            ),
            StoreDown::default(),
            &STORE_DOWN,
            &[StoreDown::Local, StoreDown::Open, StoreDown::Closed],
        );
        (store, store_down)
    }

    fn read_name(table: &Reader<'_, '_>) -> String {
        let name = table.text(
            Key("name", "The policy's name in the `RateLimit` headers.", "\"burst\""),
            "letters, digits, `-` and `_`",
            Some("default"),
            |text| {
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                let fine = (1..=32).contains(&text.len()) && text.bytes().all(fits);
                if fine { Ok(text.to_owned()) } else { Err(String::new()) }
            },
        );
        name.unwrap_or_else(|| "default".to_owned())
    }
}
