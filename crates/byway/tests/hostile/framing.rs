//! F01 to F19: how requests are cut out of a stream of bytes.

use std::time::{Duration, Instant};

use super::cases::{self, Case, TAIL};
use super::target::Target;

/// Sends each and compares; an empty list of statuses stands for any refusal, or none but the end.
fn check(cases: Vec<Case>) {
    let target = Target::start();
    let mut wrong = Vec::new();
    for Case { row, bytes, statuses, closes, whole } in cases {
        let before = target.told();
        let came = target.send(&bytes);
        let after = target.told();
        let answered = match statuses {
            [] => came.statuses().len() <= 1 && came.statuses().iter().all(|it| *it >= 400),
            _ => came.statuses() == statuses,
        };
        // Whether the tail is a request of its own is clear from the statuses that are expected.
        let sent_tail = bytes.ends_with(TAIL.as_bytes());
        let follows = u64::from(sent_tail && statuses.len() == 2 && statuses[1] == 200);
        let new = &after.seen[before.seen.len()..];
        let bodies: Vec<&str> = new.iter().map(|it| it["body"].as_str().unwrap()).collect();
        let ran = after.begun - before.begun;
        let refused_early = statuses == [400] && ran > 0;
        if !answered
            || came.closed != closes
            || bodies != whole
            || after.smuggled - before.smuggled != follows
            || refused_early
        {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
            wrong.push(format!(
                "{row} {shown:?}\n  statuses {:?} (expected {statuses:?}), closed {} ({closes}), bodies \
                 {bodies:?} ({whole:?}), handlers begun {ran}, smuggled {} ({follows})",
                came.statuses(),
                came.closed,
                after.smuggled - before.smuggled,
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn f01_f02_f03_f04_f05_f06_a_body_has_one_length_or_none() {
    check(cases::lengths());
}

#[test]
fn f07_f08_f09_f10_chunks_are_read_strictly_and_within_bounds() {
    check(cases::chunks());
}

#[test]
fn f11_f12_f13_f15_lines_and_versions_are_read_strictly() {
    check(cases::lines());
}

#[test]
fn f14_a_host_is_there_once_and_agrees_with_the_target() {
    check(cases::hosts());
}

#[test]
fn f18_f19_what_follows_a_request_is_read_as_it_was_framed() {
    check(cases::followers());
}

#[test]
fn f10_trailers_never_become_headers() {
    let target = Target::start();
    target.send(
        b"POST /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-trailer\r\n\r\n3\r\nabc\r\n\
          0\r\nHost: evil\r\nContent-Length: 99\r\nx-byway-ip: 1.2.3.4\r\nx-trailer: t\r\n\r\n",
    );
    let told = target.told();
    let headers = &told.seen[0]["headers"];
    assert_eq!(headers["host"], "a");
    for trailer in ["x-trailer", "x-byway-ip", "content-length"] {
        assert_eq!(headers[trailer], serde_json::Value::Null, "{headers}");
    }
}

#[test]
fn f16_pipelined_requests_are_answered_in_order_however_slow_the_first_is() {
    let target = Target::with(&[(
        "app/slow/route.ts",
        "export async function POST(request: Request) {\n\
         \x20 await new Promise((resolve) => setTimeout(resolve, 300))\n\
         \x20 return new Response('slow ' + await request.text())\n\
         }\n",
    )]);
    let begun = Instant::now();
    let came = target.send(
        b"POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n\
          POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecond\
          GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(came.statuses(), [200, 200, 200]);
    let (slow, second) = (came.text.find("slow first").unwrap(), came.text.find("second").unwrap());
    assert!(slow < second, "{}", came.text);
}

#[test]
fn f17_a_refused_expectation_asks_for_no_body_and_reads_none_as_a_request() {
    let target = Target::with(&[("byway.toml", "[limits]\nbody = \"10b\"\n")]);
    let head = format!(
        "POST /f HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        TAIL.len()
    );
    // A client that waits, and one that does not and sends as its body what looks like a request.
    let waits = target.send(head.as_bytes());
    assert_eq!((waits.statuses().as_slice(), waits.closed), (&[413][..], true));
    let came = target.send(format!("{head}{TAIL}").as_bytes());
    assert_eq!(came.statuses(), [413]);
    for came in [waits, came] {
        assert!(!came.text.contains("100 Continue"), "{}", came.text);
    }
    let told = target.told();
    assert_eq!((told.begun, told.smuggled), (0, 0));
    // One that fits is asked for its body.
    let fits =
        "POST /f HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nfits";
    let came = target.send(fits.as_bytes());
    assert_eq!(came.statuses(), [200]);
    assert!(came.text.ends_with("fits"), "{}", came.text);
}
