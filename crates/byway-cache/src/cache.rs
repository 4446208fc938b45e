//! The cache as its users see it: find, make, invalidate.

use std::sync::{Arc, Weak};
use std::time::Duration;

use byway_config::limits::CACHE_TAG_BYTES_MAX;
use tokio::sync::watch;

use crate::disk::{Disk, DiskOptions};
use crate::entry::{Draft, Entry, Freshness, now_ms};
use crate::flights::{Boarding, Flight, Flights, landed};
use crate::memory::Memory;
use crate::shared::{Listener, Shared, SharedOptions};
use crate::tags::{TagChange, Tags};

/// What a cache is made of.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// Bytes of entries in memory.
    pub memory_bytes: u64,
    /// A folder for what shall survive a restart. Not used where there is a shared store.
    pub disk: Option<DiskOptions>,
    /// A store that machines share.
    pub shared: Option<SharedOptions>,
}

/// All entries of a server, wherever they are.
#[derive(Debug)]
pub struct Cache {
    memory: Memory,
    disk: Option<Arc<Disk>>,
    shared: Option<Arc<Shared>>,
    tags: Tags,
    flights: Flights,
}

/// An entry that may be given out.
#[derive(Debug, Clone)]
pub struct Found {
    /// The entry.
    pub entry: Arc<Entry>,
    /// Fresh or stale, never gone.
    pub freshness: Freshness,
}

/// What a caller who wants an entry has to do.
#[derive(Debug)]
pub enum Turn {
    /// It is there. A stale one is being made anew by somebody else.
    Found(Found),
    /// The caller makes it; until then there may be a stale one to give out.
    Lead(Lead, Option<Arc<Entry>>),
    /// Somebody is making it.
    Wait(Wait),
}

/// The right and the duty to make an entry. Dropped, it tells those who wait that it failed.
#[derive(Debug)]
pub struct Lead {
    cache: Arc<Cache>,
    key: Arc<str>,
    /// Whether others may be waiting for it.
    boarded: bool,
    /// The invalidations that the making has seen.
    seen: u64,
    /// The same in terms of the shared store, unless that is down.
    clock: Option<u64>,
}

/// A making by somebody else.
#[derive(Debug)]
pub struct Wait(watch::Receiver<Flight>);

impl Wait {
    /// Waits for its end.
    pub async fn end(self) -> Flight {
        landed(self.0).await
    }

    /// Waits for its end, but not longer than `limit`.
    pub async fn end_within(self, limit: Duration) -> Flight {
        tokio::time::timeout(limit, landed(self.0)).await.unwrap_or(Flight::Failed)
    }
}

impl Cache {
    /// Opens the stores. A folder that cannot be used is done without, which the log says; so is a shared
    /// store that is down, until it is not.
    ///
    /// # Errors
    ///
    /// The address of the shared store makes no sense; the text says why.
    pub fn open(options: &CacheOptions) -> Result<Arc<Self>, String> {
        let tags = Tags::default();
        let disk = match (&options.disk, &options.shared) {
            (Some(disk), None) => open_disk(disk, &tags),
            _ => None,
        };
        let mut problem = None;
        let cache = Arc::new_cyclic(|cache: &Weak<Self>| {
            let shared = options.shared.as_ref().and_then(|shared| {
                let listener = Arc::new(Ears(Weak::clone(cache)));
                Shared::start(shared, listener).map_err(|it| problem = Some(it.to_string())).ok()
            });
            let memory = Memory::new(options.memory_bytes);
            Self { memory, disk, shared, tags, flights: Flights::default() }
        });
        match problem {
            Some(problem) => Err(problem),
            None => Ok(cache),
        }
    }

    /// The entry in memory, if it may be given out to a reader with `soft` tags of its own.
    pub fn peek(&self, key: &str, soft: &[Box<str>]) -> Option<Found> {
        let entry = self.memory.get(key)?;
        self.judge(entry, soft)
    }

    /// Finds an entry anywhere, or tells who makes it.
    pub async fn turn(self: &Arc<Self>, key: Arc<str>, soft: &[Box<str>]) -> Turn {
        let known = self.peek(&key, soft);
        if let Some(found) = &known
            && found.freshness == Freshness::Fresh
        {
            return Turn::Found(found.clone());
        }
        let boarded = match (self.flights.board(&key), known) {
            (Boarding::Leads, _) => true,
            (Boarding::Alone, _) => false,
            (Boarding::Waits(_), Some(stale)) => return Turn::Found(stale),
            (Boarding::Waits(flight), None) => return Turn::Wait(Wait(flight)),
        };
        let seen = self.tags.seen();
        let mut lead = Lead { cache: Arc::clone(self), key, boarded, seen, clock: None };
        // Another one may have ended between looking and boarding.
        let mut best = self.peek(&lead.key, soft);
        if best.as_ref().is_none_or(|found| found.freshness != Freshness::Fresh)
            && let Some(deeper) = self.look_deeper(&mut lead, soft).await
        {
            best = Some(deeper);
        }
        match best {
            Some(found) if found.freshness == Freshness::Fresh => {
                lead.land(Flight::Kept(Arc::clone(&found.entry)));
                Turn::Found(found)
            }
            other => Turn::Lead(lead, other.map(|stale| stale.entry)),
        }
    }

    /// Makes an entry although there may be a fresh one; waits for nobody.
    pub async fn lead(self: &Arc<Self>, key: Arc<str>) -> Lead {
        let boarded = matches!(self.flights.board(&key), Boarding::Leads);
        let seen = self.tags.seen();
        let mut lead = Lead { cache: Arc::clone(self), key, boarded, seen, clock: None };
        if let Some(shared) = &self.shared {
            lead.clock = shared.get(&lead.key, &[]).await.clock;
        }
        lead
    }

