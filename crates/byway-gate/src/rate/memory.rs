//! Counters in memory: a table of fixed size, so that a million made-up keys cost neither memory nor time.
//!
//! A key belongs to one set of sixteen places. A set that is full gives up the counter that matters
//! least: one that has expired, else the one that expires first. Nothing ever moves, so no request waits
//! for a table to be copied. Keys are kept as keyed hashes of 64 bits; two of a million
//! share one with a chance of about one in ten million, and nobody can aim at it without the keys.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Instant;

use byway_config::limits::RATE_COUNTERS_MAX;
use parking_lot::Mutex;

use super::algorithm::{Rule, State, Step, Verdict};

/// Places of a set.
const WAYS: usize = 16;
/// Parts of the table with a lock of their own.
const SHARDS: usize = 64;
const SETS_PER_SHARD: usize = RATE_COUNTERS_MAX / WAYS / SHARDS;

/// A counter as it lies in the table; all zeros is a free place.
type Place = [u64; 4];

/// Places that some keys share. A set comes with the first of its keys, so that a server with few clients
/// has a small table.
type Set = Option<Box<[Place; WAYS]>>;

/// One counter.
#[derive(Debug, Clone, Copy)]
struct Counter {
    /// The key's hash, never 0.
    key: u64,
    state: State,
    /// When it stops to matter, in nanoseconds since `epoch`.
    expires: u64,
}

impl Counter {
    fn at([key, first, second, expires]: Place) -> Self {
        Self { key, state: [first, second], expires }
    }

    fn place(self) -> Place {
        [self.key, self.state[0], self.state[1], self.expires]
    }
}

/// The counters of all limits of a server.
#[derive(Debug)]
pub struct MemoryCounters {
    shards: Box<[Mutex<Box<[Set]>>]>,
    epoch: Instant,
    hash: RandomState,
}

impl Default for MemoryCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryCounters {
    /// An empty table.
    pub fn new() -> Self {
        let sets = || (0..SETS_PER_SHARD).map(|_| None).collect();
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(sets())).collect(),
            epoch: Instant::now(),
            hash: RandomState::new(),
        }
    }

    /// The hash of a key that `write` feeds piece by piece.
    pub(super) fn hash(&self, write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> u64 {
        let mut hasher = self.hash.build_hasher();
        write(&mut |piece| hasher.write(piece));
        hasher.finish().max(1)
    }

    /// Counts a request.
    pub(super) fn take(&self, key: u64, rule: &Rule, now: Instant) -> Verdict {
        self.with(key, rule, now, |place, key, step| {
            *place = Counter { key, state: step.state, expires: step.expires }.place();
        })
    }

    /// What counting would say.
    pub(super) fn peek(&self, key: u64, rule: &Rule, now: Instant) -> Verdict {
        self.with(key, rule, now, |_, _, _| ())
    }

    fn with(
        &self,
        key: u64,
        rule: &Rule,
        now: Instant,
        keep: impl FnOnce(&mut Place, u64, &Step),
    ) -> Verdict {
        // Zero stands for "never", so that time begins later.
        let elapsed = now.saturating_duration_since(self.epoch).as_nanos();
        let now = u64::try_from(elapsed).unwrap_or(u64::MAX / 4) + 1;
        let shard = (key as usize) % SHARDS;
        let set = (key as usize / SHARDS) % SETS_PER_SHARD;
        let mut sets = self.shards[shard].lock();
        let ways = sets[set].get_or_insert_with(|| Box::new([[0; 4]; WAYS]));
        let index = find(&**ways, key, now);
        let Some(place) = ways.get_mut(index) else {
            return rule.step([0; 2], now).verdict;
        };
        let counter = Counter::at(*place);
        let known = counter.key == key;
        let step = rule.step(if known { counter.state } else { [0; 2] }, now);
        keep(place, key, &step);
        step.verdict
    }
}

