//! The clocks of a connection, at a hundredth of their real length.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use byway_config::limits::{LINGER_BYTES_MAX, LINGER_SILENCE_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::clock::RESTING_TO_RELEASE;
use super::{Connections, WaitLimits, serve_http1};
use crate::{AnswerBodyStream, Peer};

const LIMITS: WaitLimits = WaitLimits {
    first_byte: Duration::from_millis(100),
    head: Duration::from_millis(300),
    keep_alive: Duration::from_millis(700),
    reader: Duration::from_millis(500),
    check_interval: Duration::from_millis(10),
};
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

struct Server {
    client: DuplexStream,
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    started: Instant,
}

/// A server for one connection that answers each request after `handling` with `bytes`.
fn server(room: usize, handling: Duration, bytes: usize) -> Server {
    server_within(LIMITS, room, handling, bytes)
}

fn server_within(limits: WaitLimits, room: usize, handling: Duration, bytes: usize) -> Server {
    let (client, socket) = tokio::io::duplex(room);
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(async move {
        let connections = Connections::new(limits);
        let watch = connections.open();
        let peer = Peer::from(SocketAddr::from(([127, 0, 0, 1], 1)));
        let served = serve_http1(socket, &peer, &watch, async |_| {
            sleep(handling).await;
            Ok(http::Response::new(AnswerBodyStream::whole(vec![b'x'; bytes])))
        });
        tokio::select! {
            () = served => {}
            () = connections.sweep(stopped, || ()) => {}
        }
    });
    Server { client, task, stop, started: Instant::now() }
}

impl Server {
    async fn with_request(mut self) -> Self {
        self.client.write_all(REQUEST).await.unwrap();
        self
    }

    /// Reads until the server closes; returns the text and how long that took.
    async fn until_closed(mut self) -> (String, Duration) {
        let mut text = Vec::new();
        self.client.read_to_end(&mut text).await.unwrap();
        (String::from_utf8(text).unwrap(), self.started.elapsed())
    }
}

/// How late a busy machine may be.
const LATE_MAX: Duration = Duration::from_secs(5);

fn assert_about(took: Duration, wanted: Duration) {
    assert!(took >= wanted && took < wanted + LATE_MAX, "{took:?} instead of {wanted:?}");
}

#[tokio::test]
async fn l01_a_connection_that_sends_nothing_is_closed() {
    let (text, took) = server(1024, Duration::ZERO, 1).until_closed().await;
    assert_eq!(text, "");
    assert_about(took, LIMITS.first_byte);
}

