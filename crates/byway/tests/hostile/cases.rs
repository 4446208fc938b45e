//! Requests of the matrix as bytes, with the answers that they have to get.

/// One attack.
pub(super) struct Case {
    /// The row of the matrix.
    pub(super) row: &'static str,
    /// What is sent on one connection.
    pub(super) bytes: Vec<u8>,
    /// The statuses of all answers.
    pub(super) statuses: &'static [u16],
    /// Whether the connection is closed then.
    pub(super) closes: bool,
    /// Bodies that handlers get as a whole.
    pub(super) whole: &'static [&'static str],
}

/// What follows an attack, for whoever reads the attack in another way.
pub(super) const TAIL: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

fn case(
    row: &'static str,
    bytes: impl Into<Vec<u8>>,
    statuses: &'static [u16],
    closes: bool,
    whole: &'static [&'static str],
) -> Case {
    Case { row, bytes: bytes.into(), statuses, closes, whole }
}

/// A POST with these header lines, followed by this and the tail.
fn post(row: &'static str, lines: &str, body: &str, outcome: Outcome) -> Case {
    let head = format!("POST /f HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}{TAIL}");
    case(row, head, outcome.0, outcome.1, outcome.2)
}

/// Statuses, whether the connection closes, and whole bodies.
type Outcome = (&'static [u16], bool, &'static [&'static str]);

/// Refused before a handler runs, and nothing behind it is read.
const REFUSED: Outcome = (&[400], true, &[]);

/// F01 to F06: lengths and codings.
pub(super) fn lengths() -> Vec<Case> {
    let chunked = "3\r\nabc\r\n0\r\n\r\n";
    let mut cases = vec![
        // RFC 9112 §6.1: read as chunked, and what follows is no request.
        post(
            "F01",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            chunked,
            (&[200], true, &["abc"]),
        ),
        post(
            "F01",
            "Transfer-Encoding: chunked\r\nContent-Length: 30",
            chunked,
            (&[200], true, &["abc"]),
        ),
        post(
            "F01",
            "Content-Length: 0\r\nTransfer-Encoding: chunked",
            chunked,
            (&[200], true, &["abc"]),
        ),
        post("F02", "Content-Length: 5\r\nContent-Length: 6", "abcde", REFUSED),
        post("F02", "Content-Length: 0\r\nContent-Length: 5", "abcde", REFUSED),
        post("F02", "Content-Length: 5, 6", "abcde", REFUSED),
        post(
            "F03",
            "Content-Length: 3\r\nContent-Length: 3",
            "abc",
            (&[200, 200], false, &["abc"]),
        ),
    ];
    for wrong in ["+1", "-1", "0x10", "1_0", "1Z", "", "99999999999999999999", "1 0", "1.0", "１"]
    {
        cases.push(post("F04", &format!("Content-Length: {wrong}"), "a", REFUSED));
    }
    for wrong in ["chunked, gzip", "xchunked", "chunked\u{b}", "identity", "gzip", "\"chunked\""] {
        cases.push(post("F05", &format!("Transfer-Encoding: {wrong}"), chunked, REFUSED));
    }
    // One coding more or less before `chunked`: the framing is clear, and what is in it is not decoded.
    for odd in ["gzip, chunked", ", chunked", "chunked\r\nTransfer-Encoding: chunked", "CHUNKED"] {
        cases.push(post(
            "F05",
            &format!("Transfer-Encoding: {odd}"),
            chunked,
            (&[200, 200], false, &["abc"]),
        ));
    }
    let old =
        format!("POST /f HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}{TAIL}");
    cases.push(case("F06", old, &[400], true, &[]));
    cases
}

/// F07 to F10: chunks, their extensions, trailers.
pub(super) fn chunks() -> Vec<Case> {
    let mut cases = Vec::new();
    let chunked = |row, body: &str, outcome| post(row, "Transfer-Encoding: chunked", body, outcome);
    // The handler may have begun, but never gets a body, and nothing behind is read.
    let broken: Outcome = (&[], true, &[]);
    for size in ["0x3", "3_0", " 3", "", "-3", "+3", "10000000000000003", "g"] {
        cases.push(chunked("F07", &format!("{size}\r\nabc\r\n0\r\n\r\n"), broken));
    }
    for body in [
        "3\nabc\r\n0\r\n\r\n",
        "3\r\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabcXX0\r\n\r\n",
    ] {
        cases.push(chunked("F08", body, broken));
    }
    let extension = format!("3;a={}\r\nabc\r\n0\r\n\r\n", "x".repeat(1 << 20));
    cases.push(chunked("F09", &extension, broken));
    let many = format!("{}0\r\n\r\n", format!("1;a={}\r\nx\r\n", "y".repeat(1000)).repeat(1000));
    cases.push(chunked("F09", &many, broken));
    let short =
        chunked("F09", "3;name=\"value\"\r\nabc\r\n0\r\n\r\n", (&[200, 200], false, &["abc"]));
    cases.push(short);
    let trailers = format!("3\r\nabc\r\n0\r\nx-long: {}\r\n\r\n", "x".repeat(17 * 1024));
    cases.push(chunked("F10", &trailers, broken));
    let forbidden = "3\r\nabc\r\n0\r\nHost: evil\r\nContent-Length: 99\r\nx-byway-ip: 1.2.3.4\r\n\
                     x-trailer: t\r\n\r\n";
    cases.push(chunked("F10", forbidden, (&[200, 200], false, &["abc"])));
    cases
}

/// F11 to F13 and F15: lines and versions.
pub(super) fn lines() -> Vec<Case> {
    let mut cases = Vec::new();
    for value in ["a\rb", "a\0b", "a\r\n b", "a\x07b", "\x7f"] {
        cases.push(post("F11", &format!("x-value: {value}"), "", REFUSED));
    }
    for line in ["Host : b", "x y: 1", ": empty", "x\0y: 1", "no colon", "x(y): 1", " folded: 1"] {
        cases.push(post("F12", line, "", REFUSED));
    }
    for byte in [0x85_u8, 0xa0] {
        // A space to some, and part of the name to nobody.
        let head = [
            b"POST /f HTTP/1.1\r\nHost: a\r\nContent-Length".as_slice(),
            &[byte],
            b": 3\r\n\r\nabc",
        ];
        cases.push(case("F12", [&head.concat(), TAIL.as_bytes()].concat(), &[400], true, &[]));
        // In a value they are bytes like others, but no number.
        let head = [
            b"POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: ".as_slice(),
            &[byte],
            b"3\r\n\r\nabc",
        ];
        cases.push(case("F12", [&head.concat(), TAIL.as_bytes()].concat(), &[400], true, &[]));
    }
    // Lines that end with LF alone (RFC 9112 §2.2): one request in either reading.
    let bare = "POST /f HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc";
    cases.push(case("F13", bare, &[200], false, &["abc"]));
    for version in
        ["HTTP/1.32", "HTTP/2.0", "HTTP/4294967295.255", "HTTP/1", "http/1.1", "HTTP/0.9"]
    {
        let head = format!("POST /f {version}\r\nHost: a\r\nContent-Length: 0\r\n\r\n{TAIL}");
        cases.push(case("F15", head, &[400], true, &[]));
    }
    for target in ["/f /g", "", "http://", "/f\tg", "/f\u{7f}"] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n{TAIL}");
        cases.push(case("F15", head, &[400], true, &[]));
    }
    // A target that only CONNECT may have: refused, but how long the request is was never in doubt.
    let authority = "POST f HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    cases.push(case("F15", format!("{authority}{TAIL}"), &[400, 200], false, &[]));
    cases
}

/// F14: `Host`.
pub(super) fn hosts() -> Vec<Case> {
    let with = |lines: &str, target: &str, outcome: Outcome| {
        let head = format!("POST {target} HTTP/1.1\r\n{lines}Content-Length: 0\r\n\r\n");
        case("F14", head, outcome.0, outcome.1, outcome.2)
    };
    let refused: Outcome = (&[400], false, &[]);
    vec![
        with("", "/f", refused),
        with("Host: a\r\nHost: b\r\n", "/f", refused),
        with("Host: a\r\nHost: a\r\n", "/f", refused),
        with("Host: a@b\r\n", "/f", refused),
        with("Host: a/b\r\n", "/f", refused),
        with("Host: example.com.:1.2\r\n", "/f", refused),
        with("Host: a\r\n", "http://b/f", refused),
        with("Host: a\r\n", "http://a/f", (&[200], false, &[""])),
    ]
}

/// F18 and F19: bodies where none are usual, and what follows a request.
pub(super) fn followers() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in ["DELETE", "OPTIONS"] {
        let head = format!("{method} /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let body = "3\r\nabc\r\n0\r\n\r\n";
        cases.push(case("F18", format!("{head}{body}{TAIL}"), &[200, 200], false, &["abc"]));
    }
    let get =
        "GET /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    cases.push(case("F18", format!("{get}{TAIL}"), &[200, 200], false, &[]));
    let get = format!("GET /f HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", TAIL.len());
    cases.push(case("F18", format!("{get}{TAIL}"), &[200], false, &[]));
    let junk = "POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    cases.push(case(
        "F19",
        format!("{junk}\u{1}\u{2}junk\r\n\r\n{TAIL}"),
        &[200, 400],
        true,
        &[""],
    ));
    let second = "POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n";
    cases.push(case("F19", format!("{junk}{second}{TAIL}"), &[200, 400], true, &[""]));
    cases
}

pub(super) fn all() -> Vec<Case> {
    [lengths(), chunks(), lines(), hosts(), followers()].into_iter().flatten().collect()
}
