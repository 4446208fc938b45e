//! L05 to L08 and P01: bodies that are more than they seem.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::target::{Target, exchange};

/// Resident bytes of a process and all of its children.
fn resident(target: &Target) -> u64 {
    let of = |pid: u32| -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        statm.split_whitespace().nth(1).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0) * 4096
    };
    let pid = target.server.pid();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    of(pid) + children.split_whitespace().map(|it| of(it.parse().unwrap())).sum::<u64>()
}

#[test]
fn l05_a_compressed_body_is_never_decoded() {
    let target = Target::start();
    // As the server sees it: bytes, whatever the header says they are.
    for coding in ["gzip", "br", "zstd", "gzip, gzip", "deflate"] {
        let bytes = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].map(char::from);
        let body: String =
            bytes.into_iter().filter(char::is_ascii).collect::<String>().repeat(1000);
        let headers = [("Content-Encoding", coding)];
        let answer = target.server.request("POST", "/f", &headers, &body).unwrap();
        assert_eq!(answer.header("x-length"), Some(body.len().to_string().as_str()), "{coding}");
    }
    assert_eq!(target.told().seen[0]["headers"]["content-encoding"], "gzip");
}

#[test]
fn l06_json_that_is_hard_to_read_costs_its_own_request() {
    let target = Target::with(&[(
        "app/json/route.ts",
        "export async function POST(request: Request) {\n\
         \x20 try {\n\
         \x20   const value = await request.json()\n\
         \x20   return Response.json({ keys: Object.keys(value).length, polluted: ({} as any).polluted ?? null })\n\
         \x20 } catch (error) {\n\
         \x20   return Response.json({ error: (error as Error).name }, { status: 400 })\n\
         \x20 }\n\
         }\n",
    )]);
    let post = |body: &str| target.server.request("POST", "/json", &[], body).unwrap();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = post(&deep);
    assert!([200, 400].contains(&answer.status), "{}", answer.text());
    let answer = post(r#"{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}"#);
    assert_eq!(answer.json()["polluted"], serde_json::Value::Null);
    let keys: Vec<String> = (0..1_000_000).map(|it| format!("\"k{it}\":0")).collect();
    assert_eq!(post(&format!("{{{}}}", keys.join(","))).json()["keys"], 1_000_000);
    assert_eq!(post(&format!("{{\"n\":{}}}", "9".repeat(100_000))).status, 200);
    assert_eq!(post("{").status, 400);
    let answer = post("{}").json();
    assert_eq!((&answer["keys"], &answer["polluted"]), (&0.into(), &serde_json::Value::Null));
}

#[test]
fn l07_a_body_that_comes_drop_by_drop_holds_nothing_beyond_the_deadline() {
    let target = Target::with(&[("byway.toml", "[limits]\ntimeout = \"1s\"\n")]);
    let mut slow = TcpStream::connect(target.server.authority()).unwrap();
    slow.write_all(b"POST /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let begun = Instant::now();
    let dropping = slow.try_clone().unwrap();
    let drops = std::thread::spawn(move || {
        let mut dropping = dropping;
        // Until nobody takes them any more.
        while dropping.write_all(b"1\r\nx\r\n").is_ok() && begun.elapsed() < Duration::from_secs(20)
        {
            std::thread::sleep(Duration::from_millis(100));
        }
        begun.elapsed()
    });
    let came = exchange(slow, b"");
    assert_eq!(came.statuses(), [504], "{}", came.text);
    let gone = drops.join().unwrap();
    assert!(gone < Duration::from_secs(20), "the connection is still there");
    let told = target.told();
    assert_eq!((told.begun, told.whole), (1, 0));
}

#[test]
fn l08_forms_of_many_parts_or_none_are_bounded_by_the_body() {
    let target = Target::with(&[
        (
            "app/form/route.ts",
            "export async function POST(request: Request) {\n\
             \x20 try { return Response.json({ parts: [...(await request.formData())].length }) }\n\
             \x20 catch (error) { return Response.json({ error: (error as Error).name }, { status: 400 }) }\n\
             }\n",
        ),
        ("byway.toml", "[limits]\nbody = \"8mb\"\n"),
    ]);
    let post = |boundary: &str, body: &str| {
        let kind = format!("multipart/form-data; boundary={boundary}");
        target.server.request("POST", "/form", &[("Content-Type", &kind)], body).unwrap()
    };
    let part = |name: usize| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nv\r\n")
    };
    let many: String = (0..100_000).map(part).collect();
    let before = resident(&target);
    let answer = post("x", &format!("{many}--x--\r\n"));
    assert_eq!(answer.json()["parts"], 100_000, "{}", target.server.stderr());
    // One that never ends, one with a head that never ends, one whose boundary is longer than any head.
    assert_eq!(post("x", &many).status, 400);
    let bomb = format!("--x\r\nContent-Disposition: {}\r\n\r\n", "a".repeat(4 << 20));
    assert_eq!(post("x", &bomb).status, 400);
    assert_eq!(post(&"b".repeat(1 << 20), "x").status, 431);
    assert_eq!(post("x", &"x".repeat((8 << 20) + 1)).status, 413);
    let grown = resident(&target).saturating_sub(before);
    assert!(grown < 400 << 20, "{} MB", grown >> 20);
    assert_eq!(post("x", &format!("{}--x--\r\n", part(1))).json()["parts"], 1);
}

#[test]
fn p01_actions_and_flight_data_are_bodies_like_others() {
    let target = Target::start();
    let flight = "--x\r\nContent-Disposition: form-data; name=\"0\"\r\n\r\n\
                  {\"then\":\"$1:__proto__:then\",\"status\":\"resolved_model\",\"value\":\"{\\\"then\\\":\\\"$B0\\\"}\"}\r\n\
                  --x\r\nContent-Disposition: form-data; name=\"1\"\r\n\r\n\"$@0\"\r\n--x--\r\n";
    let headers = [
        ("Next-Action", "7f0123456789abcdef"),
        ("RSC", "1"),
        ("Next-Router-State-Tree", "[]"),
        ("Content-Type", "multipart/form-data; boundary=x"),
    ];
    let answer = target.server.request("POST", "/f", &headers, flight).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, flight));
    // Where nothing is, nothing reads it either.
    for path in ["/", "/nothing", "/_next/data/x.json"] {
        let answer = target.server.request("POST", path, &headers, flight).unwrap();
        assert!([404, 405].contains(&answer.status), "{path}: {}", answer.status);
        assert_eq!(answer.header("x-action-redirect"), None);
    }
    let told = target.told();
    assert_eq!((told.begun, told.whole), (1, 1));
}
