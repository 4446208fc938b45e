//! Policies before user code, one file each: pure, so that each can be tested alone.
//!
//! Nothing here knows of connections, workers or routes: `byway-http` asks, this crate decides.

pub mod access_log;
pub mod action_origin;
pub mod cache;
pub mod client;
pub mod compress;
pub mod cors;
pub mod csrf;
pub mod metrics;
pub mod places;
pub mod policy;
pub mod proxy_protocol;
pub mod rate;
pub mod request_id;
pub mod security;
pub mod vary;
