//! As much of a browser as signing in takes: it keeps cookies.

use std::collections::BTreeMap;

use byway_testkit::{RawResponse, TestServer};

/// The type of a form without files.
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

/// A client that sends back the cookies that it was given.
pub(crate) struct Browser<'server> {
    server: &'server TestServer,
    cookies: BTreeMap<String, String>,
}

impl<'server> Browser<'server> {
    pub(crate) fn new(server: &'server TestServer) -> Self {
        Self { server, cookies: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, path: &str) -> RawResponse {
        self.request("GET", path, &[], "")
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> RawResponse {
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let response = self.server.request(method, path, &headers, body);
        let response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        for line in response.header_all("set-cookie") {
            self.keep(line);
        }
        response
    }

    pub(crate) fn has_cookie(&self, name: &str) -> bool {
        self.cookies.contains_key(name)
    }

    fn keep(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let Some((name, value)) = pair.split_once('=') else { panic!("no cookie: {line}") };
        let gone = ["Max-Age=0", "Expires=Thu, 01 Jan 1970"];
        if value.is_empty() || gone.iter().any(|mark| attributes.contains(mark)) {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// A value for a form's body.
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
