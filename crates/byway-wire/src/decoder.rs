//! Cuts the byte stream of a socket into frames.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::ProtocolError;
use crate::constants::{FRAME_HEADER_BYTES, FRAME_PAYLOAD_MAX};

/// One frame; its payload shares memory with the read buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The frame's type, not yet checked against a direction.
    pub kind: u8,
    /// Its flags, not yet checked against the type.
    pub flags: u8,
    /// The stream that it belongs to, 0 for the connection.
    pub stream: u32,
    /// What follows the header.
    pub payload: Bytes,
}

/// Holds the bytes that have arrived and gives out whole frames.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
}

/// A read has at least this much room.
const READ_MIN: usize = 16 * 1024;
/// A fresh buffer has this size; frames cut from it keep it alive until they are dropped.
const BUFFER_BYTES: usize = 64 * 1024;

impl Decoder {
    /// An empty decoder.
    pub fn new() -> Self {
        Self { buffer: BytesMut::with_capacity(BUFFER_BYTES) }
    }

    /// The buffer to read into, with room for a read. It grows with the bytes that have arrived, never
    /// with a length that a header merely claims.
    pub fn buffer(&mut self) -> &mut BytesMut {
        if self.buffer.capacity() - self.buffer.len() < READ_MIN {
            self.buffer.reserve(BUFFER_BYTES.max(self.buffer.len()));
        }
        &mut self.buffer
    }

    /// The next whole frame, `None` until more bytes arrive.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let Some(header) = self.buffer.first_chunk::<FRAME_HEADER_BYTES>() else {
            return Ok(None);
        };
        let [l0, l1, l2, l3, kind, flags, r0, r1, s0, s1, s2, s3] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > FRAME_PAYLOAD_MAX {
            return Err(ProtocolError::FrameTooLong { length, max: FRAME_PAYLOAD_MAX });
        }
        if (r0, r1) != (0, 0) {
            return Err(ProtocolError::UnknownFlags(kind));
        }
        if self.buffer.len() < FRAME_HEADER_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(FRAME_HEADER_BYTES);
        let payload = self.buffer.split_to(length).freeze();
        Ok(Some(Frame { kind, flags, stream: u32::from_le_bytes([s0, s1, s2, s3]), payload }))
    }
}
