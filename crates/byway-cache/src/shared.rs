//! The store that machines share: entries and invalidations in Redis or Valkey.
//!
//! What one machine invalidates, every other one hears through publish/subscribe, and a reader who has
//! not heard of it yet is still told right: an entry is looked up together with the invalidations of its
//! tags, in one step on the server (`scripts.rs`). The server's clock orders makings and invalidations,
//! so the machines' own clocks do not matter.
//!
//! A server that is down costs nobody a request: it is left alone until the connection is back, and the
//! machine works from its memory. Messages may have been missed then, so what memory holds is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use byway_config::limits::{
    CACHE_SHARED_ENTRY_MAX, CACHE_SHARED_PENDING_MAX, CACHE_SHARED_RETRY_MAX,
    CACHE_SHARED_RETRY_MIN, CACHE_SHARED_WAIT_MAX,
};
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo as _, ProtocolVersion, PushInfo,
    PushKind, RedisError, Value as Reply,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::codec;
use crate::entry::{Entry, Freshness};
use crate::hex::hex;
use crate::tags::TagChange;

mod scripts;

use scripts::Scripts;

/// Where the shared store is.
#[derive(Debug, Clone)]
pub struct SharedOptions {
    /// `redis://…` or `unix://…`.
    pub url: String,
    /// What the names of all keys begin with. Projects that share a server need different ones.
    pub prefix: String,
}

/// What the store tells the cache.
pub(crate) trait Listener: Send + Sync + 'static {
    /// Another machine has invalidated tags.
    fn invalidated(&self, changes: &[TagChange]);
    /// The connection is back; anything may have happened meanwhile.
    fn missed_messages(&self);
}

/// What is known of an entry.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    /// The server's time of the lookup, which a making that begins now has to give back.
    pub(crate) clock: Option<u64>,
    pub(crate) found: Option<(Entry, Freshness)>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    prefix: String,
    /// Tells messages of this process from those of others.
    origin: String,
    scripts: Scripts,
    connection: Mutex<Option<MultiplexedConnection>>,
    down: Notify,
    /// Invalidations that the server has not confirmed. While there are any, its answers are not asked for.
    unconfirmed: AtomicUsize,
    confirmed: Notify,
    /// Invalidations for a server that is down. `None`: too many, everything has to go.
    pending: Mutex<Option<Vec<TagChange>>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    origin: String,
    changes: Vec<TagChange>,
}

