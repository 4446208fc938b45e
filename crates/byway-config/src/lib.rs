//! Every named maximum and the settings of a server.

pub mod limits;
mod settings;

pub use settings::{Settings, WorkerCount};
