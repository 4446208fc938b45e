//! What a file is, by its extension: the table of the npm package `mime` 1.6, which Next uses, with the
//! types that Next adds to it. A browser may depend on any of them.

use std::collections::HashMap;
use std::sync::LazyLock;

use http::HeaderValue;

/// A type and its extensions in each line. What is not here is [`DEFAULT`].
const TABLE: &str = include_str!("types.txt");
const DEFAULT: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// Types that begin so say how their text is encoded.
const TEXTS: [&str; 3] = ["text/", "application/javascript", "application/json"];

static TYPES: LazyLock<HashMap<&str, HeaderValue>> = LazyLock::new(|| {
    let mut types = HashMap::new();
    for line in TABLE.lines() {
        let mut words = line.split(' ');
        let Some(kind) = words.next() else { continue };
        let is_text = TEXTS.iter().any(|start| kind.starts_with(start));
        let value = if is_text {
            HeaderValue::try_from(format!("{kind}; charset=UTF-8"))
        } else {
            Ok(HeaderValue::from_static(kind))
        };
        let Ok(value) = value else { continue };
        types.extend(words.map(|extension| (extension, value.clone())));
    }
    types
});

/// The content type of the file with this name. Like `mime`, it takes the whole name for the extension
/// where there is no dot, so that a file called `html` is one.
pub(super) fn of(name: &str) -> HeaderValue {
    let extension = name.rsplit(['.', '/']).next().unwrap_or_default().to_ascii_lowercase();
    TYPES.get(extension.as_str()).cloned().unwrap_or(DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::{TABLE, of};

    #[test]
    fn types_are_those_of_next() {
        for (name, expect) in [
            ("hello.txt", "text/plain; charset=UTF-8"),
            ("dir/data.json", "application/json; charset=UTF-8"),
            ("s.mjs", "application/javascript; charset=UTF-8"),
            ("UP.TXT", "text/plain; charset=UTF-8"),
            ("noext", "application/octet-stream"),
            ("x.unknownext", "application/octet-stream"),
            ("f.tar.gz", "application/gzip"),
            ("i.svg", "image/svg+xml"),
            ("a.wasm", "application/wasm"),
            ("m.webmanifest", "application/manifest+json"),
            ("a.xml", "application/xml"),
            ("p.avif", "image/avif"),
            ("p.jxl", "image/jxl"),
            ("dir.d/html", "text/html; charset=UTF-8"),
            (".well-known/apple-app-site-association", "application/octet-stream"),
            ("trailing.", "application/octet-stream"),
        ] {
            assert_eq!(of(name), expect, "{name}");
        }
    }

    #[test]
    fn every_extension_has_one_type() {
        let extensions = || TABLE.lines().flat_map(|line| line.split(' ').skip(1));
        let mut distinct: Vec<&str> = extensions().collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(extensions().count() > 1000);
        assert_eq!(distinct.len(), extensions().count());
    }
}
