//! The frame codec of the worker protocol: no IO, no async, no unsafe.
//!
//! `docs/worker-protocol.md` is the reference. The server encodes with [`encode`] and decodes with
//! [`Decoder`] and [`WorkerFrame`]; [`ServerFrame`] and the encoders of the worker's side exist for
//! tests, which play a worker. The TypeScript codec is `worker/src/wire.ts`.

mod cache;
pub mod constants;
mod decoder;
pub mod encode;
mod error;
mod fields;
mod head;
mod server_frame;
mod worker_frame;

pub use cache::{CacheCall, Rendered};
pub use decoder::{Decoder, Frame};
pub use error::{EncodeError, ProtocolError};
pub use head::{
    HeaderLines, NameCase, Param, ParamValues, Purpose, RequestHead, ResponseHead, RouteHead,
    Verdict, VerdictAction,
};
pub use server_frame::{ReceivedParams, ReceivedRequest, ReceivedRoute, ServerFrame};
pub use worker_frame::{LogLevel, WorkerFrame};

#[cfg(test)]
mod tests;
