//! What workers ask of the cache: values of the data cache, and invalidation.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use byway_cache::{
    Cache, Change, Draft, Flight, Found, Freshness, Lead, Lifetime, TagChange, Turn, Value, now_ms,
    route_tags,
};
use byway_config::limits::{
    CACHE_CALLS_PER_WORKER_MAX, CACHE_ENTRY_TAGS_MAX, CACHE_KEY_BYTES_MAX, CACHE_VALUE_BYTES_MAX,
    CACHE_VALUE_WAIT_MAX,
};
use byway_pool::{Lane, WorkerCalls};
use byway_wire::{CacheCall, Rendered, constants as c, encode};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::App;
use crate::app::holds::WeakApp;

/// Answers the workers of a server. Clones answer from the same cache.
#[derive(Debug, Clone)]
pub struct CacheCalls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cache: Arc<Cache>,
    /// What workers are making, by lane and call.
    making: Mutex<FxHashMap<u64, FxHashMap<u32, Making>>>,
    /// For rendering paths anew; the app is made after the workers.
    app: OnceLock<WeakApp>,
}

/// A value that a worker is making.
#[derive(Debug)]
struct Making {
    /// Taken once the value turned out to be too long to be kept.
    lead: Option<Lead>,
    rendered: Option<Rendered>,
    data: BytesMut,
}

impl CacheCalls {
    /// Answers from `cache`.
    pub fn new(cache: Arc<Cache>) -> Self {
        let making = Mutex::new(FxHashMap::default());
        Self(Arc::new(Inner { cache, making, app: OnceLock::new() }))
    }

    /// The app whose paths `res.revalidate` renders. Only the first call says anything.
    pub fn serve(&self, app: &App) {
        let _ = self.0.app.set(app.downgrade());
    }
}

impl WorkerCalls for CacheCalls {
    fn call(&self, lane: &Arc<Lane>, call: CacheCall) {
        match call {
            CacheCall::Get { call, key, scope } => self.0.get(lane, call, &key, &scope),
            CacheCall::Set { call, rendered, data, end } => {
                self.0.set(lane.id, call, Some(rendered), &data, end);
            }
            CacheCall::SetMore { call, data, end } => self.0.set(lane.id, call, None, &data, end),
            CacheCall::Abandon { call } => drop(self.0.take(lane.id, call)),
            CacheCall::Invalidate { call, kind, seconds, names } => {
                self.0.invalidate(lane, call, kind, seconds, names);
            }
        }
    }

    fn gone(&self, lane: u64) {
        let making = self.0.making.lock().remove(&lane);
        drop(making);
    }
}

impl Inner {
    fn get(self: &Arc<Self>, lane: &Arc<Lane>, call: u32, key: &str, scope: &[Box<str>]) {
        let open = self.making.lock().get(&lane.id).map_or(0, FxHashMap::len);
        if key.len() > CACHE_KEY_BYTES_MAX || open >= CACHE_CALLS_PER_WORKER_MAX {
            return reply(lane, call, c::VALUE_NONE, &[]);
        }
        let key: Arc<str> = format!("d\n{key}").into();
        // What belongs to a path is gone for its requests when the path was invalidated.
        let tags = match scope {
            [pattern, path] => route_tags(pattern, path),
            _ => Vec::new(),
        };
        if let Some(found) = self.cache.peek(&key, &tags)
            && found.freshness == Freshness::Fresh
        {
            return reply_found(lane, call, &found);
        }
        let (inner, lane) = (Arc::clone(self), Arc::clone(lane));
        tokio::spawn(async move { inner.get_slowly(&lane, call, key, &tags).await });
    }

    /// Everything but a fresh value in memory.
    async fn get_slowly(&self, lane: &Arc<Lane>, call: u32, key: Arc<str>, tags: &[Box<str>]) {
        match self.cache.turn(key, tags).await {
            Turn::Found(found) => reply_found(lane, call, &found),
            Turn::Wait(wait) => match wait.end_within(CACHE_VALUE_WAIT_MAX).await {
                Flight::Kept(entry) | Flight::Shared(entry) => {
                    reply_found(lane, call, &Found { entry, freshness: Freshness::Fresh });
                }
                Flight::Failed | Flight::Running => reply(lane, call, c::VALUE_NONE, &[]),
            },
            Turn::Lead(lead, stale) => {
                let making = Making { lead: Some(lead), rendered: None, data: BytesMut::new() };
                self.making.lock().entry(lane.id).or_default().insert(call, making);
                match stale.as_deref().map(|entry| &entry.value) {
                    Some(Value::Data(bytes)) => reply(lane, call, c::VALUE_STALE_MAKE, bytes),
                    _ => reply(lane, call, c::VALUE_MAKE, &[]),
                }
                if !lane.is_alive() {
                    // It died while it was being told; nobody else will say so.
                    drop(self.take(lane.id, call));
                }
            }
        }
    }

