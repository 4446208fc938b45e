//! Keys of shared answers, and what stands under a key besides answers.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use byway_cache::{Draft, Entry, Lifetime, Value};
use byway_config::limits::CACHE_KEY_BYTES_MAX;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Wanted;

/// Between the parts of a key. No header, path or query has it.
const SEPARATOR: char = '\n';
const PASS: &[u8] = b"pass";
const VARIES: &[u8] = b"vary ";
/// Seconds for which the handler runs for each request after an answer that may not be kept: those who ask
/// meanwhile need not wait for one another.
const PASS_SECONDS: u32 = 10;

/// What stands under a key in place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker<'e> {
    /// The handler's answers are not for everybody.
    Pass,
    /// There is an answer for each value of these headers; names with commas between them.
    Varies(&'e str),
}

impl<'e> Marker<'e> {
    /// The marker that an entry is, unless it is an answer.
    pub(super) fn of(entry: &'e Entry) -> Option<Self> {
        let Value::Data(bytes) = &entry.value else { return None };
        let names = bytes.strip_prefix(VARIES).and_then(|names| std::str::from_utf8(names).ok());
        Some(names.map_or(Self::Pass, Self::Varies))
    }

    /// The marker as something to keep.
    pub(super) fn draft(self) -> Draft {
        let (value, lifetime) = match self {
            Self::Pass => {
                let end = Some(PASS_SECONDS);
                (Bytes::from_static(PASS), Lifetime { revalidate: end, expire: end })
            }
            Self::Varies(names) => ([VARIES, names.as_bytes()].concat().into(), Lifetime::FOREVER),
        };
        Draft { value: Value::Data(value), lifetime, tags: Arc::new([]) }
    }
}

/// The names of a [`Marker::Varies`].
pub(super) fn names_of(vary: &[HeaderName]) -> String {
    vary.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(",")
}

/// The key of a request: the build, the route, and everything that the handler is told whatever its answer
/// says. `None` for one that is too long to be kept.
pub(super) fn primary(build_id: &str, wanted: &Wanted<'_>, told: &HeaderMap) -> Option<Arc<str>> {
    let Wanted { asked, routed, pattern, policy, .. } = wanted;
    let scheme = if asked.client.https { "https" } else { "http" };
    let path = routed.found.path();
    let mut key = String::with_capacity(256);
    let parts = [
        "h",
        build_id,
        pattern,
        scheme,
        asked.client.authority(),
        asked.path.as_str(),
        asked.path.query(),
        path.as_str(),
        path.query(),
    ];
    for part in parts {
        key.push_str(part);
        key.push(SEPARATOR);
    }
    for (name, values) in routed.added.iter().flat_map(|added| added.iter()) {
        push(&mut key, name, values.iter().map(String::as_bytes))?;
    }
    for name in policy.keyed() {
        push(&mut key, name.as_str(), told.get_all(name).iter().map(HeaderValue::as_bytes))?;
    }
    (key.len() <= CACHE_KEY_BYTES_MAX).then(|| key.into())
}

/// The key of the answer for these values of the headers that answers vary by.
pub(super) fn variant(primary: &str, names: &str, told: &HeaderMap) -> Option<Arc<str>> {
    let mut key = String::with_capacity(primary.len() + 128);
    key.push_str(primary);
    for name in names.split(',') {
        push(&mut key, name, told.get_all(name).iter().map(HeaderValue::as_bytes))?;
    }
    (key.len() <= CACHE_KEY_BYTES_MAX).then(|| key.into())
}

/// Adds a name and its values with their lengths, so that nothing reads like something else. A value that is
/// no text makes no key.
fn push<'v>(key: &mut String, name: &str, values: impl Iterator<Item = &'v [u8]>) -> Option<()> {
    key.push_str(name);
    for value in values {
        let value = std::str::from_utf8(value.trim_ascii()).ok()?;
        let _ = write!(key, ":{}:{value}", value.len());
    }
    key.push(SEPARATOR);
    Some(())
}
