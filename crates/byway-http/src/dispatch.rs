//! From a matched request to a worker's answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use byway_config::limits::DELIVERIES_MAX;
use byway_pool::{Answer, DispatchError, OpenBody, Outcome, Pool, RequestBody, Stream};
use byway_routes::manifest::RouteKind;
use byway_routes::path::RequestPath;
use byway_routes::router::{Match, ParamValue};
use byway_routes::rules::query::Query;
use byway_wire::constants::NO_ROUTE;
use byway_wire::{NameCase, Param, ParamValues, Purpose, RequestHead};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, TRAILER};
use http::{HeaderValue, Method, Response, StatusCode, Version};
use http_body::Body;
use hyper::ext::ReasonPhrase;

use crate::app::Asked;
use crate::gate::Allowance;
use crate::respond::{self, AnswerBroken, Unanswered};
use crate::upload::{self, FirstPart, Limit, TooLong, Upload};
use crate::{AnswerBodyStream, headers, websocket};

/// What the route says about its requests.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Which convention the route follows.
    pub(crate) kind: RouteKind,
    /// What a request may take. A worker that has sent no head in time is told to give up, and so is one
    /// whose request's body turns out to be too long.
    pub(crate) allowance: Allowance,
    /// The number of the app's first route at the workers.
    pub(crate) route_base: u32,
}

/// A request whose route is known.
#[derive(Debug)]
pub(crate) struct Routed<'p> {
    /// The route, and the path that names its parameters.
    pub(crate) found: Match<'p, 'p>,
    /// The path that the client asked for, which is what handlers see.
    pub(crate) asked: &'p RequestPath,
    /// How many bytes of that path the handler does not see: a locale in front.
    pub(crate) unseen: usize,
    /// What rewrites add to the query of a Pages API route. It reads them where it reads its parameters.
    pub(crate) added: Option<&'p Query>,
}

/// Sends the request to a worker and turns its answer into a response.
pub(crate) async fn dispatch<B>(
    pool: &Pool,
    request: &Asked<'_>,
    body: B,
    routed: &Routed<'_>,
    terms: &Terms,
) -> Result<Response<AnswerBodyStream>, AnswerBroken>
where
    B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
{
    let allowance = &terms.allowance;
    let upload = match upload::receive(request.head, body, terms.kind, allowance).await {
        Ok(upload) => upload,
        Err(status) => return Ok(respond::bad_body(status, allowance)),
    };
    let route_base = terms.route_base;
    let target = Target {
        asked: routed.asked,
        routed: Some(routed),
        proxy: false,
        as_written: terms.kind == RouteKind::Pages,
        route_base,
    };
    let delivery = Delivery::new(pool, request, &target, upload.first(), allowance.answer_wait);
    match delivery.run(upload, allowance).await {
        Ok(answer) => Ok(response(answer, &request.head.method)),
        Err(error) => respond::unanswered_by(error, allowance),
    }
}

/// What a worker is to do with a request.
pub(crate) struct Target<'m> {
    /// The path that the client asked for.
    pub(crate) asked: &'m RequestPath,
    /// The route; `None` where only the proxy runs.
    pub(crate) routed: Option<&'m Routed<'m>>,
    /// Whether the proxy runs first.
    pub(crate) proxy: bool,
    /// Whether names of header lines are wanted in the client's letters.
    pub(crate) as_written: bool,
    /// The number of the app's first route at the workers.
    pub(crate) route_base: u32,
}

impl Target<'_> {
    /// The path as the worker gets it: only a proxy sees the base path and the locale.
    fn path(&self) -> &str {
        if self.proxy {
            return self.asked.with_base();
        }
        let unseen = self.routed.map_or(0, |routed| routed.unseen);
        match self.asked.as_str().get(unseen..) {
            Some("") | None => "/",
            Some(path) => path,
        }
    }

    /// The route's number at the workers.
    fn number(&self) -> u32 {
        self.routed.map_or(NO_ROUTE, |routed| routed.found.route as u32 + self.route_base)
    }
}

/// A request on its way to a worker, and to another one where that is safe.
pub(crate) struct Delivery<'a> {
    pool: &'a Pool,
    asked: &'a Asked<'a>,
    target: &'a Target<'a>,
    body: FirstPart,
    deadline: Instant,
}

impl<'a> Delivery<'a> {
    /// The answer's head, or the proxy's verdict, has to be there after about `wait`, however often the
    /// request is sent.
    pub(crate) fn new(
        pool: &'a Pool,
        asked: &'a Asked<'a>,
        target: &'a Target<'a>,
        body: FirstPart,
        wait: Duration,
    ) -> Self {
        Self { pool, asked, target, body, deadline: Instant::now() + wait }
    }

