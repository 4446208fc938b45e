//! The request pipeline: client, guard, path, rules, proxy, file, route, policies, method, worker.

use std::sync::Arc;

use bytes::Bytes;
use byway_config::Settings;
use byway_gate::rate::SharedCounters;
use byway_pool::Pool;
use byway_routes::manifest::{Manifest, RouteKind};
use byway_routes::method::MethodSet;
use byway_routes::path::{PathOptions, PathOutcome, RequestPath, parse_target};
use byway_routes::proxy::ProxyMatchers;
use byway_routes::router::Router;
use byway_routes::rules::resolve::{Resolution, Site};
use byway_routes::rules::table::{Redirection, RuleError, RuleFailure, Rules};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body::Body;
use parking_lot::RwLock;

use crate::actions::{self, Actions};
use crate::added::AddedHeaders;
use crate::cached::{CacheSetup, CachedRoutes};
use crate::facts::RequestFacts;
use crate::gate::{Client, Gate, Visit};
use crate::respond::{self, AnswerBroken};
use crate::shared::SharedAnswers;
use crate::upstream::{Destination, Upstream};
use crate::websocket::{self, WebSockets};
use crate::{AnswerBodyStream, AnsweredBy, Developer, Files, Peer, PolicyTables, dev, ingress};

mod caching;
pub(crate) mod holds;
mod serve;
mod target;

use holds::{Former, LastUse, WeakApp};

/// What an app is made of.
#[derive(Debug)]
pub struct AppOptions<'s> {
    /// The build.
    pub manifest: Manifest,
    /// The files of `public/`.
    pub files: Files,
    /// The matchers of the project's proxy, where it has one.
    pub proxy: Option<ProxyMatchers>,
    /// The workers.
    pub pool: Arc<Pool>,
    /// The number of the first route at the workers, which may know routes of earlier builds too.
    pub route_base: u32,
    /// Who serves the project while it is being written; nobody under `byway start`.
    pub developer: Option<Arc<dyn Developer>>,
    /// What is set.
    pub settings: &'s Settings,
    /// The `[[route]]` tables of the settings, compiled.
    pub tables: PolicyTables,
    /// The cache, for routes whose answers are kept.
    pub cache: Option<CacheSetup>,
    /// Counters of rate limits that machines share.
    pub rate_store: Option<Arc<SharedCounters>>,
}

/// A whole project as a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<RwLock<Arc<Inner>>>);

/// One build. A request belongs to one from its first byte to its answer's head.
#[derive(Debug)]
pub(crate) struct Inner {
    last_use: LastUse,
    pub(crate) router: Router,
    pub(crate) routes: Vec<RouteEntry>,
    pub(crate) paths: PathOptions,
    files: Files,
    /// `generateEtags`: files get an `ETag`.
    has_etags: bool,
    pub(crate) rules: Rules,
    pub(crate) upstream: Upstream,
    /// The matchers of the project's proxy.
    proxy: Option<ProxyMatchers>,
    pub(crate) pool: Arc<Pool>,
    /// What a route's number at the workers is more than its index here.
    pub(crate) route_base: u32,
    pub(crate) gate: Gate,
    developer: Option<Arc<dyn Developer>>,
    head_bytes_max: usize,
    has_api_routes: bool,
    pub(crate) cached: Option<Arc<CachedRoutes>>,
    shared: Option<SharedAnswers>,
    /// What requests may call that are for no route.
    pub(crate) actions: Option<Actions>,
}

impl Site for Inner {
    fn router(&self) -> &Router {
        &self.router
    }

    fn kind(&self, route: usize) -> RouteKind {
        self.routes.get(route).map_or(RouteKind::Pages, |route| route.kind)
    }

    fn has_file(&self, path: &RequestPath) -> bool {
        self.files.find(path).is_some()
    }
}

/// What the pipeline knows of a route.
#[derive(Debug)]
pub(crate) struct RouteEntry {
    /// Its answers may come from the cache.
    is_cached: bool,
    kind: RouteKind,
    pattern: Box<str>,
    methods: Option<MethodSet>,
}

