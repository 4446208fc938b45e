//! The policies of a route, put together from the settings once and shared from then on.

use std::sync::Arc;
use std::time::Duration;

use byway_config::{RoutePolicy, RouteRule, Switch};
use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::cache::CachePolicy;
use crate::cors::CorsPolicy;
use crate::csrf::CsrfPolicy;
use crate::places::Places;
use crate::rate::RateLimits;
use crate::security::SecurityPolicy;

/// Which tables match a request: a bit for each, the most specific one lowest.
pub type RuleSet = u128;

/// What is in force for a request.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Bytes of a body.
    pub body: Option<u64>,
    /// From dispatch to the head of the answer.
    pub timeout: Option<Duration>,
    /// Requests at once.
    pub places: Option<Arc<Places>>,
    /// Whether answers are shared.
    pub cache: Option<Arc<CachePolicy>>,
    /// Whether answers may be compressed.
    pub compress: Option<bool>,
    /// Who else's pages may call.
    pub cors: Option<Arc<CorsPolicy>>,
    /// How often.
    pub rate: Option<Arc<RateLimits>>,
    /// Whether foreign pages may change something.
    pub csrf: Option<Arc<CsrfPolicy>>,
    /// Headers for browsers.
    pub security: Option<Arc<SecurityPolicy>>,
}

/// A policy that somebody set: to nothing, or to something.
type Set<P> = Switch<Arc<P>>;

/// What one table or one route file says.
#[derive(Debug, Clone, Default)]
struct Part {
    body: Option<u64>,
    timeout: Option<Duration>,
    places: Option<Arc<Places>>,
    cache: Option<Set<CachePolicy>>,
    compress: Option<bool>,
    cors: Option<Set<CorsPolicy>>,
    rate: Option<Set<RateLimits>>,
    csrf: Option<Set<CsrfPolicy>>,
    security: Option<Set<SecurityPolicy>>,
}

impl Part {
    fn new(settings: &RoutePolicy, scope: &str) -> Self {
        Self {
            body: settings.body,
            timeout: settings.timeout,
            places: settings.concurrency.map(|count| Places::new(count as u64)),
            cache: switched(settings.cache.as_ref(), CachePolicy::new),
            compress: settings.compress,
            cors: switched(settings.cors.as_ref(), CorsPolicy::new),
            rate: settings.rate_limit.as_ref().map(|limits| match limits.as_slice() {
                [] => Switch::Off,
                limits => Switch::On(Arc::new(RateLimits::new(limits, scope))),
            }),
            csrf: switched(settings.csrf.as_ref(), CsrfPolicy::new),
            security: switched(settings.security_headers.as_ref(), SecurityPolicy::new),
        }
    }

    /// Fills in what is missing from a less specific part.
    fn or(self, wider: &Self) -> Self {
        Self {
            body: self.body.or(wider.body),
            timeout: self.timeout.or(wider.timeout),
            places: self.places.or_else(|| wider.places.clone()),
            cache: self.cache.or_else(|| wider.cache.clone()),
            compress: self.compress.or(wider.compress),
            cors: self.cors.or_else(|| wider.cors.clone()),
            rate: self.rate.or_else(|| wider.rate.clone()),
            csrf: self.csrf.or_else(|| wider.csrf.clone()),
            security: self.security.or_else(|| wider.security.clone()),
        }
    }

    fn finish(self) -> Policy {
        Policy {
            body: self.body,
            timeout: self.timeout,
            places: self.places,
            cache: self.cache.and_then(Switch::into_on),
            compress: self.compress,
            cors: self.cors.and_then(Switch::into_on),
            rate: self.rate.and_then(Switch::into_on),
            csrf: self.csrf.and_then(Switch::into_on),
            security: self.security.and_then(Switch::into_on),
        }
    }
}

fn switched<T, P>(setting: Option<&Switch<T>>, make: fn(&T) -> P) -> Option<Set<P>> {
    setting.map(|setting| match setting {
        Switch::Off => Switch::Off,
        Switch::On(on) => Switch::On(Arc::new(make(on))),
    })
}

/// All `[[route]]` tables, the most specific one first.
pub fn ordered(mut rules: Vec<RouteRule>) -> Vec<RouteRule> {
    // Of equals the later one goes first.
    rules.reverse();
    rules.sort_by_key(|rule| std::cmp::Reverse(specificity(rule)));
    rules
}

/// Fixed segments of the path count first, then single parameters, then whether methods are named.
fn specificity(rule: &RouteRule) -> (usize, usize, bool) {
    let segments = || rule.path.split('/').filter(|segment| !segment.is_empty());
    let fixed = segments().filter(|it| !it.contains([':', '(', '*', '{'])).count();
    let single = segments().filter(|it| it.contains(':') && !it.ends_with(['*', '+', '?'])).count();
    (fixed, single, !rule.methods.is_empty())
}

