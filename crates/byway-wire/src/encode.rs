//! Writing frames. Each function appends one whole frame to `out`, or nothing when it fails.

use bytes::{BufMut as _, BytesMut};

use crate::cache::put_texts;
use crate::constants as c;
use crate::{
    EncodeError, LogLevel, NameCase, Param, ParamValues, Purpose, Rendered, RequestHead, RouteHead,
};

/// Reserves a frame header and fills in the length once the payload is known.
fn frame<F>(
    out: &mut BytesMut,
    kind: u8,
    flags: u8,
    stream: u32,
    fill: F,
) -> Result<(), EncodeError>
where
    F: FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
{
    let start = out.len();
    out.put_u32_le(0);
    out.put_u8(kind);
    out.put_u8(flags);
    out.put_u16_le(0);
    out.put_u32_le(stream);
    let filled = fill(out).and_then(|()| {
        let length = out.len() - start - c::FRAME_HEADER_BYTES;
        if length > c::FRAME_PAYLOAD_MAX {
            return Err(EncodeError { field: "frame", max: c::FRAME_PAYLOAD_MAX });
        }
        out[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
        Ok(())
    });
    if filled.is_err() {
        out.truncate(start);
    }
    filled
}

/// A frame whose payload cannot be too long.
fn small(out: &mut BytesMut, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    debug_assert!(payload.len() <= c::FRAME_PAYLOAD_MAX, "the callers bound the payload");
    out.reserve(c::FRAME_HEADER_BYTES + payload.len());
    out.put_u32_le(payload.len() as u32);
    out.put_u8(kind);
    out.put_u8(flags);
    out.put_u16_le(0);
    out.put_u32_le(stream);
    out.put_slice(payload);
}

fn str16(out: &mut BytesMut, field: &'static str, value: &[u8]) -> Result<(), EncodeError> {
    let length = u16::try_from(value.len())
        .map_err(|_| EncodeError { field, max: usize::from(u16::MAX) })?;
    out.put_u16_le(length);
    out.put_slice(value);
    Ok(())
}

fn header_lines<'h>(
    out: &mut BytesMut,
    headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
) -> Result<(), EncodeError> {
    let count_at = out.len();
    out.put_u16_le(0);
    let mut count: usize = 0;
    for (name, value) in headers {
        count += 1;
        str16(out, "a header's name", name)?;
        // Values are bounded by the frame as a whole, whose length is checked at its end.
        out.put_u32_le(value.len() as u32);
        out.put_slice(value);
    }
    if count > c::HEADERS_MAX {
        return Err(EncodeError { field: "the list of headers", max: c::HEADERS_MAX });
    }
    out[count_at..count_at + 2].copy_from_slice(&(count as u16).to_le_bytes());
    Ok(())
}

fn method_code(method: &str) -> u8 {
    match method {
        "GET" => 1,
        "HEAD" => 2,
        "POST" => 3,
        "PUT" => 4,
        "PATCH" => 5,
        "DELETE" => 6,
        "OPTIONS" => 7,
        _ => 0,
    }
}

/// The name of a method code, `None` where a name follows.
pub(crate) fn method_name(code: u8) -> Option<&'static str> {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .get(usize::from(code).checked_sub(1)?)
        .copied()
}

