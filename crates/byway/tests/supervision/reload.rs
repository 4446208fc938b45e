//! S03, S04: new builds, new workers and new binaries under load.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::load::{Load, Plan};
use crate::project::{
    build, byway, default_pool, eventually, launch, serve, signal, status, worker,
};

/// How often a test reloads: some times, or `BYWAY_RELOADS`.
fn reloads() -> usize {
    std::env::var("BYWAY_RELOADS").ok().and_then(|times| times.parse().ok()).unwrap_or(8)
}

#[test]
fn s03_reloads_under_load_lose_no_request() {
    let (fixture, server) = serve(&[]);
    let plan = Plan { varied: true, seed: 3, query: "wait=3", ..Plan::default() };
    let load = Load::start(server.authority(), &plan);
    for _ in 0..reloads() {
        let (code, _, stderr) = byway("reload", &fixture, &[]);
        assert_eq!(code, Some(0), "{stderr}");
        load.wait_for(10);
    }
    let result = load.stop();
    eprintln!("s03: {} requests during {} reloads", result.samples.len(), reloads());
    result.assert_no_failure();
    assert_eq!(status(&fixture)["reloads"].as_u64().unwrap() as usize, reloads());
    eventually("an end of the former builds", || {
        (status(&fixture)["leaving_builds"] == 0).then_some(())
    });
}

#[test]
fn s03_a_new_build_takes_over_by_itself_and_each_request_sees_one_build() {
    let (fixture, server) = serve(&[]);
    let load = Load::start(server.authority(), &Plan::default());
    let own = |path: &str| server.get(path).unwrap().header("x-build").map(str::to_owned);
    assert_eq!(own("/echo").as_deref(), Some("1"));
    // The new build has a route more; routing and workers change together.
    fixture
        .write("app/added/route.ts", "export const GET = () => new Response('added')\n")
        .unwrap();
    assert_eq!(server.get("/added").unwrap().status, 404);
    build(&fixture, "2");
    let added = eventually("the new route", || {
        let answer = server.get("/added").unwrap();
        assert!([200, 404].contains(&answer.status), "{answer:?}");
        (answer.status == 200).then_some(answer)
    });
    assert_eq!(added.text(), "added");
    assert_eq!(own("/echo").as_deref(), Some("2"));
    load.wait_for(20);
    let result = load.stop();
    result.assert_no_failure();
    let mut builds: Vec<_> = result.samples.iter().map(|sample| sample.build.as_str()).collect();
    builds.dedup();
    assert!(builds.contains(&"1") && builds.contains(&"2"), "{builds:?}");
}

#[test]
fn s03_sighup_reloads_where_builds_are_not_followed() {
    let (fixture, server) = serve(&["server.follow_builds=false"]);
    build(&fixture, "2");
    let own = || server.get("/echo").unwrap().header("x-build").map(str::to_owned);
    // A worker that is replaced still belongs to the build that is served.
    let before = worker(&server);
    signal(before, Signal::KILL);
    eventually("another worker", || {
        let answer = server.get("/other").unwrap();
        (answer.status == 200 && answer.json()["pid"] != before).then_some(())
    });
    assert_eq!(own().as_deref(), Some("1"));
    signal(u64::from(server.pid()), Signal::HUP);
    eventually("the new build", || (own().as_deref() == Some("2")).then_some(()));
}

