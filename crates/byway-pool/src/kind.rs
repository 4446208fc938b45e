//! What the workers of one group have in common.

use std::sync::Arc;

use byway_config::Supervision;
use parking_lot::Mutex;

use crate::console::ConsoleSink;
use crate::dispatcher::Dispatcher;
use crate::process::{Spawned, WorkerCommand};
use crate::status::Ledger;

/// How like workers are started, fed and watched, and what is known of them.
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) command: WorkerCommand,
    /// The JSON text of the `CONFIG` frame as it is now.
    pub(crate) config: Mutex<String>,
    pub(crate) rules: Supervision,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) ledger: Ledger,
    pub(crate) console: Option<ConsoleSink>,
    /// A process that runs already, for the first worker.
    pub(crate) prepared: Mutex<Option<Spawned>>,
}
