//! Reads one HTTP/1.1 answer from a connection, strictly enough to notice broken framing.

use std::io;
use std::time::Instant;

use super::{BodyChunk, Framing, RawResponse, ReadError, Source};

/// Reads interim answers and one final answer.
pub(super) fn response(source: &mut Source<'_>, head_only: bool) -> Result<RawResponse, ReadError> {
    let begun = Instant::now();
    let mut interim = Vec::new();
    let mut response = loop {
        let response = head(source)?;
        if !matches!(response.status, 100 | 102 | 103) {
            break response;
        }
        interim.push(response.status);
    };
    response.interim = interim;
    if head_only || matches!(response.status, 101..=199 | 204 | 304) {
        return Ok(response);
    }
    match body(source, &mut response, begun) {
        Ok(complete) => response.complete = complete,
        Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
            response.complete = false;
        }
        Err(error) => return Err(error),
    }
    Ok(response)
}

fn head(source: &mut Source<'_>) -> Result<RawResponse, ReadError> {
    let end = loop {
        if let Some(position) = find(source.buffer, b"\r\n\r\n") {
            break position;
        }
        if !source.more()? {
            return Err(ReadError::Closed);
        }
    };
    let text = latin1(&source.buffer[..end]);
    source.buffer.drain(..end + 4);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let (http, status, reason) = status_line(first)
        .ok_or_else(|| ReadError::StatusLine(first.chars().take(80).collect()))?;
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.to_owned(), value.trim_matches(is_blank).to_owned())
    });
    Ok(RawResponse {
        http: http.to_owned(),
        status,
        reason: reason.to_owned(),
        headers: headers.collect(),
        interim: Vec::new(),
        trailers: Vec::new(),
        body: Vec::new(),
        chunks: Vec::new(),
        framing: Framing::None,
        complete: true,
    })
}

fn status_line(line: &str) -> Option<(&str, u16, &str)> {
    let rest = line.strip_prefix("HTTP/")?;
    let (http, rest) = rest.split_once(' ')?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let version_fits = matches!(http.as_bytes(), [major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit());
    let status_fits = status.bytes().all(|byte| byte.is_ascii_digit());
    if version_fits && status_fits { Some((http, status.parse().ok()?, reason)) } else { None }
}

/// Reads the body into `response` and says whether its announced end was reached.
fn body(
    source: &mut Source<'_>,
    response: &mut RawResponse,
    begun: Instant,
) -> Result<bool, ReadError> {
    let transfer = response.header("transfer-encoding").unwrap_or_default().to_ascii_lowercase();
    if transfer.contains("chunked") {
        response.framing = Framing::Chunked;
        return chunked_body(source, response, begun);
    }
    if let Some(length) = response.header("content-length") {
        let length: usize =
            length.parse().map_err(|_| ReadError::Length(format!("content-length {length}")))?;
        response.framing = Framing::Length;
        let mut open = true;
        while open && source.buffer.len() < length {
            match source.more() {
                Ok(more) => open = more,
                Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    open = false;
                }
                Err(error) => return Err(error),
            }
        }
        let available = source.buffer.len().min(length);
        response.body = source.buffer.drain(..available).collect();
        return Ok(available == length);
    }
    response.framing = Framing::Close;
    let ended = loop {
        match source.more() {
            Ok(true) => {}
            Ok(false) => break true,
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                break false;
            }
            Err(error) => return Err(error),
        }
    };
    response.body = std::mem::take(source.buffer);
    Ok(ended)
}

fn chunked_body(
    source: &mut Source<'_>,
    response: &mut RawResponse,
    begun: Instant,
) -> Result<bool, ReadError> {
    loop {
        let Some(line) = take_line(source)? else { return Ok(false) };
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16)
            .map_err(|_| ReadError::Length(format!("chunk length {digits}")))?;
        if length == 0 {
            return trailers(source, response);
        }
        while source.buffer.len() < length.saturating_add(2) {
            if !source.more()? {
                return Ok(false);
            }
        }
        let bytes: Vec<u8> = source.buffer.drain(..length).collect();
        source.buffer.drain(..2);
        response.body.extend_from_slice(&bytes);
        response.chunks.push(BodyChunk { after: begun.elapsed(), bytes });
    }
}

fn trailers(source: &mut Source<'_>, response: &mut RawResponse) -> Result<bool, ReadError> {
    loop {
        match take_line(source)? {
            None => return Ok(false),
            Some(line) if line.is_empty() => return Ok(true),
            Some(line) => response.trailers.push(line),
        }
    }
}

/// Takes one line without its end; `None` when the connection ends first.
fn take_line(source: &mut Source<'_>) -> Result<Option<String>, ReadError> {
    loop {
        if let Some(end) = find(source.buffer, b"\r\n") {
            let line = latin1(&source.buffer[..end]);
            source.buffer.drain(..end + 2);
            return Ok(Some(line));
        }
        if !source.more()? {
            return Ok(None);
        }
    }
}

/// HTTP heads are bytes; Latin-1 shows each of them as one character.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Blanks as the recorder saw them: those of Unicode and the four separators U+001C to U+001F.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
