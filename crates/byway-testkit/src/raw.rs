//! A client that sends bytes exactly as given and reports exactly what came back: framing, chunk
//! arrival times, interim answers and whether the body was complete. Ordinary HTTP clients hide all
//! of this.

mod read;
mod response;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

pub use response::{BodyChunk, Framing, RawResponse};

/// How long a client waits for a whole answer unless told otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// Bytes taken from the socket at a time.
const READ_BYTES: usize = 16 * 1024;

/// Why no answer could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The deadline passed first.
    #[error("no complete answer in time")]
    Timeout,
    /// The server closed the connection before or inside the head of an answer.
    #[error("the connection was closed before the head of an answer was complete")]
    Closed,
    /// The first line is not a status line.
    #[error("bad status line: {0}")]
    StatusLine(String),
    /// A length, be it of a chunk or of the body, is not a number.
    #[error("bad length in the framing of the answer: {0}")]
    Length(String),
    /// The socket failed.
    #[error("reading the answer: {0}")]
    Io(#[from] io::Error),
}

/// One TCP connection.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    /// Bytes that arrived after the last answer that was read.
    buffer: Vec<u8>,
    timeout: Duration,
}

impl RawClient {
    /// Connects to `host:port`.
    pub fn connect(authority: &str) -> io::Result<Self> {
        Self::connect_within(authority, TIMEOUT_DEFAULT)
    }

    /// Connects to `host:port`; `timeout` bounds the connecting and each later answer and write.
    pub fn connect_within(authority: &str, timeout: Duration) -> io::Result<Self> {
        let mut failure = io::Error::other(format!("`{authority}` names no address"));
        for address in authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_write_timeout(Some(timeout))?;
                    return Ok(Self { stream, buffer: Vec::new(), timeout });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Sends these bytes and nothing else.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Tells the server that no more bytes will be sent; answers can still be read.
    pub fn finish_sending(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Reads one answer; pipelined answers are read one by one.
    pub fn read(&mut self) -> Result<RawResponse, ReadError> {
        self.read_until(Instant::now() + self.timeout, false)
    }

    /// Reads the answer to a HEAD request: its framing headers announce a body that never comes.
    pub fn read_head(&mut self) -> Result<RawResponse, ReadError> {
        self.read_until(Instant::now() + self.timeout, true)
    }

    /// Reads one answer before `deadline`.
    pub fn read_until(
        &mut self,
        deadline: Instant,
        head_only: bool,
    ) -> Result<RawResponse, ReadError> {
        let mut source = Source { stream: &mut self.stream, buffer: &mut self.buffer, deadline };
        read::response(&mut source, head_only)
    }

    /// Whether the server closes the connection within `timeout` without sending anything more.
    pub fn closed_within(&mut self, timeout: Duration) -> bool {
        if !self.buffer.is_empty() {
            return false;
        }
        let mut byte = [0];
        if self.stream.set_read_timeout(Some(timeout)).is_err() {
            return true;
        }
        match self.stream.read(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => !is_timeout(&error),
        }
    }
}

/// Sends one request on a connection of its own and reads the answer. `request` has the whole head
/// and body; a HEAD request is recognised by its first bytes.
pub fn fetch(authority: &str, request: &str) -> Result<RawResponse, ReadError> {
    let mut client = RawClient::connect(authority)?;
    client.send(request)?;
    if request.starts_with("HEAD ") { client.read_head() } else { client.read() }
}

/// The receiving half of a connection while one answer is read from it.
struct Source<'client> {
    stream: &'client mut TcpStream,
    buffer: &'client mut Vec<u8>,
    deadline: Instant,
}

impl Source<'_> {
    /// Waits for more bytes and appends them to the buffer; `false` when the server sends no more.
    fn more(&mut self) -> Result<bool, ReadError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ReadError::Timeout);
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut piece = [0; READ_BYTES];
        match self.stream.read(&mut piece) {
            Ok(count) => {
                self.buffer.extend_from_slice(&piece[..count]);
                Ok(count > 0)
            }
            Err(error) if is_timeout(&error) => Err(ReadError::Timeout),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests;
