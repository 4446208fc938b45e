//! The settings of a server, checked before anything is bound.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::limits::WORKERS_MAX;

/// How many worker processes to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerCount {
    /// A fixed number. One keeps module-level state exact.
    Fixed(NonZeroUsize),
    /// One per core.
    Auto,
}

impl std::str::FromStr for WorkerCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        match text.parse::<NonZeroUsize>() {
            Ok(count) if count.get() <= WORKERS_MAX => Ok(Self::Fixed(count)),
            _ => Err(format!("expected `auto` or a number from 1 to {WORKERS_MAX}")),
        }
    }
}

impl WorkerCount {
    /// The number of processes on this machine.
    pub fn get(self) -> usize {
        match self {
            Self::Fixed(count) => count.get(),
            Self::Auto => {
                std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(WORKERS_MAX)
            }
        }
    }
}

/// What `byway start` was told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name or address to listen on, as the user wrote it. It is also the host of `request.url`.
    pub hostname: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// How many workers.
    pub workers: WorkerCount,
    /// The Node.js executable.
    pub node: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_count_is_auto_or_a_small_number() {
        assert_eq!("auto".parse(), Ok(WorkerCount::Auto));
        assert_eq!("3".parse::<WorkerCount>().unwrap().get(), 3);
        for wrong in ["0", "-1", "257", "", "two"] {
            assert!(wrong.parse::<WorkerCount>().unwrap_err().contains("1 to 256"), "{wrong}");
        }
    }
}
