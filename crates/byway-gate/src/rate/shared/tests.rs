use std::sync::Arc;
use std::time::{Duration, Instant};

use byway_config::limits::RATE_STORE_WAIT_MAX;
use byway_config::{Algorithm, Counted, RateKey, RateLimit, StoreDown, StoreSettings};
use byway_testkit::RedisServer;
use http::header::HeaderMap;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{COUNT, Call, SharedCounters, verdicts};
use crate::rate::algorithm::Rule;
use crate::rate::{Counting, Facts, MemoryCounters, RateLimits};

fn limit(algorithm: Algorithm, limit: u64, window: Duration) -> RateLimit {
    RateLimit {
        name: "default".to_owned(),
        limit,
        window,
        key: vec![RateKey::Ip],
        algorithm,
        burst: None,
        ipv6_prefix: 64,
        store: Counted::Shared,
        store_down: StoreDown::Local,
    }
}

fn minute(algorithm: Algorithm, requests: u64) -> RateLimit {
    limit(algorithm, requests, Duration::from_mins(1))
}

async fn counters(server: &RedisServer) -> Arc<SharedCounters> {
    let url = Some(server.url().parse().unwrap());
    let settings = StoreSettings { url, prefix: "test".to_owned() };
    let counters = SharedCounters::new(&settings).unwrap().unwrap();
    counters.start();
    until("the store is up", || counters.is_up()).await;
    counters
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn call(key: &str, settings: &RateLimit) -> Call {
    Call { key: format!("test:r:{key}"), rule: Rule::new(settings) }
}

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Fixed, Algorithm::Sliding, Algorithm::Gcra];

#[tokio::test]
async fn q02_two_machines_let_exactly_one_limit_through() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let (one, other) = (counters(&server).await, counters(&server).await);
    for algorithm in ALGORITHMS {
        let settings = minute(algorithm, 100);
        let call = call(&format!("{algorithm:?}"), &settings);
        let mut passed = 0;
        for _ in 0..150 {
            let calls = std::slice::from_ref(&call);
            let (here, there) = tokio::join!(one.take(calls), other.take(calls));
            for verdict in [here, there] {
                passed += usize::from(verdict.unwrap()[0].allowed);
            }
        }
        // A bucket of GCRA refills meanwhile: one request in 0.6 s.
        let refilled = if algorithm == Algorithm::Gcra { 5 } else { 0 };
        assert!((100..=100 + refilled).contains(&passed), "{algorithm:?}: {passed}");
    }
}

#[tokio::test]
async fn what_one_of_several_limits_refuses_counts_for_none() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let counters = counters(&server).await;
    let (narrow, wide) = (minute(Algorithm::Fixed, 1), minute(Algorithm::Sliding, 10));
    let both = [call("narrow", &narrow), call("wide", &wide)];
    let first = counters.take(&both).await.unwrap();
    assert_eq!(
        first.iter().map(|it| (it.allowed, it.remaining)).collect::<Vec<_>>(),
        [(true, 0), (true, 9)]
    );
    for _ in 0..5 {
        let refused = counters.take(&both).await.unwrap();
        assert!(!refused[0].allowed && refused[0].retry > Duration::from_secs(55), "{refused:?}");
    }
    let alone = counters.take(&both[1..]).await.unwrap();
    assert_eq!((alone[0].allowed, alone[0].remaining), (true, 8));
}

/// The script with the time as its last argument, in microseconds.
fn timed_script() -> redis::Script {
    let timed = COUNT.replace("redis.call('TIME')", "{ 0, ARGV[#ARGV] }");
    assert_ne!(timed, COUNT);
    redis::Script::new(&timed)
}

