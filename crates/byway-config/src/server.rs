//! `[server]`: where to listen, and who is believed there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::context::Shown;
use crate::limits::{LISTENERS_MAX, STOP_DELAY_CEILING};
use crate::origin::Origin;
use crate::policy::header_name;
use crate::reader::{Key, Reader};
use crate::{ListenAddress, ListenPlace, Switch, TrustedProxy};

/// What Next listens on when it is told nothing.
const LISTEN_DEFAULT: (&str, u16) = ("0.0.0.0", 3000);

/// `[server]`: where to listen, and until when.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings {
    /// At least one. The first TCP port is also the host of `request.url`.
    pub listen: Vec<ListenAddress>,
    /// The certificate of the TCP ports.
    pub tls: Option<TlsSettings>,
    /// Whether HTTP/2 is spoken beside HTTP/1.1.
    pub http2: bool,
    /// Where health and metrics are told.
    pub admin: Option<SocketAddr>,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Names for requests.
    pub request_id: Option<RequestIdSettings>,
    /// Whether a new build in the project's folder takes over by itself; else SIGHUP asks for it.
    pub follow_builds: bool,
    /// How long the server goes on accepting after the signal to stop, so that whoever spreads requests
    /// over several servers sees first that it is not ready.
    pub stop_delay: Duration,
}

/// `server.tls`: PEM files, relative to the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate, with those that lead to its root behind it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `server.request_id`: names for requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIdSettings {
    /// The header, in lower case.
    pub header: String,
    /// Whether clients see it.
    pub answer: bool,
}

/// The parts of an address that flags and `PORT` change, with who says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Address {
    pub(crate) hostname: Option<(String, Origin)>,
    pub(crate) port: Option<(u16, Origin)>,
}

impl ServerSettings {
    /// The host of the first TCP port, which is that of `request.url`.
    pub fn hostname(&self) -> Option<&str> {
        self.listen.iter().find_map(ListenAddress::host)
    }

    /// Whether TLS is spoken at the address.
    pub fn speaks_tls(&self, address: &ListenAddress) -> bool {
        self.tls.is_some() && address.tls_wanted
    }

