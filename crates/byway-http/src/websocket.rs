//! The handshake of a WebSocket that an external rewrite leads to (RFC 6455 §4, RFC 9110 §7.8).
//!
//! The upstream is asked first. The client hears of the switch when the upstream has agreed to it, and
//! only then does anything else that the client has sent reach the upstream (CVE-2026-2833). Which server
//! that is says the rule, as for every other request (CVE-2026-44578).

use std::sync::Arc;
use std::time::Duration;

use byway_config::LimitSettings;
use byway_gate::places::{Places, Taken};
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::body::Incoming;

use crate::AnswerBodyStream;
use crate::tunnel::Tunnel;
use crate::upstream::lines_for_client;

/// The only protocol that is switched to. Others, such as `h2c`, would carry requests past every policy.
pub(crate) const PROTOCOL: &str = "websocket";

/// All WebSockets of a server.
#[derive(Debug, Clone)]
pub(crate) struct WebSockets {
    places: Arc<Places>,
    idle_max: Duration,
}

/// A handshake that has begun, with a place for its WebSocket.
#[derive(Debug)]
pub(crate) struct Handshake {
    place: Taken,
    idle_max: Duration,
}

/// Why an upstream that switches to another protocol has failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwitchError {
    #[error("it switched to a protocol that nobody asked for")]
    Unasked,
    #[error("it switched to another protocol and was gone")]
    Gone(#[source] hyper::Error),
}

/// Whether a request wishes for a WebSocket. A body belongs to none, and neither does HTTP/1.0
/// (RFC 9110 §7.8); under HTTP/2 no client can wish for one.
pub(crate) fn is_wished(request: &Parts) -> bool {
    // Looked at first: nearly no request has it.
    request.headers.contains_key(UPGRADE)
        && request.method == Method::GET
        && request.version == Version::HTTP_11
        && elements(&request.headers, &UPGRADE).any(|it| it.eq_ignore_ascii_case(PROTOCOL))
        && elements(&request.headers, &CONNECTION).any(|it| it.eq_ignore_ascii_case("upgrade"))
}

/// The elements of a list in the lines of a header (RFC 9110 §5.6.1).
fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|it| !it.is_empty())
}

impl WebSockets {
    /// As many as the settings allow, those of the former build included.
    pub(crate) fn new(limits: &LimitSettings, former: Option<&Self>) -> Self {
        let places = former
            .map_or_else(|| Places::new(limits.websockets), |former| Arc::clone(&former.places));
        Self { places, idle_max: limits.websocket_idle }
    }

    /// How many are open, handshakes included.
    pub(crate) fn open(&self) -> u64 {
        self.places.taken()
    }

    /// Begins a handshake; `None` where too many are open.
    pub(crate) fn begin(&self) -> Option<Handshake> {
        Some(Handshake { place: self.places.take(1)?, idle_max: self.idle_max })
    }
}

impl Handshake {
    /// Takes the upstream at its word. The answer's body is the tunnel.
    pub(crate) async fn switch(
        self,
        mut answer: Response<Incoming>,
    ) -> Result<Response<AnswerBodyStream>, SwitchError> {
        let is_asked = |name, wanted: &str| {
            let mut elements = elements(answer.headers(), name).peekable();
            elements.peek().is_some() && elements.all(|it| it.eq_ignore_ascii_case(wanted))
        };
        let says_so =
            || elements(answer.headers(), &CONNECTION).any(|it| it.eq_ignore_ascii_case("upgrade"));
        if !is_asked(&UPGRADE, PROTOCOL) || !says_so() {
            return Err(SwitchError::Unasked);
        }
        let upstream = hyper::upgrade::on(&mut answer).await.map_err(SwitchError::Gone)?;
        let mut lines = lines_for_client(answer.headers(), false);
        set_upgrade(&mut lines);
        let tunnel = Tunnel::new(upstream, self.idle_max, self.place);
        let mut response = Response::new(AnswerBodyStream::tunnel(tunnel));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = lines;
        Ok(response)
    }
}

/// Puts the switch into the lines of a message: they are about one connection, and made anew for each.
pub(crate) fn set_upgrade(lines: &mut HeaderMap) {
    lines.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    lines.insert(UPGRADE, HeaderValue::from_static(PROTOCOL));
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

    use super::is_wished;

    fn wish(method: &str, version: Version, lines: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/a").version(version);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        is_wished(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_wish_is_a_get_with_both_lines() {
        let both = [("upgrade", "websocket"), ("connection", "Upgrade")];
        assert!(wish("GET", Version::HTTP_11, &both));
        assert!(!wish("POST", Version::HTTP_11, &both));
        assert!(!wish("GET", Version::HTTP_10, &both));
        assert!(!wish("GET", Version::HTTP_2, &both));
        let of = |lines: &[(&str, &str)]| wish("GET", Version::HTTP_11, lines);
        assert!(of(&[("upgrade", "h2c, WebSocket"), ("connection", "keep-alive, UPGRADE")]));
        assert!(of(&[
            ("upgrade", "foo"),
            ("upgrade", "websocket"),
            ("connection", "close"),
            ("connection", "upgrade"),
        ]));
        assert!(!of(&[("upgrade", "websocket")]));
        assert!(!of(&[("connection", "upgrade")]));
        assert!(!of(&[("upgrade", "websocket"), ("connection", "keep-alive")]));
        for other in ["h2c", "websocket/13", "websockets", "TLS/1.3", "", ","] {
            assert!(!of(&[("upgrade", other), ("connection", "upgrade")]), "{other}");
        }
    }
}
