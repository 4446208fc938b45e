//! The store in memory: bounded in bytes, and kept to what is asked for often.
//!
//! New entries pass through a small window. What leaves it competes for a place in the main part with the
//! entry there that was not used for longest: the one that was asked for more often stays (W-`TinyLFU`:
//! Einziger, Friedman, Manes, "`TinyLFU`: A Highly Efficient Cache Admission Policy", 2017). A flood of paths
//! that are asked for once thus pushes out nothing that is in use. The bound is exact at any time.

mod lists;
mod sketch;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::entry::Entry;
use lists::{Lists, Segment};
use sketch::Sketch;

/// One part in so many of all bytes is the window's.
const WINDOW_PART: u64 = 100;
/// Parts in ten of the main part's bytes that entries which were asked for again may take up.
const PROTECTED_TENTHS: u64 = 8;

#[derive(Debug)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Debug)]
struct State {
    bytes_max: u64,
    lists: Lists,
    sketch: Sketch,
}

impl Memory {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self(Mutex::new(State { bytes_max, lists: Lists::default(), sketch: Sketch::new() }))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<Entry>> {
        let mut state = self.0.lock();
        state.sketch.count(key);
        let node = state.lists.find(key)?;
        state.used(node);
        Some(Arc::clone(state.lists.entry(node)))
    }

    /// Keeps an entry, if it is worth more than what it would push out.
    pub(crate) fn put(&self, key: &Arc<str>, entry: Arc<Entry>) {
        let bytes = entry.cost(key) as u64;
        let mut state = self.0.lock();
        state.sketch.count(key);
        if let Some(known) = state.lists.find(key) {
            state.lists.remove(known);
        }
        if bytes <= state.bytes_max {
            state.lists.insert(Arc::clone(key), entry, bytes);
            state.make_room();
        }
    }

    pub(crate) fn clear(&self) {
        let mut state = self.0.lock();
        state.lists = Lists::default();
    }

    /// Bytes of all entries.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.lock().lists.bytes_of_all()
    }
}

impl State {
    /// An entry was asked for again.
    fn used(&mut self, node: usize) {
        match self.lists.segment(node) {
            Segment::Window => self.lists.move_to(node, Segment::Window),
            Segment::Probation | Segment::Protected => {
                self.lists.move_to(node, Segment::Protected);
                let main = self.bytes_max - self.bytes_max / WINDOW_PART;
                while self.lists.bytes(Segment::Protected) > main / 10 * PROTECTED_TENTHS {
                    match self.lists.oldest(Segment::Protected) {
                        Some(oldest) => self.lists.move_to(oldest, Segment::Probation),
                        None => break,
                    }
                }
            }
        }
    }

    /// Moves what is too much out of the window, and out of the store what is worth least.
    fn make_room(&mut self) {
        while self.lists.bytes(Segment::Window) > self.bytes_max / WINDOW_PART {
            let Some(candidate) = self.lists.oldest(Segment::Window) else { break };
            self.lists.move_to(candidate, Segment::Probation);
            self.admit(candidate);
        }
        while self.lists.bytes_of_all() > self.bytes_max {
            let Some(victim) = self.victim(None) else { break };
            self.lists.remove(victim);
        }
    }

    /// Lets `candidate`, which has come from the window, compete for its place.
    fn admit(&mut self, candidate: usize) {
        while self.lists.bytes_of_all() > self.bytes_max {
            let Some(victim) = self.victim(Some(candidate)) else { break };
            let wins = self.frequency(candidate) > self.frequency(victim);
            self.lists.remove(if wins { victim } else { candidate });
            if !wins {
                break;
            }
        }
    }

    /// What was not used for longest, other than `spare`.
    fn victim(&self, spare: Option<usize>) -> Option<usize> {
        let segments = [Segment::Probation, Segment::Protected, Segment::Window];
        let mut oldest = segments.into_iter().filter_map(|segment| self.lists.oldest(segment));
        oldest.find(|node| Some(*node) != spare)
    }

    fn frequency(&self, node: usize) -> u8 {
        self.sketch.estimate(self.lists.key(node))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::entry::{Lifetime, Value};

    fn entry(bytes: usize) -> Arc<Entry> {
        Arc::new(Entry {
            value: Value::Data(vec![0; bytes].into()),
            lifetime: Lifetime::FOREVER,
            tags: Arc::new([]),
            stored_ms: 0,
            seen: 0,
        })
    }

    fn put(memory: &Memory, key: &str, bytes: usize) {
        memory.put(&key.into(), entry(bytes));
    }

    #[test]
    fn the_store_uses_its_bytes_and_no_more() {
        let bound = 1_000_000;
        let memory = Memory::new(bound);
        for number in 0..3_000_u64 {
            let key = format!("k{number}");
            put(&memory, &key, 500 + (number % 7) as usize * 1000);
            memory.get(&key);
            assert!(memory.bytes() <= bound, "{number}");
        }
        assert!(memory.bytes() > bound * 9 / 10);
    }

    proptest! {
        #[test]
        fn the_bound_holds_whatever_happens(
            steps in prop::collection::vec((0..40_u8, 0..4_000_usize, any::<bool>()), 0..400)
        ) {
            let memory = Memory::new(20_000);
            for (key, bytes, reads) in steps {
                let key = key.to_string();
                if reads {
                    memory.get(&key);
                } else {
                    put(&memory, &key, bytes);
                }
                let state = memory.0.lock();
                state.lists.check();
                prop_assert!(state.lists.bytes_of_all() <= 20_000);
            }
        }
    }

    #[test]
    fn an_entry_larger_than_the_store_is_not_kept_and_replaces_the_old_one() {
        let memory = Memory::new(10_000);
        put(&memory, "big", 100);
        put(&memory, "big", 20_000);
        assert!(memory.get("big").is_none());
    }

    #[test]
    fn what_is_asked_for_often_outlives_a_flood() {
        let memory = Memory::new(200_000);
        for key in ["hot", "warm"] {
            put(&memory, key, 1_000);
        }
        for number in 0..20_000 {
            assert!(memory.get("hot").is_some(), "{number}");
            if number % 50 == 0 {
                assert!(memory.get("warm").is_some(), "{number}");
            }
            put(&memory, &format!("cold{number}"), 1_000);
        }
    }

    #[test]
    fn a_new_favourite_finds_its_place() {
        let memory = Memory::new(100_000);
        for number in 0..200 {
            put(&memory, &format!("old{number}"), 1_000);
            memory.get(&format!("old{number}"));
        }
        for _ in 0..20 {
            if memory.get("new").is_none() {
                put(&memory, "new", 1_000);
            }
        }
        put(&memory, "other", 1_000);
        put(&memory, "another", 1_000);
        assert!(memory.get("new").is_some());
    }

    #[test]
    fn the_cost_counts_what_is_held() {
        let entry = Entry {
            value: Value::Data(Bytes::from_static(b"12345")),
            tags: Arc::new(["tag".into()]),
            ..(*entry(0)).clone()
        };
        assert!(entry.cost("key") >= 5 + 3 + 3);
    }
}
