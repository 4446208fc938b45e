use std::time::Duration;

use super::{serve, serve_with};

const UPLOAD: (&str, &str) = (
    "app/upload/route.ts",
    "export const config = { body: '100kb' }\n\
     export async function POST(request: Request) {\n\
     \x20 console.error('upload began')\n\
     \x20 request.signal.addEventListener('abort', () => console.error('upload aborted'))\n\
     \x20 let length = 0\n\
     \x20 for await (const chunk of request.body as any) length += chunk.length\n\
     \x20 return Response.json({ length })\n\
     }\n\
     export const GET = () => new Response('alive')\n",
);

#[test]
fn l04_a_declared_length_is_refused_before_the_handler_runs() {
    let (_fixture, server) = serve(&[UPLOAD]);
    let mut client = server.connect().unwrap();
    let host = server.authority();
    // No byte of the body is sent: the answer must not wait for it, and no 100 may ask for it.
    client
        .send(format!(
            "POST /upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 102401\r\n\
             Expect: 100-continue\r\n\r\n"
        ))
        .unwrap();
    let answer = client.read().unwrap();
    assert_eq!((answer.status, answer.interim.as_slice()), (413, &[][..]));
    assert_eq!(answer.json()["error"], "body_too_large");
    assert!(client.closed_within(Duration::from_secs(5)), "what follows is no request");
    let fits = server.request("POST", "/upload", &[], &"x".repeat(102_400)).unwrap();
    assert_eq!(fits.json()["length"], 102_400);
    server.wait_for_log("upload began", Duration::from_secs(10)).unwrap();
    assert_eq!(server.stderr().matches("upload began").count(), 1);
}

#[test]
fn l04_a_body_without_a_length_is_cut_off_and_the_handler_is_told() {
    let (_fixture, server) = serve(&[UPLOAD]);
    let mut client = server.connect().unwrap();
    let host = server.authority();
    client
        .send(format!(
            "POST /upload HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        ))
        .unwrap();
    let piece = "x".repeat(50_000);
    for _ in 0..2 {
        client.send(format!("{:x}\r\n{piece}\r\n", piece.len())).unwrap();
    }
    // A handler that begins later finds the signal aborted and hears no event.
    assert!(server.wait_for_log("upload began", Duration::from_secs(5)).is_some());
    client.send(format!("{:x}\r\n{piece}\r\n", piece.len())).unwrap();
    let answer = client.read().unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (413, Some("body_too_large")));
    assert!(
        server.wait_for_log("upload aborted", Duration::from_secs(5)).is_some(),
        "{}",
        server.stderr()
    );
    assert_eq!(server.get("/upload").unwrap().text(), "alive");
}

#[test]
fn l09_bodies_in_memory_are_bounded_together() {
    let (_fixture, server) = serve_with("[limits]\nbodies = \"1mb\"\nbody = \"10mb\"\n");
    let host = server.authority();
    // Each upload may occupy 320 kB until it ends: of five that wait, two do not fit.
    let mut clients: Vec<_> = (0..5).map(|_| server.connect().unwrap()).collect();
    for client in &mut clients {
        client
            .send(format!(
                "POST /api/echo HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
            ))
            .unwrap();
    }
    let mut refused = 0;
    let mut waiting = Vec::new();
    for mut client in clients {
        let soon = std::time::Instant::now() + Duration::from_millis(500);
        match client.read_until(soon, false) {
            Ok(answer) => {
                assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
                refused += 1;
            }
            Err(_) => waiting.push(client),
        }
    }
    assert_eq!((refused, waiting.len()), (2, 3));
    for mut client in waiting {
        client.send("0\r\n\r\n").unwrap();
        assert_eq!(client.read().unwrap().text(), "x");
    }
    assert_eq!(server.request("POST", "/api/echo", &[], "again").unwrap().text(), "again");
}
