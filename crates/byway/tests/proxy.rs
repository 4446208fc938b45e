//! `proxy.ts` through the real binary: what it can decide, and that nothing gets past it.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

mod proxy {
    mod bodies;
    mod decisions;
    mod elsewhere;
    mod failures;
    mod fixture;
    mod security;
}
