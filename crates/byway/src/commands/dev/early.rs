//! The first worker's process, started while the first build is being made: Node takes as long to
//! come up as a build takes, and until it is told what to serve it needs nothing but the worker's
//! runtime.

use byway_compile::DevFile;
use byway_config::Supervision;
use byway_pool::{Prepared, WorkerCommand};
use byway_routes::manifest::Manifest;

use super::folder::Epoch;
use crate::commands::start::generation::Setup;
use crate::commands::start::isolation;

/// A process that waits for its build. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Early {
    /// Where its files are.
    pub(super) epoch: Epoch,
    /// How it was started.
    pub(super) command: WorkerCommand,
    pub(super) process: Prepared,
    expected: Manifest,
}

impl Early {
    /// Starts the process, if what is known now decides how. `expected` is the manifest as far as
    /// it is known. Where it cannot be started, the attempt that comes with the build says why.
    pub(super) fn start(
        setup: &Setup,
        rules: &Supervision,
        mut epoch: Epoch,
        runtime: &[DevFile],
        expected: Manifest,
    ) -> Option<Self> {
        // What a locked worker may use depends on the build too.
        if rules.isolation.permissions.is_some() {
            return None;
        }
        epoch.write(runtime).ok()?;
        let command = isolation::command(setup, &expected, &epoch.path, rules).ok()?;
        let process = Prepared::start(&command, true).ok()?;
        Some(Self { epoch, command, process, expected })
    }

    /// Whether it is the process that the build needs.
    pub(super) fn fits(&self, manifest: &Manifest) -> bool {
        let Manifest { worker, config, .. } = &self.expected;
        *worker == manifest.worker && config.env == manifest.config.env
    }
}
