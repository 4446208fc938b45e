//! Calls that mean no good: prototypes, bombs, lengths, broken bodies (CVE-2025-55182 and those after it).

use std::time::{Duration, Instant};

use super::{BOUNDARY, Served, multipart, result};

const TYPE: &str = "multipart/form-data; boundary=----byway-boundary-0123456789";

fn post(served: &Served, fields: &[(&str, &str)]) -> byway_testkit::RawResponse {
    let headers = [("Next-Action", served.id("echo")), ("Content-Type", TYPE)];
    served.server.request("POST", "/donations", &headers, &multipart(fields)).unwrap()
}

#[test]
fn p01_no_body_reaches_more_than_arguments() {
    let served = Served::start(&[]);
    let thenable = format!("{{\"id\":\"{}\",\"bound\":null}}", served.id("echo"));
    let cases: &[&[(&str, &str)]] = &[
        &[("0", "[\"$1:__proto__:then\"]"), ("1", "{}")],
        &[("0", "[\"$1:constructor:constructor\"]"), ("1", "{}")],
        &[("0", "[{\"__proto__\":{\"polluted\":1}}]")],
        &[
            (
                "0",
                "{\"then\":\"$1:then\",\"status\":\"resolved_model\",\"reason\":-1,\"value\":\"{}\",\"_response\":{}}",
            ),
            ("1", "\"$@0\""),
        ],
        &[("0", "[{\"then\":\"$h1\"}]"), ("1", &thenable)],
        &[("0", "[\"$0\"]")],
        &[("0", "[\"$Q1\"]"), ("1", "\"$Q1\"")],
        &[("0", "[\"$R1\"]")],
        &[("0", "not json")],
        &[("1", "[]")],
        &[],
    ];
    for fields in cases {
        let answer = post(&served, fields);
        assert_eq!(answer.status, 400, "{fields:?} {}", answer.text());
        assert!(result(&answer).starts_with("E{\"digest\""), "{fields:?}");
    }
    let unknown = [("0", "[\"$h1\"]"), ("1", "{\"id\":\"__proto__\",\"bound\":null}")];
    assert_eq!(post(&served, &unknown).status, 409);
    for id in ["__proto__", "constructor", "", "../../etc", &"A".repeat(42)] {
        let answer = served.call(id, "[]");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (400, "Invalid Server Action request.")
        );
        assert_eq!(answer.header("x-nextjs-action-not-found"), Some("1"));
    }
    assert_eq!(served.call(&"0".repeat(42), "[]").status, 409);
    assert_eq!(result(&served.call("echo", "[1]")), "[1]");
    assert!(!served.server.stderr().contains("    at "), "{}", served.server.stderr());
}

#[test]
fn w04_bombs_are_refused_at_once() {
    let served = Served::start(&[]);
    let deep = "[".repeat(400_000) + &"]".repeat(400_000);
    let digits = format!("[\"$n{}\"]", "9".repeat(400_000));
    let wide = format!("[[{}0]]", "0,".repeat(400_000));
    let started = Instant::now();
    for body in [&deep, &digits, &wide] {
        assert_eq!(served.call("echo", body).status, 400);
    }
    let names = format!("[[{}1]]", "\"$Q1\",".repeat(30_000));
    let pairs = format!("[{}[1,1]]", "[1,1],".repeat(30_000));
    assert_eq!(post(&served, &[("0", &names), ("1", &pairs)]).status, 200);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(served.server.get("/api/pledges").unwrap().status, 200);
}

#[test]
fn l05_bodies_have_a_maximum_in_the_words_of_next() {
    let served = Served::start(&[]);
    let words = "Body exceeded 1 MB limit.\nTo configure the body size limit for Server Actions, see: \
                 https://nextjs.org/docs/app/api-reference/next-config-js/serverActions#bodysizelimit";
    let long = format!("[\"{}\"]", "x".repeat(1 << 20));
    let answer = served.call("echo", &long);
    assert_eq!((answer.status, answer.text().as_str()), (413, words));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    let field = format!("$ACTION_ID_{}", served.id("pledge"));
    let form = served.form("/", &[(&field, ""), ("donor", &long)]);
    assert_eq!((form.status, form.text().as_str()), (413, words));
    assert_eq!(served.call("echo", &format!("[\"{}\"]", "x".repeat(1_000_000))).status, 200);
    // Without a length.
    let mut client = served.server.connect().unwrap();
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: x\r\nNext-Action: {}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n",
            served.id("echo")
        ))
        .unwrap();
    let answer = client.read().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (413, words));
}

#[test]
fn the_maximum_can_be_set() {
    let served = Served::start(&[
        (
            "next.config.mjs",
            "export default { experimental: { serverActions: { bodySizeLimit: '2kb' } } }\n",
        ),
        ("byway.toml", "[[route]]\npath = \"/upload\"\nbody = \"1mb\"\n"),
    ]);
    let long = format!("[\"{}\"]", "x".repeat(3000));
    let answer = served.call("echo", &long);
    assert_eq!(answer.status, 413);
    assert!(answer.text().starts_with("Body exceeded 2 KB limit."), "{}", answer.text());
    let headers = [("Next-Action", served.id("echo")), ("Content-Type", "text/plain")];
    assert_eq!(served.server.request("POST", "/upload", &headers, &long).unwrap().status, 200);
}

#[test]
fn a_form_that_breaks_off_calls_nothing() {
    let served = Served::start(&[]);
    let field = format!("$ACTION_ID_{}", served.id("pledge"));
    let whole = multipart(&[(&field, ""), ("donor", "Ada"), ("amount", "5")]);
    let cut = &whole[..whole.len() - BOUNDARY.len() - 4];
    let headers = [("Content-Type", TYPE)];
    assert_eq!(served.server.request("POST", "/", &headers, cut).unwrap().status, 400);
    let unbounded = [("Content-Type", "multipart/form-data")];
    assert_eq!(served.server.request("POST", "/", &unbounded, &whole).unwrap().status, 400);
    assert_eq!(served.seen()["pledges"], serde_json::json!([]));
}
