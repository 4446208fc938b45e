//! The body of an answer: bytes that are there, a worker's stream, a file, or an upstream's.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use byway_gate::compress::{self, Coding, Encoder};
use byway_gate::places::Taken;
use byway_pool::{AnswerBody, DispatchError};
use byway_wire::HeaderLines;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::announced::Announced;
use crate::connection::BusyGuard;
use crate::files::FileBody;
use crate::gate::Watched;
use crate::headers;
use crate::tunnel::Tunnel;
use crate::upstream_body::UpstreamBody;

/// The body of an answer. A known length becomes `Content-Length`, a stream is sent in chunks.
#[derive(Debug)]
pub struct AnswerBodyStream {
    kind: Kind,
    /// The connection's, where HTTP/1 sends a body that is not whole.
    busy: Option<BusyGuard>,
}

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Stream {
        body: AnswerBody,
        progress: Progress,
    },
    File(FileBody),
    /// Boxed, so that every answer is not as large as this one.
    Upstream(Box<UpstreamBody>),
    /// One of the others, which takes up a place until it has been sent.
    Holding(Box<(Kind, Taken)>),
    /// A stream whose length is announced.
    Announced(Box<(Kind, Announced)>),
    /// A stream, compressed piece by piece.
    Compressed(Box<(Kind, Encoder)>),
    /// One of the others, which is counted as it is sent.
    Watched(Box<(Kind, Watched)>),
    /// All has been sent but the lines behind it, which the connection has.
    Trailing,
    /// No body: what follows an answer that switches to another protocol.
    Tunnel(Box<Tunnel>),
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

impl From<Kind> for AnswerBodyStream {
    fn from(kind: Kind) -> Self {
        Self { kind, busy: None }
    }
}

