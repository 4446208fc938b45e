//! Where a server's cache is, and its counters that other machines share: what the settings say.

use std::path::Path;
use std::sync::Arc;

use byway_cache::{Cache, CacheOptions, DiskOptions, SharedOptions};
use byway_config::limits::{CACHE_DISK_BYTES, CACHE_MEMORY_BYTES};
use byway_config::{StoreSettings, StoreUrl};
use byway_gate::rate::SharedCounters;
use byway_http::CacheSetup;
use byway_routes::manifest::Manifest;
use byway_routes::next_config::NextConfig;

use crate::print::WithHint;

/// The folder of what survives a restart. Beside `.byway/`, which a new build replaces.
const FOLDER: &str = ".byway-cache";

/// Opens the cache: in memory and on disk, or in the store that machines share. It outlives builds.
pub(crate) fn open(
    dir: &Path,
    config: &NextConfig,
    store: &StoreSettings,
) -> anyhow::Result<Arc<Cache>> {
    let shared = |url: &StoreUrl| SharedOptions {
        url: url.secret().to_owned(),
        prefix: store.prefix.clone(),
    };
    let options = CacheOptions {
        memory_bytes: config.cache_max_memory_bytes.unwrap_or(CACHE_MEMORY_BYTES),
        disk: Some(DiskOptions { dir: dir.join(FOLDER), bytes_max: CACHE_DISK_BYTES }),
        shared: store.url.as_ref().map(shared),
    };
    Cache::open(&options).map_err(|error| no_address(&error))
}

/// The counters of rate limits that machines share, where the settings name a store.
pub(crate) fn rate_store(store: &StoreSettings) -> anyhow::Result<Option<Arc<SharedCounters>>> {
    SharedCounters::new(store).map_err(|error| no_address(&error))
}

fn no_address(error: &dyn std::fmt::Display) -> anyhow::Error {
    let message = format!("the store's address makes no sense: {error}");
    let hint = "give `url` of `[store]` the form `redis://127.0.0.1:6379`".to_owned();
    WithHint { message, hint }.into()
}

/// A cache that ends with the process.
pub(crate) fn in_memory() -> anyhow::Result<Arc<Cache>> {
    let options = CacheOptions { memory_bytes: CACHE_MEMORY_BYTES, disk: None, shared: None };
    Cache::open(&options).map_err(anyhow::Error::msg)
}

/// What a build keeps in the cache, and how.
pub(crate) fn setup(cache: &Arc<Cache>, manifest: &Manifest) -> CacheSetup {
    let config = &manifest.config;
    CacheSetup {
        cache: Arc::clone(cache),
        build_id: manifest.build_id.clone(),
        draft_mode_id: manifest.draft_mode_id.clone(),
        cache_components: config.cache_components,
        has_handler: config.cache_handler.is_some(),
        expire_s: u32::try_from(config.expire_time_s).unwrap_or(u32::MAX),
    }
}
