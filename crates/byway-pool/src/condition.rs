//! Whether a worker takes requests.

/// Whether a worker takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Condition {
    /// It does.
    Serving,
    /// It does when no other can: it owes an answer to a ping.
    Slow,
    /// Its event loop is silent. It takes none until it answers.
    Stuck,
    /// It finishes what it has.
    Leaving,
    /// It is dead.
    Closed,
}

impl Condition {
    /// The condition of a number.
    pub(crate) fn of(number: u8) -> Self {
        match number {
            0 => Self::Serving,
            1 => Self::Slow,
            2 => Self::Stuck,
            3 => Self::Leaving,
            _ => Self::Closed,
        }
    }
}
