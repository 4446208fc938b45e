//! Folders with links, circles and odd names.

use std::fs;
use std::path::Path;

use super::{DEPTH_MAX, Tree, TreeError, list};

fn write(root: &Path, file: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

fn sorted(mut tree: Tree) -> (Vec<String>, Vec<String>) {
    tree.files.sort_unstable();
    tree.link_cycles.sort_unstable();
    (tree.files, tree.link_cycles)
}

#[test]
fn files_are_listed_and_skipped_names_are_not_entered() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["a", "b/c", "b/_d/e", "_f", "b/.g/h"] {
        write(dir.path(), file);
    }
    fs::create_dir(dir.path().join("empty")).unwrap();
    let tree = list(dir.path(), |name| name.starts_with('_')).unwrap();
    assert_eq!(sorted(tree).0, ["a", "b/.g/h", "b/c"]);
}

#[test]
fn a_missing_folder_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = list(&dir.path().join("none"), |_| false).unwrap_err();
    assert!(matches!(error, TreeError::Read { .. }), "{error}");
}

#[test]
fn depth_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &("d/".repeat(DEPTH_MAX) + "file"));
    assert_eq!(list(dir.path(), |_| false).unwrap().files.len(), 1);
    write(dir.path(), &("d/".repeat(DEPTH_MAX + 1) + "file"));
    let error = list(dir.path(), |_| false).unwrap_err();
    assert!(matches!(error, TreeError::TooDeep { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    for file in ["root/a/file", "outside/file"] {
        write(dir.path(), file);
    }
    symlink(dir.path().join("outside"), root.join("linked")).unwrap();
    symlink(dir.path().join("outside/file"), root.join("file")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink(".", root.join("a/self")).unwrap();
    symlink("..", root.join("a/up")).unwrap();
    // A circle through a folder that lies elsewhere.
    symlink(root.join("a"), dir.path().join("outside/back")).unwrap();
    symlink(dir.path().join("outside"), root.join("a/out")).unwrap();
    symlink("loop", root.join("loop")).unwrap();

    let (files, cycles) = sorted(list(&root, |_| false).unwrap());
    assert_eq!(
        files,
        ["a/file", "a/out/file", "file", "linked/back/file", "linked/file"],
        "{cycles:?}"
    );
    assert_eq!(
        cycles,
        ["a/out/back", "a/self", "a/up", "linked/back/out", "linked/back/self", "linked/back/up"]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn pipes_and_names_that_are_not_unicode_are_no_files() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::UnixListener;

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(OsStr::from_bytes(b"a\xff.ts")), "").unwrap();
    let _socket = UnixListener::bind(dir.path().join("socket.ts")).unwrap();
    let tree = list(dir.path(), |_| false).unwrap();
    assert!(tree.files.is_empty(), "{tree:?}");
    assert_eq!(tree.not_unicode, ["a\u{fffd}.ts"]);
}
