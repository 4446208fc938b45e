//! Route handlers whose answers are kept: found in the cache without any JavaScript, made once for all.
//!
//! Nothing of a client reaches such a handler. The request that it is given names the route, its
//! parameters and the path, and nothing else, so that what is kept cannot be one client's.

pub(crate) mod answer;
mod draft;
mod known;
mod prerender;
mod render;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use byway_cache::{Cache, Entry, Flight, Freshness, Turn, canonical_path, route_tags};
use byway_pool::{DispatchError, Pool};
use byway_routes::caching::Caching;
use byway_routes::manifest::{Manifest, Route};
use byway_routes::router::Match;
use http::request::Parts;
use http::{Method, Response};

use crate::AnswerBodyStream;
use crate::gate::Gate;
use crate::respond;

use answer::Label;
use known::Known;
pub(crate) use render::Rendering;
use render::{Job, render_and_renew};

/// Between the parts of a key; a path's form has no control characters.
const SEPARATOR: char = '\n';

/// What a server needs to cache answers.
#[derive(Debug, Clone)]
pub struct CacheSetup {
    /// The entries.
    pub cache: Arc<Cache>,
    /// Tells one build's answers from another's.
    pub build_id: String,
    /// The value of draft mode's cookie.
    pub draft_mode_id: String,
    /// Whether next.config has `cacheComponents`.
    pub cache_components: bool,
    /// Seconds after which shared caches give an answer out no more, where it says nothing: next.config's
    /// `expireTime`.
    pub expire_s: u32,
    /// Whether the project has a `cacheHandler`: workers ask it, and nothing is kept here.
    pub has_handler: bool,
}

/// The routes of a build that are cached.
#[derive(Debug)]
pub(crate) struct CachedRoutes {
    setup: CacheSetup,
    pool: Arc<Pool>,
    /// By the route's id.
    routes: Vec<Option<CachedRoute>>,
}

#[derive(Debug)]
pub(crate) struct CachedRoute {
    id: usize,
    pattern: Box<str>,
    caching: Caching,
    /// How long a render may take that no request has asked for.
    answer_wait: Duration,
    /// Set once the handler turned out to depend on who asks: it runs for every request then.
    is_dynamic: AtomicBool,
    known: Known,
}

/// What becomes of a request for a cached route.
pub(crate) enum Decision {
    /// This answers it.
    Answer(Response<AnswerBodyStream>),
    /// The handler runs for this request.
    Run {
        /// The client sees drafts, which nobody may keep.
        draft: bool,
    },
}

/// What becomes of the answer of a handler that had to run, of which clients that see drafts get theirs.
pub(crate) fn finish(
    draft: bool,
    response: Response<AnswerBodyStream>,
) -> Response<AnswerBodyStream> {
    if draft { respond::not_cached(response) } else { response }
}

impl CachedRoutes {
    /// The cached routes of a build; `None` where there are none.
    pub(crate) fn of(
        manifest: &Manifest,
        setup: &CacheSetup,
        pool: &Arc<Pool>,
        gate: &Gate,
    ) -> Option<Arc<Self>> {
        let cached = |(id, route): (usize, &Route)| {
            let caching = Caching::of(route, setup.cache_components)?;
            Some(CachedRoute {
                id,
                pattern: route.path.as_str().into(),
                caching,
                answer_wait: gate.answer_wait(id),
                is_dynamic: AtomicBool::new(false),
                known: Known::new(caching),
            })
        };
        let routes: Vec<_> = manifest.routes.iter().enumerate().map(cached).collect();
        let any = routes.iter().any(Option::is_some);
        any.then(|| Arc::new(Self { setup: setup.clone(), pool: Arc::clone(pool), routes }))
    }

    /// Whether answers of a route are kept, as far as is known.
    pub(crate) fn keeps(&self, route: usize) -> bool {
        let route = self.routes.get(route).and_then(Option::as_ref);
        route.is_some_and(|route| !route.is_dynamic.load(Ordering::Relaxed))
    }

    /// Answers from the cache, or says that the handler has to run. `wait` is how long this request may
    /// wait for the head of an answer.
    pub(crate) async fn decide(
        self: &Arc<Self>,
        head: &Parts,
        found: &Match<'_, '_>,
        wait: Duration,
    ) -> Result<Decision, DispatchError> {
        let Some(Some(route)) = self.routes.get(found.route) else {
            return Ok(Decision::Run { draft: false });
        };
        if route.is_dynamic.load(Ordering::Relaxed) {
            return Ok(Decision::Run { draft: false });
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            // A handler for it would have made the route dynamic.
            return Ok(Decision::Answer(respond::only_get()));
        }
        if draft::is_draft(&head.headers, &self.setup.draft_mode_id) {
            return Ok(Decision::Run { draft: true });
        }
        let key = self.key(route, found);
        if let Some(hit) = self.setup.cache.peek(&key, &[])
            && hit.freshness == Freshness::Fresh
        {
            return Ok(Decision::Answer(answer::response(&hit.entry, Label::Hit)));
        }
        Box::pin(self.slowly(route, key, found, wait)).await
    }

