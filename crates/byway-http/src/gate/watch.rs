//! Watching a request to its end, for the access log and the counters. Nothing is made where both are off.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use byway_config::Settings;
use byway_gate::access_log::{AccessLog, Begun, Ended};
use byway_gate::metrics::Metrics;
use byway_routes::manifest::Route;
use http::{HeaderValue, Method, request};

use super::Client;

/// The status of a request whose client left before there was an answer, as nginx names it.
const CLIENT_LEFT: u16 = 499;

/// What watches requests.
#[derive(Debug)]
pub(crate) struct Observer {
    log: Option<AccessLog>,
    pub(crate) metrics: Option<Metrics>,
    paths: Vec<String>,
}

/// A request that is watched. Its end is when this is dropped.
#[derive(Debug)]
pub(crate) struct Watched {
    observer: Arc<Observer>,
    begun: Option<Begun>,
    started: Instant,
    route: Option<usize>,
    status: u16,
    bytes: u64,
    complete: bool,
}

impl Observer {
    pub(super) fn new(settings: &Settings, routes: &[Route]) -> Option<Arc<Self>> {
        let paths = || routes.iter().map(|route| route.path.clone()).collect::<Vec<_>>();
        let log = AccessLog::new(&settings.log, Stdout);
        let metrics = settings.server.admin.is_some().then(|| Metrics::new(paths()));
        let used = log.is_some() || metrics.is_some();
        used.then(|| Arc::new(Self { log, metrics, paths: paths() }))
    }

    pub(super) fn begin(
        self: &Arc<Self>,
        request: &request::Parts,
        client: &Client<'_>,
        id: Option<&HeaderValue>,
    ) -> Watched {
        let started = Instant::now();
        if let Some(metrics) = &self.metrics {
            metrics.begin();
        }
        let log = self.log.as_ref();
        Watched {
            observer: Arc::clone(self),
            begun: log.map(|log| log.begin(request, client.address(), id, started)),
            started,
            route: None,
            status: CLIENT_LEFT,
            bytes: 0,
            // The body of an answer to HEAD is never asked for.
            complete: request.method == Method::HEAD,
        }
    }

    /// Lines of the access log that were lost.
    pub(crate) fn lines_dropped(&self) -> u64 {
        self.log.as_ref().map_or(0, AccessLog::dropped)
    }
}

impl Watched {
    pub(super) fn set_route(&mut self, route: Option<usize>) {
        self.route = route;
    }

    pub(super) fn set_status(&mut self, status: u16) {
        self.status = status;
    }

    /// Bytes of the body were handed on.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// The body came to its end.
    pub(crate) fn finish(&mut self) {
        self.complete = true;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Self { route, status, bytes, complete, .. } = *self;
        if let Some(metrics) = &self.observer.metrics {
            let took: Duration = self.started.elapsed();
            metrics.end(route, status, bytes, took);
        }
        if let (Some(log), Some(begun)) = (&self.observer.log, self.begun.take()) {
            let route = route.and_then(|route| self.observer.paths.get(route)).map(String::as_str);
            log.end(begun, &Ended { status, bytes, route, complete });
        }
    }
}

/// The process's stdout, locked for each write and not for good.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::stdout().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stdout().flush()
    }
}