/// The policies of every route.
#[derive(Debug)]
pub struct Policies {
    rules: Vec<Part>,
    files: Vec<Part>,
    /// Policies put together so far. There are as many as sets of tables that match some path.
    made: RwLock<FxHashMap<(u32, RuleSet), Arc<Policy>>>,
}

/// Policies that are kept put together; beyond, they are made for each request.
const MADE_MAX: usize = 4096;

impl Policies {
    /// From the tables, in the order of [`ordered`], and what each route's file says.
    pub fn new(rules: &[RouteRule], files: &[(&str, &RoutePolicy)]) -> Self {
        let of_rule = |rule: &RouteRule| {
            let scope = format!("{} {}", rule.methods.join(","), rule.path);
            Part::new(&rule.policy, &scope)
        };
        Self {
            rules: rules.iter().map(of_rule).collect(),
            files: files.iter().map(|(path, settings)| Part::new(settings, path)).collect(),
            made: RwLock::default(),
        }
    }

    /// Whether nobody has set anything.
    pub fn is_empty(&self, files: &[(&str, &RoutePolicy)]) -> bool {
        self.rules.is_empty() && files.iter().all(|(_, settings)| settings.is_default())
    }

    /// What is in force for a route when these tables match.
    pub fn get(&self, route: u32, matching: RuleSet) -> Arc<Policy> {
        if let Some(policy) = self.made.read().get(&(route, matching)) {
            return Arc::clone(policy);
        }
        let file = self.files.get(route as usize).cloned().unwrap_or_default();
        let matched = self.rules.iter().enumerate().filter(|(index, _)| matching >> index & 1 == 1);
        let part = matched.fold(file, |part, (_, rule)| part.or(rule));
        let policy = Arc::new(part.finish());
        let mut made = self.made.write();
        if made.len() < MADE_MAX {
            return Arc::clone(made.entry((route, matching)).or_insert(policy));
        }
        policy
    }

    /// The rate limits of all tables and route files with the names of where they come from.
    pub fn rates(&self) -> impl Iterator<Item = &Arc<RateLimits>> {
        let parts = self.rules.iter().chain(&self.files);
        parts.filter_map(|part| part.rate.as_ref()?.as_on())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use byway_config::{Csrf, RoutePolicy, RouteRule, Switch};

    use super::{Policies, ordered};

    fn rule(path: &str, methods: &[&str], policy: RoutePolicy) -> RouteRule {
        let methods = methods.iter().map(|it| (*it).to_owned()).collect();
        RouteRule { path: path.to_owned(), path_at: 0..0, methods, policy }
    }

    #[test]
    fn the_more_fixed_a_path_is_the_more_specific() {
        let paths = [
            ("/:path*", &[][..]),
            ("/api/:path*", &[]),
            ("/api/users/:id", &[]),
            ("/api/users/me", &[]),
            ("/api/:path*", &["POST"]),
            ("/api/users/:rest*", &[]),
            ("/api/:path*", &[]),
        ];
        let rules = paths.iter().map(|(path, methods)| rule(path, methods, RoutePolicy::default()));
        let rules: Vec<RouteRule> = rules
            .enumerate()
            .map(|(index, rule)| RouteRule { path_at: index..index, ..rule })
            .collect();
        let order: Vec<usize> = ordered(rules).iter().map(|rule| rule.path_at.start).collect();
        assert_eq!(order, [3, 2, 5, 4, 6, 1, 0]);
    }

    #[test]
    fn each_setting_comes_from_the_most_specific_place_that_has_it() {
        let wide = RoutePolicy {
            body: Some(1),
            timeout: Some(Duration::from_secs(1)),
            csrf: Some(Switch::On(Csrf::default())),
            concurrency: Some(3),
            ..RoutePolicy::default()
        };
        let narrow =
            RoutePolicy { body: Some(2), csrf: Some(Switch::Off), ..RoutePolicy::default() };
        let file = RoutePolicy { timeout: Some(Duration::from_secs(9)), ..RoutePolicy::default() };
        let rules = [rule("/a/b", &[], narrow), rule("/:path*", &[], wide)];
        let none = RoutePolicy::default();
        let policies = Policies::new(&rules, &[("/a/b", &file), ("/c", &none)]);
        let both = policies.get(0, 0b11);
        assert_eq!((both.body, both.timeout), (Some(2), Some(Duration::from_secs(9))));
        assert!(both.csrf.is_none());
        let other = policies.get(1, 0b10);
        assert_eq!((other.body, other.timeout), (Some(1), Some(Duration::from_secs(1))));
        assert!(other.csrf.is_some());
        // A table's counters are the same for every route that it applies to.
        let places = |policy: &super::Policy| policy.places.clone().unwrap();
        assert!(Arc::ptr_eq(&places(&both), &places(&other)));
        assert!(Arc::ptr_eq(&policies.get(0, 0b11), &both));
        assert!(policies.get(1, 0).places.is_none());
    }
}