#[test]
fn the_script_decides_as_the_algorithms_do() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let client = redis::Client::open(server.url()).unwrap();
    let connection = std::cell::RefCell::new(client.get_connection().unwrap());
    let script = timed_script();
    let algorithms =
        prop_oneof![Just(Algorithm::Fixed), Just(Algorithm::Sliding), Just(Algorithm::Gcra)];
    let gaps = proptest::collection::vec(0..3_000_000_u64, 1..60);
    let cases = std::cell::Cell::new(0);
    let plays = (algorithms, 1..20_u64, 1..1_000_000_u64, gaps);
    TestRunner::default()
        .run(&plays, |(algorithm, requests, interval_us, gaps)| {
            cases.set(cases.get() + 1);
            let window = Duration::from_micros(requests * interval_us);
            let rule = Rule::new(&limit(algorithm, requests, window));
            let (letter, limit, window_us, burst) = rule.numbers();
            let (mut state, mut now_us) = ([0; 2], 1_800_000_000_000_000_u64);
            for gap in gaps {
                now_us += gap;
                let expected = rule.step(state, now_us * 1_000);
                // What is refused leaves no trace in the store.
                if expected.verdict.allowed {
                    state = expected.state;
                }
                let mut call = script.key(format!("case{}", cases.get()));
                call.arg(letter).arg(limit).arg(window_us).arg(burst).arg(now_us);
                let numbers: Vec<u64> = call.invoke(&mut *connection.borrow_mut()).unwrap();
                let told = verdicts(&numbers, 1).unwrap()[0];
                let expected = expected.verdict;
                prop_assert_eq!(
                    (told.allowed, told.remaining, told.reset),
                    (expected.allowed, expected.remaining, expected.reset)
                );
                // Nanoseconds are rounded up to the microsecond.
                let late = told.retry.saturating_sub(expected.retry);
                prop_assert!(told.retry + Duration::from_micros(1) >= expected.retry);
                prop_assert!(late <= Duration::from_micros(1), "{:?} {:?}", told, expected);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn q04_a_server_whose_clock_goes_back_an_hour_locks_nobody_out() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let script = timed_script();
    for algorithm in ALGORITHMS {
        let (letter, limit, window_us, burst) = Rule::new(&minute(algorithm, 2)).numbers();
        let mut ask = |now_us: u64| {
            let mut call = script.key(letter);
            call.arg(letter).arg(limit).arg(window_us).arg(burst).arg(now_us);
            let numbers: Vec<u64> = call.invoke(&mut connection).unwrap();
            verdicts(&numbers, 1).unwrap()[0]
        };
        let (start, hour) = (1_800_000_000_000_000, 3_600_000_000);
        assert!(ask(start).allowed && ask(start).allowed && !ask(start).allowed, "{algorithm:?}");
        let back = ask(start - hour);
        assert!(back.retry <= Duration::from_mins(2), "{algorithm:?} {back:?}");
        assert!(ask(start - hour + 120_000_000).allowed, "{algorithm:?}");
        assert!(ask(start + hour).allowed, "{algorithm:?}");
    }
}

#[tokio::test]
async fn q03_a_store_that_hangs_costs_one_short_wait_and_what_is_set_happens() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let store = counters(&server).await;
    let (memory, headers) = (MemoryCounters::new(), HeaderMap::new());
    let facts =
        Facts { address: "192.0.2.1".parse().ok(), route: "/a", headers: &headers, query: "" };
    let of = |store_down| {
        RateLimits::new(&[RateLimit { store_down, ..minute(Algorithm::Fixed, 1) }], "route")
    };
    let check = async |limits: &RateLimits| {
        let begun = Instant::now();
        let counting = limits.check_shared(&memory, &store, &facts, Instant::now()).await;
        (counting, begun.elapsed())
    };
    let local = of(StoreDown::Local);
    assert!(matches!(check(&local).await.0, Counting::Done(it) if it.allowed));
    server.pause();
    let (counting, took) = check(&local).await;
    assert!(matches!(counting, Counting::Done(it) if it.allowed), "memory has not seen it yet");
    assert!(took < RATE_STORE_WAIT_MAX + Duration::from_millis(10), "{took:?}");
    let (counting, took) = check(&local).await;
    assert!(matches!(counting, Counting::Done(it) if !it.allowed), "memory has");
    assert!(took < Duration::from_millis(5), "nobody else waits: {took:?}");
    assert_eq!(check(&of(StoreDown::Open)).await.0, Counting::Passed);
    assert_eq!(check(&of(StoreDown::Closed)).await.0, Counting::Refused);
    assert_eq!(store.failures(), 1);
    server.resume();
    until("the store is used again", || store.is_up()).await;
    assert!(matches!(check(&local).await.0, Counting::Done(it) if !it.allowed), "it remembers");
}

#[tokio::test]
async fn q05_a_store_that_fails_over_is_found_again() {
    let Some(mut server) = RedisServer::start().unwrap() else { return };
    let store = counters(&server).await;
    let call = call("failover", &minute(Algorithm::Fixed, 9));
    let ask = async || store.take(std::slice::from_ref(&call)).await.map(|it| it[0].remaining);
    assert_eq!((ask().await, ask().await), (Some(8), Some(7)));
    // Without its data and its scripts, as after a failover to a replica that was behind.
    server.kill();
    assert!(ask().await.is_none());
    server.start_again().unwrap();
    until("the store is used again", || store.is_up()).await;
    assert_eq!(ask().await, Some(8));
    // One that takes no writes any more.
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]).unwrap();
    assert!(ask().await.is_none() && !store.is_up());
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "0"]).unwrap();
    until("the store is used again", || store.is_up()).await;
    assert!(ask().await.is_some());
    // One that wants a password all of a sudden.
    server.command(&["CONFIG", "SET", "requirepass", "new"]).unwrap();
    server.command_as("new", &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
    assert!(ask().await.is_none() && !store.is_up());
    server.command_as("new", &["CONFIG", "SET", "requirepass", ""]).unwrap();
    until("the store is used again", || store.is_up()).await;
    assert!(ask().await.is_some());
    assert_eq!(store.failures(), 3);
}
