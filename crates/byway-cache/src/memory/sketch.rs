//! How often keys were asked for lately, roughly, in a fixed number of bytes.

use std::hash::{BuildHasher as _, RandomState};

/// Counters in each row.
const WIDTH: usize = 1 << 14;
const ROWS: usize = 4;
/// Counts beyond this say nothing more.
const COUNT_MAX: u8 = 15;
/// After so many counts all counters are halved, so that what was popular once does not stay so.
const AGE_AFTER: usize = WIDTH * 10;

/// A count-min sketch. Its hash is seeded anew in each process, so that nobody can aim at a counter.
#[derive(Debug)]
pub(super) struct Sketch {
    counters: Box<[u8]>,
    counted: usize,
    seed: RandomState,
}

impl Sketch {
    pub(super) fn new() -> Self {
        let counters = vec![0; WIDTH * ROWS].into_boxed_slice();
        Self { counters, counted: 0, seed: RandomState::new() }
    }

    /// The key was asked for.
    pub(super) fn count(&mut self, key: &str) {
        for place in self.places(key) {
            if let Some(counter) = self.counters.get_mut(place) {
                *counter = (*counter + 1).min(COUNT_MAX);
            }
        }
        self.counted += 1;
        if self.counted >= AGE_AFTER {
            self.counted = 0;
            self.counters.iter_mut().for_each(|counter| *counter /= 2);
        }
    }

    /// How often, at least as often as it really was, up to a bound.
    pub(super) fn estimate(&self, key: &str) -> u8 {
        let counts = self.places(key).into_iter().filter_map(|place| self.counters.get(place));
        counts.copied().min().unwrap_or(0)
    }

    fn places(&self, key: &str) -> [usize; ROWS] {
        let hash = self.seed.hash_one(key);
        let mut row = 0;
        [0; ROWS].map(|_| {
            let place = row * WIDTH + (hash >> (row * 14)) as usize % WIDTH;
            row += 1;
            place
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_never_too_low_and_fade() {
        let mut sketch = Sketch::new();
        for _ in 0..5 {
            sketch.count("a");
        }
        assert!(sketch.estimate("a") >= 5);
        assert_eq!(sketch.estimate("never"), 0);
        for _ in 0..100 {
            sketch.count("b");
        }
        assert_eq!(sketch.estimate("b"), COUNT_MAX);
        for number in 0..AGE_AFTER {
            sketch.count(&number.to_string());
        }
        assert!(sketch.estimate("b") < COUNT_MAX + 8);
    }
}