    /// Everything but a fresh answer in memory.
    async fn slowly(
        self: &Arc<Self>,
        route: &CachedRoute,
        key: Arc<str>,
        found: &Match<'_, '_>,
        wait: Duration,
    ) -> Result<Decision, DispatchError> {
        let path = path_of(&key);
        if route.caching.static_params && route.known.load(self, route).await.is_err() {
            let error = http::StatusCode::INTERNAL_SERVER_ERROR;
            return Ok(Decision::Answer(respond::empty(error)));
        }
        if !route.known.exists(path) {
            return Ok(Decision::Answer(respond::not_found()));
        }
        // Next has rendered it when it was built.
        let miss = if route.known.is_first(path) { Label::Hit } else { Label::Miss };
        let (lead, stale) = match self.setup.cache.turn(Arc::clone(&key), &[]).await {
            Turn::Found(found) => {
                let label =
                    if found.freshness == Freshness::Fresh { Label::Hit } else { Label::Stale };
                return Ok(Decision::Answer(answer::response(&found.entry, label)));
            }
            Turn::Wait(wait) => {
                return Ok(match wait.end().await {
                    Flight::Kept(entry) | Flight::Shared(entry) => {
                        let label = if self.setup.has_handler { Label::None } else { miss };
                        Decision::Answer(answer::response(&entry, label))
                    }
                    Flight::Failed | Flight::Running => Decision::Run { draft: false },
                });
            }
            Turn::Lead(lead, stale) => (lead, stale),
        };
        let job = Job::new(route, found).answered_within(wait);
        let routes = Arc::clone(self);
        let old = stale.clone();
        // A task of its own: others wait for it, whatever becomes of this client.
        let rendering =
            tokio::spawn(async move { render_and_renew(&routes, job, lead, old).await });
        if let Some(stale) = stale {
            return Ok(Decision::Answer(answer::response(&stale, Label::Stale)));
        }
        match rendering.await {
            Ok(Rendering::Kept(entry)) => Ok(Decision::Answer(answer::response(&entry, miss))),
            Ok(Rendering::Shared(entry)) => {
                Ok(Decision::Answer(answer::response(&entry, Label::None)))
            }
            Ok(Rendering::Dynamic | Rendering::Failed) | Err(_) => {
                Ok(Decision::Run { draft: false })
            }
            Ok(Rendering::Undelivered(error)) => Err(error),
        }
    }

    /// The one key of a path. The route is part of it, because rules may lead a path to another one.
    fn key(&self, route: &CachedRoute, found: &Match<'_, '_>) -> Arc<str> {
        let path = found.path().as_str();
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let path = canonical_path(path);
        let CacheSetup { build_id, .. } = &self.setup;
        let mut key = String::with_capacity(4 + build_id.len() + route.pattern.len() + path.len());
        for part in ["r", build_id, &route.pattern, &path] {
            if !key.is_empty() {
                key.push(SEPARATOR);
            }
            key.push_str(part);
        }
        key.into()
    }
}

/// The path in a key.
fn path_of(key: &str) -> &str {
    key.splitn(4, SEPARATOR).nth(3).unwrap_or_default()
}

impl CachedRoute {
    /// The tags of a path's answer.
    fn tags(&self, path: &str, own: &[Box<str>]) -> Arc<[Box<str>]> {
        let mut tags = route_tags(&self.pattern, path);
        tags.extend_from_slice(own);
        tags.into()
    }

    /// From now on the handler runs for every request.
    fn becomes_dynamic(&self) {
        self.is_dynamic.store(true, Ordering::Relaxed);
    }
}

/// Whether an answer may be kept: as under Next what is no error, or is missing. What has no body is made
/// anew (CVE-2025-49826 is what comes of keeping it).
fn may_be_kept(entry: &byway_cache::Answer) -> bool {
    let status = entry.status.as_u16();
    (status < 400 || status == 404) && !matches!(status, 204..=206 | 304)
}

/// An entry that is known to be an answer.
pub(crate) fn answer_of(entry: &Entry) -> Option<&byway_cache::Answer> {
    match &entry.value {
        byway_cache::Value::Answer(answer) => Some(answer),
        byway_cache::Value::Data(_) => None,
    }
}
