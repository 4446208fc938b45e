//! What passes through a tunnel, and how it ends.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use byway_testkit::byway_binary;

use super::side::Side;
use super::{SILENCE, Site, WAIT, wish};

/// More than all buffers on the way hold together.
const LARGE: usize = 48 << 20;

fn pattern(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

/// Sends everything, and tells how far it has come.
fn send_all(mut side: Side, progress: Arc<AtomicU64>) -> std::thread::JoinHandle<Side> {
    std::thread::spawn(move || {
        let bytes: Vec<u8> = (0..LARGE).map(pattern).collect();
        for piece in bytes.chunks(64 * 1024) {
            side.0.write_all(piece).unwrap();
            progress.fetch_add(piece.len() as u64, Ordering::SeqCst);
        }
        side
    })
}

fn read_all(side: &mut Side) {
    let mut at = 0;
    let mut piece = vec![0; 256 * 1024];
    while at < LARGE {
        let count = side.0.read(&mut piece).unwrap();
        assert!(count > 0, "the end after {at} bytes");
        for byte in &piece[..count] {
            assert_eq!(*byte, pattern(at));
            at += 1;
        }
    }
    assert_eq!(at, LARGE);
}

#[test]
fn whoever_does_not_read_holds_up_the_sender_in_both_directions() {
    let site = Site::start();
    for from_client in [false, true] {
        let (client, upstream) = site.open("/up/x");
        let (sender, mut reader) =
            if from_client { (client, upstream) } else { (upstream, client) };
        let progress = Arc::new(AtomicU64::new(0));
        let sending = send_all(sender, Arc::clone(&progress));
        // The sender stands still before everything has been taken.
        let mut before = u64::MAX;
        loop {
            let now = progress.load(Ordering::SeqCst);
            if now == before && now > 0 {
                break;
            }
            before = now;
            std::thread::sleep(SILENCE);
        }
        assert!(before < LARGE as u64, "{before} bytes were taken that nobody reads");
        read_all(&mut reader);
        let mut sender = sending.join().unwrap();
        // The other direction has not suffered.
        reader.send("thanks");
        assert_eq!(sender.read_text(6), "thanks");
    }
}

#[test]
fn each_end_is_passed_on_alone() {
    let site = Site::start();
    let (mut client, mut upstream) = site.open("/up/x");
    client.send("last words");
    client.finish_sending();
    assert_eq!(upstream.read_text(10), "last words");
    upstream.assert_ended();
    upstream.send("an answer to them");
    assert_eq!(client.read_text(17), "an answer to them");
    upstream.finish_sending();
    client.assert_ended();

    let (mut client, mut upstream) = site.open("/up/x");
    upstream.send("bye");
    upstream.finish_sending();
    assert_eq!(client.read_text(3), "bye");
    client.assert_ended();
    client.send("bye too");
    assert_eq!(upstream.read_text(7), "bye too");
}

#[test]
fn a_side_that_is_gone_ends_the_other() {
    let site = Site::start();
    let (mut client, upstream) = site.open("/up/x");
    client.send("unread");
    drop(upstream);
    client.assert_ended();
    let (client, mut upstream) = site.open("/up/x");
    drop(client);
    upstream.assert_ended();
    // A message of which half has come is no reason to wait for the rest.
    let (mut client, mut upstream) = site.open("/up/x");
    upstream.send([0x82, 126, 1, 0, 1, 2, 3]);
    drop(upstream);
    assert_eq!(client.read(7), [0x82, 126, 1, 0, 1, 2, 3]);
    client.assert_ended();
}

#[test]
fn silence_ends_a_tunnel() {
    let site = Site::with(&[("byway.toml", "[limits]\nwebsocket_idle = \"1s\"\n")], |it| it);
    let (mut client, mut upstream) = site.open("/up/x");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1500) {
        upstream.send("ping");
        assert_eq!(client.read_text(4), "ping");
        std::thread::sleep(SILENCE);
    }
    let silent = Instant::now();
    client.assert_ended();
    upstream.assert_ended();
    assert!(silent.elapsed() >= Duration::from_millis(500), "{:?}", silent.elapsed());
}

#[test]
fn the_clock_of_the_handshake_does_not_run_for_the_tunnel() {
    let site = Site::start();
    let (mut client, mut upstream) = site.open("/up/x");
    // `proxyTimeout` is 1.5 s, and a connection that waits for a request is put away after a second.
    std::thread::sleep(Duration::from_millis(2200));
    upstream.send("still there");
    assert_eq!(client.read_text(11), "still there");
    client.send("yes");
    assert_eq!(upstream.read_text(3), "yes");
}

#[test]
fn a_server_that_stops_lets_tunnels_end_by_themselves() {
    let site = Site::start();
    let (mut client, mut upstream) = site.open("/up/x");
    site.server.terminate();
    assert!(site.server.wait_for_log("stopping", WAIT).is_some());
    client.send("still");
    assert_eq!(upstream.read_text(5), "still");
    upstream.send("here");
    assert_eq!(client.read_text(4), "here");
    let begun = Instant::now();
    drop(client);
    upstream.assert_ended();
    drop(upstream);
    let stopped = site.server.wait().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_new_build_does_not_end_the_tunnels_of_the_former_one() {
    let site = Site::start();
    let (mut client, mut upstream) = site.open("/up/x");
    let route = "export const GET = () => new Response('new')\n";
    site.fixture.write("app/own/route.ts", route).unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    assert_eq!(site.fixture.build(&binary).unwrap().code(), Some(0));
    let reload = std::process::Command::new(&binary)
        .arg("reload")
        .arg(site.fixture.path())
        .output()
        .unwrap();
    assert!(reload.status.success(), "{}", String::from_utf8_lossy(&reload.stderr));
    assert_eq!(site.server.get("/own").unwrap().text(), "new");
    client.send("over");
    assert_eq!(upstream.read_text(4), "over");
    let (mut client, mut upstream) = site.open("/up/x");
    client.send("again");
    assert_eq!(upstream.read_text(5), "again");
}

#[test]
fn byway_dev_does_the_same_and_ends_with_a_tunnel_open() {
    let site = Site::with(&[], byway_testkit::Launch::dev);
    let (mut client, mut upstream) = site.open("/up/x");
    client.send("one");
    assert_eq!(upstream.read_text(3), "one");
    upstream.send("two");
    assert_eq!(client.read_text(3), "two");
    let mut refused = site.client();
    refused.send(wish("/own", ""));
    assert!(refused.head().starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(site.server.wait_for_log("101", WAIT).is_some(), "{}", site.server.stderr());
    let begun = Instant::now();
    let stopped = site.server.stop().unwrap();
    assert!(stopped.status.success(), "{}", stopped.stderr);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    client.assert_ended();
    upstream.assert_ended();
}
