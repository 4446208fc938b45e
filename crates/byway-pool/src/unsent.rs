//! What is on its way to a worker's socket, and how requests that a stuck worker has not read are taken
//! back from it.
//!
//! byway keeps a second descriptor of the worker's end of the socket. So it can see how many bytes the
//! worker has not read and, while the worker is stopped, read them itself. Every `REQUEST` frame knows
//! where it lies in the stream of bytes: what lies behind the worker's position was never seen by user
//! code and may be sent to another worker, whatever its method.

use bytes::{Buf as _, BytesMut};
use byway_wire::constants::{FRAME_HEADER_BYTES, FRAME_PAYLOAD_MAX};
use rustix::fd::AsFd;
use rustix::net::{RecvFlags, recv};

use crate::DispatchError;
use crate::lane::{Lane, State};

/// A buffer that grew beyond this for one burst is not kept.
const KEPT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one read from the worker's end.
const READ_BYTES: usize = 64 * 1024;

/// The bytes that were taken from a lane's buffer and are being written.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    pending: BytesMut,
    /// Bytes that the socket has taken since the beginning.
    written: u64,
}

impl Wire {
    /// Takes what the lane has queued. Says whether there is something to write.
    pub(crate) fn take_from(&mut self, state: &mut State) -> bool {
        if !self.pending.is_empty() {
            return true;
        }
        if state.out.is_empty() {
            return false;
        }
        state.taken += state.out.len() as u64;
        let mut empty = std::mem::take(&mut self.pending);
        empty.clear();
        if empty.capacity() > KEPT_BYTES_MAX {
            empty = BytesMut::new();
        }
        self.pending = std::mem::replace(&mut state.out, empty);
        true
    }

    /// Writes with `write` as much as the socket takes; `true` when nothing is left.
    pub(crate) fn write(
        &mut self,
        write: impl Fn(&[u8]) -> std::io::Result<usize>,
    ) -> std::io::Result<bool> {
        while !self.pending.is_empty() {
            match write(&self.pending) {
                Ok(count) => {
                    self.written += count as u64;
                    if count == self.pending.len() {
                        // Unlike advancing, this keeps the buffer's whole capacity for its next use.
                        self.pending.clear();
                    } else {
                        self.pending.advance(count);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// How far the worker has read, in bytes since the beginning.
    pub(crate) fn read_position(&self, theirs: impl AsFd) -> u64 {
        let unread = rustix::io::ioctl_fionread(theirs).unwrap_or(0);
        self.written.saturating_sub(unread)
    }
}

impl Lane {
    /// Takes the requests back that the worker has not read, and fails them with
    /// [`DispatchError::NotDelivered`]. The worker must be stopped. Gives their number.
    pub(crate) fn recall(&self, theirs: impl AsFd) -> usize {
        let mut wire = self.wire.lock();
        let mut unread = read_all(theirs);
        let base = wire.written - (unread.len() as u64).min(wire.written);
        let mut state = self.state.lock();
        // Everything that the worker has not seen, in order.
        unread.extend_from_slice(&std::mem::take(&mut wire.pending));
        unread.extend_from_slice(&std::mem::take(&mut state.out));
        let (kept, recalled) = state.sort_out(unread, base);
        wire.written = base;
        state.taken = base + kept.len() as u64;
        wire.pending = kept;
        let exchanges: Vec<_> = recalled.iter().filter_map(|id| state.streams.remove(id)).collect();
        drop(state);
        drop(wire);
        self.wake_writer();
        for open in &exchanges {
            open.exchange.fail(DispatchError::NotDelivered);
        }
        self.release(exchanges.len());
        exchanges.len()
    }
}

impl State {
    /// Cuts the frames of whole requests out of `unread`, which begins `base` bytes into what was ever
    /// sent. Gives the rest and the streams that were cut out; all of it and none when the bytes are
    /// not what they should be.
    fn sort_out(&mut self, unread: BytesMut, base: u64) -> (BytesMut, Vec<u32>) {
        let first = self
            .streams
            .values()
            .filter(|open| open.whole && open.frame_start >= base)
            .map(|open| (open.frame_start - base) as usize)
            .min();
        let Some(frames) = first.and_then(|first| frames(&unread, first)) else {
            return (unread, Vec::new());
        };
        let mut kept = BytesMut::with_capacity(unread.len());
        let mut recalled = Vec::new();
        let begin = frames.first().map_or(unread.len(), |frame| frame.start);
        kept.extend_from_slice(&unread[..begin]);
        for frame in frames {
            let (at, new_at) = (base + frame.start as u64, base + kept.len() as u64);
            match self.streams.get_mut(&frame.stream) {
                Some(open) if open.frame_start == at && open.whole => {
                    recalled.push(frame.stream);
                    continue;
                }
                Some(open) if open.frame_start == at => {
                    open.frame_end = new_at + (open.frame_end - open.frame_start);
                    open.frame_start = new_at;
                }
                _ => {}
            }
            kept.extend_from_slice(&unread[frame.start..frame.end]);
        }
        (kept, recalled)
    }
}

struct Span {
    stream: u32,
    start: usize,
    end: usize,
}

/// The frames in `bytes` from `first` on; `None` unless they end where the bytes end.
fn frames(bytes: &[u8], first: usize) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    let mut start = first;
    while start < bytes.len() {
        let header = bytes.get(start..)?.first_chunk::<FRAME_HEADER_BYTES>()?;
        let [l0, l1, l2, l3, _, _, _, _, s0, s1, s2, s3] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let end = start + FRAME_HEADER_BYTES + length;
        if length > FRAME_PAYLOAD_MAX || end > bytes.len() {
            return None;
        }
        spans.push(Span { stream: u32::from_le_bytes([s0, s1, s2, s3]), start, end });
        start = end;
    }
    Some(spans)
}

fn read_all(theirs: impl AsFd) -> BytesMut {
    let mut all = BytesMut::new();
    let mut buffer = vec![0; READ_BYTES];
    // The kernel's buffer for the socket bounds this.
    while let Ok((_, count @ 1..)) = recv(&theirs, &mut buffer[..], RecvFlags::DONTWAIT) {
        all.extend_from_slice(&buffer[..count]);
    }
    all
}
