//! One side of a connection, of which nothing is hidden.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{SILENCE, WAIT};

/// A server that does only what a test says.
pub(crate) struct Listener {
    port: u16,
    accepted: Receiver<TcpStream>,
}

/// One side of a connection.
pub(crate) struct Side(pub(crate) TcpStream);

impl Listener {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, accepted) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if sender.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { port, accepted }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn accept(&self) -> Side {
        self.accept_within(WAIT).unwrap()
    }

    pub(crate) fn accept_within(&self, wait: Duration) -> Option<Side> {
        self.accepted.recv_timeout(wait).ok().map(Side::new)
    }
}

impl Side {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        stream.set_write_timeout(Some(WAIT)).unwrap();
        Self(stream)
    }

    pub(crate) fn connect(authority: &str) -> Self {
        Self::new(TcpStream::connect(authority).unwrap())
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads to the end of a head, and nothing behind it.
    pub(crate) fn head(&mut self) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let byte = self.read(1);
            bytes.extend_from_slice(&byte);
        }
        String::from_utf8(bytes).unwrap()
    }

    pub(crate) fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub(crate) fn read_text(&mut self, count: usize) -> String {
        String::from_utf8(self.read(count)).unwrap()
    }

    pub(crate) fn finish_sending(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits for the other side's end, before which nothing may come. A reset is an end too.
    pub(crate) fn assert_ended(&mut self) {
        match self.0.read(&mut [0; 64]) {
            Ok(count) => assert_eq!(count, 0, "more came before the end"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }

    /// Nothing comes, not even the end.
    pub(crate) fn assert_silent(&mut self) {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        let read = self.0.read(&mut [0; 64]);
        let kind = read.map_err(|error| error.kind());
        let nothing = matches!(kind, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut));
        assert!(nothing, "something came: {kind:?}");
        self.0.set_read_timeout(Some(WAIT)).unwrap();
    }
}
