//! Two caches, as on two machines, with a real Redis server between them.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]
#![allow(clippy::panic, reason = "as above")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use byway_cache::{
    Cache, CacheOptions, Change, Draft, Entry, Freshness, Lifetime, SharedOptions, TagChange, Turn,
    Value,
};
use byway_testkit::RedisServer;

fn open(server: &RedisServer) -> Arc<Cache> {
    let shared = SharedOptions { url: server.url(), prefix: "test".to_owned() };
    Cache::open(&CacheOptions { memory_bytes: 1_000_000, disk: None, shared: Some(shared) })
        .unwrap()
}

/// Waits for something that another task brings about.
async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it took too long until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    begun.elapsed()
}

async fn two(server: &RedisServer) -> [Arc<Cache>; 2] {
    let caches = [open(server), open(server)];
    until("both are connected", || caches.iter().all(|cache| cache.shared_is_up())).await;
    caches
}

fn draft(text: &str, tags: &[&str]) -> Draft {
    let tags: Vec<Box<str>> = tags.iter().map(|tag| Box::from(*tag)).collect();
    Draft {
        value: Value::Data(text.to_owned().into()),
        lifetime: Lifetime::FOREVER,
        tags: tags.into(),
    }
}

fn text(entry: &Entry) -> String {
    match &entry.value {
        Value::Data(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Value::Answer(_) => panic!("an answer"),
    }
}

/// The value of a key, made where it is not there.
async fn get_or_make(cache: &Arc<Cache>, key: &str, make: &str, tags: &[&str]) -> String {
    match cache.turn(key.into(), &[]).await {
        Turn::Found(found) => text(&found.entry),
        Turn::Lead(lead, _) => text(&lead.keep(draft(make, tags))),
        Turn::Wait(_) => panic!("nobody else makes anything here"),
    }
}

/// Waits until what one has made is there for the other.
async fn arrives(cache: &Arc<Cache>, key: &str) -> String {
    let begun = Instant::now();
    loop {
        if let Turn::Found(found) = cache.turn(key.into(), &[]).await {
            return text(&found.entry);
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn expire(tag: &str) -> Vec<TagChange> {
    vec![TagChange { tag: tag.into(), change: Change::Expire }]
}

#[tokio::test]
async fn what_one_has_made_the_other_finds_and_an_invalidation_reaches_both() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let [one, other] = two(&server).await;
    assert_eq!(get_or_make(&one, "key", "v1", &["tag", "b"]).await, "v1");
    assert_eq!(arrives(&other, "key").await, "v1");
    one.invalidate(expire("tag"));
    assert!(one.peek("key", &[]).is_none(), "gone at once where it was invalidated");
    let took = until("the other has heard", || other.peek("key", &[]).is_none()).await;
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert_eq!(get_or_make(&other, "key", "v2", &["tag"]).await, "v2");
    assert_eq!(arrives(&one, "key").await, "v2");
}

#[tokio::test]
async fn c10_a_value_made_before_an_invalidation_elsewhere_is_not_shared() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let [one, other] = two(&server).await;
    let Turn::Lead(lead, None) = one.turn("key".into(), &[]).await else { panic!() };
    other.invalidate(expire("tag"));
    until("the server has it", || one.peek("probe", &[]).is_none() && other.shared_is_up()).await;
    // The other's own lookup waits for its invalidation to be confirmed.
    let Turn::Lead(probe, None) = other.turn("probe".into(), &[]).await else { panic!() };
    drop(probe);
    lead.keep(draft("old", &["tag"]));
    for _ in 0..20 {
        let turn = other.turn("key".into(), &[]).await;
        assert!(matches!(turn, Turn::Lead(_, None)), "{turn:?}");
        drop(turn);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_stale_tag_shows_everywhere() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let [one, other] = two(&server).await;
    get_or_make(&one, "key", "v1", &["tag"]).await;
    arrives(&other, "key").await;
    one.invalidate(vec![TagChange {
        tag: "tag".into(),
        change: Change::Stale { gone_at_ms: None },
    }]);
    until("the other has heard", || {
        other.peek("key", &[]).is_some_and(|found| found.freshness == Freshness::Stale)
    })
    .await;
    // A third one, which has heard nothing, is told by the server.
    let third = open(&server);
    until("it is connected", || third.shared_is_up()).await;
    let Turn::Lead(_, Some(stale)) = third.turn("key".into(), &[]).await else { panic!() };
    assert_eq!(text(&stale), "v1");
}

#[tokio::test]
async fn c11_garbage_in_the_store_is_a_miss() {
    let Some(server) = RedisServer::start().unwrap() else { return };
    let [one, other] = two(&server).await;
    get_or_make(&one, "key", "v1", &["tag"]).await;
    arrives(&other, "key").await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> =
        redis::cmd("KEYS").arg("test:e:*").query_async(&mut connection).await.unwrap();
    assert_eq!(keys.len(), 1);
    for garbage in [b"garbage".to_vec(), Vec::new(), vec![0; 5_000_000]] {
        let mut set = redis::cmd("HSET");
        set.arg(&keys[0]).arg("v").arg(garbage);
        set.query_async::<()>(&mut connection).await.unwrap();
        let fresh = open(&server);
        until("it is connected", || fresh.shared_is_up()).await;
        assert!(matches!(fresh.turn("key".into(), &[]).await, Turn::Lead(_, None)));
    }
    let mut set = redis::cmd("HSET");
    set.arg(&keys[0]).arg("c").arg("nonsense").query_async::<()>(&mut connection).await.unwrap();
    let fresh = open(&server);
    until("it is connected", || fresh.shared_is_up()).await;
    assert!(matches!(fresh.turn("key".into(), &[]).await, Turn::Lead(_, None)));
}

#[tokio::test]
async fn a_store_that_is_down_is_done_without_and_comes_back() {
    let Some(mut server) = RedisServer::start().unwrap() else { return };
    let [one, other] = two(&server).await;
    get_or_make(&one, "key", "v1", &["tag"]).await;
    arrives(&other, "key").await;
    server.kill();
    let begun = Instant::now();
    assert_eq!(get_or_make(&one, "key", "no", &[]).await, "v1");
    assert_eq!(get_or_make(&one, "new", "made", &["tag"]).await, "made");
    assert_eq!(get_or_make(&one, "new", "no", &[]).await, "made");
    one.invalidate(expire("tag"));
    assert!(one.peek("key", &[]).is_none() && one.peek("new", &[]).is_none());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    server.start_again().unwrap();
    until("both are connected", || one.shared_is_up() && other.shared_is_up()).await;
    // What was invalidated meanwhile is gone for the other too.
    until("the other has heard", || other.peek("key", &[]).is_none()).await;
    assert_eq!(get_or_make(&other, "again", "v3", &["tag"]).await, "v3");
    assert_eq!(arrives(&one, "again").await, "v3");
}

#[tokio::test]
async fn a_store_that_was_never_up_costs_nobody_anything() {
    let Some(mut server) = RedisServer::start().unwrap() else { return };
    server.kill();
    let cache = open(&server);
    let begun = Instant::now();
    assert_eq!(get_or_make(&cache, "key", "v", &[]).await, "v");
    assert_eq!(get_or_make(&cache, "key", "no", &[]).await, "v");
    assert!(begun.elapsed() < Duration::from_millis(500));
}
