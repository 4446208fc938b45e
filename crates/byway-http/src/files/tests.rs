use std::fs;

use byway_routes::path::{PathOptions, PathOutcome, RequestPath, parse_target};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{FileId, Files};

const NAMES: [&str; 8] = [
    "hello.txt",
    "dir/data.json",
    "a b.txt",
    "ünï.txt",
    "100%.txt",
    "[x].txt",
    "a+b@c.txt",
    ".well-known/x.json",
];

fn files(names: &[&str]) -> (TempDir, Files) {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let files = Files::new(dir.path().to_owned(), names).unwrap();
    (dir, files)
}

fn path(target: &str, base_path: &str) -> Option<RequestPath> {
    let options = PathOptions { base_path: base_path.to_owned(), ..PathOptions::default() };
    match parse_target(target.as_bytes(), &options) {
        PathOutcome::Path(path) => Some(path),
        PathOutcome::Redirect { .. } | PathOutcome::BadRequest(_) => None,
    }
}

#[test]
fn p02_p05_a_path_names_a_file_in_each_sane_spelling_and_in_no_other() {
    let (_dir, files) = files(&NAMES);
    let found = |target: &str| {
        let FileId(at) = files.find(&path(target, "")?)?;
        Some(NAMES[at])
    };
    for (target, expect) in [
        ("/hello.txt", Some("hello.txt")),
        ("/hello.txt?x=1", Some("hello.txt")),
        ("/dir/../hello.txt", Some("hello.txt")),
        ("/%2e%2e/hello.txt", Some("hello.txt")),
        ("/dir/data.json", Some("dir/data.json")),
        ("/a%20b.txt", Some("a b.txt")),
        ("/%C3%BCn%C3%AF.txt", Some("ünï.txt")),
        ("/%c3%bcn%c3%af.txt", Some("ünï.txt")),
        ("/100%25.txt", Some("100%.txt")),
        ("/[x].txt", Some("[x].txt")),
        ("/%5Bx%5D.txt", Some("[x].txt")),
        ("/a+b@c.txt", Some("a+b@c.txt")),
        ("/a%2Bb%40c.txt", Some("a+b@c.txt")),
        ("/.well-known/x.json", Some(".well-known/x.json")),
        ("/", None),
        ("/dir", None),
        ("/HELLO.TXT", None),
        ("/hello.txt.", None),
        ("/hello.txt%20", None),
        ("/hello.txt%00", None),
        ("/hello.txt%00.html", None),
        ("/hello.txt;x", None),
        ("/dir%2Fdata.json", None),
        ("/dir%5Cdata.json", None),
        ("/dir/..%2fhello.txt", None),
        ("/..%2f..%2fetc/passwd", None),
        ("/%252e%252e/hello.txt", None),
        ("/%68ello.txt", None),
        ("/hello%2Etxt", None),
        ("/hello.txt::$DATA", None),
        ("/CON", None),
        ("/C:/hello.txt", None),
    ] {
        assert_eq!(found(target), expect, "{target}");
    }
}

#[test]
fn a_base_path_stands_before_every_name() {
    let (_dir, files) = files(&NAMES);
    let found = |target: &str| files.find(&path(target, "/base").unwrap()).is_some();
    assert!(found("/base/hello.txt"));
    assert!(!found("/hello.txt") && !found("/base") && !found("/basehello.txt"));
}

#[test]
fn compressed_copies_belong_to_their_file() {
    let (_dir, files) = files(&["a.css", "a.css.br", "a.css.gz", "b.gz"]);
    let variants: Vec<usize> = files.entries.iter().map(|entry| entry.variants.len()).collect();
    assert_eq!(variants, [2, 0, 0, 0]);
}

proptest! {
    /// Whatever is asked for, what is found is one of the names.
    #[test]
    fn p02_no_path_leads_out(target in r"/([a-c./%\\]|%2[eEfF]|%5[cC]|%00|hello\.txt|dir/|\.\./){0,12}") {
        let (_dir, files) = files(&NAMES);
        if let Some(path) = path(&target, "")
            && let Some(FileId(at)) = files.find(&path)
        {
            let plain: Vec<&str> = path.segments().collect();
            prop_assert_eq!(plain.join("/"), NAMES[at]);
        }
    }
}
