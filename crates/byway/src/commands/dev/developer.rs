//! What a developer meets of the server itself: failures as pages or JSON, request lines, and byway's own
//! addresses below `/__byway/`.
//!
//! The addresses are for pages of this server alone (D01): another origin, an opaque one, and a host name
//! that only leads here by DNS are refused.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use byway_config::limits::EVENT_WAIT_MAX;
use byway_error::Diagnostic;
use byway_http::{Developer, OwnAnswer, Seen};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, ORIGIN, VARY};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::page;
use super::report::Failure;
use super::say;
use super::variables::Variables;

/// Where byway's own addresses are.
const OWN: &str = "/__byway/";
/// Answers once another build is served, or after a while.
pub(super) const EVENTS: &str = "/__byway/events";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Shared by all builds.
#[derive(Debug)]
pub(super) struct Screen {
    dir: PathBuf,
    /// The name to which the server was bound, besides those of loopback.
    hostname: String,
    state: RwLock<State>,
    /// Counts what may change a page; open pages look at it.
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// What is wrong with the sources.
    errors: Vec<Diagnostic>,
    /// Why there is no build at all.
    nothing: Option<String>,
    variables: Variables,
}

impl Screen {
    pub(super) fn new(dir: PathBuf, hostname: &str) -> Arc<Self> {
        let state = RwLock::new(State::default());
        let version = watch::Sender::new(0);
        Arc::new(Self { dir, hostname: hostname.to_owned(), state, version })
    }

    /// Another build is served.
    pub(super) fn served(&self, found: &[Diagnostic]) {
        let errors = found.iter().filter(|it| it.is_error()).cloned().collect();
        let mut state = self.state.write();
        (state.errors, state.nothing) = (errors, None);
        drop(state);
        self.changed();
    }

    /// There is no new build. `nothing`: and no earlier one either.
    pub(super) fn failed(&self, message: &str, found: &[Diagnostic], nothing: bool) {
        let errors = found.iter().filter(|it| it.is_error()).cloned().collect();
        let mut state = self.state.write();
        (state.errors, state.nothing) = (errors, nothing.then(|| message.to_owned()));
        drop(state);
        self.changed();
    }

    /// Which variables the project can see.
    pub(super) fn knows(&self, variables: Variables) {
        self.state.write().variables = variables;
    }

    /// Lets open pages look again; at the end too, so that none of them holds up the server.
    pub(super) fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    fn events(&self, request: &Parts) -> OwnAnswer {
        if !self.is_own_page(request) {
            return Box::pin(async { text(StatusCode::FORBIDDEN, "refused: another origin\n") });
        }
        let query = request.uri.query().unwrap_or_default();
        let seen: Option<u64> = query.strip_prefix("since=").and_then(|it| it.parse().ok());
        let mut version = self.version.subscribe();
        Box::pin(async move {
            if let Some(seen) = seen {
                let newer = version.wait_for(|version| *version != seen);
                let _ = tokio::time::timeout(EVENT_WAIT_MAX, newer).await;
            }
            let now = *version.borrow();
            json(StatusCode::OK, format!("{{\"version\":{now}}}"))
        })
    }

    /// Whether a page of this server asks, or a person.
    fn is_own_page(&self, request: &Parts) -> bool {
        let header = |name: &HeaderName| request.headers.get(name).and_then(|it| it.to_str().ok());
        let Some(host) = host(request) else { return false };
        let own_host = self.is_own_host(host);
        let own_origin = match request.headers.get(ORIGIN) {
            None => true,
            Some(origin) => {
                let origin = origin.to_str().ok().and_then(|it| it.split_once("://"));
                origin.is_some_and(|(_, authority)| authority == host)
            }
        };
        let own_site = header(&FETCH_SITE).is_none_or(|it| matches!(it, "same-origin" | "none"));
        own_host && own_origin && own_site
    }

    /// Names of this machine and addresses, which no DNS server decides about, and the name that was asked
    /// for.
    fn is_own_host(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        let address = name.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(&name);
        name == "localhost"
            || name.ends_with(".localhost")
            || address.parse::<IpAddr>().is_ok()
            || name == self.hostname.to_ascii_lowercase()
    }

