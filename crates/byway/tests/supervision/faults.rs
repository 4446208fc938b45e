//! W01 to W13: what user code does to its worker, and what that costs the others.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::load::{Load, Outcome, Plan, Random, seed};
use crate::project::{alive, default_pool, eventually, node_start, serve, signal, worker};

/// The error that a fault may cost the requests on its worker.
fn is_gateway_error(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Status(502 | 504) | Outcome::Broken)
}

#[test]
fn w01_a_killed_worker_costs_what_was_in_flight_and_nothing_else() {
    let (fixture, server) = serve(&["--workers", "2"]);
    let plan = Plan { clients: 64, query: "wait=20", ..Plan::default() };
    let load = Load::start(server.authority(), &plan);
    let mut killed = 0;
    for _ in 0..5 {
        // A worker that is alone has all requests in flight.
        eventually("two workers", || {
            let pool = default_pool(&fixture);
            let workers = pool["workers"].as_array().unwrap();
            (pool["ready"] == 2 && workers.iter().all(|worker| worker["pid"] != killed))
                .then_some(())
        });
        load.wait_for(200);
        killed = worker(&server);
        signal(killed, Signal::KILL);
    }
    load.wait_for(200);
    let result = load.stop();
    result.assert_never_wrong();
    let failures = result.failures();
    assert!(failures.iter().all(|outcome| is_gateway_error(outcome)), "{failures:?}");
    // Two workers share 64 clients, and five of them were killed.
    assert!(failures.len() <= 5 * 40, "{} of {}", failures.len(), result.samples.len());
}

#[test]
fn w01_full_service_is_back_at_once_with_one_worker() {
    let (_fixture, server) = serve(&[]);
    let load = Load::start(server.authority(), &Plan { clients: 64, ..Plan::default() });
    load.wait_for(200);
    let pid = worker(&server);
    let before = node_start();
    let killed = Instant::now();
    signal(pid, Signal::KILL);
    load.wait_for(300);
    let start = before.max(node_start());
    let result = load.stop();
    result.assert_never_wrong();
    let gap = result.service_gap(killed);
    let failed = result.failures().len();
    eprintln!("w01: {gap:?} until an answer, {failed} failed; Node.js starts in {start:?}");
    // byway itself waits for nothing. On a quiet machine these are about 300 ms.
    assert!(gap < Duration::from_millis(150) + start * 4, "{gap:?}, {start:?}");
    assert!(result.failures().len() <= 64);
    assert!(result.failures().iter().all(|outcome| is_gateway_error(outcome)));
}

#[test]
fn w01_w07_every_fault_costs_its_own_requests_only() {
    let (_fixture, server) = serve(&["workers.isolation.heap=64mb"]);
    let load = Load::start(server.authority(), &Plan::default());
    for (kind, statuses) in [
        ("throw", &[500][..]),
        ("reject", &[200]),
        ("timer", &[200]),
        ("timers", &[200]),
        ("exit", &[502]),
        ("abort", &[502]),
        ("kill", &[502]),
        ("segv", &[502]),
        ("oom", &[502, 504]),
        ("busy?ms=700", &[200]),
        ("close", &[200]),
    ] {
        load.wait_for(20);
        let answer = server.get(&format!("/fault/{kind}")).unwrap();
        assert!(statuses.contains(&answer.status), "{kind}: {}", answer.status);
    }
    load.wait_for(100);
    let result = load.stop();
    result.assert_never_wrong();
    let failures = result.failures();
    assert!(failures.iter().all(|outcome| is_gateway_error(outcome)), "{failures:?}");
    // Six workers died; sixteen clients have sixteen requests in flight at most.
    assert!(failures.len() <= 6 * 16, "{failures:?}");
}

