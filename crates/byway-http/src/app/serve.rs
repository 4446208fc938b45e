//! The end of the pipeline: a file, a kept answer, or a worker.

use bytes::Bytes;
use byway_routes::manifest::RouteKind;
use byway_routes::path::RequestPath;
use byway_routes::rules::resolve::Site as _;
use http::Response;
use http::header::ETAG;
use http::request::Parts;
use http_body::Body;

use super::target::Target;
use super::{Asked, Inner, not_found};
use crate::added::AnswerOf;
use crate::dispatch::{Routed, Terms};
use crate::gate::Visit;
use crate::respond::{self, AnswerBroken};
use crate::shared::Wanted;
use crate::{AnswerBodyStream, AnsweredBy, cached, dispatch};

impl Inner {
    /// Serves a file or a route.
    pub(super) async fn serve<B>(
        &self,
        request: &Asked<'_>,
        body: B,
        target: Target<'_>,
        visit: &mut Visit,
    ) -> Result<(Response<AnswerBodyStream>, AnswerOf), AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        match target {
            Target::Route(routed) if self.is_page_for(request, &routed.found) => {
                let path = routed.found.path();
                Box::pin(self.unrouted(request, body, (path, true), visit)).await
            }
            Target::Route(routed) => {
                let kind = self.kind(routed.found.route);
                Ok((self.call(request, body, &routed, visit).await?, AnswerOf::Route(kind)))
            }
            Target::File(path) => {
                visit.by = AnsweredBy::File;
                Ok(Box::pin(self.file(request, path, visit)).await)
            }
            Target::Nothing => {
                Box::pin(self.unrouted(request, body, (request.path, false), visit)).await
            }
        }
    }

    /// Serves the file that a path names.
    pub(crate) async fn file(
        &self,
        request: &Asked<'_>,
        path: &RequestPath,
        visit: &mut Visit,
    ) -> (Response<AnswerBodyStream>, AnswerOf) {
        if let Err(refusal) = self.gate.admit(visit, request, None, path).await {
            return (*refusal, AnswerOf::Nobody);
        }
        let Some(file) = self.files.find(path) else {
            return (not_found(request.path), AnswerOf::Nobody);
        };
        let Parts { method, headers, .. } = request.head;
        let mut response = self.files.respond(file, method, headers).await;
        if !self.has_etags {
            response.headers_mut().remove(ETAG);
        }
        (response, AnswerOf::File)
    }

    /// Answers a request for which there is no route: a page, or nothing is at the path.
    async fn unrouted<B>(
        &self,
        request: &Asked<'_>,
        body: B,
        (path, is_page): (&RequestPath, bool),
        visit: &mut Visit,
    ) -> Result<(Response<AnswerBodyStream>, AnswerOf), AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        if let Some(Ok(found)) = self.action(request, path) {
            let routed = Routed { found, asked: request.path, unseen: 0, added: None };
            let answer = self.call(request, body, &routed, visit).await?;
            return Ok((answer, AnswerOf::Route(RouteKind::App)));
        }
        let of = if is_page { AnswerOf::Route(RouteKind::Pages) } else { AnswerOf::Nobody };
        match self.gate.admit(visit, request, None, path).await {
            Ok(_) if is_page => Ok((self.page(request, path), of)),
            Ok(_) => Ok((self.nothing(request, path), of)),
            Err(refusal) => Ok((*refusal, of)),
        }
    }

    /// The answer where a page is.
    pub(crate) fn page(
        &self,
        request: &Asked<'_>,
        path: &RequestPath,
    ) -> Response<AnswerBodyStream> {
        self.refused_call(request, path, respond::page_not_rendered)
    }

    /// The answer where nothing is.
    pub(crate) fn nothing(
        &self,
        request: &Asked<'_>,
        path: &RequestPath,
    ) -> Response<AnswerBodyStream> {
        self.refused_call(request, path, || not_found(path))
    }

    /// Answers a request whose route is known.
    async fn call<B>(
        &self,
        request: &Asked<'_>,
        body: B,
        routed: &Routed<'_>,
        visit: &mut Visit,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let Some(route) = self.routes.get(routed.found.route) else {
            return Ok(respond::page_not_rendered());
        };
        let found = &routed.found;
        let allowance = match self.gate.admit(visit, request, Some(found.route), found.path()).await
        {
            Ok(allowance) => allowance,
            Err(refusal) => return Ok(*refusal),
        };
        let wait = allowance.answer_wait;
        let draft = match self.cached_decision(request.head, found, wait).await {
            Ok(cached::Decision::Answer(response)) => return Ok(response),
            Ok(cached::Decision::Run { draft }) => draft,
            Err(error) => return respond::undelivered(error),
        };
        // A Pages Router route answers every method itself.
        if route.kind != RouteKind::Pages
            && let Some(response) = respond::by_method(route.methods, request.head.method.as_str())
        {
            return Ok(response);
        }
        let policy = visit.cache_policy();
        let shared = self.shared.as_ref().zip(policy.as_deref());
        if let Some((shared, policy)) = shared {
            let pattern = &route.pattern;
            let wanted = Wanted { asked: request, routed, pattern, policy, wait, pool: &self.pool };
            match Box::pin(shared.answer(wanted)).await {
                Ok(Some(response)) => return Ok(response),
                Ok(None) => {}
                Err(error) => return respond::undelivered(error),
            }
        }
        visit.by = AnsweredBy::Handler;
        let terms = Terms { kind: route.kind, allowance, route_base: self.route_base };
        let answered = dispatch::dispatch(&self.pool, request, body, routed, &terms).await?;
        if let Some((shared, _)) = shared {
            shared.changed(&request.head.method, answered.status(), request.path.as_str());
        }
        Ok(cached::finish(draft, answered))
    }
}
