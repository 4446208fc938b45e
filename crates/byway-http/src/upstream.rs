//! Forwards requests to the servers that external rewrites name, streaming in both directions.
//!
//! The address comes from a rule, never from the request; see `byway_routes::rules::destination`. What
//! belongs to the client's connection stays behind, framing is made anew (CVE-2026-29057), and byway's
//! internal headers are sent to nobody (CVE-2025-30218).

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use byway_config::limits::{
    UPSTREAM_CONNECT_MAX, UPSTREAM_HEAD_BYTES_MAX, UPSTREAM_HEADER_LINES_MAX,
    UPSTREAM_IDLE_CONNECTIONS_MAX, UPSTREAM_IDLE_WAIT, UPSTREAM_IDLE_WAIT_MAX, UPSTREAM_KEEP_ALIVE,
};
use byway_routes::rules::destination::{Target, TargetOrigin};
use http::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::gate::{Allowance, Client};
use crate::upstream_tls::tls;
use crate::websocket::{self, Handshake, SwitchError, WebSockets};
use crate::{AnswerBodyStream, headers, respond};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client for all upstreams. It is made when the first request needs it.
#[derive(Debug)]
pub(crate) struct Upstream {
    client: OnceLock<legacy::Client<HttpsConnector<HttpConnector>, Upload>>,
    idle_wait: Duration,
}

type Upload = UnsyncBoxBody<Bytes, UploadBroken>;

/// Why the client's body could not be forwarded to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UploadBroken {
    #[error("the request's body broke off")]
    BrokeOff,
    #[error("the request's body is longer than it may be")]
    TooLong,
}

/// Where a request is forwarded to.
#[derive(Debug)]
pub(crate) struct Destination<'t> {
    pub(crate) target: &'t Target,
    /// The raw query.
    pub(crate) query: &'t str,
    pub(crate) allowance: Allowance,
    /// Where the client wishes for a WebSocket.
    pub(crate) websockets: Option<&'t WebSockets>,
}

/// Why an upstream has not answered.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Failed(#[from] legacy::Error),
    #[error(transparent)]
    Switched(#[from] SwitchError),
}

impl Upstream {
    /// `timeout_ms` is `experimental.proxyTimeout`.
    pub(crate) fn new(timeout_ms: Option<u64>) -> Self {
        let idle_wait = timeout_ms.map_or(UPSTREAM_IDLE_WAIT, Duration::from_millis);
        Self { client: OnceLock::new(), idle_wait: idle_wait.min(UPSTREAM_IDLE_WAIT_MAX) }
    }

    /// Sends the request on. As under Next, a failure is a 500.
    pub(crate) async fn forward<B>(
        &self,
        to: &Destination<'_>,
        request: &Parts,
        body: B,
        client: &Client<'_>,
    ) -> Response<AnswerBodyStream>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let Destination { target, query, allowance, websockets } = to;
        let bytes_max = allowance.body_bytes_max;
        if body.size_hint().lower() > bytes_max {
            return respond::turned_away(respond::Refusal::BodyTooLarge);
        }
        let url = target.url(query);
        let Ok(uri) = url.parse::<Uri>() else {
            tracing::error!("an external rewrite leads to an invalid URL");
            return respond::failed();
        };
        let handshake = match websockets.filter(|_| body.is_end_stream()).map(WebSockets::begin) {
            Some(None) => return respond::overloaded(),
            begun => begun.flatten(),
        };
        let activity = Activity::new();
        let upload = Counted { body, activity: activity.clone(), left: bytes_max };
        let mut outgoing = Request::new(upload.boxed_unsync());
        *outgoing.method_mut() = request.method.clone();
        *outgoing.version_mut() = Version::HTTP_11;
        *outgoing.headers_mut() = outgoing_headers(&request.headers, &uri, client);
        *outgoing.uri_mut() = uri;
        tokio::select! {
            answer = self.ask(outgoing, handshake) => match answer {
                Ok(answer) => answer,
                Err(error) if is_too_long(&error) => {
                    respond::turned_away(respond::Refusal::BodyTooLarge)
                }
                Err(error) => {
                    let origin = target.origin.as_ref().map(TargetOrigin::authority);
                    let origin = origin.unwrap_or_default();
                    tracing::error!("the upstream {origin} of a rewrite failed: {}", chain(&error));
                    respond::failed()
                }
            },
            () = activity.silence(self.idle_wait) => {
                let wait_ms = self.idle_wait.as_millis();
                tracing::error!("the upstream of a rewrite was silent for {wait_ms} ms");
                respond::failed()
            }
        }
    }

    /// Sends the request and waits for the head of its answer.
    async fn ask(
        &self,
        mut request: Request<Upload>,
        handshake: Option<Handshake>,
    ) -> Result<Response<AnswerBodyStream>, NoAnswer> {
        if handshake.is_some() {
            websocket::set_upgrade(request.headers_mut());
        }
        let method = request.method().clone();
        let answer = self.client().request(request).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.answer(answer, &method));
        }
        let handshake = handshake.ok_or(SwitchError::Unasked)?;
        Ok(handshake.switch(answer).await?)
    }

    fn client(&self) -> &legacy::Client<HttpsConnector<HttpConnector>, Upload> {
        self.client.get_or_init(|| {
            let mut connector = HttpConnector::new();
            connector.enforce_http(false);
            connector.set_nodelay(true);
            connector.set_connect_timeout(Some(UPSTREAM_CONNECT_MAX));
            legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(UPSTREAM_KEEP_ALIVE)
                .pool_max_idle_per_host(UPSTREAM_IDLE_CONNECTIONS_MAX)
                .http1_max_buf_size(UPSTREAM_HEAD_BYTES_MAX)
                .http1_max_headers(UPSTREAM_HEADER_LINES_MAX)
                .build(HttpsConnector::from((connector, tls())))
        })
    }

    fn answer(
        &self,
        answer: Response<hyper::body::Incoming>,
        method: &Method,
    ) -> Response<AnswerBodyStream> {
        let (head, body) = answer.into_parts();
        // Without a body, only its line can tell how long it would be.
        let lines = lines_for_client(&head.headers, *method == Method::HEAD);
        let mut response = Response::new(AnswerBodyStream::from_upstream(body, self.idle_wait));
        *response.status_mut() = head.status;
        *response.headers_mut() = lines;
        if let Some(reason) = head.extensions.get::<hyper::ext::ReasonPhrase>() {
            response.extensions_mut().insert(reason.clone());
        }
        response
    }
}

