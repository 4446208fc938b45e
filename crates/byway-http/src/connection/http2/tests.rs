//! The clocks of streams, at a hundredth of their real length.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::watch;
use tokio::time::sleep;

use super::super::{Connections, WaitLimits};
use super::serve;
use crate::{AnswerBodyStream, Peer};

const LIMITS: WaitLimits = WaitLimits {
    first_byte: Duration::from_millis(100),
    head: Duration::from_millis(300),
    keep_alive: Duration::from_secs(20),
    reader: Duration::from_millis(500),
    check_interval: Duration::from_millis(10),
};
/// What each stream of the client takes before it has read any of it.
const WINDOW_BYTES: u32 = 1000;

#[tokio::test]
async fn h06_a_stream_whose_window_stays_shut_is_reset_in_time_and_others_go_on() {
    let (client, socket) = tokio::io::duplex(64 * 1024);
    let (_stop, stopped) = watch::channel(false);
    let server = tokio::spawn(async move {
        let connections = Connections::new(LIMITS);
        let watch = Arc::new(connections.open());
        let peer = Peer::from(SocketAddr::from(([127, 0, 0, 1], 1)));
        let answer = |request: Request<Incoming>| async move {
            let length = if request.uri().path() == "/big" { 100_000 } else { 10 };
            Ok(Response::new(AnswerBodyStream::whole(vec![b'x'; length])))
        };
        tokio::select! {
            () = serve(socket, &peer, &watch, 16 * 1024, answer) => {}
            () = connections.sweep(stopped, || ()) => {}
        }
    });
    let (mut requests, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(WINDOW_BYTES)
        .handshake(TokioIo::new(client))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let mut ask = async |path: &str| {
        let uri = format!("http://a{path}");
        let request = Request::builder().uri(uri).body(Empty::<bytes::Bytes>::new()).unwrap();
        requests.ready().await.unwrap();
        requests.send_request(request).await.unwrap()
    };
    let begun = Instant::now();
    let mut stalled = Vec::new();
    for _ in 0..5 {
        stalled.push(ask("/big").await);
    }
    // Others are answered, before and after.
    while begun.elapsed() < LIMITS.reader * 3 {
        let answer = ask("/small").await;
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 10);
        sleep(LIMITS.reader / 10).await;
    }
    for answer in stalled {
        let mut body = answer.into_body();
        let (mut read, mut broken) = (0, false);
        while let (Some(frame), false) = (body.frame().await, broken) {
            match frame {
                Ok(frame) => read += frame.into_data().unwrap().len(),
                Err(_) => broken = true,
            }
        }
        // A reset, so that nobody takes it for the whole answer.
        assert!(broken && read <= WINDOW_BYTES as usize, "{read} bytes");
    }
    assert!(!connection.is_finished() && !server.is_finished());
}
