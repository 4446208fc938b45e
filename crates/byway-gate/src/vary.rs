//! `Vary`, which several policies add to (RFC 9110 §12.5.5).

use http::header::{HeaderMap, HeaderValue, VARY};

/// Adds a name to `Vary`, unless it is there or everything varies.
pub fn add(headers: &mut HeaderMap, name: &'static str) {
    let mut lines = headers.get_all(VARY).iter();
    let there = lines.any(|line| {
        let words = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let mut same = words.map(|word| word == b"*" || word.eq_ignore_ascii_case(name.as_bytes()));
        same.any(|same| same)
    });
    if !there {
        headers.append(VARY, HeaderValue::from_static(name));
    }
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderMap, HeaderValue, VARY};

    use super::add;

    #[test]
    fn a_name_is_there_once() {
        let check = |before: &'static str, after: &[&str]| {
            let mut headers = HeaderMap::new();
            if !before.is_empty() {
                headers.insert(VARY, HeaderValue::from_static(before));
            }
            add(&mut headers, "Origin");
            assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), after, "{before}");
        };
        check("", &["Origin"]);
        check("rsc", &["rsc", "Origin"]);
        check("rsc, ORIGIN", &["rsc, ORIGIN"]);
        check("*", &["*"]);
        check("Original", &["Original", "Origin"]);
    }
}
