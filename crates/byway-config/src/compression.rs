//! `[compression]`: on by default, as `compress` is in Next.

use crate::limits::BODY_BYTES_CEILING;
use crate::reader::{Key, Reader};

/// Shorter answers gain nothing.
const SIZE_MIN: u64 = 1024;

/// A way of compressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 7932
    Brotli,
    /// RFC 1952
    Gzip,
    /// RFC 8878
    Zstd,
}

impl Coding {
    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

impl std::str::FromStr for Coding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Brotli, Self::Gzip, Self::Zstd];
        let found = known.into_iter().find(|coding| coding.name() == text);
        found.ok_or_else(|| "codings are `br`, `gzip` and `zstd`".to_owned())
    }
}

/// What is compressed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressionSettings {
    /// Whether anything is.
    pub enabled: bool,
    /// Shorter answers are not.
    pub size_min: u64,
    /// The codings, the one that is liked best first.
    pub codings: Vec<Coding>,
}

impl CompressionSettings {
    pub(crate) fn read(table: &Reader<'_, '_>) -> Self {
        let codings = table.texts(
            Key("codings", "What answers are compressed with, the best liked first.", "[\"gzip\"]"),
            "`br`, `gzip` or `zstd`",
            "[\"br\", \"gzip\"]",
            str::parse,
        );
        Self {
            enabled: table.bool_or(
                Key(
                    "enabled",
                    "Whether text-like answers are compressed for clients that take it. Event \
                     streams never are.",
                    "false",
                ),
                true,
            ),
            size_min: table.size_or(
                Key("min_size", "Answers of known length below this stay as they are.", "\"4kb\""),
                SIZE_MIN,
                0..=BODY_BYTES_CEILING,
            ),
            codings: codings.unwrap_or_else(|| vec![Coding::Brotli, Coding::Gzip]),
        }
    }
}