impl AnswerBodyStream {
    /// A body that is complete.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Kind::Whole((!bytes.is_empty()).then_some(bytes)).into()
    }

    /// No body.
    pub fn empty() -> Self {
        Kind::Whole(None).into()
    }

    /// A file, sent as it is read.
    pub(crate) fn file(body: FileBody) -> Self {
        Kind::File(body).into()
    }

    /// The body of an upstream's answer, which fails after so long a silence.
    pub(crate) fn from_upstream(body: Incoming, idle_wait: Duration) -> Self {
        Kind::Upstream(Box::new(UpstreamBody::new(body, idle_wait))).into()
    }

    /// What follows an answer that switches to another protocol.
    pub(crate) fn tunnel(tunnel: Tunnel) -> Self {
        Kind::Tunnel(Box::new(tunnel)).into()
    }

    /// Takes out what follows an answer that switches to another protocol, with all that it holds. No body
    /// is left.
    pub(crate) fn take_tunnel(&mut self) -> Option<Tunnel> {
        std::mem::replace(&mut self.kind, Kind::Whole(None)).into_tunnel()
    }

    /// A worker's answer: whole if it came in one frame.
    pub(crate) fn from_answer(mut body: AnswerBody) -> Self {
        match body.take_whole() {
            Some(bytes) => Self::whole(bytes),
            None => Kind::Stream { body, progress: Progress::Nothing }.into(),
        }
    }

    /// The same body, whose length the handler has announced.
    pub(crate) fn announced(self, length: u64) -> Self {
        match Announced::new(length) {
            // One that has arrived whole may be wrong about its length too.
            Some(announced) if self.size_hint().exact() != Some(length) => {
                Kind::Announced(Box::new((self.kind, announced))).into()
            }
            _ => self,
        }
    }

    /// All of it; `None` for more than `bytes_max`.
    pub(crate) async fn collected(
        mut self,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, DispatchError> {
        if let Kind::Whole(bytes) = self.kind {
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
        Kind::Holding(Box::new((self.kind, place))).into()
    }

    /// Whether compressing makes sense for this kind of body, and its length where that is known.
    pub(crate) fn compressible(&self) -> Compressible {
        match &self.kind {
            Kind::Whole(Some(bytes)) => Compressible::Length(bytes.len() as u64),
            Kind::Stream { .. } => Compressible::Stream,
            Kind::Announced(announced) => Compressible::Length(announced.1.left()),
            Kind::Upstream(body) => {
                body.size_hint().exact().map_or(Compressible::Stream, Compressible::Length)
            }
            Kind::Whole(None) => Compressible::Length(0),
            Kind::File(body) => Compressible::Length(body.length()),
            // They have been through this.
            Kind::Holding(_)
            | Kind::Compressed(_)
            | Kind::Watched(_)
            | Kind::Trailing
            | Kind::Tunnel(_) => Compressible::No,
        }
    }

    /// The same body, compressed; an error gives it back as it was.
    pub(crate) fn compressed(self, coding: Coding) -> Result<Self, Self> {
        if let Kind::Whole(Some(bytes)) = &self.kind {
            return compress::whole(coding, bytes).map(Self::whole).map_err(|_| self);
        }
        Ok(Kind::Compressed(Box::new((self.kind, Encoder::new(coding)))).into())
    }

    /// The same body, counted as it is sent.
    pub(crate) fn watched(self, mut watched: Watched) -> Self {
        // A body that is empty is never asked for.
        if self.is_end_stream() {
            watched.finish();
        }
        Kind::Watched(Box::new((self.kind, watched))).into()
    }

    /// Holds the guard until a stream has ended; bytes that are there already need none.
    pub(crate) fn keep_until_sent(&mut self, guard: BusyGuard) {
        if !matches!(self.kind, Kind::Whole(_)) {
            self.busy = Some(guard);
        }
    }
}

/// What a body gives: its bytes, and then perhaps the lines behind them.
pub(crate) type Polled = Poll<Option<Result<Frame<Bytes>, DispatchError>>>;

impl Body for AnswerBodyStream {
    type Data = Bytes;
    type Error = DispatchError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let Self { kind, busy } = self.get_mut();
        let polled = kind.poll(cx);
        if !matches!(polled, Poll::Ready(None)) {
            return polled;
        }
        // hyper sends trailers over HTTP/1 only to clients that ask for them; Node does so anyway.
        match (kind.take_trailers(), busy) {
            (Some(lines), Some(busy)) => {
                *kind = Kind::Trailing;
                busy.announce_trailers(&lines, cx);
                Poll::Pending
            }
            (Some(lines), None) => {
                Poll::Ready(Some(Ok(Frame::trailers(headers::trailers(&lines)))))
            }
            (None, Some(busy)) if matches!(kind, Kind::Trailing) => {
                busy.poll_announced(cx).map(|()| None)
            }
            (None, _) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.kind.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.kind.size_hint()
    }
}

impl Kind {
    /// The next bytes.
    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        match self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { body, progress } => poll_stream(body, progress, cx),
            Self::File(body) => body.poll_chunk(cx).map(|chunk| {
                chunk.map(|read| read.map(Frame::data).map_err(|_| DispatchError::StreamFailed))
            }),
            Self::Upstream(body) => body.poll_data(cx),
            Self::Holding(held) => held.0.poll(cx),
            Self::Announced(announced) => {
                let (body, announced) = &mut **announced;
                announced.poll(|cx| body.poll(cx), cx)
            }
            Self::Compressed(compressed) => {
                let (body, encoder) = &mut **compressed;
                poll_compressed(body, encoder, cx)
            }
            Self::Watched(watched) => {
                let (body, watched) = &mut **watched;
                let polled = body.poll(cx);
                match &polled {
                    Poll::Ready(Some(Ok(frame))) => {
                        watched.sent(frame.data_ref().map_or(0, Bytes::len));
                        // Nobody asks again for what says that it has ended.
                        if body.is_end() {
                            watched.finish();
                        }
                    }
                    Poll::Ready(None) => watched.finish(),
                    Poll::Ready(Some(Err(_))) | Poll::Pending => {}
                }
                polled
            }
            Self::Trailing | Self::Tunnel(_) => Poll::Ready(None),
        }
    }

    fn into_tunnel(self) -> Option<Tunnel> {
        match self {
            Self::Tunnel(tunnel) => Some(*tunnel),
            Self::Holding(held) => Some(held.0.into_tunnel()?.holding(held.1)),
            Self::Watched(watched) => Some(watched.0.into_tunnel()?.watched(watched.1)),
            _ => None,
        }
    }

    /// The lines behind the bytes, once these have ended.
    fn take_trailers(&mut self) -> Option<Box<HeaderLines>> {
        match self {
            Self::Stream { body, .. } => body.take_trailers(),
            Self::Holding(held) => held.0.take_trailers(),
            Self::Compressed(compressed) => compressed.0.take_trailers(),
            Self::Watched(watched) => watched.0.take_trailers(),
            Self::Whole(_)
            | Self::File(_)
            | Self::Upstream(_)
            | Self::Announced(_)
            | Self::Trailing
            | Self::Tunnel(_) => None,
        }
    }

    fn is_end(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream { .. }
            | Self::File(_)
            | Self::Announced(_)
            | Self::Compressed(_)
            | Self::Trailing
            | Self::Tunnel(_) => false,
            Self::Upstream(body) => body.is_end_stream(),
            Self::Holding(held) => held.0.is_end(),
            Self::Watched(watched) => watched.0.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream { .. } | Self::Compressed(_) | Self::Trailing | Self::Tunnel(_) => {
                SizeHint::default()
            }
            Self::Announced(announced) => SizeHint::with_exact(announced.1.left()),
            Self::File(body) => SizeHint::with_exact(body.length()),
            Self::Upstream(body) => body.size_hint(),
            Self::Holding(held) => held.0.size_hint(),
            Self::Watched(watched) => watched.0.size_hint(),
        }
    }
}

/// Each piece leaves as soon as it is there: what it was made from can be read from it.
fn poll_compressed(body: &mut Kind, encoder: &mut Encoder, cx: &mut Context<'_>) -> Polled {
    loop {
        let made = match body.poll(cx) {
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

fn poll_stream(body: &mut AnswerBody, progress: &mut Progress, cx: &mut Context<'_>) -> Polled {
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
