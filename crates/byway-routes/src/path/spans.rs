//! Where a path's segments are, without an allocation for paths of usual depth.

/// How many segments need no allocation.
const INLINE: usize = 12;

/// The bytes of one segment in the path. A target has at most 64 KiB, see `TARGET_BYTES_MAX`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    pub(crate) fn of(self, path: &str) -> &str {
        path.get(usize::from(self.start)..usize::from(self.end)).unwrap_or_default()
    }
}

/// The segments of one path in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spans {
    inline: [Span; INLINE],
    /// All segments, once there are more than [`INLINE`].
    overflow: Vec<Span>,
    len: usize,
}

impl Spans {
    pub(crate) fn new() -> Self {
        Self { inline: [Span::default(); INLINE], overflow: Vec::new(), len: 0 }
    }

    /// Adds a segment. Both ends are within a target and so fit.
    pub(crate) fn push(&mut self, start: usize, end: usize) {
        let span = Span { start: start as u16, end: end as u16 };
        if let Some(place) = self.inline.get_mut(self.len) {
            *place = span;
        } else {
            if self.overflow.is_empty() {
                self.overflow.extend_from_slice(&self.inline);
            }
            self.overflow.push(span);
        }
        self.len += 1;
    }

    pub(crate) fn as_slice(&self) -> &[Span] {
        if self.overflow.is_empty() { &self.inline[..self.len] } else { &self.overflow }
    }
}
