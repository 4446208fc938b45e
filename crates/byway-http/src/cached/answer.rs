//! A kept answer as a response.

use byway_cache::{Entry, Lifetime};
use http::header::{CACHE_CONTROL, HeaderName};
use http::{HeaderValue, Response};
use hyper::ext::ReasonPhrase;

use crate::cached::answer_of;
use crate::{AnswerBodyStream, respond};

pub(super) const CACHE_STATE: HeaderName = HeaderName::from_static("x-nextjs-cache");
/// Seconds for which a shared cache may keep what never has to be made anew, as under Next.
const YEAR_SECONDS: u32 = 31_536_000;

/// What `x-nextjs-cache` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Hit,
    Stale,
    Miss,
    /// Nothing: the answer was not kept.
    None,
}

/// The response for an entry.
pub(crate) fn response(entry: &Entry, label: Label) -> Response<AnswerBodyStream> {
    let Some(answer) = answer_of(entry) else {
        // A key of a route has never had anything else.
        return respond::empty(http::StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = Response::new(AnswerBodyStream::whole(answer.body.clone()));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers.clone();
    let state = match label {
        Label::Hit => Some("HIT"),
        Label::Stale => Some("STALE"),
        Label::Miss => Some("MISS"),
        Label::None => None,
    };
    if let Some(state) = state {
        response.headers_mut().insert(CACHE_STATE, HeaderValue::from_static(state));
    }
    if !answer.reason.is_empty()
        && let Ok(reason) = ReasonPhrase::try_from(answer.reason.clone())
    {
        response.extensions_mut().insert(reason);
    }
    response
}

/// The `Cache-Control` that goes with a lifetime, where the handler has set none. `expire_s` is next.config's
/// `expireTime`: the lifetime's end where it names none.
pub(super) fn cache_control(lifetime: Lifetime, expire_s: u32) -> HeaderValue {
    let value = match lifetime {
        Lifetime { revalidate: None, .. } => format!("s-maxage={YEAR_SECONDS}"),
        Lifetime { revalidate: Some(revalidate), expire } => {
            let expire = expire.unwrap_or(expire_s);
            match expire.checked_sub(revalidate) {
                Some(rest @ 1..) => {
                    format!("s-maxage={revalidate}, stale-while-revalidate={rest}")
                }
                _ => format!("s-maxage={revalidate}"),
            }
        }
    };
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("s-maxage=1"))
}

/// Gives an answer the `Cache-Control` of a new lifetime, unless its own is the handler's.
pub(super) fn renew_cache_control(
    entry: &Entry,
    lifetime: Lifetime,
    expire_s: u32,
) -> Option<byway_cache::Answer> {
    let mut answer = answer_of(entry)?.clone();
    if answer.headers.get(CACHE_CONTROL) == Some(&cache_control(entry.lifetime, expire_s)) {
        answer.headers.insert(CACHE_CONTROL, cache_control(lifetime, expire_s));
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_control_is_next_s() {
        let check = |revalidate, expire, text: &str| {
            assert_eq!(cache_control(Lifetime { revalidate, expire }, YEAR_SECONDS), text);
        };
        check(None, None, "s-maxage=31536000");
        check(Some(60), None, "s-maxage=60, stale-while-revalidate=31535940");
        check(Some(900), Some(31_536_000), "s-maxage=900, stale-while-revalidate=31535100");
        check(Some(3600), Some(86_400), "s-maxage=3600, stale-while-revalidate=82800");
        check(Some(60), Some(60), "s-maxage=60");
        check(Some(60), Some(30), "s-maxage=60");
        let own = cache_control(Lifetime { revalidate: Some(60), expire: None }, 300);
        assert_eq!(own, "s-maxage=60, stale-while-revalidate=240", "with expireTime");
    }
}
