//! Which tags were invalidated, and what that means for entries.
//!
//! Time in here is a count of invalidations, not a clock: every change of a tag takes the next number, and
//! an entry remembers the number that was the last one when its making began. It is hit by exactly the
//! changes with a higher number, also when making and invalidating overlap, whatever the clocks say.

use std::collections::HashMap;

use byway_config::limits::CACHE_TAGS_REMEMBERED_MAX;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::entry::{Entry, Freshness};

/// What happens to everything with a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It is gone at once.
    Expire,
    /// It is stale at once, and gone at this time, in milliseconds since 1970, where one is given.
    Stale {
        /// When it is gone.
        gone_at_ms: Option<u64>,
    },
}

/// A change of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagChange {
    /// The tag.
    pub tag: Box<str>,
    /// What happens to what has it.
    pub change: Change,
}

/// The changes of one tag, as far as they still say something.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    /// The number of the last change that expired it, 0 for none.
    expired: u64,
    /// The same for a change that made it stale.
    stale: u64,
    /// What is to expire at a time: the time and the change's number.
    later: Option<(u64, u64)>,
}

/// All invalidations that this process knows of.
#[derive(Debug, Default)]
pub(crate) struct Tags(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    /// The last number given out.
    last: u64,
    /// Everything up to this number is gone, whatever its tags.
    floor: u64,
    records: HashMap<Box<str>, Record>,
}

impl Tags {
    /// The number of the last change: what a making that begins now has seen.
    pub(crate) fn seen(&self) -> u64 {
        self.0.read().last
    }

    /// Takes note of changes. Gives the number of the last one.
    pub(crate) fn apply(&self, changes: &[TagChange]) -> u64 {
        let mut state = self.0.write();
        for change in changes {
            state.last += 1;
            let number = state.last;
            state.record(change, number);
        }
        state.last
    }

    /// Takes note of a change that an earlier process numbered.
    pub(crate) fn restore(&self, change: &TagChange, number: u64) {
        let mut state = self.0.write();
        state.last = state.last.max(number);
        state.record(change, number);
    }

    /// Everything that exists is gone.
    pub(crate) fn expire_all(&self) -> u64 {
        let mut state = self.0.write();
        state.forget_all();
        state.last
    }

    /// What the invalidations have made of an entry, for a reader with `soft` tags of its own.
    pub(crate) fn freshness(&self, entry: &Entry, soft: &[Box<str>], now_ms: u64) -> Freshness {
        let state = self.0.read();
        if entry.seen < state.floor {
            return Freshness::Gone;
        }
        if state.records.is_empty() || entry.seen >= state.last {
            // A change that waits for its time has a number of its own, so it cannot hide here.
            return Freshness::Fresh;
        }
        let tags = entry.tags.iter().chain(soft);
        tags.filter_map(|tag| state.records.get(tag))
            .map(|record| record.freshness(entry.seen, now_ms))
            .max()
            .unwrap_or(Freshness::Fresh)
    }
}

impl State {
    fn record(&mut self, change: &TagChange, number: u64) {
        if self.records.len() >= CACHE_TAGS_REMEMBERED_MAX
            && !self.records.contains_key(&change.tag)
        {
            self.forget_all();
            return;
        }
        let record = self.records.entry(change.tag.clone()).or_default();
        match change.change {
            Change::Expire => record.expired = record.expired.max(number),
            Change::Stale { gone_at_ms } => {
                record.stale = record.stale.max(number);
                if let Some(at) = gone_at_ms {
                    // The earlier of two times stands for what both are about; the later one only adds
                    // entries, which being stale are made anew soon in any case.
                    record.later = Some(match record.later {
                        Some((known_at, known)) if known_at <= at => (known_at, known),
                        _ => (at, number),
                    });
                }
            }
        }
    }

    fn forget_all(&mut self) {
        self.last += 1;
        self.floor = self.last;
        self.records.clear();
    }
}

impl Record {
    fn freshness(&self, seen: u64, now_ms: u64) -> Freshness {
        let due = self.later.is_some_and(|(at, number)| at <= now_ms && number > seen);
        if self.expired > seen || due {
            Freshness::Gone
        } else if self.stale > seen {
            Freshness::Stale
        } else {
            Freshness::Fresh
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::entry::{Lifetime, Value};

    fn entry(tags: &Tags, names: &[&str]) -> Entry {
        Entry {
            value: Value::Data(Bytes::new()),
            lifetime: Lifetime::FOREVER,
            tags: names.iter().map(|name| Box::from(*name)).collect::<Vec<_>>().into(),
            stored_ms: 0,
            seen: tags.seen(),
        }
    }

    fn change(tag: &str, change: Change) -> TagChange {
        TagChange { tag: tag.into(), change }
    }

    #[test]
    fn a_change_hits_what_was_begun_before_it() {
        let tags = Tags::default();
        let before = entry(&tags, &["a", "b"]);
        tags.apply(&[change("b", Change::Expire)]);
        let after = entry(&tags, &["a", "b"]);
        assert_eq!(tags.freshness(&before, &[], 0), Freshness::Gone);
        assert_eq!(tags.freshness(&after, &[], 0), Freshness::Fresh);
        assert_eq!(tags.freshness(&entry(&Tags::default(), &["c"]), &[], 0), Freshness::Fresh);
    }

    #[test]
    fn stale_now_and_gone_later() {
        let tags = Tags::default();
        let entry = entry(&tags, &["a"]);
        tags.apply(&[change("a", Change::Stale { gone_at_ms: Some(100) })]);
        assert_eq!(tags.freshness(&entry, &[], 99), Freshness::Stale);
        assert_eq!(tags.freshness(&entry, &[], 100), Freshness::Gone);
    }

    #[test]
    fn a_reader_brings_tags_of_its_own() {
        let tags = Tags::default();
        let entry = entry(&tags, &[]);
        tags.apply(&[change("/path", Change::Expire)]);
        assert_eq!(tags.freshness(&entry, &[], 0), Freshness::Fresh);
        assert_eq!(tags.freshness(&entry, &["/path".into()], 0), Freshness::Gone);
    }

    #[test]
    fn too_many_tags_expire_everything_rather_than_forget() {
        let tags = Tags::default();
        let entry = entry(&tags, &["first"]);
        tags.apply(&[change("first", Change::Stale { gone_at_ms: None })]);
        for number in 0..CACHE_TAGS_REMEMBERED_MAX {
            tags.apply(&[change(&number.to_string(), Change::Expire)]);
        }
        assert_eq!(tags.freshness(&entry, &[], 0), Freshness::Gone);
        assert!(tags.0.read().records.len() <= CACHE_TAGS_REMEMBERED_MAX);
    }
}
