use std::net::IpAddr;
use std::time::{Duration, Instant};

use byway_config::{Algorithm, Counted, RateKey, RateLimit, StoreDown};
use http::header::HeaderMap;

use super::{Facts, MemoryCounters, RateLimits};

fn limit(name: &str, limit: u64, seconds: u64, key: RateKey) -> RateLimit {
    RateLimit {
        name: name.to_owned(),
        limit,
        window: Duration::from_secs(seconds),
        key: vec![key],
        algorithm: Algorithm::Fixed,
        burst: None,
        ipv6_prefix: 64,
        store: Counted::default(),
        store_down: StoreDown::default(),
    }
}

fn facts<'a>(headers: &'a HeaderMap, address: &str) -> Facts<'a> {
    let address: Option<IpAddr> = address.parse().ok();
    Facts { address, route: "/a", headers, query: "" }
}

fn lines(answer: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> =
        answer.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort_by_key(|line| line.split(':').next().map(str::to_owned));
    lines
}

#[test]
fn the_client_is_told_where_it_stands() {
    let limits = RateLimits::new(&[limit("default", 2, 60, RateKey::Ip)], "route[0]");
    let (counters, none, start) = (MemoryCounters::new(), HeaderMap::new(), Instant::now());
    let told = |address, seconds| {
        let now = start + Duration::from_secs(seconds);
        let outcome = limits.check(&counters, &facts(&none, address), now);
        let mut answer = HeaderMap::new();
        limits.apply(&outcome, &mut answer);
        (outcome.allowed, lines(&answer))
    };
    let policy = "ratelimit-policy: \"default\";q=2;w=60".to_owned();
    let standing = |text: &str| vec![format!("ratelimit: \"default\";{text}"), policy.clone()];
    assert_eq!(told("192.0.2.1", 0), (true, standing("r=1;t=60")));
    assert_eq!(told("192.0.2.1", 20), (true, standing("r=0;t=40")));
    let mut refused = standing("r=0;t=30");
    refused.push("retry-after: 30".to_owned());
    assert_eq!(told("192.0.2.1", 30), (false, refused));
    assert_eq!(told("192.0.2.2", 30), (true, standing("r=1;t=60")));
    assert_eq!(told("192.0.2.1", 60), (true, standing("r=1;t=60")));
    assert_eq!(limits.refused(), 1);
}

#[test]
fn a_request_that_one_limit_refuses_counts_for_none() {
    let limits = RateLimits::new(
        &[limit("second", 1, 1, RateKey::Ip), limit("minute", 3, 60, RateKey::Ip)],
        "route[0]",
    );
    let (counters, none, start) = (MemoryCounters::new(), HeaderMap::new(), Instant::now());
    let check = |millis| {
        let now = start + Duration::from_millis(millis);
        let outcome = limits.check(&counters, &facts(&none, "192.0.2.1"), now);
        let mut answer = HeaderMap::new();
        limits.apply(&outcome, &mut answer);
        (outcome.allowed, answer["ratelimit"].to_str().unwrap().to_owned())
    };
    assert_eq!(check(0), (true, "\"second\";r=0;t=1".to_owned()));
    for millis in [100, 200, 300] {
        assert!(!check(millis).0);
    }
    assert!(check(1000).0);
    assert_eq!(check(2000), (true, "\"second\";r=0;t=1".to_owned()));
    assert_eq!(check(3000), (false, "\"minute\";r=0;t=57".to_owned()));
}

#[test]
fn limits_of_different_tables_do_not_share_counters() {
    let settings = [limit("default", 1, 60, RateKey::Ip)];
    let (first, second) = (RateLimits::new(&settings, "a"), RateLimits::new(&settings, "b"));
    let (counters, none, now) = (MemoryCounters::new(), HeaderMap::new(), Instant::now());
    assert!(first.check(&counters, &facts(&none, "192.0.2.1"), now).allowed);
    assert!(second.check(&counters, &facts(&none, "192.0.2.1"), now).allowed);
    assert!(!first.check(&counters, &facts(&none, "192.0.2.1"), now).allowed);
}
