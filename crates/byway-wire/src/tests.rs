//! Property tests of both directions: nothing that arrives may panic, over-allocate or mix streams up.

use bytes::{BufMut as _, Bytes, BytesMut};
use proptest::prelude::*;

use crate::constants as c;
use crate::{
    CacheCall, Decoder, Frame, HeaderLines, LogLevel, NameCase, Param, ParamValues, ProtocolError,
    Purpose, Rendered, RequestHead, RouteHead, ServerFrame, VerdictAction, WorkerFrame, encode,
};

fn decode_all(bytes: &[u8], cuts: &[usize]) -> Result<Vec<Frame>, ProtocolError> {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    let mut rest = bytes;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let cut = cuts.next().copied().unwrap_or(rest.len()).clamp(1, rest.len());
        let (now, later) = rest.split_at(cut);
        decoder.buffer().put_slice(now);
        rest = later;
        while let Some(frame) = decoder.next_frame()? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

fn head<'a>(params: &'a [Param<'a>], method: &'a str) -> RequestHead<'a> {
    RequestHead {
        route: 7,
        proxy: true,
        method,
        http_version: 11,
        names: NameCase::Lower,
        https: true,
        has_body: true,
        client_port: 4242,
        client_address: "::1",
        authority: "api.example.com",
        path: b"/a/b%20c",
        query: b"x=1&y=%zz",
        params,
        purpose: Purpose::Client,
    }
}

#[test]
fn a_request_survives_the_wire() {
    let params = [
        Param { name: "id", values: ParamValues::One("ü/1") },
        Param { name: "rest", values: ParamValues::Many(vec!["a", "b c", ""]) },
    ];
    let mut out = BytesMut::new();
    let headers = [(b"host".as_slice(), b"h".as_slice()), (b"x", b"\xe9")];
    encode::request(&mut out, 3, &head(&params, "PURGE"), headers.into_iter(), b"body", false)
        .unwrap();
    let frames = decode_all(&out, &[1]).unwrap();
    let ServerFrame::Request { stream, head, body, end } =
        ServerFrame::parse(frames[0].clone()).unwrap()
    else {
        panic!("not a request: {frames:?}");
    };
    assert_eq!((stream, body.as_ref(), end), (3, b"body".as_slice(), false));
    assert_eq!((head.route, head.method.as_str(), head.http_version), (7, "PURGE", 11));
    assert!(head.https && head.has_body && head.proxy);
    assert_eq!((head.client_port, head.client_address.as_str()), (4242, "::1"));
    assert_eq!(head.authority, "api.example.com");
    assert_eq!((head.path.as_ref(), head.query.as_ref()), (&b"/a/b%20c"[..], &b"x=1&y=%zz"[..]));
    let lists: Vec<String> = vec!["a".into(), "b c".into(), String::new()];
    assert_eq!(
        head.params,
        [("id".into(), false, vec!["ü/1".into()]), ("rest".into(), true, lists)]
    );
    assert_eq!(head.headers[1].1.as_ref(), b"\xe9");
}

#[test]
fn an_answer_survives_the_wire() {
    let mut out = BytesMut::new();
    let headers = [(b"set-cookie".as_slice(), b"a=1".as_slice()), (b"set-cookie", b"b=2")];
    encode::response(&mut out, 9, 201, b"Made", headers.into_iter(), b"{}", true).unwrap();
    let frames = decode_all(&out, &[5]).unwrap();
    let WorkerFrame::Response { stream, head, body, end } =
        WorkerFrame::parse(frames[0].clone()).unwrap()
    else {
        panic!("not an answer: {frames:?}");
    };
    assert_eq!((stream, head.status, head.reason.as_ref()), (9, 201, b"Made".as_slice()));
    assert_eq!((body.as_ref(), end), (b"{}".as_slice(), true));
    let lines: Vec<_> = head.headers.iter().collect();
    assert_eq!(lines.len(), head.headers.len());
    assert_eq!(lines[1], (Bytes::from_static(b"set-cookie"), Bytes::from_static(b"b=2")));
}

