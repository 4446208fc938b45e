//! Supervision through the real binary: hostile handlers under steady load, reloads, stops, limits.
//!
//! Every answer is checked: it carries the nonce of its request and a checksum of its body. So an answer
//! that is lost, doubled, cut short or somebody else's is found, whatever happens to the workers.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]
#![allow(clippy::print_stderr, reason = "seeds and figures belong into the output of a test")]

mod dispatch;
mod faults;
mod isolation;
mod load;
mod project;
mod proxied;
mod realm;
mod reload;
mod soak;
mod stop;
