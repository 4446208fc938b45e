//! The settings of a server, checked before anything is bound.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::context::Shown;
use crate::limits::{
    ANSWER_WAIT_MAX, BODIES_BYTES_MAX, BODY_BYTES_CEILING, BODY_BYTES_MAX, CONNECTIONS_CEILING,
    CONNECTIONS_MAX, HEAD_BYTES_CEILING, HEAD_BYTES_MAX, LISTENERS_MAX, POOLS_MAX,
    ROUTE_ANSWER_WAIT_MAX, ROUTE_RULES_MAX, STOP_DELAY_CEILING, WORKERS_MAX,
};
use crate::origin::Origin;
use crate::policy::header_name;
use crate::reader::{Key, Reader};
use crate::{
    AddressBlock, CompressionSettings, ListenAddress, LogSettings, PoolRule, RouteRule,
    Supervision, Switch,
};

/// What Next listens on when it is told nothing.
const LISTEN_DEFAULT: (&str, u16) = ("0.0.0.0", 3000);

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
    /// `[[pool]]`
    pub pools: Vec<PoolRule>,
    /// `[[route]]`
    pub routes: Vec<RouteRule>,
}

/// `[server]`: where to listen, and until when.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings {
    /// At least one. The first is also the host of `request.url`.
    pub listen: Vec<ListenAddress>,
    /// Where health and metrics are told.
    pub admin: Option<SocketAddr>,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<AddressBlock>,
    /// Names for requests.
    pub request_id: Option<RequestIdSettings>,
    /// Whether a new build in the project's folder takes over by itself; else SIGHUP asks for it.
    pub follow_builds: bool,
    /// How long the server goes on accepting after the signal to stop, so that whoever spreads requests
    /// over several servers sees first that it is not ready.
    pub stop_delay: Duration,
}

/// `server.request_id`: names for requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIdSettings {
    /// The header, in lower case.
    pub header: String,
    /// Whether clients see it.
    pub answer: bool,
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

/// The parts of an address that flags and `PORT` change, with who says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Address {
    pub(crate) hostname: Option<(String, Origin)>,
    pub(crate) port: Option<(u16, Origin)>,
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

impl ServerSettings {
    fn read(table: &Reader<'_, '_>, address: &Address) -> Self {
        let key = Key(
            "listen",
            "Addresses to listen on. The first one is also the origin of `request.url`, as in Next; \
             `--hostname`, `--port` and `PORT` change it. Port 0 lets the system choose.",
            "[\"127.0.0.1:8080\", \"[::1]:8080\"]",
        );
        let (host, port) = LISTEN_DEFAULT;
        let default = ListenAddress { host: host.to_owned(), port };
        let form = "host and port";
        let read = table.texts(key, form, &format!("[\"{default}\"]"), str::parse);
        let mut listen: Vec<ListenAddress> = read.unwrap_or_default();
        if listen.len() > LISTENERS_MAX {
            table.reject(&key, format!("`listen` has more than {LISTENERS_MAX} addresses"), None);
        }
        if listen.is_empty() {
            listen.push(default);
        }
        address.apply(&mut listen, table);
        let admin = table.text(
            Key(
                "admin",
                "Address of a second listener with `/healthz`, `/readyz` and `/metrics` (Prometheus). \
                 Keep it away from clients.",
                "\"127.0.0.1:9090\"",
            ),
            "address and port",
            None,
            |text| text.parse().map_err(|_| String::new()),
        );
        let trusted_proxies = table.texts(
            Key(
                "trusted_proxies",
                "Addresses of proxies in front of byway. What they say in `Forwarded` or \
                 `X-Forwarded-For`, `-Proto`, `-Host` and `-Port` is believed, hop by hop from the \
                 right, and decides `request.ip` and the origin of `request.url`; from anybody else \
                 these headers are removed. Without this key, only `X-Forwarded-Proto` of a proxy on \
                 this machine is believed.",
                "[\"10.0.0.0/8\", \"::1\"]",
            ),
            "an address or a block of addresses",
            "[]",
            str::parse,
        );
        let request_id = table.switch(
            Key(
                "request_id",
                "A name for each request, for logs: taken over from a trusted proxy or made, passed on \
                 to the handler in a header.",
                "true",
            ),
            true,
            |table| Some(RequestIdSettings::read(table)),
        );
        let (follow_builds, stop_delay) = Self::read_changes(table);
        Self {
            listen,
            admin,
            trusted_proxies: trusted_proxies.unwrap_or_default(),
            request_id: request_id.and_then(Switch::into_on),
            follow_builds,
            stop_delay,
        }
    }

    /// When another build, and when nobody, serves.
    fn read_changes(table: &Reader<'_, '_>) -> (bool, Duration) {
        let follow_builds = table.bool_or(
            Key(
                "follow_builds",
                "Whether a new build in the project's folder takes over by itself; else SIGHUP or \
                 `byway reload` asks for it.",
                "false",
            ),
            true,
        );
        let stop_delay = table.duration_or(
            Key(
                "stop_delay",
                "How long connections are still accepted after the signal to stop, while the server \
                 says that it is not ready.",
                "\"5s\"",
            ),
            Duration::ZERO,
            Duration::ZERO..=STOP_DELAY_CEILING,
        );
        (follow_builds, stop_delay)
    }
}

impl RequestIdSettings {
    fn read(table: &Reader<'_, '_>) -> Self {
        let header = table.text(
            Key("header", "The header that has the name.", "\"x-correlation-id\""),
            "a header's name",
            Some("x-request-id"),
            header_name,
        );
        let key = Key("answer", "Whether answers carry the name too.", "false");
        Self {
            header: header.unwrap_or_else(|| "x-request-id".to_owned()),
            answer: table.bool_or(key, true),
        }
    }
}

impl Address {
    /// Changes the first address, and what is said of its origin.
    fn apply(&self, listen: &mut [ListenAddress], table: &Reader<'_, '_>) {
        let Some(first) = listen.first_mut() else { return };
        if let Some((hostname, _)) = &self.hostname {
            let bare = hostname.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            bare.unwrap_or(hostname).clone_into(&mut first.host);
        }
        if let Some((port, _)) = self.port {
            first.port = port;
        }
        let port = self.port.as_ref().map(|(_, origin)| origin);
        let hostname = self.hostname.as_ref().map(|(_, origin)| origin);
        let Some(origin) = hostname.or(port) else { return };
        let shown: Vec<String> = listen.iter().map(|it| format!("\"{it}\"")).collect();
        let mut values = table.context.shown.borrow_mut();
        if let Some(value) = values.iter_mut().find(|value| value.name == "server.listen") {
            let value_text = Some(format!("[{}]", shown.join(", ")));
            *value = Shown { name: value.name.clone(), value: value_text, origin: origin.clone() };
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
