//! Worker processes: state machine, one worker, pool, dispatch. Knows no HTTP.
//!
//! [`Pool`] keeps the configured number of workers alive and chooses one for a request; [`Lane`] is the
//! protocol connection to one worker; [`Stream`] is one request on it, whose answer is read through
//! [`AnswerBody`] while [`RequestBody`] feeds it.

mod calls;
mod error;
mod exchange;
mod lane;
mod pool;
mod process;
mod stream;
mod worker;

#[cfg(test)]
mod tests;

pub use calls::WorkerCalls;
pub use error::{DispatchError, StartError};
pub use exchange::ProxyPart;
pub use lane::{Lane, OpenBody};
pub use pool::{Pool, PoolOptions, WorkerLoad};
pub use process::WorkerCommand;
pub use stream::{Answer, AnswerBody, BodyRefused, CancelReason, Outcome, RequestBody, Stream};
