//! The body of an answer: bytes that are there, or a worker's stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use byway_pool::{AnswerBody, DispatchError};
use http_body::{Body, Frame, SizeHint};

/// The body of an answer. A known length becomes `Content-Length`, a stream is sent in chunks.
#[derive(Debug)]
pub struct AnswerBodyStream(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Stream(AnswerBody),
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

    /// A worker's answer: whole if it came in one frame.
    pub(crate) fn from_answer(mut body: AnswerBody) -> Self {
        match body.take_whole() {
            Some(bytes) => Self::whole(bytes),
            None => Self(Kind::Stream(body)),
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
            Kind::Stream(body) => {
                body.poll_chunk(cx).map(|next| next.map(|data| data.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}
