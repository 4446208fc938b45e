//! Finding, making and invalidating, with several callers at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::*;
use crate::entry::{Lifetime, Value};
use crate::tags::Change;

fn cache() -> Arc<Cache> {
    Cache::open(&CacheOptions { memory_bytes: 10_000_000, disk: None, shared: None }).unwrap()
}

fn draft(text: &str, lifetime: Lifetime, tags: &[&str]) -> Draft {
    let tags: Vec<Box<str>> = tags.iter().map(|tag| Box::from(*tag)).collect();
    Draft {
        value: Value::Data(Bytes::copy_from_slice(text.as_bytes())),
        lifetime,
        tags: tags.into(),
    }
}

fn text(entry: &Entry) -> &str {
    match &entry.value {
        Value::Data(bytes) => std::str::from_utf8(bytes).unwrap(),
        Value::Answer(_) => panic!("an answer"),
    }
}

fn expire(tag: &str) -> Vec<TagChange> {
    vec![TagChange { tag: tag.into(), change: Change::Expire }]
}

async fn lead(cache: &Arc<Cache>, key: &str) -> Lead {
    match cache.turn(key.into(), &[]).await {
        Turn::Lead(lead, _) => lead,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn c02_ten_thousand_who_want_the_same_run_it_once() {
    let cache = cache();
    let made = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..10_000)
        .map(|number: usize| {
            let (cache, made) = (Arc::clone(&cache), Arc::clone(&made));
            let key = if number.is_multiple_of(2) { "even" } else { "odd" };
            tokio::spawn(async move {
                let entry = match cache.turn(key.into(), &[]).await {
                    Turn::Found(found) => found.entry,
                    Turn::Wait(wait) => match wait.end().await {
                        Flight::Kept(entry) => entry,
                        other => panic!("{other:?}"),
                    },
                    Turn::Lead(lead, _) => {
                        made.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                        lead.keep(draft(key, Lifetime::FOREVER, &[]))
                    }
                };
                assert_eq!(text(&entry), key);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(made.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn c10_what_is_invalidated_while_it_is_made_is_not_given_out() {
    let cache = cache();
    let lead = lead(&cache, "key").await;
    cache.invalidate(expire("tag"));
    lead.keep(draft("old", Lifetime::FOREVER, &["tag"]));
    assert!(cache.peek("key", &[]).is_none());
}

#[tokio::test]
async fn c12_a_stale_entry_is_given_out_while_one_makes_it_anew() {
    let cache = cache();
    let stale_at_once = Lifetime { revalidate: Some(0), expire: None };
    lead(&cache, "key").await.keep(draft("old", stale_at_once, &[]));
    let Turn::Lead(lead, Some(stale)) = cache.turn("key".into(), &[]).await else { panic!() };
    assert_eq!(text(&stale), "old");
    for _ in 0..100 {
        let Turn::Found(found) = cache.turn("key".into(), &[]).await else { panic!() };
        assert_eq!((text(&found.entry), found.freshness), ("old", Freshness::Stale));
    }
    lead.keep(draft("new", Lifetime::FOREVER, &[]));
    let Turn::Found(found) = cache.turn("key".into(), &[]).await else { panic!() };
    assert_eq!((text(&found.entry), found.freshness), ("new", Freshness::Fresh));
}

#[tokio::test]
async fn a_maker_that_gives_up_leaves_nobody_waiting() {
    let cache = cache();
    let lead = lead(&cache, "key").await;
    let Turn::Wait(wait) = cache.turn("key".into(), &[]).await else { panic!() };
    drop(lead);
    assert!(matches!(wait.end().await, Flight::Failed));
    assert!(matches!(cache.turn("key".into(), &[]).await, Turn::Lead(..)));
}

#[tokio::test]
async fn what_is_shared_answers_those_who_wait_and_is_not_kept() {
    let cache = cache();
    let lead = lead(&cache, "key").await;
    let Turn::Wait(wait) = cache.turn("key".into(), &[]).await else { panic!() };
    lead.share(draft("once", Lifetime::FOREVER, &[]));
    assert!(matches!(wait.end().await, Flight::Shared(entry) if text(&entry) == "once"));
    assert!(cache.peek("key", &[]).is_none());
}

#[tokio::test]
async fn tags_of_the_reader_and_tags_with_a_time() {
    let cache = cache();
    lead(&cache, "key").await.keep(draft("v", Lifetime::FOREVER, &["a"]));
    cache.invalidate(expire("path"));
    assert!(cache.peek("key", &["path".into()]).is_none());
    assert!(cache.peek("key", &[]).is_some());
    let change = Change::Stale { gone_at_ms: Some(now_ms() + 60_000) };
    cache.invalidate(vec![TagChange { tag: "a".into(), change }]);
    assert_eq!(cache.peek("key", &[]).unwrap().freshness, Freshness::Stale);
}

#[tokio::test]
async fn entries_come_back_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Some(DiskOptions { dir: dir.path().to_owned(), bytes_max: 1_000_000 });
    let options = CacheOptions { memory_bytes: 1_000_000, disk, shared: None };
    let cache = Cache::open(&options).unwrap();
    for key in ["one", "two"] {
        lead(&cache, key).await.keep(draft(key, Lifetime::FOREVER, &[key]));
    }
    cache.invalidate(expire("two"));
    // Writing goes on in the background; what is in memory is looked at first, so look at the disk.
    let disk = Arc::clone(cache.disk.as_ref().unwrap());
    while disk.get("one").is_none() || disk.get("two").is_none() {
        tokio::task::yield_now().await;
    }
    drop((cache, disk));
    let cache = Cache::open(&options).unwrap();
    let Turn::Found(found) = cache.turn("one".into(), &[]).await else { panic!() };
    assert_eq!(text(&found.entry), "one");
    assert!(matches!(cache.turn("two".into(), &[]).await, Turn::Lead(_, None)));
}
