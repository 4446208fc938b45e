//! The letters in which a client writes the names of its header lines.
//!
//! hyper keeps the names in lower case. An API route's `rawHeaders` has them as they came, in the order in
//! which they came, so for projects with such routes heads are kept as they are read from the socket.

use parking_lot::Mutex;

use super::READ_BUFFER_BYTES_MAX;

/// The head of the request that is being answered on a connection, as it was read.
#[derive(Debug, Default)]
pub(crate) struct HeaderCase(Option<Mutex<Heads>>);

#[derive(Debug, Default)]
struct Heads {
    /// The head of the request that is being answered, and what was read behind it.
    bytes: Vec<u8>,
    /// Where that head ends; 0 for none.
    end: usize,
    next: Next,
}

/// What the next byte belongs to.
#[derive(Debug, Default)]
enum Next {
    /// A request's head.
    #[default]
    Head,
    /// So many bytes of a body; a head follows.
    Body(u64),
    /// A body whose end only its reader knows.
    Unknown,
}

/// Another connection has other heads.
impl Clone for HeaderCase {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl HeaderCase {
    /// Keeps heads. The default does not.
    pub(crate) fn kept() -> Self {
        Self(Some(Mutex::default()))
    }

    /// The head of the request that is being answered.
    pub(crate) fn head(&self) -> Option<Vec<u8>> {
        let heads = self.0.as_ref()?.lock();
        (heads.end > 0).then(|| heads.bytes[..heads.end].to_vec())
    }

    /// Bytes came in; `fresh` where the connection waited for a request.
    pub(super) fn read(&self, bytes: &[u8], fresh: bool) {
        if let Some(heads) = &self.0 {
            heads.lock().read(bytes, fresh);
        }
    }

    /// A head has been read, and this is the length of the body behind it, if it was told.
    pub(super) fn begin(&self, body: Option<u64>) {
        if let Some(heads) = &self.0 {
            heads.lock().begin(body);
        }
    }

    /// Nothing has been going on for a while; whatever was read is read again.
    pub(super) fn rest(&self) {
        if let Some(heads) = &self.0 {
            *heads.lock() = Heads::default();
        }
    }
}

impl Heads {
    fn read(&mut self, mut bytes: &[u8], fresh: bool) {
        if fresh && matches!(self.next, Next::Unknown) {
            *self = Self::default();
        }
        match &mut self.next {
            Next::Head => {}
            Next::Body(left) => {
                let of_body = usize::try_from(*left).map_or(bytes.len(), |it| it.min(bytes.len()));
                bytes = &bytes[of_body..];
                *left -= of_body as u64;
                if *left == 0 {
                    self.next = Next::Head;
                }
            }
            Next::Unknown => return,
        }
        if self.bytes.len() + bytes.len() > READ_BUFFER_BYTES_MAX {
            self.give_up();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn begin(&mut self, body: Option<u64>) {
        self.bytes.drain(..std::mem::take(&mut self.end));
        if matches!(self.next, Next::Unknown) {
            return;
        }
        let Some(end) = end_of_head(&self.bytes) else { return self.give_up() };
        self.end = end;
        let Some(body) = body else {
            self.bytes.truncate(end);
            self.next = Next::Unknown;
            return;
        };
        let behind = self.bytes.len() - end;
        let of_body = usize::try_from(body).map_or(behind, |body| body.min(behind));
        self.bytes.drain(end..end + of_body);
        if body > of_body as u64 {
            self.next = Next::Body(body - of_body as u64);
        }
    }

    fn give_up(&mut self) {
        *self = Self { next: Next::Unknown, ..Self::default() };
    }
}

/// Where the first head ends; `None` where there is none.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut lines = Lines { bytes, at: 0 };
    lines.request()?;
    lines.find(|line| line.is_empty()).map(|_| lines.at)
}

/// The names of the lines of a head, in their order.
pub(crate) fn names(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut lines = Lines { bytes: head, at: 0 };
    lines.request();
    lines.map_while(|line| line.split(|byte| *byte == b':').next().filter(|it| !it.is_empty()))
}

/// Lines without their ends, which are a line feed with or without a carriage return (RFC 9112 §2.2).
struct Lines<'h> {
    bytes: &'h [u8],
    at: usize,
}

impl<'h> Lines<'h> {
    /// The request line, behind the empty lines that may precede it.
    fn request(&mut self) -> Option<&'h [u8]> {
        let line = self.find(|line| !line.is_empty())?;
        line[..line.len() - 1].ends_with(b" HTTP/1.").then_some(line)
    }
}

