//! Folders of files as they may lie on disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{conflicts, scan};
use crate::scan::{ScanOptions, scan as scan_project};

fn project(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        write(dir.path(), file);
    }
    dir
}

fn write(dir: &Path, file: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

#[test]
fn names_as_next_takes_them() {
    let dir = project(&[
        "public/hello.txt",
        "public/dir/a b.json",
        "public/.well-known/assetlinks.json",
        "public/.hidden",
        "public/dir/.hidden.txt",
        "public/a\\b.txt",
        "outside.txt",
    ]);
    let found = scan(dir.path()).unwrap();
    assert_eq!(found.names, [".well-known/assetlinks.json", "dir/a b.json", "hello.txt"]);
    assert_eq!(found.warnings, []);
}

#[test]
fn a_project_without_the_folder_has_no_files() {
    assert_eq!(scan(project(&["public"]).path()).unwrap(), super::PublicFiles::default());
}

#[test]
fn p04_only_links_within_the_folder_are_followed() {
    let dir = project(&["public/real/a.txt", "secret/b.txt", ".env"]);
    let public = dir.path().join("public");
    symlink("real/a.txt", public.join("in.txt")).unwrap();
    symlink("real", public.join("folder")).unwrap();
    symlink("../.env", public.join("env.txt")).unwrap();
    symlink("../secret", public.join("out")).unwrap();
    symlink("/proc/self/environ", public.join("proc")).unwrap();
    symlink("nowhere", public.join("dangling")).unwrap();
    symlink("..", public.join("real/up")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(public.join("pipe")).status().unwrap();
    assert!(made.success());
    let found = scan(dir.path()).unwrap();
    assert_eq!(found.names, ["folder/a.txt", "in.txt", "real/a.txt"]);
    let files: Vec<_> =
        found.warnings.iter().map(|warning| warning.file.as_deref().unwrap()).collect();
    assert_eq!(
        files,
        ["public/env.txt", "public/out", "public/proc", "public/folder/up", "public/real/up"]
    );
}

#[test]
fn a_folder_that_is_itself_a_link_is_served() {
    let dir = project(&["assets/a.txt", "app/route.ts"]);
    symlink("assets", dir.path().join("public")).unwrap();
    assert_eq!(scan(dir.path()).unwrap().names, ["a.txt"]);
}

#[test]
fn files_and_routes_with_one_path() {
    let dir = project(&[
        "app/x/route.ts",
        "app/robots.ts",
        "app/page.tsx",
        "pages/api/y.ts",
        "pages/about.tsx",
        "pages/index.tsx",
        "public/x",
        "public/robots.txt",
        "public/index",
        "public/api/y",
        "public/about",
        "public/about.txt",
        "public/_next/z",
    ]);
    // Two pages at `/` are no matter of byway's.
    let project = scan_project(dir.path(), &ScanOptions::default()).unwrap();
    let found = conflicts(&project, &scan(dir.path()).unwrap().names);
    let found: Vec<(bool, &str)> =
        found.iter().map(|it| (it.is_error(), it.file.as_deref().unwrap())).collect();
    assert_eq!(
        found,
        [
            (true, "public/_next"),
            (true, "pages/api/y.ts"),
            (false, "app/robots.ts"),
            (false, "app/x/route.ts"),
            (true, "pages/index.tsx"),
            (true, "pages/about.tsx"),
        ]
    );
}
