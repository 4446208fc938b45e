//! A lane without a process: the test plays the worker, frame by frame.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use byway_wire::constants::{self as c, CHUNK_MAX, WINDOW_INITIAL};
use byway_wire::{
    Decoder, NameCase, ProtocolError, Purpose, RequestHead, RouteHead, ServerFrame, Verdict,
    VerdictAction, WorkerFrame, encode,
};
use proptest::prelude::*;

use crate::lane::Lane;
use crate::unsent::Wire;
use crate::{Answer, AnswerBody, DispatchError, OpenBody, Outcome, ProxyPart, RequestBody, Stream};

const HEAD: RequestHead<'static> = RequestHead {
    route: 0,
    proxy: false,
    method: "POST",
    http_version: 11,
    names: NameCase::Lower,
    https: false,
    has_body: true,
    client_port: 1,
    client_address: "127.0.0.1",
    authority: "",
    path: b"/",
    query: b"",
    params: &[],
    purpose: Purpose::Client,
};

fn new_lane() -> Arc<Lane> {
    Lane::new(1, 0, usize::MAX, None, None)
}

fn open(lane: &Arc<Lane>, body: &OpenBody<'_>) -> (Stream, Option<RequestBody>) {
    Lane::reserve(lane).open(&HEAD, std::iter::empty(), body).unwrap()
}

/// What the lane has queued for the worker.
fn sent(lane: &Lane) -> Vec<ServerFrame> {
    let mut future = std::pin::pin!(lane.next_write());
    let Poll::Ready(true) = poll(future.as_mut()) else { return Vec::new() };
    let mut decoder = Decoder::new();
    decoder.buffer().extend_from_slice(&written(&mut lane.wire.lock()));
    std::iter::from_fn(|| decoder.next_frame().unwrap())
        .map(|frame| ServerFrame::parse(frame).unwrap())
        .collect()
}

/// Takes what is to be written as a socket would.
fn written(wire: &mut Wire) -> Vec<u8> {
    let taken = std::cell::RefCell::new(Vec::new());
    let whole = wire.write(|bytes| {
        taken.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    });
    assert!(whole.unwrap());
    taken.into_inner()
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Encodes as the worker would and hands the frame to the lane.
fn feed(lane: &Arc<Lane>, write: impl FnOnce(&mut BytesMut)) -> Result<(), ProtocolError> {
    let mut decoder = Decoder::new();
    write(decoder.buffer());
    while let Some(frame) = decoder.next_frame()? {
        lane.receive(WorkerFrame::parse(frame)?)?;
    }
    Ok(())
}

fn respond(lane: &Arc<Lane>, id: u32, body: &[u8], end: bool) -> Result<(), ProtocolError> {
    feed(lane, |out| {
        encode::response(out, id, 200, b"", std::iter::empty(), body, end).unwrap();
    })
}

fn answer(stream: Stream) -> Result<Answer, DispatchError> {
    let mut future = std::pin::pin!(stream.answer());
    match poll(future.as_mut()) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the answer is not there"),
    }
}

fn next(body: &mut AnswerBody) -> Poll<Option<Result<Bytes, DispatchError>>> {
    body.poll_chunk(&mut Context::from_waker(Waker::noop()))
}

fn all(body: &mut AnswerBody) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Poll::Ready(Some(data)) = next(body) {
        bytes.extend_from_slice(&data.unwrap());
    }
    bytes
}

#[test]
fn an_answer_in_one_frame_is_whole_and_frees_its_stream() {
    let lane = new_lane();
    let (stream, sink) = open(&lane, &OpenBody::Whole(b"ping"));
    assert!(sink.is_none());
    let frames = sent(&lane);
    let [ServerFrame::Request { stream: 1, body, end: true, .. }] = &frames[..] else {
        panic!("{frames:?}");
    };
    assert_eq!(body.as_ref(), b"ping");
    respond(&lane, 1, b"pong", true).unwrap();
    let mut answer = answer(stream).unwrap();
    assert_eq!(answer.body.take_whole().unwrap().as_ref(), b"pong");
    drop(answer);
    assert_eq!((lane.outstanding(), sent(&lane)), (0, vec![]));
}

