use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Options, Quirks, run};
use crate::conformance::{CaseResult, Corpus};

/// A server that answers every request with what `answer` makes of its text. Its threads end with
/// the test's process; each connection ends by itself.
fn serve(answer: impl Fn(&str, usize) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (answer, count) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (answer, count) = (Arc::clone(&answer), Arc::clone(&count));
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let request = read_request(&mut stream);
                let number = count.fetch_add(1, Ordering::SeqCst);
                for piece in answer(&request, number).split("<pause>") {
                    stream.write_all(piece.as_bytes()).unwrap();
                    stream.flush().unwrap();
                    if piece.ends_with("\r\n") {
                        thread::sleep(Duration::from_millis(60));
                    }
                }
            });
        }
    });
    base
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&seen).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8_lossy(&body)
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn corpus(cases: &Value, answers: &Value) -> Corpus {
    Corpus {
        cases: serde_json::from_value(cases.clone()).unwrap(),
        expected: serde_json::from_value(answers.clone()).unwrap(),
    }
}

fn recorded(body: &str) -> Value {
    json!({"status": 200, "framing": "length", "complete": true, "body": body})
}

/// The result of one case `a` whose answers are `answers`.
#[expect(clippy::needless_pass_by_value, reason = "call sites read better with values")]
fn result(base: &str, mut case: Value, answers: Value, options: &Options) -> CaseResult {
    case["name"] = "a".into();
    case["group"] = "g".into();
    let corpus = corpus(&json!([case]), &json!({"a": answers}));
    let report = run(base, &corpus, options);
    report.results.into_iter().next().unwrap()
}

fn differs(base: &str, case: Value, answers: Value) -> Option<String> {
    result(base, case, answers, &Options::default()).difference
}

#[test]
fn a_request_is_sent_as_the_case_says_and_placeholders_are_put_back() {
    let base = serve(|request, _| answer(request));
    let case = json!({"request": {
        "method": "POST", "path": "/a?{{RUN}}", "headers": [["X-A", "{{HOST}}"]], "body": "b{{PORT}}c"
    }});
    let port_length = base.rsplit_once(':').unwrap().1.len();
    let sent = format!(
        "POST /a?{{{{RUN}}}} HTTP/1.1\r\nHost: {{{{HOST}}}}\r\nX-A: {{{{HOST}}}}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\nb",
        2 + port_length
    );
    let pattern = sent.replace("{{", "\\{\\{").replace('?', "\\?");
    let mut case_regex = case.clone();
    case_regex["compare"] = json!({"body": {"regex": format!("^{pattern}\\d+c$")}});
    assert_eq!(differs(&base, case_regex, json!([recorded("")])), None);
    assert!(differs(&base, case, json!([recorded("x")])).unwrap().starts_with("body: "));
}

#[test]
fn steps_share_variables_and_asserts_compare_them() {
    let base = serve(|request, number| {
        let echoed = request.lines().next().unwrap().to_owned();
        answer(&format!("{echoed} value-{}", number / 2 + 1000))
    });
    let capture = |name: &str| json!({name: ["body", "value-\\d+"]});
    let steps = json!({"steps": [
        {"request": {"path": "/"}, "capture": capture("v1")},
        {"request": {"path": "/{{v1}}"}, "capture": capture("v2"), "assert": [["eq", "v1", "v2"]]},
        {"request": {"path": "/"}, "capture": capture("v3"), "assert": [["ne", "v1", "v3"], ["eq", "v1", "v3"]]},
    ]});
    let mut second = recorded("GET /{{v1}} HTTP/1.1 {{v1}}");
    second["asserts"] = json!([true]);
    let mut third = recorded("GET / HTTP/1.1 {{v3}}");
    third["asserts"] = json!([true, false]);
    let answers = json!([recorded("GET / HTTP/1.1 {{v1}}"), second, third]);
    // The second path captures the same text again, so that the first variable's name replaces
    // both.
    assert_eq!(differs(&base, steps, answers), None);
}

#[test]
fn a_step_waits_for_its_effect_and_a_case_may_be_retried() {
    let base = serve(|_, number| answer(if number == 2 { "done" } else { "busy" }));
    let case = json!({"steps": [
        {"request": {}, "until": "^done", "retry": 5, "retry_ms": 1},
    ]});
    assert_eq!(differs(&base, case, json!([recorded("done")])), None);
    let base = serve(|_, number| answer(if number == 2 { "done" } else { "busy" }));
    let retried = Options { retries: 2, ..Options::default() };
    let case = json!({"request": {}});
    assert_eq!(result(&base, case.clone(), json!([recorded("done")]), &retried).difference, None);
    let base = serve(|_, number| answer(if number == 2 { "done" } else { "busy" }));
    let retried = Options { retries: 1, ..Options::default() };
    assert!(result(&base, case, json!([recorded("done")]), &retried).difference.is_some());
}