#[test]
fn s04_a_build_that_does_not_start_changes_nothing_and_is_reported() {
    let (fixture, server) = serve(&["server.follow_builds=false"]);
    let load = Load::start(server.authority(), &Plan::default());
    fixture.write("broken.flag", "").unwrap();
    build(&fixture, "2");
    let (code, _, stderr) = byway("reload", &fixture, &[]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("the database is not there"), "{stderr}");
    assert!(server.wait_for_log("the earlier one goes on", Duration::from_secs(5)).is_some());
    assert!(status(&fixture)["reload_error"].as_str().unwrap().contains("database"));
    // A manifest of another version, and none at all.
    let manifest = fixture.read(".byway/manifest.json").unwrap();
    fixture.write(".byway/manifest.json", "{\"version\": 0}").unwrap();
    let (code, _, stderr) = byway("reload", &fixture, &[]);
    assert_eq!((code, stderr.contains("another version of byway")), (Some(1), true), "{stderr}");
    assert_eq!(server.get("/echo").unwrap().header("x-build"), Some("1"));
    fixture.write(".byway/manifest.json", manifest).unwrap();
    fixture.remove("broken.flag").unwrap();
    assert_eq!(byway("reload", &fixture, &[]).0, Some(0));
    load.wait_for(20);
    load.stop().assert_no_failure();
    assert_eq!(server.get("/echo").unwrap().header("x-build"), Some("2"));
}

#[test]
fn workers_are_replaced_on_order_without_a_failed_request() {
    let (fixture, server) = serve(&["--workers", "2"]);
    let load = Load::start(server.authority(), &Plan { varied: true, seed: 4, ..Plan::default() });
    eventually("two workers", || (default_pool(&fixture)["ready"] == 2).then_some(()));
    let mut before = pids(&default_pool(&fixture));
    for turn in 1..=3 {
        assert_eq!(byway("recycle", &fixture, &[]).0, Some(0));
        // An order that comes while workers are being replaced is fulfilled by that.
        before = eventually("new workers", || {
            let pool = default_pool(&fixture);
            let now = pids(&pool);
            let is_new = |pid: &u64| *pid > 0 && !before.contains(pid);
            (pool["ready"] == 2 && now.len() == 2 && now.iter().all(is_new)).then_some(now)
        });
        assert_eq!(default_pool(&fixture)["restarts"]["ordered"], 2 * turn);
    }
    load.stop().assert_no_failure();
}

fn pids(pool: &serde_json::Value) -> Vec<u64> {
    let workers = pool["workers"].as_array().unwrap();
    workers.iter().map(|worker| worker["pid"].as_u64().unwrap()).collect()
}

#[test]
fn workers_are_recycled_by_number_and_age_without_a_failed_request() {
    let (fixture, server) =
        serve(&["workers.max_requests=400", "workers.max_age=5s", "--workers", "2"]);
    let plan = Plan { varied: true, seed: 5, query: "wait=3", ..Plan::default() };
    let load = Load::start(server.authority(), &plan);
    let restarts = |why: &str| default_pool(&fixture)["restarts"][why].as_u64().unwrap_or(0);
    eventually("a full worker", || (restarts("max_requests") > 1).then_some(()));
    load.stop().assert_no_failure();
    // Without load they grow old before they have had their number.
    eventually("an old worker", || (restarts("max_age") > 0).then_some(()));
}

#[test]
fn s03_a_new_binary_takes_the_sockets_over_without_a_refused_connection() {
    let fixture = crate::project::built();
    let server = launch(&fixture, &[]).start().unwrap();
    let first = u64::from(server.pid());
    let load = Load::start(server.authority(), &Plan { clients: 8, ..Plan::default() });
    signal(first, Signal::USR2);
    let line = server.wait_for_log("the new binary is starting", Duration::from_secs(5)).unwrap();
    let second: u64 = line.rsplit_once("pid=").unwrap().1.trim().parse().unwrap();
    let ends = Instant::now() + Duration::from_secs(20);
    // A connection for each request: none may be refused.
    while crate::project::alive(first) {
        assert!(Instant::now() < ends, "{}", server.stderr());
        assert_eq!(server.get("/other").unwrap().status, 200);
    }
    load.wait_for(50);
    assert_eq!(server.get("/other").unwrap().status, 200);
    let result = load.stop();
    result.assert_never_wrong();
    // An idle connection may be closed by the server while a request is on its way to it.
    assert!(result.failures().len() <= 8, "{:?}", result.failures());
    assert_eq!(status(&fixture)["pid"].as_u64(), Some(second));
    signal(second, Signal::TERM);
    eventually("the end of the second", || (!crate::project::alive(second)).then_some(()));
}
