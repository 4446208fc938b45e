//! `Accept-Encoding` (RFC 9110 §12.5.3).

use byway_config::Coding;
use http::header::{GetAll, HeaderValue};

/// Codings that a client may list.
const LISTED_MAX: usize = 32;

/// The coding that the client likes best, of equals the first of `ours`. `None`: none at all.
pub(super) fn best(lines: &GetAll<'_, HeaderValue>, ours: &[Coding]) -> Option<Coding> {
    let mut listed: Vec<(&str, u16)> = Vec::new();
    let texts = lines.iter().filter_map(|line| line.to_str().ok());
    for item in texts.flat_map(|line| line.split(',')).take(LISTED_MAX) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        listed.push((name.trim(), weight(parameters)));
    }
    let weight_of = |name: &str| {
        let own = listed.iter().find(|(listed, _)| {
            listed.eq_ignore_ascii_case(name)
                || (name == "gzip" && listed.eq_ignore_ascii_case("x-gzip"))
        });
        own.or_else(|| listed.iter().find(|(listed, _)| *listed == "*")).map(|(_, weight)| *weight)
    };
    // What is not listed is acceptable as it is, but then not preferred.
    let identity = listed.iter().find(|(name, _)| name.eq_ignore_ascii_case("identity"));
    let identity = identity.map_or(0, |(_, weight)| *weight);
    let weighed = ours.iter().rev().filter_map(|coding| Some((weight_of(coding.name())?, *coding)));
    let (weight, coding) = weighed.max_by_key(|(weight, _)| *weight)?;
    (weight > 0 && weight >= identity).then_some(coding)
}

/// `q=0.5` in thousandths; 1 where nothing is said, 0 where it makes no sense.
fn weight(parameters: &str) -> u16 {
    let Some(text) = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    }) else {
        return 1000;
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{fraction:0<3}").parse::<u16>().unwrap_or(0);
    match whole {
        "0" if digits => thousandths,
        "1" if digits && thousandths == 0 => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use byway_config::Coding::{self, Brotli, Gzip};
    use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::best;

    fn choose(header: &str) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(header).unwrap());
        best(&headers.get_all(ACCEPT_ENCODING), &[Brotli, Gzip])
    }

    #[test]
    fn the_clients_wish_goes_first() {
        assert_eq!(choose("gzip"), Some(Gzip));
        assert_eq!(choose("GZIP"), Some(Gzip));
        assert_eq!(choose("x-gzip"), Some(Gzip));
        assert_eq!(choose("gzip, deflate, br, zstd"), Some(Brotli));
        assert_eq!(choose("gzip, br"), Some(Brotli));
        assert_eq!(choose("br;q=0.5, gzip;q=0.8"), Some(Gzip));
        assert_eq!(choose("*"), Some(Brotli));
        assert_eq!(choose("*;q=0.1, gzip"), Some(Gzip));
        assert_eq!(choose("br;q=0, *"), Some(Gzip));
        for none in
            ["", "identity", "deflate", "gzip;q=0", "gzip;q=0.0", "*;q=0", "gzip;q=2", "gzip;q=x"]
        {
            assert_eq!(choose(none), None, "{none}");
        }
        assert_eq!(choose("identity, gzip;q=0.5"), None);
        assert_eq!(choose("identity;q=0, gzip;q=0.5"), Some(Gzip));
    }

    #[test]
    fn no_header_is_no_wish() {
        assert_eq!(best(&HeaderMap::new().get_all(ACCEPT_ENCODING), &[Gzip]), None);
    }

    proptest! {
        #[test]
        fn no_header_is_a_trap(header in "[ -~]{0,60}") {
            let _ = choose(&header);
        }
    }
}
