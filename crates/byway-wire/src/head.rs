//! The heads of requests and answers.

use bytes::Bytes;

use crate::constants::{self as c, HEADERS_MAX};
use crate::fields::Fields;
use crate::{ProtocolError, Rendered};

/// What the server tells a worker about a request, borrowed from the HTTP layer.
#[derive(Debug, Clone)]
pub struct RequestHead<'a> {
    /// Index of the route in the manifest; `NO_ROUTE` where only the proxy runs.
    pub route: u32,
    /// Whether the proxy runs before the route.
    pub proxy: bool,
    /// The method's name.
    pub method: &'a str,
    /// 10, 11 or 20.
    pub http_version: u8,
    /// Whether the client's scheme is `https`.
    pub https: bool,
    /// Whether a body was announced.
    pub has_body: bool,
    /// How the names of header lines are written.
    pub names: NameCase,
    /// The client's port.
    pub client_port: u16,
    /// The client's address, without brackets.
    pub client_address: &'a str,
    /// Host and port for `request.url`; empty for the server's own.
    pub authority: &'a str,
    /// The normalised path, percent-encoded.
    pub path: &'a [u8],
    /// The raw query without `?`.
    pub query: &'a [u8],
    /// The route's parameters, decoded.
    pub params: &'a [Param<'a>],
    /// What the answer is for.
    pub purpose: Purpose,
}

/// How the names of header lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameCase {
    /// In lower case.
    #[default]
    Lower,
    /// In the letters and the order of the client.
    AsWritten,
}

/// What the answer to a request is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The client who asked.
    #[default]
    Client,
    /// Everybody who asks for this path: it will be cached.
    Everybody,
    /// The same, and the handler runs in any case, whatever the project's `cacheHandler` keeps.
    EverybodyAnew,
    /// The server, which wants to know what `generateStaticParams` gives.
    StaticParams,
}

/// Where a request goes on whose verdict the worker has sent.
#[derive(Debug, Clone)]
pub struct RouteHead<'a> {
    /// Index of the route in the manifest, or `FORWARD`.
    pub route: u32,
    /// The query that the route's parameters in a Pages API route come from, raw, without `?`.
    pub query: &'a [u8],
    /// The route's parameters, decoded.
    pub params: &'a [Param<'a>],
}

/// One route parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name in the pattern.
    pub name: &'a str,
    /// Its decoded value or values.
    pub values: ParamValues<'a>,
}

/// What a route parameter matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamValues<'a> {
    /// `[name]`.
    One(&'a str),
    /// `[...name]` and `[[...name]]`.
    Many(Vec<&'a str>),
}

/// A list of header lines, checked to be well-formed; the lines are cut out on demand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderLines {
    count: usize,
    lines: Bytes,
}

impl HeaderLines {
    /// Reads a list and leaves what follows it in `fields`.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, ProtocolError> {
        let count = usize::from(fields.u16()?);
        if count > HEADERS_MAX {
            return Err(fields.malformed("too many header lines"));
        }
        let mut probe = fields.clone();
        for _ in 0..count {
            probe.str16()?;
            probe.str32()?;
        }
        let lines = fields.bytes(fields.remaining() - probe.remaining())?;
        Ok(Self { count, lines })
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Name and value of each line in order, sharing the frame's memory.
    pub fn iter(&self) -> impl Iterator<Item = (Bytes, Bytes)> + use<> {
        // The block was walked by `read`, so neither field can be missing here.
        let mut fields = Fields::new("header lines", self.lines.clone());
        std::iter::from_fn(move || Some((fields.str16().ok()?, fields.str32().ok()?)))
    }
}

/// A worker's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// 200 to 999.
    pub status: u16,
    /// The reason phrase, empty for the standard one.
    pub reason: Bytes,
    /// The header lines.
    pub headers: HeaderLines,
    /// What the cache has to know about an answer for everybody.
    pub rendered: Option<Box<Rendered>>,
    /// Whether the body is a report of a failure, for developers.
    pub failure: bool,
}

impl ResponseHead {
    /// Reads a head and leaves the body bytes in `fields`.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, ProtocolError> {
        let status = fields.u16()?;
        if !(200..=999).contains(&status) {
            return Err(fields.malformed("the status is not in 200 to 999"));
        }
        let (reason, headers) = (fields.str16()?, HeaderLines::read(fields)?);
        Ok(Self { status, reason, headers, rendered: None, failure: false })
    }
}

/// What a proxy decided about a request that it did not answer itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of the request.
    pub action: VerdictAction,
    /// The request's headers from now on; `None` where the proxy changed none.
    pub request_headers: Option<HeaderLines>,
    /// Headers for the answer.
    pub response_headers: HeaderLines,
}

/// What becomes of a request that its proxy did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerdictAction {
    /// It goes on; the worker waits for `ROUTE`.
    Next,
    /// It goes to this URL, absolute or from its path on; the worker waits for `ROUTE`.
    Rewrite(Bytes),
    /// The route of the `REQUEST` runs already.
    Passed,
    /// The answer that follows is the proxy's own.
    Answered,
}

impl Verdict {
    pub(crate) fn read(mut fields: Fields) -> Result<Self, ProtocolError> {
        let action = fields.u8()?;
        let target = fields.str16()?;
        let action = match (action, target.is_empty()) {
            (c::VERDICT_NEXT, true) => VerdictAction::Next,
            (c::VERDICT_PASSED, true) => VerdictAction::Passed,
            (c::VERDICT_ANSWERED, true) => VerdictAction::Answered,
            (c::VERDICT_REWRITE, false) => VerdictAction::Rewrite(target),
            _ => return Err(fields.malformed("unknown action, or a target that is not its own")),
        };
        let request_headers = match fields.u8()? {
            0 => None,
            1 => Some(HeaderLines::read(&mut fields)?),
            _ => return Err(fields.malformed("neither with nor without request headers")),
        };
        let response_headers = HeaderLines::read(&mut fields)?;
        fields.end()?;
        Ok(Self { action, request_headers, response_headers })
    }
}