    pub(crate) fn read(table: &Reader<'_, '_>, address: &Address) -> Self {
        let listen = listen(table, address);
        let tls = table.section(
            "tls",
            "TLS on every TCP port that is not `plain`. The files are read again when they change; until \
             the new ones fit together the old ones stay in force.",
            TlsSettings::read,
        );
        let http2 = table.bool_or(
            Key(
                "http2",
                "Whether HTTP/2 is spoken beside HTTP/1.1: over TLS where a client chooses it, without \
                 TLS where it begins with it (prior knowledge).",
                "false",
            ),
            true,
        );
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
                "Addresses of proxies in front of byway, `unix` for whoever connects to a Unix socket. \
                 What they say in `Forwarded` or `X-Forwarded-For`, `-Proto`, `-Host` and `-Port` \
                 is believed, hop by hop from the right, and decides `request.ip` and the origin \
                 of `request.url`; from anybody else these headers are removed. Without this key \
                 handlers see them as they came, as under Next, and byway itself believes only \
                 `X-Forwarded-Proto` of a proxy on this machine.",
                "[\"10.0.0.0/8\", \"::1\"]",
            ),
            "an address, a block of addresses or `unix`",
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
        let trusted_proxies: Vec<TrustedProxy> = trusted_proxies.unwrap_or_default();
        refuse_announcements_from_nobody(&listen, &trusted_proxies, table);
        let (follow_builds, stop_delay) = Self::read_changes(table);
        Self {
            listen,
            tls,
            http2,
            admin,
            trusted_proxies,
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

/// PROXY headers are believed, so somebody has to be trusted to send them.
fn refuse_announcements_from_nobody(
    listen: &[ListenAddress],
    trusted_proxies: &[TrustedProxy],
    table: &Reader<'_, '_>,
) {
    let announced = |it: &&ListenAddress| it.proxy_protocol && it.host().is_some();
    let names_one = trusted_proxies.iter().any(|it| matches!(it, TrustedProxy::At(_)));
    if let (Some(address), false) = (listen.iter().find(announced), names_one) {
        table.reject(
            &LISTEN,
            format!("`{address}` takes PROXY headers, and no proxy is trusted to send them"),
            Some("name it: `trusted_proxies = [\"10.0.0.5\"]`".to_owned()),
        );
    }
}

const LISTEN: Key = Key(
    "listen",
    "Addresses to listen on: TCP ports, and Unix sockets as `unix:/run/byway.sock`. Words behind an \
     address: `plain` speaks no TLS there although `tls` is set, `proxy_protocol` expects a PROXY header \
     (version 1 or 2) from one of `trusted_proxies` on each connection and refuses others, `mode=666` \
     sets the permissions of a Unix socket (660 otherwise). The first TCP port is also the origin of \
     `request.url`, as in Next; `--hostname`, `--port` and `PORT` change it. Port 0 lets the system \
     choose.",
    "[\"[::]:443\", \"[::]:80 plain\", \"unix:/run/byway.sock\"]",
);

fn listen(table: &Reader<'_, '_>, address: &Address) -> Vec<ListenAddress> {
    let default = ListenAddress::tcp(LISTEN_DEFAULT.0, LISTEN_DEFAULT.1);
    let form = "host and port or a Unix socket";
    let read = table.texts(LISTEN, form, &format!("[\"{default}\"]"), str::parse);
    let mut listen: Vec<ListenAddress> = read.unwrap_or_default();
    if listen.len() > LISTENERS_MAX {
        table.reject(&LISTEN, format!("`listen` has more than {LISTENERS_MAX} addresses"), None);
    }
    if listen.is_empty() {
        listen.push(default);
    }
    address.apply(&mut listen, table);
    listen
}

impl TlsSettings {
    fn read(table: &Reader<'_, '_>) -> Option<Self> {
        let cert = Key(
            "cert",
            "A PEM file, relative to the project: the certificate, and behind it those that lead to its \
             root.",
            "\"cert.pem\"",
        );
        let key = Key("key", "A PEM file with the certificate's private key.", "\"key.pem\"");
        let path = |key| {
            let fits = |text: &str| match text {
                "" => Err(String::new()),
                text => Ok(PathBuf::from(text)),
            };
            table.text(key, "the path of a PEM file", None, fits)
        };
        match (path(cert), path(key)) {
            (Some(cert), Some(key)) => Some(Self { cert, key }),
            (None, None) => None,
            (Some(_), None) => {
                let help = Some("add `key = \"key.pem\"`".to_owned());
                table.reject(&cert, "`tls` has a certificate and no `key`".to_owned(), help);
                None
            }
            (None, Some(_)) => {
                let help = Some("add `cert = \"cert.pem\"`".to_owned());
                table.reject(&key, "`tls` has a key and no `cert`".to_owned(), help);
                None
            }
        }
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
    /// Changes the first TCP port, and what is said of its origin. Where there is none, a port that was
    /// asked for comes first.
    fn apply(&self, listen: &mut Vec<ListenAddress>, table: &Reader<'_, '_>) {
        if self.port.is_some() && listen.iter().all(|it| it.host().is_none()) {
            listen.insert(0, ListenAddress::tcp(LISTEN_DEFAULT.0, LISTEN_DEFAULT.1));
        }
        let tcp = |it: &mut ListenAddress| match &mut it.place {
            ListenPlace::Tcp { host, port } => {
                if let Some((hostname, _)) = &self.hostname {
                    let bare = hostname.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                    bare.unwrap_or(hostname).clone_into(host);
                }
                *port = self.port.as_ref().map_or(*port, |(port, _)| *port);
                true
            }
            ListenPlace::Unix { .. } => false,
        };
        let changed = listen.iter_mut().any(tcp);
        let port = self.port.as_ref().map(|(_, origin)| origin);
        let hostname = self.hostname.as_ref().map(|(_, origin)| origin);
        let Some(origin) = hostname.or(port).filter(|_| changed) else { return };
        let shown: Vec<String> = listen.iter().map(|it| format!("\"{it}\"")).collect();
        let mut values = table.context.shown.borrow_mut();
        if let Some(value) = values.iter_mut().find(|value| value.name == "server.listen") {
            let value_text = Some(format!("[{}]", shown.join(", ")));
            *value = Shown { name: value.name.clone(), value: value_text, origin: origin.clone() };
        }
    }
}
