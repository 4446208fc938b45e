//! Requests that are wrong on purpose, byte by byte through the real binary: what is answered, that no handler
//! runs for what was refused, that nothing behind a request becomes a request of its own, and that others
//! are answered meanwhile. Names carry the rows of the test matrix.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

mod answers;
mod bodies;
mod cases;
mod framing;
mod fronts;
mod handlers;
mod resources;
mod target;
