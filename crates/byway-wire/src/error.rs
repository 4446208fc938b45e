//! What can be wrong with frames.

/// The worker broke the protocol: it is killed, its open requests get 502.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A payload longer than `FRAME_PAYLOAD_MAX`.
    #[error("a frame of {length} bytes, more than the {max} allowed")]
    FrameTooLong {
        /// What its header says.
        length: usize,
        /// The limit.
        max: usize,
    },
    /// A frame type that this direction does not have.
    #[error("frame type {0:#04x} does not exist in this direction")]
    UnknownType(u8),
    /// A flag that this frame type does not have, or a reserved field that is not 0.
    #[error("frame type {0:#04x} with unknown flags or reserved bits")]
    UnknownFlags(u8),
    /// A payload that ends early, runs on or has a field out of range.
    #[error("malformed {frame} frame: {what}")]
    Malformed {
        /// The frame's name.
        frame: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A frame that its stream's state does not allow.
    #[error("{frame} frame on stream {stream}: {what}")]
    OutOfOrder {
        /// The frame's name.
        frame: &'static str,
        /// The stream it names.
        stream: u32,
        /// Why it is wrong.
        what: &'static str,
    },
}

/// A message that does not fit into the protocol's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} is longer than the protocol allows ({max})")]
pub struct EncodeError {
    /// The field that is too long.
    pub field: &'static str,
    /// The limit.
    pub max: usize,
}
