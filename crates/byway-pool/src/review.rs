//! When a worker has served for long enough.

use std::time::Duration;

use byway_config::Supervision;
use byway_config::limits::MEMORY_KILL_FACTOR;

/// Why a worker is replaced although it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Retirement {
    /// It has had its number of requests.
    Requests(u64),
    /// It has reached its age.
    Age(Duration),
    /// It has more memory than it may, in bytes.
    Memory(u64),
    /// A handler goes on and on after its deadline.
    Overrun(Duration),
    /// It asks for it: an error that nobody caught.
    Asked(String),
    /// Somebody asked for it: `byway recycle`.
    Ordered,
}

impl Retirement {
    /// One word for it, for counting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Requests(_) => "max_requests",
            Self::Age(_) => "max_age",
            Self::Memory(_) => "max_memory",
            Self::Overrun(_) => "overrun",
            Self::Asked(_) => "uncaught",
            Self::Ordered => "ordered",
        }
    }
}

impl std::fmt::Display for Retirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Requests(count) => write!(f, "it has served {count} requests"),
            Self::Age(age) => write!(f, "it is {} s old", age.as_secs()),
            Self::Memory(bytes) => write!(f, "it uses {} MB of memory", bytes / 1_000_000),
            Self::Overrun(over) => {
                write!(f, "a handler still runs {} s after its deadline", over.as_secs())
            }
            Self::Asked(text) => write!(f, "{text}"),
            Self::Ordered => write!(f, "it was asked for"),
        }
    }
}

/// What a look at a worker has found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) memory_bytes: u64,
    pub(crate) age: Duration,
    pub(crate) requests: u64,
    /// For how long a handler has gone on after its deadline.
    pub(crate) overrun: Option<Duration>,
}

/// Whether the worker should be replaced.
pub(crate) fn retirement(rules: &Supervision, found: &Found) -> Option<Retirement> {
    if rules.max_requests > 0 && found.requests >= rules.max_requests {
        return Some(Retirement::Requests(found.requests));
    }
    if rules.max_memory.is_some_and(|limit| found.memory_bytes > limit) {
        return Some(Retirement::Memory(found.memory_bytes));
    }
    if rules.max_age.is_some_and(|limit| found.age >= limit) {
        return Some(Retirement::Age(found.age));
    }
    found.overrun.filter(|over| *over > rules.overrun).map(Retirement::Overrun)
}

/// Whether the worker has so much memory that waiting for its requests would endanger the machine.
pub(crate) fn must_die(rules: &Supervision, memory_bytes: u64) -> bool {
    rules.max_memory.is_some_and(|limit| memory_bytes > limit.saturating_mul(MEMORY_KILL_FACTOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w03_each_limit_retires_and_only_memory_kills() {
        let found = Found {
            memory_bytes: 100,
            age: Duration::from_secs(10),
            requests: 5,
            overrun: Some(Duration::from_secs(31)),
        };
        let quiet = Supervision { overrun: Duration::from_mins(1), ..Supervision::default() };
        assert_eq!(retirement(&quiet, &found), None);
        let name = |rules: Supervision| retirement(&rules, &found).map(|why| why.name());
        assert_eq!(name(Supervision { max_requests: 5, ..quiet.clone() }), Some("max_requests"));
        assert_eq!(name(Supervision { max_requests: 6, ..quiet.clone() }), None);
        let age = Some(Duration::from_secs(10));
        assert_eq!(name(Supervision { max_age: age, ..quiet.clone() }), Some("max_age"));
        let small = Supervision { max_memory: Some(99), ..quiet.clone() };
        assert_eq!(name(small.clone()), Some("max_memory"));
        assert_eq!(name(Supervision::default()), Some("overrun"));
        assert!(!must_die(&small, 198) && must_die(&small, 199) && !must_die(&quiet, u64::MAX));
    }
}
