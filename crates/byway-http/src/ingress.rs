//! The guard at the door: what hyper lets through and HTTP or byway does not.

use byway_config::limits::HEADER_LINES_MAX;
use http::header::{EXPECT, HOST};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri, Version};

/// Refuses a request whose head breaks a rule; the status says which.
pub(crate) fn check(head: &Parts, head_bytes_max: usize) -> Result<(), StatusCode> {
    let Parts { method, uri, version, headers, .. } = head;
    if !is_known(method) {
        return Err(StatusCode::BAD_REQUEST);
    }
    // Only CONNECT has none: byway opens no tunnels.
    let Some(target) = uri.path_and_query() else { return Err(StatusCode::BAD_REQUEST) };
    let target = target.as_str().len();
    // `: ` and the line's end count too, as they do on the wire.
    let lines: usize = headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
    // hyper counts the lines of HTTP/1 itself.
    if target + lines > head_bytes_max || headers.len() > HEADER_LINES_MAX {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if let Some(expect) = headers.get(EXPECT)
        && !expect.as_bytes().eq_ignore_ascii_case(b"100-continue")
    {
        return Err(StatusCode::EXPECTATION_FAILED);
    }
    check_host(uri, *version, headers)
}

/// Whether a method is one that Node's parser lets through, which are those of its `http.METHODS`. Names
/// are case-sensitive (RFC 9110 §9.1). `CONNECT` is none of byway's.
fn is_known(method: &Method) -> bool {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::TRACE => true,
        Method::CONNECT => false,
        _ => OTHER_METHODS.contains(&method.as_str()),
    }
}

/// Methods of extensions to HTTP, most of them of `WebDAV`.
const OTHER_METHODS: [&str; 26] = [
    "ACL",
    "BIND",
    "CHECKOUT",
    "COPY",
    "LINK",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "NOTIFY",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];

/// RFC 9112 §3.2: exactly one valid `Host`, and the same as in an absolute-form target. hyper checks
/// none of it.
fn check_host(uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), StatusCode> {
    let mut lines = headers.get_all(HOST).iter();
    let host = match (lines.next(), lines.next()) {
        (Some(host), None) => host.as_bytes(),
        (None, _) if version == Version::HTTP_10 => return Ok(()),
        (None, _) if version == Version::HTTP_2 && uri.authority().is_some() => return Ok(()),
        _ => return Err(StatusCode::BAD_REQUEST),
    };
    if !is_host(host) {
        return Err(StatusCode::BAD_REQUEST);
    }
    match uri.authority() {
        Some(authority) if !authority.as_str().as_bytes().eq_ignore_ascii_case(host) => {
            Err(StatusCode::BAD_REQUEST)
        }
        _ => Ok(()),
    }
}

/// `uri-host [ ":" port ]` of RFC 3986 §3.2.2. An empty host is allowed by RFC 9112 §3.2 and by Node.
fn is_host(host: &[u8]) -> bool {
    let (name, port) = if let [b'[', rest @ ..] = host {
        let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
        let address = &rest[..end];
        let valid = address.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
        if !valid || address.is_empty() {
            return false;
        }
        (&b"-"[..], &rest[end + 1..])
    } else {
        let end = host.iter().position(|byte| *byte == b':').unwrap_or(host.len());
        host.split_at(end)
    };
    let name_byte = |b: &u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'')
            || matches!(b, b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
    };
    let port_fine = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    name.iter().all(name_byte) && port_fine
}

#[cfg(test)]
mod tests {
    use byway_config::limits::HEAD_BYTES_MAX;
    use http::Request;

    use super::*;

    fn verdict(uri: &str, lines: &[(&'static str, &str)]) -> u16 {
        verdict_on("GET", uri, lines)
    }

    fn verdict_on(method: &str, uri: &str, lines: &[(&'static str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        match check(&request.body(()).unwrap().into_parts().0, HEAD_BYTES_MAX) {
            Ok(()) => 200,
            Err(status) => status.as_u16(),
        }
    }

    #[test]
    fn methods_are_those_of_nodes_parser() {
        for known in ["GET", "HEAD", "OPTIONS", "TRACE", "PURGE", "M-SEARCH", "QUERY"] {
            assert_eq!(verdict_on(known, "/", &[("host", "a")]), 200, "{known}");
        }
        for unknown in ["get", "FOO", "Post", "CONNECT", "GETS"] {
            assert_eq!(verdict_on(unknown, "/", &[("host", "a")]), 400, "{unknown}");
        }
    }

    #[test]
    fn f14_host_must_be_there_once_valid_and_agree_with_the_target() {
        assert_eq!(verdict("/", &[("host", "a.example:80")]), 200);
        assert_eq!(verdict("/", &[("host", "[::1]:3000")]), 200);
        assert_eq!(verdict("/", &[("host", "")]), 200);
        assert_eq!(verdict("/", &[]), 400);
        assert_eq!(verdict("/", &[("host", "a"), ("host", "a")]), 400);
        for wrong in ["a@b", "a b", "a/b", "a:b", "a:123456", "[::1", "[]", "[::1]x", "a.com.:1.2"]
        {
            assert_eq!(verdict("/", &[("host", wrong)]), 400, "{wrong}");
        }
        assert_eq!(verdict("http://a/x", &[("host", "a")]), 200);
        assert_eq!(verdict("http://b/x", &[("host", "a")]), 400);
    }

    #[test]
    fn l03_long_heads_are_refused() {
        let long = format!("/{}", "a".repeat(HEAD_BYTES_MAX));
        assert_eq!(verdict(&long, &[("host", "a")]), 431);
        let value = "v".repeat(HEAD_BYTES_MAX);
        assert_eq!(verdict("/", &[("host", "a"), ("x", &value)]), 431);
        assert_eq!(verdict("/", &[("host", "a"), ("x", &value[..HEAD_BYTES_MAX - 20])]), 200);
    }

    #[test]
    fn an_expectation_other_than_100_continue_fails() {
        assert_eq!(verdict("/", &[("host", "a"), ("expect", "100-Continue")]), 200);
        assert_eq!(verdict("/", &[("host", "a"), ("expect", "tea")]), 417);
    }
}
