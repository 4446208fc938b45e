//! Next's response and data cache, without HTTP and without workers.
//!
//! An [`Entry`] is a cached answer of a route or a value of the data cache. [`Cache`] finds it in memory,
//! on disk or in a store that several machines share, says whether it is fresh, stale or gone, and lets
//! one caller at a time make it anew. Invalidation goes by tags, see `tags.rs`; paths are tags too, see
//! `paths.rs`.

mod cache;
mod codec;
mod disk;
mod entry;
mod flights;
mod hex;
pub mod http;
mod memory;
mod paths;
mod shared;
mod tag_log;
mod tags;

pub use cache::{Cache, CacheOptions, Found, Lead, Turn, Wait};
pub use disk::DiskOptions;
pub use entry::{Answer, Draft, Entry, Freshness, Lifetime, Value, now_ms};
pub use flights::Flight;
pub use paths::{canonical_path, route_tags};
pub use shared::SharedOptions;
pub use tags::{Change, TagChange};
