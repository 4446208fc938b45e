//! A worker process that is started before it is known what it will serve: Node needs as long to
//! come up as a build takes, and nothing of what it does before `CONFIG` depends on the build.

use crate::StartError;
use crate::process::{Process, Spawned, WorkerCommand};

/// A running process that waits for its `CONFIG`. Dropping it kills it.
pub struct Prepared {
    pub(crate) spawned: Spawned,
}

impl Prepared {
    /// Starts the process. Its console output is piped where the pool that takes it over has a
    /// sink.
    ///
    /// # Errors
    ///
    /// Node is not there, or the system refuses.
    pub fn start(command: &WorkerCommand, pipe_output: bool) -> Result<Self, StartError> {
        Ok(Self { spawned: Process::spawn(command, pipe_output)? })
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("process", &self.spawned.process).finish_non_exhaustive()
    }
}
