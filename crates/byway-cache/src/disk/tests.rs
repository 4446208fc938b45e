//! The store on disk, its bounds, and what is left of it when its process is killed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::entry::{Lifetime, Value};

fn open(dir: &Path, bytes_max: u64) -> (Disk, Tags) {
    let tags = Tags::default();
    let disk = Disk::open(DiskOptions { dir: dir.to_owned(), bytes_max }, &tags).unwrap();
    (disk, tags)
}

fn entry(content: Vec<u8>, seen: u64) -> Entry {
    Entry {
        value: Value::Data(content.into()),
        lifetime: Lifetime::FOREVER,
        tags: Arc::new(["tag".into()]),
        stored_ms: 1,
        seen,
    }
}

#[test]
fn entries_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let kept = entry(b"hello".to_vec(), 0);
    {
        let (disk, _) = open(dir.path(), 1_000_000);
        disk.put("key", &kept).unwrap();
        assert_eq!(disk.get("key"), Some(kept.clone()));
    }
    let (disk, _) = open(dir.path(), 1_000_000);
    assert_eq!(disk.get("key"), Some(kept));
    assert_eq!(disk.get("other"), None);
    disk.remove("key");
    assert_eq!(disk.get("key"), None);
}

#[test]
fn c10_an_invalidation_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (disk, tags) = open(dir.path(), 1_000_000);
        disk.put("key", &entry(b"old".to_vec(), tags.seen())).unwrap();
        let changes = [TagChange { tag: "tag".into(), change: Change::Expire }];
        disk.invalidated(&changes, tags.apply(&changes)).unwrap();
        disk.put("new", &entry(b"new".to_vec(), tags.seen())).unwrap();
    }
    let (disk, tags) = open(dir.path(), 1_000_000);
    let freshness = |key| tags.freshness(&disk.get(key).unwrap(), &[], 0);
    assert_eq!(freshness("key"), crate::Freshness::Gone);
    assert_eq!(freshness("new"), crate::Freshness::Fresh);
}

#[test]
fn c11_a_broken_file_is_removed_and_not_given_out() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, _) = open(dir.path(), 1_000_000);
    disk.put("key", &entry(vec![7; 500], 0)).unwrap();
    let path = disk.path(&name_of("key"));
    let mut bytes = fs::read(&path).unwrap();
    bytes[300] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(disk.get("key"), None);
    assert!(!path.exists());
}

#[test]
fn the_store_keeps_within_its_bytes_and_to_what_was_used_last() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, _) = open(dir.path(), 20_000);
    for number in 0..100 {
        disk.put(&format!("k{number}"), &entry(vec![0; 1_000], 0)).unwrap();
        assert!(disk.get("k0").is_some(), "{number}");
    }
    let on_disk: u64 = fs::read_dir(dir.path())
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.file_name().len() == 32)
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(on_disk <= 20_000 && on_disk > 10_000, "{on_disk}");
    assert!(disk.get("k1").is_none() && disk.get("k99").is_some());
}

#[test]
fn a_second_process_does_not_share_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path(), 1_000);
    let options = DiskOptions { dir: dir.path().to_owned(), bytes_max: 1_000 };
    assert!(Disk::open(options, &Tags::default()).is_err());
}

#[test]
fn after_a_restart_of_the_machine_nothing_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (disk, _) = open(dir.path(), 1_000_000);
        disk.put("key", &entry(b"x".to_vec(), 0)).unwrap();
    }
    fs::write(dir.path().join("boot"), "another boot").unwrap();
    let (disk, _) = open(dir.path(), 1_000_000);
    assert_eq!(disk.get("key"), None);
}

/// What each version of a value looks like: long enough to be torn, and telling its own version.
fn content(key: u64, version: u64) -> Vec<u8> {
    let mut bytes = vec![(key * 31 + version) as u8; 3_000 + (version % 5) as usize * 2_000];
    bytes[..8].copy_from_slice(&version.to_le_bytes());
    bytes
}

const KEYS: u64 = 8;

/// Writes and invalidates until it is killed; run by the test below in a process of its own.
#[test]
fn crash_writer() {
    let Some(dir) = std::env::var_os("BYWAY_TEST_CRASH_DIR") else { return };
    let (disk, tags) = open(Path::new(&dir), 1_000_000);
    for version in 0.. {
        for key in 0..KEYS {
            disk.put(&format!("k{key}"), &entry(content(key, version), tags.seen())).unwrap();
        }
        if version % 3 == 2 {
            let changes = [TagChange { tag: "tag".into(), change: Change::Expire }];
            disk.invalidated(&changes, tags.apply(&changes)).unwrap();
            // From here on nothing up to this version may be given out again.
            write_line(&format!("expired {version}"));
        }
    }
}

fn write_line(line: &str) {
    println!("{line}");
}

#[test]
fn the_store_recovers_from_a_kill_at_any_point_200_times() {
    let dir = tempfile::tempdir().unwrap();
    let mut found = 0;
    for round in 0..200_u64 {
        let _ = fs::remove_dir_all(dir.path());
        fs::create_dir_all(dir.path()).unwrap();
        let mut expired: Option<u64> = None;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "disk::tests::crash_writer", "--nocapture"])
            .env("BYWAY_TEST_CRASH_DIR", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The first invalidation proves that it works; then it is killed somewhere in the next ones.
        for line in lines.by_ref() {
            if let Some(version) = line.unwrap().strip_prefix("expired ") {
                expired = Some(version.parse().unwrap());
                break;
            }
        }
        std::thread::sleep(Duration::from_micros(round * 37 % 9_000));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(version) = line.strip_prefix("expired ") {
                expired = version.parse().ok().max(expired);
            }
        }
        let (disk, tags) = open(dir.path(), 1_000_000);
        for key in 0..KEYS {
            let Some(kept) = disk.get(&format!("k{key}")) else { continue };
            let Value::Data(bytes) = &kept.value else { panic!("round {round}") };
            let version = u64::from_le_bytes(bytes[..8].try_into().unwrap());
            assert_eq!(bytes.as_ref(), content(key, version), "round {round}");
            if tags.freshness(&kept, &[], 0) == crate::Freshness::Fresh {
                assert!(expired.is_none_or(|expired| version > expired), "round {round}");
                found += 1;
            }
        }
        drop(disk);
    }
    assert!(found > 0, "no round left anything to look at");
}
