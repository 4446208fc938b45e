//! The project's proxy: where a request goes that its matcher matches.
//!
//! The request is resolved first as if the proxy did nothing, and sent to the worker with that route. The
//! proxy runs there. Mostly it answers itself or lets the request pass, and the handler follows at once:
//! one round trip. Only where it sends the request elsewhere does the worker give a verdict, which is
//! resolved here, and then learns the route.

use bytes::Bytes;
use byway_gate::places::Taken;
use byway_pool::{Answer, Outcome, ProxyPart, RequestBody, Stream};
use byway_routes::manifest::RouteKind;
use byway_routes::path::RequestPath;
use byway_routes::rules::destination::{Target as Upstream, TargetOrigin};
use byway_routes::rules::query::Query;
use byway_routes::rules::resolve::{Resolution, Site as _};
use byway_wire::constants::FORWARD;
use byway_wire::{HeaderLines, RouteHead, Verdict, VerdictAction};
use http::header::{HeaderMap, SET_COOKIE, VARY};
use http::request::Parts;
use http::{HeaderValue, Response, Uri};
use http_body::Body;
use http_body_util::Full;

use crate::added::{AddedHeaders, AnswerOf};
use crate::app::{Asked, Inner, failed};
use crate::cached;
use crate::dispatch::{self, Delivery, Routed, Target};
use crate::facts::RequestFacts;
use crate::gate::{Allowance, Visit};
use crate::respond::{self, AnswerBroken, Unanswered};
use crate::upload::{self, Limit, TooLong, Upload};
use crate::{AnswerBodyStream, AnsweredBy, headers, upstream};

impl Inner {
    /// Lets the proxy decide about a request, and answers it. `resolution` is where the request goes if the
    /// proxy does nothing, `added` what the rules add to the answer.
    pub(crate) async fn respond_proxied<B>(
        &self,
        request: &Asked<'_>,
        body: B,
        added: Vec<(String, String)>,
        resolution: &Resolution,
        visit: &mut Visit,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let routed = self.routed(request, request.path, resolution);
        let kind = routed.as_ref().map_or(RouteKind::App, |routed| self.kind(routed.found.route));
        let route = routed.as_ref().map(|routed| routed.found.route);
        let path = routed.as_ref().map_or(request.path, |routed| routed.found.path());
        let allowance = match self.gate.admit(visit, request, route, path).await {
            Ok(allowance) => allowance,
            Err(refusal) => return Ok(*refusal),
        };
        let upload = match upload::receive(request.head, body, kind, &allowance).await {
            Ok(upload) => upload,
            Err(status) => return Ok(respond::bad_body(status, &allowance)),
        };
        // A kept answer is looked for once the proxy has let the request pass, so that it never runs first.
        let sent = routed.as_ref().filter(|routed| !self.is_cached(routed.found.route));
        let route_base = self.route_base;
        let target = Target {
            asked: request.path,
            routed: sent,
            proxy: true,
            as_written: kind == RouteKind::Pages,
            route_base,
        };
        let delivery =
            Delivery::new(&self.pool, request, &target, upload.first(), allowance.answer_wait);
        visit.by = AnsweredBy::Handler;
        let outcome = outcome(&delivery, upload, &allowance).await;
        let added = AddedHeaders::new(added);
        match outcome {
            Ok((Outcome::Answer(answer), body)) => {
                body.send_when_wanted();
                if matches!(answer.proxy, ProxyPart::Own) {
                    visit.by = AnsweredBy::Proxy;
                }
                Ok(answered(answer, request.head, added, kind))
            }
            Ok((Outcome::Verdict(verdict, stream), body)) => {
                let changed = verdict.request_headers.as_ref().map(|lines| {
                    let mut head = request.head.clone();
                    head.headers = header_map(lines);
                    head
                });
                let request = Asked { head: changed.as_ref().unwrap_or(request.head), ..*request };
                Box::pin(self.follow(&request, &verdict, stream, body, added, visit)).await
            }
            Err(error) => respond::unanswered_by(error, &allowance),
        }
    }

