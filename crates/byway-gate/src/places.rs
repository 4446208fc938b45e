//! Counted places: requests at once on a route, bytes of request bodies in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many places, and no more.
#[derive(Debug)]
pub struct Places {
    max: u64,
    taken: AtomicU64,
}

/// Places that are given back when this is dropped.
#[derive(Debug)]
pub struct Taken {
    of: Arc<Places>,
    count: u64,
}

impl Places {
    /// `max` free places.
    pub fn new(max: u64) -> Arc<Self> {
        Arc::new(Self { max, taken: AtomicU64::new(0) })
    }

    /// Takes `count` places, or none.
    pub fn take(self: &Arc<Self>, count: u64) -> Option<Taken> {
        let before = self.taken.fetch_add(count, Ordering::Relaxed);
        if before.saturating_add(count) > self.max {
            self.taken.fetch_sub(count, Ordering::Relaxed);
            return None;
        }
        Some(Taken { of: Arc::clone(self), count })
    }

    /// Places that are taken now.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of.taken.fetch_sub(self.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn l09_places_are_bounded_and_come_back() {
        let places = Places::new(10);
        let first = places.take(7).unwrap();
        assert!(places.take(4).is_none());
        let second = places.take(3).unwrap();
        assert_eq!(places.taken(), 10);
        drop(first);
        assert!(places.take(7).is_some());
        drop(second);
        assert_eq!(places.taken(), 0);
        assert!(places.take(u64::MAX).is_none());
    }
}