impl Inner {
    /// `former` is the build whose place this one takes.
    fn new(options: AppOptions<'_>, former: Option<&Self>) -> Result<Self, RuleError> {
        let AppOptions {
            manifest,
            files,
            proxy,
            pool,
            route_base,
            developer,
            settings,
            tables,
            cache,
            rate_store,
        } = options;
        let former = former.map(|former| &former.gate);
        let callable = actions::among_routes(&manifest);
        let mut gate = Gate::new(settings, tables, &callable, rate_store, former);
        let actions = Actions::of(&manifest);
        if let Some(actions) = &actions {
            gate.actions_from(manifest.routes.len(), actions.body_bytes_max());
        }
        // Actions come after the routes, and pages after all, so that a route's index is its id.
        let routes = manifest.routes.iter().map(|route| &route.pattern).enumerate();
        let pages = manifest.pages.iter().map(|page| &page.pattern);
        let router = Router::numbered(routes.chain((callable.routes.len()..).zip(pages)));
        let cached =
            cache.as_ref().and_then(|setup| CachedRoutes::of(&manifest, setup, &pool, &gate));
        let rules = Rules::new(&manifest.config)?;
        let upstream = Upstream::new(manifest.config.proxy_timeout_ms);
        let has_etags = manifest.config.generate_etags;
        let routes = callable.into_owned().routes;
        let paths = PathOptions {
            trailing_slash: manifest.config.trailing_slash,
            skip_trailing_slash_redirect: manifest.config.skip_trailing_slash_redirect,
            base_path: manifest.config.base_path,
        };
        let routes = routes
            .into_iter()
            .enumerate()
            .map(|(id, route)| RouteEntry {
                is_cached: cached.as_ref().is_some_and(|cached| cached.keeps(id)),
                kind: route.kind,
                pattern: route.path.into(),
                methods: route
                    .methods
                    .map(|methods| MethodSet::new(methods.iter().map(String::as_str))),
            })
            .collect::<Vec<RouteEntry>>();
        Ok(Self {
            last_use: LastUse::default(),
            router,
            has_api_routes: routes.iter().any(|route| route.kind == RouteKind::Pages),
            routes,
            paths,
            files,
            has_etags,
            rules,
            upstream,
            proxy,
            pool,
            cached,
            shared: cache.as_ref().map(SharedAnswers::new),
            route_base,
            gate,
            developer,
            actions,
            head_bytes_max: settings.limits.head_bytes,
        })
    }
}

impl App {
    /// An app for a build and its workers. Rules that cannot be compiled are no build of this byway.
    pub fn new(options: AppOptions<'_>) -> Result<Self, RuleError> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(Inner::new(options, None)?)))))
    }

    /// Lets another build with its workers answer the requests that begin from now on. Nothing changes
    /// where that is an error.
    pub fn replace(&self, options: AppOptions<'_>) -> Result<Former, RuleError> {
        let next = Arc::new(Inner::new(options, Some(&self.build()))?);
        let former = std::mem::replace(&mut *self.0.write(), next);
        Ok(Former::new(&former.pool, &former.last_use))
    }

    /// The same without keeping it alive, for what it owns itself.
    pub(crate) fn downgrade(&self) -> WeakApp {
        WeakApp::of(self)
    }

    /// The build that answers now.
    pub(crate) fn build(&self) -> Arc<Inner> {
        Arc::clone(&self.0.read())
    }

    /// The workers of the build that answers now.
    pub fn pool(&self) -> Arc<Pool> {
        Arc::clone(&self.0.read().pool)
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
        let (mut head, body) = request.into_parts();
        let inner = self.build();
        match &inner.developer {
            None => inner.respond(&mut head, body, peer, &mut AnsweredBy::default()).await,
            Some(developer) => {
                Box::pin(dev::respond(&**developer, &inner, &mut head, body, peer)).await
            }
        }
    }

    /// Whether there are routes of the Pages Router.
    pub(crate) fn has_api_routes(&self) -> bool {
        self.build().has_api_routes
    }

    /// Bytes of a request's head.
    pub(crate) fn head_bytes_max(&self) -> usize {
        self.build().head_bytes_max
    }

    /// What `/metrics` tells; empty where the settings name no admin listener.
    pub fn metrics(&self) -> String {
        let inner = self.build();
        inner.gate.metrics(&inner.pool)
    }
}

/// A request whose path is known.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'r> {
    /// What handlers learn: what the client sent, or what the proxy has made of it.
    pub(crate) head: &'r Parts,
    /// What the client sent.
    pub(crate) sent: &'r Parts,
    pub(crate) path: &'r RequestPath,
    pub(crate) client: &'r Client<'r>,
}

impl Asked<'_> {
    /// Whether the client wishes for a WebSocket on a connection that can become one. Its own word counts:
    /// a proxy changes no lines about connections.
    pub(crate) fn wishes_for_websocket(&self) -> bool {
        self.client.can_switch() && websocket::is_wished(self.sent)
    }
}

impl Inner {
    /// Answers one request, and says in `by` who did.
    pub(crate) async fn respond<B>(
        &self,
        head: &mut Parts,
        body: B,
        peer: &Peer,
        by: &mut AnsweredBy,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let client = Client::find(&self.gate, peer, &mut head.headers);
        let mut visit = self.gate.enter(head, &client);
        let answer = self.answer(head, body, &client, &mut visit).await;
        *by = visit.by;
        match answer {
            Ok(answer) => Ok(self.gate.leave(visit, head, &client, answer)),
            Err(broken) => {
                Gate::lose(visit);
                Err(broken)
            }
        }
    }