/// The key's place, or the one to give up for it.
fn find(ways: &[Place], key: u64, now: u64) -> usize {
    let mut best = (0, u64::MAX);
    for (index, place) in ways.iter().enumerate() {
        let counter = Counter::at(*place);
        if counter.key == key {
            return index;
        }
        // Free and expired places are as good as each other.
        let worth = if counter.key == 0 || counter.expires < now { 0 } else { counter.expires };
        if worth < best.1 {
            best = (index, worth);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use byway_config::limits::RATE_COUNTERS_MAX;
    use byway_config::{Algorithm, Counted, RateKey, RateLimit, StoreDown};

    use super::{MemoryCounters, Place};
    use crate::rate::Rule;

    fn rule(limit: u64) -> Rule {
        Rule::new(&RateLimit {
            name: "default".to_owned(),
            limit,
            window: Duration::from_mins(1),
            key: vec![RateKey::Ip],
            algorithm: Algorithm::Sliding,
            burst: None,
            ipv6_prefix: 64,
            store: Counted::default(),
            store_down: StoreDown::default(),
        })
    }

    /// Resident bytes of this process.
    fn resident() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    /// Nanoseconds that this thread has run: other processes on the machine do not count.
    fn processor_ns() -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    }

    const PAUSE_NS_MAX: u64 = 10_000_000;

    /// The processor time of the slowest thousand of a million requests with keys of their own.
    fn slowest_thousand(counters: &MemoryCounters, rule: &Rule) -> u64 {
        let hash = |number: u32| counters.hash(|sink| sink(&number.to_le_bytes()));
        let batches = (0..1_000).map(|batch| {
            let start = processor_ns();
            let now = Instant::now();
            for number in batch * 1_000..(batch + 1) * 1_000 {
                assert!(counters.take(hash(number), rule, now).allowed);
            }
            processor_ns() - start
        });
        batches.max().unwrap_or_default()
    }

    #[test]
    fn q01_a_million_keys_cost_bounded_memory_and_no_pause() {
        assert!(size_of::<Place>() * RATE_COUNTERS_MAX <= 150 << 20);
        let before = resident();
        let (mut counters, rule) = (MemoryCounters::new(), rule(2));
        // Nothing is taken before it is used.
        assert!(resident().saturating_sub(before) < 4 << 20);
        // A thousand requests together take less than one of them may be held up. What the machine does
        // beside is counted too, but a pause of our own would come every time.
        let mut slowest = slowest_thousand(&counters, &rule);
        for _ in 0..2 {
            if slowest >= PAUSE_NS_MAX {
                counters = MemoryCounters::new();
                slowest = slowest_thousand(&counters, &rule);
            }
        }
        assert!(slowest < PAUSE_NS_MAX, "a thousand requests took {slowest} ns");
        let hash = |number: u32| counters.hash(|sink| sink(&number.to_le_bytes()));
        let grown = resident().saturating_sub(before);
        assert!(grown <= 150 << 20, "{} MB for a million keys", grown >> 20);
        // Of a million keys nearly all are still known: the second request of each is counted.
        let now = Instant::now();
        let known = (0..1_000_000)
            .filter(|number| counters.take(hash(*number), &rule, now).remaining == 0)
            .count();
        assert!(known > 990_000, "{known}");
        // Twice as many keys do not make it grow.
        for number in 1_000_000..2_000_000 {
            counters.take(hash(number), &rule, now);
        }
        assert!(resident().saturating_sub(before) <= 150 << 20);
    }

    #[test]
    fn a_counter_in_use_outlives_those_that_expire_before_it() {
        let counters = MemoryCounters::new();
        let (long, short) = (
            rule(5),
            Rule::new(&RateLimit {
                window: Duration::from_secs(1),
                ..RateLimit {
                    name: "short".to_owned(),
                    limit: 5,
                    window: Duration::ZERO,
                    key: vec![RateKey::Ip],
                    algorithm: Algorithm::Fixed,
                    burst: None,
                    ipv6_prefix: 64,
                    store: Counted::default(),
                    store_down: StoreDown::default(),
                }
            }),
        );
        let now = Instant::now();
        // All in one set: hashes that differ in their upper bits only.
        let key = |number: u64| (number << 40) | 7;
        assert_eq!(counters.take(key(1), &long, now).remaining, 4);
        for number in 2..100 {
            counters.take(key(number), &short, now);
        }
        assert_eq!(counters.take(key(1), &long, now).remaining, 3);
        assert_eq!(counters.peek(key(1), &long, now).remaining, 2);
        assert_eq!(counters.take(key(1), &long, now).remaining, 2);
    }
}
