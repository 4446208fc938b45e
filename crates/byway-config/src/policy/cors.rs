//! `cors`: whose pages may call a route (<https://fetch.spec.whatwg.org/#http-cors-protocol>).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::reader::{Key, Reader};

/// Browsers keep a preflight's answer for a day at most.
const MAX_AGE_MAX: Duration = Duration::from_hours(24);
const METHODS_DEFAULT: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Whose pages may call a route, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cors {
    /// At least one.
    pub origins: Vec<OriginPattern>,
    /// Methods in upper case.
    pub methods: Vec<String>,
    /// Names in lower case; empty: whatever a preflight asks for.
    pub headers: Vec<String>,
    /// Names in lower case.
    pub exposed_headers: Vec<String>,
    /// Whether cookies are sent.
    pub credentials: bool,
    /// How long a browser may keep a preflight's answer.
    pub max_age: Option<Duration>,
    /// Whether public pages may call a server in a private network.
    pub private_network: bool,
}

/// Origins that are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OriginPattern {
    /// `*`
    Any,
    /// `https://app.example.com`, as a browser writes it: lower case, no default port.
    Exact(String),
    /// `https://*.example.com`: subdomains of any depth, not the domain itself.
    Subdomains {
        /// `https://`
        scheme: String,
        /// `.example.com`, with the port if there is one.
        suffix: String,
    },
}

impl OriginPattern {
    /// Whether a browser's `Origin` is meant. `null` never is: any page can have it.
    pub fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => origin == exact,
            Self::Subdomains { scheme, suffix } => {
                let name = origin
                    .strip_prefix(scheme.as_str())
                    .and_then(|it| it.strip_suffix(suffix.as_str()));
                name.is_some_and(|name| {
                    !name.is_empty() && name.split('.').all(|label| is_label(label.as_bytes()))
                })
            }
        }
    }
}

fn is_label(label: &[u8]) -> bool {
    !label.is_empty()
        && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl FromStr for OriginPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text == "null" {
            return Err("any page can have the origin `null`: it cannot be allowed".to_owned());
        }
        let wrong = || {
            "an origin is scheme, host and port, such as `\"https://app.example.com\"`, \
             `\"https://*.example.com\"` or `\"*\"`"
                .to_owned()
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        if let Some(origin) = rest.strip_suffix('/') {
            return Err(format!("an origin has no path: `\"{scheme}://{origin}\"`"));
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let is_default = matches!((scheme, port), ("http", Some("80")) | ("https", Some("443")));
        if is_default || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let port = port.filter(|_| !is_default).map(|it| format!(":{it}")).unwrap_or_default();
            let written = format!("{scheme}://{host}{port}").to_ascii_lowercase();
            return Err(format!("browsers write it `\"{written}\"`"));
        }
        let port_fine = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|it| it > 0));
        let scheme_fine = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !port_fine || !scheme_fine {
            return Err(wrong());
        }
        if let Some(domain) = host.strip_prefix("*.") {
            let labels = domain.split('.').all(|label| is_label(label.as_bytes()));
            if !labels || !domain.contains('.') {
                return Err(
                    "a wildcard stands for subdomains: `\"https://*.example.com\"`".to_owned()
                );
            }
            let suffix = rest.trim_start_matches('*').to_owned();
            return Ok(Self::Subdomains { scheme: format!("{scheme}://"), suffix });
        }
        let address = host.starts_with('[') && host.ends_with(']');
        if !address && !host.split('.').all(|label| is_label(label.as_bytes())) {
            return Err(wrong());
        }
        Ok(Self::Exact(text.to_owned()))
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(origin) => f.write_str(origin),
            Self::Subdomains { scheme, suffix } => write!(f, "{scheme}*{suffix}"),
        }
    }
}

/// A header's name in lower case.
pub(crate) fn header_name(text: &str) -> Result<String, String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(token) {
        return Err(String::new());
    }
    Ok(text.to_ascii_lowercase())
}

/// A method's name, as it is sent: in upper case.
pub(crate) fn method(text: &str) -> Result<String, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
        return Err(String::new());
    }
    let upper = text.to_ascii_uppercase();
    if upper == text { Ok(upper) } else { Err(format!("methods are in upper case: `\"{upper}\"`")) }
}