#[test]
fn an_order_to_reload_survives_the_wire() {
    let mut out = BytesMut::new();
    encode::reload(&mut out, 7, "{\"routeBase\":40}");
    let frames = decode_all(&out, &[13]).unwrap();
    let ServerFrame::Reload { number, json } = ServerFrame::parse(frames[0].clone()).unwrap()
    else {
        panic!("not a reload: {frames:?}");
    };
    assert_eq!((number, json.as_str()), (7, "{\"routeBase\":40}"));
}

#[test]
fn a_report_of_a_failure_is_told_from_an_answer() {
    for (flags, expected) in [(c::FLAG_END, false), (c::FLAG_END | c::FLAG_FAILURE, true)] {
        let payload = Bytes::from_static(b"\xf4\x01\x00\x00\x00\x00{}");
        let frame = Frame { kind: c::RESPONSE, flags, stream: 1, payload };
        let WorkerFrame::Response { head, body, .. } = WorkerFrame::parse(frame).unwrap() else {
            panic!("not an answer");
        };
        assert_eq!((head.status, head.failure, body.as_ref()), (500, expected, b"{}".as_slice()));
    }
}

type Lines = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs(lines: &Lines) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
}

fn header_lines() -> impl Strategy<Value = Lines> {
    let bytes = |max: usize| proptest::collection::vec(any::<u8>(), 0..max);
    proptest::collection::vec((bytes(20), bytes(60)), 0..8)
}

proptest! {
    #[test]
    fn a_verdict_survives_the_wire(
        action in 1..=4u8,
        target in proptest::collection::vec(any::<u8>(), 1..80),
        request in proptest::option::of(header_lines()),
        response in header_lines(),
    ) {
        let mut out = BytesMut::new();
        let target = if action == c::VERDICT_REWRITE { target } else { Vec::new() };
        let mut overridden = request.as_ref().map(pairs);
        let lines = overridden.as_mut().map(|lines| lines as &mut dyn Iterator<Item = _>);
        encode::verdict(&mut out, 3, action, &target, lines, pairs(&response)).unwrap();
        let frame = decode_all(&out, &[7]).unwrap().remove(0);
        let cut = Frame { payload: frame.payload.slice(..frame.payload.len() - 1), ..frame.clone() };
        prop_assert!(WorkerFrame::parse(cut).is_err());
        let Ok(WorkerFrame::Verdict { stream: 3, verdict }) = WorkerFrame::parse(frame) else {
            panic!("not a verdict");
        };
        let expected = match action {
            c::VERDICT_NEXT => VerdictAction::Next,
            c::VERDICT_PASSED => VerdictAction::Passed,
            c::VERDICT_ANSWERED => VerdictAction::Answered,
            _ => VerdictAction::Rewrite(target.into()),
        };
        prop_assert_eq!(&verdict.action, &expected);
        let read = |lines: &HeaderLines| -> Lines {
            lines.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
        };
        prop_assert_eq!(&verdict.request_headers.as_ref().map(read), &request);
        prop_assert_eq!(&read(&verdict.response_headers), &response);
    }
}

#[test]
fn a_route_survives_the_wire() {
    let params = [Param { name: "id", values: ParamValues::Many(vec!["a", "ü"]) }];
    let head = RouteHead { route: c::FORWARD, query: b"a=%20", params: &params };
    let mut out = BytesMut::new();
    encode::route(&mut out, 5, &head).unwrap();
    let frame = decode_all(&out, &[3]).unwrap().remove(0);
    let ServerFrame::Route { stream, route } = ServerFrame::parse(frame).unwrap() else {
        panic!("not a route");
    };
    assert_eq!((stream, route.route, route.query.as_ref()), (5, c::FORWARD, b"a=%20".as_slice()));
    assert_eq!(route.params, [("id".to_owned(), true, vec!["a".to_owned(), "ü".to_owned()])]);
}

#[test]
fn only_a_proxied_request_may_have_no_route() {
    let parse = |route, proxy| {
        let mut out = BytesMut::new();
        let head = RequestHead { route, proxy, ..head(&[], "GET") };
        encode::request(&mut out, 1, &head, std::iter::empty(), b"", true).unwrap();
        ServerFrame::parse(decode_all(&out, &[9]).unwrap().remove(0))
    };
    assert!(parse(c::NO_ROUTE, true).is_ok());
    assert!(parse(c::NO_ROUTE, false).is_err());
    assert!(parse(c::FORWARD, true).is_err());
}

