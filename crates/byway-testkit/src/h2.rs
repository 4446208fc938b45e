//! A client that writes HTTP/2 frames exactly as given: floods, broken lengths and shut windows are no
//! business of ordinary clients.
//!
//! Header blocks are written without compression. Of answers only the status is decoded: the client forbids
//! the server a dynamic table, so that a status is one byte or a short literal.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// How long a client waits for a frame unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What a client begins with (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113 §6).
pub mod kind {
    #![allow(missing_docs, reason = "the names are those of the RFC")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The stream ends with this frame.
pub const END_STREAM: u8 = 0x1;
/// The header block ends with this frame.
pub const END_HEADERS: u8 = 0x4;
/// The answer to SETTINGS or PING.
pub const ACK: u8 = 0x1;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// See [`kind`].
    pub kind: u8,
    /// Flags.
    pub flags: u8,
    /// 0 for the whole connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer: its status and body.
    Answer(u16, Vec<u8>),
    /// With a reset and its code.
    Reset(u32),
    /// With the connection: the code of GOAWAY, if there was one.
    Closed(Option<u32>),
    /// Not in time.
    Silence,
}

/// One connection.
#[derive(Debug)]
pub struct H2Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Frame {
    /// A frame.
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// The bytes of the frame.
    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], self.kind, self.flags];
        bytes.extend_from_slice(&self.stream.to_be_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// The code of `RST_STREAM` or GOAWAY.
    fn code(&self) -> u32 {
        let at = if self.kind == kind::GOAWAY { 4 } else { 0 };
        let bytes = self.payload.get(at..at + 4).and_then(|it| it.try_into().ok());
        bytes.map_or(u32::MAX, u32::from_be_bytes)
    }
}

/// A header block: every field as a literal that is not indexed (RFC 7541 §6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            integer(&mut bytes, text.len());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

/// A length with a prefix of seven bits (RFC 7541 §5.1).
fn integer(bytes: &mut Vec<u8>, mut value: usize) {
    if value < 127 {
        bytes.push(value as u8);
        return;
    }
    bytes.push(127);
    value -= 127;
    while value >= 128 {
        bytes.push(0x80 | (value % 128) as u8);
        value /= 128;
    }
    bytes.push(value as u8);
}

/// The fields that every request begins with.
pub fn request(method: &str, authority: &str, path: &str) -> Vec<u8> {
    let fields =
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", authority)];
    block(&fields)
}

