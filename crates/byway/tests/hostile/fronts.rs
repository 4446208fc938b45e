//! F20: the same attacks through nginx and `HAProxy`. What counts is that both hops see the same requests.

use byway_testkit::{Front, FrontKind};

use super::cases;
use super::target::{Target, exchange};

#[test]
fn f20_nginx_and_byway_read_the_same_requests() {
    check(FrontKind::Nginx);
}

#[test]
fn f20_haproxy_and_byway_read_the_same_requests() {
    check(FrontKind::HaProxy);
}

fn check(kind: FrontKind) {
    let target = Target::start();
    let Some(front) = Front::start(kind, target.server.port()).unwrap() else { return };
    let mut passed = 0;
    for case in cases::all() {
        let before = target.told();
        let came = exchange(front.connect().unwrap(), &case.bytes);
        let after = target.told();
        let shown = String::from_utf8_lossy(&case.bytes[..case.bytes.len().min(200)]).into_owned();
        let statuses = came.statuses();
        let answers = statuses.len() as u64;
        let smuggled = after.smuggled - before.smuggled;
        let ran = after.begun - before.begun + smuggled;
        // One request to the proxy that is two to byway is the whole attack.
        assert!(ran <= answers.max(1), "{kind} {} {shown:?}: {ran} ran, {statuses:?}", case.row);
        assert!(smuggled <= answers.saturating_sub(1), "{kind} {} {shown:?}", case.row);
        // Nor does anything that was sent reach the next client of a shared connection.
        let next = exchange(front.connect().unwrap(), NEXT);
        assert_eq!(next.statuses(), [200], "{kind} {} {shown:?}: {}", case.row, next.text);
        assert!(next.text.ends_with("mine"), "{kind} {} {shown:?}: {}", case.row, next.text);
        passed += usize::from(statuses.contains(&200));
    }
    assert!(passed > 10, "{kind} lets hardly anything through: {passed}");
}

const NEXT: &[u8] = b"POST /f HTTP/1.1\r\nHost: next\r\nContent-Length: 4\r\n\r\nmine";
