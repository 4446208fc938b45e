//! Which header lines pass, in both directions.

use bytes::Bytes;
use byway_wire::HeaderLines;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, UPGRADE};
use http::{HeaderValue, Method};

use crate::connection::header_names;

/// Headers about one connection (RFC 9110 §7.6.1), which no handler and no client may see passed on.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Headers by which Next's own parts talk to each other. From a client they are attacks
/// (CVE-2025-29927, CVE-2024-46982 and their family).
pub(crate) fn is_internal(name: &str) -> bool {
    if let Some(rest) = name.strip_prefix("x-") {
        return rest.starts_with("middleware-")
            || rest.starts_with("nextjs-")
            || rest.starts_with("invoke-")
            || rest.starts_with("byway-")
            || matches!(rest, "now-route-matches" | "matched-path");
    }
    name == "next-resume"
}

/// The header lines of a request that a handler may see.
pub(crate) fn to_worker(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let nominated = Nominated::of(headers);
    headers.iter().filter_map(move |(name, value)| {
        let text = name.as_str();
        let pass = !is_hop_by_hop(text) && !is_internal(text) && !nominated.contains(text);
        pass.then(|| (text.as_bytes(), value.as_bytes()))
    })
}

/// The same lines in the order and the letters of `head`, which is what was read from the client.
///
/// Whatever that is, each line of the request is there once.
pub(crate) fn as_written<'h>(headers: &'h HeaderMap, head: &'h [u8]) -> Vec<(&'h [u8], &'h [u8])> {
    let mut lines: Vec<_> = to_worker(headers).map(Some).collect();
    let mut first = 0;
    let mut written = Vec::with_capacity(lines.len());
    for name in header_names(head) {
        let is_it =
            |line: &Option<(&[u8], _)>| line.is_some_and(|it| it.0.eq_ignore_ascii_case(name));
        if let Some(found) = lines[first..].iter_mut().find(|line| is_it(line)) {
            written.extend(found.take().map(|(_, value)| (name, value)));
            first += lines[first..].iter().take_while(|line| line.is_none()).count();
        }
    }
    written.extend(lines.into_iter().flatten());
    written
}

/// The same lines for a proxy, which may ask what protocol the client wishes for.
pub(crate) fn with_upgrade<'h>(
    headers: &'h HeaderMap,
    protocol: &'h str,
) -> Vec<(&'h [u8], &'h [u8])> {
    let wish = (UPGRADE.as_str().as_bytes(), protocol.as_bytes());
    to_worker(headers).chain([wish]).collect()
}

/// Whether a header line of an answer reaches the client. Framing is always recomputed.
pub(crate) fn to_client(name: &HeaderName) -> bool {
    let text = name.as_str();
    !is_hop_by_hop(text) && text != "content-length" && text != "x-middleware-set-cookie"
}

/// A line that a worker gave; `None` for one that HTTP does not allow.
pub(crate) fn line(name: &[u8], value: Bytes) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name).ok()?;
    Some((name, HeaderValue::from_maybe_shared(value).ok()?))
}

/// The lines that HTTP allows; the worker has checked them all, so none is lost.
pub(crate) fn valid(lines: &HeaderLines) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    lines.iter().filter_map(|(name, value)| line(&name, value))
}

/// The lines behind a worker's answer, those that a client may see.
pub(crate) fn trailers(lines: &HeaderLines) -> HeaderMap {
    valid(lines).filter(|(name, _)| to_client(name)).collect()
}

/// Whether a line says how long the body would be that an answer to HEAD does not have (RFC 9110 §8.6).
/// Nothing else can tell it, so here a handler is believed.
pub(crate) fn is_length_for_head(name: &HeaderName, value: &HeaderValue, method: &Method) -> bool {
    *method == Method::HEAD && *name == CONTENT_LENGTH && length(value).is_some()
}

/// The length that a line says.
pub(crate) fn length(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

/// Which lines pass where byway forwards a message between a client and an upstream.
pub(crate) struct ForwardedLines<'h>(Nominated<'h>);

impl<'h> ForwardedLines<'h> {
    /// For the message with these lines.
    pub(crate) fn new(headers: &'h HeaderMap) -> Self {
        Self(Nominated::of(headers))
    }

    /// Whether a line of a request reaches the upstream. Framing is made anew.
    pub(crate) fn pass_to_upstream(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        let is_ours = is_hop_by_hop(text) || is_internal(text) || text == "content-length";
        !is_ours && !self.0.contains(text)
    }

    /// Whether a line of an answer reaches the client.
    pub(crate) fn pass_to_client(&self, name: &HeaderName) -> bool {
        to_client(name) && !self.0.contains(name.as_str())
    }
}

/// The names that `Connection` lists: they belong to this connection as well.
struct Nominated<'h>(Option<Vec<&'h str>>);

/// What `Connection` must not take away from a handler (CVE-2026-105299 shows why).
const END_TO_END: [&str; 6] =
    ["authorization", "content-length", "content-type", "cookie", "host", "origin"];

impl<'h> Nominated<'h> {
    fn of(headers: &'h HeaderMap) -> Self {
        let lines = headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
        let names: Vec<_> = lines
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|name| !matches!(*name, "" | "close" | "keep-alive"))
            .collect();
        Self((!names.is_empty()).then_some(names))
    }

    fn contains(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|names| {
            !END_TO_END.contains(&name) && names.iter().any(|n| n.eq_ignore_ascii_case(name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(lines: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, http::HeaderValue::from_static(value));
        }
        let mut names: Vec<_> = to_worker(&headers)
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn hop_by_hop_and_nominated_headers_stay_behind() {
        let lines = [
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("x-kept", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
        ];
        assert_eq!(pass(&lines), ["x-kept"]);
    }

    #[test]
    fn lines_go_on_as_they_were_written_and_none_is_lost() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("x-t", "a"), ("host", "h"), ("x-t", "b"), ("te", "x"), ("x-own", "o")]
        {
            headers.append(name, http::HeaderValue::from_static(value));
        }
        let lines = |head: &'static str| -> Vec<String> {
            let lines = as_written(&headers, head.as_bytes());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            lines.iter().map(|(name, value)| format!("{} {}", text(name), text(value))).collect()
        };
        let head = "GET / HTTP/1.1\r\nX-T: a\r\nTE: x\r\nHost: h\r\nx-T: b\r\nGone: 1\r\n\r\n";
        assert_eq!(lines(head), ["X-T a", "Host h", "x-T b", "x-own o"]);
        assert_eq!(lines("").len(), 4);
    }

    #[test]
    fn a_client_cannot_nominate_credentials_away() {
        let lines =
            [("connection", "authorization, cookie"), ("authorization", "x"), ("cookie", "a")];
        assert_eq!(pass(&lines), ["authorization", "cookie"]);
    }

    #[test]
    fn x02_internal_headers_of_a_client_are_dropped() {
        let lines = [
            ("x-middleware-subrequest", "1"),
            ("x-middleware-set-cookie", "1"),
            ("x-nextjs-data", "1"),
            ("x-now-route-matches", "1"),
            ("x-matched-path", "1"),
            ("x-invoke-path", "1"),
            ("x-byway-route", "1"),
            ("next-resume", "1"),
            ("x-mine", "1"),
        ];
        assert_eq!(pass(&lines), ["x-mine"]);
    }
}
