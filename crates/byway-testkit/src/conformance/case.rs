//! The format of cases. Unknown fields are errors: a field that is not understood would be a check
//! that silently does not happen.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::pattern::{Pattern, Replacement};

/// One case: one or more requests and what to compare of their answers.
#[derive(Debug, Deserialize)]
#[serde(try_from = "CaseText")]
pub struct Case {
    /// Unique in its corpus.
    pub name: String,
    /// The behaviour that the case is about, such as `routing`.
    pub group: String,
    /// Whether the recorded answer looks like an accident of Next.
    pub quirk: bool,
    pub(super) timeout_seconds: Option<f64>,
    pub(super) normalize: Vec<Replacement>,
    pub(super) compare: Option<Compare>,
    pub(super) steps: Vec<Step>,
}

/// One request of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) request: Request,
    pub(super) compare: Option<Compare>,
    #[serde(default)]
    pub(super) wait_ms: u64,
    /// Variables for later steps: name → (`body` or `header:NAME`, pattern).
    #[serde(default)]
    pub(super) capture: BTreeMap<String, (String, Pattern)>,
    /// Comparisons between variables: (`eq` or `ne`, left, right).
    #[serde(default, rename = "assert")]
    pub(super) assertions: Vec<(Relation, String, String)>,
    pub(super) timing: Option<Timing>,
    /// Repeat the request until its body matches, at most `retry` times.
    pub(super) until: Option<Pattern>,
    #[serde(default)]
    pub(super) retry: u32,
    #[serde(default = "retry_ms_default")]
    pub(super) retry_ms: u64,
    #[serde(default)]
    pub(super) normalize: Vec<Replacement>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Relation {
    Eq,
    Ne,
}

/// How often a streamed body must have arrived in pieces that are apart in time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Timing {
    pub(super) min_bursts: usize,
    #[serde(default = "gap_ms_default")]
    pub(super) gap_ms: u64,
}

/// What to send: the parts of a request, or `raw` bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    #[serde(default = "method_default")]
    pub(super) method: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    pub(super) body_b64: Option<String>,
    pub(super) body_repeat: Option<(String, usize)>,
    #[serde(default)]
    pub(super) chunked: Vec<String>,
    #[serde(default)]
    pub(super) chunk_delay_ms: u64,
    pub(super) abort_after_ms: Option<u64>,
    /// Bytes to send as they are, one character each.
    pub(super) raw: Option<String>,
    /// How many answers to read on a raw connection.
    #[serde(default = "read_default")]
    pub(super) read: usize,
    /// Which answers on a raw connection have no body because they answer HEAD.
    #[serde(default)]
    pub(super) heads: Vec<usize>,
    /// Look for this many seconds whether the server closes a raw connection.
    pub(super) then_closed: Option<f64>,
    /// Send the request this many times at once.
    pub(super) parallel: Option<usize>,
    /// All parallel answers must be there in this time.
    #[serde(default)]
    pub(super) max_ms: u64,
}

/// What is compared of an answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the file format")]
pub(super) struct Compare {
    pub(super) status: bool,
    pub(super) reason: bool,
    pub(super) headers: Headers,
    /// Headers to leave out.
    pub(super) skip: Vec<String>,
    /// Headers to compare although they are left out by default.
    pub(super) also: Vec<String>,
    pub(super) vary_exact: bool,
    pub(super) etag_exact: bool,
    pub(super) set_cookie: bool,
    pub(super) body: Body,
    pub(super) framing: bool,
    pub(super) complete: bool,
    pub(super) closed: bool,
    pub(super) interim: bool,
    pub(super) trailers: bool,
    /// Any failure of the transport is as good as the recorded one.
    pub(super) any_error: bool,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            status: true,
            reason: false,
            headers: Headers::All(AllHeaders::All),
            skip: Vec::new(),
            also: Vec::new(),
            vary_exact: false,
            etag_exact: false,
            set_cookie: true,
            body: Body::Mode(BodyMode::Exact),
            framing: false,
            complete: true,
            closed: false,
            interim: false,
            trailers: false,
            any_error: false,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Headers {
    All(AllHeaders),
    Named(Vec<String>),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AllHeaders {
    All,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Body {
    Mode(BodyMode),
    Matches { regex: Pattern },
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BodyMode {
    Exact,
    Json,
    None,
}

/// A case as written: one without `steps` is itself the only step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    name: String,
    group: String,
    quirk: Option<Value>,
    timeout: Option<f64>,
    #[serde(default)]
    normalize: Vec<Replacement>,
    /// Where the case was recorded for, and remarks: neither says what to check.
    #[serde(rename = "split")]
    _split: Option<String>,
    #[serde(rename = "notes")]
    _notes: Option<String>,
    compare: Option<Compare>,
    steps: Option<Vec<Step>>,
    request: Option<Request>,
    #[serde(default)]
    wait_ms: u64,
    #[serde(default)]
    capture: BTreeMap<String, (String, Pattern)>,
    #[serde(default, rename = "assert")]
    assertions: Vec<(Relation, String, String)>,
    timing: Option<Timing>,
    until: Option<Pattern>,
    #[serde(default)]
    retry: u32,
    #[serde(default = "retry_ms_default")]
    retry_ms: u64,
}

impl TryFrom<CaseText> for Case {
    type Error = String;

    fn try_from(case: CaseText) -> Result<Self, String> {
        let steps = match (case.steps, case.request) {
            (Some(steps), None) => steps,
            (None, Some(request)) => vec![Step {
                request,
                compare: None,
                wait_ms: case.wait_ms,
                capture: case.capture,
                assertions: case.assertions,
                timing: case.timing,
                until: case.until,
                retry: case.retry,
                retry_ms: case.retry_ms,
                normalize: Vec::new(),
            }],
            _ => return Err(format!("case `{}` needs either `request` or `steps`", case.name)),
        };
        Ok(Self {
            name: case.name,
            group: case.group,
            quirk: case.quirk.is_some(),
            timeout_seconds: case.timeout,
            normalize: case.normalize,
            compare: case.compare,
            steps,
        })
    }
}

fn retry_ms_default() -> u64 {
    100
}

fn gap_ms_default() -> u64 {
    40
}

fn method_default() -> String {
    "GET".to_owned()
}

fn read_default() -> usize {
    1
}
