//! The heads of requests and answers.

use bytes::Bytes;

use crate::ProtocolError;
use crate::constants::HEADERS_MAX;
use crate::fields::Fields;

/// What the server tells a worker about a request, borrowed from the HTTP layer.
#[derive(Debug, Clone)]
pub struct RequestHead<'a> {
    /// Index of the route in the manifest.
    pub route: u32,
    /// The method's name.
    pub method: &'a str,
    /// 10, 11 or 20.
    pub http_version: u8,
    /// Whether the client's scheme is `https`.
    pub https: bool,
    /// Whether a body was announced.
    pub has_body: bool,
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

/// A worker's answer, checked to be well-formed; header lines are cut out on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// 200 to 999.
    pub status: u16,
    /// The reason phrase, empty for the standard one.
    pub reason: Bytes,
    /// How many header lines there are.
    pub header_count: usize,
    headers: Bytes,
}

impl ResponseHead {
    /// Reads a head and leaves the body bytes in `fields`.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, ProtocolError> {
        let status = fields.u16()?;
        if !(200..=999).contains(&status) {
            return Err(fields.malformed("the status is not in 200 to 999"));
        }
        let reason = fields.str16()?;
        let header_count = usize::from(fields.u16()?);
        if header_count > HEADERS_MAX {
            return Err(fields.malformed("too many header lines"));
        }
        let mut probe = fields.clone();
        for _ in 0..header_count {
            probe.str16()?;
            probe.str32()?;
        }
        let headers = fields.bytes(fields.remaining() - probe.remaining())?;
        Ok(Self { status, reason, header_count, headers })
    }

    /// The header lines in order, sharing the frame's memory.
    pub fn headers(&self) -> impl Iterator<Item = (Bytes, Bytes)> + use<> {
        // The block was walked by `read`, so neither field can be missing here.
        let mut fields = Fields::new("RESPONSE", self.headers.clone());
        std::iter::from_fn(move || Some((fields.str16().ok()?, fields.str32().ok()?)))
    }
}