    /// The route that a resolution names, for a worker to run. `from` is the path that was resolved.
    fn routed<'p>(
        &'p self,
        request: &Asked<'p>,
        from: &'p RequestPath,
        resolution: &'p Resolution,
    ) -> Option<Routed<'p>> {
        let asked = request.path;
        let action = |path: &'p RequestPath| {
            let found = self.action(request, path)?.ok()?;
            Some(Routed { found, asked, unseen: 0, added: None })
        };
        let Resolution::Route { path, query } = resolution else {
            return (*resolution == Resolution::NotFound).then(|| action(from)).flatten();
        };
        let found = self.router.matches(path.get(from))?;
        if self.is_page_for(request, &found) {
            return action(path.get(from));
        }
        let is_pages = self.kind(found.route) == RouteKind::Pages;
        let added = (is_pages && !query.is_empty()).then_some(query);
        Some(Routed { found, asked, unseen: 0, added })
    }

    /// Goes where a verdict says.
    async fn follow<B>(
        &self,
        request: &Asked<'_>,
        verdict: &Verdict,
        stream: Stream,
        body: Remaining<B>,
        added: AddedHeaders,
        visit: &mut Visit,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let rewritten = match &verdict.action {
            VerdictAction::Rewrite(url) => match destination(url, &self.paths.base_path) {
                Some(Destination::Path(path)) => Some(path),
                Some(Destination::Upstream(target, query)) => {
                    let mut response =
                        self.forward(request, (&target, &query), stream, body, visit).await?;
                    add_headers(response.headers_mut(), &verdict.response_headers, RouteKind::App);
                    return Ok(response);
                }
                None => {
                    stream.answered();
                    return Ok(respond::bad_path());
                }
            },
            _ => None,
        };
        let path = rewritten.as_deref().unwrap_or(request.path);
        let facts = RequestFacts { headers: &request.head.headers, path };
        let resolution = match self.rules.resolve(path, &facts, self) {
            Ok(resolution) => resolution,
            Err(failure) => {
                stream.answered();
                return Ok(failed(&failure));
            }
        };
        if let Resolution::External { target, query } = &resolution {
            let mut response = self.forward(request, (target, query), stream, body, visit).await?;
            add_headers(response.headers_mut(), &verdict.response_headers, RouteKind::App);
            return Ok(response);
        }
        let (mut response, of) = if let Some(routed) = self.routed(request, path, &resolution) {
            let kind = self.kind(routed.found.route);
            match self.run(request, &routed, path, stream, body, visit).await {
                Ok(response) => (response, AnswerOf::Route(kind)),
                Err(error) => return respond::unanswered(error),
            }
        } else {
            stream.answered();
            match &resolution {
                Resolution::File { path: file } => self.file(request, file.get(path), visit).await,
                Resolution::Route { path: page, .. } => {
                    (self.page(request, page.get(path)), AnswerOf::Nobody)
                }
                _ => (self.nothing(request, path), AnswerOf::Nobody),
            }
        };
        finish(response.headers_mut(), added, of, Some(&verdict.response_headers));
        Ok(response)
    }

    /// Lets the worker that waits go on with a route.
    async fn run<B>(
        &self,
        request: &Asked<'_>,
        routed: &Routed<'_>,
        path: &RequestPath,
        stream: Stream,
        body: Remaining<B>,
        visit: &mut Visit,
    ) -> Result<Response<AnswerBodyStream>, Unanswered>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let found = &routed.found;
        let allowance = match self.gate.admit(visit, request, Some(found.route), found.path()).await
        {
            Ok(allowance) => allowance,
            Err(refusal) => {
                stream.answered();
                return Ok(*refusal);
            }
        };
        let wait = allowance.answer_wait;
        let draft = match self.cached_decision(request.head, found, wait).await? {
            cached::Decision::Answer(response) => {
                stream.answered();
                return Ok(response);
            }
            cached::Decision::Run { draft } => draft,
        };
        if body.length_min() > allowance.body_bytes_max {
            stream.answered();
            return Err(Unanswered::BodyTooLarge);
        }
        let mut too_long = body.limited(allowance.body_bytes_max).send_when_wanted();
        let params = dispatch::params(routed);
        let route = routed.found.route;
        stream.set_limit(wait);
        let query = path.query().as_bytes();
        stream.route(&RouteHead {
            route: route as u32 + self.route_base,
            query,
            params: &params,
        })?;
        let answer = too_long.or(stream.answer()).await?;
        Ok(cached::finish(draft, dispatch::response(answer, &request.head.method)))
    }

    /// Forwards the request to another server, with the body wherever it is.
    async fn forward<B>(
        &self,
        request: &Asked<'_>,
        (target, query): (&Upstream, &str),
        stream: Stream,
        body: Remaining<B>,
        visit: &mut Visit,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        visit.by = AnsweredBy::Rewrite;
        let allowance = match self.gate.admit(visit, request, None, request.path).await {
            Ok(allowance) => allowance,
            Err(refusal) => {
                stream.answered();
                return Ok(*refusal);
            }
        };
        let Asked { head, client, .. } = *request;
        let websockets = self.wished_websockets(request);
        let to = upstream::Destination { target, query, allowance, websockets };
        let upstream = &self.upstream;
        Ok(match body {
            Remaining::Whole(bytes, _held) => {
                stream.answered();
                upstream.forward(&to, head, Full::new(bytes), client).await
            }
            Remaining::Untouched { body, sink, .. } => {
                stream.answered();
                drop(sink);
                upstream.forward(&to, head, body, client).await
            }
            Remaining::AtWorker(mut too_long) => {
                // All of it comes back as if it were an answer.
                let head_of_all = RouteHead { route: FORWARD, query: b"", params: &[] };
                let back = match stream.route(&head_of_all) {
                    Ok(()) => too_long.or(stream.answer()).await,
                    Err(error) => Err(error.into()),
                };
                match back {
                    Ok(Answer { body, .. }) => {
                        let body = AnswerBodyStream::from_answer(body);
                        upstream.forward(&to, head, body, client).await
                    }
                    Err(error) => return respond::unanswered(error),
                }
            }
        })
    }
}