    /// Everything between a request's arrival and the departure of its answer.
    async fn answer<B>(
        &self,
        head: &Parts,
        body: B,
        client: &Client<'_>,
        visit: &mut Visit,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        if let Err(status) = ingress::check(head, self.head_bytes_max) {
            return Ok(respond::empty(status));
        }
        // The path is read once, here; everything later receives the parsed value.
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let path = match parse_target(target.as_bytes(), &self.paths) {
            PathOutcome::Path(path) => path,
            PathOutcome::Redirect { location } => return Ok(respond::redirect(location)),
            PathOutcome::BadRequest(_) => return Ok(respond::bad_path()),
        };
        let request = Asked { head, sent: head, path: &path, client };
        let facts = RequestFacts { headers: &head.headers, path: &path };
        let proxied = self.proxy.as_ref().is_some_and(|matchers| matchers.matches(&path, &facts));
        match self.decide(&path, &facts, proxied) {
            Ok(decision) => self.act(&request, body, decision, proxied, visit).await,
            Err(failure) => Ok(failed(&failure)),
        }
    }

    /// Does what the rules say. What few requests need is boxed, so that it does not make the state of
    /// every request larger: moving that is a part of what a short request costs.
    async fn act<B>(
        &self,
        request: &Asked<'_>,
        body: B,
        decision: Decision,
        proxied: bool,
        visit: &mut Visit,
    ) -> Result<Response<AnswerBodyStream>, AnswerBroken>
    where
        B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
    {
        let (added, resolution) = match decision {
            Decision::Redirect(Redirection { status, location }) => {
                if let Err(refusal) = self.gate.admit(visit, request, None, request.path).await {
                    return Ok(*refusal);
                }
                visit.by = AnsweredBy::Redirect;
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
                return Ok(respond::redirection(status, location));
            }
            Decision::Serve { added, resolution } => (added, resolution),
        };
        let target = match resolution.as_deref() {
            Some(resolution) if proxied => {
                let responded = self.respond_proxied(request, body, added, resolution, visit);
                return Box::pin(responded).await;
            }
            Some(Resolution::External { target, query }) => {
                let allowance = match self.gate.admit(visit, request, None, request.path).await {
                    Ok(allowance) => allowance,
                    Err(refusal) => return Ok(*refusal),
                };
                visit.by = AnsweredBy::Rewrite;
                let Asked { head, client, .. } = *request;
                let websockets = self.wished_websockets(request);
                let upstream = Destination { target, query, allowance, websockets };
                return Ok(Box::pin(self.upstream.forward(&upstream, head, body, client)).await);
            }
            Some(resolution) => self.resolved(request, resolution),
            None => self.plain(request),
        };
        let (mut response, of) = self.serve(request, body, target, visit).await?;
        if !added.is_empty() {
            AddedHeaders::new(added).apply(response.headers_mut(), of);
        }
        Ok(response)
    }

    /// The WebSockets of the server, where the request wishes for one.
    pub(crate) fn wished_websockets(&self, request: &Asked<'_>) -> Option<&WebSockets> {
        request.wishes_for_websocket().then_some(&self.gate.websockets)
    }

    /// What the rules make of a request.
    fn decide(
        &self,
        path: &RequestPath,
        facts: &RequestFacts<'_>,
        proxied: bool,
    ) -> Result<Decision, RuleFailure> {
        if let Some(redirection) = self.rules.redirect(path, facts)? {
            return Ok(Decision::Redirect(redirection));
        }
        let added = self.rules.headers(path, facts)?;
        let plainly = self.rules.resolves_plainly() && !proxied;
        if plainly {
            return Ok(Decision::Serve { added, resolution: None });
        }
        let resolution = Some(Box::new(self.rules.resolve(path, facts, self)?));
        Ok(Decision::Serve { added, resolution })
    }
}

/// What becomes of a request after the rules.
enum Decision {
    Redirect(Redirection),
    /// To be served, with more header lines; no resolution where no rewrite could change anything.
    Serve {
        added: Vec<(String, String)>,
        resolution: Option<Box<Resolution>>,
    },
}

/// The answer where a rule fails.
pub(crate) fn failed(failure: &RuleFailure) -> Response<AnswerBodyStream> {
    if *failure == RuleFailure::Refused {
        return respond::bad_path();
    }
    tracing::error!("{failure}");
    respond::failed()
}

/// The answer where nothing is at the path.
pub(crate) fn not_found(path: &RequestPath) -> Response<AnswerBodyStream> {
    if path.as_str().starts_with("/_next/static/") {
        respond::static_not_found()
    } else {
        respond::not_found()
    }
}