#[test]
fn w02_code_that_cannot_start_any_more_is_answered_at_once_and_heals() {
    let (fixture, server) = serve(&[]);
    fixture.write("broken.flag", "").unwrap();
    signal(worker(&server), Signal::KILL);
    let failure =
        eventually("a failure", || default_pool(&fixture)["failure"].as_str().map(str::to_owned));
    assert!(failure.contains("the database is not there"), "{failure}");
    let refused = eventually("a refusal", || {
        let begun = Instant::now();
        let answer = server.get("/other").unwrap();
        (begun.elapsed() < Duration::from_millis(500) && answer.status == 503).then_some(answer)
    });
    assert_eq!(refused.header("retry-after"), Some("1"));
    // The message has a stack in between.
    for part in ["the database is not there", "trying again"] {
        assert!(server.wait_for_log(part, Duration::from_secs(5)).is_some(), "{}", server.stderr());
    }
    fixture.remove("broken.flag").unwrap();
    eventually("a worker", || (server.get("/other").unwrap().status == 200).then_some(()));
    assert_eq!(default_pool(&fixture)["failure"], serde_json::Value::Null);
}

#[test]
fn w03_a_worker_that_leaks_buffers_is_replaced_without_a_failed_request() {
    let (fixture, server) = serve(&["workers.max_memory=200mb"]);
    let load = Load::start(server.authority(), &Plan::default());
    let before = worker(&server);
    while worker(&server) == before {
        assert_eq!(server.get("/fault/buffers?mb=20").unwrap().status, 200);
        std::thread::sleep(Duration::from_millis(200));
    }
    load.wait_for(50);
    load.stop().assert_no_failure();
    assert_eq!(default_pool(&fixture)["restarts"]["max_memory"], 1);
    assert!(server.stderr().contains("MB of memory"), "{}", server.stderr());
}