/// The request's body once the proxy has decided.
enum Remaining<B> {
    /// It is here as a whole.
    Whole(Bytes, Option<Taken>),
    /// Nobody has read any of it.
    Untouched { body: B, sink: RequestBody, limit: Limit, too_long: TooLong },
    /// The proxy has read of it; the worker can send all of it back.
    AtWorker(TooLong),
}

impl<B> Remaining<B>
where
    B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
{
    /// Lets the body follow to the worker as soon as somebody asks for it there.
    fn send_when_wanted(self) -> TooLong {
        match self {
            Self::Whole(..) => TooLong::never(),
            Self::AtWorker(too_long) => too_long,
            Self::Untouched { body, sink, limit, too_long } => {
                tokio::spawn(async move {
                    if sink.wanted().await {
                        upload::pump(body, sink, limit).await;
                    }
                });
                too_long
            }
        }
    }

    /// Bytes that it has at least, as far as that is known here.
    fn length_min(&self) -> u64 {
        match self {
            Self::Whole(bytes, _) => bytes.len() as u64,
            Self::Untouched { body, .. } => body.size_hint().lower(),
            Self::AtWorker(_) => 0,
        }
    }

    /// With the limit of another route. What the worker reads already stays under the first one.
    fn limited(mut self, bytes_max: u64) -> Self {
        if let Self::Untouched { limit, .. } = &mut self {
            limit.bytes_max = bytes_max;
        }
        self
    }
}

/// Waits for what the proxy decides. The body goes to the worker once somebody asks for it there.
async fn outcome<B>(
    delivery: &Delivery<'_>,
    upload: Upload<B>,
    allowance: &Allowance,
) -> Result<(Outcome, Remaining<B>), Unanswered>
where
    B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
{
    let (stream, sink) = delivery.open().await?;
    let mut outcome = std::pin::pin!(delivery.outcome(stream));
    let mut too_long = match (upload, sink) {
        (Upload::Whole { bytes, held, .. }, _) => {
            return Ok((outcome.await?, Remaining::Whole(bytes, held)));
        }
        (Upload::Stream(body, held), Some(sink)) => {
            let (limit, too_long) = Limit::new(allowance.body_bytes_max, held);
            tokio::select! {
                biased;
                wanted = sink.wanted() => if wanted {
                    tokio::spawn(upload::pump(body, sink, limit));
                },
                outcome = &mut outcome => {
                    return Ok((outcome?, Remaining::Untouched { body, sink, limit, too_long }));
                }
            }
            too_long
        }
        // A body that is streamed has somewhere to go.
        (Upload::Stream(..), None) => TooLong::never(),
    };
    Ok((too_long.or(outcome).await?, Remaining::AtWorker(too_long)))
}

