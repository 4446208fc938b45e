//! The settings of a server, checked before anything is bound.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::limits::{
    ANSWER_WAIT_MAX, BODIES_BYTES_MAX, BODY_BYTES_CEILING, BODY_BYTES_MAX, CONNECTIONS_CEILING,
    CONNECTIONS_MAX, HEAD_BYTES_CEILING, HEAD_BYTES_MAX, POOLS_MAX, ROUTE_ANSWER_WAIT_MAX,
    ROUTE_RULES_MAX, WEBSOCKET_IDLE_CEILING, WEBSOCKET_IDLE_MAX, WEBSOCKETS_MAX, WORKERS_MAX,
};
use crate::reader::{Key, Reader};
use crate::server::{Address, ServerSettings};
use crate::{CompressionSettings, LogSettings, PoolRule, RouteRule, StoreSettings, Supervision};

/// How many worker processes to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerCount {
    /// A fixed number. One keeps module-level state exact.
    Fixed(NonZeroUsize),
    /// One per core.
    Auto,
}

impl std::str::FromStr for WorkerCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        match text.parse::<NonZeroUsize>() {
            Ok(count) if count.get() <= WORKERS_MAX => Ok(Self::Fixed(count)),
            _ => Err(format!("expected `auto` or a number from 1 to {WORKERS_MAX}")),
        }
    }
}

impl std::fmt::Display for WorkerCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(count) => count.fmt(f),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl WorkerCount {
    /// The number of processes on this machine.
    pub fn get(self) -> usize {
        match self {
            Self::Fixed(count) => count.get(),
            Self::Auto => {
                std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(WORKERS_MAX)
            }
        }
    }
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `[server]`
    pub server: ServerSettings,
    /// `[limits]`
    pub limits: LimitSettings,
    /// `[compression]`
    pub compression: CompressionSettings,
    /// `[workers]`
    pub workers: WorkerSettings,
    /// `server.access_log` and `[log]`
    pub log: LogSettings,
    /// `[store]`
    pub store: StoreSettings,
    /// `[[pool]]`
    pub pools: Vec<PoolRule>,
    /// `[[route]]`
    pub routes: Vec<RouteRule>,
}

/// `[limits]`: what a request may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Connections at once.
    pub connections: usize,
    /// From dispatch to the head of an answer, where the route names no other deadline.
    pub timeout: Duration,
    /// Bytes of a request's body, where the route names no other limit.
    pub body_bytes: u64,
    /// Bytes of all requests' bodies that are in memory.
    pub bodies_bytes: u64,
    /// WebSockets to upstreams at once.
    pub websockets: u64,
    /// How long neither side of one may send anything.
    pub websocket_idle: Duration,
}

/// `[workers]`: the processes that run the project.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerSettings {
    /// How many.
    pub count: WorkerCount,
    /// The Node.js executable.
    pub node: PathBuf,
    /// How they are fed, watched and replaced.
    pub supervision: Supervision,
}

