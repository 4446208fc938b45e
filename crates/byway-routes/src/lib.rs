//! File conventions to route table, path parsing and matching. Pure: no disk, no sockets.

pub mod manifest;
pub mod pattern;
