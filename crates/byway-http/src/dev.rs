//! What `byway dev` adds to an app: its own addresses, failures that are shown, requests that are told.
//!
//! An app without a developer has none of it; what it costs then is one look at an option.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body::Body;

use crate::app::Inner;
use crate::respond::{AnswerBroken, FailureReport};
use crate::{AnswerBodyStream, Peer};

/// An answer of the developer's own.
pub type OwnAnswer = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// Whoever serves a project while it is being written.
pub trait Developer: Debug + Send + Sync {
    /// Answers instead of the app: its own addresses, and everything as long as there is no build.
    fn own(&self, request: &Parts) -> Option<OwnAnswer>;

    /// Shows why user code failed. `report` is the worker's, as JSON.
    fn failed(&self, request: &Parts, report: &[u8]) -> Response<Bytes>;

    /// A request was answered.
    fn seen(&self, seen: &Seen<'_>);
}

/// A request that was answered.
#[derive(Debug)]
pub struct Seen<'r> {
    /// What was asked.
    pub request: &'r Parts,
    /// The answer's status; 0 where there was none.
    pub status: u16,
    /// From the request's head to that of the answer.
    pub took: Duration,
    /// Who answered.
    pub by: AnsweredBy,
}

/// Who answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnsweredBy {
    /// byway itself, such as with a 404.
    #[default]
    Byway,
    /// A route of the project.
    Handler,
    /// A file of `public/`.
    File,
    /// The project's proxy.
    Proxy,
    /// A redirect of `next.config`.
    Redirect,
    /// Another server, by a rewrite.
    Rewrite,
}

/// Answers one request under development.
pub(crate) async fn respond<B>(
    developer: &dyn Developer,
    inner: &Inner,
    head: &mut Parts,
    body: B,
    peer: &Peer,
) -> Result<Response<AnswerBodyStream>, AnswerBroken>
where
    B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
{
    let began = Instant::now();
    if let Some(answer) = developer.own(head) {
        return Ok(answer.await.map(AnswerBodyStream::whole));
    }
    let sent = head.clone();
    let mut by = AnsweredBy::default();
    let answer = inner.respond(head, body, peer, &mut by).await;
    let answer = answer.map(|answer| match answer.extensions().get::<FailureReport>() {
        Some(FailureReport(report)) => developer.failed(&sent, report).map(AnswerBodyStream::whole),
        None => answer,
    });
    let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
    developer.seen(&Seen { request: &sent, status, took: began.elapsed(), by });
    answer
}
