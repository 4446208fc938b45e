//! Sends the request of one step and reads what comes back.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::case::Request;
use super::normalise::Target;
use super::record::{Outcome, io_failure, read_failure};
use crate::raw::{RawClient, ReadError};

/// The variables of a case in the order in which they were set.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(Vec<(String, String)>);

impl Variables {
    pub(super) fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Replaces every `{{name}}` whose name is known.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let known = after
                .split_once("}}")
                .and_then(|(name, after)| self.get(name).map(|value| (value, after)));
            if let Some((value, after)) = known {
                filled.push_str(value);
                rest = after;
            } else {
                // One brace only: the second may open a placeholder, as in `{{{RUN}}}`.
                filled.push('{');
                rest = &rest[before.len() + 1..];
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// Sends one request on a connection of its own.
pub(super) fn send(
    target: &Target,
    request: &Request,
    variables: &Variables,
    timeout: Duration,
) -> Outcome {
    let result = match &request.raw {
        Some(raw) => send_raw(target, request, &variables.fill(raw), timeout),
        None => send_parts(target, request, variables, timeout),
    };
    result.unwrap_or_else(|error| Outcome::Failed(format!("connect: {}", io_failure(&error))))
}

fn send_raw(
    target: &Target,
    request: &Request,
    raw: &str,
    timeout: Duration,
) -> io::Result<Outcome> {
    let deadline = Instant::now() + timeout;
    let mut client = RawClient::connect_within(&target.address(), timeout)?;
    client.send(latin1_or_utf8(raw))?;
    let mut outcomes = Vec::new();
    let mut failed = false;
    for index in 0..request.read {
        outcomes.push(match client.read_until(deadline, request.heads.contains(&index)) {
            Ok(response) => Outcome::Response(Box::new(response)),
            Err(error) => {
                failed = true;
                Outcome::Failed(raw_failure(&error))
            }
        });
        if failed {
            break;
        }
    }
    let closed_after = match request.then_closed {
        Some(seconds) if !failed => Some(client.closed_within(Duration::from_secs_f64(seconds))),
        _ => None,
    };
    Ok(Outcome::Several { outcomes, closed_after })
}

/// On raw connections every failure but a timeout is recorded in one word.
fn raw_failure(error: &ReadError) -> String {
    match error {
        ReadError::Timeout | ReadError::Length(_) => read_failure(error),
        _ => "connection: closed".to_owned(),
    }
}

fn send_parts(
    target: &Target,
    request: &Request,
    variables: &Variables,
    timeout: Duration,
) -> io::Result<Outcome> {
    let body = body_of(request, variables)?;
    let head = head_of(target, request, variables, body.as_deref());
    let deadline = Instant::now() + timeout;
    let mut client = RawClient::connect_within(&target.address(), timeout)?;
    client.send(latin1_or_utf8(&head))?;
    match send_body(&mut client, request, variables, body.as_deref()) {
        // A server may answer and close before it has read the body.
        Err(error)
            if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
        result => result?,
    }
    if let Some(abort_after_ms) = request.abort_after_ms {
        thread::sleep(Duration::from_millis(abort_after_ms));
        return Ok(Outcome::Aborted);
    }
    Ok(match client.read_until(deadline, request.method == "HEAD") {
        Ok(response) => Outcome::Response(Box::new(response)),
        Err(error) => Outcome::Failed(read_failure(&error)),
    })
}

fn body_of(request: &Request, variables: &Variables) -> io::Result<Option<Vec<u8>>> {
    if let Some(encoded) = &request.body_b64 {
        let decoded = STANDARD.decode(encoded);
        return decoded.map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error));
    }
    if let Some((text, times)) = &request.body_repeat {
        return Ok(Some(text.repeat(*times).into_bytes()));
    }
    Ok(request.body.as_ref().map(|body| variables.fill(body).into_bytes()))
}

fn head_of(
    target: &Target,
    request: &Request,
    variables: &Variables,
    body: Option<&[u8]>,
) -> String {
    let named = |name: &str| request.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    let mut lines = vec![format!("{} {} HTTP/1.1", request.method, variables.fill(&request.path))];
    if !named("host") {
        lines.push(format!("Host: {}", target.authority));
    }
    for (name, value) in &request.headers {
        lines.push(format!("{name}: {}", variables.fill(value)));
    }
    if !named("connection") {
        lines.push("Connection: close".to_owned());
    }
    if !request.chunked.is_empty() {
        lines.push("Transfer-Encoding: chunked".to_owned());
    } else if let (Some(body), false) = (body, named("content-length")) {
        lines.push(format!("Content-Length: {}", body.len()));
    }
    lines.join("\r\n") + "\r\n\r\n"
}

fn send_body(
    client: &mut RawClient,
    request: &Request,
    variables: &Variables,
    body: Option<&[u8]>,
) -> io::Result<()> {
    if request.chunked.is_empty() {
        return body.map_or(Ok(()), |body| client.send(body));
    }
    for (index, part) in request.chunked.iter().enumerate() {
        if index > 0 {
            thread::sleep(Duration::from_millis(request.chunk_delay_ms));
        }
        let bytes = variables.fill(part).into_bytes();
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(&bytes);
        chunk.extend_from_slice(b"\r\n");
        client.send(chunk)?;
    }
    client.send("0\r\n\r\n")
}

/// Heads are Latin-1, one byte a character, unless a character has no place there.
fn latin1_or_utf8(text: &str) -> Vec<u8> {
    let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    latin1.unwrap_or_else(|| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::{Variables, latin1_or_utf8};

    #[test]
    fn placeholders_are_filled_where_their_name_is_known() {
        let mut variables = Variables::default();
        variables.set("A", "1".to_owned());
        variables.set("B", "2".to_owned());
        variables.set("A", "3".to_owned());
        assert_eq!(variables.fill("{{A}}-{{B}}-{{C}} {{"), "3-2-{{C}} {{");
        assert_eq!(variables.fill("{{{A}}}"), "{3}");
        assert_eq!(variables.fill(r#"{"a":{"b":"{{B}}"}}"#), r#"{"a":{"b":"2"}}"#);
    }

    #[test]
    fn heads_are_latin1_where_they_can_be() {
        assert_eq!(latin1_or_utf8("\u{e9}"), [0xe9]);
        assert_eq!(latin1_or_utf8("\u{e9}\u{20ac}"), "\u{e9}\u{20ac}".as_bytes());
    }
}
