//! One file per command.

pub(crate) mod build;
pub(crate) mod config;
mod next_config;
pub(crate) mod start;
pub(crate) mod status;