impl Cors {
    pub(super) fn read(table: &Reader<'_, '_>) -> Option<Self> {
        let origins_key = Key(
            "origins",
            "Origins of pages that may read answers: exact ones, `https://*.example.com` for all \
             subdomains, or `*` for everybody.",
            "[\"https://app.example.com\", \"https://*.example.org\"]",
        );
        let origins = table.texts_required(origins_key, "an origin", str::parse);
        let methods_default = format!("{METHODS_DEFAULT:?}");
        let cors = Self {
            methods: table
                .texts(
                    Key("methods", "Methods that a page may use.", "[\"GET\", \"POST\"]"),
                    "a method in upper case",
                    &methods_default,
                    method,
                )
                .unwrap_or_else(|| METHODS_DEFAULT.map(str::to_owned).to_vec()),
            headers: table
                .texts(
                    Key(
                        "headers",
                        "Request headers that a page may set; an empty list allows what it asks for.",
                        "[\"content-type\", \"authorization\"]",
                    ),
                    "a header's name",
                    "[]",
                    header_name,
                )
                .unwrap_or_default(),
            exposed_headers: table
                .texts(
                    Key(
                        "exposed_headers",
                        "Headers of answers that a page may read, beyond the usual ones.",
                        "[\"x-total-count\"]",
                    ),
                    "a header's name",
                    "[]",
                    header_name,
                )
                .unwrap_or_default(),
            credentials: table.bool_or(
                Key("credentials", "Whether pages may send cookies. Not with origin `*`.", "true"),
                false,
            ),
            max_age: table.duration(
                Key("max_age", "How long a browser may keep a preflight's answer.", "\"10m\""),
                Duration::ZERO..=MAX_AGE_MAX,
            ),
            private_network: table.bool_or(
                Key(
                    "private_network",
                    "Whether public pages may call this server in a private network.",
                    "true",
                ),
                false,
            ),
            origins: origins?,
        };
        cors.check(table, &origins_key).then_some(cors)
    }

    /// Whether the parts go together.
    fn check(&self, table: &Reader<'_, '_>, origins: &Key) -> bool {
        if self.origins.is_empty() && !table.context.describing {
            let help = "name at least one, or write `cors = false`".to_owned();
            table.reject(
                origins,
                "`origins` is empty: nobody could call this".to_owned(),
                Some(help),
            );
            return false;
        }
        if self.credentials && self.origins.contains(&OriginPattern::Any) {
            let message =
                "`credentials` cannot go with the origin `*`: any site could act as its visitors";
            let help = "name the origins that may send cookies".to_owned();
            table.reject(origins, message.to_owned(), Some(help));
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::OriginPattern;

    #[test]
    fn x14_origins_are_compared_as_a_whole() {
        let matches =
            |pattern: &str, origin| pattern.parse::<OriginPattern>().unwrap().matches(origin);
        assert!(matches("https://app.example.com", "https://app.example.com"));
        for origin in [
            "null",
            "https://app.example.com.evil.com",
            "https://evilapp.example.com",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com/",
            "https://APP.example.com",
            "",
        ] {
            assert!(!matches("https://app.example.com", origin), "{origin}");
        }
        assert!(matches("https://*.example.com", "https://a.example.com"));
        assert!(matches("https://*.example.com", "https://a.b-c.example.com"));
        assert!(matches("https://*.example.com:8443", "https://a.example.com:8443"));
        for origin in [
            "https://example.com",
            "https://.example.com",
            "https://evil.com/.example.com",
            "https://evil.com#.example.com",
            "https://a@b.example.com",
            "https://evilexample.com",
            "https://a.example.com:8443",
            "http://a.example.com",
        ] {
            assert!(!matches("https://*.example.com", origin), "{origin}");
        }
    }

    #[test]
    fn origins_that_no_browser_sends_are_refused() {
        for wrong in [
            "null",
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "https://App.example.com",
            "https://*",
            "https://*.com",
            "https://a.*.com",
            "https://a b.com",
            "https://",
            "https://a:0",
            "https://user@a.com",
        ] {
            assert!(wrong.parse::<OriginPattern>().is_err(), "{wrong}");
        }
        for right in ["*", "http://localhost:3000", "https://[::1]:3000", "https://*.a.b:1"] {
            assert_eq!(right.parse::<OriginPattern>().unwrap().to_string(), right);
        }
    }
}
