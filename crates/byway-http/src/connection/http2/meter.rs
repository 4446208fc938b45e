//! Counts frames that carry nothing: they cost the server work and the client next to none.
//!
//! h2 has limits of its own for what fills memory (header blocks, resets, small data frames). This is about
//! floods that it answers patiently: PING, SETTINGS, PRIORITY, resets one by one, unknown frames.

use byway_config::limits::H2_IDLE_FRAMES_MAX;

/// Length, type, flags, stream (RFC 9113 §4.1).
const HEAD_BYTES: usize = 9;
/// The preface, which is no frame.
const PREFACE_BYTES: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// A reset throws work away.
const RST_STREAM_COST: u32 = 10;
/// For each so many bytes that we send a client may tell us once that it has read them.
const BYTES_PER_UPDATE: usize = 16;
/// Updates that may be saved up.
const UPDATES_MAX: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Meter {
    /// The tick that `spent` belongs to.
    tick: u32,
    spent: u32,
    updates: usize,
    head: [u8; HEAD_BYTES],
    head_length: usize,
    /// Bytes until the next frame begins.
    skip: usize,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            tick: 0,
            spent: 0,
            updates: 0,
            head: [0; HEAD_BYTES],
            head_length: 0,
            skip: PREFACE_BYTES,
        }
    }
}

impl Meter {
    /// Bytes went out.
    pub(super) fn written(&mut self, bytes: usize) {
        self.updates = (self.updates + bytes.div_ceil(BYTES_PER_UPDATE)).min(UPDATES_MAX);
    }

    /// Bytes came in during the tick `now`; `false` when they cost more than they may.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: u32) -> bool {
        if self.tick != now {
            (self.tick, self.spent) = (now, 0);
        }
        while !bytes.is_empty() {
            if self.skip > 0 {
                let count = self.skip.min(bytes.len());
                self.skip -= count;
                bytes = &bytes[count..];
                continue;
            }
            let count = (HEAD_BYTES - self.head_length).min(bytes.len());
            self.head[self.head_length..self.head_length + count].copy_from_slice(&bytes[..count]);
            self.head_length += count;
            bytes = &bytes[count..];
            if self.head_length == HEAD_BYTES {
                self.head_length = 0;
                let [high, middle, low, kind, ..] = self.head;
                self.skip = u32::from_be_bytes([0, high, middle, low]) as usize;
                self.spent = self.spent.saturating_add(self.cost(kind));
            }
        }
        self.spent <= H2_IDLE_FRAMES_MAX
    }

    /// What a frame costs whose head was read.
    fn cost(&mut self, kind: u8) -> u32 {
        match kind {
            // They are limited by streams, windows and sizes; empty data is no more than a small frame.
            HEADERS | CONTINUATION => 0,
            DATA if self.skip > 0 => 0,
            RST_STREAM => RST_STREAM_COST,
            WINDOW_UPDATE if self.updates > 0 => {
                self.updates -= 1;
                0
            }
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Meter, PREFACE_BYTES};

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        bytes.resize(9 + payload, 0xff);
        bytes
    }

    fn begun() -> Meter {
        let mut meter = Meter::default();
        assert!(meter.read(&[b'P'; PREFACE_BYTES], 1));
        meter
    }

    /// How many such frames pass within one tick, up to five thousand.
    fn passed(kind: u8, payload: usize) -> usize {
        let mut meter = begun();
        let bytes = frame(kind, payload);
        (0..5000).take_while(|_| meter.read(&bytes, 1)).count()
    }

    #[test]
    fn floods_are_noticed_and_work_is_not() {
        for (kind, payload) in [(6, 8), (4, 0), (2, 5), (8, 4), (0, 0), (0xbe, 3)] {
            assert_eq!(passed(kind, payload), 1000, "{kind}");
        }
        assert_eq!(passed(3, 4), 100);
        for (kind, payload) in [(1, 30), (0, 1), (9, 10)] {
            assert_eq!(passed(kind, payload), 5000, "{kind}");
        }
    }

    #[test]
    fn a_steady_trickle_and_updates_for_what_we_send_are_fine() {
        let mut meter = begun();
        for tick in 1..100 {
            for _ in 0..500 {
                assert!(meter.read(&frame(6, 8), tick));
            }
        }
        for _ in 0..1000 {
            meter.written(100);
            for _ in 0..4 {
                assert!(meter.read(&frame(8, 4), 100));
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            frames in proptest::collection::vec((0..12_u8, 0..40_usize), 0..60),
            cuts in proptest::collection::vec(1..30_usize, 1..200),
        ) {
            let bytes: Vec<u8> =
                frames.iter().flat_map(|(kind, payload)| frame(*kind, *payload)).collect();
            let (mut whole, mut pieces) = (begun(), begun());
            whole.read(&bytes, 1);
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.read(piece, 1);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!((whole.spent, whole.skip, whole.head_length), (pieces.spent, pieces.skip, pieces.head_length));
        }
    }
}