#[test]
fn dropping_a_stream_or_an_answer_cancels_the_request() {
    let lane = new_lane();
    drop(open(&lane, &OpenBody::Whole(b"")));
    let (stream, _) = open(&lane, &OpenBody::Whole(b""));
    respond(&lane, 2, b"begin", false).unwrap();
    drop(answer(stream).unwrap());
    let cancelled: Vec<_> = sent(&lane)
        .into_iter()
        .filter_map(|frame| match frame {
            ServerFrame::Cancel { stream, reason } => Some((stream, reason)),
            _ => None,
        })
        .collect();
    assert_eq!(cancelled, [(1, c::CANCEL_CLIENT_GONE), (2, c::CANCEL_CLIENT_GONE)]);
    // What the worker sent before it learnt of it is no error.
    respond(&lane, 1, b"late", true).unwrap();
    feed(&lane, |out| encode::response_chunk(out, 2, b"late", true)).unwrap();
}

#[test]
fn w08_frames_out_of_order_are_protocol_errors() {
    let lane = new_lane();
    let (_stream, _) = open(&lane, &OpenBody::Whole(b""));
    let out_of_order = |result: Result<(), ProtocolError>| {
        assert!(matches!(result, Err(ProtocolError::OutOfOrder { .. })), "{result:?}");
    };
    out_of_order(feed(&lane, |out| encode::response_chunk(out, 1, b"x", false)));
    out_of_order(respond(&lane, 2, b"", true));
    out_of_order(respond(&lane, 0, b"", true));
    out_of_order(feed(&lane, |out| encode::request_credit(out, 1, 1)));
    respond(&lane, 1, b"", false).unwrap();
    out_of_order(respond(&lane, 1, b"", false));
}

fn open_proxied(lane: &Arc<Lane>, body: &OpenBody<'_>) -> (Stream, Option<RequestBody>) {
    let head = RequestHead { proxy: true, ..HEAD };
    Lane::reserve(lane).open(&head, std::iter::empty(), body).unwrap()
}

fn decide(lane: &Arc<Lane>, action: u8, target: &[u8]) -> Result<(), ProtocolError> {
    let lines = || [(b"x-proxy".as_slice(), b"1".as_slice())].into_iter();
    feed(lane, |out| encode::verdict(out, 1, action, target, None, lines()).unwrap())
}

#[test]
fn w08_a_verdict_comes_once_and_only_from_a_proxy() {
    let lane = new_lane();
    let (_stream, _) = open(&lane, &OpenBody::Whole(b""));
    assert!(decide(&lane, c::VERDICT_NEXT, b"").is_err(), "without a proxy");
    for action in [c::VERDICT_NEXT, c::VERDICT_PASSED, c::VERDICT_ANSWERED] {
        let lane = new_lane();
        let (_stream, _) = open_proxied(&lane, &OpenBody::Whole(b""));
        decide(&lane, action, b"").unwrap();
        assert!(decide(&lane, action, b"").is_err(), "a second one");
    }
    let lane = new_lane();
    let (_stream, _) = open_proxied(&lane, &OpenBody::Whole(b""));
    respond(&lane, 1, b"", false).unwrap();
    assert!(decide(&lane, c::VERDICT_NEXT, b"").is_err(), "after the answer");
    let lane = new_lane();
    let (_stream, _) = open_proxied(&lane, &OpenBody::Whole(b""));
    decide(&lane, c::VERDICT_NEXT, b"").unwrap();
    assert!(respond(&lane, 1, b"", true).is_err(), "an answer before the route is known");
}

#[test]
fn a_proxy_that_passes_the_request_on_adds_headers_to_the_answer() {
    let lane = new_lane();
    let (stream, _) = open_proxied(&lane, &OpenBody::Whole(b""));
    decide(&lane, c::VERDICT_PASSED, b"").unwrap();
    respond(&lane, 1, b"handled", true).unwrap();
    let mut answer = answer(stream).unwrap();
    assert!(matches!(&answer.proxy, ProxyPart::Headers(lines) if lines.len() == 1));
    assert_eq!(answer.body.take_whole().unwrap(), "handled");
}

