//! Rate limits: who is counted, how, and what the client is told.

mod algorithm;
mod key;
mod memory;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use byway_config::RateLimit;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

pub use algorithm::{Rule, Verdict};
pub use key::Facts;
pub use memory::MemoryCounters;

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
        let outcome = match self.limiters.as_slice() {
            [only] => {
                let verdict = counters.take(only.hash(counters, facts), &only.rule, now);
                Outcome::of(0, verdict)
            }
            several => {
                let hashes = || several.iter().map(|it| (it.hash(counters, facts), &it.rule));
                let peeked = hashes().map(|(hash, rule)| counters.peek(hash, rule, now));
                let outcome = Outcome::worst(peeked);
                if outcome.allowed {
                    Outcome::worst(hashes().map(|(hash, rule)| counters.take(hash, rule, now)))
                } else {
                    outcome
                }
            }
        };
        self.note(outcome)
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
    fn worst(verdicts: impl Iterator<Item = Verdict>) -> Self {
        let outcomes = verdicts.enumerate().map(|(index, verdict)| Self::of(index, verdict));
        let rank = |it: &Self| (it.allowed, std::cmp::Reverse(it.retry), it.remaining);
        outcomes.min_by_key(rank).unwrap_or(Self {
            allowed: true,
            index: 0,
            remaining: 0,
            reset: Duration::ZERO,
            retry: Duration::ZERO,
        })
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