impl Settings {
    pub(crate) fn read(root: &Reader<'_, '_>, address: &Address) -> Self {
        let (server, format) = root.section("server", "Where and how byway listens.", |table| {
            (ServerSettings::read(table, address), LogSettings::format(table))
        });
        Self {
            server,
            log: root.section("log", "What the access log records.", |table| {
                LogSettings::read(table, format)
            }),
            limits: root.section("limits", "What a request may cost.", LimitSettings::read),
            compression: root.section(
                "compression",
                "Compression of answers.",
                CompressionSettings::read,
            ),
            workers: root.section(
                "workers",
                "The Node.js processes that run the project.",
                WorkerSettings::read,
            ),
            store: root.section(
                "store",
                "A server for what several machines have in common.",
                StoreSettings::read,
            ),
            pools: root
                .sections(
                    "pool",
                    "Workers of their own for some routes.",
                    POOLS_MAX,
                    PoolRule::read,
                )
                .into_iter()
                .flatten()
                .collect(),
            routes: root
                .sections(
                    "route",
                    "Policies for the paths that match a pattern. Of several tables that match, the \
                     one with more fixed segments in its path goes first, then the later one; what it \
                     does not say is taken from the next.",
                    ROUTE_RULES_MAX,
                    RouteRule::read,
                )
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

impl LimitSettings {
    fn read(table: &Reader<'_, '_>) -> Self {
        let whole = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Self {
            head_bytes: whole(table.size_or(
                Key(
                    "headers",
                    "Bytes of a request's head, target and header lines together; 431 beyond.",
                    "\"32kb\"",
                ),
                HEAD_BYTES_MAX as u64,
                1024..=HEAD_BYTES_CEILING as u64,
            )),
            connections: whole(table.integer_or(
                Key(
                    "connections",
                    "Connections that are open at once; more wait until one closes.",
                    "2000",
                ),
                CONNECTIONS_MAX as u64,
                1..=CONNECTIONS_CEILING as u64,
            )),
            timeout: table.duration_or(
                Key(
                    "timeout",
                    "From a worker's start on a request to the head of its answer, where the route \
                     names no other deadline; 504 beyond. A streamed answer may run on.",
                    "\"30s\"",
                ),
                ANSWER_WAIT_MAX,
                Duration::from_millis(100)..=ROUTE_ANSWER_WAIT_MAX,
            ),
            body_bytes: table.size_or(
                Key(
                    "body",
                    "Bytes of a request's body, where the route names no other limit; 413 beyond. \
                     Bodies are streamed under flow control and not collected.",
                    "\"10mb\"",
                ),
                BODY_BYTES_MAX,
                0..=BODY_BYTES_CEILING,
            ),
            bodies_bytes: table.size_or(
                Key(
                    "bodies",
                    "Bytes of all requests' bodies that are in memory at once; 503 beyond.",
                    "\"1gb\"",
                ),
                BODIES_BYTES_MAX,
                1 << 20..=BODY_BYTES_CEILING,
            ),
            websockets: table.integer_or(
                Key(
                    "websockets",
                    "WebSockets that are open at once to servers which rewrites lead to; 503 beyond. Each \
                     of them is one of `connections` too.",
                    "500",
                ),
                WEBSOCKETS_MAX as u64,
                0..=CONNECTIONS_CEILING as u64,
            ),
            websocket_idle: table.duration_or(
                Key(
                    "websocket_idle",
                    "How long neither side of a WebSocket may send anything; closed beyond.",
                    "\"2m\"",
                ),
                WEBSOCKET_IDLE_MAX,
                Duration::from_secs(1)..=WEBSOCKET_IDLE_CEILING,
            ),
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            head_bytes: HEAD_BYTES_MAX,
            connections: CONNECTIONS_MAX,
            timeout: ANSWER_WAIT_MAX,
            body_bytes: BODY_BYTES_MAX,
            bodies_bytes: BODIES_BYTES_MAX,
            websockets: WEBSOCKETS_MAX as u64,
            websocket_idle: WEBSOCKET_IDLE_MAX,
        }
    }
}

impl WorkerSettings {
    fn read(table: &Reader<'_, '_>) -> Self {
        let count = table.integer_or_word(
            Key(
                "count",
                "Worker processes: a number or `\"auto\"` for one per core. With one, state in modules \
                 is shared by all requests, as under `next start`.",
                "\"auto\"",
            ),
            "1",
            1..=WORKERS_MAX as u64,
            "auto",
        );
        let node = table.text(
            Key("node", "The Node.js executable, version 20 or newer.", "\"/opt/node/bin/node\""),
            "the name or path of an executable",
            Some("node"),
            |text| if text.is_empty() { Err(String::new()) } else { Ok(PathBuf::from(text)) },
        );
        Self {
            count: count.unwrap_or(WorkerCount::Fixed(NonZeroUsize::MIN)),
            node: node.unwrap_or_else(|| PathBuf::from("node")),
            supervision: Supervision::read(table),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_count_is_auto_or_a_small_number() {
        assert_eq!("auto".parse(), Ok(WorkerCount::Auto));
        assert_eq!("3".parse::<WorkerCount>().unwrap().get(), 3);
        for wrong in ["0", "-1", "257", "", "two"] {
            assert!(wrong.parse::<WorkerCount>().unwrap_err().contains("1 to 256"), "{wrong}");
        }
    }
}