/// Where a rewrite of a proxy leads.
enum Destination {
    Path(Box<RequestPath>),
    /// Another server, and the raw query.
    Upstream(Upstream, String),
}

/// Reads the URL of a rewrite: from its path on for this server, else absolute. It is the project's own
/// code that has made it; a client chooses nothing of it that the code has not let it choose.
fn destination(url: &[u8], base_path: &str) -> Option<Destination> {
    let url = str::from_utf8(url).ok()?;
    let url = url.split('#').next().unwrap_or_default();
    if url.starts_with('/') {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let path = RequestPath::of_rewrite(path, query, base_path).ok()?;
        return Some(Destination::Path(Box::new(path)));
    }
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let origin = TargetOrigin {
        scheme: scheme.to_owned(),
        host: authority.host().to_owned(),
        port: authority.port_u16(),
    };
    let path = uri.path().to_owned();
    let target =
        Upstream { origin: Some(origin), path, query: Query::default(), hash: String::new() };
    Some(Destination::Upstream(target, uri.query().unwrap_or_default().to_owned()))
}

/// The answer that came without a verdict to follow: the proxy's own, or that of the route behind it.
fn answered(
    mut answer: Answer,
    request: &Parts,
    added: AddedHeaders,
    kind: RouteKind,
) -> Response<AnswerBodyStream> {
    let part = std::mem::take(&mut answer.proxy);
    let mut response = dispatch::response(answer, &request.method);
    let lines = response.headers_mut();
    match &part {
        // The proxy has set its headers after the rules, so that they win; as those of an API route do.
        ProxyPart::Own => finish(lines, added, AnswerOf::Route(RouteKind::Pages), None),
        ProxyPart::None => finish(lines, added, AnswerOf::Route(kind), None),
        ProxyPart::Headers(own) => finish(lines, added, AnswerOf::Route(kind), Some(own)),
    }
    response
}

/// Adds the headers of rules and of the proxy. The proxy's win over the rules'; an API route's own win over
/// both, a route handler's over none.
fn finish(answer: &mut HeaderMap, added: AddedHeaders, of: AnswerOf, proxy: Option<&HeaderLines>) {
    let add_proxy = |answer: &mut HeaderMap, kind| {
        if let Some(lines) = proxy {
            add_headers(answer, lines, kind);
        }
    };
    if of == AnswerOf::Route(RouteKind::Pages) {
        add_proxy(answer, RouteKind::Pages);
        added.apply(answer, of);
    } else {
        added.apply(answer, of);
        add_proxy(answer, RouteKind::App);
    }
}

/// The header lines of a request as its proxy has changed them.
fn header_map(lines: &HeaderLines) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(lines.len());
    map.extend(headers::valid(lines));
    map
}

/// Adds a proxy's headers to an answer. As under Next they win over the ones of a route handler, and the
/// ones of a Pages API route win over them; `set-cookie` and `vary` of both are sent, the proxy's first.
fn add_headers(answer: &mut HeaderMap, lines: &HeaderLines, kind: RouteKind) {
    let (mut cookies, mut vary) = (Vec::new(), Vec::new());
    for (name, value) in headers::valid(lines).filter(|(name, _)| headers::to_client(name)) {
        if name == SET_COOKIE {
            cookies.push(value);
        } else if name == VARY {
            vary.push(value);
        } else if kind != RouteKind::Pages || !answer.contains_key(&name) {
            answer.insert(name, value);
        }
    }
    for (name, first) in [(SET_COOKIE, cookies), (VARY, vary)] {
        if first.is_empty() {
            continue;
        }
        let own: Vec<HeaderValue> = answer.get_all(&name).iter().cloned().collect();
        answer.remove(&name);
        for value in first.into_iter().chain(own) {
            answer.append(&name, value);
        }
    }
}