/// `REQUEST`: `body` is the whole body when `end` is set, else its beginning.
pub fn request<'h>(
    out: &mut BytesMut,
    stream: u32,
    head: &RequestHead<'_>,
    headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
    body: &[u8],
    end: bool,
) -> Result<(), EncodeError> {
    if body.len() > c::HEAD_BODY_MAX {
        return Err(EncodeError { field: "the body in a head", max: c::HEAD_BODY_MAX });
    }
    let mut flags = match head.purpose {
        Purpose::Client => 0,
        Purpose::Everybody => c::FLAG_PRERENDER,
        Purpose::EverybodyAnew => c::FLAG_PRERENDER | c::FLAG_ANEW,
        Purpose::StaticParams => c::FLAG_STATIC_PARAMS,
    };
    for (set, flag) in [
        (end, c::FLAG_END),
        (head.https, c::FLAG_HTTPS),
        (head.has_body, c::FLAG_HAS_BODY),
        (head.proxy, c::FLAG_PROXY),
        (head.names == NameCase::AsWritten, c::FLAG_AS_WRITTEN),
    ] {
        flags |= if set { flag } else { 0 };
    }
    frame(out, c::REQUEST, flags, stream, |out| {
        out.put_u32_le(head.route);
        let code = method_code(head.method);
        out.put_u8(code);
        if code == 0 {
            str16(out, "the method", head.method.as_bytes())?;
        }
        out.put_u8(head.http_version);
        out.put_u16_le(head.client_port);
        str16(out, "the client's address", head.client_address.as_bytes())?;
        str16(out, "the host", head.authority.as_bytes())?;
        str16(out, "the path", head.path)?;
        str16(out, "the query", head.query)?;
        params(out, head.params)?;
        header_lines(out, headers)?;
        out.put_slice(body);
        Ok(())
    })
}

