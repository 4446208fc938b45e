//! One file per command.

pub(crate) mod build;
mod next_config;
pub(crate) mod start;
