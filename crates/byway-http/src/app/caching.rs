//! What an app does with its cache: answers requests from it, and renders what nobody has asked for yet.

use std::sync::Arc;
use std::time::Duration;

use byway_pool::DispatchError;
use byway_routes::method::MethodOutcome;
use byway_routes::path::{PathOptions, PathOutcome, parse_target};
use byway_routes::router::Match;
use http::StatusCode;
use http::request::Parts;

use super::{App, Inner};
use crate::cached;

impl App {
    /// Renders what is known before anybody asks for it. Runs beside the requests.
    pub async fn prerender(&self) {
        let build = self.build();
        let Some(cached) = &build.cached else { return };
        for target in cached.known_targets(&build.paths.base_path).await {
            // A build that takes over does the same for its own.
            if !Arc::ptr_eq(&build, &self.build()) {
                return;
            }
            build.with_match(&target, async |found| cached.warm(&found).await).await;
        }
    }

    /// Renders a path anew, as `res.revalidate` asks; gives the status of what came of it. With
    /// `only_known` a path that is not in the cache is left alone.
    pub(crate) async fn render_again(&self, path: &str, only_known: bool) -> StatusCode {
        let build = self.build();
        let render = async |found: Match<'_, '_>| {
            let methods = build.routes.get(found.route).and_then(|route| route.methods);
            if methods.is_some_and(|it| it.outcome("GET") == MethodOutcome::NotAllowed) {
                return StatusCode::METHOD_NOT_ALLOWED;
            }
            match &build.cached {
                Some(cached) => cached.render_again(&found, only_known).await,
                None => StatusCode::OK,
            }
        };
        build.with_match(path, render).await.unwrap_or(StatusCode::NOT_FOUND)
    }
}

impl Inner {
    /// Does something with the route of a target that no client has sent.
    async fn with_match<T>(
        &self,
        target: &str,
        act: impl AsyncFnOnce(Match<'_, '_>) -> T,
    ) -> Option<T> {
        let Self { router, paths, .. } = self;
        let paths = PathOptions { skip_trailing_slash_redirect: true, ..paths.clone() };
        let PathOutcome::Path(path) = parse_target(target.as_bytes(), &paths) else { return None };
        let found = router.matches(&path)?;
        Some(act(found).await)
    }

    /// Whether answers of a route come from the cache.
    pub(crate) fn is_cached(&self, route: usize) -> bool {
        self.routes.get(route).is_some_and(|route| route.is_cached)
            && self.cached.as_ref().is_some_and(|cached| cached.keeps(route))
    }

    /// The kept answer of a route, or that its handler has to run.
    pub(crate) async fn cached_decision(
        &self,
        head: &Parts,
        found: &Match<'_, '_>,
        wait: Duration,
    ) -> Result<cached::Decision, DispatchError> {
        match &self.cached {
            Some(cached) if self.is_cached(found.route) => cached.decide(head, found, wait).await,
            _ => Ok(cached::Decision::Run { draft: false }),
        }
    }
}
