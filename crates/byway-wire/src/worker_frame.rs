//! Frames from a worker, checked.

use bytes::Bytes;

use crate::constants as c;
use crate::fields::Fields;
use crate::{CacheCall, Frame, HeaderLines, ProtocolError, Rendered, ResponseHead, Verdict};

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something looks wrong.
    Warn,
    /// Worth knowing.
    Info,
    /// Detail.
    Debug,
}

/// A frame from a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of docs/worker-protocol.md")]
pub enum WorkerFrame {
    /// An answer's head and the start of its body.
    Response { stream: u32, head: ResponseHead, body: Bytes, end: bool },
    /// More of an answer's body.
    Chunk { stream: u32, data: Bytes, end: bool },
    /// The end of an answer's body, and the lines behind it.
    Trailers { stream: u32, lines: HeaderLines },
    /// More of the request's body may be sent.
    Credit { stream: u32, bytes: u32 },
    /// What the proxy decided.
    Verdict { stream: u32, verdict: Box<Verdict> },
    /// The handler's stream failed.
    AbortResponse { stream: u32 },
    /// The request's body is no longer read.
    AbortRequestBody { stream: u32 },
    /// The answer to a ping.
    Pong { token: u64 },
    /// The first frame.
    Hello { version: u16, pid: u32, runtime: String },
    /// Requests may come.
    Ready,
    /// A line for the log; stream 0 when it is about no request.
    Log { stream: u32, level: LogLevel, text: String },
    /// Nothing is left to do after a drain.
    Drained,
    /// The worker cannot start.
    Fatal { text: String },
    /// Something about the cache.
    Cache(CacheCall),
    /// Every route's module has been evaluated.
    Loaded,
    /// The worker asks to be replaced.
    Retire { text: String },
    /// The handler of a request that was called off has finished.
    Over { stream: u32 },
    /// How the reload with this number went.
    Reloaded { number: u32, failure: Option<String> },
}

impl WorkerFrame {
    /// Checks a frame and reads its fields.
    pub fn parse(frame: Frame) -> Result<Self, ProtocolError> {
        let Frame { kind, flags, stream, payload } = frame;
        let allowed = match kind {
            c::RESPONSE => c::FLAG_END | c::FLAG_RENDERED | c::FLAG_FAILURE,
            c::RESPONSE_CHUNK => c::FLAG_END,
            c::CACHE_SET => c::FLAG_END | c::FLAG_ABANDONED,
            _ => 0,
        };
        if flags & !allowed != 0 {
            return Err(ProtocolError::UnknownFlags(kind));
        }
        let end = flags & c::FLAG_END != 0;
        match kind {
            c::RESPONSE => Self::response(stream, flags, payload),
            c::RESPONSE_CHUNK => Self::chunk(stream, payload, end),
            c::TRAILERS => {
                let mut fields = Fields::new("TRAILERS", payload);
                let lines = HeaderLines::read(&mut fields)?;
                fields.end().map(|()| Self::Trailers { stream, lines })
            }
            c::REQUEST_CREDIT => {
                let mut fields = Fields::new("CREDIT", payload);
                let bytes = fields.u32()?;
                fields.end().map(|()| Self::Credit { stream, bytes })
            }
            c::VERDICT => {
                let verdict = Box::new(Verdict::read(Fields::new("VERDICT", payload))?);
                Ok(Self::Verdict { stream, verdict })
            }
            c::ABORT => Self::abort(stream, payload),
            c::PONG => {
                let mut fields = Fields::new("PONG", payload);
                let token = fields.u64()?;
                fields.end().map(|()| Self::Pong { token })
            }
            c::HELLO => Self::hello(payload),
            c::READY => Fields::new("READY", payload).end().map(|()| Self::Ready),
            c::LOG => Self::log(stream, payload),
            c::DRAINED => Fields::new("DRAINED", payload).end().map(|()| Self::Drained),
            c::FATAL => Ok(Self::Fatal { text: String::from_utf8_lossy(&payload).into_owned() }),
            c::CACHE_GET => CacheCall::get(stream, payload).map(Self::Cache),
            c::CACHE_SET => CacheCall::set(stream, flags, payload).map(Self::Cache),
            c::INVALIDATE => CacheCall::invalidate(stream, payload).map(Self::Cache),
            c::LOADED => Fields::new("LOADED", payload).end().map(|()| Self::Loaded),
            c::RETIRE => Ok(Self::Retire { text: String::from_utf8_lossy(&payload).into_owned() }),
            c::OVER => Fields::new("OVER", payload).end().map(|()| Self::Over { stream }),
            c::RELOADED => {
                let mut fields = Fields::new("RELOADED", payload);
                let number = fields.u32()?;
                let text = String::from_utf8_lossy(&fields.rest()).into_owned();
                Ok(Self::Reloaded { number, failure: (!text.is_empty()).then_some(text) })
            }
            _ => Err(ProtocolError::UnknownType(kind)),
        }
    }

