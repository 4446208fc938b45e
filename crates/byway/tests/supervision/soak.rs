//! Everything at once, for a while: `BYWAY_SOAK_SECONDS`, or a quarter of a minute.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use byway_testkit::Fixture;
use rustix::process::Signal;

use crate::load::{Load, Outcome, Plan, Random, seed};
use crate::project::{
    build, byway, default_pool, descriptors, eventually, resident_kb, serve, signal, status,
};

fn seconds() -> u64 {
    std::env::var("BYWAY_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(15)
}

/// What was done to a server.
#[derive(Debug, Default)]
struct Deeds {
    kills: usize,
    stops: usize,
    reloads: usize,
    builds: usize,
    recycles: usize,
}

/// Does one thing to a server, chosen by chance.
fn strike(fixture: &Fixture, random: &mut Random, deeds: &mut Deeds) {
    let pids: Vec<u64> = default_pool(fixture)["workers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|worker| worker["pid"].as_u64().unwrap())
        .filter(|pid| *pid > 0)
        .collect();
    let victim = pids.get(random.below(pids.len().max(1) as u64) as usize);
    match (random.below(12), victim) {
        (0..=3, Some(victim)) => {
            signal(*victim, Signal::KILL);
            deeds.kills += 1;
        }
        (4 | 5, Some(victim)) => {
            signal(*victim, Signal::STOP);
            deeds.stops += 1;
        }
        (6 | 7, _) => {
            // It may be refused: its own worker can be killed while it starts.
            byway("reload", fixture, &[]);
            deeds.reloads += 1;
        }
        (8, _) => {
            deeds.builds += 1;
            build(fixture, &format!("{}", deeds.builds + 1));
        }
        _ => {
            byway("recycle", fixture, &[]);
            deeds.recycles += 1;
        }
    }
}

#[test]
fn w13_s08_chaos_gives_no_wrong_answer_and_leaves_nothing_behind() {
    let (fixture, server) =
        serve(&["--workers", "2", "workers.unresponsive_after=2s", "workers.mark_console=false"]);
    let seed = seed("soak");
    let mut random = Random::new(seed);
    let server_pid = u64::from(server.pid());
    let plan = Plan { clients: 12, varied: true, seed, query: "wait=2", ..Plan::default() };
    // The level to return to is that of a server that has worked.
    let warm = Load::start(server.authority(), &plan);
    warm.wait_for(500);
    warm.stop().assert_never_wrong();
    std::thread::sleep(Duration::from_millis(500));
    let (memory_before, descriptors_before) = (resident_kb(server_pid), descriptors(server_pid));
    let load = Load::start(server.authority(), &plan);
    let until = Instant::now() + Duration::from_secs(seconds());
    let mut deeds = Deeds::default();
    while Instant::now() < until {
        strike(&fixture, &mut random, &mut deeds);
        std::thread::sleep(Duration::from_millis(random.below(400)));
    }
    load.wait_for(100);
    let result = load.stop();
    let failures = result.failures();
    let explained =
        |outcome: &&Outcome| matches!(outcome, Outcome::Broken | Outcome::Status(502..=504));
    let slowest = result.samples.iter().map(|sample| sample.took).max().unwrap();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in &failures {
        *kinds.entry(format!("{outcome:?}")).or_default() += 1;
    }
    eprintln!(
        "soak: {} requests, failed {kinds:?}, {slowest:?} at most; {deeds:?}",
        result.samples.len()
    );
    result.assert_never_wrong();
    assert!(failures.iter().all(explained), "{failures:?}");
    assert!(failures.len() <= (deeds.kills + deeds.stops) * 12 + 12, "{}", failures.len());
    eventually("the end of former builds and workers", || {
        let status = status(&fixture);
        let workers = status["pool"]["groups"][0]["workers"].as_array().unwrap().len();
        (status["leaving_builds"] == 0 && workers <= 4).then_some(())
    });
    let descriptors_after = eventually("the level of descriptors", || {
        let now = descriptors(server_pid);
        (now <= descriptors_before + 12).then_some(now)
    });
    let memory_after = resident_kb(server_pid);
    eprintln!(
        "soak: {memory_before} kB and {descriptors_before} descriptors before, \
         {memory_after} kB and {descriptors_after} after"
    );
    assert!(memory_after < memory_before + 30_000, "{memory_before} kB, then {memory_after} kB");
}
