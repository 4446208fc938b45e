//! The same answers as the other contestants from hyper alone: what a server costs when the
//! handlers cost nothing. It listens on `HOSTNAME:PORT` of its environment.

mod order;

use std::convert::Infallible;
use std::sync::LazyLock;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

/// Orders are small.
const BODY_BYTES_MAX: usize = 1024 * 1024;
const LINE: &str = "The quick brown fox jumps over the lazy dog. 0123456789 abcdef\n";

/// What byway says where it refuses a request.
const RATE_LIMITED: &[u8] = br#"{"error":"rate_limited","message":"too many requests"}"#;
const TOO_LARGE: &[u8] = br#"{"error":"body_too_large","message":"the body is too large"}"#;
/// A body that is longer is refused by byway with `gated.toml`.
const SHORT: u64 = 1024;
const JSON: &str = "application/json";

const COUNTRIES: &[u8] = include_bytes!("../../project/public/countries.json");

static TEXT_1K: LazyLock<Bytes> = LazyLock::new(|| text(1024));
static TEXT_100K: LazyLock<Bytes> = LazyLock::new(|| text(102_400));

#[tokio::main]
async fn main() -> Result<()> {
    let variable = |name: &str| std::env::var(name).with_context(|| format!("{name} is needed"));
    let port: u16 = variable("PORT")?.parse().context("PORT")?;
    let listener = TcpListener::bind((variable("HOSTNAME")?, port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: TcpStream) {
    // Without it small answers wait for acknowledgements; all other contestants set it too.
    let _ = stream.set_nodelay(true);
    // A client that breaks off is its own affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let response = match (request.method(), path) {
        (&Method::GET, "/api/text/1k") => plain(&TEXT_1K),
        (&Method::GET, "/api/text/100k") => plain(&TEXT_100K),
        (&Method::GET, "/countries.json") => {
            respond(StatusCode::OK, "application/json", Bytes::from_static(COUNTRIES))
        }
        (&Method::GET, "/api/catalog") => json(StatusCode::OK, &catalog()),
        (&Method::POST, "/api/orders") if request.body().size_hint().lower() > SHORT => {
            respond(StatusCode::PAYLOAD_TOO_LARGE, JSON, Bytes::from_static(TOO_LARGE))
        }
        (&Method::POST, "/api/orders") => take_order(request).await,
        (&Method::GET, "/api/users/limited") => {
            respond(StatusCode::TOO_MANY_REQUESTS, JSON, Bytes::from_static(RATE_LIMITED))
        }
        (&Method::OPTIONS, _) => preflight(),
        (&Method::GET, _) => {
            let member = || path.strip_prefix("/api/members/");
            let user_id = path.strip_prefix("/api/users/").or_else(member);
            match (user_id, path.strip_prefix("/people/")) {
                (Some(id), _) => json(StatusCode::OK, &user(id, request.uri().query())),
                (None, Some(id)) => redirect(id, request.uri().query()),
                (None, None) => not_found(),
            }
        }
        _ => not_found(),
    };
    Ok(response)
}

async fn take_order(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await;
    let input = body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
    let Some(input) = input else {
        return json(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "internal error"}));
    };
    match order::total(&input) {
        Ok(answer) => json(StatusCode::CREATED, &answer),
        Err(fields) => {
            json(StatusCode::BAD_REQUEST, &json!({"error": "invalid order", "fields": fields}))
        }
    }
}

fn user(id: &str, query: Option<&str>) -> Value {
    let id = percent_decode_str(id).decode_utf8_lossy();
    let pairs = query.unwrap_or_default().split('&');
    let view = pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "view");
    let view = view.map(|(_, value)| percent_decode_str(value).decode_utf8_lossy());
    json!({
        "id": id,
        "name": format!("User {id}"),
        "view": view.as_deref().unwrap_or("full"),
        "plan": "standard",
        "roles": ["reader", "editor"],
        "address": {"city": "Sarajevo", "country": "BA"},
        "active": true,
    })
}

fn catalog() -> Value {
    json!({"currencies": ["EUR", "USD", "BAM"], "units": ["piece", "kilogram"], "version": 7})
}

fn preflight() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example.com"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("access-control-max-age", "600"),
        ("vary", "Origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn redirect(id: &str, query: Option<&str>) -> Response<Full<Bytes>> {
    let mark = if query.is_some() { "?" } else { "" };
    let location = Bytes::from(["/api/users/", id, mark, query.unwrap_or_default()].concat());
    let mut response = Response::new(Full::new(location.clone()));
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(location) = HeaderValue::from_maybe_shared(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn not_found() -> Response<Full<Bytes>> {
    json(StatusCode::NOT_FOUND, &json!({"error": "not found"}))
}

fn json(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    respond(status, "application/json", Bytes::from(body.to_string()))
}

fn plain(text: &Bytes) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, "text/plain;charset=UTF-8", text.clone())
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn text(length: usize) -> Bytes {
    let mut text = LINE.repeat(length.div_ceil(LINE.len()));
    text.truncate(length);
    Bytes::from(text)
}
