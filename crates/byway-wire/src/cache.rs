//! What workers and server say to each other about the cache.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::constants as c;
use crate::fields::Fields;
use crate::{EncodeError, ProtocolError};

/// How long an answer or a value is good for, and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Whether it depends on who asks after all, and may be given to nobody else.
    pub dynamic: bool,
    /// Seconds after which it is made anew; `None`: never.
    pub revalidate: Option<u32>,
    /// Seconds after which it is not given out any more; `None`: never.
    pub expire: Option<u32>,
    /// Its tags.
    pub tags: Vec<Box<str>>,
}

impl Rendered {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, ProtocolError> {
        let dynamic = fields.u8()? != 0;
        let revalidate = seconds(fields)?;
        let expire = seconds(fields)?;
        Ok(Self { dynamic, revalidate, expire, tags: texts(fields)? })
    }

    pub(crate) fn write(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        out.put_u8(u8::from(self.dynamic));
        out.put_u32_le(self.revalidate.unwrap_or(c::SECONDS_NEVER));
        out.put_u32_le(self.expire.unwrap_or(c::SECONDS_NEVER));
        let tags: Vec<&str> = self.tags.iter().map(AsRef::as_ref).collect();
        put_texts(out, &tags)
    }
}

/// What a worker asks of the cache. `call` is a number of the worker's own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of docs/worker-protocol.md")]
pub enum CacheCall {
    /// A value is asked for; `scope` has the pattern and the path of the request that needs it, if any.
    Get { call: u32, key: String, scope: Vec<Box<str>> },
    /// A value was made: its beginning.
    Set { call: u32, rendered: Rendered, data: Bytes, end: bool },
    /// More of the value.
    SetMore { call: u32, data: Bytes, end: bool },
    /// The value could not be made.
    Abandon { call: u32 },
    /// Something is to be made anew; an answer is wanted where `call` is not 0.
    Invalidate { call: u32, kind: u8, seconds: Option<u32>, names: Vec<Box<str>> },
}

impl CacheCall {
    /// `CACHE_GET`.
    pub(crate) fn get(call: u32, payload: Bytes) -> Result<Self, ProtocolError> {
        let mut fields = Fields::new("CACHE_GET", payload);
        let key = fields.text16()?;
        let scope = texts(&mut fields)?;
        fields.end().map(|()| Self::Get { call, key, scope })
    }

    /// `CACHE_SET`. Whether it is the first frame of its value shows in its first byte.
    pub(crate) fn set(call: u32, flags: u8, payload: Bytes) -> Result<Self, ProtocolError> {
        let mut fields = Fields::new("CACHE_SET", payload);
        if flags & c::FLAG_ABANDONED != 0 {
            return fields.end().map(|()| Self::Abandon { call });
        }
        let end = flags & c::FLAG_END != 0;
        match fields.u8()? {
            0 => {
                let rendered = Rendered::read(&mut fields)?;
                Ok(Self::Set { call, rendered, data: fields.rest(), end })
            }
            1 => Ok(Self::SetMore { call, data: fields.rest(), end }),
            _ => Err(fields.malformed("unknown part")),
        }
    }

    /// `INVALIDATE`.
    pub(crate) fn invalidate(call: u32, payload: Bytes) -> Result<Self, ProtocolError> {
        let mut fields = Fields::new("INVALIDATE", payload);
        let kind = fields.u8()?;
        if !(c::INVALIDATE_EXPIRE..=c::INVALIDATE_PATH).contains(&kind) {
            return Err(fields.malformed("unknown kind"));
        }
        let seconds = seconds(&mut fields)?;
        let names = texts(&mut fields)?;
        fields.end().map(|()| Self::Invalidate { call, kind, seconds, names })
    }
}

fn seconds(fields: &mut Fields) -> Result<Option<u32>, ProtocolError> {
    let seconds = fields.u32()?;
    Ok((seconds != c::SECONDS_NEVER).then_some(seconds))
}

fn texts(fields: &mut Fields) -> Result<Vec<Box<str>>, ProtocolError> {
    let count = fields.u16()?;
    (0..count).map(|_| Ok(fields.text16()?.into_boxed_str())).collect()
}

pub(crate) fn put_texts(out: &mut BytesMut, texts: &[&str]) -> Result<(), EncodeError> {
    let max = usize::from(u16::MAX);
    let count =
        u16::try_from(texts.len()).map_err(|_| EncodeError { field: "the list of tags", max })?;
    out.put_u16_le(count);
    for text in texts {
        let length = u16::try_from(text.len()).map_err(|_| EncodeError { field: "a tag", max })?;
        out.put_u16_le(length);
        out.put_slice(text.as_bytes());
    }
    Ok(())
}
