//! Tunnels between two sides in memory, with clocks at a hundredth of their real length.

use std::future::pending;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{End, Flow, TunnelLimits};

const LIMITS: TunnelLimits = TunnelLimits {
    idle: Duration::from_millis(400),
    half_closed: Duration::from_millis(150),
    stalled: Duration::from_millis(250),
    stopping: Duration::from_millis(100),
};
/// Clocks that do not matter.
const PATIENT: TunnelLimits = TunnelLimits {
    idle: Duration::from_mins(1),
    half_closed: Duration::from_mins(1),
    stalled: Duration::from_mins(1),
    stopping: Duration::from_mins(1),
};
/// How late a busy machine may be.
const LATE_MAX: Duration = Duration::from_secs(5);

struct Sides {
    client: DuplexStream,
    upstream: DuplexStream,
    stop: Option<oneshot::Sender<()>>,
    /// How it ended, and the bytes of both directions.
    ended: JoinHandle<(End, u64, u64)>,
    started: Instant,
}

/// A tunnel whose sides take `room` bytes each before they have to read.
fn tunnel(limits: TunnelLimits, room: usize, early: &[u8]) -> Sides {
    let (client, mut client_end) = duplex(room);
    let (upstream, mut upstream_end) = duplex(room);
    let (stop, stopped) = oneshot::channel();
    let early = early.to_vec();
    let ended = tokio::spawn(async move {
        let mut flow = Flow::new(&mut client_end, &mut upstream_end, &early, limits);
        let end = flow
            .run(async {
                if stopped.await.is_err() {
                    pending::<()>().await;
                }
            })
            .await;
        (end, flow.up.bytes(), flow.down.bytes())
    });
    Sides { client, upstream, stop: Some(stop), ended, started: Instant::now() }
}

impl Sides {
    async fn end(self) -> (End, Duration) {
        // Their ends stay open until the tunnel has ended.
        let (end, ..) = self.ended.await.unwrap();
        drop((self.client, self.upstream));
        (end, self.started.elapsed())
    }
}

fn assert_about(took: Duration, wanted: Duration) {
    assert!(took >= wanted && took < wanted + LATE_MAX, "{took:?} instead of {wanted:?}");
}

#[tokio::test]
async fn bytes_pass_both_ways_those_that_came_early_first() {
    let mut sides = tunnel(PATIENT, 64, b"early ");
    sides.client.write_all(b"and late").await.unwrap();
    let mut up = [0; 14];
    sides.upstream.read_exact(&mut up).await.unwrap();
    assert_eq!(&up, b"early and late");
    sides.upstream.write_all(b"answer").await.unwrap();
    let mut down = [0; 6];
    sides.client.read_exact(&mut down).await.unwrap();
    assert_eq!(&down, b"answer");
    // Each end is passed on alone; what comes the other way still arrives.
    sides.client.shutdown().await.unwrap();
    assert_eq!(sides.upstream.read(&mut up).await.unwrap(), 0);
    sides.upstream.write_all(b"behind").await.unwrap();
    sides.client.read_exact(&mut down).await.unwrap();
    assert_eq!(&down, b"behind");
    sides.upstream.shutdown().await.unwrap();
    assert_eq!(sides.client.read(&mut down).await.unwrap(), 0);
    assert_eq!(sides.ended.await.unwrap(), (End::Complete, 14, 12));
}

#[tokio::test]
async fn a_side_that_does_not_read_holds_up_the_other() {
    let mut sides = tunnel(PATIENT, 64, b"");
    let room = 64 * 2 + byway_config::limits::WEBSOCKET_PIECE_BYTES_MAX;
    let sending = async {
        let mut sent = 0;
        while sent <= room {
            let write = sides.upstream.write_all(&[7; 32]);
            if tokio::time::timeout(Duration::from_millis(100), write).await.is_err() {
                return sent;
            }
            sent += 32;
        }
        sent
    };
    let sent = sending.await;
    assert!(sent <= room, "{sent} bytes were taken that nobody reads");
}

