//! A long upload through formidable to a file: neither the server nor the worker keeps it.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use byway_testkit::{Fixture, RawClient, TestServer, byway_binary};
use serde_json::{Value, json};

use super::installed::packages;

const MIB: usize = 1 << 20;
/// What is uploaded before memory is looked at. Buffers that have been read wait for the garbage collector, which
/// V8 starts at some tens of megabytes of them: a worker that has seen none yet is smaller than it will ever be again.
const FIRST: usize = 64 * MIB;
/// How much more memory a process may have had at its worst than before, whatever the upload's length.
const GROWTH_MAX: usize = 32 * MIB;

/// The length of the file: 256 MiB, or as many as `BYWAY_UPLOAD_MIB` says.
fn length() -> usize {
    let asked = std::env::var("BYWAY_UPLOAD_MIB").ok().and_then(|it| it.parse::<usize>().ok());
    asked.unwrap_or(256) * MIB
}

/// The most memory that a process has had so far, and what it has now.
fn memory(pid: u64) -> [usize; 2] {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    ["VmHWM:", "VmRSS:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    })
}

/// Uploads a file of so many bytes and gives what the route says of it.
fn upload(server: &TestServer, bytes: usize) -> Value {
    let head = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"long.bin\"\r\n\
                content-type: application/octet-stream\r\n\r\n";
    let tail = "\r\n--x--\r\n";
    let length = head.len() + bytes + tail.len();
    let mut client = RawClient::connect_within(server.authority(), Duration::from_mins(2)).unwrap();
    client
        .send(format!(
            "POST /api/upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n\
             Content-Length: {length}\r\n\r\n{head}"
        ))
        .unwrap();
    let piece: Vec<u8> = (0..MIB).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for _ in 0..bytes / MIB {
        client.send(&piece).unwrap();
    }
    client.send(tail).unwrap();
    let answer = client.read().unwrap();
    assert_eq!(answer.status, 200, "{} {}", answer.text(), server.stderr());
    answer.json()
}

#[test]
fn a_long_upload_goes_through_formidable_to_disk_and_memory_stays_flat() {
    let project = Fixture::new(&[
        ("byway.toml", "[limits]\nbody = \"4gb\"\n"),
        (
            "pages/api/upload.ts",
            "import { rm, stat } from 'node:fs/promises'\n\
             import formidable from 'formidable'\n\
             export const config = { api: { bodyParser: false } }\n\
             const most = 4 * 1024 ** 3\n\
             export default async function handler(req, res) {\n\
             \x20 const form = formidable({ uploadDir: '.', maxFileSize: most, maxTotalFileSize: most })\n\
             \x20 const [, files] = await form.parse(req)\n\
             \x20 const { filepath } = files.file[0]\n\
             \x20 const { size } = await stat(filepath)\n\
             \x20 await rm(filepath)\n\
             \x20 res.json({ size, pid: process.pid })\n\
             }\n",
        ),
    ])
    .unwrap();
    symlink(packages().join("node_modules"), project.path().join("node_modules")).unwrap();
    let server = project.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    let first = upload(&server, FIRST);
    let worker = first["pid"].as_u64().unwrap();
    let processes = [u64::from(server.pid()), worker];
    let before = processes.map(memory);
    let bytes = length();
    assert_eq!(upload(&server, bytes), json!({ "size": bytes, "pid": worker }));
    let after = processes.map(memory);
    for ((name, [_, before]), [peak, after]) in ["byway", "worker"].iter().zip(before).zip(after) {
        let told = [before, peak, after].map(|bytes| bytes / MIB);
        eprintln!("{name}: {told:?} MiB before, at most, after {} MiB", bytes / MIB);
        assert!(
            peak.saturating_sub(before) < GROWTH_MAX,
            "{name}: {told:?} MiB before, at most, after"
        );
    }
}
