//! Which compressed copy of a file a client prefers (RFC 9110 §12.5.3).

use http::HeaderValue;

/// How a copy beside a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Zstandard,
    Gzip,
}

/// Weights have three decimals at most.
const WEIGHT_MAX: u16 = 1000;

impl Coding {
    /// The best one first: where a client likes several equally, they are taken in this order.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstandard, Self::Gzip];

    /// What is added to the file's name.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstandard => "zst",
            Self::Gzip => "gz",
        }
    }

    /// The value of `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

/// The copy to send; `None` for the file itself.
pub(super) fn choose<'h>(
    lines: impl IntoIterator<Item = &'h HeaderValue>,
    offered: impl Iterator<Item = Coding>,
) -> Option<Coding> {
    let lines: Vec<&str> = lines.into_iter().filter_map(|line| line.to_str().ok()).collect();
    let weight = |name: &str| {
        let listed = lines.iter().flat_map(|line| line.split(','));
        let mut weights = listed.filter_map(|item| weight_of(item, name));
        weights.next()
    };
    let any = weight("*").unwrap_or(0);
    let identity = weight("identity").unwrap_or(0);
    let mut best = None;
    for coding in offered {
        let own = weight(coding.name()).unwrap_or(any);
        if own > 0 && own >= identity && best.is_none_or(|(_, known)| own > known) {
            best = Some((coding, own));
        }
    }
    best.map(|(coding, _)| coding)
}

/// The weight of `item` if it is about `name`.
fn weight_of(item: &str, name: &str) -> Option<u16> {
    let mut parts = item.split(';');
    if !parts.next()?.trim_ascii().eq_ignore_ascii_case(name) {
        return None;
    }
    let weight = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim_ascii().eq_ignore_ascii_case("q").then(|| thousandths(value.trim_ascii()))
    });
    Some(weight.unwrap_or(WEIGHT_MAX))
}

/// `0.5` as 500. What is no weight counts as none, so that it never turns into a wish.
fn thousandths(weight: &str) -> u16 {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let valid = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" if valid => WEIGHT_MAX,
        "0" if valid => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::{Coding, choose};

    fn chosen(accept: &str) -> Option<&'static str> {
        let line = HeaderValue::from_str(accept).unwrap();
        choose([&line], Coding::ALL.into_iter()).map(Coding::name)
    }

    #[test]
    fn the_heaviest_coding_is_sent() {
        for (accept, expect) in [
            ("", None),
            ("gzip", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=1.0, br;q=0.5", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("br;q=0, *", Some("zstd")),
            ("*;q=0.1", Some("br")),
            ("identity, *;q=0.5", None),
            ("identity;q=0.5, gzip;q=0.2", None),
            ("gzip;q=0", None),
            ("gzip;q=0.000", None),
            ("gzip;q=x", None),
            ("gzip;q=1.5", Some("gzip")),
            ("gzip ; q=0.001", Some("gzip")),
            ("brotli", None),
        ] {
            assert_eq!(chosen(accept), expect, "{accept}");
        }
    }

    #[test]
    fn only_what_is_there_is_offered() {
        let line = HeaderValue::from_static("gzip, br");
        assert_eq!(choose([&line], [Coding::Gzip].into_iter()), Some(Coding::Gzip));
        assert_eq!(choose([&line], [Coding::Zstandard].into_iter()), None);
    }

    proptest! {
        #[test]
        fn any_line_is_read(accept in "[ -~]{0,60}") {
            chosen(&accept);
        }
    }
}
