//! Making an answer that may be shared.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use byway_cache::{Answer, Draft, Entry, Lead, Value, http as rules, route_tags};
use byway_config::limits::CACHE_ANSWER_BYTES_MAX;
use byway_pool::{DispatchError, Pool};
use byway_wire::RequestHead;
use http::{HeaderMap, Method, Response};
use hyper::ext::ReasonPhrase;

use super::key::{Marker, names_of, variant};
use super::{Wanted, answer};
use crate::AnswerBodyStream;
use crate::dispatch;
use crate::owned_params::OwnedParams;

/// What the handler is told.
#[derive(Debug)]
pub(super) struct Fill {
    pool: Arc<Pool>,
    route: u32,
    https: bool,
    authority: String,
    path: String,
    query: String,
    params: OwnedParams,
    headers: HeaderMap,
    wait: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Made {
    /// It is kept.
    Kept(Arc<Entry>),
    /// It may not be kept, and is for this client.
    Passed(Response<AnswerBodyStream>),
    /// There is too much of it to be kept.
    TooLong,
    /// No worker answered.
    Failed(DispatchError),
}

impl Fill {
    /// The request without what is not part of the key.
    pub(super) fn new(wanted: &Wanted<'_>, headers: HeaderMap) -> Self {
        let Wanted { asked, routed, wait, pool, .. } = wanted;
        Self {
            pool: Arc::clone(pool),
            route: routed.found.route as u32,
            https: asked.client.https,
            authority: asked.client.authority().to_owned(),
            path: asked.path.as_str().to_owned(),
            query: asked.path.query().to_owned(),
            params: OwnedParams::of(dispatch::params(routed)),
            headers,
            wait: *wait,
        }
    }

    async fn run(&self) -> Result<Response<AnswerBodyStream>, DispatchError> {
        let params = self.params.as_params();
        let head = RequestHead {
            route: self.route,
            https: self.https,
            authority: &self.authority,
            path: self.path.as_bytes(),
            query: self.query.as_bytes(),
            params: &params,
            ..dispatch::NOBODY
        };
        let answer = dispatch::ask(&self.pool, &head, &self.headers, self.wait).await?;
        Ok(dispatch::response(answer, &Method::GET))
    }
}

/// Makes an answer and finds its place.
#[derive(Debug)]
pub(super) struct Maker {
    primary: Arc<str>,
    /// The tags that every answer of this path has.
    tags: Vec<Box<str>>,
}

impl Maker {
    pub(super) fn new(primary: Arc<str>, wanted: &Wanted<'_>) -> Self {
        Self { primary, tags: route_tags(wanted.pattern, wanted.asked.path.as_str()) }
    }

    /// Makes what `lead` is about.
    pub(super) async fn make(self, fill: Fill, lead: Lead) -> Made {
        let response = match fill.run().await {
            Ok(response) => response,
            Err(error) => return Made::Failed(error),
        };
        let (parts, body) = response.into_parts();
        let Some(terms) = rules::terms(parts.status, &parts.headers, &fill.headers) else {
            // An error passes.
            if !parts.status.is_server_error() {
                self.mark(lead, Marker::Pass);
            }
            return Made::Passed(answer::passed(Response::from_parts(parts, body)));
        };
        let collected =
            tokio::time::timeout(fill.wait, body.collected(CACHE_ANSWER_BYTES_MAX)).await;
        let body = match collected {
            Ok(Ok(Some(body))) => body,
            Ok(Err(error)) => return Made::Failed(error),
            Ok(Ok(None)) | Err(_) => {
                tracing::warn!("{} is not cached: its answer is too long", fill.path);
                self.mark(lead, Marker::Pass);
                return Made::TooLong;
            }
        };
        let reason = parts.extensions.get::<ReasonPhrase>();
        let reason = reason.map_or_else(Bytes::new, |it| Bytes::copy_from_slice(it.as_bytes()));
        let kept = Answer { status: parts.status, reason, headers: parts.headers, body };
        let mut tags = self.tags.clone();
        tags.extend(terms.tags);
        let draft =
            Draft { value: Value::Answer(kept), lifetime: terms.lifetime, tags: tags.into() };
        self.keep(lead, draft, &names_of(&terms.vary), &fill.headers)
    }

    /// Keeps an answer under the key that its `Vary` gives it.
    fn keep(self, lead: Lead, draft: Draft, vary: &str, told: &HeaderMap) -> Made {
        if vary.is_empty() {
            return Made::Kept(self.at_primary(lead, draft));
        }
        let Some(key) = variant(&self.primary, vary, told) else { return Made::TooLong };
        if key == *lead.key() {
            return Made::Kept(lead.keep(draft));
        }
        let entry = lead.beside(key).keep(draft);
        // After it, because those who wait look for it then.
        self.mark(lead, Marker::Varies(vary));
        Made::Kept(entry)
    }

    fn mark(&self, lead: Lead, marker: Marker<'_>) {
        self.at_primary(lead, marker.draft());
    }

    fn at_primary(&self, lead: Lead, draft: Draft) -> Arc<Entry> {
        if *lead.key() == self.primary {
            lead.keep(draft)
        } else {
            lead.beside(Arc::clone(&self.primary)).keep(draft)
        }
    }
}