fn verdict(stream: Stream) -> (Box<Verdict>, Stream) {
    let mut outcome = std::pin::pin!(stream.outcome());
    let Poll::Ready(Ok(Outcome::Verdict(verdict, stream))) = poll(outcome.as_mut()) else {
        panic!("no verdict");
    };
    (verdict, stream)
}

#[test]
fn a_verdict_is_answered_with_a_route() {
    let lane = new_lane();
    let (stream, _) = open_proxied(&lane, &OpenBody::Whole(b""));
    decide(&lane, c::VERDICT_REWRITE, b"/there?a=1").unwrap();
    let (verdict, stream) = verdict(stream);
    assert_eq!(verdict.action, VerdictAction::Rewrite(Bytes::from_static(b"/there?a=1")));
    sent(&lane);
    stream.route(&RouteHead { route: 4, query: b"a=1", params: &[] }).unwrap();
    let frames = sent(&lane);
    assert!(
        matches!(&frames[..], [ServerFrame::Route { stream: 1, route }] if route.route == 4),
        "{frames:?}"
    );
    respond(&lane, 1, b"there", true).unwrap();
    assert_eq!(answer(stream).unwrap().body.take_whole().unwrap(), "there");
    assert_eq!(lane.outstanding(), 0);
}

#[test]
fn the_server_may_answer_after_a_verdict() {
    let lane = new_lane();
    let (stream, _) = open_proxied(&lane, &OpenBody::Whole(b""));
    decide(&lane, c::VERDICT_NEXT, b"").unwrap();
    let (_, stream) = verdict(stream);
    sent(&lane);
    stream.answered();
    assert_eq!(sent(&lane), [ServerFrame::Cancel { stream: 1, reason: c::CANCEL_ANSWERED }]);
    assert_eq!(lane.outstanding(), 0);
}

#[test]
fn w01_a_worker_that_dies_after_its_verdict_fails_the_request() {
    let lane = new_lane();
    let (stream, _) = open_proxied(&lane, &OpenBody::Whole(b""));
    decide(&lane, c::VERDICT_NEXT, b"").unwrap();
    let (_, stream) = verdict(stream);
    lane.close(DispatchError::WorkerGone, u64::MAX);
    stream.route(&RouteHead { route: 4, query: b"", params: &[] }).unwrap();
    assert_eq!(answer(stream).unwrap_err(), DispatchError::WorkerGone);
}

#[test]
fn w04_a_request_is_taken_back_only_while_its_proxy_cannot_have_run() {
    let lane = new_lane();
    let (read, _) = open_proxied(&lane, &OpenBody::Whole(b""));
    let (unread, _) = open_proxied(&lane, &OpenBody::Whole(b""));
    let length = lane.state.lock().streams[&1].frame_end as usize;
    let (ours, theirs, mut bytes) = read_by_worker(&lane, length);
    // The worker gives its verdict and gets stuck: the route that it has not read stays on its way.
    decide(&lane, c::VERDICT_NEXT, b"").unwrap();
    let (_, read) = verdict(read);
    read.route(&RouteHead { route: 4, query: b"", params: &[] }).unwrap();
    assert_eq!(lane.recall(&theirs), 1);
    assert_eq!(answer(unread).unwrap_err(), DispatchError::NotDelivered);
    write_to(&lane, &ours);
    theirs.set_nonblocking(true).unwrap();
    let _ = (&theirs).read_to_end(&mut bytes);
    let frames = frames_in(&bytes);
    assert!(
        matches!(&frames[..], [ServerFrame::Request { .. }, ServerFrame::Route { stream: 1, .. }]),
        "{frames:?}"
    );
    lane.close(DispatchError::WorkerStuck, bytes.len() as u64);
    assert_eq!(answer(read).unwrap_err(), DispatchError::WorkerStuck);
}

#[test]
fn a_proxied_upload_waits_until_it_is_wanted() {
    let lane = new_lane();
    let (_stream, sink) = open_proxied(&lane, &OpenBody::Follows);
    let mut sink = sink.unwrap();
    sent(&lane);
    assert!(poll(std::pin::pin!(sink.wanted())).is_pending());
    feed(&lane, |out| encode::request_credit(out, 1, WINDOW_INITIAL as u32)).unwrap();
    assert_eq!(poll(std::pin::pin!(sink.wanted())), Poll::Ready(true));
    let mut sending = std::pin::pin!(sink.send(Bytes::from_static(b"now")));
    assert!(poll(sending.as_mut()).is_ready());
    assert!(matches!(&sent(&lane)[..], [ServerFrame::Chunk { .. }]));
}

