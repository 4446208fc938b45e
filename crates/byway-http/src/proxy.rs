//! The project's proxy: where a request goes that its matcher matches.
//!
//! The request is resolved first as if the proxy did nothing, and sent to the worker with that route. The
//! proxy runs there. Mostly it answers itself or lets the request pass, and the handler follows at once:
//! one round trip. Only where it sends the request elsewhere does the worker give a verdict, which is
//! resolved here, and then learns the route.

use bytes::Bytes;
use byway_pool::{Answer, DispatchError, Outcome, ProxyPart, RequestBody, Stream};
use byway_routes::manifest::RouteKind;
use byway_routes::path::RequestPath;
use byway_routes::rules::destination::{Target as Upstream, TargetOrigin};
use byway_routes::rules::query::Query;
use byway_routes::rules::resolve::{Resolution, Site as _};
use byway_wire::constants::FORWARD;
use byway_wire::{HeaderLines, RouteHead, Verdict, VerdictAction};
use http::header::{HeaderMap, HeaderName, SET_COOKIE, VARY};
use http::request::Parts;
use http::{HeaderValue, Response, Uri};
use http_body::Body;
use http_body_util::Full;

use crate::added::{AddedHeaders, AnswerOf};
use crate::app::{Asked, Inner, failed, not_found};
use crate::dispatch::{self, Routed, Target};
use crate::facts::RequestFacts;
use crate::respond::{self, AnswerBroken};
use crate::upload::{self, Upload};
use crate::{AnswerBodyStream, headers};

impl Inner {
    /// Lets the proxy decide about a request, and answers it. `resolution` is where the request goes if the
    /// proxy does nothing, `added` what the rules add to the answer.
    pub(crate) async fn respond_proxied<B>(
        &self,
        request: &Asked<'_>,
        body: B,
        added: Vec<(String, String)>,
        resolution: &Resolution,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let routed = self.routed(request.path, request.path, resolution);
        let kind = routed.as_ref().map_or(RouteKind::App, |routed| self.kind(routed.found.route));
        let upload = match upload::receive(request.head, body, kind).await {
            Ok(upload) => upload,
            Err(status) => return Ok(respond::empty(status)),
        };
        let target = Target { asked: request.path, routed: routed.as_ref(), proxy: true };
        let opened =
            dispatch::send(&self.pool, request.head, request.peer, &target, upload.first()).await;
        let outcome = match opened {
            Ok((stream, sink)) => {
                let wait = routed.as_ref().map(|it| self.routes[it.found.route].answer_wait);
                stream.set_limit(wait.unwrap_or(self.answer_wait));
                outcome(stream, upload, sink).await
            }
            Err(error) => Err(error),
        };
        let added = AddedHeaders::new(added);
        match outcome {
            Ok((Outcome::Answer(answer), body)) => {
                body.send_when_wanted();
                Ok(answered(answer, request.head, added, kind))
            }
            Ok((Outcome::Verdict(verdict, stream), body)) => {
                let changed = verdict.request_headers.as_ref().map(|lines| {
                    let mut head = request.head.clone();
                    head.headers = header_map(lines);
                    head
                });
                let request = Asked { head: changed.as_ref().unwrap_or(request.head), ..*request };
                self.follow(&request, &verdict, stream, body, added).await
            }
            Err(error) => respond::undelivered(error),
        }
    }

