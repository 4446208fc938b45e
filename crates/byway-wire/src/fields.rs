//! Reading the fields of a payload. Every read checks what is left.

use bytes::{Buf as _, Bytes};

use crate::ProtocolError;

/// A payload being read; `frame` names it in errors.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    frame: &'static str,
    rest: Bytes,
}

impl Fields {
    pub(crate) fn new(frame: &'static str, payload: Bytes) -> Self {
        Self { frame, rest: payload }
    }

    pub(crate) fn malformed(&self, what: &'static str) -> ProtocolError {
        ProtocolError::Malformed { frame: self.frame, what }
    }

    fn need(&self, count: usize) -> Result<(), ProtocolError> {
        if self.rest.len() < count { Err(self.malformed("it ends early")) } else { Ok(()) }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ProtocolError> {
        self.need(1)?;
        Ok(self.rest.get_u8())
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ProtocolError> {
        self.need(2)?;
        Ok(self.rest.get_u16_le())
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ProtocolError> {
        self.need(4)?;
        Ok(self.rest.get_u32_le())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, ProtocolError> {
        self.need(8)?;
        Ok(self.rest.get_u64_le())
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<Bytes, ProtocolError> {
        self.need(count)?;
        Ok(self.rest.split_to(count))
    }

    pub(crate) fn str16(&mut self) -> Result<Bytes, ProtocolError> {
        let length = self.u16()?;
        self.bytes(usize::from(length))
    }

    pub(crate) fn str32(&mut self) -> Result<Bytes, ProtocolError> {
        let length = self.u32()?;
        self.bytes(length as usize)
    }

    /// Like `str16`, checked to be UTF-8.
    pub(crate) fn text16(&mut self) -> Result<String, ProtocolError> {
        let bytes = self.str16()?;
        self.utf8(&bytes)
    }

    pub(crate) fn utf8(&self, bytes: &[u8]) -> Result<String, ProtocolError> {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| self.malformed("text is not UTF-8"))
    }

    /// What is left of the payload.
    pub(crate) fn rest(self) -> Bytes {
        self.rest
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Checks that nothing is left.
    pub(crate) fn end(self) -> Result<(), ProtocolError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("bytes after its end")) }
    }
}
