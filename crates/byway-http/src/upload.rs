//! The body of a request on its way to a worker.
//!
//! A short body of known length is read before the worker hears of the request: it travels in one frame,
//! and a slow client occupies no worker. Everything else is streamed under the worker's flow control.

use bytes::{Bytes, BytesMut};
use byway_config::limits::{BODY_IDLE_MAX, WHOLE_BODY_MAX, WHOLE_BODY_WAIT_MAX};
use byway_pool::RequestBody;
use byway_routes::manifest::RouteKind;
use http::request::Parts;
use http::{Method, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt as _;

/// A request's body as the worker will get it.
pub(crate) enum Upload<B> {
    /// Complete; `announced` tells an empty body from none.
    Whole { bytes: Bytes, announced: bool },
    /// To be streamed.
    Stream(B),
}

/// What the frame that opens a stream says about the body.
pub(crate) struct FirstPart {
    /// All of it, if it is there.
    pub(crate) whole: Option<Bytes>,
    /// Tells an empty body from none.
    pub(crate) announced: bool,
}

impl<B> Upload<B> {
    /// What can be sent at once.
    pub(crate) fn first(&self) -> FirstPart {
        match self {
            Self::Whole { bytes, announced } => {
                FirstPart { whole: Some(bytes.clone()), announced: *announced }
            }
            Self::Stream(_) => FirstPart { whole: None, announced: true },
        }
    }
}

/// Decides how the body travels, and reads a short one.
pub(crate) async fn receive<B>(
    request: &Parts,
    body: B,
    kind: RouteKind,
) -> Result<Upload<B>, StatusCode>
where
    B: Body<Data = Bytes> + Unpin,
{
    let headers = &request.headers;
    let announced = headers.contains_key(header::CONTENT_LENGTH)
        || headers.contains_key(header::TRANSFER_ENCODING)
        || !body.is_end_stream();
    // Next hides the body of GET and HEAD from route handlers; hyper drains or closes when it is dropped.
    let hidden = kind == RouteKind::App && matches!(request.method, Method::GET | Method::HEAD);
    if body.is_end_stream() || hidden {
        return Ok(Upload::Whole { bytes: Bytes::new(), announced });
    }
    match body.size_hint().exact() {
        Some(length) if length <= WHOLE_BODY_MAX as u64 => {
            let read = tokio::time::timeout(WHOLE_BODY_WAIT_MAX, read_whole(body, length as usize));
            let bytes = read.await.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
            Ok(Upload::Whole { bytes: bytes.ok_or(StatusCode::BAD_REQUEST)?, announced })
        }
        _ => Ok(Upload::Stream(body)),
    }
}

/// Reads a body of `length` bytes; `None` when it breaks off.
async fn read_whole<B: Body<Data = Bytes> + Unpin>(mut body: B, length: usize) -> Option<Bytes> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if first.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve(length);
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    Some(if rest.is_empty() { first } else { rest.freeze() })
}

/// Streams a body to a worker until it ends, breaks off or is no longer wanted.
pub(crate) async fn pump<B>(mut body: B, mut sink: RequestBody)
where
    B: Body<Data = Bytes> + Unpin,
{
    loop {
        let next = tokio::select! {
            next = tokio::time::timeout(BODY_IDLE_MAX, body.frame()) => next,
            () = sink.refused() => return,
        };
        match next {
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                if sink.send(data).await.is_err() {
                    return;
                }
            }
            Ok(None) => return sink.finish(),
            // Dropping the sink tells the worker that the body broke off.
            Ok(Some(Err(_))) | Err(_) => return,
        }
    }
}
