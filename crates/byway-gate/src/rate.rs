//! Rate limits: who is counted, how, and what the client is told.

mod algorithm;
mod key;
mod memory;
mod shared;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use byway_config::{Counted, RateLimit, StoreDown};
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

pub use algorithm::{Rule, Verdict};
pub use key::Facts;
pub use memory::MemoryCounters;
pub use shared::SharedCounters;

use shared::Call;

/// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>, revision 10.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// One `rate_limit`, ready to use.
#[derive(Debug)]
pub struct Limiter {
    settings: RateLimit,
    rule: Rule,
    /// Tells the counters of this limit from those of others.
    id: u64,
}

/// The limits of a route.
#[derive(Debug)]
pub struct RateLimits {
    limiters: Vec<Limiter>,
    policy: HeaderValue,
    refused: AtomicU64,
}

/// Whether a request was counted, and what that says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// It was.
    Done(Outcome),
    /// The shared store is down, and the settings let the request pass.
    Passed,
    /// The shared store is down, and the settings refuse the request.
    Refused,
}

/// What the limits of a route say about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the request may pass.
    pub allowed: bool,
    /// The limit that is closest to being reached, or the first one that refuses.
    index: usize,
    remaining: u64,
    reset: Duration,
    retry: Duration,
}

impl RateLimits {
    /// The limits that one table or route file sets. `scope` names it: the same text on every machine.
    pub fn new(settings: &[RateLimit], scope: &str) -> Self {
        let limiter = |(index, settings): (usize, &RateLimit)| Limiter {
            rule: Rule::new(settings),
            id: key::stable_hash(&format!("{scope}#{index}")),
            settings: settings.clone(),
        };
        let limiters: Vec<Limiter> = settings.iter().enumerate().map(limiter).collect();
        let one = |it: &RateLimit| {
            // Structured fields know whole seconds only.
            format!("\"{}\";q={};w={}", it.name, it.limit, it.window.as_secs().max(1))
        };
        let policy = settings.iter().map(one).collect::<Vec<_>>().join(", ");
        let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(""));
        Self { limiters, policy, refused: AtomicU64::new(0) }
    }

    /// Counts the request in memory. A request that one limit refuses counts for none of them.
    pub fn check(&self, counters: &MemoryCounters, facts: &Facts<'_>, now: Instant) -> Outcome {
        let outcome = if let [only] = self.limiters.as_slice() {
            let verdict = counters.take(only.hash(counters, facts), &only.rule, now);
            Outcome::of(0, verdict)
        } else {
            let outcome = self.peek(counters, facts, now, |_| true);
            if outcome.allowed { self.take(counters, facts, now, |_| true) } else { outcome }
        };
        self.note(outcome)
    }

    /// Whether a limit is counted where all machines count.
    pub fn are_shared(&self) -> bool {
        self.limiters.iter().any(Limiter::is_shared)
    }

    /// The same with the limits that are shared in their store.
    pub async fn check_shared(
        &self,
        counters: &MemoryCounters,
        store: &SharedCounters,
        facts: &Facts<'_>,
        now: Instant,
    ) -> Counting {
        let own = |limiter: &Limiter| !limiter.is_shared();
        let here = self.peek(counters, facts, now, own);
        if !here.allowed {
            return Counting::Done(self.note(here));
        }
        let shared: Vec<usize> =
            (0..self.limiters.len()).filter(|at| self.limiters[*at].is_shared()).collect();
        let call = |at: &usize| Call {
            key: store.key(|sink| self.limiters[*at].write_shared(facts, sink)),
            rule: self.limiters[*at].rule,
        };
        let calls: Vec<Call> = shared.iter().map(call).collect();
        let Some(verdicts) = store.take(&calls).await else {
            return self.check_alone(counters, facts, now);
        };
        let there = Outcome::worst(shared.iter().copied().zip(verdicts));
        let outcome = if there.allowed && shared.len() < self.limiters.len() {
            Outcome::worse(there, self.take(counters, facts, now, own))
        } else {
            there
        };
        Counting::Done(self.note(outcome))
    }

    /// The same while the store cannot be asked.
    fn check_alone(&self, counters: &MemoryCounters, facts: &Facts<'_>, now: Instant) -> Counting {
        let mut shared = self.limiters.iter().filter(|limiter| limiter.is_shared());
        if shared.any(|limiter| limiter.settings.store_down == StoreDown::Closed) {
            return Counting::Refused;
        }
        let counted = |limiter: &Limiter| {
            !limiter.is_shared() || limiter.settings.store_down != StoreDown::Open
        };
        if !self.limiters.iter().any(counted) {
            return Counting::Passed;
        }
        let outcome = self.peek(counters, facts, now, counted);
        let allowed = outcome.allowed;
        let outcome = if allowed { self.take(counters, facts, now, counted) } else { outcome };
        Counting::Done(self.note(outcome))
    }

    /// What counting in memory would say, of the limits that `which` chooses.
    fn peek(
        &self,
        counters: &MemoryCounters,
        facts: &Facts<'_>,
        now: Instant,
        which: impl Fn(&Limiter) -> bool,
    ) -> Outcome {
        let chosen = self.limiters.iter().enumerate().filter(|(_, limiter)| which(limiter));
        Outcome::worst(chosen.map(|(index, limiter)| {
            (index, counters.peek(limiter.hash(counters, facts), &limiter.rule, now))
        }))
    }

    /// Counts in memory, for the limits that `which` chooses.
    fn take(
        &self,
        counters: &MemoryCounters,
        facts: &Facts<'_>,
        now: Instant,
        which: impl Fn(&Limiter) -> bool,
    ) -> Outcome {
        let chosen = self.limiters.iter().enumerate().filter(|(_, limiter)| which(limiter));
        Outcome::worst(chosen.map(|(index, limiter)| {
            (index, counters.take(limiter.hash(counters, facts), &limiter.rule, now))
        }))
    }

    fn note(&self, outcome: Outcome) -> Outcome {
        if !outcome.allowed {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// Requests that were refused so far.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The limits as `RateLimit-Policy` has them.
    pub fn policy(&self) -> &str {
        self.policy.to_str().unwrap_or_default()
    }

    /// Tells the client where it stands.
    pub fn apply(&self, outcome: &Outcome, answer: &mut HeaderMap) {
        let Some(limiter) = self.limiters.get(outcome.index) else { return };
        let reset = seconds_up(outcome.reset);
        let mut text = Vec::with_capacity(48);
        text.push(b'"');
        text.extend_from_slice(limiter.settings.name.as_bytes());
        text.extend_from_slice(b"\";r=");
        push_number(&mut text, outcome.remaining);
        text.extend_from_slice(b";t=");
        push_number(&mut text, reset);
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(text)) {
            answer.insert(RATE_LIMIT, value);
        }
        answer.insert(RATE_LIMIT_POLICY, self.policy.clone());
        if !outcome.allowed {
            answer.insert(RETRY_AFTER, seconds_up(outcome.retry).max(1).into());
        }
    }
}

