use async_compression::tokio::write::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use byway_config::Coding::{self, Brotli, Gzip, Zstd};
use byway_config::CompressionSettings;
use http::{Method, Request, Response, StatusCode};
use proptest::prelude::*;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::encoder::at_once;
use super::{Compression, Encoder, whole};

fn settings() -> CompressionSettings {
    CompressionSettings { enabled: true, size_min: 1024, codings: vec![Brotli, Gzip] }
}

/// The coding of an answer with these headers, and what its headers say then.
fn choose(method: Method, lines: &[(&str, &str)], length: Option<u64>) -> (Option<Coding>, String) {
    let compression = Compression::new(&settings()).unwrap();
    let request = Request::builder().method(method).header("accept-encoding", "gzip");
    let (request, ()) = request.body(()).unwrap().into_parts();
    let mut answer = Response::builder().status(StatusCode::OK);
    for (name, value) in lines {
        answer = answer.header(*name, *value);
    }
    let (mut answer, ()) = answer.body(()).unwrap().into_parts();
    let coding = compression.choose(&request, &mut answer, length);
    let mut told: Vec<String> =
        answer.headers.iter().map(|(k, v)| format!("{k}={}", v.to_str().unwrap())).collect();
    told.sort();
    (coding, told.join(" "))
}

#[test]
fn what_is_worth_it_is_compressed_and_says_so() {
    let (coding, told) = choose(
        Method::GET,
        &[("content-type", "application/json; charset=utf-8"), ("etag", "\"a\""), ("vary", "rsc")],
        Some(5000),
    );
    assert_eq!(coding, Some(Gzip));
    assert_eq!(
        told,
        "content-encoding=gzip content-type=application/json; charset=utf-8 etag=W/\"a\" \
         vary=Accept-Encoding vary=rsc"
    );
    for kind in
        ["text/plain;charset=UTF-8", "text/html", "application/problem+json", "image/svg+xml"]
    {
        assert_eq!(choose(Method::GET, &[("content-type", kind)], None).0, Some(Gzip), "{kind}");
    }
}

#[test]
fn the_rest_is_left_alone() {
    let json = ("content-type", "application/json");
    let check = |method, lines: &[(&str, &str)], length| {
        assert_eq!(choose(method, lines, length).0, None, "{lines:?}");
    };
    check(Method::GET, &[("content-type", "text/event-stream")], None);
    check(Method::GET, &[("content-type", "image/png")], Some(5000));
    check(Method::GET, &[], Some(5000));
    check(Method::GET, &[json], Some(1023));
    check(Method::HEAD, &[json], Some(5000));
    check(Method::GET, &[json, ("content-encoding", "br")], Some(5000));
    check(Method::GET, &[json, ("cache-control", "public, no-transform")], Some(5000));
    check(Method::GET, &[json, ("content-range", "bytes 0-1/2")], Some(5000));
    // What could be compressed varies, even where this answer is too short for it.
    assert!(choose(Method::GET, &[json], Some(5)).1.contains("vary=Accept-Encoding"));
    assert!(Compression::new(&CompressionSettings { enabled: false, ..settings() }).is_none());
}

fn read(decoder: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    at_once(decoder.write_all(bytes)).unwrap();
    at_once(decoder.flush()).unwrap();
}

fn decode(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        Gzip => read(&mut GzipDecoder::new(&mut out), bytes),
        Brotli => read(&mut BrotliDecoder::new(&mut out), bytes),
        Zstd => read(&mut ZstdDecoder::new(&mut out), bytes),
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nothing_is_lost_and_every_piece_can_be_read_at_once(
        coding in prop_oneof![Just(Gzip), Just(Brotli), Just(Zstd)],
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..400), 1..8),
    ) {
        let mut encoder = Encoder::new(coding);
        let (mut sent, mut plain) = (Vec::new(), Vec::new());
        for piece in &pieces {
            sent.extend_from_slice(&encoder.push(piece).unwrap());
            plain.extend_from_slice(piece);
            // A decoder that has only this much gives everything so far.
            prop_assert_eq!(&decode(coding, &sent), &plain);
        }
        sent.extend_from_slice(&encoder.finish().unwrap());
        prop_assert_eq!(&decode(coding, &sent), &plain);
        prop_assert_eq!(encoder.finish().unwrap().len(), 0);
        prop_assert_eq!(decode(coding, &whole(coding, &plain).unwrap()), plain);
    }
}
