//! Making an answer for everybody.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use byway_cache::{Answer, Draft, Entry, Lead, Lifetime, Turn, Value, canonical_path};
use byway_config::limits::{CACHE_ANSWER_BYTES_MAX, CACHE_ENTRY_TAGS_MAX};
use byway_pool::{DispatchError, Pool};
use byway_routes::router::Match;
use byway_wire::{Param, Purpose, Rendered, RequestHead, ResponseHead};
use http::header::{CACHE_CONTROL, HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode};

use crate::cached::answer::{CACHE_STATE, cache_control, renew_cache_control};
use crate::cached::prerender::target_of;
use crate::cached::{CachedRoute, CachedRoutes, answer_of, may_be_kept, path_of};
use crate::dispatch::values_of;
use crate::owned_params::OwnedParams;
use crate::{AnswerBodyStream, dispatch, headers};

/// The host of `request.url` in a handler that answers everybody, as under Next.
const AUTHORITY: &str = "localhost:3000";

/// What `x-nextjs-cache` says of an answer whose time is over.
const STALE: HeaderValue = HeaderValue::from_static("STALE");

/// What a handler is told: its route, its path and its parameters, and nothing of anybody who asks.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    route: usize,
    path: String,
    params: OwnedParams,
    answer_wait: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Rendering {
    /// An answer that is kept.
    Kept(Arc<Entry>),
    /// An answer for those who have asked, which is not kept.
    Shared(Arc<Entry>),
    /// The handler failed; the old answer stays.
    Failed,
    /// The handler depends on who asks after all.
    Dynamic,
    /// No worker answered.
    Undelivered(DispatchError),
}

impl Job {
    pub(super) fn new(route: &CachedRoute, found: &Match<'_, '_>) -> Self {
        let params = found.params().map(|(name, value)| Param { name, values: values_of(value) });
        Self {
            route: route.id,
            path: target_of(&canonical_path(found.path().as_str())),
            params: OwnedParams::of(params),
            answer_wait: route.answer_wait,
        }
    }

    /// The same with another time to the head of the answer.
    pub(super) fn answered_within(self, answer_wait: Duration) -> Self {
        Self { answer_wait, ..self }
    }

    /// A request for a list of the route's parameters.
    pub(super) fn for_params(route: &CachedRoute) -> Self {
        let path = "/".to_owned();
        Self {
            route: route.id,
            path,
            params: OwnedParams::default(),
            answer_wait: route.answer_wait,
        }
    }

    /// Runs the handler; gives the answer's head and its whole body, `None` for one too long to keep.
    pub(super) async fn run(
        &self,
        pool: &Pool,
        purpose: Purpose,
    ) -> Result<(Box<ResponseHead>, Option<Bytes>), DispatchError> {
        let params = self.params.as_params();
        let head = RequestHead {
            route: self.route as u32,
            authority: AUTHORITY,
            path: self.path.as_bytes(),
            params: &params,
            purpose,
            ..dispatch::NOBODY
        };
        let answer = dispatch::ask(pool, &head, &HeaderMap::new(), self.answer_wait).await?;
        let body = AnswerBodyStream::from_answer(answer.body);
        Ok((answer.head, body.collected(CACHE_ANSWER_BYTES_MAX).await?))
    }
}

/// What the project's `cacheHandler` keeps or what the handler makes. What is old is made anew, beside those
/// who are given it.
pub(super) async fn render_and_renew(
    routes: &Arc<CachedRoutes>,
    job: Job,
    lead: Lead,
    old: Option<Arc<Entry>>,
) -> Rendering {
    // A flight of its own: who asks meanwhile gets the old one.
    let key = Arc::from(format!("{}\nanew", lead.key()));
    let again = job.clone();
    let rendering = render(routes, job, lead, old, Purpose::Everybody).await;
    if let Rendering::Shared(entry) = &rendering
        && routes.setup.has_handler
        && answer_of(entry).is_some_and(|it| it.headers.get(CACHE_STATE) == Some(&STALE))
        && let Turn::Lead(lead, _) = routes.setup.cache.turn(key, &[]).await
    {
        let routes = Arc::clone(routes);
        tokio::spawn(async move {
            render(&routes, again, lead, None, Purpose::EverybodyAnew).await;
        });
    }
    rendering
}

