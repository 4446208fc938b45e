//! Test support: raw HTTP clients, servers started from the real binary, fixture projects and the
//! replay of recorded conformance cases.
//!
//! Everything here blocks and uses threads: a test that waits for a socket reads top to bottom, and
//! the crate compiles in seconds because it needs no runtime.

pub mod conformance;
mod fixture;
mod front;
pub mod h2;
mod missing;
mod mongodb;
mod process;
mod raw;
mod redis;
mod server;

pub use fixture::{BuildOutput, Fixture, byway_binary};
pub use front::{Front, FrontKind};
pub use missing::{is_installed, missing};
pub use mongodb::MongoServer;
pub use raw::{BodyChunk, Framing, RawClient, RawResponse, ReadError, fetch};
pub use redis::RedisServer;
pub use server::{Launch, Stopped, TestServer};
