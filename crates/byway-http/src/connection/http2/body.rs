//! The body of an answer on a stream: small pieces, and a clock that runs while the client's window is shut.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use byway_config::limits::H2_PIECE_BYTES_MAX;
use byway_pool::DispatchError;
use http_body::{Body, Frame, SizeHint};

use crate::AnswerBodyStream;
use crate::connection::Watch;

/// hyper asks for more only when the client's window is open. So between a piece and the next question it
/// is the client's turn.
pub(super) struct StreamBody {
    body: AnswerBodyStream,
    /// What is left of a large piece. Handed on whole, it would wait in h2 until the connection ends.
    rest: Bytes,
    clock: Arc<Watch>,
}

impl StreamBody {
    pub(super) fn new(body: AnswerBodyStream, clock: Arc<Watch>) -> Self {
        clock.clients_turn();
        Self { body, rest: Bytes::new(), clock }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = DispatchError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DispatchError>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                polled => {
                    self.clock.our_turn();
                    return polled;
                }
            }
        }
        self.clock.clients_turn();
        let count = self.rest.len().min(H2_PIECE_BYTES_MAX);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(count)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
