//! File conventions to route table, path parsing and matching. Pure: no disk, no sockets.
//!
//! A request's target goes through [`path::parse_target`] once; everything after that works on the
//! parsed [`path::RequestPath`], so that no two stages can read one target differently. Route files
//! become [`pattern::Pattern`]s in [`conventions`], which [`router::Router`] matches.

pub mod caching;
pub mod conflict;
pub mod conventions;
pub mod manifest;
pub mod method;
pub mod next_config;
pub mod path;
pub mod pattern;
pub mod proxy;
pub mod router;
pub mod rules;
pub mod segment_config;
pub mod special;
