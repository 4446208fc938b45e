//! An entry as bytes, for disk and for a shared store. What comes back from there may be anything: a
//! checksum and a version decide whether it is looked at, and every length is checked.

use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::entry::{Answer, Entry, Lifetime, Value};

/// Begins every entry; another layout gets another number.
const MAGIC: &[u8; 8] = b"BYWCACH1";
const CHECKSUM_BYTES: usize = 32;
/// Stands for "no limit" among seconds.
const NEVER: u32 = u32::MAX;

/// The entry and its key as bytes.
pub(crate) fn encode(key: &str, entry: &Entry) -> Vec<u8> {
    let mut out = Vec::with_capacity(entry.cost(key) + CHECKSUM_BYTES);
    out.put_slice(MAGIC);
    out.put_u64_le(entry.seen);
    out.put_u64_le(entry.stored_ms);
    out.put_u32_le(entry.lifetime.revalidate.unwrap_or(NEVER));
    out.put_u32_le(entry.lifetime.expire.unwrap_or(NEVER));
    put(&mut out, key.as_bytes());
    out.put_u32_le(entry.tags.len() as u32);
    for tag in entry.tags.iter() {
        put(&mut out, tag.as_bytes());
    }
    match &entry.value {
        Value::Data(bytes) => {
            out.put_u8(0);
            put(&mut out, bytes);
        }
        Value::Answer(answer) => {
            out.put_u8(1);
            out.put_u16_le(answer.status.as_u16());
            put(&mut out, &answer.reason);
            out.put_u32_le(answer.headers.len() as u32);
            for (name, value) in &answer.headers {
                put(&mut out, name.as_str().as_bytes());
                put(&mut out, value.as_bytes());
            }
            put(&mut out, &answer.body);
        }
    }
    let checksum = Sha256::digest(&out);
    out.put_slice(&checksum);
    out
}

/// The entry of `key` in `bytes`; `None` when they are not exactly what [`encode`] made for this key.
pub(crate) fn decode(key: &str, bytes: &Bytes) -> Option<Entry> {
    let content = bytes.len().checked_sub(CHECKSUM_BYTES)?;
    if Sha256::digest(&bytes[..content]).as_slice() != &bytes[content..] {
        return None;
    }
    let mut rest = bytes.slice(..content);
    if rest.len() < MAGIC.len() || rest.split_to(MAGIC.len()) != MAGIC.as_slice() {
        return None;
    }
    let seen = rest.try_get_u64_le().ok()?;
    let stored_ms = rest.try_get_u64_le().ok()?;
    let revalidate = limit(rest.try_get_u32_le().ok()?);
    let expire = limit(rest.try_get_u32_le().ok()?);
    if take(&mut rest)? != key.as_bytes() {
        return None;
    }
    let mut tags = Vec::new();
    for _ in 0..rest.try_get_u32_le().ok()? {
        tags.push(std::str::from_utf8(&take(&mut rest)?).ok()?.into());
    }
    let value = match rest.try_get_u8().ok()? {
        0 => Value::Data(take(&mut rest)?),
        1 => Value::Answer(answer(&mut rest)?),
        _ => return None,
    };
    let lifetime = Lifetime { revalidate, expire };
    rest.is_empty().then(|| Entry { value, lifetime, tags: Arc::from(tags), stored_ms, seen })
}

fn answer(rest: &mut Bytes) -> Option<Answer> {
    let status = StatusCode::from_u16(rest.try_get_u16_le().ok()?).ok()?;
    let reason = take(rest)?;
    let mut headers = HeaderMap::new();
    for _ in 0..rest.try_get_u32_le().ok()? {
        let name = HeaderName::from_bytes(&take(rest)?).ok()?;
        headers.append(name, HeaderValue::from_maybe_shared(take(rest)?).ok()?);
    }
    Some(Answer { status, reason, headers, body: take(rest)? })
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32_le(bytes.len() as u32);
    out.put_slice(bytes);
}

fn take(rest: &mut Bytes) -> Option<Bytes> {
    let length = rest.try_get_u32_le().ok()? as usize;
    (length <= rest.len()).then(|| rest.split_to(length))
}

fn limit(seconds: u32) -> Option<u32> {
    (seconds != NEVER).then_some(seconds)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn any_entry() -> impl Strategy<Value = Entry> {
        let body = prop::collection::vec(any::<u8>(), 0..200);
        let headers = prop::collection::vec(("[a-z][a-z-]{0,9}", "[ -~]{0,20}"), 0..5);
        let value = (any::<bool>(), 200_u16..600, headers, body).prop_map(|it| {
            let (is_answer, status, lines, body) = it;
            if !is_answer {
                return Value::Data(body.into());
            }
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                headers.append(name, HeaderValue::from_str(&value).unwrap());
            }
            let status = StatusCode::from_u16(status).unwrap();
            Value::Answer(Answer { status, reason: Bytes::new(), headers, body: body.into() })
        });
        let limits = (prop::option::of(0..NEVER), prop::option::of(0..NEVER));
        let tags = prop::collection::vec("\\PC{0,9}", 0..4);
        (value, limits, tags, any::<u64>(), any::<u64>()).prop_map(|it| {
            let (value, (revalidate, expire), tags, stored_ms, seen) = it;
            let tags: Vec<Box<str>> = tags.into_iter().map(Into::into).collect();
            Entry {
                value,
                lifetime: Lifetime { revalidate, expire },
                tags: tags.into(),
                stored_ms,
                seen,
            }
        })
    }

    proptest! {
        #[test]
        fn an_entry_comes_back_as_it_was(key in "\\PC{0,20}", entry in any_entry()) {
            let bytes = Bytes::from(encode(&key, &entry));
            prop_assert_eq!(decode(&key, &bytes), Some(entry));
        }

        #[test]
        fn c11_a_changed_byte_makes_it_nothing(
            entry in any_entry(), at in any::<prop::sample::Index>(), flip in 1..=u8::MAX
        ) {
            let mut bytes = encode("key", &entry);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_eq!(decode("key", &bytes.into()), None);
        }

        #[test]
        fn c11_a_part_of_it_is_nothing(entry in any_entry(), at in any::<prop::sample::Index>()) {
            let mut bytes = encode("key", &entry);
            bytes.truncate(at.index(bytes.len()));
            prop_assert_eq!(decode("key", &bytes.into()), None);
        }

        #[test]
        fn c11_garbage_with_a_right_checksum_is_nothing(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200), with_magic in any::<bool>()
        ) {
            if with_magic {
                bytes.splice(0..0, *MAGIC);
            }
            let checksum = Sha256::digest(&bytes);
            bytes.extend_from_slice(&checksum);
            prop_assert_eq!(decode("key", &bytes.into()), None);
        }
    }

    #[test]
    fn an_entry_is_not_taken_for_that_of_another_key() {
        let entry = Entry {
            value: Value::Data(Bytes::new()),
            lifetime: Lifetime::FOREVER,
            tags: Arc::new([]),
            stored_ms: 0,
            seen: 0,
        };
        let bytes = Bytes::from(encode("one", &entry));
        assert!(decode("one", &bytes).is_some());
        assert!(decode("two", &bytes).is_none());
    }
}
