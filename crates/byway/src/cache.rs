//! Where a server's cache is: what the settings and the environment say.

use std::path::Path;

use byway_cache::{Cache, CacheOptions, DiskOptions, SharedOptions};
use byway_config::limits::{CACHE_DISK_BYTES, CACHE_MEMORY_BYTES};
use byway_http::CacheSetup;
use byway_routes::manifest::Manifest;

use crate::print::WithHint;

/// The cache: in memory and below `.byway/`, or in the store that machines share.
pub(crate) fn setup(dir: &Path, manifest: &Manifest) -> anyhow::Result<CacheSetup> {
    let shared = std::env::var("BYWAY_STORE_URL").ok().filter(|url| !url.is_empty());
    let prefix = std::env::var("BYWAY_STORE_PREFIX").unwrap_or_else(|_| "byway".to_owned());
    let config = &manifest.config;
    let options = CacheOptions {
        memory_bytes: config.cache_max_memory_bytes.unwrap_or(CACHE_MEMORY_BYTES),
        disk: Some(DiskOptions {
            dir: dir.join(".byway").join("cache"),
            bytes_max: CACHE_DISK_BYTES,
        }),
        shared: shared.map(|url| SharedOptions { url, prefix }),
    };
    let cache = Cache::open(&options).map_err(|error| {
        let message = format!("the store's address makes no sense: {error}");
        let hint = "give `BYWAY_STORE_URL` the form `redis://127.0.0.1:6379`".to_owned();
        WithHint { message, hint }
    })?;
    Ok(CacheSetup {
        cache,
        build_id: manifest.build_id.clone(),
        draft_mode_id: manifest.draft_mode_id.clone(),
        cache_components: config.cache_components,
        expire_s: u32::try_from(config.expire_time_s).unwrap_or(u32::MAX),
    })
}
