//! Where a server's cache is: what the settings and the environment say.

use std::path::Path;
use std::sync::Arc;

use byway_cache::{Cache, CacheOptions, DiskOptions, SharedOptions};
use byway_config::limits::{CACHE_DISK_BYTES, CACHE_MEMORY_BYTES};
use byway_http::CacheSetup;
use byway_routes::manifest::Manifest;
use byway_routes::next_config::NextConfig;

use crate::print::WithHint;

/// The folder of what survives a restart. Beside `.byway/`, which a new build replaces.
const FOLDER: &str = ".byway-cache";

/// Opens the cache: in memory and on disk, or in the store that machines share. It outlives builds.
pub(crate) fn open(dir: &Path, config: &NextConfig) -> anyhow::Result<Arc<Cache>> {
    let shared = std::env::var("BYWAY_STORE_URL").ok().filter(|url| !url.is_empty());
    let prefix = std::env::var("BYWAY_STORE_PREFIX").unwrap_or_else(|_| "byway".to_owned());
    let options = CacheOptions {
        memory_bytes: config.cache_max_memory_bytes.unwrap_or(CACHE_MEMORY_BYTES),
        disk: Some(DiskOptions { dir: dir.join(FOLDER), bytes_max: CACHE_DISK_BYTES }),
        shared: shared.map(|url| SharedOptions { url, prefix }),
    };
    Cache::open(&options).map_err(|error| {
        let message = format!("the store's address makes no sense: {error}");
        let hint = "give `BYWAY_STORE_URL` the form `redis://127.0.0.1:6379`".to_owned();
        WithHint { message, hint }.into()
    })
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
