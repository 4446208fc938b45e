//! An answer in the form in which answers are recorded and compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::raw::{RawResponse, ReadError};

/// Texts longer than this are recorded as a hash.
const BODY_TEXT_MAX: usize = 20_000;

/// One recorded answer, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    pub(super) error: Option<String>,
    pub(super) aborted: bool,
    pub(super) status: Option<u16>,
    pub(super) reason: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) framing: String,
    pub(super) complete: bool,
    pub(super) trailers: Vec<String>,
    pub(super) interim: Vec<u16>,
    pub(super) closed_after: Option<bool>,
    /// Earlier answers on the same connection.
    pub(super) multi: Vec<Record>,
    pub(super) body: Option<String>,
    pub(super) body_b64: Option<String>,
    pub(super) body_sha256: Option<String>,
    pub(super) body_len: Option<usize>,
    pub(super) asserts: Option<Vec<bool>>,
    pub(super) timing_ok: Option<bool>,
    pub(super) parallel_same: Option<bool>,
    pub(super) parallel_in_time: Option<bool>,
}

/// What came of sending one request.
#[derive(Debug)]
pub(super) enum Outcome {
    Response(Box<RawResponse>),
    /// The case asked to leave without reading.
    Aborted,
    /// No answer; the text is what recorded answers say.
    Failed(String),
    /// Several answers on one connection.
    Several {
        outcomes: Vec<Outcome>,
        closed_after: Option<bool>,
    },
}

impl Outcome {
    /// The answer that the case is about, which is the last one.
    pub(super) fn response(&self) -> Option<&RawResponse> {
        match self {
            Self::Response(response) => Some(response),
            Self::Several { outcomes, .. } => outcomes.last().and_then(Self::response),
            Self::Aborted | Self::Failed(_) => None,
        }
    }
}

impl Record {
    pub(super) fn new(outcome: &Outcome, normalise: &dyn Fn(&str) -> String) -> Self {
        match outcome {
            Outcome::Response(response) => Self::of_response(response, normalise),
            Outcome::Aborted => Self { aborted: true, ..Self::default() },
            Outcome::Failed(error) => Self { error: Some(error.clone()), ..Self::default() },
            Outcome::Several { outcomes, closed_after } => {
                let mut records: Vec<Self> =
                    outcomes.iter().map(|outcome| Self::new(outcome, normalise)).collect();
                let last = records.pop().unwrap_or_default();
                Self { multi: records, closed_after: *closed_after, ..last }
            }
        }
    }

    fn of_response(response: &RawResponse, normalise: &dyn Fn(&str) -> String) -> Self {
        let headers = response.headers.iter();
        let mut record = Self {
            status: Some(response.status),
            reason: response.reason.clone(),
            headers: headers.map(|(name, value)| (name.clone(), normalise(value))).collect(),
            framing: response.framing.as_str().to_owned(),
            complete: response.complete,
            trailers: response.trailers.clone(),
            interim: response.interim.clone(),
            ..Self::default()
        };
        let body = &response.body;
        match std::str::from_utf8(body) {
            Ok(text) if text.chars().count() <= BODY_TEXT_MAX => {
                record.body = Some(normalise(text));
            }
            _ if body.len() > BODY_TEXT_MAX => {
                let hash = Sha256::digest(body);
                record.body_sha256 = Some(hexadecimal(&hash));
                record.body_len = Some(body.len());
            }
            _ => record.body_b64 = Some(STANDARD.encode(body)),
        }
        record
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The words with which recorded answers name a failure to read.
pub(super) fn read_failure(error: &ReadError) -> String {
    match error {
        ReadError::Timeout => "timeout".to_owned(),
        ReadError::Closed | ReadError::StatusLine(_) => "connection: ConnectionError".to_owned(),
        ReadError::Length(_) => "connect: ValueError".to_owned(),
        ReadError::Io(error) => format!("connection: {}", io_failure(error)),
    }
}

/// The recorder's name of a socket error.
pub(super) fn io_failure(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => "ConnectionRefusedError",
        ErrorKind::ConnectionReset => "ConnectionResetError",
        ErrorKind::ConnectionAborted => "ConnectionAbortedError",
        ErrorKind::BrokenPipe => "BrokenPipeError",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "TimeoutError",
        _ => "OSError",
    }
}
