//! Worker processes: state machine, one worker, pool, dispatch. Knows no HTTP.
//!
//! [`Pool`] keeps groups of workers alive and finds a place on one of them for a request; a [`Ticket`] is
//! such a place; [`Stream`] is one request on a worker, whose answer is read through [`AnswerBody`] while
//! [`RequestBody`] feeds it.

mod calls;
mod condition;
mod console;
mod dispatcher;
mod error;
mod exchange;
mod kind;
mod lane;
mod last_words;
mod orders;
mod pool;
mod prepared;
mod process;
mod reload;
mod review;
mod slot;
mod status;
mod stream;
mod ticket;
mod traffic;
mod unsent;
mod worker;

#[cfg(test)]
mod tests;

pub use calls::WorkerCalls;
pub use console::{ConsoleLine, ConsoleSink, ConsoleStream};
pub use error::{DispatchError, StartError};
pub use exchange::ProxyPart;
pub use lane::{Lane, OpenBody};
pub use pool::{DEFAULT_GROUP, GroupOptions, Pool, PoolOptions};
pub use prepared::Prepared;
pub use process::WorkerCommand;
pub use reload::ReloadError;
pub use status::{GroupStatus, PoolStatus, WorkerState, WorkerStatus};
pub use stream::{Answer, AnswerBody, BodyRefused, CancelReason, Outcome, RequestBody, Stream};
pub use ticket::Ticket;
