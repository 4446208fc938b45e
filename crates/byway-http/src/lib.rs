//! Listeners, connections, the request pipeline, drain.
//!
//! [`App`] is the pipeline: it takes one request and gives one answer, and is a `tower::Service`, so that
//! it can also be mounted inside another server. [`Server`] puts it behind a listener.

mod actions;
mod added;
mod admin;
mod announced;
mod app;
mod body;
mod cached;
mod calls;
mod connection;
mod dev;
mod dispatch;
mod facts;
mod files;
mod gate;
mod headers;
mod ingress;
mod owned_params;
mod panics;
mod peer;
mod proxy;
mod respond;
mod server;
mod service;
mod shared;
mod tunnel;
mod upload;
mod upstream;
mod upstream_body;
mod upstream_tls;
mod websocket;

pub use admin::Admin;
pub use app::holds::Former;
pub use app::{App, AppOptions};
pub use body::AnswerBodyStream;
pub use cached::CacheSetup;
pub use calls::CacheCalls;
pub use dev::{AnsweredBy, Developer, OwnAnswer, Seen};
pub use files::Files;
pub use gate::{PatternError, PolicyTables};
pub use panics::panics;
pub use peer::Peer;
pub use respond::AnswerBroken;
pub use server::{BindError, Server, TlsError};