#[test]
fn an_answer_for_everybody_says_what_it_depends_on() {
    let rendered = Rendered {
        dynamic: false,
        revalidate: Some(60),
        expire: None,
        tags: vec!["ü".into(), "b".into()],
    };
    let mut payload = BytesMut::new();
    payload.put_slice(b"\xc8\x00\x00\x00\x00\x00");
    rendered.write(&mut payload).unwrap();
    payload.put_slice(b"body");
    let flags = c::FLAG_END | c::FLAG_RENDERED;
    let frame = Frame { kind: c::RESPONSE, flags, stream: 3, payload: payload.freeze() };
    let WorkerFrame::Response { head, body, end: true, .. } = WorkerFrame::parse(frame).unwrap()
    else {
        panic!("not an answer");
    };
    assert_eq!((head.rendered, body.as_ref()), (Some(Box::new(rendered)), b"body".as_slice()));
}

#[test]
fn calls_of_the_cache_survive_the_wire() {
    let rendered =
        Rendered { dynamic: false, revalidate: None, expire: Some(9), tags: vec!["t".into()] };
    let mut out = BytesMut::new();
    encode::cache_get(&mut out, 1, "kéy", &["a", "b"]).unwrap();
    encode::cache_set(&mut out, 2, &rendered, b"begin", false).unwrap();
    encode::cache_set_more(&mut out, 2, b"ning", true).unwrap();
    encode::cache_abandon(&mut out, 3);
    encode::invalidate(&mut out, 0, c::INVALIDATE_STALE, Some(5), &["x"]).unwrap();
    let frames = decode_all(&out, &[3]).unwrap();
    let calls: Vec<_> = frames
        .into_iter()
        .map(|frame| match WorkerFrame::parse(frame).unwrap() {
            WorkerFrame::Cache(call) => call,
            other => panic!("{other:?}"),
        })
        .collect();
    let scope = vec!["a".into(), "b".into()];
    assert_eq!(
        calls,
        [
            CacheCall::Get { call: 1, key: "kéy".to_owned(), scope },
            CacheCall::Set { call: 2, rendered, data: Bytes::from_static(b"begin"), end: false },
            CacheCall::SetMore { call: 2, data: Bytes::from_static(b"ning"), end: true },
            CacheCall::Abandon { call: 3 },
            CacheCall::Invalidate {
                call: 0,
                kind: c::INVALIDATE_STALE,
                seconds: Some(5),
                names: vec!["x".into()]
            },
        ]
    );
}

#[test]
fn a_long_value_takes_several_frames() {
    let value: Vec<u8> = (0..600_000_u32).map(|n| n as u8).collect();
    let mut out = BytesMut::new();
    encode::cache_value(&mut out, 5, c::VALUE_FRESH, &value);
    encode::cache_done(&mut out, 6, 200);
    let mut got = Vec::new();
    let mut ends = 0;
    for frame in decode_all(&out, &[100_000]).unwrap() {
        match ServerFrame::parse(frame).unwrap() {
            ServerFrame::CacheValue { call: 5, data, end } => {
                got.extend_from_slice(&data);
                ends += u32::from(end);
            }
            other => assert_eq!(other, ServerFrame::CacheDone { call: 6, status: 200 }),
        }
    }
    assert_eq!((got[0], &got[1..], ends), (c::VALUE_FRESH, &value[..], 1));
}

#[test]
fn a_message_over_its_limit_leaves_no_bytes_behind() {
    let mut out = BytesMut::from(&b"before"[..]);
    let huge = vec![b'a'; 70_000];
    let mut long = head(&[], "GET");
    long.path = &huge;
    let none = std::iter::empty();
    assert_eq!(encode::request(&mut out, 1, &long, none, b"", true).unwrap_err().field, "the path");
    let lines = std::iter::repeat_n((b"a".as_slice(), b"b".as_slice()), c::HEADERS_MAX + 1);
    assert!(encode::request(&mut out, 1, &head(&[], "GET"), lines, b"", true).is_err());
    let value = vec![b'v'; c::FRAME_PAYLOAD_MAX];
    let lines = std::iter::once((b"a".as_slice(), value.as_slice()));
    assert!(encode::request(&mut out, 1, &head(&[], "GET"), lines, b"", true).is_err());
    assert_eq!(out.as_ref(), b"before");
}

