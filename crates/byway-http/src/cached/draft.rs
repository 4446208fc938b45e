//! Whether a client sees drafts: nothing is answered from the cache then, and nothing is kept.

use http::HeaderMap;
use http::header::COOKIE;

const DRAFT_COOKIE: &str = "__prerender_bypass";

/// Whether the client has draft mode's cookie with the right value.
pub(super) fn is_draft(headers: &HeaderMap, draft_mode_id: &str) -> bool {
    headers.get_all(COOKIE).iter().any(|line| {
        let line = line.to_str().unwrap_or_default();
        line.split(';').any(|cookie| {
            cookie.trim().split_once('=').is_some_and(|(name, value)| {
                name == DRAFT_COOKIE && same(value.as_bytes(), draft_mode_id.as_bytes())
            })
        })
    })
}

/// Compares in a time that does not tell where the first difference is.
fn same(given: &[u8], secret: &[u8]) -> bool {
    given.len() == secret.len()
        && !secret.is_empty()
        && given.iter().zip(secret).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn c10_only_the_right_cookie_shows_drafts() {
        let check = |cookies: &'static str, expect| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_static(cookies));
            assert_eq!(is_draft(&headers, "secret"), expect, "{cookies}");
        };
        check("__prerender_bypass=secret", true);
        check("a=b; __prerender_bypass=secret; c=d", true);
        check("__prerender_bypass=secre", false);
        check("__prerender_bypass=", false);
        check("x__prerender_bypass=secret", false);
        check("a=__prerender_bypass=secret", false);
        assert!(!is_draft(&HeaderMap::new(), "secret"));
    }
}