/// Makes an answer and keeps it, or says why it cannot be kept. Where that fails, `old` stays.
pub(super) async fn render(
    routes: &CachedRoutes,
    job: Job,
    lead: Lead,
    old: Option<Arc<Entry>>,
    purpose: Purpose,
) -> Rendering {
    let Some(Some(route)) = routes.routes.get(job.route) else { return Rendering::Dynamic };
    let (head, body) = match job.run(&routes.pool, purpose).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!("{} could not be rendered: {error}", job.path);
            keep_old(lead, old, routes.setup.expire_s);
            return Rendering::Undelivered(error);
        }
    };
    let Some(body) = body else {
        let bytes = CACHE_ANSWER_BYTES_MAX;
        tracing::warn!("{} is not cached: its answer is longer than {bytes} bytes", route.pattern);
        route.becomes_dynamic();
        return Rendering::Dynamic;
    };
    if head.rendered.as_ref().is_some_and(|rendered| rendered.dynamic) {
        route.becomes_dynamic();
        return Rendering::Dynamic;
    }
    let Some(answer) = answer_from(&head, body) else {
        keep_old(lead, old, routes.setup.expire_s);
        return Rendering::Undelivered(DispatchError::StreamFailed);
    };
    let path = path_of(lead.key()).to_owned();
    let is_error = answer.status.is_server_error();
    let keep = head.rendered.is_some() && may_be_kept(&answer);
    if routes.setup.has_handler {
        let draft = draft(route, &path, head.rendered.as_deref(), answer);
        return Rendering::Shared(lead.share(with_cache_control(draft, routes.setup.expire_s)));
    }
    if keep {
        route.known.was_rendered(&path);
        let draft = draft(route, &path, head.rendered.as_deref(), answer);
        return Rendering::Kept(lead.keep(with_cache_control(draft, routes.setup.expire_s)));
    }
    let draft = draft(route, &path, head.rendered.as_deref(), answer);
    if is_error && old.is_some() {
        keep_old(lead, old, routes.setup.expire_s);
        return Rendering::Failed;
    }
    Rendering::Shared(lead.share(draft))
}

/// The old answer stays for a while longer.
fn keep_old(lead: Lead, old: Option<Arc<Entry>>, expire_s: u32) {
    let Some(old) = old else { return };
    let lifetime = old.lifetime.after_failure();
    if let Some(answer) = renew_cache_control(&old, lifetime, expire_s) {
        lead.keep(Draft { value: Value::Answer(answer), lifetime, tags: Arc::clone(&old.tags) });
    }
}

fn draft(route: &CachedRoute, path: &str, rendered: Option<&Rendered>, answer: Answer) -> Draft {
    let own = rendered.map_or(&[][..], |rendered| &rendered.tags);
    let own = own.get(..CACHE_ENTRY_TAGS_MAX).unwrap_or(own);
    let lifetime = rendered.map_or(Lifetime::FOREVER, |rendered| Lifetime {
        revalidate: rendered.revalidate,
        expire: rendered.expire,
    });
    Draft { value: Value::Answer(answer), lifetime, tags: route.tags(path, own) }
}

/// What is kept says for how long, unless the handler has.
fn with_cache_control(mut draft: Draft, expire_s: u32) -> Draft {
    if let Value::Answer(answer) = &mut draft.value
        && !answer.headers.contains_key(CACHE_CONTROL)
    {
        answer.headers.insert(CACHE_CONTROL, cache_control(draft.lifetime, expire_s));
    }
    draft
}

/// What the worker sent, checked; `None` when it makes no sense.
fn answer_from(head: &ResponseHead, body: Bytes) -> Option<Answer> {
    let status = StatusCode::from_u16(head.status).ok()?;
    let mut lines = HeaderMap::with_capacity(head.headers.len() + 2);
    for (name, value) in head.headers.iter() {
        let name = HeaderName::from_bytes(&name).ok()?;
        if headers::to_client(&name) {
            lines.append(name, HeaderValue::from_maybe_shared(value).ok()?);
        }
    }
    Some(Answer { status, reason: head.reason.clone(), headers: lines, body })
}
