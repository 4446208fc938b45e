//! What holds for every target, however strange.

use proptest::prelude::*;

use super::super::{PathOptions, PathOutcome, parse_target};

/// Targets made of the pieces that make trouble, beside arbitrary bytes.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "/",
        "//",
        "\\",
        ".",
        "..",
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "%00",
        "%",
        "%C3%A9",
        "%zz",
        "a",
        "base",
        "é",
        "?",
        "#",
        " ",
        "\"",
        "{",
        ";",
        "a.b",
        ".well-known",
        "http://",
        "@",
        ":",
        "=",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..14).prop_map(|pieces| {
            let text = pieces.concat();
            if text.len() % 5 == 0 { text.into_bytes() } else { format!("/{text}").into_bytes() }
        }),
        prop::collection::vec(any::<u8>(), 0..40),
        r"[ -~]{0,60}".prop_map(|text| format!("/{text}").into_bytes()),
    ]
}

fn options() -> impl Strategy<Value = PathOptions> {
    let base = prop::sample::select(vec!["", "/base", "/base/a.b"]);
    (any::<bool>(), any::<bool>(), base).prop_map(|(trailing_slash, skip, base)| PathOptions {
        trailing_slash,
        skip_trailing_slash_redirect: skip,
        base_path: base.to_owned(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn a_path_never_leaves_the_root(target in target(), options in options()) {
        let PathOutcome::Path(path) = parse_target(&target, &options) else { return Ok(()) };
        let raw = path.with_base();
        prop_assert!(raw.starts_with('/') && !raw.contains("//") && !raw.contains('\\'));
        prop_assert!(raw.bytes().all(|byte| (0x21..0x7F).contains(&byte)));
        prop_assert!(path.query().bytes().all(|byte| (0x21..0x7F).contains(&byte)));
        for segment in raw.split('/') {
            let dots = segment.to_ascii_lowercase().replace("%2e", ".");
            prop_assert!(dots != "." && dots != "..", "{raw}");
        }
        for segment in path.segments() {
            prop_assert!(!matches!(segment, "" | "." | ".."), "{raw}");
        }
        prop_assert_eq!(path.segments().len(), path.segments().count());
        prop_assert!(path.with_base().ends_with(path.as_str()) || path.as_str() == "/");
    }

    #[test]
    fn a_location_stays_on_this_host_and_is_settled_soon(target in target(), options in options()) {
        let mut outcome = parse_target(&target, &options);
        let mut redirects = 0;
        while let PathOutcome::Redirect { location } = outcome {
            prop_assert!(location.starts_with('/'), "{location}");
            prop_assert!(!location[1..].starts_with(['/', '\\']), "{location}");
            prop_assert!(location.bytes().all(|byte| (0x21..0x7F).contains(&byte)), "{location}");
            redirects += 1;
            prop_assert!(redirects <= 2, "{location}");
            outcome = parse_target(location.as_bytes(), &options);
        }
    }

    #[test]
    fn parsing_a_parsed_path_changes_nothing(target in target(), options in options()) {
        if let PathOutcome::Path(path) = parse_target(&target, &options) {
            let again = parse_target(path.with_query().as_bytes(), &options);
            prop_assert_eq!(again, PathOutcome::Path(path));
        }
    }
}