#[test]
fn raw_bytes_are_sent_and_several_answers_read() {
    let base = serve(|request, _| answer("1") + &answer(request.lines().next().unwrap()));
    let case = json!({
        "request": {"raw": "GET /{{RUN}} HTTP/1.1\r\n\r\n", "read": 2, "then_closed": 2.0},
        "compare": {"closed": true},
    });
    let mut answers = recorded("GET /{{RUN}} HTTP/1.1");
    answers["multi"] = json!([recorded("1")]);
    answers["closed_after"] = json!(true);
    assert_eq!(differs(&base, case.clone(), json!([answers])), None);
    answers["multi"] = json!([recorded("2")]);
    let found = differs(&base, case, json!([answers])).unwrap();
    assert!(found.starts_with("answer 1 on the connection: body"), "{found}");
}

#[test]
fn parallel_requests_have_tokens_of_their_own() {
    let case = json!({"request": {"parallel": 8, "max_ms": 60_000, "path": "/{{I}}"}});
    let mut expected = recorded("GET /{{I}} HTTP/1.1");
    expected["parallel_same"] = json!(true);
    expected["parallel_in_time"] = json!(true);
    let base = serve(|request, _| answer(request.lines().next().unwrap()));
    assert_eq!(differs(&base, case.clone(), json!([expected])), None);
    let base = serve(|_, number| answer(if number == 5 { "GET /i0000x HTTP/1.1" } else { "" }));
    let found = differs(&base, case, json!([expected])).unwrap();
    assert!(found.contains("parallel"), "{found}");
}

#[test]
fn streaming_is_judged_by_when_chunks_arrive() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let case = json!({"request": {}, "timing": {"min_bursts": 2, "gap_ms": 25}});
    let expected = json!([{
        "status": 200, "framing": "chunked", "complete": true, "body": "ab", "timing_ok": true
    }]);
    let apart = serve(move |_, _| format!("{head}1\r\na\r\n<pause>1\r\nb\r\n<pause>0\r\n\r\n"));
    assert_eq!(differs(&apart, case.clone(), expected.clone()), None);
    let at_once = serve(move |_, _| format!("{head}1\r\na\r\n1\r\nb\r\n0\r\n\r\n"));
    assert!(differs(&at_once, case, expected).unwrap().starts_with("streamed"));
}

#[test]
fn failures_are_named_as_they_are_recorded() {
    let closing = serve(|_, _| String::new());
    let failed = |error: &str| json!([{"error": error}]);
    assert_eq!(
        differs(&closing, json!({"request": {}}), failed("connection: ConnectionError")),
        None
    );
    let raw = json!({"request": {"raw": "GET / HTTP/1.1\r\n\r\n"}});
    assert_eq!(differs(&closing, raw, failed("connection: closed")), None);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    let quick = json!({"request": {}, "timeout": 0.05});
    assert_eq!(differs(&base, quick, failed("timeout")), None);
    drop(silent);
    assert_eq!(
        differs(&base, json!({"request": {}}), failed("connect: ConnectionRefusedError")),
        None
    );
}

#[test]
fn groups_names_and_quirks_choose_the_cases() {
    let case = |name: &str, group: &str| json!({"name": name, "group": group, "request": {}});
    let mut odd = case("b.2", "y");
    odd["quirk"] = json!("looks like an accident");
    let cases = json!([case("a.1", "x"), case("b.1", "x"), odd]);
    let recorded = recorded("");
    let corpus = corpus(&cases, &json!({"a.1": [recorded], "b.1": [recorded], "b.2": [recorded]}));
    let base = serve(|_, _| answer(""));
    let names = |options: Options| -> Vec<String> {
        run(&base, &corpus, &options).results.into_iter().map(|result| result.name).collect()
    };
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(Options::default()), ["a.1", "b.1", "b.2"]);
    assert_eq!(names(Options { groups: list(&["y"]), ..Options::default() }), ["b.2"]);
    assert_eq!(names(Options { only: list(&["b.*", "a"]), ..Options::default() }), ["b.1", "b.2"]);
    assert_eq!(names(Options { quirks: Quirks::Skip, ..Options::default() }), ["a.1", "b.1"]);
    assert_eq!(names(Options { quirks: Quirks::Only, ..Options::default() }), ["b.2"]);
}