#[tokio::test]
async fn l02_a_head_that_comes_byte_by_byte_gets_408_in_time() {
    let mut server = server(1024, Duration::ZERO, 1);
    for byte in b"GET / HT" {
        server.client.write_all(&[*byte]).await.unwrap();
        sleep(LIMITS.head / 10).await;
    }
    let (text, took) = server.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{text}");
    assert_about(took, LIMITS.head);
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_answer() {
    let server = server(1024, Duration::ZERO, 1).with_request().await;
    let (text, took) = server.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nx"), "{text}");
    assert_about(took, LIMITS.keep_alive);
}

#[tokio::test]
async fn a_handler_may_take_longer_than_every_clock_of_the_connection() {
    let handling = LIMITS.keep_alive * 2;
    let (text, _) = server(1024, handling, 1).with_request().await.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
}

#[tokio::test]
async fn l02_a_client_that_does_not_read_is_cut() {
    let server = server(256, Duration::ZERO, 100_000).with_request().await;
    server.task.await.unwrap();
    assert_about(server.started.elapsed(), LIMITS.reader);
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_gets_everything() {
    let mut server = server(256, Duration::ZERO, 2048).with_request().await;
    let mut read = 0;
    let mut chunk = [0; 256];
    while read < 2048 {
        let count = server.client.read(&mut chunk).await.unwrap();
        assert!(count > 0, "cut after {read} bytes");
        read += count;
        sleep(LIMITS.reader / 5).await;
    }
    assert!(server.started.elapsed() > LIMITS.reader);
}

#[tokio::test]
async fn stopping_closes_an_idle_connection_and_lets_an_answer_finish() {
    let patient = WaitLimits { keep_alive: LATE_MAX * 10, ..LIMITS };
    let mut idle = server_within(patient, 1024, Duration::ZERO, 1).with_request().await;
    assert!(idle.client.read(&mut [0; 1024]).await.unwrap() > 0);
    idle.stop.send_replace(true);
    let (_, took) = idle.until_closed().await;
    assert!(took < LATE_MAX, "{took:?}");

    let handling = Duration::from_millis(200);
    let busy = server_within(patient, 1024, handling, 1).with_request().await;
    sleep(handling / 4).await;
    busy.stop.send_replace(true);
    let (text, took) = busy.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert_about(took, handling);
}

/// The head of a request with a body that the server of these tests does not read.
const UPLOAD: &[u8] = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 999999999\r\n\r\n";

#[tokio::test]
async fn an_answer_before_the_end_of_a_body_reaches_a_client_that_sends_all_of_it_first() {
    let mut server = server(16 * 1024, Duration::ZERO, 2);
    server.client.write_all(UPLOAD).await.unwrap();
    server.client.write_all(&vec![b'x'; 4 << 20]).await.unwrap();
    let task = server.task;
    let mut text = String::new();
    server.client.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    drop(server.client);
    task.await.unwrap();
}

#[tokio::test]
async fn a_head_that_is_refused_gets_its_answer_although_more_follows() {
    let mut server = server(16 * 1024, Duration::ZERO, 2);
    server.client.write_all(b"GET / HTTP/1.1\r\nno colon\r\n\r\n").await.unwrap();
    server.client.write_all(&vec![b'x'; 1 << 20]).await.unwrap();
    let (text, _) = server.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
}

#[tokio::test]
async fn a_client_that_neither_sends_nor_closes_is_not_waited_for() {
    let mut server = server(16 * 1024, Duration::ZERO, 2);
    server.client.write_all(UPLOAD).await.unwrap();
    server.task.await.unwrap();
    assert_about(server.started.elapsed(), LINGER_SILENCE_MAX);
}

#[tokio::test]
async fn a_client_that_goes_on_sending_is_cut() {
    let mut server = server(1 << 20, Duration::ZERO, 2);
    server.client.write_all(UPLOAD).await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while server.client.write_all(&piece).await.is_ok() {
        sent += piece.len() as u64;
        assert!(sent < 2 * LINGER_BYTES_MAX, "nobody stops it");
    }
    assert!(sent >= LINGER_BYTES_MAX, "cut after {sent} bytes");
}

#[tokio::test]
async fn stopping_ends_the_wait_for_a_client_that_is_still_sending() {
    let mut server = server(16 * 1024, Duration::ZERO, 2);
    server.client.write_all(UPLOAD).await.unwrap();
    let mut text = String::new();
    server.client.read_to_string(&mut text).await.unwrap();
    server.stop.send(true).unwrap();
    server.task.await.unwrap();
    assert!(server.started.elapsed() < LINGER_SILENCE_MAX, "{:?}", server.started.elapsed());
}

#[tokio::test]
async fn a_client_that_goes_on_sending_drop_by_drop_is_cut() {
    let mut server = server(16 * 1024, Duration::ZERO, 2);
    server.client.write_all(UPLOAD).await.unwrap();
    while server.client.write_all(b"x").await.is_ok() {
        assert!(server.started.elapsed() < LINGER_SILENCE_MAX + LATE_MAX);
        sleep(LINGER_SILENCE_MAX / 20).await;
    }
    assert_about(server.started.elapsed(), LINGER_SILENCE_MAX);
}

/// Reads one of the answers of these tests, which have a body of one byte.
async fn read_answer(client: &mut DuplexStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nx") {
        let mut piece = [0; 256];
        let count = client.read(&mut piece).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn an_idle_connection_rests_and_goes_on_as_before() {
    let patient = WaitLimits { keep_alive: LATE_MAX * 10, ..LIMITS };
    let mut server = server_within(patient, 1024, Duration::ZERO, 1);
    for _ in 0..3 {
        server.client.write_all(REQUEST).await.unwrap();
        assert!(read_answer(&mut server.client).await.starts_with("HTTP/1.1 200"));
        sleep(LIMITS.check_interval * 10).await;
    }
    // Half of a request before a rest, and half of one after it.
    server.client.write_all(&[REQUEST, &REQUEST[..9]].concat()).await.unwrap();
    assert!(read_answer(&mut server.client).await.starts_with("HTTP/1.1 200"));
    sleep(LIMITS.check_interval * 10).await;
    server.client.write_all(&[&REQUEST[9..], b"G"].concat()).await.unwrap();
    assert!(read_answer(&mut server.client).await.starts_with("HTTP/1.1 200"));
    let half = Instant::now();
    let (text, _) = server.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 408"), "a head that was begun has its own clock: {text}");
    assert_about(half.elapsed() + LIMITS.check_interval * 3, LIMITS.head);
}

#[tokio::test]
async fn a_resting_connection_is_closed_in_time_and_when_the_server_stops() {
    let server = server(1024, Duration::ZERO, 1).with_request().await;
    let (_, took) = server.until_closed().await;
    assert_about(took, LIMITS.keep_alive);
    let patient = WaitLimits { keep_alive: LATE_MAX * 10, ..LIMITS };
    let mut idle = server_within(patient, 1024, Duration::ZERO, 1).with_request().await;
    read_answer(&mut idle.client).await;
    sleep(LIMITS.check_interval * 10).await;
    idle.stop.send_replace(true);
    let (_, took) = idle.until_closed().await;
    assert!(took < LATE_MAX, "{took:?}");
}

#[tokio::test]
async fn the_rest_of_a_body_that_comes_late_is_no_request() {
    let patient = WaitLimits { keep_alive: LATE_MAX * 10, ..LIMITS };
    let mut server = server_within(patient, 1024, Duration::ZERO, 1);
    server
        .client
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 29\r\n\r\nabc")
        .await
        .unwrap();
    read_answer(&mut server.client).await;
    sleep(LIMITS.check_interval * 10).await;
    // It is closed already, or takes this for what it is.
    let _ = server.client.write_all(REQUEST).await;
    let (text, _) = server.until_closed().await;
    assert_eq!(text, "");
}

#[tokio::test]
async fn memory_is_released_once_a_crowd_has_come_to_rest() {
    static CROWD: AtomicUsize = AtomicUsize::new(0);
    static FEW: AtomicUsize = AtomicUsize::new(0);
    fn crowd_rests() {
        CROWD.fetch_add(1, Ordering::Relaxed);
    }
    fn few_rest() {
        FEW.fetch_add(1, Ordering::Relaxed);
    }
    let (_stop, stopped) = watch::channel(false);
    let idle = |count| {
        let connections = Connections::new(WaitLimits { keep_alive: LATE_MAX, ..LIMITS });
        let watches: Vec<_> = (0..count).map(|_| connections.open()).collect();
        for watch in &watches {
            watch.begin_http2();
        }
        (connections, watches)
    };
    let (crowd, _watches) = idle(RESTING_TO_RELEASE);
    let (few, _watches) = idle(RESTING_TO_RELEASE - 1);
    let released = async {
        while CROWD.load(Ordering::Relaxed) == 0 {
            sleep(LIMITS.check_interval).await;
        }
        // Once, and not for each look at those that rest.
        sleep(LIMITS.check_interval * 5).await;
    };
    tokio::select! {
        () = crowd.sweep(stopped.clone(), crowd_rests) => {}
        () = few.sweep(stopped, few_rest) => {}
        () = released => {}
        () = sleep(LATE_MAX) => panic!("nothing was released"),
    }
    assert_eq!((CROWD.load(Ordering::Relaxed), FEW.load(Ordering::Relaxed)), (1, 0));
}