    async fn run<B>(&self, upload: Upload<B>, allowance: &Allowance) -> Result<Answer, Unanswered>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let (stream, sink) = self.open().await?;
        let mut too_long = TooLong::never();
        // What a short body occupies is held until the answer begins.
        let _held = match (upload, sink) {
            (Upload::Stream(body, held), Some(sink)) => {
                let (limit, told) = Limit::new(allowance.body_bytes_max, held);
                too_long = told;
                // A task of its own, because the upload may go on while the answer is being sent. It
                // ends with the request: the worker's interest, the client's silence and the stream's
                // end all stop it.
                tokio::spawn(upload::pump(body, sink, limit));
                None
            }
            (Upload::Stream(..), None) => None,
            (Upload::Whole { held, .. }, _) => held,
        };
        match too_long.or(self.outcome(stream)).await? {
            Outcome::Answer(answer) => Ok(answer),
            // The pool takes a verdict only where a proxy runs.
            Outcome::Verdict(..) => Err(DispatchError::WorkerGone.into()),
        }
    }

    /// Waits for what the worker says first, and sends the request to another one where that is safe.
    pub(crate) async fn outcome(&self, mut stream: Stream) -> Result<Outcome, DispatchError> {
        for _ in 1..DELIVERIES_MAX {
            match stream.outcome().await {
                Err(error) if self.may_go_again(error) => stream = Box::pin(self.open()).await?.0,
                result => return result,
            }
        }
        stream.outcome().await
    }

    /// Whether the request can be sent to another worker: user code has not seen it, or may see it
    /// twice. A proxy never may, because nobody knows what it does before the route. A body that was
    /// streamed is gone.
    fn may_go_again(&self, error: DispatchError) -> bool {
        let idempotent = || {
            matches!(self.asked.head.method.as_str(), "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS")
        };
        self.body.whole.is_some()
            && match error {
                DispatchError::NotDelivered => true,
                DispatchError::WorkerGone | DispatchError::WorkerStuck => {
                    self.pool.retries_idempotent() && !self.target.proxy && idempotent()
                }
                _ => false,
            }
    }

    /// Writes the request to a worker. Nothing has reached user code when this fails, so it is safe to
    /// try another worker.
    pub(crate) async fn open(&self) -> Result<(Stream, Option<RequestBody>), DispatchError> {
        let Self { asked: asked @ Asked { head: request, client, .. }, target, .. } = self;
        let params = target.routed.map(params).unwrap_or_default();
        let written = if target.as_written { client.head() } else { None };
        let lines = match written.as_deref() {
            Some(head) => Some(headers::as_written(&request.headers, head)),
            // A proxy on its own may lead to a WebSocket, and can tell.
            None if target.proxy && target.routed.is_none() && asked.wishes_for_websocket() => {
                Some(headers::with_upgrade(&request.headers, websocket::PROTOCOL))
            }
            None => None,
        };
        let path = target.path();
        let head = RequestHead {
            route: target.number(),
            proxy: target.proxy,
            method: request.method.as_str(),
            http_version: version(request.version),
            https: client.https,
            has_body: self.body.announced,
            names: if written.is_some() { NameCase::AsWritten } else { NameCase::Lower },
            client_port: client.port(),
            client_address: client.address(),
            authority: client.authority(),
            path: path.as_bytes(),
            query: target.asked.query().as_bytes(),
            params: &params,
            purpose: Purpose::Client,
        };
        let body = self.body.whole.as_deref().map_or(OpenBody::Follows, OpenBody::Whole);
        let (stream, sink) =
            open_with(self.pool, &head, lines.as_deref(), &request.headers, &body).await?;
        stream.set_deadline(self.deadline);
        Ok((stream, sink))
    }
}

/// Writes a request to a worker that has a place for it: these lines, or those of `headers`.
pub(crate) async fn open_with(
    pool: &Pool,
    head: &RequestHead<'_>,
    lines: Option<&[(&[u8], &[u8])]>,
    headers: &HeaderMap,
    body: &OpenBody<'_>,
) -> Result<(Stream, Option<RequestBody>), DispatchError> {
    let mut tries = 1;
    loop {
        let ticket = pool.acquire_for(head.route as usize, head.client_address).await?;
        let opened = match lines {
            Some(lines) => ticket.open(head, lines.iter().copied(), body),
            None => ticket.open(head, headers::to_worker(headers), body),
        };
        match opened {
            Err(DispatchError::NotDelivered) if tries < DELIVERIES_MAX => tries += 1,
            result => return result,
        }
    }
}

