//! The request pipeline: guard, path, file, route, method, worker.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use byway_config::limits::{ANSWER_WAIT_MAX, ROUTE_ANSWER_WAIT_MAX};
use byway_pool::Pool;
use byway_routes::manifest::{Manifest, RouteKind};
use byway_routes::method::{MethodOutcome, MethodSet};
use byway_routes::path::{PathOptions, PathOutcome, RequestPath, parse_target};
use byway_routes::router::Router;
use http::{Request, Response, StatusCode};
use http_body::Body;

use crate::dispatch::Terms;
use crate::respond::{self, AnswerBroken};
use crate::{AnswerBodyStream, Files, dispatch, ingress};

/// What an app is made of.
#[derive(Debug)]
pub struct AppOptions {
    /// The build.
    pub manifest: Manifest,
    /// How paths are read.
    pub paths: PathOptions,
    /// The files of `public/`.
    pub files: Files,
    /// The workers.
    pub pool: Arc<Pool>,
}

/// A whole project as a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    router: Router,
    routes: Vec<RouteEntry>,
    paths: PathOptions,
    files: Files,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct RouteEntry {
    kind: RouteKind,
    methods: Option<MethodSet>,
    /// From dispatch to the head of the answer.
    answer_wait: Duration,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address as text: no brackets, no IPv4-mapped form.
    pub address: Arc<str>,
    /// The port.
    pub port: u16,
    /// Whether it is this machine, as a proxy in front usually is.
    pub loopback: bool,
}

impl From<SocketAddr> for Peer {
    fn from(socket: SocketAddr) -> Self {
        let address: IpAddr = socket.ip().to_canonical();
        Self {
            address: address.to_string().into(),
            port: socket.port(),
            loopback: address.is_loopback(),
        }
    }
}

impl App {
    /// An app for a build and its workers.
    pub fn new(options: AppOptions) -> Self {
        // Pages come after the routes, so that a route's index is its id.
        let routes = options.manifest.routes.iter().map(|route| &route.pattern);
        let pages = options.manifest.pages.iter().map(|page| &page.pattern);
        let router = Router::new(routes.chain(pages));
        let routes = options
            .manifest
            .routes
            .into_iter()
            .map(|route| RouteEntry {
                kind: route.kind,
                answer_wait: route
                    .segment
                    .deadline()
                    .map_or(ANSWER_WAIT_MAX, |own| own.min(ROUTE_ANSWER_WAIT_MAX)),
                methods: route
                    .methods
                    .map(|methods| MethodSet::new(methods.iter().map(String::as_str))),
            })
            .collect();
        let AppOptions { paths, files, pool, .. } = options;
        Self(Arc::new(Inner { router, routes, paths, files, pool }))
    }

    /// Answers one request. An error means that the connection has to be closed without an answer.
    pub async fn respond<B>(
        &self,
        request: Request<B>,
        peer: &Peer,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let inner = &*self.0;
        let (head, body) = request.into_parts();
        if let Err(status) = ingress::check(&head.uri, head.version, &head.headers) {
            return Ok(respond::empty(status));
        }
        // The path is read once, here; everything later receives the parsed value.
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let path = match parse_target(target.as_bytes(), &inner.paths) {
            PathOutcome::Path(path) => path,
            PathOutcome::Redirect { location } => return Ok(respond::redirect(&location)),
            PathOutcome::BadRequest(_) => return Ok(respond::bad_path()),
        };
        // Before all routes, as under Next.
        if let Some(file) = inner.files.find(&path) {
            return Ok(inner.files.respond(file, &head.method, &head.headers).await);
        }
        let Some(found) = inner.router.matches(&path) else {
            return Ok(not_found(&path));
        };
        let Some(route) = inner.routes.get(found.route) else {
            return Ok(respond::page_not_rendered());
        };
        // A Pages Router route answers every method itself.
        if route.kind == RouteKind::App
            && let Some(response) = answer_by_method(route.methods, head.method.as_str())
        {
            return Ok(response);
        }
        let terms = Terms { kind: route.kind, answer_wait: route.answer_wait };
        dispatch::dispatch(&inner.pool, &head, body, peer, &found, terms).await
    }
}

/// What a method gets without running any JavaScript; `None` when a handler has to answer.
fn answer_by_method(
    exported: Option<MethodSet>,
    method: &str,
) -> Option<Response<AnswerBodyStream>> {
    match (exported.unwrap_or_default().outcome(method), exported) {
        (MethodOutcome::BadRequest, _) => Some(respond::empty(StatusCode::BAD_REQUEST)),
        // Where the build could not know the exports, the worker decides.
        (_, None) | (MethodOutcome::Dispatch | MethodOutcome::AutoHead, _) => None,
        (MethodOutcome::Options { allow }, _) => Some(respond::options(&allow)),
        (MethodOutcome::NotAllowed, _) => Some(respond::empty(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

fn not_found(path: &RequestPath) -> Response<AnswerBodyStream> {
    if path.as_str().starts_with("/_next/static/") {
        respond::static_not_found()
    } else {
        respond::not_found()
    }
}

/// The peer of a request that comes through [`tower::Service`], as a request extension; without it the
/// client's address is unknown.
fn peer_of<B>(request: &Request<B>) -> Peer {
    request.extensions().get::<Peer>().cloned().unwrap_or(Peer {
        address: "".into(),
        port: 0,
        loopback: false,
    })
}

impl<B> tower::Service<Request<B>> for App
where
    B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
{
    type Response = Response<AnswerBodyStream>;
    type Error = AnswerBroken;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, AnswerBroken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AnswerBroken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let app = self.clone();
        let peer = peer_of(&request);
        Box::pin(async move { app.respond(request, &peer).await })
    }
}