#[test]
fn wrong_frames_are_named() {
    let frame = |kind, flags, payload: &'static [u8]| Frame {
        kind,
        flags,
        stream: 1,
        payload: Bytes::from_static(payload),
    };
    let reject = |f| WorkerFrame::parse(f).unwrap_err();
    assert_eq!(reject(frame(0x01, 0, b"")), ProtocolError::UnknownType(1));
    assert_eq!(reject(frame(c::PONG, 1, b"")), ProtocolError::UnknownFlags(c::PONG));
    for (kind, payload) in [
        (c::RESPONSE, b"\xc8\x00\x00".as_slice()),
        (c::RESPONSE, b"\x63\x00\x00\x00\x00\x00"),
        (c::RESPONSE, b"\xc8\x00\x00\x00\xff\xff"),
        (c::RESPONSE_CHUNK, b""),
        (c::PONG, b"1234567"),
        (c::PONG, b"123456789"),
        (c::HELLO, b"BYWAX\x01\x00\x00\x00\x00\x00\x00\x00"),
        (c::ABORT, b"\x09"),
        (c::LOG, b"\x00x"),
        (c::READY, b"x"),
        (c::VERDICT, b"\x00\x00\x00\x00\x00\x00"),
        (c::VERDICT, b"\x01\x01\x00/\x00\x00\x00"),
        (c::VERDICT, b"\x02\x00\x00\x00\x00\x00"),
        (c::VERDICT, b"\x01\x00\x00\x02\x00\x00"),
        (c::VERDICT, b"\x01\x00\x00\x00\x00\x00\x00"),
        (c::CACHE_GET, b"\x03\x00k"),
        (c::CACHE_GET, b"\x01\x00k\x00\x00x"),
        (c::CACHE_SET, b"\x02"),
        (c::CACHE_SET, b"\x00\x00"),
        (c::INVALIDATE, b"\x09\x00\x00\x00\x00\x00\x00"),
        (c::INVALIDATE, b"\x01\x00\x00\x00\x00\x01\x00"),
        (c::LOADED, b"x"),
        (c::OVER, b"x"),
        (c::RELOADED, b"\x01\x00\x00"),
    ] {
        assert!(matches!(reject(frame(kind, 0, payload)), ProtocolError::Malformed { .. }));
    }
    let mut out = BytesMut::new();
    out.put_u32_le(c::FRAME_PAYLOAD_MAX as u32 + 1);
    out.put_slice(&[0; 8]);
    assert!(matches!(decode_all(&out, &[12]), Err(ProtocolError::FrameTooLong { .. })));
}

#[test]
fn typescript_constants_are_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../worker/src/wire-constants.ts");
    let expected = crate::constants::typescript();
    let found = std::fs::read_to_string(path).unwrap_or_default();
    if found != expected {
        std::fs::write(path, &expected).unwrap();
        panic!("worker/src/wire-constants.ts was out of date and has been written anew");
    }
}

