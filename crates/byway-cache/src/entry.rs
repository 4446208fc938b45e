//! What is kept, and how long it is good for.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// Bytes that an entry costs besides what it holds.
const OVERHEAD_BYTES: usize = 256;
/// The same for one header line or tag.
const LINE_OVERHEAD_BYTES: usize = 32;

/// A route's answer as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The reason phrase where it is not the standard one, else empty.
    pub reason: Bytes,
    /// The header lines of the handler.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A route's answer.
    Answer(Answer),
    /// Bytes of the data cache; what they mean is the worker's affair.
    Data(Bytes),
}

/// How long something is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Seconds after which it is made anew in the background; `None`: never.
    pub revalidate: Option<u32>,
    /// Seconds after which it is not given out any more; `None`: never.
    pub expire: Option<u32>,
}

impl Lifetime {
    /// Until somebody invalidates it.
    pub const FOREVER: Self = Self { revalidate: None, expire: None };

    /// What is left to be done after a failed attempt to make it anew: the old value stays for a while,
    /// for 3 to 30 seconds, as under Next.
    #[must_use]
    pub fn after_failure(self) -> Self {
        let revalidate = self.revalidate.unwrap_or(3).clamp(3, 30);
        let expire = self.expire.map(|expire| expire.max(revalidate + 3));
        Self { revalidate: Some(revalidate), expire }
    }
}

/// Something to be kept, before it is known when its making began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The value.
    pub value: Value,
    /// How long it is good for.
    pub lifetime: Lifetime,
    /// Its tags, the implicit ones of a route's path included.
    pub tags: Arc<[Box<str>]>,
}

/// Something that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// How long it is good for, counted from `stored_ms`.
    pub lifetime: Lifetime,
    /// Its tags.
    pub tags: Arc<[Box<str>]>,
    /// When it was stored, in milliseconds since 1970.
    pub stored_ms: u64,
    /// The invalidation that its making had seen last, see `tags.rs`. An entry is as old as the start of
    /// its making: what was invalidated while it was being made may be in it.
    pub(crate) seen: u64,
}

/// Whether an entry may be given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// As it is.
    Fresh,
    /// Once more, while it is made anew.
    Stale,
    /// No.
    Gone,
}

impl Entry {
    /// What the passing of time has made of it.
    pub(crate) fn by_age(&self, now_ms: u64) -> Freshness {
        // A clock that was set back makes an entry young, not old.
        let age_ms = now_ms.saturating_sub(self.stored_ms);
        let over = |seconds: Option<u32>| seconds.is_some_and(|s| age_ms >= u64::from(s) * 1000);
        if over(self.lifetime.expire) {
            Freshness::Gone
        } else if over(self.lifetime.revalidate) {
            Freshness::Stale
        } else {
            Freshness::Fresh
        }
    }

    /// Bytes that it takes up in memory, roughly; never less than what it holds.
    pub(crate) fn cost(&self, key: &str) -> usize {
        let value = match &self.value {
            Value::Data(bytes) => bytes.len(),
            Value::Answer(answer) => {
                let lines = answer.headers.iter();
                answer.body.len()
                    + lines
                        .map(|(n, v)| n.as_str().len() + v.len() + LINE_OVERHEAD_BYTES)
                        .sum::<usize>()
            }
        };
        let tags: usize = self.tags.iter().map(|tag| tag.len() + LINE_OVERHEAD_BYTES).sum();
        OVERHEAD_BYTES + key.len() + value + tags
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(revalidate: Option<u32>, expire: Option<u32>) -> Entry {
        Entry {
            value: Value::Data(Bytes::from_static(b"v")),
            lifetime: Lifetime { revalidate, expire },
            tags: Arc::new([]),
            stored_ms: 10_000,
            seen: 0,
        }
    }

    #[test]
    fn an_entry_grows_stale_and_then_is_gone() {
        let entry = entry(Some(2), Some(5));
        for (now, expect) in [
            (0, Freshness::Fresh),
            (10_000, Freshness::Fresh),
            (11_999, Freshness::Fresh),
            (12_000, Freshness::Stale),
            (14_999, Freshness::Stale),
            (15_000, Freshness::Gone),
        ] {
            assert_eq!(entry.by_age(now), expect, "{now}");
        }
    }

    #[test]
    fn without_limits_an_entry_stays() {
        assert_eq!(entry(None, None).by_age(u64::MAX), Freshness::Fresh);
    }

    #[test]
    fn a_failed_attempt_gives_the_old_value_3_to_30_seconds() {
        let after = |revalidate, expire| Lifetime { revalidate, expire }.after_failure();
        assert_eq!(after(Some(1), None), Lifetime { revalidate: Some(3), expire: None });
        assert_eq!(after(Some(60), Some(10)), Lifetime { revalidate: Some(30), expire: Some(33) });
        assert_eq!(after(Some(10), Some(99)), Lifetime { revalidate: Some(10), expire: Some(99) });
    }
}