fn params(out: &mut BytesMut, params: &[Param<'_>]) -> Result<(), EncodeError> {
    let count = |field, count: usize| {
        u16::try_from(count).map_err(|_| EncodeError { field, max: usize::from(u16::MAX) })
    };
    out.put_u16_le(count("the list of parameters", params.len())?);
    for param in params {
        str16(out, "a parameter's name", param.name.as_bytes())?;
        match &param.values {
            ParamValues::One(value) => {
                out.put_u8(0);
                out.put_u16_le(1);
                str16(out, "a parameter", value.as_bytes())?;
            }
            ParamValues::Many(values) => {
                out.put_u8(1);
                out.put_u16_le(count("a catch-all parameter", values.len())?);
                for value in values {
                    str16(out, "a parameter", value.as_bytes())?;
                }
            }
        }
    }
    Ok(())
}

/// `ROUTE`: the answer to a verdict that waits for one.
pub fn route(out: &mut BytesMut, stream: u32, head: &RouteHead<'_>) -> Result<(), EncodeError> {
    frame(out, c::ROUTE, 0, stream, |out| {
        out.put_u32_le(head.route);
        str16(out, "the query", head.query)?;
        params(out, head.params)
    })
}

/// `CHUNK` to a worker. The caller bounds `data` by `CHUNK_MAX` and the stream's window.
pub fn request_chunk(out: &mut BytesMut, stream: u32, data: &[u8], end: bool) {
    small(out, c::REQUEST_CHUNK, u8::from(end) * c::FLAG_END, stream, data);
}

/// `CREDIT` to a worker: `bytes` more of the answer's body may come.
pub fn response_credit(out: &mut BytesMut, stream: u32, bytes: u32) {
    small(out, c::RESPONSE_CREDIT, 0, stream, &bytes.to_le_bytes());
}

/// `CANCEL`, with one of the `CANCEL_…` reasons.
pub fn cancel(out: &mut BytesMut, stream: u32, reason: u8) {
    small(out, c::CANCEL, 0, stream, &[reason]);
}

/// `PING`.
pub fn ping(out: &mut BytesMut, token: u64) {
    small(out, c::PING, 0, 0, &token.to_le_bytes());
}

/// `CONFIG`: a JSON object, which the caller keeps under `FRAME_PAYLOAD_MAX`.
pub fn config(out: &mut BytesMut, json: &str) {
    small(out, c::CONFIG, 0, 0, json.as_bytes());
}

/// `DRAIN`.
pub fn drain(out: &mut BytesMut) {
    small(out, c::DRAIN, 0, 0, &[]);
}

/// `CACHE_VALUE`: `state` is one of the `VALUE_…` numbers. A long value takes several frames.
pub fn cache_value(out: &mut BytesMut, call: u32, state: u8, value: &[u8]) {
    let (first, mut rest) = value.split_at(value.len().min(c::HEAD_BODY_MAX));
    let mut payload = Vec::with_capacity(first.len() + 1);
    payload.push(state);
    payload.extend_from_slice(first);
    small(out, c::CACHE_VALUE, u8::from(rest.is_empty()) * c::FLAG_END, call, &payload);
    while !rest.is_empty() {
        let part;
        (part, rest) = rest.split_at(rest.len().min(c::HEAD_BODY_MAX));
        small(out, c::CACHE_VALUE, u8::from(rest.is_empty()) * c::FLAG_END, call, part);
    }
}

/// `CACHE_DONE`: `status` as in HTTP.
pub fn cache_done(out: &mut BytesMut, call: u32, status: u16) {
    small(out, c::CACHE_DONE, 0, call, &status.to_le_bytes());
}

/// `CACHE_GET`, as a worker sends it.
pub fn cache_get(
    out: &mut BytesMut,
    call: u32,
    key: &str,
    scope: &[&str],
) -> Result<(), EncodeError> {
    frame(out, c::CACHE_GET, 0, call, |out| {
        str16(out, "the key", key.as_bytes())?;
        put_texts(out, scope)
    })
}

/// The first `CACHE_SET` of a value, as a worker sends it.
pub fn cache_set(
    out: &mut BytesMut,
    call: u32,
    rendered: &Rendered,
    data: &[u8],
    end: bool,
) -> Result<(), EncodeError> {
    frame(out, c::CACHE_SET, u8::from(end) * c::FLAG_END, call, |out| {
        out.put_u8(0);
        rendered.write(out)?;
        out.put_slice(data);
        Ok(())
    })
}

/// The others.
pub fn cache_set_more(
    out: &mut BytesMut,
    call: u32,
    data: &[u8],
    end: bool,
) -> Result<(), EncodeError> {
    frame(out, c::CACHE_SET, u8::from(end) * c::FLAG_END, call, |out| {
        out.put_u8(1);
        out.put_slice(data);
        Ok(())
    })
}

/// `CACHE_SET` without a value, as a worker sends it.
pub fn cache_abandon(out: &mut BytesMut, call: u32) {
    small(out, c::CACHE_SET, c::FLAG_END | c::FLAG_ABANDONED, call, &[]);
}

/// `INVALIDATE`, as a worker sends it: `kind` is one of the `INVALIDATE_…` numbers.
pub fn invalidate(
    out: &mut BytesMut,
    call: u32,
    kind: u8,
    seconds: Option<u32>,
    names: &[&str],
) -> Result<(), EncodeError> {
    frame(out, c::INVALIDATE, 0, call, |out| {
        out.put_u8(kind);
        out.put_u32_le(seconds.unwrap_or(c::SECONDS_NEVER));
        put_texts(out, names)
    })
}

/// `RELOAD`: a JSON object, which the caller keeps well under `FRAME_PAYLOAD_MAX`.
pub fn reload(out: &mut BytesMut, number: u32, json: &str) {
    small(out, c::RELOAD, 0, 0, &[&number.to_le_bytes(), json.as_bytes()].concat());
}

/// `RESPONSE`, as a worker sends it.
pub fn response<'h>(
    out: &mut BytesMut,
    stream: u32,
    status: u16,
    reason: &[u8],
    headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
    body: &[u8],
    end: bool,
) -> Result<(), EncodeError> {
    frame(out, c::RESPONSE, u8::from(end) * c::FLAG_END, stream, |out| {
        out.put_u16_le(status);
        str16(out, "the reason", reason)?;
        header_lines(out, headers)?;
        out.put_slice(body);
        Ok(())
    })
}