/// A few frames of several streams, as a worker would interleave them.
fn worker_frames() -> impl Strategy<Value = Vec<WorkerFrame>> {
    let data = || proptest::collection::vec(any::<u8>(), 1..200).prop_map(Bytes::from);
    let one = prop_oneof![
        (1..9u32, data(), any::<bool>()).prop_map(|(stream, data, end)| WorkerFrame::Chunk {
            stream,
            data,
            end
        }),
        (1..9u32, any::<u32>()).prop_map(|(stream, bytes)| WorkerFrame::Credit { stream, bytes }),
        (1..9u32).prop_map(|stream| WorkerFrame::AbortResponse { stream }),
        any::<u64>().prop_map(|token| WorkerFrame::Pong { token }),
        ("\\PC{0,40}", 0..9u32).prop_map(|(text, stream)| WorkerFrame::Log {
            stream,
            level: LogLevel::Warn,
            text
        }),
        (1..9u32, header_lines()).prop_map(|(stream, lines)| {
            let mut out = BytesMut::new();
            encode::trailers(&mut out, stream, pairs(&lines)).unwrap();
            WorkerFrame::parse(decode_all(&out, &[]).unwrap().remove(0)).unwrap()
        }),
        (1..9u32).prop_map(|stream| WorkerFrame::Over { stream }),
        "\\PC{0,40}".prop_map(|text| WorkerFrame::Retire { text }),
        (any::<u32>(), proptest::option::of("\\PC{1,40}"))
            .prop_map(|(number, failure)| WorkerFrame::Reloaded { number, failure }),
        Just(WorkerFrame::Loaded),
        Just(WorkerFrame::Ready),
    ];
    proptest::collection::vec(one, 1..30)
}

fn write(out: &mut BytesMut, frame: &WorkerFrame) {
    match frame {
        WorkerFrame::Chunk { stream, data, end } => {
            encode::response_chunk(out, *stream, data, *end);
        }
        WorkerFrame::Credit { stream, bytes } => encode::request_credit(out, *stream, *bytes),
        WorkerFrame::AbortResponse { stream } => encode::abort(out, *stream, c::ABORT_RESPONSE),
        WorkerFrame::Pong { token } => encode::pong(out, *token),
        WorkerFrame::Log { stream, level, text } => {
            encode::log(out, *stream, *level, text).unwrap();
        }
        WorkerFrame::Trailers { stream, lines } => {
            let lines: Vec<_> = lines.iter().collect();
            let lines = lines.iter().map(|(name, value)| (&name[..], &value[..]));
            encode::trailers(out, *stream, lines).unwrap();
        }
        WorkerFrame::Over { stream } => encode::over(out, *stream),
        WorkerFrame::Retire { text } => encode::retire(out, text).unwrap(),
        WorkerFrame::Reloaded { number, failure } => {
            encode::reloaded(out, *number, failure.as_deref().unwrap_or_default());
        }
        WorkerFrame::Loaded => encode::loaded(out),
        _ => encode::ready(out),
    }
}

proptest! {
    #[test]
    fn interleaved_frames_come_out_as_they_went_in(
        frames in worker_frames(),
        cuts in proptest::collection::vec(1..300usize, 1..10),
    ) {
        let mut out = BytesMut::new();
        for frame in &frames {
            write(&mut out, frame);
        }
        let decoded: Vec<_> = decode_all(&out, &cuts)
            .unwrap()
            .into_iter()
            .map(|f| WorkerFrame::parse(f).unwrap())
            .collect();
        prop_assert_eq!(decoded, frames);
    }

    #[test]
    fn a_truncated_stream_gives_only_whole_frames(frames in worker_frames(), keep in 0.0..1.0f64) {
        let mut out = BytesMut::new();
        for frame in &frames {
            write(&mut out, frame);
        }
        #[allow(clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a length")]
        let keep = (out.len() as f64 * keep) as usize;
        let decoded = decode_all(&out[..keep], &[keep.max(1)]).unwrap();
        prop_assert!(decoded.len() <= frames.len());
        for (got, sent) in decoded.into_iter().zip(&frames) {
            prop_assert_eq!(&WorkerFrame::parse(got).unwrap(), sent);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for frame in decode_all(&bytes, &[7]).unwrap_or_default() {
            let _ = WorkerFrame::parse(frame.clone());
            let _ = ServerFrame::parse(frame);
        }
    }

    #[test]
    fn arbitrary_payloads_never_panic(
        kind in prop_oneof![0x01..=0x08u8, 0x81..=0x92u8],
        flags in 0..16u8,
        payload in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let frame = Frame { kind, flags, stream: 1, payload: Bytes::from(payload) };
        if let Ok(WorkerFrame::Response { head, .. }) = WorkerFrame::parse(frame.clone()) {
            prop_assert_eq!(head.headers.iter().count(), head.headers.len());
        }
        let _ = ServerFrame::parse(frame);
    }
}
