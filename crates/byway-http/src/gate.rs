//! The gate: everything that is decided about a request before a worker hears of it, and what its answer
//! carries for that. The policies themselves are in `byway-gate`; what is off costs a comparison.

mod admission;
mod client;
mod gauges;
mod tables;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use byway_config::Settings;
use byway_config::limits::ROUTE_ANSWER_WAIT_MAX;
use byway_gate::cache::CachePolicy;
use byway_gate::client::TrustedProxies;
use byway_gate::compress::Compression;
use byway_gate::places::Places;
use byway_gate::policy::{Policies, Policy};
use byway_gate::rate::{MemoryCounters, SharedCounters};
use byway_gate::request_id::RequestIds;
use byway_routes::manifest::{Manifest, Route};
use byway_routes::path::RequestPath;
use http::{HeaderName, HeaderValue, Response, request};

use crate::body::Compressible;
use crate::websocket::WebSockets;
use crate::{AnswerBodyStream, AnsweredBy};

use admission::Decided;
pub(crate) use client::Client;
pub use tables::{PatternError, PolicyTables};
use watch::Observer;
pub(crate) use watch::Watched;

/// The answer as the client takes it: compressed where that is worth it.
fn compress(
    compression: &Compression,
    request: &request::Parts,
    answer: Response<AnswerBodyStream>,
) -> Response<AnswerBodyStream> {
    let length = match answer.body().compressible() {
        Compressible::No => return answer,
        Compressible::Length(length) => Some(length),
        Compressible::Stream => None,
    };
    let (mut head, body) = answer.into_parts();
    let body = match compression.choose(request, &mut head, length) {
        None => body,
        Some(coding) => body.compressed(coding).unwrap_or_else(|body| {
            // It cannot fail for want of anything but memory; the client then gets the plain bytes.
            head.headers.remove(http::header::CONTENT_ENCODING);
            body
        }),
    };
    Response::from_parts(head, body)
}

/// What a request may take of a worker's time and of this process's memory.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    /// From dispatch to the head of the answer.
    pub(crate) answer_wait: Duration,
    /// Bytes of the body.
    pub(crate) body_bytes_max: u64,
    /// Bytes of all bodies together.
    pub(crate) bodies: Arc<Places>,
    /// Whether a Server Action is called, whose clients expect Next's answers.
    pub(crate) is_action: bool,
}

/// The gate of an app.
#[derive(Debug)]
pub(crate) struct Gate {
    proxies: TrustedProxies,
    ids: Option<RequestIds>,
    routes: Option<RoutePolicies>,
    counters: Arc<MemoryCounters>,
    /// Counters of limits that machines share.
    store: Option<Arc<SharedCounters>>,
    /// Where no policy says otherwise, by route.
    allowances: Vec<Allowance>,
    /// Where there is no route.
    elsewhere: Allowance,
    bodies: Arc<Places>,
    pub(crate) websockets: WebSockets,
    observer: Option<Arc<Observer>>,
    compression: Option<Compression>,
    refused: Arc<Refusals>,
}

/// How many requests were refused for what.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    cross_site: AtomicU64,
    rate: AtomicU64,
    concurrency: AtomicU64,
    /// Limits that are closed while their store is down.
    store: AtomicU64,
    preflights: AtomicU64,
}

impl Refusals {
    /// Each reason and its count.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus counts in floating point")]
    fn read(&self) -> [(&'static str, f64); 5] {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        [
            ("cross_site", count(&self.cross_site)),
            ("rate_limit", count(&self.rate)),
            ("concurrency", count(&self.concurrency)),
            ("store_down", count(&self.store)),
            ("preflight", count(&self.preflights)),
        ]
    }
}

/// The policies of an app that has any.
#[derive(Debug)]
struct RoutePolicies {
    tables: PolicyTables,
    policies: Policies,
    /// Names for keys of rate limits.
    paths: Vec<String>,
}

/// A request on its way through the app.
#[derive(Debug)]
pub(crate) struct Visit {
    id: Option<HeaderValue>,
    watched: Option<Watched>,
    /// Who answers it, for developers.
    pub(crate) by: AnsweredBy,
    /// What the policies have decided.
    decided: Option<Box<Decided>>,
}

impl Visit {
    /// How the answer is shared with other clients, where it is.
    pub(crate) fn cache_policy(&self) -> Option<Arc<CachePolicy>> {
        self.decided.as_ref()?.cache_policy()
    }
}

