//! The three ways of counting, as pure functions of two numbers and the time.

use std::time::Duration;

use byway_config::{Algorithm, RateLimit};

/// What a key's counter holds; zeros for a key that was not seen before.
pub(super) type State = [u64; 2];

/// How one limit counts.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    algorithm: Algorithm,
    limit: u64,
    /// Nanoseconds.
    window: u64,
    /// Requests that GCRA lets through at once.
    burst: u64,
}

/// What a limit says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may pass.
    pub allowed: bool,
    /// How many more may pass now.
    pub remaining: u64,
    /// Until the client has its whole limit again.
    pub reset: Duration,
    /// Until a request will pass, when this one may not.
    pub retry: Duration,
}

/// A verdict, what to remember, and until when it matters.
pub(super) struct Step {
    pub(super) verdict: Verdict,
    pub(super) state: State,
    pub(super) expires: u64,
}

impl Rule {
    /// The rule of the settings.
    pub fn new(settings: &RateLimit) -> Self {
        Self {
            algorithm: settings.algorithm,
            limit: settings.limit.max(1),
            window: u64::try_from(settings.window.as_nanos()).unwrap_or(u64::MAX).max(1),
            burst: settings.burst.unwrap_or(settings.limit).max(1),
        }
    }

    /// One that lets everything pass, to see whether counting works.
    pub(super) fn trial() -> Self {
        Self { algorithm: Algorithm::Fixed, limit: 1 << 40, window: 1_000_000_000, burst: 1 }
    }

    /// The same in numbers, for the script of the shared store: its letter for the algorithm, the limit, the
    /// window in microseconds, the burst.
    pub(super) fn numbers(&self) -> (&'static str, u64, u64, u64) {
        let letter = match self.algorithm {
            Algorithm::Fixed => "f",
            Algorithm::Sliding => "s",
            Algorithm::Gcra => "g",
        };
        (letter, self.limit, (self.window / 1_000).max(1), self.burst)
    }

    /// Counts one request at the time `now`, in nanoseconds from any moment but never going back.
    pub(super) fn step(&self, state: State, now: u64) -> Step {
        match self.algorithm {
            Algorithm::Fixed => self.fixed(state, now),
            Algorithm::Sliding => self.sliding(state, now),
            Algorithm::Gcra => self.gcra(state, now),
        }
    }

    /// `[start of the window + 1, requests in it]`. The window begins with a client's first request.
    fn fixed(&self, [start, count]: State, now: u64) -> Step {
        let current = start > 0 && now < (start - 1).saturating_add(self.window);
        let (start, count) = if current { (start - 1, count) } else { (now, 0) };
        let end = start.saturating_add(self.window);
        let allowed = count < self.limit;
        let count = count + u64::from(allowed);
        let left = Duration::from_nanos(end.saturating_sub(now));
        let verdict = Verdict {
            allowed,
            remaining: self.limit - count.min(self.limit),
            reset: left,
            retry: if allowed { Duration::ZERO } else { left },
        };
        Step { verdict, state: [start + 1, count], expires: end }
    }

    /// `[start of the window + 1, requests in it and, 32 bits higher, in the one before]`. The window
    /// before counts for as much of it as a window that ends now would still cover.
    fn sliding(&self, [start, counts]: State, now: u64) -> Step {
        let (count, before) = (counts & u64::from(u32::MAX), counts >> 32);
        let age = if start > 0 { now.saturating_sub(start - 1) } else { u64::MAX };
        let (start, count, before) = match age / self.window {
            0 => (start - 1, count, before),
            1 => (start - 1 + self.window, 0, count),
            _ => (now, 0, 0),
        };
        let elapsed = now.saturating_sub(start);
        // Rounded up, so that a fraction of a request counts as one.
        let faded = |before: u64, elapsed: u64| {
            let left = u128::from(self.window.saturating_sub(elapsed));
            let weighted = u128::from(before) * left;
            u64::try_from(weighted.div_ceil(u128::from(self.window))).unwrap_or(u64::MAX)
        };
        let used = count + faded(before, elapsed);
        let allowed = used < self.limit;
        let count = count + u64::from(allowed);
        let retry = if allowed { 0 } else { self.sliding_wait(count, before, elapsed) };
        let end = start.saturating_add(self.window);
        let verdict = Verdict {
            allowed,
            remaining: self.limit.saturating_sub(used + u64::from(allowed)),
            reset: Duration::from_nanos((end.saturating_add(self.window)).saturating_sub(now)),
            retry: Duration::from_nanos(retry),
        };
        let counts = count.min(u64::from(u32::MAX)) | (before.min(u64::from(u32::MAX)) << 32);
        Step { verdict, state: [start + 1, counts], expires: end.saturating_add(self.window) }
    }

    /// How long until the faded counts leave room for one more.
    fn sliding_wait(&self, count: u64, before: u64, elapsed: u64) -> u64 {
        // `faded` requests may be left of a window with `of` requests: it takes this long into it.
        let until = |of: u64, faded: u64| {
            let gone = u128::from(of.saturating_sub(faded)) * u128::from(self.window);
            u64::try_from(gone.div_ceil(u128::from(of.max(1)))).unwrap_or(u64::MAX)
        };
        if count < self.limit {
            return until(before, self.limit - 1 - count).saturating_sub(elapsed);
        }
        let next = self.window.saturating_sub(elapsed);
        next.saturating_add(until(count, self.limit - 1))
    }