impl Limiter {
    fn is_shared(&self) -> bool {
        self.settings.store == Counted::Shared
    }

    /// The key in the shared store. What changes how a counter is read is part of it.
    fn write_shared(&self, facts: &Facts<'_>, sink: &mut dyn FnMut(&[u8])) {
        let (algorithm, _, window_us, _) = self.rule.numbers();
        sink(algorithm.as_bytes());
        sink(&window_us.to_le_bytes());
        sink(&self.id.to_le_bytes());
        key::write(&self.settings.key, self.settings.ipv6_prefix, facts, sink);
    }

    fn hash(&self, counters: &MemoryCounters, facts: &Facts<'_>) -> u64 {
        counters.hash(|sink| {
            sink(&self.id.to_le_bytes());
            key::write(&self.settings.key, self.settings.ipv6_prefix, facts, sink);
        })
    }
}

impl Outcome {
    fn of(index: usize, verdict: Verdict) -> Self {
        let Verdict { allowed, remaining, reset, retry } = verdict;
        Self { allowed, index, remaining, reset, retry }
    }

    /// The refusal with the longest wait, else the verdict with the fewest requests left.
    fn worst(verdicts: impl Iterator<Item = (usize, Verdict)>) -> Self {
        let outcomes = verdicts.map(|(index, verdict)| Self::of(index, verdict));
        outcomes.min_by_key(Self::rank).unwrap_or(Self {
            allowed: true,
            index: 0,
            remaining: 0,
            reset: Duration::ZERO,
            retry: Duration::ZERO,
        })
    }

    fn worse(one: Self, other: Self) -> Self {
        std::cmp::min_by_key(one, other, Self::rank)
    }

    fn rank(&self) -> (bool, std::cmp::Reverse<Duration>, u64) {
        (self.allowed, std::cmp::Reverse(self.retry), self.remaining)
    }
}

/// Whole seconds, rounded up: who waits so long is not refused again.
fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

pub(crate) fn push_number(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests;