    /// Takes a part of a value.
    fn set(&self, lane: u64, call: u32, rendered: Option<Rendered>, data: &[u8], end: bool) {
        let mut making = self.making.lock();
        let Some(of_lane) = making.get_mut(&lane) else { return };
        let Some(value) = of_lane.get_mut(&call) else { return };
        if rendered.is_some() {
            value.rendered = rendered;
        }
        if value.data.len() + data.len() > CACHE_VALUE_BYTES_MAX {
            if value.lead.take().is_some() {
                let max = CACHE_VALUE_BYTES_MAX;
                tracing::warn!("a value of more than {max} bytes was not cached");
            }
            value.data = BytesMut::new();
        } else if value.lead.is_some() {
            value.data.extend_from_slice(data);
        }
        if !end {
            return;
        }
        let value = of_lane.remove(&call);
        drop(making);
        if let Some(Making { lead: Some(lead), rendered: Some(rendered), data }) = value {
            lead.keep(draft(rendered, data.freeze()));
        }
    }

    fn take(&self, lane: u64, call: u32) -> Option<Making> {
        self.making.lock().get_mut(&lane)?.remove(&call)
    }

    fn invalidate(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        call: u32,
        kind: u8,
        seconds: Option<u32>,
        names: Vec<Box<str>>,
    ) {
        if matches!(kind, c::INVALIDATE_RENDER | c::INVALIDATE_RENDER_KNOWN) {
            let (inner, lane) = (Arc::clone(self), Arc::clone(lane));
            tokio::spawn(async move {
                let status = inner.render(&names, kind == c::INVALIDATE_RENDER_KNOWN).await;
                lane.reply(|out| encode::cache_done(out, call, status));
            });
            return;
        }
        if kind == c::INVALIDATE_PATH {
            if let Some((path, rest)) = names.split_first() {
                let kind = rest.first().map(AsRef::as_ref);
                self.cache.invalidate(vec![TagChange::of_path(path, kind)]);
            }
            return;
        }
        let change = match kind {
            c::INVALIDATE_STALE => {
                let after = |it| Duration::from_secs(u64::from(it)).as_millis() as u64;
                Change::Stale { gone_at_ms: seconds.map(|it| now_ms().saturating_add(after(it))) }
            }
            _ => Change::Expire,
        };
        let changes = names.into_iter().map(|tag| TagChange { tag, change }).collect();
        self.cache.invalidate(changes);
        if call != 0 {
            lane.reply(|out| encode::cache_done(out, call, 200));
        }
    }

    async fn render(&self, paths: &[Box<str>], only_known: bool) -> u16 {
        let Some(app) = self.app.get().and_then(WeakApp::upgrade) else { return 503 };
        let mut status = 404;
        for path in paths {
            status = app.render_again(path, only_known).await.as_u16();
        }
        status
    }
}

fn draft(rendered: Rendered, data: Bytes) -> Draft {
    let Rendered { revalidate, expire, mut tags, .. } = rendered;
    tags.truncate(CACHE_ENTRY_TAGS_MAX);
    let lifetime = Lifetime { revalidate, expire };
    Draft { value: Value::Data(data), lifetime, tags: tags.into() }
}

fn reply_found(lane: &Arc<Lane>, call: u32, found: &Found) {
    let state = if found.freshness == Freshness::Fresh { c::VALUE_FRESH } else { c::VALUE_STALE };
    match &found.entry.value {
        Value::Data(bytes) => reply(lane, call, state, bytes),
        Value::Answer(_) => reply(lane, call, c::VALUE_NONE, &[]),
    }
}

fn reply(lane: &Arc<Lane>, call: u32, state: u8, value: &[u8]) {
    lane.reply(|out| encode::cache_value(out, call, state, value));
}
