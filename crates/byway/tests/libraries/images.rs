//! `ImageResponse`, drawn by `@vercel/og` and by the library that comes with `next`.

#![expect(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use byway_testkit::{Fixture, ReadError, TestServer, byway_binary};

use super::installed::{copy_files, npm_ci, packages, source};

const KEPT: &str = "public, max-age=0, must-revalidate";

/// The parts of the fixture that draw.
const SOURCES: [&str; 2] = ["app/og", "pages/api/og"];

/// Nothing but these, so that the packages beside `library` are the only ones: those named, in `modules`.
fn serve(modules: &Path, names: &[&str]) -> io::Result<(Fixture, TestServer)> {
    let project = Fixture::new(&[("package.json", "{}")])?;
    for folder in SOURCES {
        copy_files(&source().join(folder), &project.path().join(folder))?;
    }
    for name in names {
        let link = project.path().join("node_modules").join(name);
        std::fs::create_dir_all(link.parent().unwrap())?;
        symlink(modules.join(name), link)?;
    }
    let server = project.serve(byway_binary(env!("CARGO_BIN_EXE_byway")))?;
    Ok((project, server))
}

#[test]
fn images_are_drawn_by_vercel_og() {
    let modules = packages().join("node_modules");
    let (_project, server) = serve(&modules, &["@vercel/og", "react"]).unwrap();
    draws(&server);
}

/// The example's packages, which have the real `next`.
#[test]
fn images_are_drawn_by_the_library_of_next() {
    let modules = example().unwrap().join("node_modules");
    assert!(modules.join("next/dist/compiled/@vercel/og/index.node.js").is_file());
    let (_project, server) = serve(&modules, &["next", "react"]).unwrap();
    draws(&server);
}

/// The example with its packages, which `cargo xtask` installs too.
fn example() -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/finance");
    // Held until the file is closed, by the system also when this process dies.
    let lock = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("example.lock"))?;
    lock.lock()?;
    if !folder.join("node_modules/.package-lock.json").exists() {
        npm_ci(&folder)?;
    }
    Ok(folder)
}

fn draws(server: &TestServer) {
    let draw = |text: &str, client: &str| {
        let path = format!("/og?text={text}");
        let answer = server.request("GET", &path, &[("X-Client", client)], "").unwrap();
        assert_eq!((answer.status, answer.header("x-drawn")), (201, Some("yes")));
        assert_eq!(answer.header("content-type"), Some("image/png"), "{}", server.stderr());
        assert_eq!(answer.header("cache-control"), Some("max-age=5"));
        assert_eq!(size(&answer.body), (200, 100));
        answer.body
    };
    let image = draw("one", "ada");
    assert_eq!(draw("one", "ada"), image);
    assert_ne!(draw("two", "ada"), image);
    assert_ne!(draw("one", "bob"), image);

    let plain = server.get("/og/plain").unwrap();
    assert_eq!(plain.header("cache-control"), Some(KEPT));
    assert_eq!((size(&plain.body), plain.header("x-is")), ((1200, 630), Some("true")));
    assert_eq!(plain.header("x-bytes"), Some(&*plain.body.len().to_string()));

    for (path, expect, kept) in [
        ("/og/edge", (30, 20), None),
        ("/api/og/edge", (40, 20), None),
        ("/og/ada/opengraph-image", (120, 60), None),
        ("/og/icon", (32, 32), Some("HIT")),
    ] {
        let answer = server.get(path).unwrap();
        assert_eq!((answer.status, size(&answer.body)), (200, expect), "{path}");
        assert_eq!(answer.header("content-type"), Some("image/png"), "{path}");
        assert_eq!(answer.header("cache-control"), Some(KEPT), "{path}");
        assert_eq!(answer.header("x-nextjs-cache"), kept, "{path}");
    }
    let name = |name: &str| server.get(&format!("/og/{name}/opengraph-image")).unwrap().body;
    assert_ne!(name("ada"), name("bob"));

    let head = server.request("HEAD", "/og/plain", &[], "").unwrap();
    assert_eq!((head.status, head.header("content-type")), (200, Some("image/png")));
    breaks(server);
}

/// By the time it fails, the answer may have begun: then it is broken off.
fn breaks(server: &TestServer) {
    match server.get("/og/broken") {
        Err(ReadError::Closed) => {}
        Ok(begun) => assert!(!begun.complete, "{begun:?}"),
        Err(other) => panic!("{other}"),
    }
    for line in ["failed to pipe response", "display: flex"] {
        let found = server.wait_for_log(line, Duration::from_secs(10));
        assert!(found.is_some(), "{}", server.stderr());
    }
    assert_eq!(server.get("/og/plain").unwrap().status, 200);
}

/// Width and height of a PNG (its specification, section 5), all of whose chunks are there.
fn size(image: &[u8]) -> (u32, u32) {
    let mut rest = image.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap();
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let mut chunks: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    while !rest.is_empty() {
        let length = number(&rest[..4]) as usize;
        chunks.insert(&rest[4..8], &rest[8..8 + length]);
        rest = &rest[8 + length + 4..];
    }
    assert!(chunks.contains_key(&b"IEND"[..]) && !chunks[&b"IDAT"[..]].is_empty());
    let header = chunks[&b"IHDR"[..]];
    (number(&header[..4]), number(&header[4..8]))
}