#[test]
fn w04_an_endless_loop_holds_nobody_else_up() {
    let (fixture, server) = serve(&["workers.unresponsive_after=3s"]);
    let plan = Plan { clients: 16, pause: Duration::from_millis(20), ..Plan::default() };
    let load = Load::start(server.authority(), &plan);
    load.wait_for(100);
    let before = worker(&server);
    let mut looping = server.connect().unwrap();
    let begun = Instant::now();
    looping.send("GET /fault/loop HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(looping.read().unwrap().status, 504, "it was killed");
    let killed_after = begun.elapsed();
    load.wait_for(100);
    let start = node_start();
    let result = load.stop();
    result.assert_never_wrong();
    let (p50, p99) = (result.latency(0.5, begun), result.latency(0.99, begun));
    eprintln!(
        "w04: p50 {p50:?}, p99 {p99:?}, max {:?}, killed after {killed_after:?}, {} failed of {}; \
         Node.js starts in {start:?}",
        result.latency(1.0, begun),
        result.failures().len(),
        result.samples.len()
    );
    // 700 ms until the worker counts as stuck, if the last ping was answered just before the loop began;
    // the spare worker starts in the meantime. On a quiet machine this is about a second.
    assert!(p99 < Duration::from_millis(800) + start * 4, "{p99:?}, {start:?}");
    // Those that the worker had read together with the endless one.
    assert!(result.failures().len() <= 16);
    assert!(killed_after > Duration::from_secs(2), "{killed_after:?}");
    assert!(!alive(before), "the stuck worker");
    assert_eq!(default_pool(&fixture)["restarts"]["stuck"], 1);
}

#[test]
fn w05_a_handler_that_never_resolves_gets_its_deadline_and_then_its_worker_is_replaced() {
    let (fixture, server) = serve(&["workers.overrun=1s"]);
    let load = Load::start(server.authority(), &Plan::default());
    let before = worker(&server);
    let begun = Instant::now();
    assert_eq!(server.get("/impatient").unwrap().status, 504);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    eventually("another worker", || (worker(&server) != before).then_some(()));
    load.wait_for(20);
    load.stop().assert_no_failure();
    assert_eq!(default_pool(&fixture)["restarts"]["overrun"], 1);
}

#[test]
fn w06_a_blocked_event_loop_is_avoided_and_survives() {
    let (fixture, server) = serve(&["--workers", "2"]);
    let load = Load::start(server.authority(), &Plan::default());
    load.wait_for(50);
    let begun = Instant::now();
    assert_eq!(server.get("/fault/busy?ms=1500").unwrap().status, 200);
    load.wait_for(50);
    let start = node_start();
    let result = load.stop();
    result.assert_no_failure();
    let p90 = result.latency(0.9, begun);
    eprintln!("w06: p90 {p90:?}; Node.js starts in {start:?}");
    assert!(p90 < Duration::from_millis(300) + start * 4, "{p90:?}, {start:?}");
    let restarts = default_pool(&fixture)["restarts"].clone();
    assert!(restarts["stuck"].is_null() && restarts["crash"].is_null(), "{restarts}");
}

#[test]
fn w07_a_worker_with_an_uncaught_error_is_replaced_where_that_is_asked_for() {
    let (fixture, server) = serve(&["workers.uncaught=retire"]);
    let load = Load::start(server.authority(), &Plan::default());
    let before = worker(&server);
    assert_eq!(server.get("/fault/timer").unwrap().status, 200);
    assert!(server.wait_for_log("thrown in a timer", Duration::from_secs(5)).is_some());
    eventually("another worker", || (worker(&server) != before).then_some(()));
    load.stop().assert_no_failure();
    assert_eq!(default_pool(&fixture)["restarts"]["uncaught"], 1);
}

#[test]
fn w09_a_flood_of_output_is_bounded_and_stops_nobody() {
    let (_fixture, server) = serve(&["--workers", "2"]);
    let load = Load::start(server.authority(), &Plan::default());
    // 40 MB, ten times what is passed on in a second.
    assert_eq!(server.get("/fault/flood?lines=40000").unwrap().status, 200);
    assert_eq!(server.get("/fault/binary").unwrap().status, 200);
    assert!(server.wait_for_log("some was left out", Duration::from_secs(10)).is_some());
    load.wait_for(100);
    load.stop().assert_no_failure();
    let stopped = server.stop().unwrap();
    assert_eq!(stopped.status.code(), Some(0));
    let marked = stopped.stdout.lines().find(|line| line.contains("xxxx")).unwrap();
    assert!(marked.starts_with("[worker ") && marked.contains(" request "), "{marked:.40}");
    assert!(stopped.stdout.len() < 30_000_000, "{}", stopped.stdout.len());
}

#[test]
fn w10_what_a_worker_started_ends_with_it() {
    let (_fixture, server) = serve(&[]);
    let child = server.get("/fault/child").unwrap().json()["pid"].as_u64().unwrap();
    assert!(alive(child));
    assert_eq!(server.get("/fault/exit").unwrap().status, 502);
    eventually("the child's end", || (!alive(child)).then_some(()));
}

#[test]
fn w11_a_worker_in_an_endless_loop_ends_with_a_killed_server() {
    let (_fixture, server) = serve(&[]);
    let pid = worker(&server);
    let mut looping = server.connect().unwrap();
    looping.send("GET /fault/loop HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(server.wait_for_log("does not respond", Duration::from_secs(10)).is_some());
    let killed = Instant::now();
    drop(server);
    eventually("the worker's end", || (!alive(pid)).then_some(()));
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(1) + node_start() * 4, "{took:?}");
}

#[test]
fn w13_workers_killed_all_the_time_cost_their_requests_only() {
    let (fixture, server) = serve(&["--workers", "2"]);
    let seed = seed("w13");
    let mut random = Random::new(seed);
    let plan = Plan { varied: true, seed, query: "wait=2", ..Plan::default() };
    let load = Load::start(server.authority(), &plan);
    let until = Instant::now() + Duration::from_secs(8);
    let mut kills = 0;
    while Instant::now() < until {
        let workers = default_pool(&fixture)["workers"].as_array().unwrap().clone();
        let ready: Vec<u64> = workers
            .iter()
            .filter(|worker| worker["state"] == "ready")
            .map(|worker| worker["pid"].as_u64().unwrap())
            .collect();
        if !ready.is_empty() {
            signal(ready[random.below(ready.len() as u64) as usize], Signal::KILL);
            kills += 1;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    load.wait_for(100);
    let result = load.stop();
    result.assert_never_wrong();
    let failures = result.failures();
    eprintln!("w13: {kills} kills, {} of {} failed", failures.len(), result.samples.len());
    assert!(
        failures.iter().all(|o| is_gateway_error(o) || **o == Outcome::Status(503)),
        "{failures:?}"
    );
    assert!(failures.len() <= kills * 16 && result.good() > failures.len(), "{}", failures.len());
}
