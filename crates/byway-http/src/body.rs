//! The body of an answer: bytes that are there, a worker's stream, a file, or an upstream's.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use byway_gate::compress::{self, Coding, Encoder};
use byway_gate::places::Taken;
use byway_pool::{AnswerBody, DispatchError};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::connection::BusyGuard;
use crate::files::FileBody;
use crate::gate::Watched;
use crate::upstream_body::UpstreamBody;

/// The body of an answer. A known length becomes `Content-Length`, a stream is sent in chunks.
#[derive(Debug)]
pub struct AnswerBodyStream(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Stream {
        body: AnswerBody,
        progress: Progress,
        busy: Option<BusyGuard>,
    },
    File {
        body: FileBody,
        busy: Option<BusyGuard>,
    },
    /// Boxed, so that every answer is not as large as this one.
    Upstream {
        body: Box<UpstreamBody>,
        busy: Option<BusyGuard>,
    },
    /// One of the others, which takes up a place until it has been sent.
    Holding(Box<(AnswerBodyStream, Taken)>),
    /// A stream, compressed piece by piece.
    Compressed(Box<(AnswerBodyStream, Encoder)>),
    /// One of the others, which is counted as it is sent.
    Watched(Box<(AnswerBodyStream, Watched)>),
}

/// Whether a body may be compressed, as far as it is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compressible {
    No,
    Length(u64),
    Stream,
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
        let body = Box::new(UpstreamBody::new(body, idle_wait));
        Self(Kind::Upstream { body, busy: None })
    }

    /// A worker's answer: whole if it came in one frame.
    pub(crate) fn from_answer(mut body: AnswerBody) -> Self {
        match body.take_whole() {
            Some(bytes) => Self::whole(bytes),
            None => Self(Kind::Stream { body, progress: Progress::Nothing, busy: None }),
        }
    }

    /// All of it; `None` for more than `bytes_max`.
    pub(crate) async fn collected(
        mut self,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, DispatchError> {
        if let Kind::Whole(bytes) = self.0 {
            return Ok(Some(bytes.unwrap_or_default()));
        }
        let mut all = BytesMut::new();
        while let Some(frame) = self.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if all.len() + data.len() > bytes_max {
                return Ok(None);
            }
            all.extend_from_slice(&data);
        }
        Ok(Some(all.freeze()))
    }

    /// The same body, which holds the place until it has been sent.
    pub(crate) fn holding(self, place: Taken) -> Self {
        Self(Kind::Holding(Box::new((self, place))))
    }

    /// Whether compressing makes sense for this kind of body, and its length where that is known.
    pub(crate) fn compressible(&self) -> Compressible {
        match &self.0 {
            Kind::Whole(Some(bytes)) => Compressible::Length(bytes.len() as u64),
            Kind::Stream { .. } => Compressible::Stream,
            Kind::Upstream { body, .. } => {
                body.size_hint().exact().map_or(Compressible::Stream, Compressible::Length)
            }
            Kind::Whole(None) => Compressible::Length(0),
            Kind::File { body, .. } => Compressible::Length(body.length()),
            // They have been through this.
            Kind::Holding(_) | Kind::Compressed(_) | Kind::Watched(_) => Compressible::No,
        }
    }

    /// The same body, compressed; an error gives it back as it was.
    pub(crate) fn compressed(self, coding: Coding) -> Result<Self, Self> {
        if let Kind::Whole(Some(bytes)) = &self.0 {
            return compress::whole(coding, bytes).map(Self::whole).map_err(|_| self);
        }
        Ok(Self(Kind::Compressed(Box::new((self, Encoder::new(coding))))))
    }

    /// The same body, counted as it is sent.
    pub(crate) fn watched(self, mut watched: Watched) -> Self {
        // A body that is empty is never asked for.
        if self.is_end_stream() {
            watched.finish();
        }
        Self(Kind::Watched(Box::new((self, watched))))
    }

    /// Holds the guard until a stream has ended; bytes that are there already need none.
    pub(crate) fn keep_until_sent(&mut self, guard: BusyGuard) {
        match &mut self.0 {
            Kind::Stream { busy, .. } | Kind::File { busy, .. } | Kind::Upstream { busy, .. } => {
                *busy = Some(guard);
            }
            Kind::Holding(held) => held.0.keep_until_sent(guard),
            Kind::Compressed(compressed) => compressed.0.keep_until_sent(guard),
            Kind::Watched(watched) => watched.0.keep_until_sent(guard),
            Kind::Whole(_) => {}
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
            Kind::Holding(held) => Pin::new(&mut held.0).poll_frame(cx),
            Kind::Compressed(compressed) => {
                let (body, encoder) = &mut **compressed;
                poll_compressed(body, encoder, cx)
            }
            Kind::Watched(watched) => {
                let (body, watched) = &mut **watched;
                let polled = Pin::new(&mut *body).poll_frame(cx);
                match &polled {
                    Poll::Ready(Some(Ok(frame))) => {
                        watched.sent(frame.data_ref().map_or(0, Bytes::len));
                        // Nobody asks again for what says that it has ended.
                        if body.is_end_stream() {
                            watched.finish();
                        }
                    }
                    Poll::Ready(None) => watched.finish(),
                    Poll::Ready(Some(Err(_))) | Poll::Pending => {}
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Stream { .. } | Kind::File { .. } | Kind::Compressed(_) => false,
            Kind::Upstream { body, .. } => body.is_end_stream(),
            Kind::Holding(held) => held.0.is_end_stream(),
            Kind::Watched(watched) => watched.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Stream { .. } | Kind::Compressed(_) => SizeHint::default(),
            Kind::File { body, .. } => SizeHint::with_exact(body.length()),
            Kind::Upstream { body, .. } => body.size_hint(),
            Kind::Holding(held) => held.0.size_hint(),
            Kind::Watched(watched) => watched.0.size_hint(),
        }
    }
}

/// Each piece leaves as soon as it is there: what it was made from can be read from it.
fn poll_compressed(
    body: &mut AnswerBodyStream,
    encoder: &mut Encoder,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, DispatchError>>> {
    loop {
        let made = match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => encoder.push(&data),
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            },
            Poll::Ready(None) => match encoder.finish() {
                Ok(end) if end.is_empty() => return Poll::Ready(None),
                end => end,
            },
        };
        match made {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
            // Half a stream must not look complete.
            Err(_) => return Poll::Ready(Some(Err(DispatchError::StreamFailed))),
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