/// `VERDICT`, as a worker sends it; `action` is one of the `VERDICT_…` numbers.
pub fn verdict<'h>(
    out: &mut BytesMut,
    stream: u32,
    action: u8,
    target: &[u8],
    request_headers: Option<&mut dyn Iterator<Item = (&'h [u8], &'h [u8])>>,
    response_headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
) -> Result<(), EncodeError> {
    frame(out, c::VERDICT, 0, stream, |out| {
        out.put_u8(action);
        str16(out, "the target", target)?;
        out.put_u8(u8::from(request_headers.is_some()));
        if let Some(lines) = request_headers {
            header_lines(out, lines)?;
        }
        header_lines(out, response_headers)
    })
}

/// `CHUNK`, as a worker sends it.
pub fn response_chunk(out: &mut BytesMut, stream: u32, data: &[u8], end: bool) {
    small(out, c::RESPONSE_CHUNK, u8::from(end) * c::FLAG_END, stream, data);
}

/// `TRAILERS`, as a worker sends it.
pub fn trailers<'h>(
    out: &mut BytesMut,
    stream: u32,
    lines: impl Iterator<Item = (&'h [u8], &'h [u8])>,
) -> Result<(), EncodeError> {
    frame(out, c::TRAILERS, 0, stream, |out| header_lines(out, lines))
}

/// `CREDIT`, as a worker sends it.
pub fn request_credit(out: &mut BytesMut, stream: u32, bytes: u32) {
    small(out, c::REQUEST_CREDIT, 0, stream, &bytes.to_le_bytes());
}

/// `ABORT`, with one of the `ABORT_…` reasons.
pub fn abort(out: &mut BytesMut, stream: u32, reason: u8) {
    small(out, c::ABORT, 0, stream, &[reason]);
}

/// `PONG`.
pub fn pong(out: &mut BytesMut, token: u64) {
    small(out, c::PONG, 0, 0, &token.to_le_bytes());
}

/// `HELLO`.
pub fn hello(out: &mut BytesMut, version: u16, pid: u32, runtime: &str) -> Result<(), EncodeError> {
    frame(out, c::HELLO, 0, 0, |out| {
        out.put_slice(c::HELLO_MAGIC);
        out.put_u16_le(version);
        out.put_u32_le(pid);
        str16(out, "the runtime", runtime.as_bytes())
    })
}

/// `READY`.
pub fn ready(out: &mut BytesMut) {
    small(out, c::READY, 0, 0, &[]);
}

/// `LOG`.
pub fn log(
    out: &mut BytesMut,
    stream: u32,
    level: LogLevel,
    text: &str,
) -> Result<(), EncodeError> {
    frame(out, c::LOG, 0, stream, |out| {
        out.put_u8(match level {
            LogLevel::Error => 1,
            LogLevel::Warn => 2,
            LogLevel::Info => 3,
            LogLevel::Debug => 4,
        });
        out.put_slice(text.as_bytes());
        Ok(())
    })
}

/// `DRAINED`.
pub fn drained(out: &mut BytesMut) {
    small(out, c::DRAINED, 0, 0, &[]);
}

/// `RELOADED`, as a worker sends it; no text where all went well.
pub fn reloaded(out: &mut BytesMut, number: u32, failure: &str) {
    small(out, c::RELOADED, 0, 0, &[&number.to_le_bytes(), failure.as_bytes()].concat());
}

/// `FATAL`.
pub fn fatal(out: &mut BytesMut, text: &str) -> Result<(), EncodeError> {
    frame(out, c::FATAL, 0, 0, |out| {
        out.put_slice(text.as_bytes());
        Ok(())
    })
}

/// `LOADED`.
pub fn loaded(out: &mut BytesMut) {
    small(out, c::LOADED, 0, 0, &[]);
}

/// `OVER`.
pub fn over(out: &mut BytesMut, stream: u32) {
    small(out, c::OVER, 0, stream, &[]);
}

/// `RETIRE`.
pub fn retire(out: &mut BytesMut, text: &str) -> Result<(), EncodeError> {
    frame(out, c::RETIRE, 0, 0, |out| {
        out.put_slice(text.as_bytes());
        Ok(())
    })
}