    /// `[theoretical arrival time, 0]`: when the bucket that drains one request every `window / limit`
    /// will be empty.
    fn gcra(&self, [arrival, _]: State, now: u64) -> Step {
        let interval = (self.window / self.limit).max(1);
        let tolerance = interval.saturating_mul(self.burst);
        let base = arrival.max(now);
        let next = base.saturating_add(interval);
        let opens = next.saturating_sub(tolerance);
        let allowed = now >= opens;
        let arrival = if allowed { next } else { base };
        let verdict = Verdict {
            allowed,
            remaining: (now.saturating_add(tolerance)).saturating_sub(arrival) / interval,
            reset: Duration::from_nanos(arrival.saturating_sub(now)),
            retry: Duration::from_nanos(if allowed { 0 } else { opens - now }),
        };
        Step { verdict, state: [arrival, 0], expires: arrival }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use byway_config::{Algorithm, Counted, RateKey, RateLimit, StoreDown};
    use proptest::prelude::*;

    use super::Rule;

    const SECOND: u64 = 1_000_000_000;

    fn rule(algorithm: Algorithm, limit: u64, burst: Option<u64>) -> Rule {
        Rule::new(&RateLimit {
            name: "default".to_owned(),
            limit,
            window: Duration::from_secs(10),
            key: vec![RateKey::Ip],
            algorithm,
            burst,
            ipv6_prefix: 64,
            store: Counted::default(),
            store_down: StoreDown::default(),
        })
    }

    /// Plays requests at these times and gives what was let through.
    fn passed(rule: &Rule, times: &[u64]) -> Vec<bool> {
        let mut state = [0; 2];
        let play = |time: &u64| {
            let step = rule.step(state, *time);
            state = step.state;
            step.verdict.allowed
        };
        times.iter().map(play).collect()
    }

    #[test]
    fn a_fixed_window_begins_anew() {
        let times: Vec<u64> = [0, 1, 2, 9, 10, 11, 12, 19, 20].map(|it| it * SECOND).into();
        let expected = [true, true, false, false, true, true, false, false, true];
        assert_eq!(passed(&rule(Algorithm::Fixed, 2, None), &times), expected);
    }

    #[test]
    fn a_sliding_window_forgets_slowly() {
        let rule = rule(Algorithm::Sliding, 10, None);
        let times: Vec<u64> = std::iter::repeat_n(9 * SECOND, 10)
            // At 19 s the window of the first ten is over; they count fully, then less and less.
            .chain([19, 20, 24, 24, 24, 24, 24].map(|it| it * SECOND))
            .collect();
        let passed = passed(&rule, &times);
        assert_eq!(passed[..10], [true; 10]);
        assert_eq!(passed[10..], [false, true, true, true, true, true, false]);
    }

    #[test]
    fn gcra_spaces_requests_out_after_a_burst() {
        let rule = rule(Algorithm::Gcra, 10, Some(3));
        let times = [0, 0, 0, 0, SECOND / 2, SECOND, SECOND, 3 * SECOND, 3 * SECOND, 3 * SECOND];
        let expected = [true, true, true, false, false, true, false, true, true, false];
        assert_eq!(passed(&rule, &times), expected);
    }

    fn algorithms() -> impl Strategy<Value = Algorithm> {
        prop_oneof![Just(Algorithm::Fixed), Just(Algorithm::Sliding), Just(Algorithm::Gcra)]
    }

    proptest! {
        /// No window of time lets more through than twice the limit (the worst of a fixed window), a
        /// sliding one never more than its own window allows, and who waits as told is let through.
        #[test]
        fn limits_hold(
            algorithm in algorithms(),
            limit in 1..40_u64,
            gaps in proptest::collection::vec(0..3 * SECOND, 1..200),
        ) {
            let rule = rule(algorithm, limit, None);
            let (mut state, mut now, mut passed) = ([0; 2], SECOND, Vec::new());
            for gap in gaps {
                now += gap;
                let step = rule.step(state, now);
                state = step.state;
                if step.verdict.allowed {
                    passed.push(now);
                } else {
                    let later = now + u64::try_from(step.verdict.retry.as_nanos()).unwrap();
                    prop_assert!(later > now);
                    prop_assert!(rule.step(state, later).verdict.allowed, "retry at {later}");
                    prop_assert_eq!(step.verdict.remaining, 0);
                }
                prop_assert!(step.expires >= now);
                prop_assert!(step.verdict.remaining < limit);
            }
            for (index, start) in passed.iter().enumerate() {
                let end = start + 10 * SECOND;
                let within = passed[index..].iter().take_while(|time| **time < end).count() as u64;
                prop_assert!(within <= 2 * limit, "{within} of {limit}");
            }
        }

        #[test]
        fn q04_a_clock_that_jumps_locks_nobody_out(
            algorithm in algorithms(),
            state in any::<[u64; 2]>(),
            now in any::<u64>(),
        ) {
            // Whatever the counter holds, the verdict is one, and nothing overflows.
            let rule = rule(algorithm, 5, None);
            let state = match algorithm {
                Algorithm::Gcra => [state[0] % (now / 2 + 1), 0],
                _ => [(state[0] % (now / 2 + 1)).saturating_add(1), state[1]],
            };
            let _ = rule.step(state, now.min(u64::MAX / 2)).verdict;
        }
    }
}