impl Shared {
    /// Begins to connect, for as long as the process lives.
    pub(crate) fn start(
        options: &SharedOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Arc<Self>, RedisError> {
        let info = options.url.as_str().into_connection_info()?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings))?;
        let shared = Arc::new(Self {
            prefix: options.prefix.clone(),
            origin: origin(),
            scripts: Scripts::new(),
            connection: Mutex::new(None),
            down: Notify::new(),
            unconfirmed: AtomicUsize::new(0),
            confirmed: Notify::new(),
            pending: Mutex::new(Some(Vec::new())),
        });
        tokio::spawn(Arc::clone(&shared).keep_connected(client, listener));
        Ok(shared)
    }

    /// Looks an entry up. A server that does not answer knows nothing.
    pub(crate) async fn get(&self, key: &str, soft: &[Box<str>]) -> Lookup {
        if !self.all_confirmed().await {
            return Lookup::default();
        }
        let Some(mut connection) = self.connection() else { return Lookup::default() };
        let mut call = self.scripts.get.key(self.entry_key(key));
        call.arg(self.tag_prefix()).arg(self.clock_key());
        for tag in soft {
            call.arg(&**tag);
        }
        let reply: Result<(u64, u8, Reply), _> = call.invoke_async(&mut connection).await;
        match reply {
            Ok((clock, state, value)) => {
                let found = found(key, state, value);
                Lookup { clock: Some(clock), found }
            }
            Err(error) => {
                self.failed(&error);
                Lookup::default()
            }
        }
    }

    /// Keeps an entry whose making began at `clock`, unless its tags were invalidated since.
    pub(crate) async fn put(&self, key: &str, entry: &Entry, clock: u64) {
        let Some(mut connection) = self.connection() else { return };
        let longest = CACHE_SHARED_ENTRY_MAX.as_secs();
        let seconds = entry.lifetime.expire.map_or(longest, |own| u64::from(own).min(longest));
        let mut call = self.scripts.put.key(self.entry_key(key));
        call.arg(self.tag_prefix()).arg(clock).arg(seconds.max(1)).arg(codec::encode(key, entry));
        for tag in entry.tags.iter() {
            call.arg(&**tag);
        }
        if let Err(error) = call.invoke_async::<()>(&mut connection).await {
            self.failed(&error);
        }
    }

    /// Invalidates tags here and at every other machine; a server that is down hears of it later.
    pub(crate) fn invalidate(self: &Arc<Self>, changes: Vec<TagChange>) {
        let Some(connection) = self.connection() else {
            self.postpone(changes);
            return;
        };
        // Counted before anybody can ask the server for what was invalidated.
        self.unconfirmed.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = shared.send(connection, &changes).await {
                shared.postpone(changes);
                shared.failed(&error);
            }
            shared.unconfirmed.fetch_sub(1, Ordering::Relaxed);
            shared.confirmed.notify_waiters();
        });
    }

    /// Whether there is a connection.
    pub(crate) fn is_up(&self) -> bool {
        self.connection.lock().is_some()
    }

    async fn send(
        &self,
        mut connection: MultiplexedConnection,
        changes: &[TagChange],
    ) -> Result<(), RedisError> {
        let message = Message { origin: self.origin.clone(), changes: changes.to_vec() };
        let json = serde_json::to_string(&message)
            .map_err(|_| RedisError::from((ErrorKind::Client, "a tag cannot be sent")))?;
        let mut call = self.scripts.invalidate.key(self.clock_key());
        call.arg(self.tag_prefix()).arg(self.channel()).arg(json);
        scripts::push_changes(&mut call, changes);
        call.invoke_async(&mut connection).await
    }

    fn postpone(&self, changes: Vec<TagChange>) {
        let mut pending = self.pending.lock();
        match &mut *pending {
            Some(waiting) if waiting.len() + changes.len() <= CACHE_SHARED_PENDING_MAX => {
                waiting.extend(changes);
            }
            _ => *pending = None,
        }
    }

    /// Waits until the server has confirmed every invalidation. `false`: it does not in time.
    async fn all_confirmed(&self) -> bool {
        let wait = async {
            loop {
                let confirmed = self.confirmed.notified();
                if self.unconfirmed.load(Ordering::Relaxed) == 0 {
                    return;
                }
                confirmed.await;
            }
        };
        self.unconfirmed.load(Ordering::Relaxed) == 0
            || tokio::time::timeout(CACHE_SHARED_WAIT_MAX, wait).await.is_ok()
    }

    fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.lock().clone()
    }

    /// A command has failed. Where that is the connection's fault, it is not used any more.
    fn failed(&self, error: &RedisError) {
        if error.code().is_some() && !error.is_io_error() {
            tracing::warn!("the shared cache store refused a command: {error}");
            return;
        }
        if self.connection.lock().take().is_some() {
            tracing::warn!("the shared cache store is down, serving from memory: {error}");
            self.down.notify_one();
        }
    }

    async fn keep_connected(self: Arc<Self>, client: Client, listener: Arc<dyn Listener>) {
        let mut pause = CACHE_SHARED_RETRY_MIN;
        let mut told = false;
        loop {
            match self.connect(&client, &listener).await {
                Ok(()) => {
                    tracing::info!("connected to the shared cache store");
                    pause = CACHE_SHARED_RETRY_MIN;
                    self.down.notified().await;
                    told = true;
                }
                Err(error) if !told => {
                    tracing::warn!("cannot reach the shared cache store, trying on: {error}");
                    told = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(CACHE_SHARED_RETRY_MAX);
        }
    }

    /// Connects, listens, sends what has waited, and only then lets anybody use the connection.
    async fn connect(
        self: &Arc<Self>,
        client: &Client,
        listener: &Arc<dyn Listener>,
    ) -> Result<(), RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CACHE_SHARED_WAIT_MAX))
            .set_response_timeout(Some(CACHE_SHARED_WAIT_MAX))
            .set_push_sender(self.receiver(Arc::clone(listener)));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(self.channel()).await?;
        self.send_pending(&mut connection).await?;
        // From here on messages arrive; what came before may have been missed.
        listener.missed_messages();
        *self.connection.lock() = Some(connection);
        Ok(())
    }

    async fn send_pending(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let waiting = self.pending.lock().replace(Vec::new());
        let result = match &waiting {
            Some(changes) if changes.is_empty() => Ok(()),
            Some(changes) => self.send(connection.clone(), changes).await,
            None => self.scripts.drop_all(connection, &self.prefix).await,
        };
        if result.is_err() {
            match waiting {
                Some(changes) => self.postpone(changes),
                None => *self.pending.lock() = None,
            }
        }
        result
    }

    /// Takes what the server sends by itself.
    fn receiver(
        self: &Arc<Self>,
        listener: Arc<dyn Listener>,
    ) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
        let shared = Arc::downgrade(self);
        move |push| {
            let shared = shared.upgrade().ok_or(())?;
            match push.kind {
                PushKind::Message => {
                    if let Some(message) = message(&push.data)
                        && message.origin != shared.origin
                    {
                        listener.invalidated(&message.changes);
                    }
                }
                PushKind::Disconnection => {
                    let gone = (ErrorKind::Io, "the connection was closed");
                    shared.failed(&RedisError::from(gone));
                }
                _ => {}
            }
            Ok(())
        }
    }

    fn entry_key(&self, key: &str) -> String {
        let hash = Sha256::digest(key.as_bytes());
        format!("{}:e:{}", self.prefix, hex(&hash[..20]))
    }

    fn tag_prefix(&self) -> String {
        format!("{}:t:", self.prefix)
    }

    fn clock_key(&self) -> String {
        format!("{}:clock", self.prefix)
    }

    fn channel(&self) -> String {
        format!("{}:invalidated", self.prefix)
    }
}

fn found(key: &str, state: u8, value: Reply) -> Option<(Entry, Freshness)> {
    let freshness = match state {
        1 => Freshness::Fresh,
        2 => Freshness::Stale,
        _ => return None,
    };
    let Reply::BulkString(bytes) = value else { return None };
    let entry = codec::decode(key, &Bytes::from(bytes));
    if entry.is_none() {
        tracing::warn!("a value in the shared cache store is broken and was not used");
    }
    Some((entry?, freshness))
}

fn message(data: &[Reply]) -> Option<Message> {
    match data.get(1)? {
        Reply::BulkString(bytes) => serde_json::from_slice(bytes).ok(),
        Reply::SimpleString(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// A name for this process that no other one has.
fn origin() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO).as_nanos();
    format!("{}-{since:x}-{:p}", std::process::id(), &raw const since)
}
