//! The body of a request on its way to a worker.
//!
//! A short body of known length is read before the worker hears of the request: it travels in one frame,
//! and a slow client occupies no worker. Everything else is streamed under the worker's flow control.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use byway_config::limits::{BODY_CALL_OFF_MAX, BODY_IDLE_MAX, WHOLE_BODY_MAX, WHOLE_BODY_WAIT_MAX};
use byway_gate::places::Taken;
use byway_pool::{DispatchError, RequestBody};
use byway_routes::manifest::RouteKind;
use byway_wire::constants::WINDOW_INITIAL;
use http::request::Parts;
use http::{Method, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;

use crate::gate::Allowance;
use crate::respond::Unanswered;

/// A request's body as the worker will get it.
pub(crate) enum Upload<B> {
    /// Complete; `announced` tells an empty body from none.
    Whole { bytes: Bytes, announced: bool, held: Option<Taken> },
    /// To be streamed.
    Stream(B, Taken),
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
            Self::Whole { bytes, announced, .. } => {
                FirstPart { whole: Some(bytes.clone()), announced: *announced }
            }
            Self::Stream(..) => FirstPart { whole: None, announced: true },
        }
    }
}

/// How long a streamed body may get.
pub(crate) struct Limit {
    pub(crate) bytes_max: u64,
    /// Told when it gets longer.
    tell: oneshot::Sender<()>,
    /// The memory that the stream may occupy.
    _held: Taken,
}

impl Limit {
    /// A limit, and how to learn that a body went beyond it.
    pub(crate) fn new(bytes_max: u64, held: Taken) -> (Self, TooLong) {
        let (tell, told) = oneshot::channel();
        (Self { bytes_max, tell, _held: held }, TooLong(Some(told)))
    }
}

/// Whether a body that is being streamed has turned out to be too long.
pub(crate) struct TooLong(Option<oneshot::Receiver<()>>);

impl TooLong {
    /// For a body that cannot be.
    pub(crate) fn never() -> Self {
        Self(None)
    }

    /// Waits for an answer, unless the body gets too long before it is there.
    pub(crate) async fn or<T>(
        &mut self,
        answer: impl Future<Output = Result<T, DispatchError>>,
    ) -> Result<T, Unanswered> {
        let Some(told) = &mut self.0 else { return Ok(answer.await?) };
        let mut answer = Box::pin(answer);
        tokio::select! {
            answer = &mut answer => return Ok(answer?),
            told = told => {
                self.0 = None;
                if told.is_ok() {
                    return Err(Unanswered::BodyTooLarge);
                }
            }
        }
        Ok(answer.await?)
    }
}

/// What a streamed body occupies at most: the worker's window, and a piece that waits for it.
const STREAM_BYTES: u64 = (WINDOW_INITIAL + WHOLE_BODY_MAX) as u64;

/// Decides how the body travels, and reads a short one.
pub(crate) async fn receive<B>(
    request: &Parts,
    body: B,
    kind: RouteKind,
    allowance: &Allowance,
) -> Result<Upload<B>, StatusCode>
where
    B: Body<Data = Bytes> + Unpin,
{
    let headers = &request.headers;
    let announced = headers.contains_key(header::CONTENT_LENGTH)
        || headers.contains_key(header::TRANSFER_ENCODING)
        || !body.is_end_stream();
    // Next hides the body of GET and HEAD from route handlers; hyper drains or closes when it is dropped.
    let hidden = kind != RouteKind::Pages && matches!(request.method, Method::GET | Method::HEAD);
    if body.is_end_stream() || hidden {
        return Ok(Upload::Whole { bytes: Bytes::new(), announced, held: None });
    }
    let declared = body.size_hint().exact();
    if declared.is_some_and(|length| length > allowance.body_bytes_max) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let hold = |bytes| allowance.bodies.take(bytes).ok_or(StatusCode::SERVICE_UNAVAILABLE);
    match declared {
        Some(length) if length <= WHOLE_BODY_MAX as u64 => {
            let held = Some(hold(length)?);
            let bytes = Box::pin(read_within(WHOLE_BODY_WAIT_MAX, body, length as usize)).await?;
            Ok(Upload::Whole { bytes, announced, held })
        }
        _ => Ok(Upload::Stream(body, hold(STREAM_BYTES)?)),
    }
}

/// Reads a body of `length` bytes, which has so long from its first byte to its last.
async fn read_within<B: Body<Data = Bytes> + Unpin>(
    wait: Duration,
    body: B,
    length: usize,
) -> Result<Bytes, StatusCode> {
    let read = tokio::time::timeout(wait, read_whole(body, length)).await;
    read.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.ok_or(StatusCode::BAD_REQUEST)
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

/// Streams a body to a worker until it ends, breaks off, gets too long or is no longer wanted.
pub(crate) async fn pump<B>(mut body: B, mut sink: RequestBody, limit: Limit)
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut left = limit.bytes_max;
    loop {
        let next = tokio::select! {
            next = tokio::time::timeout(BODY_IDLE_MAX, body.frame()) => next,
            () = sink.refused() => return,
        };
        match next {
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                let Some(rest) = left.checked_sub(data.len() as u64) else {
                    // The request is called off before its body breaks off, so that the handler learns
                    // of it by its signal. Where the answer has begun nobody listens any more.
                    if limit.tell.send(()).is_ok() {
                        let _ = tokio::time::timeout(BODY_CALL_OFF_MAX, sink.refused()).await;
                    }
                    return;
                };
                left = rest;
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use http::StatusCode;
    use http_body::{Body, Frame};
    use tokio::time::{Sleep, sleep};

    use super::read_within;

    /// A byte at a time, for ever.
    struct Drip(Pin<Box<Sleep>>);

    const PAUSE: Duration = Duration::from_millis(10);

    impl Body for Drip {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            ready!(self.0.as_mut().poll(cx));
            self.0.set(sleep(PAUSE));
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    #[tokio::test]
    async fn l07_a_short_body_that_comes_drop_by_drop_has_its_time_as_a_whole() {
        let begun = Instant::now();
        let body = Drip(Box::pin(sleep(PAUSE)));
        let read = read_within(PAUSE * 20, body, 1000).await;
        assert_eq!(read, Err(StatusCode::REQUEST_TIMEOUT));
        assert!(begun.elapsed() >= PAUSE * 20);
    }
}