impl<'h> Iterator for Lines<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += length + 1;
        let line = &rest[..length];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HeaderCase, names};

    fn names_of(case: &HeaderCase) -> Vec<String> {
        let head = case.head().unwrap_or_default();
        names(&head).map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn names_keep_their_letters_and_their_order() {
        let case = HeaderCase::kept();
        case.read(b"\r\nGET / HTTP/1.1\r\nHost: a\r\nX-T: 1\r\nx-t: 2\r\n", true);
        case.read(b"\r\n", false);
        case.begin(Some(0));
        assert_eq!(names_of(&case), ["Host", "X-T", "x-t"]);
    }

    #[test]
    fn behind_a_body_of_unknown_length_names_are_known_once_all_is_quiet() {
        let case = HeaderCase::kept();
        case.read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", true);
        case.begin(None);
        assert_eq!(names_of(&case), ["Transfer-Encoding"]);
        case.read(b"0\r\n\r\nGET / HTTP/1.1\r\nA: 1\r\n\r\n", false);
        case.begin(Some(0));
        assert!(names_of(&case).is_empty());
        case.read(b"GET / HTTP/1.1\r\nB: 1\r\n\r\n", true);
        case.begin(Some(0));
        assert_eq!(names_of(&case), ["B"]);
    }

    #[test]
    fn what_is_no_head_gives_no_names_and_neither_does_too_much_of_it() {
        let case = HeaderCase::kept();
        case.read(b"rest of a body\r\n\r\n", true);
        case.begin(Some(0));
        assert!(names_of(&case).is_empty());
        let case = HeaderCase::kept();
        case.read(&vec![b'a'; super::READ_BUFFER_BYTES_MAX + 1], true);
        case.begin(Some(0));
        assert!(names_of(&case).is_empty());
    }

    #[test]
    fn nothing_is_kept_unless_it_is_asked_for() {
        let case = HeaderCase::default();
        case.read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true);
        case.begin(Some(0));
        assert!(case.head().is_none());
    }

    proptest! {
        #[test]
        fn heads_are_found_however_the_bytes_are_split(
            requests in proptest::collection::vec(
                (proptest::collection::vec("[A-Za-z-]{1,8}", 0..4), 0usize..40), 1..5,
            ),
            step in 1usize..60,
        ) {
            let mut wire = Vec::new();
            let mut ends = Vec::new();
            for (names, body) in &requests {
                wire.extend_from_slice(b"POST /a HTTP/1.1\r\n");
                for name in names {
                    wire.extend_from_slice(format!("{name}: v\r\n").as_bytes());
                }
                wire.extend_from_slice(b"\r\n");
                ends.push(wire.len());
                wire.extend_from_slice(&b"GET / HTTP/1.1\r\n\r\n".repeat(4)[..*body]);
            }
            // A head is begun once all of it was read, and more may have been.
            let case = HeaderCase::kept();
            let mut read = 0;
            for ((names, body), end) in requests.iter().zip(ends) {
                while read < end {
                    let next = wire.len().min(read + step);
                    case.read(&wire[read..next], read == 0);
                    read = next;
                }
                case.begin(Some(*body as u64));
                prop_assert_eq!(&names_of(&case), names);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            pieces in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..80), any::<bool>(), any::<Option<u64>>()),
                0..10,
            ),
        ) {
            let case = HeaderCase::kept();
            for (bytes, fresh, body) in pieces {
                case.read(&bytes, fresh);
                case.begin(body);
                names_of(&case);
            }
        }
    }
}