/// The header lines of an upstream's answer that a client gets, the length only where it is asked for.
pub(crate) fn lines_for_client(from: &HeaderMap, with_length: bool) -> HeaderMap {
    let mut lines = HeaderMap::with_capacity(from.len());
    let passing = headers::ForwardedLines::new(from);
    for (name, value) in from {
        if with_length && *name == CONTENT_LENGTH || passing.pass_to_client(name) {
            lines.append(name.clone(), value.clone());
        }
    }
    lines
}

/// The header lines for the upstream: the client's end-to-end ones, and who asked for what.
fn outgoing_headers(from: &HeaderMap, uri: &Uri, client: &Client<'_>) -> HeaderMap {
    let mut lines = HeaderMap::with_capacity(from.len() + 3);
    let passing = headers::ForwardedLines::new(from);
    for (name, value) in from {
        if *name != HOST && *name != EXPECT && passing.pass_to_upstream(name) {
            lines.append(name.clone(), value.clone());
        }
    }
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    if let Ok(host) = HeaderValue::from_str(authority) {
        lines.insert(HOST, host);
    }
    let host = HeaderValue::from_str(client.authority()).ok().filter(|host| !host.is_empty());
    if let Some(host) = host.or_else(|| from.get(HOST).cloned()) {
        lines.insert(FORWARDED_HOST, host);
    }
    let scheme = if client.https { "https" } else { "http" };
    lines.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    let earlier = from.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
    // A trusted proxy's word ends with the client already: the gate has cut the rest off.
    let own = (!client.is_named()).then(|| client.address());
    let chain: Vec<&str> = earlier.chain(own).filter(|it| !it.is_empty()).collect();
    if let Ok(chain) = HeaderValue::from_str(&chain.join(", ")) {
        lines.insert(FORWARDED_FOR, chain);
    }
    lines
}

/// Whether an upload was given up because it is longer than it may be.
fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<UploadBroken>() == Some(&UploadBroken::TooLong) {
            return true;
        }
        next = error.source();
    }
    false
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// When something last moved on the way to an upstream.
#[derive(Debug, Clone)]
struct Activity(Arc<parking_lot::Mutex<Instant>>);

impl Activity {
    fn new() -> Self {
        Self(Arc::new(parking_lot::Mutex::new(Instant::now())))
    }

    fn note(&self) {
        *self.0.lock() = Instant::now();
    }

    /// Waits until nothing has moved for so long.
    async fn silence(&self, wait: Duration) {
        loop {
            let end = *self.0.lock() + wait;
            if end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end).await;
        }
    }
}

/// A body that notes when it moves, and ends when it gets too long.
struct Counted<B> {
    body: B,
    activity: Activity,
    /// Bytes that may still come.
    left: u64,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = UploadBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadBroken>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.activity.note();
        }
        polled.map(|next| {
            next.map(|frame| {
                let frame = frame.map_err(|_| UploadBroken::BrokeOff)?;
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.left = self.left.checked_sub(length).ok_or(UploadBroken::TooLong)?;
                Ok(frame)
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
