//! Who holds a build: requests until they have found a worker, and those who must not hold it.

use std::sync::{Arc, Weak};

use byway_pool::Pool;
use parking_lot::RwLock;
use tokio::sync::Notify;

use super::{App, Inner};

/// An app that does not keep itself alive.
#[derive(Debug, Clone)]
pub(crate) struct WeakApp(Weak<RwLock<Arc<Inner>>>);

impl WeakApp {
    pub(super) fn of(app: &App) -> Self {
        Self(Arc::downgrade(&app.0))
    }

    /// The app, unless the server has ended.
    pub(crate) fn upgrade(&self) -> Option<App> {
        self.0.upgrade().map(App)
    }
}

/// A build that another one took the place of.
#[derive(Debug)]
pub struct Former {
    /// Its workers.
    pub pool: Arc<Pool>,
    unused: Arc<Notify>,
}

impl Former {
    pub(super) fn new(pool: &Arc<Pool>, last_use: &LastUse) -> Self {
        Self { pool: Arc::clone(pool), unused: Arc::clone(&last_use.0) }
    }

    /// Waits until no request that began under this build may still look for a worker.
    pub async fn unused(&self) {
        self.unused.notified().await;
    }
}

/// Tells that the last request of a build has gone.
#[derive(Debug, Default)]
pub(super) struct LastUse(Arc<Notify>);

impl Drop for LastUse {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
