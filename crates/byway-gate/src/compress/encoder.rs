//! The encoders behind one interface. A stream's windows are small: each of ten thousand streams has one.

use std::fmt;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use async_compression::zstd::CParameter;
use async_compression::{Level, brotli};
use bytes::Bytes;
use byway_config::Coding;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// Answers are compressed while somebody waits: what more effort gains is not worth its time.
const GZIP_LEVEL: Level = Level::Precise(4);
const BROTLI_LEVEL: Level = Level::Precise(4);
const ZSTD_LEVEL: Level = Level::Precise(3);
/// 256 KiB, as a power of two.
const WINDOW_BITS: u8 = 18;

/// A stream's encoder; none once it has ended.
pub struct Encoder(Option<Box<dyn Writer>>);

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encoder")
    }
}

/// An encoder that writes into memory.
trait Writer: AsyncWrite + Send + Unpin {
    /// What it has written since the last time.
    fn written(&mut self) -> Bytes;
}

impl Writer for GzipEncoder<Vec<u8>> {
    fn written(&mut self) -> Bytes {
        std::mem::take(self.get_mut()).into()
    }
}

impl Writer for BrotliEncoder<Vec<u8>> {
    fn written(&mut self) -> Bytes {
        std::mem::take(self.get_mut()).into()
    }
}

impl Writer for ZstdEncoder<Vec<u8>> {
    fn written(&mut self) -> Bytes {
        std::mem::take(self.get_mut()).into()
    }
}

impl Encoder {
    /// An encoder for one answer.
    pub fn new(coding: Coding) -> Self {
        let out = Vec::new();
        Self(Some(match coding {
            Coding::Gzip => Box::new(GzipEncoder::with_quality(out, GZIP_LEVEL)),
            Coding::Brotli => {
                let params = brotli::EncoderParams::default().quality(BROTLI_LEVEL);
                let params = params.window_size(i32::from(WINDOW_BITS));
                Box::new(BrotliEncoder::with_params(out, params))
            }
            Coding::Zstd => {
                let params = [CParameter::window_log(u32::from(WINDOW_BITS))];
                Box::new(ZstdEncoder::with_quality_and_params(out, ZSTD_LEVEL, &params))
            }
        }))
    }

    /// Takes a piece and gives what a client can read all of it from.
    pub fn push(&mut self, piece: &[u8]) -> io::Result<Bytes> {
        let Some(writer) = &mut self.0 else { return Ok(Bytes::new()) };
        at_once(writer.write_all(piece))?;
        at_once(writer.flush())?;
        Ok(writer.written())
    }

    /// What the end of the stream adds; nothing the second time.
    pub fn finish(&mut self) -> io::Result<Bytes> {
        let Some(mut writer) = self.0.take() else { return Ok(Bytes::new()) };
        at_once(writer.shutdown())?;
        Ok(writer.written())
    }
}

/// A body that is all there.
pub fn whole(coding: Coding, body: &[u8]) -> io::Result<Bytes> {
    let mut encoder = Encoder::new(coding);
    if let Some(writer) = &mut encoder.0 {
        at_once(writer.write_all(body))?;
    }
    encoder.finish()
}

/// Writing into memory never waits.
pub(super) fn at_once(writing: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    match pin!(writing).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