    /// Invalidates tags, for this process at once, for others as soon as they hear of it.
    pub fn invalidate(&self, mut changes: Vec<TagChange>) {
        // A tag that is too long marks no entry either. A line break separates tags in the shared store.
        changes.retain(|it| is_tag(&it.tag));
        if changes.is_empty() {
            return;
        }
        let last = self.tags.apply(&changes);
        if let Some(disk) = &self.disk
            && let Err(error) = disk.invalidated(&changes, last)
        {
            tracing::error!("cannot write to the cache's folder, dropping what is in it: {error}");
            if let Err(error) = disk.clear() {
                tracing::error!("cannot remove the cache's files: {error}");
            }
        }
        if let Some(shared) = &self.shared {
            shared.invalidate(changes);
        }
    }

    /// Bytes of entries in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.bytes()
    }

    /// Whether there is a shared store and a connection to it.
    pub fn shared_is_up(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.is_up())
    }

    fn judge(&self, entry: Arc<Entry>, soft: &[Box<str>]) -> Option<Found> {
        let now = now_ms();
        let freshness = entry.by_age(now).max(self.tags.freshness(&entry, soft, now));
        (freshness != Freshness::Gone).then_some(Found { entry, freshness })
    }

    async fn look_deeper(&self, lead: &mut Lead, soft: &[Box<str>]) -> Option<Found> {
        if let Some(shared) = &self.shared {
            let lookup = shared.get(&lead.key, soft).await;
            lead.clock = lookup.clock;
            let (entry, by_tags) = lookup.found?;
            // What was invalidated while the server was asked is newer than this.
            let entry = Arc::new(Entry { seen: lead.seen, ..entry });
            if by_tags == Freshness::Fresh {
                self.memory.put(&lead.key, Arc::clone(&entry));
            }
            let mut found = self.judge(entry, soft)?;
            found.freshness = found.freshness.max(by_tags);
            return Some(found);
        }
        let disk = Arc::clone(self.disk.as_ref()?);
        let key = Arc::clone(&lead.key);
        let entry = tokio::task::spawn_blocking(move || disk.get(&key)).await.ok()??;
        if entry.seen > self.tags.seen() {
            // It was written under other invalidations than those that are known.
            return None;
        }
        let found = self.judge(Arc::new(entry), soft)?;
        self.memory.put(&lead.key, Arc::clone(&found.entry));
        Some(found)
    }
}

/// Whether a tag is one that entries can have.
fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.len() <= CACHE_TAG_BYTES_MAX && !tag.contains('\n')
}

fn open_disk(options: &DiskOptions, tags: &Tags) -> Option<Arc<Disk>> {
    match Disk::open(options.clone(), tags) {
        Ok(disk) => Some(Arc::new(disk)),
        Err(error) => {
            let dir = options.dir.display();
            tracing::warn!("the cache works without its folder `{dir}`: {error}");
            None
        }
    }
}

impl Lead {
    /// What is being made.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The right to keep something else that the same making has brought about.
    #[must_use]
    pub fn beside(&self, key: Arc<str>) -> Self {
        let Self { cache, seen, clock, .. } = self;
        Self { cache: Arc::clone(cache), key, boarded: false, seen: *seen, clock: *clock }
    }

    /// Keeps what was made, everywhere, and hands it to everybody who waits.
    pub fn keep(mut self, draft: Draft) -> Arc<Entry> {
        let entry = self.entry(draft);
        let cache = Arc::clone(&self.cache);
        cache.memory.put(&self.key, Arc::clone(&entry));
        if let (Some(shared), Some(clock)) = (&cache.shared, self.clock) {
            let (shared, key, entry) =
                (Arc::clone(shared), Arc::clone(&self.key), Arc::clone(&entry));
            tokio::spawn(async move { shared.put(&key, &entry, clock).await });
        } else if let Some(disk) = &cache.disk {
            let (disk, key, entry) = (Arc::clone(disk), Arc::clone(&self.key), Arc::clone(&entry));
            tokio::task::spawn_blocking(move || {
                if let Err(error) = disk.put(&key, &entry) {
                    tracing::warn!("cannot write to the cache's folder: {error}");
                    // The former version of it must not come back.
                    disk.remove(&key);
                }
            });
        }
        self.land(Flight::Kept(Arc::clone(&entry)));
        entry
    }

    /// Hands what was made to everybody who waits, without keeping it.
    pub fn share(mut self, draft: Draft) -> Arc<Entry> {
        let entry = self.entry(draft);
        self.land(Flight::Shared(Arc::clone(&entry)));
        entry
    }

    fn entry(&self, draft: Draft) -> Arc<Entry> {
        let Draft { value, lifetime, tags } = draft;
        let tags = if tags.iter().all(|tag| is_tag(tag)) {
            tags
        } else {
            tags.iter().filter(|tag| is_tag(tag)).cloned().collect::<Vec<_>>().into()
        };
        Arc::new(Entry { value, lifetime, tags, stored_ms: now_ms(), seen: self.seen })
    }

    fn land(&mut self, result: Flight) {
        if std::mem::take(&mut self.boarded) {
            self.cache.flights.land(&self.key, result);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.land(Flight::Failed);
    }
}

/// What the shared store tells.
struct Ears(Weak<Cache>);

impl Listener for Ears {
    fn invalidated(&self, changes: &[TagChange]) {
        if let Some(cache) = self.0.upgrade() {
            cache.tags.apply(changes);
        }
    }

    fn missed_messages(&self) {
        if let Some(cache) = self.0.upgrade() {
            cache.tags.expire_all();
            cache.memory.clear();
        }
    }
}

#[cfg(test)]
mod tests;
