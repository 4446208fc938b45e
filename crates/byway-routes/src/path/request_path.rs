//! The parsed path of a request.

use std::borrow::Cow;
use std::fmt;

use super::bytes::percent_decode;
use super::normalise::Findings;
use super::spans::{Span, Spans};

/// The path that a request names, decided once. No segment is empty, `.` or `..`.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestPath {
    /// The whole normalised path, and the query after a `?`.
    text: Box<str>,
    path_bytes: u16,
    /// Bytes and segments of the base path at the beginning.
    base_bytes: u16,
    base_segments: u16,
    is_outside_base: bool,
    spans: Spans,
    /// The segments that have a percent sign, by ascending index. Mostly there is none.
    encoded: Vec<EncodedSegment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct EncodedSegment {
    index: usize,
    is_canonical: bool,
    hides_letters: bool,
    text: Box<str>,
}

impl RequestPath {
    /// Takes a path in normal form whose segments are known.
    pub(super) fn new(
        path: &str,
        query: &str,
        spans: Spans,
        findings: Findings,
        base_path: &str,
    ) -> Result<Self, &'static str> {
        let mut encoded = Vec::new();
        if findings.has_encoded() {
            for (index, span) in spans.as_slice().iter().enumerate() {
                let raw = span.of(path);
                if raw.contains('%') {
                    let decoded = percent_decode(raw).ok_or("the path has a malformed encoding")?;
                    encoded.push(EncodedSegment {
                        index,
                        is_canonical: decoded.is_canonical,
                        hides_letters: decoded.hides_letters,
                        text: decoded.text.into(),
                    });
                }
            }
        }
        let in_base = base_path.is_empty()
            || path
                .strip_prefix(base_path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let base = if in_base { base_path } else { "" };
        // The exact capacity spares the box another allocation.
        let mark = if query.is_empty() { "" } else { "?" };
        let mut text = String::with_capacity(path.len() + mark.len() + query.len());
        text.push_str(path);
        text.push_str(mark);
        text.push_str(query);
        Ok(Self {
            text: text.into_boxed_str(),
            // A path is never longer than `TARGET_BYTES_MAX`.
            path_bytes: path.len() as u16,
            base_bytes: base.len() as u16,
            base_segments: base.bytes().filter(|&byte| byte == b'/').count() as u16,
            is_outside_base: !in_base,
            spans,
            encoded,
        })
    }

    /// The normalised path below the base path, percent-encoded as it was sent. Starts with `/`.
    pub fn as_str(&self) -> &str {
        match &self.text[usize::from(self.base_bytes)..usize::from(self.path_bytes)] {
            "" => "/",
            path => path,
        }
    }

    /// The normalised path with the base path.
    pub fn with_base(&self) -> &str {
        &self.text[..usize::from(self.path_bytes)]
    }

    /// The path with the base path, and the query after a `?` if there is one.
    pub fn with_query(&self) -> &str {
        &self.text
    }

    /// The raw query without `?`; empty when there is none.
    pub fn query(&self) -> &str {
        self.text.get(usize::from(self.path_bytes) + 1..).unwrap_or_default()
    }

    /// Whether a base path is configured and this path is not below it. No route matches it then.
    pub fn is_outside_base(&self) -> bool {
        self.is_outside_base
    }

    /// The decoded segments below the base path.
    pub fn segments(&self) -> Segments<'_> {
        self.segments_from(0)
    }

    /// The decoded segments below the base path from the one at `first` on.
    pub(crate) fn segments_from(&self, first: usize) -> Segments<'_> {
        let end = self.spans.as_slice().len();
        Segments { path: self, next: (usize::from(self.base_segments) + first).min(end), end }
    }

    /// The text that a static segment of a route has to have to match the segment at `index`:
    /// `None` where the segment is spelt in another way than a URL would be (`%61` for `a`), as
    /// under Next.
    pub(crate) fn static_text(&self, index: usize) -> Option<&str> {
        let index = usize::from(self.base_segments) + index;
        match self.encoded_segment(index) {
            Some(segment) => segment.is_canonical.then_some(&*segment.text),
            None => self.spans.as_slice().get(index).map(|span| self.raw(*span)),
        }
    }

    /// The decoded path below the base path as the name of a file: `dir/a b.txt`, without slashes at its
    /// ends. `None` where it can name none: outside the base path, with a slash, backslash or NUL inside
    /// a segment, or with letters spelt as `%61`, by which a rule for the plain name would be passed.
    pub fn file_name(&self) -> Option<Cow<'_, str>> {
        if self.is_outside_base {
            return None;
        }
        if self.encoded.is_empty() {
            let path = self.as_str();
            let path = path.strip_prefix('/').unwrap_or(path);
            return Some(Cow::Borrowed(path.strip_suffix('/').unwrap_or(path)));
        }
        let odd = |segment: &EncodedSegment| {
            segment.hides_letters || segment.text.contains(['/', '\\', '\0'])
        };
        if self.encoded.iter().any(odd) {
            return None;
        }
        let mut name = String::with_capacity(usize::from(self.path_bytes));
        for segment in self.segments() {
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(segment);
        }
        Some(Cow::Owned(name))
    }

    fn raw(&self, span: Span) -> &str {
        span.of(&self.text)
    }

    fn decoded(&self, index: usize) -> &str {
        match self.encoded_segment(index) {
            Some(segment) => &segment.text,
            None => self.spans.as_slice().get(index).map_or("", |span| self.raw(*span)),
        }
    }

    fn encoded_segment(&self, index: usize) -> Option<&EncodedSegment> {
        if self.encoded.is_empty() {
            return None;
        }
        let at = self.encoded.binary_search_by_key(&index, |segment| segment.index).ok()?;
        self.encoded.get(at)
    }
}

impl fmt::Debug for RequestPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequestPath")
            .field("path", &self.as_str())
            .field("query", &self.query())
            .field("segments", &self.segments().collect::<Vec<_>>())
            .field("is_outside_base", &self.is_outside_base)
            .finish_non_exhaustive()
    }
}

/// Decoded segments of a path in order.
#[derive(Debug, Clone)]
pub struct Segments<'p> {
    path: &'p RequestPath,
    next: usize,
    end: usize,
}

impl<'p> Iterator for Segments<'p> {
    type Item = &'p str;

    fn next(&mut self) -> Option<&'p str> {
        if self.next == self.end {
            return None;
        }
        self.next += 1;
        Some(self.path.decoded(self.next - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl ExactSizeIterator for Segments<'_> {}
