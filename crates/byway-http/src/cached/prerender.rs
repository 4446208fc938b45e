//! Rendering what is known beforehand, and what a program asks for.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use byway_cache::Freshness;
use byway_config::limits::CACHE_PRERENDER_PATHS_MAX;
use byway_routes::router::Match;
use byway_wire::Purpose;
use http::StatusCode;

use crate::cached::render::{Job, Rendering, render};
use crate::cached::{CachedRoutes, answer_of, path_of};

impl CachedRoutes {
    /// The paths that are known before anybody asks, as request targets.
    pub(crate) async fn known_targets(&self, base_path: &str) -> Vec<String> {
        let mut targets = Vec::new();
        let target_of = |path: &str| [base_path, &target_of(path)].concat();
        for route in self.routes.iter().flatten() {
            if route.caching.single {
                targets.push(target_of(&route.pattern));
            } else if route.caching.static_params && route.known.load(self, route).await.is_ok() {
                targets.extend(route.known.paths().iter().map(|path| target_of(path)));
            }
        }
        targets.truncate(CACHE_PRERENDER_PATHS_MAX);
        targets
    }

    /// Renders a path that nobody has asked for yet, unless it is there.
    pub(crate) async fn warm(self: &Arc<Self>, found: &Match<'_, '_>) {
        let Some(Some(route)) = self.routes.get(found.route) else { return };
        if route.is_dynamic.load(Ordering::Relaxed) {
            return;
        }
        let key = self.key(route, found);
        // What it comes to is in the cache or in the log.
        let _ = self.slowly(route, key, found, route.answer_wait).await;
    }

    /// Renders a path anew for `res.revalidate`; gives the status of what came of it. With `only_known`
    /// a path that is not in the cache is left alone.
    pub(crate) async fn render_again(
        self: &Arc<Self>,
        found: &Match<'_, '_>,
        only_known: bool,
    ) -> StatusCode {
        // What is not kept is fresh already.
        let Some(Some(route)) = self.routes.get(found.route) else { return StatusCode::OK };
        if route.is_dynamic.load(Ordering::Relaxed) {
            return StatusCode::OK;
        }
        let key = self.key(route, found);
        let path = path_of(&key).to_owned();
        let loaded = !route.caching.static_params || route.known.load(self, route).await.is_ok();
        if !loaded || !route.known.exists(&path) {
            return StatusCode::NOT_FOUND;
        }
        let known = self.setup.cache.peek(&key, &[]);
        if only_known && known.is_none() {
            return StatusCode::NOT_FOUND;
        }
        let old = known.filter(|it| it.freshness != Freshness::Gone).map(|it| it.entry);
        let lead = self.setup.cache.lead(key).await;
        let job = Job::new(route, found);
        match render(self, job, lead, old, Purpose::EverybodyAnew).await {
            Rendering::Kept(_) => StatusCode::OK,
            Rendering::Shared(entry) => {
                answer_of(&entry).map_or(StatusCode::INTERNAL_SERVER_ERROR, |it| it.status)
            }
            Rendering::Dynamic | Rendering::Failed | Rendering::Undelivered(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

/// The spelling of a path's form as a key that a URL has.
pub(super) fn target_of(path: &str) -> String {
    let mut target = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte) {
            target.push(char::from(byte));
        } else {
            percent(&mut target, byte);
        }
    }
    target
}

/// Adds a byte as a URL spells any byte.
pub(super) fn percent(out: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(out, "%{byte:02X}");
}

#[cfg(test)]
mod tests {
    use byway_cache::canonical_path;

    use super::target_of;

    #[test]
    fn a_target_leads_back_to_its_form() {
        for path in ["/a", "/a b/é", "/x%2Fy", "/100%25", "/q?x#y", "/"] {
            assert_eq!(canonical_path(&target_of(path)), path);
        }
        assert_eq!(target_of("/a b"), "/a%20b");
    }
}
