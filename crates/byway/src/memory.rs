//! Memory that a build or a crowd of connections has used goes back to the system once nothing needs it for a
//! while: the allocator alone would keep it for the next time.

use std::time::Duration;

use tokio::task::JoinHandle;

/// How long a server that rests keeps what the next build could use.
const KEPT: Duration = Duration::from_secs(1);

/// Gives memory back after a while without builds.
#[derive(Debug, Default)]
pub(crate) struct Release(Option<JoinHandle<()>>);

impl Release {
    /// Something was built; memory is given back if this is not called again soon.
    pub(crate) fn later(&mut self) {
        self.cancel();
        self.0 = Some(tokio::spawn(async {
            tokio::time::sleep(KEPT).await;
            give_back();
        }));
    }

    fn cancel(&mut self) {
        if let Some(earlier) = self.0.take() {
            earlier.abort();
        }
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Gives the system what is free. Takes some milliseconds where there is much.
#[expect(unsafe_code, reason = "the allocator's crate has the function but no name for it")]
pub(crate) fn give_back() {
    unsafe extern "C" {
        /// Of mimalloc, which is this program's allocator.
        fn mi_collect(force: bool);
    }
    // SAFETY: the function may be called by any thread at any time; it touches only what is free.
    unsafe { mi_collect(true) }
}