    fn show(&self, request: &Parts, failure: &Failure) -> Response<Bytes> {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        // A page of another site that has led its own name here could read it.
        if !host(request).is_some_and(|host| self.is_own_host(host)) {
            return text(status, "Internal Server Error: the terminal of `byway dev` says why\n");
        }
        let mut answer = if wants_page(request) {
            let version = *self.version.borrow();
            let page::Page { html, policy } = page::of(failure, version);
            let mut answer = typed(status, "text/html; charset=utf-8", html);
            if let Ok(policy) = HeaderValue::from_str(&policy) {
                answer.headers_mut().insert("content-security-policy", policy);
            }
            answer
        } else {
            json(status, page::json(failure))
        };
        answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        answer
    }
}

impl Developer for Screen {
    fn own(&self, request: &Parts) -> Option<OwnAnswer> {
        let path = request.uri.path();
        if path == EVENTS {
            return Some(self.events(request));
        }
        if path.starts_with(OWN) {
            return Some(Box::pin(async { text(StatusCode::NOT_FOUND, "no such address\n") }));
        }
        let state = self.state.read();
        let message = state.nothing.as_ref()?;
        let failure = Failure::of_project(message, state.errors.clone());
        let answer = self.show(request, &failure);
        Some(Box::pin(async move { answer }))
    }

    fn failed(&self, request: &Parts, report: &[u8]) -> Response<Bytes> {
        let state = self.state.read();
        let failure = Failure::read(&self.dir, report, &state.errors, &state.variables);
        drop(state);
        say::failure(&failure);
        self.show(request, &failure)
    }

    fn seen(&self, seen: &Seen<'_>) {
        say::request(seen);
    }
}

/// Whom the client believes to ask.
fn host(request: &Parts) -> Option<&str> {
    let header = || request.headers.get(HOST)?.to_str().ok();
    request.uri.authority().map(http::uri::Authority::as_str).or_else(header)
}

/// Whether a browser asks for something to show.
fn wants_page(request: &Parts) -> bool {
    let accepted = request.headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let place = |kind: &str| accepted.find(kind).unwrap_or(usize::MAX);
    place("text/html") < place("application/json")
}

fn text(status: StatusCode, text: &'static str) -> Response<Bytes> {
    typed(status, "text/plain; charset=utf-8", text)
}

fn json(status: StatusCode, text: String) -> Response<Bytes> {
    typed(status, "application/json", text)
}

fn typed(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn asks(hostname: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::get(EVENTS);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Screen::new("/p".into(), hostname).is_own_page(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn d01_only_pages_of_this_server_may_ask() {
        let own = "localhost:3000";
        assert!(asks("localhost", &[("host", own)]));
        assert!(asks("localhost", &[("host", "[::1]:3000")]));
        assert!(asks("localhost", &[("host", own), ("origin", "http://localhost:3000")]));
        assert!(asks("localhost", &[("host", own), ("sec-fetch-site", "same-origin")]));
        assert!(asks("dev.example", &[("host", "dev.example:3000")]));
        assert!(asks("0.0.0.0", &[("host", "192.168.1.5:3000")]));
        for headers in [
            [("host", own), ("origin", "http://evil.example")],
            [("host", own), ("origin", "http://localhost:3001")],
            [("host", own), ("origin", "null")],
            [("host", own), ("sec-fetch-site", "cross-site")],
            [("host", own), ("sec-fetch-site", "same-site")],
            [("host", "evil.example:3000"), ("origin", "http://evil.example:3000")],
            [("host", "localhost.evil.example:3000"), ("accept", "*/*")],
        ] {
            assert!(!asks("localhost", &headers), "{headers:?}");
        }
        assert!(!asks("localhost", &[]));
    }

    #[test]
    fn browsers_get_a_page_and_programs_get_json() {
        let wants = |accept: &str| {
            wants_page(&Request::get("/").header(ACCEPT, accept).body(()).unwrap().into_parts().0)
        };
        assert!(wants("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(!wants("*/*"));
        assert!(!wants("application/json, text/html"));
    }
}