/// What a request says of its client where it has none.
pub(crate) const NOBODY: RequestHead<'static> = RequestHead {
    route: NO_ROUTE,
    proxy: false,
    method: "GET",
    http_version: 11,
    https: false,
    has_body: false,
    names: NameCase::Lower,
    client_port: 0,
    client_address: "",
    authority: "",
    path: b"/",
    query: b"",
    params: &[],
    purpose: Purpose::Client,
};

/// Sends a request of [`NOBODY`] to a worker, and to another one as long as no handler has seen it. The head
/// of the answer has to be there after about `wait`.
pub(crate) async fn ask(
    pool: &Pool,
    head: &RequestHead<'_>,
    headers: &HeaderMap,
    wait: Duration,
) -> Result<Answer, DispatchError> {
    let deadline = Instant::now() + wait;
    let mut tries = 1;
    loop {
        let (stream, _) = open_with(pool, head, None, headers, &OpenBody::Whole(&[])).await?;
        stream.set_deadline(deadline);
        match stream.answer().await {
            Err(DispatchError::NotDelivered) if tries < DELIVERIES_MAX => tries += 1,
            answer => return answer,
        }
    }
}

fn version(version: Version) -> u8 {
    match version {
        Version::HTTP_09 | Version::HTTP_10 => 10,
        Version::HTTP_2 => 20,
        _ => 11,
    }
}

/// A worker's answer as a response. Framing is left to hyper.
pub(crate) fn response(answer: Answer, method: &Method) -> Response<AnswerBodyStream> {
    let Answer { head, mut body, .. } = answer;
    if head.failure {
        return respond::reported(body.take_whole());
    }
    let Ok(status) = StatusCode::from_u16(head.status) else {
        return respond::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut lines = HeaderMap::with_capacity(head.headers.len() + 1);
    let mut announced = None;
    for (name, value) in head.headers.iter() {
        let line = (HeaderName::from_bytes(&name), HeaderValue::from_maybe_shared(value));
        let (Ok(name), Ok(value)) = line else {
            // The worker checks what handlers set, so this line could only do harm.
            tracing::error!("an answer had an invalid header line; the client got a 500");
            return respond::empty(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let passes = headers::to_client(&name)
            || headers::is_length_for_head(&name, &value, method)
            // Only whoever sends trailers knows their names.
            || name == TRAILER;
        if passes {
            lines.append(name, value);
        } else if name == CONTENT_LENGTH {
            announced = headers::length(&value);
        }
    }
    let body = match status {
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => {
            drop(body);
            AnswerBodyStream::empty()
        }
        _ => {
            let body = AnswerBodyStream::from_answer(body);
            match announced {
                Some(length) => body.announced(length),
                None => body,
            }
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = lines;
    if let Some(reason) = reason(status, &head.reason) {
        response.extensions_mut().insert(reason);
    }
    response
}

/// The reason phrase where it is not the one that hyper writes. Some of Node's are its own, and a status
/// without one is `unknown`.
fn reason(status: StatusCode, given: &Bytes) -> Option<ReasonPhrase> {
    let standard = status.canonical_reason();
    if given.is_empty() {
        return match (status.as_u16(), standard) {
            (203, _) => Some(ReasonPhrase::from_static(b"Non-Authoritative Information")),
            (418, _) => Some(ReasonPhrase::from_static(b"I'm a Teapot")),
            (509, _) => Some(ReasonPhrase::from_static(b"Bandwidth Limit Exceeded")),
            (_, None) => Some(ReasonPhrase::from_static(b"unknown")),
            (_, Some(_)) => None,
        };
    }
    let own = standard.is_none_or(|standard| standard.as_bytes() != given.as_ref());
    own.then(|| ReasonPhrase::try_from(given.clone()).ok()).flatten()
}

/// The route's parameters as the worker protocol wants them; where two have one name, the route's wins.
pub(crate) fn params<'p>(routed: &Routed<'p>) -> Vec<Param<'p>> {
    let own = routed.found.params().map(|(name, value)| Param { name, values: values_of(value) });
    let Some(added) = routed.added else { return own.collect() };
    let own: Vec<_> = own.collect();
    let is_free = |name: &str| own.iter().all(|param| param.name != name);
    let added = added.iter().filter(|(name, _)| is_free(name)).map(|(name, values)| Param {
        name,
        values: match values {
            [value] => ParamValues::One(value),
            values => ParamValues::Many(values.iter().map(String::as_str).collect()),
        },
    });
    let added: Vec<_> = added.collect();
    added.into_iter().chain(own).collect()
}

/// The values of a parameter as the worker protocol wants them.
pub(crate) fn values_of(value: ParamValue<'_>) -> ParamValues<'_> {
    match value {
        ParamValue::One(value) => ParamValues::One(value),
        ParamValue::Many(values) => ParamValues::Many(values.collect()),
    }
}
