//! L10, L11, L14, L15: descriptors, idle connections, patterns and memory that run out.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, TestServer, byway_binary};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::target::Target;

/// Processor time of a process so far.
fn processor_time(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

fn resident(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn l10_a_server_without_descriptors_neither_spins_nor_stays_deaf() {
    let target = Target::start();
    let pid = target.server.pid();
    let of_server = Pid::from_raw(i32::try_from(pid).unwrap());
    let few = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64 + 50;
    prlimit(of_server, Resource::Nofile, Rlimit { current: Some(few), maximum: Some(few) })
        .unwrap();
    let connect = || TcpStream::connect(target.server.authority()).unwrap();
    let mut crowd: Vec<TcpStream> = (0..300).map(|_| connect()).collect();
    assert!(target.server.wait_for_log("cannot accept", Duration::from_secs(5)).is_some());
    let before = processor_time(pid);
    std::thread::sleep(Duration::from_secs(1));
    let used = processor_time(pid).saturating_sub(before);
    assert!(used < Duration::from_millis(200), "it spins: {used:?} of a second");
    crowd.clear();
    let begun = Instant::now();
    while target.server.get("/f").is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", target.server.stderr());
    }
    assert_eq!(target.told().begun, 0);
}

#[test]
fn l11_many_idle_connections_cost_little_and_delay_nobody() {
    let target = Target::start();
    let pid = target.server.pid();
    let ask = || {
        let begun = Instant::now();
        assert_eq!(target.server.get("/f").unwrap().status, 200);
        begun.elapsed()
    };
    let median = || {
        let mut times: Vec<Duration> = (0..100).map(|_| ask()).collect();
        times.sort_unstable();
        times[50]
    };
    median();
    let (alone, before) = (median(), resident(pid));
    let mut idle = Vec::new();
    for _ in 0..500 {
        let mut client = target.server.connect().unwrap();
        client.send("POST /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(client.read().unwrap().status, 200);
        idle.push(client);
    }
    // They rest after a second. The allocator gives memory back while it works.
    let begun = Instant::now();
    loop {
        let each = resident(pid).saturating_sub(before) / 500;
        if each < 10_000 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{each} bytes for each idle connection");
        median();
    }
    let crowded = median();
    assert!(crowded < alone * 3 + Duration::from_millis(1), "{crowded:?} instead of {alone:?}");
}

#[test]
fn l14_no_pattern_of_a_project_takes_time_that_grows_with_the_path() {
    let source = "/:a((?:x+)+)/:b((?:y|yy)+)/end";
    let target = Target::with(&[
        (
            "next.config.mjs",
            &format!(
                "export default {{ rewrites: async () => [{{ source: '{source}', destination: '/smuggled' }}] }}\n"
            ),
        ),
        ("byway.toml", "[[route]]\npath = \"/p/:id((?:a+)+)\"\nbody = 10\n"),
    ]);
    let hostile = [
        format!("/{}/{}/enD!", "x".repeat(4000), "y".repeat(4000)),
        format!("/p/{}!", "a".repeat(8000)),
    ];
    for path in hostile {
        let begun = Instant::now();
        let answer = target.server.get(&path).unwrap();
        assert_eq!(answer.status, 404, "{path}");
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    }
    assert_eq!(target.server.get("/xxx/yyy/end").unwrap().status, 200);
}

#[test]
fn l15_bodies_beyond_what_the_server_may_hold_are_turned_away_and_it_survives() {
    let target = Target::with(&[
        (
            "app/keep/route.ts",
            "export async function POST(request: Request) {\n\
             \x20 await new Promise((resolve) => setTimeout(resolve, 1500))\n\
             \x20 return new Response(String((await request.arrayBuffer()).byteLength))\n\
             }\n",
        ),
        ("byway.toml", "[limits]\nbodies = \"4mb\"\nbody = \"64mb\"\n"),
    ]);
    let pid = target.server.pid();
    let before = resident(pid);
    let body = "x".repeat(1 << 20);
    let wave = || {
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let send = || target.server.request("POST", "/keep", &[], &body).unwrap().status;
            let sends: Vec<_> = (0..40).map(|_| scope.spawn(send)).collect();
            sends.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(statuses.iter().all(|it| [200, 503].contains(it)), "{statuses:?}");
        assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
        resident(pid)
    };
    let first = wave();
    assert!(first.saturating_sub(before) < 64 << 20, "{} MB", first.saturating_sub(before) >> 20);
    // What has been used once is used again.
    let grown = wave().max(wave()).saturating_sub(first);
    assert!(grown < 24 << 20, "{} MB more, of 40 in each wave", grown >> 20);
    assert_eq!(target.told().begun, 0);
}

#[test]
fn l15_a_worker_whose_heap_is_full_is_replaced_and_the_server_goes_on() {
    let fixture = Fixture::new(&[
        (
            "app/fill/route.ts",
            "export const GET = () => { const all: unknown[] = []; for (;;) all.push(new Array(1e6).fill(all.length)) }\n",
        ),
        ("app/ok/route.ts", "export const GET = () => new Response('ok')\n"),
        ("byway.toml", "[workers.isolation]\nheap = \"64mb\"\n"),
    ])
    .unwrap();
    let server: TestServer = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    assert_eq!(server.get("/fill").unwrap().status, 502);
    let begun = Instant::now();
    while server.get("/ok").map_or(0, |it| it.status) != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", server.stderr());
    }
}