    /// The route that a resolution names, for a worker to run. `from` is the path that was resolved.
    fn routed<'p>(
        &'p self,
        asked: &'p RequestPath,
        from: &'p RequestPath,
        resolution: &'p Resolution,
    ) -> Option<Routed<'p>> {
        let Resolution::Route { path, query } = resolution else { return None };
        let found = self.router.matches(path.get(from))?;
        // Pages come after the routes; byway does not render them.
        (found.route < self.routes.len()).then(|| {
            let is_pages = self.kind(found.route) == RouteKind::Pages;
            Routed { found, asked, added: (is_pages && !query.is_empty()).then_some(query) }
        })
    }

    /// Goes where a verdict says.
    async fn follow<B>(
        &self,
        request: &Asked<'_>,
        verdict: &Verdict,
        stream: Stream,
        body: Remaining<B>,
        added: AddedHeaders,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let rewritten = match &verdict.action {
            VerdictAction::Rewrite(url) => match destination(url, &self.paths.base_path) {
                Some(Destination::Path(path)) => Some(path),
                Some(Destination::Upstream(target, query)) => {
                    let mut response = self.forward(request, &target, &query, stream, body).await?;
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
            let mut response = self.forward(request, target, query, stream, body).await?;
            add_headers(response.headers_mut(), &verdict.response_headers, RouteKind::App);
            return Ok(response);
        }
        let (mut response, of) = if let Some(routed) = self.routed(request.path, path, &resolution)
        {
            body.send_when_wanted();
            let kind = self.kind(routed.found.route);
            match self.run(request.head, &routed, path, stream).await {
                Ok(response) => (response, AnswerOf::Route(kind)),
                Err(error) => return respond::undelivered(error),
            }
        } else {
            stream.answered();
            match &resolution {
                Resolution::File { path: file } => self.file(request, file.get(path)).await,
                Resolution::Route { .. } => (respond::page_not_rendered(), AnswerOf::Nobody),
                _ => (not_found(path), AnswerOf::Nobody),
            }
        };
        finish(response.headers_mut(), added, of, Some(&verdict.response_headers));
        Ok(response)
    }

    /// Lets the worker that waits go on with a route.
    async fn run(
        &self,
        request: &Parts,
        routed: &Routed<'_>,
        path: &RequestPath,
        stream: Stream,
    ) -> Result<Response<AnswerBodyStream>, DispatchError> {
        let params = dispatch::params(routed);
        let route = routed.found.route;
        stream.set_limit(self.routes[route].answer_wait);
        let query = path.query().as_bytes();
        stream.route(&RouteHead { route: route as u32, query, params: &params })?;
        let answer = stream.answer().await?;
        Ok(dispatch::response(answer, &request.method))
    }

    /// Forwards the request to another server, with the body wherever it is.
    async fn forward<B>(
        &self,
        request: &Asked<'_>,
        target: &Upstream,
        query: &str,
        stream: Stream,
        body: Remaining<B>,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let Asked { head, peer, .. } = request;
        let https = dispatch::is_https(&head.headers, peer);
        let upstream = &self.upstream;
        Ok(match body {
            Remaining::Whole(bytes) => {
                stream.answered();
                upstream.forward(target, query, head, Full::new(bytes), peer, https).await
            }
            Remaining::Untouched(body, sink) => {
                stream.answered();
                drop(sink);
                upstream.forward(target, query, head, body, peer, https).await
            }
            Remaining::AtWorker => {
                // All of it comes back as if it were an answer.
                let head_of_all = RouteHead { route: FORWARD, query: b"", params: &[] };
                let back = match stream.route(&head_of_all) {
                    Ok(()) => stream.answer().await,
                    Err(error) => Err(error),
                };
                match back {
                    Ok(Answer { body, .. }) => {
                        let body = AnswerBodyStream::from_answer(body);
                        upstream.forward(target, query, head, body, peer, https).await
                    }
                    Err(error) => return respond::undelivered(error),
                }
            }
        })
    }
}

/// The request's body once the proxy has decided.
enum Remaining<B> {
    /// It is here as a whole.
    Whole(Bytes),
    /// Nobody has read any of it.
    Untouched(B, RequestBody),
    /// The proxy has read of it; the worker can send all of it back.
    AtWorker,
}

impl<B> Remaining<B>
where
    B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
{
    /// Lets the body follow to the worker as soon as somebody asks for it there.
    fn send_when_wanted(self) {
        if let Self::Untouched(body, sink) = self {
            tokio::spawn(async move {
                if sink.wanted().await {
                    upload::pump(body, sink).await;
                }
            });
        }
    }
}

/// Waits for what the proxy decides. The body goes to the worker once somebody asks for it there.
async fn outcome<B>(
    stream: Stream,
    upload: Upload<B>,
    sink: Option<RequestBody>,
) -> Result<(Outcome, Remaining<B>), DispatchError>
where
    B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
{
    let mut outcome = std::pin::pin!(stream.outcome());
    let remaining = match (upload, sink) {
        (Upload::Whole { bytes, .. }, _) => Remaining::Whole(bytes),
        (Upload::Stream(body), Some(sink)) => {
            tokio::select! {
                biased;
                wanted = sink.wanted() => if wanted {
                    tokio::spawn(upload::pump(body, sink));
                },
                outcome = &mut outcome => {
                    let rest = Remaining::Untouched(body, sink);
                    return outcome.map(|outcome| (outcome, rest));
                }
            }
            Remaining::AtWorker
        }
        // A body that is streamed has somewhere to go.
        (Upload::Stream(_), None) => Remaining::AtWorker,
    };
    outcome.await.map(|outcome| (outcome, remaining))
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
    map.extend(valid(lines));
    map
}

/// The lines that HTTP allows; the worker has checked them all, so none is lost.
fn valid(lines: &HeaderLines) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    lines.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(&name).ok()?;
        Some((name, HeaderValue::from_maybe_shared(value).ok()?))
    })
}

/// Adds a proxy's headers to an answer. As under Next they win over the ones of a route handler, and the
/// ones of a Pages API route win over them; `set-cookie` and `vary` of both are sent, the proxy's first.
fn add_headers(answer: &mut HeaderMap, lines: &HeaderLines, kind: RouteKind) {
    let (mut cookies, mut vary) = (Vec::new(), Vec::new());
    for (name, value) in valid(lines).filter(|(name, _)| headers::to_client(name)) {
        if name == SET_COOKIE {
            cookies.push(value);
        } else if name == VARY {
            vary.push(value);
        } else if kind == RouteKind::App || !answer.contains_key(&name) {
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
