//! The tags that a path stands for, and the one form of a path as a key.
//!
//! `revalidatePath` invalidates tags. Every route's answer carries the tag of its path and tags of the
//! folders above its file, so that a path, or everything below one, can be invalidated. The names are
//! Next's, because programs see them in their `cacheHandler`.

use std::borrow::Cow;

use crate::tags::{Change, TagChange};

/// What the tags of paths begin with.
const PREFIX: &str = "_N_T_";

/// The tags of a route's answer: of the folders above the route's file, of the file, and of the path.
pub fn route_tags(pattern: &str, path: &str) -> Vec<Box<str>> {
    let mut tags = vec![format!("{PREFIX}/layout").into_boxed_str()];
    let mut end = 0;
    while let Some(next) = pattern.get(end + 1..).and_then(|rest| rest.find('/')) {
        end += 1 + next;
        tags.push(format!("{PREFIX}{}/layout", &pattern[..end]).into());
    }
    let pattern = pattern.trim_end_matches('/');
    if !pattern.is_empty() {
        tags.push(format!("{PREFIX}{pattern}/layout").into());
    }
    tags.push(format!("{PREFIX}{pattern}/route").into());
    tags.push(path_tag(path));
    tags
}

/// The tag of a path.
pub(crate) fn path_tag(path: &str) -> Box<str> {
    let path = canonical_path(path);
    let trimmed = path.trim_end_matches('/');
    let path = if trimmed.is_empty() { "/" } else { trimmed };
    // Next knows the root by two names.
    let path = if path == "/index" { "/" } else { path };
    format!("{PREFIX}{path}").into()
}

impl TagChange {
    /// What `revalidatePath` does: expires a path, or with `kind` (`layout` or `page`) what is below a
    /// folder or what a page's file answers.
    pub fn of_path(path: &str, kind: Option<&str>) -> Self {
        let path = if path.starts_with('/') { Cow::from(path) } else { format!("/{path}").into() };
        let tag = match kind {
            None => path_tag(&path),
            Some(kind) => format!("{PREFIX}{}/{kind}", path.trim_end_matches('/')).into(),
        };
        Self { tag, change: Change::Expire }
    }
}

/// One spelling for all that name the same path: percent-decoded, except for what would then read as
/// something else. Two different paths never have the same form.
pub fn canonical_path(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded =
            (byte == b'%').then(|| tail.first_chunk::<2>()).flatten().and_then(|it| hex(*it));
        match decoded {
            // These stay as they are, spelt in one way.
            Some(special @ (b'/' | b'%' | b'\\' | 0..0x20)) => {
                out.extend_from_slice(format!("%{special:02X}").as_bytes());
                rest = &tail[2..];
            }
            Some(decoded) => {
                out.push(decoded);
                rest = &tail[2..];
            }
            None => {
                if byte == b'%' {
                    out.extend_from_slice(b"%25");
                } else {
                    out.push(byte);
                }
                rest = tail;
            }
        }
    }
    match String::from_utf8(out) {
        Ok(text) => Cow::Owned(text),
        // It names no text, so that there is no other spelling either.
        Err(_) => Cow::Borrowed(path),
    }
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let text = std::str::from_utf8(&digits).ok()?;
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(pattern: &str, path: &str) -> Vec<String> {
        route_tags(pattern, path).iter().map(|tag| tag.replace(PREFIX, "")).collect()
    }

    #[test]
    fn the_tags_of_a_route() {
        assert_eq!(
            names("/rv/isr/[k]", "/rv/isr/a"),
            [
                "/layout",
                "/rv/layout",
                "/rv/isr/layout",
                "/rv/isr/[k]/layout",
                "/rv/isr/[k]/route",
                "/rv/isr/a"
            ]
        );
        assert_eq!(names("/", "/"), ["/layout", "/route", "/"]);
    }

    #[test]
    fn a_path_is_found_in_any_spelling() {
        let check = |path: &str, kind, expect: &str| {
            assert_eq!(&*TagChange::of_path(path, kind).tag, format!("{PREFIX}{expect}"));
        };
        check("/a/b/", None, "/a/b");
        check("/a%20b", None, "/a b");
        check("/a b", None, "/a b");
        check("/%C3%A9", None, "/é");
        check("/%c3%a9", None, "/é");
        check("/", None, "/");
        check("/index", None, "/");
        check("/", Some("layout"), "/layout");
        check("/rv/[k]", Some("page"), "/rv/[k]/page");
        check("/rv", Some("layout"), "/rv/layout");
    }

    #[test]
    fn c09_an_encoded_slash_is_no_slash() {
        assert_eq!(canonical_path("/a%2fb"), "/a%2Fb");
        assert_ne!(canonical_path("/a%2Fb"), canonical_path("/a/b"));
        assert_ne!(canonical_path("/a%252Fb"), canonical_path("/a%2Fb"));
        assert_eq!(canonical_path("/%ff"), "/%ff");
        assert_eq!(canonical_path("/100%"), "/100%25");
    }

    proptest! {
        #[test]
        fn c09_different_segments_have_different_forms(
            left in prop::collection::vec("[a/%é \\\\]{0,4}", 1..4),
            right in prop::collection::vec("[a/%é \\\\]{0,4}", 1..4),
        ) {
            let encode = |segments: &[String]| {
                let mut path = String::new();
                for segment in segments {
                    path.push('/');
                    for byte in segment.bytes() {
                        path.push('%');
                        path.push_str(&crate::hex::hex(&[byte]));
                    }
                }
                path
            };
            let (one, other) = (encode(&left), encode(&right));
            prop_assert_eq!(canonical_path(&one) == canonical_path(&other), left == right);
        }

        #[test]
        fn the_form_of_a_form_is_itself(path in "/[a-z%/2F5é]{0,12}") {
            let once = canonical_path(&path).into_owned();
            prop_assert_eq!(canonical_path(&once), once.as_str());
        }
    }
}
