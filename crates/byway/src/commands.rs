//! One file per command.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dev;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod purge;
pub(crate) mod routes;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod types;