#[tokio::test]
async fn silence_ends_a_tunnel_and_bytes_in_either_direction_are_none() {
    let mut sides = tunnel(LIMITS, 64, b"");
    for _ in 0..4 {
        tokio::time::sleep(LIMITS.idle / 2).await;
        sides.client.write_all(b"x").await.unwrap();
        sides.upstream.read_u8().await.unwrap();
    }
    let (end, took) = sides.end().await;
    assert_eq!(end, End::Silent);
    assert_about(took, LIMITS.idle * 3);
}

#[tokio::test]
async fn half_a_tunnel_is_given_less_time() {
    let mut sides = tunnel(LIMITS, 64, b"");
    sides.upstream.shutdown().await.unwrap();
    let (end, took) = sides.end().await;
    assert_eq!(end, End::Silent);
    assert_about(took, LIMITS.half_closed);
}

#[tokio::test]
async fn l02_a_side_that_never_reads_is_cut_however_much_the_other_says() {
    let mut sides = tunnel(LIMITS, 64, b"");
    sides.upstream.write_all(&[7; 64]).await.unwrap();
    sides.upstream.write_all(&[7; 64]).await.unwrap();
    for _ in 0..20 {
        // The silent side is heard of, and does not take what is there for it.
        if sides.client.write_all(b"x").await.is_err() || sides.upstream.read_u8().await.is_err() {
            break;
        }
        tokio::time::sleep(LIMITS.stalled / 10).await;
    }
    let (end, took) = sides.end().await;
    assert_eq!(end, End::Stalled);
    assert_about(took, LIMITS.stalled);
}

#[tokio::test]
async fn a_server_that_stops_gives_its_tunnels_some_time() {
    let mut sides = tunnel(LIMITS, 64, b"");
    sides.stop.take().unwrap().send(()).unwrap();
    sides.upstream.write_all(b"still").await.unwrap();
    let mut down = [0; 5];
    sides.client.read_exact(&mut down).await.unwrap();
    let (end, took) = sides.end().await;
    assert_eq!(end, End::Stopped);
    assert_about(took, LIMITS.stopping);
}

#[tokio::test]
async fn a_side_that_is_gone_ends_the_tunnel() {
    let Sides { client, mut upstream, ended, .. } = tunnel(PATIENT, 64, b"");
    drop(upstream.write_all(b"unread").await);
    drop(client);
    let mut rest = Vec::new();
    upstream.read_to_end(&mut rest).await.unwrap();
    drop(upstream);
    assert_ne!(ended.await.unwrap().0, End::Silent);
}

proptest! {
    #[test]
    fn every_byte_arrives_once_and_in_order(
        up in proptest::collection::vec(any::<u8>(), 0..60_000),
        down in proptest::collection::vec(any::<u8>(), 0..60_000),
        early in 0usize..2_000,
        room in 1usize..20_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let early = early.min(up.len());
        let (seen_up, seen_down, end) = runtime.block_on(async {
            let sides = tunnel(PATIENT, room, &up[..early]);
            let (mut from_client, mut to_client) = tokio::io::split(sides.client);
            let (mut from_upstream, mut to_upstream) = tokio::io::split(sides.upstream);
            let late = &up[early..];
            let client = async {
                to_client.write_all(late).await.unwrap();
                to_client.shutdown().await.unwrap();
            };
            let upstream = async {
                to_upstream.write_all(&down).await.unwrap();
                to_upstream.shutdown().await.unwrap();
            };
            let (mut seen_up, mut seen_down) = (Vec::new(), Vec::new());
            let (.., one, other) = tokio::join!(
                client,
                upstream,
                from_upstream.read_to_end(&mut seen_up),
                from_client.read_to_end(&mut seen_down),
            );
            one.unwrap();
            other.unwrap();
            (seen_up, seen_down, sides.ended.await.unwrap())
        });
        prop_assert_eq!(end, (End::Complete, up.len() as u64, down.len() as u64));
        prop_assert!(seen_up == up);
        prop_assert!(seen_down == down);
    }
}
