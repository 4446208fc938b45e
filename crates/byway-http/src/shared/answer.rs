//! A shared answer as a response: its age, where it comes from, and conditions.

use byway_cache::http::{afterlife, is_public as says_public};
use byway_cache::{Answer, Entry, now_ms};
use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use http::{HeaderValue, Response, StatusCode};

use crate::cached::answer::{Label, response};
use crate::cached::answer_of;
use crate::{AnswerBodyStream, respond};

/// Says what the cache did (RFC 9211).
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It was there.
    Hit,
    /// It was there, and its time was over.
    Stale,
    /// It was made for this request, and kept.
    Stored,
    /// It was being made for another one.
    Collapsed,
}

pub(super) fn is_public(answer: &Answer) -> bool {
    says_public(&answer.headers)
}

/// Whether an answer whose time is over may be given out while a new one is made.
pub(super) fn may_be_stale(entry: &Entry) -> bool {
    is_within(entry, |answer| afterlife(&answer.headers).while_revalidate)
}

/// The same where making a new one has failed.
pub(super) fn may_replace_error(entry: &Entry) -> bool {
    is_within(entry, |answer| afterlife(&answer.headers).if_error)
}

fn is_within(entry: &Entry, more: impl Fn(&Answer) -> u32) -> bool {
    let fresh = u64::from(entry.lifetime.revalidate.unwrap_or(u32::MAX));
    answer_of(entry).is_some_and(|answer| resident(entry) < fresh + u64::from(more(answer)))
}

/// Seconds since it was kept.
fn resident(entry: &Entry) -> u64 {
    now_ms().saturating_sub(entry.stored_ms) / 1000
}

/// The response for a request with these headers.
pub(super) fn respond(entry: &Entry, how: How, request: &HeaderMap) -> Response<AnswerBodyStream> {
    let Some(answer) = answer_of(entry) else {
        return respond::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = response(entry, Label::None);
    if answer.status == StatusCode::OK && is_known(request, &answer.headers) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = AnswerBodyStream::empty();
        for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
            response.headers_mut().remove(name);
        }
    }
    let resident = resident(entry);
    let before = answer.headers.get(AGE).and_then(|age| age.to_str().ok()?.parse::<u64>().ok());
    let left = i64::from(entry.lifetime.revalidate.unwrap_or(0)) - resident.cast_signed();
    let status = match how {
        How::Hit | How::Stale => format!("byway; hit; ttl={left}"),
        How::Stored => "byway; fwd=miss; stored".to_owned(),
        How::Collapsed => "byway; fwd=miss; collapsed".to_owned(),
    };
    let headers = response.headers_mut();
    headers.insert(AGE, HeaderValue::from(before.unwrap_or(0).saturating_add(resident)));
    if let Ok(status) = HeaderValue::from_str(&status) {
        headers.append(CACHE_STATUS, status);
    }
    response
}

/// An answer that was made for this request and is not kept.
pub(super) fn passed(mut response: Response<AnswerBodyStream>) -> Response<AnswerBodyStream> {
    response.headers_mut().append(CACHE_STATUS, HeaderValue::from_static("byway; fwd=miss"));
    response
}

/// Whether the client has this answer already (RFC 9110 §13.1.2, §13.1.3).
fn is_known(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_owned();
    let mut lines = request.get_all(IF_NONE_MATCH).iter().peekable();
    if lines.peek().is_some() {
        let Some(own) = answer.get(ETAG).map(|tag| opaque(tag.as_bytes().trim_ascii())) else {
            return false;
        };
        let mut tags = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        return tags.any(|tag| tag.trim_ascii() == b"*" || opaque(tag.trim_ascii()) == own);
    }
    let time = |value: Option<&HeaderValue>| {
        value.and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok())
    };
    match (time(request.get(IF_MODIFIED_SINCE)), time(answer.get(LAST_MODIFIED))) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}
