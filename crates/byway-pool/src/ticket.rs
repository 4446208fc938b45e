//! A place on a worker, from its choice to the request's first frame.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use byway_wire::RequestHead;

use crate::DispatchError;
use crate::lane::{Lane, OpenBody};
use crate::stream::{RequestBody, Stream};

/// A place on a worker for one request. Dropping it gives the place back.
#[derive(Debug)]
pub struct Ticket {
    lane: Arc<Lane>,
    used: bool,
}

impl Ticket {
    /// For a place that was counted.
    pub(crate) fn new(lane: Arc<Lane>) -> Self {
        Self { lane, used: false }
    }

    /// Sends a request's head. The second part feeds its body, `None` where the head carries it whole.
    pub fn open<'h>(
        mut self,
        head: &RequestHead<'_>,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
        body: &OpenBody<'_>,
    ) -> Result<(Stream, Option<RequestBody>), DispatchError> {
        let lane = Arc::clone(&self.lane);
        let opened = lane.open(head, headers, body)?;
        self.used = true;
        Ok(opened)
    }

    /// The worker's number.
    pub fn worker(&self) -> u64 {
        self.lane.id
    }

    /// Gives the place back without looking for who could use it.
    pub(crate) fn put_back(mut self) {
        self.used = true;
        self.lane.load.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.used {
            self.lane.release(1);
        }
    }
}