#[test]
fn a_worker_may_not_exceed_the_window() {
    let lane = new_lane();
    let (stream, _) = open(&lane, &OpenBody::Whole(b""));
    respond(&lane, 1, b"", false).unwrap();
    let chunk = vec![7; CHUNK_MAX];
    for _ in 0..WINDOW_INITIAL / CHUNK_MAX {
        feed(&lane, |out| encode::response_chunk(out, 1, &chunk, false)).unwrap();
    }
    assert!(feed(&lane, |out| encode::response_chunk(out, 1, b"x", false)).is_err());
    let mut body = answer(stream).unwrap().body;
    sent(&lane);
    assert_eq!(all(&mut body).len(), WINDOW_INITIAL);
    let credit: u32 = sent(&lane)
        .iter()
        .map(|frame| if let ServerFrame::Credit { bytes, .. } = frame { *bytes } else { 0 })
        .sum();
    assert_eq!(credit as usize, WINDOW_INITIAL);
    feed(&lane, |out| encode::response_chunk(out, 1, b"x", true)).unwrap();
}

#[test]
fn an_upload_waits_for_the_window_and_stops_when_unwanted() {
    let lane = new_lane();
    let (stream, sink) = open(&lane, &OpenBody::Follows);
    let mut sink = sink.unwrap();
    let data = Bytes::from(vec![1; WINDOW_INITIAL + 10]);
    {
        let mut sending = std::pin::pin!(sink.send(data));
        assert!(poll(sending.as_mut()).is_pending());
        let bytes = |frames: Vec<ServerFrame>| -> usize {
            let of = |f| if let ServerFrame::Chunk { data, .. } = f { data.len() } else { 0 };
            frames.into_iter().map(of).sum()
        };
        assert_eq!(bytes(sent(&lane)), WINDOW_INITIAL);
        feed(&lane, |out| encode::request_credit(out, 1, 4)).unwrap();
        assert!(poll(sending.as_mut()).is_pending());
        assert_eq!(bytes(sent(&lane)), 4);
        feed(&lane, |out| encode::request_credit(out, 1, 100)).unwrap();
        assert!(poll(sending.as_mut()).is_ready());
        assert_eq!(bytes(sent(&lane)), 6);
    }
    respond(&lane, 1, b"enough", true).unwrap();
    let mut sending = std::pin::pin!(sink.send(Bytes::from_static(b"more")));
    assert_eq!(poll(sending.as_mut()), Poll::Ready(Err(crate::BodyRefused)));
    let cancel = ServerFrame::Cancel { stream: 1, reason: c::CANCEL_BODY_UNUSED };
    assert_eq!(sent(&lane), [cancel]);
    drop(answer(stream));
}

#[test]
fn an_upload_that_breaks_off_is_told_to_the_worker() {
    let lane = new_lane();
    let (_stream, sink) = open(&lane, &OpenBody::Follows);
    drop(sink);
    let cancel = ServerFrame::Cancel { stream: 1, reason: c::CANCEL_BODY_BROKEN };
    assert_eq!(sent(&lane)[1..], [cancel]);
}

#[test]
fn a_dead_worker_fails_what_is_open_and_refuses_more() {
    let lane = new_lane();
    let (waiting, _) = open(&lane, &OpenBody::Whole(b""));
    let (streaming, _) = open(&lane, &OpenBody::Whole(b""));
    let (done, _) = open(&lane, &OpenBody::Whole(b""));
    respond(&lane, 2, b"part", false).unwrap();
    respond(&lane, 3, b"complete", true).unwrap();
    lane.close(DispatchError::WorkerGone, u64::MAX);
    assert_eq!(answer(waiting).unwrap_err(), DispatchError::WorkerGone);
    let mut body = answer(streaming).unwrap().body;
    assert_eq!(next(&mut body), Poll::Ready(Some(Ok(Bytes::from_static(b"part")))));
    assert_eq!(next(&mut body), Poll::Ready(Some(Err(DispatchError::WorkerGone))));
    assert_eq!(answer(done).unwrap().body.take_whole().unwrap().as_ref(), b"complete");
    let again = Lane::reserve(&lane).open(&HEAD, std::iter::empty(), &OpenBody::Whole(b""));
    assert_eq!(again.unwrap_err(), DispatchError::NotDelivered);
    assert_eq!(lane.outstanding(), 0);
}

