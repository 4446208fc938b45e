//! Whether a request may pass, and what its answer carries for that.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use byway_gate::cache::CachePolicy;
use byway_gate::cors::preflight_method;
use byway_gate::places::Taken;
use byway_gate::policy::Policy;
use byway_gate::rate::{Counting, Facts, Outcome, RateLimits, SharedCounters};
use byway_routes::path::RequestPath;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::{Allowance, Client, Gate, Visit};
use crate::AnswerBodyStream;
use crate::app::Asked;
use crate::respond::{self, Refusal};
use crate::websocket;

/// Whether a request may go on; an error is the answer of one that may not.
type Verdict = Result<(), Box<Response<AnswerBodyStream>>>;

/// What was decided about a request, for its answer.
#[derive(Debug)]
pub(super) struct Decided {
    policy: Arc<Policy>,
    origin: Option<HeaderValue>,
    rate: Option<Outcome>,
    /// A place of `concurrency`, until the answer has been sent.
    place: Option<Taken>,
}

impl Gate {
    /// Decides about a request that goes to a route, or to no route where only the proxy or another server
    /// answers. An error is the answer of a request that goes no further.
    ///
    /// A request that a proxy sends elsewhere is decided about once more; what has been counted is not
    /// counted again.
    pub(crate) async fn admit(
        &self,
        visit: &mut Visit,
        asked: &Asked<'_>,
        route: Option<usize>,
        path: &RequestPath,
    ) -> Result<Allowance, Box<Response<AnswerBodyStream>>> {
        if let Some(watched) = &mut visit.watched {
            watched.set_route(route);
        }
        let allowance = route.and_then(|route| self.allowances.get(route));
        let mut allowance = allowance.unwrap_or(&self.elsewhere).clone();
        if self.routes.is_none() {
            return Ok(allowance);
        }
        let preflight = preflight_method(asked.sent);
        let method = preflight.unwrap_or(asked.sent.method.as_str());
        let Some(policy) = self.policy(route, asked.path, path, method) else {
            return Ok(allowance);
        };
        let earlier = visit.decided.take();
        if let (Some(cors), Some(_)) = (&policy.cors, preflight) {
            self.refused.preflights.fetch_add(1, Ordering::Relaxed);
            let mut answer = respond::empty(StatusCode::NO_CONTENT);
            *answer.headers_mut() = cors.preflight(&asked.sent.headers);
            return Err(Box::new(answer));
        }
        allowance.body_bytes_max = policy.body.unwrap_or(allowance.body_bytes_max);
        allowance.answer_wait = policy.timeout.unwrap_or(allowance.answer_wait);
        let origin = policy.cors.as_ref().and_then(|cors| cors.allowed(&asked.sent.headers));
        let (rate, place) = earlier.map(|it| it.already(&policy)).unwrap_or_default();
        let mut decided = Box::new(Decided { policy, origin, rate, place });
        let mut verdict = self.check_origin(&decided.policy, asked);
        if let (Ok(()), Some(limits), None) = (&verdict, &decided.policy.rate, decided.rate) {
            let counting = match self.store.as_ref().filter(|_| limits.are_shared()) {
                None => self.count(limits, asked, route),
                // Boxed, because few requests wait for a store.
                Some(store) => Box::pin(self.count_shared(limits, store, asked, route)).await,
            };
            verdict = self.judge(counting, &mut decided);
        }
        let verdict = verdict.and_then(|()| self.take_place(&mut decided));
        visit.decided = Some(decided);
        verdict.map(|()| allowance)
    }

    fn check_origin(&self, policy: &Policy, asked: &Asked<'_>) -> Verdict {
        let request = asked.sent;
        if let Some(csrf) = &policy.csrf {
            let own = match asked.client.authority() {
                "" => request.headers.get(header::HOST).and_then(|host| host.to_str().ok()),
                authority => Some(authority),
            };
            // Browsers let every page open a WebSocket, with its visitor's cookies, and call that a GET.
            let changes = websocket::is_wished(request);
            let method = if changes { &Method::POST } else { &request.method };
            if !csrf.allows(method, &request.headers, own) {
                self.refused.cross_site.fetch_add(1, Ordering::Relaxed);
                return Err(Box::new(respond::turned_away(Refusal::CrossSite)));
            }
        }
        Ok(())
    }

    /// What rate limits look at.
    fn facts<'a>(&'a self, asked: &'a Asked<'_>, route: Option<usize>) -> Facts<'a> {
        let paths = self.routes.as_ref().map(|routes| &routes.paths);
        let name = paths.zip(route).and_then(|(paths, route)| paths.get(route));
        Facts {
            address: asked.client.ip(),
            route: name.map_or("", String::as_str),
            headers: &asked.sent.headers,
            query: asked.path.query(),
        }
    }

    fn count(&self, limits: &RateLimits, asked: &Asked<'_>, route: Option<usize>) -> Counting {
        let facts = self.facts(asked, route);
        Counting::Done(limits.check(&self.counters, &facts, Instant::now()))
    }

    async fn count_shared(
        &self,
        limits: &RateLimits,
        store: &SharedCounters,
        asked: &Asked<'_>,
        route: Option<usize>,
    ) -> Counting {
        let facts = self.facts(asked, route);
        limits.check_shared(&self.counters, store, &facts, Instant::now()).await
    }

    fn judge(&self, counting: Counting, decided: &mut Decided) -> Verdict {
        match counting {
            Counting::Done(outcome) => {
                decided.rate = Some(outcome);
                if !outcome.allowed {
                    self.refused.rate.fetch_add(1, Ordering::Relaxed);
                    return Err(Box::new(respond::turned_away(Refusal::RateLimited)));
                }
            }
            Counting::Passed => {}
            Counting::Refused => {
                self.refused.store.fetch_add(1, Ordering::Relaxed);
                return Err(Box::new(respond::overloaded()));
            }
        }
        Ok(())
    }

    fn take_place(&self, decided: &mut Decided) -> Verdict {
        if let (Some(places), None) = (&decided.policy.places, &decided.place) {
            decided.place = places.take(1);
            if decided.place.is_none() {
                self.refused.concurrency.fetch_add(1, Ordering::Relaxed);
                return Err(Box::new(respond::overloaded()));
            }
        }
        Ok(())
    }
}

impl Decided {
    /// What holds under another policy too, because both have it from the same place.
    fn already(self, policy: &Policy) -> (Option<Outcome>, Option<Taken>) {
        fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            one.zip(other).is_some_and(|(one, other)| Arc::ptr_eq(one, other))
        }
        let rate = is_same(self.policy.rate.as_ref(), policy.rate.as_ref());
        let place = is_same(self.policy.places.as_ref(), policy.places.as_ref());
        (self.rate.filter(|_| rate), self.place.filter(|_| place))
    }

    pub(super) fn cache_policy(&self) -> Option<Arc<CachePolicy>> {
        self.policy.cache.clone()
    }

    pub(super) fn allows_compression(&self) -> bool {
        self.policy.compress.unwrap_or(true)
    }

    pub(super) fn into_place(self) -> Option<Taken> {
        self.place
    }

    /// Gives the answer what the policies say.
    pub(super) fn dress(&self, client: &Client<'_>, answer: &mut Response<AnswerBodyStream>) {
        let headers = answer.headers_mut();
        if let (Some(rate), Some(outcome)) = (&self.policy.rate, &self.rate) {
            rate.apply(outcome, headers);
        }
        if let Some(cors) = &self.policy.cors {
            cors.apply(self.origin.clone(), headers);
        }
        if let Some(security) = &self.policy.security {
            security.apply(client.https, headers);
        }
    }
}
