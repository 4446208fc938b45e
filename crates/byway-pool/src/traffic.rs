//! The two tasks that move bytes between a lane and its worker's socket.

use std::sync::Arc;

use byway_wire::{Decoder, WorkerFrame};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::lane::Lane;

/// What the reader tells the supervisor.
pub(crate) enum Event {
    Frame(WorkerFrame),
    /// The socket has ended, with the reason when it was the worker's fault.
    Closed(Option<String>),
}

pub(crate) async fn read_loop(
    lane: Arc<Lane>,
    mut socket: OwnedReadHalf,
    events: mpsc::Sender<Event>,
) {
    let mut decoder = Decoder::new();
    let reason = loop {
        match socket.read_buf(decoder.buffer()).await {
            Ok(0) | Err(_) => break None,
            Ok(_) => {}
        }
        let reason = loop {
            match decoder.next_frame() {
                Ok(None) => break None,
                Ok(Some(frame)) => match WorkerFrame::parse(frame).and_then(|f| lane.receive(f)) {
                    Ok(None) => {}
                    Ok(Some(frame)) => {
                        if events.send(Event::Frame(frame)).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => break Some(format!("protocol error: {error}")),
                },
                Err(error) => break Some(format!("protocol error: {error}")),
            }
        };
        if reason.is_some() {
            break reason;
        }
    };
    let _ = events.send(Event::Closed(reason)).await;
}

pub(crate) async fn write_loop(lane: Arc<Lane>, socket: OwnedWriteHalf) {
    while lane.next_write().await {
        loop {
            let written = lane.wire.lock().write(|bytes| socket.try_write(bytes));
            match written {
                Ok(true) => break,
                Ok(false) => {
                    if socket.writable().await.is_err() {
                        return;
                    }
                }
                // It is followed by the reader's end of file or by the end of the process.
                Err(_) => return,
            }
        }
    }
}
