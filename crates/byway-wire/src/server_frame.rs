//! Frames from the server, checked: for tests that play a worker and for the reference itself.

use bytes::Bytes;

use crate::constants as c;
use crate::encode::method_name;
use crate::fields::Fields;
use crate::{Frame, ProtocolError, Purpose};

/// A request's head as a worker reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of docs/worker-protocol.md")]
pub struct ReceivedRequest {
    pub route: u32,
    pub proxy: bool,
    pub method: String,
    pub http_version: u8,
    pub https: bool,
    pub has_body: bool,
    pub purpose: Purpose,
    pub client_port: u16,
    pub client_address: String,
    pub authority: String,
    pub path: Bytes,
    pub query: Bytes,
    pub params: ReceivedParams,
    pub headers: Vec<(Bytes, Bytes)>,
}

/// Route parameters: name, whether it is a list, values.
pub type ReceivedParams = Vec<(String, bool, Vec<String>)>;

/// Where a request goes on, as a worker reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of docs/worker-protocol.md")]
pub struct ReceivedRoute {
    pub route: u32,
    pub query: Bytes,
    pub params: ReceivedParams,
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of docs/worker-protocol.md")]
pub enum ServerFrame {
    Request {
        stream: u32,
        head: Box<ReceivedRequest>,
        body: Bytes,
        end: bool,
    },
    Chunk {
        stream: u32,
        data: Bytes,
        end: bool,
    },
    Credit {
        stream: u32,
        bytes: u32,
    },
    Cancel {
        stream: u32,
        reason: u8,
    },
    Route {
        stream: u32,
        route: ReceivedRoute,
    },
    Ping {
        token: u64,
    },
    Config {
        json: String,
    },
    Drain,
    /// The first frame of a value begins with its state.
    CacheValue {
        call: u32,
        data: Bytes,
        end: bool,
    },
    CacheDone {
        call: u32,
        status: u16,
    },
    Reload {
        number: u32,
        json: String,
    },
}

impl ServerFrame {
    /// Checks a frame and reads its fields.
    pub fn parse(frame: Frame) -> Result<Self, ProtocolError> {
        let Frame { kind, flags, stream, payload } = frame;
        let allowed = match kind {
            c::REQUEST => {
                c::FLAG_END
                    | c::FLAG_HTTPS
                    | c::FLAG_HAS_BODY
                    | c::FLAG_PROXY
                    | c::FLAG_STATIC_PARAMS
                    | c::FLAG_PRERENDER
                    | c::FLAG_ANEW
                    | c::FLAG_AS_WRITTEN
            }
            c::REQUEST_CHUNK | c::CACHE_VALUE => c::FLAG_END,
            _ => 0,
        };
        if flags & !allowed != 0 {
            return Err(ProtocolError::UnknownFlags(kind));
        }
        let end = flags & c::FLAG_END != 0;
        match kind {
            c::REQUEST => {
                let mut fields = Fields::new("REQUEST", payload);
                let head = Box::new(ReceivedRequest::read(&mut fields, flags)?);
                Ok(Self::Request { stream, head, body: fields.rest(), end })
            }
            c::REQUEST_CHUNK => Ok(Self::Chunk { stream, data: payload, end }),
            c::RESPONSE_CREDIT => {
                let mut fields = Fields::new("CREDIT", payload);
                let bytes = fields.u32()?;
                fields.end().map(|()| Self::Credit { stream, bytes })
            }
            c::CANCEL => {
                let mut fields = Fields::new("CANCEL", payload);
                let reason = fields.u8()?;
                fields.end().map(|()| Self::Cancel { stream, reason })
            }
            c::ROUTE => {
                let mut fields = Fields::new("ROUTE", payload);
                let (route, query) = (fields.u32()?, fields.str16()?);
                let params = received_params(&mut fields)?;
                fields.end()?;
                Ok(Self::Route { stream, route: ReceivedRoute { route, query, params } })
            }
            c::PING => {
                let mut fields = Fields::new("PING", payload);
                let token = fields.u64()?;
                fields.end().map(|()| Self::Ping { token })
            }
            c::CONFIG => {
                let json = Fields::new("CONFIG", Bytes::new()).utf8(&payload)?;
                Ok(Self::Config { json })
            }
            c::RELOAD => {
                let mut fields = Fields::new("RELOAD", payload);
                let number = fields.u32()?;
                let rest = fields.clone().rest();
                Ok(Self::Reload { number, json: fields.utf8(&rest)? })
            }
            c::DRAIN => Fields::new("DRAIN", payload).end().map(|()| Self::Drain),
            c::CACHE_VALUE => Ok(Self::CacheValue { call: stream, data: payload, end }),
            c::CACHE_DONE => {
                let mut fields = Fields::new("CACHE_DONE", payload);
                let status = fields.u16()?;
                fields.end().map(|()| Self::CacheDone { call: stream, status })
            }
            _ => Err(ProtocolError::UnknownType(kind)),
        }
    }
}

impl ReceivedRequest {
    fn read(fields: &mut Fields, flags: u8) -> Result<Self, ProtocolError> {
        let route = fields.u32()?;
        let proxy = flags & c::FLAG_PROXY != 0;
        if route >= c::FORWARD && !(proxy && route == c::NO_ROUTE) {
            return Err(fields.malformed("no route, and no proxy either"));
        }
        let method = match fields.u8()? {
            0 => fields.text16()?,
            code => method_name(code).ok_or(fields.malformed("unknown method"))?.to_owned(),
        };
        Ok(Self {
            route,
            proxy,
            method,
            http_version: fields.u8()?,
            https: flags & c::FLAG_HTTPS != 0,
            has_body: flags & c::FLAG_HAS_BODY != 0,
            purpose: if flags & c::FLAG_PRERENDER != 0 {
                if flags & c::FLAG_ANEW != 0 { Purpose::EverybodyAnew } else { Purpose::Everybody }
            } else if flags & c::FLAG_STATIC_PARAMS != 0 {
                Purpose::StaticParams
            } else {
                Purpose::Client
            },
            client_port: fields.u16()?,
            client_address: fields.text16()?,
            authority: fields.text16()?,
            path: fields.str16()?,
            query: fields.str16()?,
            params: received_params(fields)?,
            headers: Self::headers(fields)?,
        })
    }

    fn headers(fields: &mut Fields) -> Result<Vec<(Bytes, Bytes)>, ProtocolError> {
        let count = fields.u16()?;
        if usize::from(count) > c::HEADERS_MAX {
            return Err(fields.malformed("too many header lines"));
        }
        (0..count).map(|_| Ok((fields.str16()?, fields.str32()?))).collect()
    }
}

fn received_params(fields: &mut Fields) -> Result<ReceivedParams, ProtocolError> {
    let count = fields.u16()?;
    let mut params = Vec::new();
    for _ in 0..count {
        let name = fields.text16()?;
        let list = fields.u8()? == 1;
        let values = fields.u16()?;
        if !list && values != 1 {
            return Err(fields.malformed("a single parameter without its one value"));
        }
        let values = (0..values).map(|_| fields.text16()).collect::<Result<_, _>>()?;
        params.push((name, list, values));
    }
    Ok(params)
}
