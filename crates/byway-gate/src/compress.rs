//! Compression of answers: what is worth it, what the client takes (RFC 9110 §12.5.3), and how.

mod encoder;
mod negotiate;

use byway_config::CompressionSettings;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
};
use http::{Method, StatusCode, request, response};

use crate::vary;

pub use byway_config::Coding;
pub use encoder::{Encoder, whole};

/// `[compression]`, ready to use.
#[derive(Debug)]
pub struct Compression {
    codings: Vec<Coding>,
    size_min: u64,
}

impl Compression {
    /// From the settings; `None` when it is off.
    pub fn new(settings: &CompressionSettings) -> Option<Self> {
        let used = settings.enabled && !settings.codings.is_empty();
        used.then(|| Self { codings: settings.codings.clone(), size_min: settings.size_min })
    }

    /// The coding of an answer, whose headers then say so. `length` is that of its body, where it is known.
    pub fn choose(
        &self,
        request: &request::Parts,
        answer: &mut response::Parts,
        length: Option<u64>,
    ) -> Option<Coding> {
        let bodiless = matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless
            || answer.status == StatusCode::PARTIAL_CONTENT
            || !is_compressible(&answer.headers)
        {
            return None;
        }
        // A cache has to know, whichever form this client gets.
        vary::add(&mut answer.headers, "Accept-Encoding");
        // Without the body, nobody knows how long it would be when compressed.
        let too_short = |length| length == 0 || length < self.size_min;
        if request.method == Method::HEAD || length.is_some_and(too_short) {
            return None;
        }
        let coding = negotiate::best(&request.headers.get_all(ACCEPT_ENCODING), &self.codings)?;
        let headers = &mut answer.headers;
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        headers.remove(CONTENT_LENGTH);
        headers.remove(ACCEPT_RANGES);
        weaken(headers);
        Some(coding)
    }
}

/// Whether the type says that there is something to gain, and nothing forbids it.
fn is_compressible(headers: &HeaderMap) -> bool {
    if headers.contains_key(CONTENT_ENCODING) || headers.contains_key(CONTENT_RANGE) {
        return false;
    }
    let untouchable = |line: &HeaderValue| {
        let mut words = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        words.any(|word| word.eq_ignore_ascii_case(b"no-transform"))
    };
    if headers.get_all(CACHE_CONTROL).iter().any(untouchable) {
        return false;
    }
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.split_once('/') {
        // Each event has to arrive when it happens; some readers take no compressed ones.
        Some(("text", subtype)) => subtype != "event-stream",
        Some((_, subtype)) if subtype.ends_with("+json") || subtype.ends_with("+xml") => true,
        Some(("application", subtype)) => matches!(
            subtype,
            "json"
                | "javascript"
                | "x-javascript"
                | "xml"
                | "graphql"
                | "ndjson"
                | "x-ndjson"
                | "jsonl"
                | "wasm"
                | "x-www-form-urlencoded"
                | "rtf"
                | "x-sh"
        ),
        Some(("font", subtype)) => matches!(subtype, "ttf" | "otf"),
        _ => false,
    }
}

/// The bytes are others than those that a strong tag stands for (RFC 9110 §8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG) else { return };
    if !tag.as_bytes().starts_with(b"\"") {
        return;
    }
    let weak = [b"W/", tag.as_bytes()].concat();
    match HeaderValue::from_bytes(&weak) {
        Ok(weak) => drop(headers.insert(ETAG, weak)),
        Err(_) => drop(headers.remove(ETAG)),
    }
}

#[cfg(test)]
mod tests;
