//! The body of an answer: bytes that are there, a worker's stream, a file, or an upstream's.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use byway_pool::{AnswerBody, DispatchError};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::connection::BusyGuard;
use crate::files::FileBody;
use crate::upstream_body::UpstreamBody;

/// The body of an answer. A known length becomes `Content-Length`, a stream is sent in chunks.
#[derive(Debug)]
pub struct AnswerBodyStream(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Stream { body: AnswerBody, progress: Progress, busy: Option<BusyGuard> },
    File { body: FileBody, busy: Option<BusyGuard> },
    Upstream { body: UpstreamBody, busy: Option<BusyGuard> },
}

/// How far a streamed body has come, as far as a failure has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// No bytes yet: a failure closes the connection without an answer.
    Nothing,
    /// Bytes were handed on, which hyper may not have sent yet.
    Some,
    /// hyper was given the chance to send them.
    Flushed,
}

impl AnswerBodyStream {
    /// A body that is complete.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self(Kind::Whole((!bytes.is_empty()).then_some(bytes)))
    }

    /// No body.
    pub fn empty() -> Self {
        Self(Kind::Whole(None))
    }

    /// A file, sent as it is read.
    pub(crate) fn file(body: FileBody) -> Self {
        Self(Kind::File { body, busy: None })
    }

    /// The body of an upstream's answer, which fails after so long a silence.
    pub(crate) fn from_upstream(body: Incoming, idle_wait: Duration) -> Self {
        Self(Kind::Upstream { body: UpstreamBody::new(body, idle_wait), busy: None })
    }

    /// A worker's answer: whole if it came in one frame.
    pub(crate) fn from_answer(mut body: AnswerBody) -> Self {
        match body.take_whole() {
            Some(bytes) => Self::whole(bytes),
            None => Self(Kind::Stream { body, progress: Progress::Nothing, busy: None }),
        }
    }

    /// Holds the guard until a stream has ended; bytes that are there already need none.
    pub(crate) fn keep_until_sent(&mut self, guard: BusyGuard) {
        if let Kind::Stream { busy, .. } | Kind::File { busy, .. } | Kind::Upstream { busy, .. } =
            &mut self.0
        {
            *busy = Some(guard);
        }
    }
}

impl Body for AnswerBodyStream {
    type Data = Bytes;
    type Error = DispatchError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DispatchError>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stream { body, progress, .. } => poll_stream(body, progress, cx),
            Kind::File { body, .. } => body.poll_chunk(cx).map(|chunk| {
                chunk.map(|read| read.map(Frame::data).map_err(|_| DispatchError::StreamFailed))
            }),
            Kind::Upstream { body, .. } => body.poll_data(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Stream { .. } | Kind::File { .. } => false,
            Kind::Upstream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Stream { .. } => SizeHint::default(),
            Kind::File { body, .. } => SizeHint::with_exact(body.length()),
            Kind::Upstream { body, .. } => body.size_hint(),
        }
    }
}

fn poll_stream(
    body: &mut AnswerBody,
    progress: &mut Progress,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, DispatchError>>> {
    // hyper drops what it has not sent when a body fails, and sends when a body is not ready. So a
    // failure waits for one turn, and the client sees a broken answer where one was begun.
    if *progress == Progress::Some && body.is_broken() {
        *progress = Progress::Flushed;
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    match body.poll_chunk(cx) {
        Poll::Ready(Some(Ok(data))) => {
            *progress = Progress::Some;
            Poll::Ready(Some(Ok(Frame::data(data))))
        }
        Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
        Poll::Ready(None) => Poll::Ready(None),
        Poll::Pending => {
            if *progress == Progress::Some {
                *progress = Progress::Flushed;
            }
            Poll::Pending
        }
    }
}
