//! What one answer looked like on the wire.

use std::time::Duration;

/// How the end of a body was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body: HEAD, 1xx, 204, 304.
    None,
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// `Content-Length`.
    Length,
    /// The body ends with the connection.
    Close,
}

impl Framing {
    /// The word that recorded answers use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Chunked => "chunked",
            Self::Length => "length",
            Self::Close => "close",
        }
    }
}

/// One chunk of a chunked body.
#[derive(Clone, Debug)]
pub struct BodyChunk {
    /// When it was complete, counted from the moment reading began.
    pub after: Duration,
    /// Its bytes without the chunk's framing.
    pub bytes: Vec<u8>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct RawResponse {
    /// `1.1` or `1.0`.
    pub http: String,
    /// The status code.
    pub status: u16,
    /// The reason phrase, often empty.
    pub reason: String,
    /// Header lines in order, names in their own letter case, values without surrounding blanks.
    pub headers: Vec<(String, String)>,
    /// Status codes of interim answers that came first, such as 100.
    pub interim: Vec<u16>,
    /// Trailer lines of a chunked body.
    pub trailers: Vec<String>,
    /// The body without framing. Of a broken-off chunk nothing is kept.
    pub body: Vec<u8>,
    /// The chunks of a chunked body.
    pub chunks: Vec<BodyChunk>,
    /// How the body's end was announced.
    pub framing: Framing,
    /// Whether the announced end was reached.
    pub complete: bool,
}

impl RawResponse {
    /// The first header with this name, whatever its letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// Every header with this name, whatever its letter case.
    pub fn header_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 become replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, `null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
