//! One line of the access log. Whatever a client sends, a line is one line and a value stays a value.

use std::time::{Duration, SystemTime};

use byway_config::LogFormat;

use super::clock::rfc3339;

/// Room for a usual line; longer ones grow.
const LINE_BYTES: usize = 512;
/// Bytes of one value; the rest is cut off.
const VALUE_BYTES_MAX: usize = 2048;
const REDACTED: &[u8] = b"[redacted]";

#[derive(Debug)]
pub(super) struct Line {
    json: bool,
    bytes: Vec<u8>,
}

impl Line {
    pub(super) fn new(format: LogFormat) -> Self {
        Self { json: format == LogFormat::Json, bytes: Vec::with_capacity(LINE_BYTES) }
    }

    pub(super) fn time(&mut self, time: SystemTime) {
        self.bytes.extend_from_slice(if self.json { b"{\"time\":\"" } else { b"" });
        self.bytes.extend_from_slice(&rfc3339(time));
        self.bytes.extend_from_slice(if self.json { b"\"" } else { b"" });
    }

    /// `,"name":` or ` name=`. Names are ours or those of headers, and need no escaping.
    fn name(&mut self, name: &str) {
        self.bytes.extend_from_slice(if self.json { b",\"" } else { b" " });
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(if self.json { b"\":" } else { b"=" });
    }

    pub(super) fn text(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.bytes.push(b'"');
        self.value(value);
        self.bytes.push(b'"');
    }

    pub(super) fn query(&mut self, query: &str, redacted: &[String]) {
        self.name("query");
        self.bytes.push(b'"');
        self.redacted(query.as_bytes(), redacted);
        self.bytes.push(b'"');
    }

    /// A URL, whose query is redacted.
    pub(super) fn address(&mut self, name: &str, value: &[u8], redacted: &[String]) {
        let Some(mark) = value.iter().position(|byte| *byte == b'?') else {
            return self.text(name, value);
        };
        self.name(name);
        self.bytes.push(b'"');
        self.value(&value[..=mark]);
        self.redacted(&value[mark + 1..], redacted);
        self.bytes.push(b'"');
    }

    fn redacted(&mut self, query: &[u8], redacted: &[String]) {
        let query = &query[..query.len().min(VALUE_BYTES_MAX)];
        for (index, pair) in query.split(|byte| *byte == b'&').enumerate() {
            if index > 0 {
                self.bytes.push(b'&');
            }
            let end = pair.iter().position(|byte| *byte == b'=');
            match end {
                Some(end) if redacted.iter().any(|key| is_key(&pair[..end], key)) => {
                    self.value(&pair[..=end]);
                    self.bytes.extend_from_slice(REDACTED);
                }
                _ => self.value(pair),
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        crate::rate::push_number(&mut self.bytes, value);
    }

    /// With three decimals.
    pub(super) fn milliseconds(&mut self, name: &str, duration: Duration) {
        self.name(name);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        crate::rate::push_number(&mut self.bytes, micros / 1000);
        let rest = micros % 1000;
        let digit = |number: u64| b'0' + (number % 10) as u8;
        self.bytes.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
    }

    pub(super) fn finish(&mut self) -> &[u8] {
        self.bytes.extend_from_slice(if self.json { b"}\n" } else { b"\n" });
        &self.bytes
    }

    /// Escaped so that it is valid in JSON; bytes beyond ASCII are read as Latin-1, as headers are.
    fn value(&mut self, value: &[u8]) {
        let value = &value[..value.len().min(VALUE_BYTES_MAX)];
        let mut clean = 0;
        for (index, byte) in value.iter().enumerate() {
            if matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\') {
                continue;
            }
            self.bytes.extend_from_slice(&value[clean..index]);
            clean = index + 1;
            match byte {
                b'"' | b'\\' => self.bytes.extend_from_slice(&[b'\\', *byte]),
                _ => {
                    let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
                    let escape = [b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(*byte)];
                    self.bytes.extend_from_slice(&escape);
                }
            }
        }
        self.bytes.extend_from_slice(&value[clean..]);
    }
}

/// Whether a name of the query is `key`, however it is spelt: `t%6Fken` is `token` to a handler.
fn is_key(name: &[u8], key: &str) -> bool {
    let mut key = key.bytes();
    let mut rest = name;
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, later @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, later),
                _ => (b'%', after),
            },
            (b'+', _) => (b' ', after),
            _ => (*first, after),
        };
        if !key.next().is_some_and(|expected| expected.eq_ignore_ascii_case(&byte)) {
            return false;
        }
        rest = after;
    }
    key.next().is_none()
}

fn nibble(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}