impl Gate {
    /// A gate that goes on counting where that of the former build ends.
    pub(crate) fn new(
        settings: &Settings,
        tables: PolicyTables,
        manifest: &Manifest,
        store: Option<Arc<SharedCounters>>,
        former: Option<&Self>,
    ) -> Self {
        let routes = &manifest.routes;
        let files: Vec<_> = routes.iter().map(|it| (it.path.as_str(), &it.policy)).collect();
        let policies = Policies::new(tables.rules(), &files);
        let used = !policies.is_empty(&files);
        // Nobody connects where nobody counts.
        let store = store.filter(|_| policies.rates().any(|limits| limits.are_shared()));
        if let Some(store) = &store {
            store.start();
        }
        let limits = &settings.limits;
        let bodies = former
            .map_or_else(|| Places::new(limits.bodies_bytes), |former| Arc::clone(&former.bodies));
        let allowance = |own: Option<Duration>| Allowance {
            answer_wait: own.map_or(limits.timeout, |own| own.min(ROUTE_ANSWER_WAIT_MAX)),
            body_bytes_max: limits.body_bytes,
            bodies: Arc::clone(&bodies),
            is_action: false,
        };
        let ids = settings.server.request_id.as_ref().and_then(|it| {
            let header = HeaderName::from_bytes(it.header.as_bytes()).ok()?;
            Some(RequestIds::new(header, it.answer))
        });
        Self {
            proxies: TrustedProxies::new(&settings.server.trusted_proxies),
            ids,
            routes: used.then(|| RoutePolicies {
                tables,
                policies,
                paths: routes.iter().map(|route| route.path.clone()).collect(),
            }),
            counters: former.map(|former| Arc::clone(&former.counters)).unwrap_or_default(),
            store,
            allowances: routes
                .iter()
                .map(|route: &Route| allowance(route.segment.deadline()))
                .collect(),
            elsewhere: allowance(None),
            observer: Observer::new(settings, routes),
            compression: Compression::new(&settings.compression)
                .filter(|_| manifest.config.compress),
            refused: former.map(|former| Arc::clone(&former.refused)).unwrap_or_default(),
            bodies,
            websockets: WebSockets::new(limits, former.map(|former| &former.websockets)),
        }
    }

    /// The routes from this number on are actions, whose bodies are shorter.
    pub(crate) fn actions_from(&mut self, first: usize, body_bytes_max: u64) {
        for allowance in self.allowances.iter_mut().skip(first) {
            allowance.body_bytes_max = allowance.body_bytes_max.min(body_bytes_max);
            allowance.is_action = true;
        }
    }

    /// How long a route may take to the head of its answer, where no policy says otherwise.
    pub(crate) fn answer_wait(&self, route: usize) -> Duration {
        self.allowances.get(route).unwrap_or(&self.elsewhere).answer_wait
    }

    /// A request arrives, and gets its name.
    pub(crate) fn enter(&self, request: &mut request::Parts, client: &Client<'_>) -> Visit {
        let id = self.ids.as_ref().map(|ids| ids.assign(client.is_proxied(), &mut request.headers));
        let observer = self.observer.as_ref();
        let watched = observer.map(|it| it.begin(request, client, id.as_ref()));
        Visit { id, watched, by: AnsweredBy::default(), decided: None }
    }

    /// An answer leaves.
    pub(crate) fn leave(
        &self,
        visit: Visit,
        request: &request::Parts,
        client: &Client<'_>,
        mut answer: Response<AnswerBodyStream>,
    ) -> Response<AnswerBodyStream> {
        if let Some(decided) = &visit.decided {
            decided.dress(client, &mut answer);
        }
        let allowed = visit.decided.as_ref().is_none_or(|decided| decided.allows_compression());
        if let Some(compression) = self.compression.as_ref().filter(|_| allowed) {
            answer = compress(compression, request, answer);
        }
        if let Some(place) = visit.decided.and_then(|decided| decided.into_place()) {
            answer = answer.map(|body| body.holding(place));
        }
        if let (Some(ids), Some(id)) = (&self.ids, visit.id) {
            ids.answer(id, answer.headers_mut());
        }
        let Some(mut watched) = visit.watched else { return answer };
        watched.set_status(answer.status().as_u16());
        answer.map(|body| body.watched(watched))
    }

    /// A request ends without an answer.
    pub(crate) fn lose(mut visit: Visit) {
        if let Some(watched) = &mut visit.watched {
            watched.set_status(0);
        }
    }

    /// What is in force for a request, if anything is set: by its route, by the path that the client asked
    /// for, and by the one that rewrites have made of it.
    fn policy(
        &self,
        route: Option<usize>,
        asked: &RequestPath,
        path: &RequestPath,
        method: &str,
    ) -> Option<Arc<Policy>> {
        let routes = self.routes.as_ref()?;
        let mut matching = routes.tables.matching(asked.as_str(), method);
        if !std::ptr::eq(asked, path) {
            matching |= routes.tables.matching(path.as_str(), method);
        }
        // No route has this number, and so no file says anything.
        let route = route.map_or(u32::MAX, |route| route as u32);
        Some(routes.policies.get(route, matching))
    }
}
