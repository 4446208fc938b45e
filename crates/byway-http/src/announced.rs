//! A streamed body whose length its handler has announced, as `Content-Length` before the first byte.
//!
//! Clients that show progress, resume or ask for ranges want the length, and only the handler knows it
//! before the end. It is not trusted: what is too much is dropped, and a body that is too short ends in
//! an error, so that it cannot look complete.

use std::task::{Context, Poll};

use bytes::Bytes;
use byway_pool::DispatchError;
use http_body::Frame;

use crate::body::Polled;

/// How much of an announced body is still to come.
#[derive(Debug)]
pub(crate) struct Announced {
    left: u64,
    /// The end of the body. hyper drops a body that has given all that was announced, which would call
    /// the handler off; so the last piece waits for the handler's word that it has finished.
    last: Option<Bytes>,
    has_ended: bool,
}

impl Announced {
    /// `None` where nothing is announced that a stream could keep to.
    pub(crate) fn new(length: u64) -> Option<Self> {
        (length > 0).then_some(Self { left: length, last: None, has_ended: false })
    }

    /// The bytes that are still to come.
    pub(crate) fn left(&self) -> u64 {
        self.left + self.last.as_ref().map_or(0, |last| last.len() as u64)
    }

    /// The next piece of a body.
    pub(crate) fn poll(
        &mut self,
        mut body: impl FnMut(&mut Context<'_>) -> Polled,
        cx: &mut Context<'_>,
    ) -> Polled {
        if self.has_ended {
            let is_short = self.left > 0;
            return Poll::Ready(is_short.then_some(Err(DispatchError::StreamFailed)));
        }
        loop {
            match body(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(mut data) = frame.into_data() else { continue };
                    data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                    self.left -= data.len() as u64;
                    if self.left > 0 {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    if !data.is_empty() {
                        self.last = Some(data);
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                // hyper drops what it has not sent when a body fails, and sends when a body is not
                // ready, so the failure waits for one turn.
                Poll::Ready(None) if self.left > 0 => {
                    self.has_ended = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(None) => {
                    self.has_ended = true;
                    return Poll::Ready(self.last.take().map(|last| Ok(Frame::data(last))));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(length: u64, pieces: &[&'static str], sent: &str, complete: bool) {
        let mut announced = Announced::new(length).unwrap();
        let mut pieces = pieces.iter();
        let mut body = |_: &mut Context<'_>| {
            let piece = pieces.next().map(|piece| Bytes::from_static(piece.as_bytes()));
            Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
        };
        let mut all = Vec::new();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let end = loop {
            match announced.poll(&mut body, &mut cx) {
                Poll::Ready(Some(Ok(frame))) => all.extend_from_slice(frame.data_ref().unwrap()),
                Poll::Ready(Some(Err(_))) => break false,
                Poll::Ready(None) => break true,
                Poll::Pending => assert!(!complete, "only a failure waits"),
            }
            assert_eq!(announced.left(), length - all.len() as u64);
        };
        assert_eq!((String::from_utf8(all).unwrap().as_str(), end), (sent, complete));
    }

    #[test]
    fn an_announced_length_is_kept_or_the_body_is_broken() {
        check(6, &["abc", "def"], "abcdef", true);
        check(6, &["abcdef"], "abcdef", true);
        check(6, &["abc", "", "def", ""], "abcdef", true);
        check(6, &["abc", "defg", "hij"], "abcdef", true);
        check(6, &["abc"], "abc", false);
        check(1, &[], "", false);
        assert!(Announced::new(0).is_none());
    }
}
