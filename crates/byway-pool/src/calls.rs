//! What workers ask of the server outside of requests.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::BytesMut;
use byway_wire::CacheCall;

use crate::condition::Condition;
use crate::lane::Lane;

/// Answers what workers ask. The answer goes back by [`Lane::reply`].
pub trait WorkerCalls: Debug + Send + Sync {
    /// A worker asks for something. Called by the lane's reader, so it must not wait.
    fn call(&self, lane: &Arc<Lane>, call: CacheCall);
    /// A worker has died: what it was to make will not be made.
    fn gone(&self, lane: u64);
}

impl Lane {
    /// Whether the worker lives, as far as is known.
    pub fn is_alive(&self) -> bool {
        self.condition() != Condition::Closed
    }

    /// Sends a frame that belongs to no request, unless the worker is dead.
    pub fn reply(&self, write: impl FnOnce(&mut BytesMut)) {
        self.send(write);
    }
}