#[test]
fn w05_an_overdue_answer_is_called_off_and_an_answered_one_is_not() {
    let lane = new_lane();
    let (late, _) = open(&lane, &OpenBody::Whole(b""));
    let (answered, _) = open(&lane, &OpenBody::Whole(b""));
    let limit = std::time::Duration::from_secs(5);
    late.set_limit(limit);
    answered.set_limit(limit);
    let mut late = std::pin::pin!(late.answer());
    let mut answered = std::pin::pin!(answered.answer());
    assert!(poll(late.as_mut()).is_pending() && poll(answered.as_mut()).is_pending());
    respond(&lane, 2, b"", false).unwrap();
    sent(&lane);
    let now = std::time::Instant::now();
    lane.expire(now);
    assert!(poll(late.as_mut()).is_pending());
    lane.expire(now + limit);
    assert!(matches!(poll(late.as_mut()), Poll::Ready(Err(DispatchError::Deadline))));
    assert!(matches!(poll(answered.as_mut()), Poll::Ready(Ok(_))));
    let cancel = ServerFrame::Cancel { stream: 1, reason: c::CANCEL_DEADLINE };
    assert_eq!(sent(&lane)[..1], [cancel]);
}

#[test]
fn a_stream_that_fails_is_never_a_clean_end() {
    let lane = new_lane();
    let (stream, _) = open(&lane, &OpenBody::Whole(b""));
    respond(&lane, 1, b"half", false).unwrap();
    feed(&lane, |out| encode::abort(out, 1, c::ABORT_RESPONSE)).unwrap();
    let mut body = answer(stream).unwrap().body;
    assert!(body.take_whole().is_none());
    assert!(matches!(next(&mut body), Poll::Ready(Some(Ok(_)))));
    assert_eq!(next(&mut body), Poll::Ready(Some(Err(DispatchError::StreamFailed))));
}

/// A lane whose frames go into a real socket, of which the worker reads the first bytes.
fn read_by_worker(lane: &Lane, bytes: usize) -> (UnixStream, UnixStream, Vec<u8>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    write_to(lane, &ours);
    let mut read = vec![0; bytes];
    (&theirs).read_exact(&mut read).unwrap();
    (ours, theirs, read)
}

fn write_to(lane: &Lane, mut socket: &UnixStream) {
    let mut future = std::pin::pin!(lane.next_write());
    if poll(future.as_mut()).is_ready() {
        socket.write_all(&written(&mut lane.wire.lock())).unwrap();
    }
}

fn frames_in(bytes: &[u8]) -> Vec<ServerFrame> {
    let mut decoder = Decoder::new();
    decoder.buffer().extend_from_slice(bytes);
    let frames = std::iter::from_fn(|| decoder.next_frame().unwrap());
    let frames = frames.map(|frame| ServerFrame::parse(frame).unwrap()).collect();
    assert!(decoder.buffer().is_empty(), "only whole frames");
    frames
}