impl H2Client {
    /// Connects, and sends the preface and settings that forbid a dynamic table, with these beside.
    pub fn connect(authority: &str, settings: &[(u16, u32)]) -> io::Result<Self> {
        let mut client = Self::connect_silently(authority)?;
        let mut payload = Vec::new();
        for (name, value) in [&[(1, 0)], settings].concat() {
            payload.extend_from_slice(&name.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        client.send(PREFACE)?;
        client.frame(&Frame::new(kind::SETTINGS, 0, 0, payload))?;
        Ok(client)
    }

    /// Connects and sends nothing.
    pub fn connect_silently(authority: &str) -> io::Result<Self> {
        let mut failure = io::Error::other(format!("`{authority}` names no address"));
        for address in authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_write_timeout(Some(TIMEOUT))?;
                    return Ok(Self { stream, buffer: Vec::new() });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a frame.
    pub fn frame(&mut self, frame: &Frame) -> io::Result<()> {
        self.send(&frame.bytes())
    }

    /// Sends a request without a body.
    pub fn get(&mut self, stream: u32, authority: &str, path: &str) -> io::Result<()> {
        let block = request("GET", authority, path);
        self.frame(&Frame::new(kind::HEADERS, END_STREAM | END_HEADERS, stream, block))
    }

    /// The next frame; `None` at the end of the connection, an error when none comes in time.
    pub fn next(&mut self, deadline: Instant) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take() {
                return Ok(Some(frame));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut piece = [0; 16 * 1024];
            match self.stream.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(count) => self.buffer.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let (head, rest) = self.buffer.split_first_chunk::<9>()?;
        let [high, middle, low, kind, flags, stream @ ..] = *head;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let payload = rest.get(..length)?.to_vec();
        self.buffer.drain(..9 + length);
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff, payload })
    }

    /// Waits for the end of a stream, ten seconds at most.
    pub fn outcome(&mut self, stream: u32) -> Outcome {
        self.outcome_within(stream, TIMEOUT)
    }

    /// Waits for the end of a stream. What concerns other streams is passed over.
    pub fn outcome_within(&mut self, stream: u32, timeout: Duration) -> Outcome {
        let deadline = Instant::now() + timeout;
        let (mut status, mut body, mut goaway) = (0, Vec::new(), None);
        loop {
            let frame = match self.next(deadline) {
                Ok(Some(frame)) => frame,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Outcome::Silence,
                Ok(None) | Err(_) => return Outcome::Closed(goaway),
            };
            match frame.kind {
                kind::GOAWAY => goaway = Some(frame.code()),
                kind::RST_STREAM if frame.stream == stream => return Outcome::Reset(frame.code()),
                kind::HEADERS if frame.stream == stream => {
                    status = status_of(&frame.payload).unwrap_or(0);
                }
                kind::DATA if frame.stream == stream => body.extend_from_slice(&frame.payload),
                _ => continue,
            }
            let ends = matches!(frame.kind, kind::HEADERS | kind::DATA)
                && frame.stream == stream
                && frame.flags & END_STREAM != 0;
            if ends {
                return Outcome::Answer(status, body);
            }
        }
    }

    /// Waits for the server to close the connection; the code of its GOAWAY. `None` when it stays open.
    pub fn closed_within(&mut self, timeout: Duration) -> Option<Option<u32>> {
        match self.outcome_within(u32::MAX, timeout) {
            Outcome::Closed(code) => Some(code),
            _ => None,
        }
    }
}

/// The status at the beginning of an answer's header block.
fn status_of(block: &[u8]) -> Option<u16> {
    // What says that the dynamic table is empty comes first.
    let start = block.iter().position(|byte| byte & 0xe0 != 0x20)?;
    let block = &block[start..];
    let indexed = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [first @ 0x88..=0x8e, ..] => indexed.get(usize::from(first - 0x88)).copied(),
        // A literal whose name is the one with the number 8.
        [0x08 | 0x18 | 0x48, length, rest @ ..] => {
            let value = rest.get(..usize::from(length & 0x7f))?;
            if length & 0x80 == 0 {
                return std::str::from_utf8(value).ok()?.parse().ok();
            }
            digits(value)
        }
        _ => None,
    }
}

/// Three digits in Huffman's code: 0, 1 and 2 have five bits, the others six (RFC 7541, appendix B).
fn digits(value: &[u8]) -> Option<u16> {
    let bits = value.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    let mut left = value.len() * 8;
    let mut number = 0;
    for _ in 0..3 {
        let five = bits >> left.checked_sub(5)? & 0x1f;
        let digit = if five < 3 {
            left -= 5;
            five
        } else {
            left = left.checked_sub(6)?;
            (bits >> left & 0x3f).checked_sub(0x19)? + 3
        };
        number = number * 10 + digit;
    }
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::{block, status_of};

    #[test]
    fn a_status_is_read_in_every_form() {
        assert_eq!(status_of(&[0x20, 0x88]), Some(200));
        assert_eq!(status_of(&[0x8d, 0x40]), Some(404));
        assert_eq!(status_of(b"\x48\x03413"), Some(413));
        // RFC 7541 §C.6: 302 in Huffman's code.
        assert_eq!(status_of(&[0x48, 0x82, 0x64, 0x02]), Some(302));
        assert_eq!(status_of(&[0x48, 0x83, 0x64, 0x0e, 0xff]), Some(307));
        assert_eq!(status_of(&[]), None);
    }

    #[test]
    fn fields_are_literals() {
        assert_eq!(block(&[("a", "bc")]), b"\x00\x01a\x02bc");
        let long = "x".repeat(300);
        assert_eq!(block(&[("a", &long)])[3..6], [127, 0xad, 0x01]);
    }
}
