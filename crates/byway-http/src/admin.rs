//! The admin listener: health and metrics, apart from the API so that no client of the API reaches them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use byway_config::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_HEADER_READ_MAX};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::App;

/// The version of the exposition format.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A bound admin listener.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
}

/// What the admin listener tells about.
#[derive(Debug, Clone)]
struct State {
    app: App,
    stop: watch::Receiver<bool>,
}

impl Admin {
    /// Binds the address.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// The address, with the port that the system chose where 0 was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers until the process ends: while it drains, `/readyz` says so.
    pub async fn serve(self, app: App, stop: watch::Receiver<bool>) {
        let state = State { app, stop };
        let places = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((socket, _)) = self.listener.accept().await else {
                // Out of descriptors: trying again at once would only spin.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            };
            let state = state.clone();
            tokio::spawn(async move {
                let answer = |request: Request<Incoming>| {
                    let answer = state.answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                };
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(ADMIN_HEADER_READ_MAX)
                    .serve_connection(TokioIo::new(socket), hyper::service::service_fn(answer));
                if let Err(error) = served.await {
                    tracing::debug!("admin connection ended: {error}");
                }
                drop(place);
            });
        }
    }
}

impl State {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "method not allowed\n".to_owned());
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, TEXT, "ok\n".to_owned()),
            "/readyz" if *self.stop.borrow() => {
                text(StatusCode::SERVICE_UNAVAILABLE, TEXT, "shutting down\n".to_owned())
            }
            "/readyz" if !self.app.pool().is_ready() => {
                text(StatusCode::SERVICE_UNAVAILABLE, TEXT, "no worker is ready\n".to_owned())
            }
            "/readyz" => text(StatusCode::OK, TEXT, "ready\n".to_owned()),
            "/metrics" => text(StatusCode::OK, METRICS, self.app.metrics()),
            _ => text(StatusCode::NOT_FOUND, TEXT, "not found\n".to_owned()),
        }
    }
}

fn text(status: StatusCode, kind: HeaderValue, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
