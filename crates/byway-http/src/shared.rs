//! Answers that clients share because their handler says so (RFC 9111): `cache` of a route.
//!
//! A handler whose answer may be kept is told what is part of the answer's key, and nothing else, see
//! `byway_gate::cache`. Where a proxy runs before the route, this is not used: it decides per request.

mod answer;
mod fill;
mod key;

use std::sync::Arc;
use std::time::Duration;

use byway_cache::{Cache, Entry, Flight, Found, Freshness, TagChange, Turn};
use byway_gate::cache::CachePolicy;
use byway_pool::{DispatchError, Pool};
use http::{HeaderMap, Method, Response, StatusCode};

use crate::AnswerBodyStream;
use crate::app::Asked;
use crate::cached::{CacheSetup, answer_of};
use crate::dispatch::Routed;

use answer::How;
use fill::{Fill, Made, Maker};
use key::{Marker, primary, variant};

/// Looking for an answer, learning what it varies by, looking again, and once more where that has changed.
const LOOKS_MAX: usize = 3;

/// The answers of a build that clients share.
#[derive(Debug)]
pub(crate) struct SharedAnswers {
    cache: Arc<Cache>,
    build_id: String,
}

/// Where a request goes, and under which rules.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'r> {
    pub(crate) asked: &'r Asked<'r>,
    pub(crate) routed: &'r Routed<'r>,
    /// The route's pattern.
    pub(crate) pattern: &'r str,
    pub(crate) policy: &'r CachePolicy,
    /// How long the head of an answer may take.
    pub(crate) wait: Duration,
    pub(crate) pool: &'r Arc<Pool>,
}

/// A response, or `None` where the handler has to run for this request alone.
type Looked = Result<Option<Response<AnswerBodyStream>>, DispatchError>;

impl SharedAnswers {
    pub(crate) fn new(setup: &CacheSetup) -> Self {
        Self { cache: Arc::clone(&setup.cache), build_id: setup.build_id.clone() }
    }

    /// Looks for an answer, or makes one for everybody.
    pub(crate) async fn answer(&self, wanted: Wanted<'_>) -> Looked {
        let request = &wanted.asked.head.headers;
        if !matches!(wanted.asked.head.method, Method::GET | Method::HEAD) {
            return Ok(None);
        }
        let told = wanted.policy.told(request);
        let Some(key) = primary(&self.build_id, &wanted, &told) else { return Ok(None) };
        let personal = wanted.policy.is_personal(request);
        if let Some(found) = self.peek(&key, &told)
            && found.freshness == Freshness::Fresh
        {
            let public = || answer_of(&found.entry).is_some_and(answer::is_public);
            let given = !personal || public();
            return Ok(given.then(|| answer::respond(&found.entry, How::Hit, request)));
        }
        // What is made for one who says who he is, is for him.
        if personal { Ok(None) } else { self.slowly(wanted, key, told).await }
    }

    /// A request that changes something has passed: what is kept of this path may be wrong now (RFC 9111
    /// §4.4).
    pub(crate) fn changed(&self, method: &Method, status: StatusCode, path: &str) {
        let passed = status.is_success() || status.is_redirection();
        if passed && !method.is_safe() {
            self.cache.invalidate(vec![TagChange::of_path(path, None)]);
        }
    }

    fn peek(&self, key: &str, told: &HeaderMap) -> Option<Found> {
        let found = self.cache.peek(key, &[])?;
        match Marker::of(&found.entry) {
            None => Some(found),
            Some(Marker::Pass) => None,
            Some(Marker::Varies(names)) => self.cache.peek(&variant(key, names, told)?, &[]),
        }
    }

    /// Everything but a fresh answer in memory.
    async fn slowly(&self, wanted: Wanted<'_>, primary: Arc<str>, told: HeaderMap) -> Looked {
        let request = &wanted.asked.head.headers;
        let mut key = Arc::clone(&primary);
        for _ in 0..LOOKS_MAX {
            let (entry, how) = match self.cache.turn(Arc::clone(&key), &[]).await {
                Turn::Found(Found { entry, freshness: Freshness::Fresh }) => (entry, How::Hit),
                // Somebody else makes it anew.
                Turn::Found(Found { entry, .. }) => (entry, How::Stale),
                Turn::Wait(wait) => match wait.end_within(wanted.wait).await {
                    Flight::Kept(entry) => (entry, How::Collapsed),
                    Flight::Shared(_) | Flight::Failed | Flight::Running => return Ok(None),
                },
                Turn::Lead(lead, stale) => {
                    let maker = Maker::new(primary, &wanted);
                    let made = tokio::spawn(maker.make(Fill::new(&wanted, told), lead));
                    return finish(made, stale, request).await;
                }
            };
            match Marker::of(&entry) {
                Some(Marker::Pass) => return Ok(None),
                Some(Marker::Varies(names)) => match variant(&primary, names, &told) {
                    Some(other) => key = other,
                    None => return Ok(None),
                },
                None if how == How::Stale && !answer::may_be_stale(&entry) => return Ok(None),
                None => return Ok(Some(answer::respond(&entry, how, request))),
            }
        }
        Ok(None)
    }
}

/// Gives the old answer where it may still be used, else waits for the new one. It is made in a task of its
/// own: others wait for it, whatever becomes of this client.
async fn finish(
    made: tokio::task::JoinHandle<Made>,
    stale: Option<Arc<Entry>>,
    request: &HeaderMap,
) -> Looked {
    let stale = stale.filter(|entry| answer_of(entry).is_some());
    if let Some(stale) = stale.as_ref().filter(|entry| answer::may_be_stale(entry)) {
        return Ok(Some(answer::respond(stale, How::Stale, request)));
    }
    let instead = stale.filter(|entry| answer::may_replace_error(entry));
    let instead = || instead.map(|entry| answer::respond(&entry, How::Stale, request));
    match made.await {
        Ok(Made::Kept(entry)) => Ok(Some(answer::respond(&entry, How::Stored, request))),
        Ok(Made::Passed(response)) if response.status().is_server_error() => {
            Ok(instead().or(Some(response)))
        }
        Ok(Made::Passed(response)) => Ok(Some(response)),
        Ok(Made::Failed(error)) => instead().map(Some).ok_or(error),
        // It is too long to be kept, or a program error.
        Ok(Made::TooLong) | Err(_) => Ok(None),
    }
}