    fn response(stream: u32, flags: u8, payload: Bytes) -> Result<Self, ProtocolError> {
        let (end, failure) = (flags & c::FLAG_END != 0, flags & c::FLAG_FAILURE != 0);
        let mut fields = Fields::new("RESPONSE", payload);
        let mut head = ResponseHead::read(&mut fields)?;
        head.failure = failure;
        if flags & c::FLAG_RENDERED != 0 {
            head.rendered = Some(Box::new(Rendered::read(&mut fields)?));
        }
        if fields.remaining() > c::HEAD_BODY_MAX {
            return Err(fields.malformed("more body than a head may carry"));
        }
        if failure && !end {
            return Err(fields.malformed("a report that is not complete"));
        }
        Ok(Self::Response { stream, head, body: fields.rest(), end })
    }

    fn chunk(stream: u32, data: Bytes, end: bool) -> Result<Self, ProtocolError> {
        let malformed = |what| Err(ProtocolError::Malformed { frame: "CHUNK", what });
        if data.len() > c::CHUNK_MAX {
            return malformed("more than CHUNK_MAX bytes");
        }
        if data.is_empty() && !end {
            return malformed("no bytes and no END");
        }
        Ok(Self::Chunk { stream, data, end })
    }

    fn abort(stream: u32, payload: Bytes) -> Result<Self, ProtocolError> {
        let mut fields = Fields::new("ABORT", payload);
        let frame = match fields.u8()? {
            c::ABORT_RESPONSE => Self::AbortResponse { stream },
            c::ABORT_REQUEST_BODY => Self::AbortRequestBody { stream },
            _ => return Err(fields.malformed("unknown reason")),
        };
        fields.end().map(|()| frame)
    }

    fn hello(payload: Bytes) -> Result<Self, ProtocolError> {
        let mut fields = Fields::new("HELLO", payload);
        if fields.bytes(c::HELLO_MAGIC.len())?.as_ref() != c::HELLO_MAGIC {
            return Err(fields.malformed("it does not begin with BYWAY"));
        }
        let frame =
            Self::Hello { version: fields.u16()?, pid: fields.u32()?, runtime: fields.text16()? };
        fields.end().map(|()| frame)
    }

    fn log(stream: u32, payload: Bytes) -> Result<Self, ProtocolError> {
        let mut fields = Fields::new("LOG", payload);
        let level = match fields.u8()? {
            1 => LogLevel::Error,
            2 => LogLevel::Warn,
            3 => LogLevel::Info,
            4 => LogLevel::Debug,
            _ => return Err(fields.malformed("unknown level")),
        };
        // User code decides what is in here: a broken surrogate must not cost the worker.
        let text = String::from_utf8_lossy(&fields.rest()).into_owned();
        Ok(Self::Log { stream, level, text })
    }
}