#[test]
fn w04_requests_that_a_worker_has_not_read_are_taken_back_and_nothing_else() {
    let lane = new_lane();
    let mut streams: Vec<_> =
        (0..6).map(|_| Some(open(&lane, &OpenBody::Whole(b"body")).0)).collect();
    let (upload, sink) = open(&lane, &OpenBody::Follows);
    let mut sink = sink.unwrap();
    let sending = Bytes::from_static(b"chunk");
    assert!(poll(std::pin::pin!(sink.send(sending))).is_ready());
    let length = lane.state.lock().streams[&1].frame_end as usize;
    // The worker has read the first request and half of the second.
    let (ours, theirs, mut read) = read_by_worker(&lane, length + length / 2);
    // One was called off, one came after the last write.
    drop(streams[4].take());
    let (late, _) = open(&lane, &OpenBody::Whole(b"late"));
    assert_eq!(lane.recall(&theirs), 4);
    for index in [2, 3, 5] {
        let stream = streams[index].take().unwrap();
        assert_eq!(answer(stream).unwrap_err(), DispatchError::NotDelivered, "{index}");
    }
    assert_eq!(answer(late).unwrap_err(), DispatchError::NotDelivered);
    // What the worker reads from now on fits to what it has.
    write_to(&lane, &ours);
    theirs.set_nonblocking(true).unwrap();
    let _ = (&theirs).read_to_end(&mut read);
    let seen: Vec<_> = frames_in(&read)
        .iter()
        .map(|frame| match frame {
            ServerFrame::Request { stream, .. } => ("request", *stream),
            ServerFrame::Chunk { stream, .. } => ("chunk", *stream),
            ServerFrame::Cancel { stream, .. } => ("cancel", *stream),
            other => panic!("{other:?}"),
        })
        .collect();
    let kept = [("request", 1), ("request", 2), ("request", 5), ("request", 7), ("chunk", 7)];
    assert_eq!(seen[..5], kept);
    assert_eq!(seen[5..], [("cancel", 5)]);
    assert_eq!(lane.outstanding(), 3);
    respond(&lane, 2, b"fine", true).unwrap();
    assert!(answer(streams[1].take().unwrap()).is_ok());
    // Nothing is unread any more, so a death now costs what is open.
    let read = lane.wire.lock().read_position(&theirs);
    lane.close(DispatchError::WorkerGone, read);
    assert_eq!(answer(streams[0].take().unwrap()).unwrap_err(), DispatchError::WorkerGone);
    assert_eq!(answer(upload).unwrap_err(), DispatchError::WorkerGone);
    assert_eq!(lane.outstanding(), 0);
}

#[test]
fn w01_requests_that_a_dead_worker_had_not_read_are_not_delivered() {
    let lane = new_lane();
    let streams: Vec<_> = (0..4).map(|_| open(&lane, &OpenBody::Whole(b"body")).0).collect();
    let length = lane.state.lock().streams[&1].frame_end as usize;
    let (_ours, theirs, _) = read_by_worker(&lane, 2 * length + 3);
    let queued = open(&lane, &OpenBody::Whole(b"")).0;
    let read = lane.wire.lock().read_position(&theirs);
    lane.close(DispatchError::WorkerGone, read);
    let errors: Vec<_> =
        streams.into_iter().chain([queued]).map(|stream| answer(stream).unwrap_err()).collect();
    let (gone, unread) = (DispatchError::WorkerGone, DispatchError::NotDelivered);
    assert_eq!(errors, [gone, gone, unread, unread, unread]);
}

proptest! {
    /// Answers come back in any order and any number of pieces; each request gets its own.
    #[test]
    fn interleaved_answers_are_never_mixed_up(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..20),
        order in proptest::collection::vec((any::<prop::sample::Index>(), 1..90usize), 0..400),
    ) {
        let lane = new_lane();
        let streams: Vec<_> =
            bodies.iter().map(|_| open(&lane, &OpenBody::Whole(b"")).0).collect();
        let mut at: Vec<Option<usize>> = vec![None; bodies.len()];
        let everything = (0..bodies.len()).map(|i| (i, usize::MAX));
        let steps = order.iter().map(|(index, count)| (index.index(bodies.len()), *count));
        let mut finished = vec![false; bodies.len()];
        for (i, count) in steps.chain(everything) {
            if finished[i] {
                continue;
            }
            let (from, id) = (at[i].unwrap_or(0), i as u32 + 1);
            let to = from.saturating_add(count).min(bodies[i].len());
            finished[i] = to == bodies[i].len();
            let piece = &bodies[i][from..to];
            match at[i] {
                None => respond(&lane, id, piece, finished[i]).unwrap(),
                Some(_) => {
                    feed(&lane, |out| encode::response_chunk(out, id, piece, finished[i])).unwrap();
                }
            }
            at[i] = Some(to);
        }
        for (stream, expected) in streams.into_iter().zip(&bodies) {
            let mut body = answer(stream).unwrap().body;
            prop_assert_eq!(&all(&mut body), expected);
        }
        prop_assert_eq!(lane.outstanding(), 0);
    }
}
