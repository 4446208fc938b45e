//! The one place that makes answers which no handler made.

use bytes::Bytes;
use byway_pool::DispatchError;
use byway_routes::method::{MethodOutcome, MethodSet};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::AnswerBodyStream;
use crate::gate::Allowance;

/// The answer's stream failed before anything was sent: the connection is closed without an answer, as
/// under Next, so that nobody takes a failure for an empty success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off before it began")]
pub struct AnswerBroken;

/// What a client reads in the answer's body.
const NOT_CACHED: HeaderValue =
    HeaderValue::from_static("private, no-cache, no-store, max-age=0, must-revalidate");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Next's client shows the text of an answer only if this is all that its type says.
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub(crate) fn empty(status: StatusCode) -> Response<AnswerBodyStream> {
    let mut response = Response::new(AnswerBodyStream::empty());
    *response.status_mut() = status;
    response
}

fn with_body(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response<AnswerBodyStream> {
    let mut response = Response::new(AnswerBodyStream::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// A short page, for people who open an API's address in a browser.
fn page(status: StatusCode) -> Response<AnswerBodyStream> {
    let reason = status.canonical_reason().unwrap_or("Error");
    let code = status.as_u16();
    let body = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{code}: {reason}</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;margin:20vh auto 0;width:max-content}}\
         @media(prefers-color-scheme:dark){{body{{background:#000;color:#fff}}}}</style></head>\
         <body><h1>{code}</h1><p>{reason}</p></body></html>"
    );
    with_body(status, HTML, body)
}

/// 404: no route has this path.
pub(crate) fn not_found() -> Response<AnswerBodyStream> {
    refused(StatusCode::NOT_FOUND)
}

/// A page that no cache may keep, for a request that a file or Next's own pages would refuse.
pub(crate) fn refused(status: StatusCode) -> Response<AnswerBodyStream> {
    let mut response = page(status);
    response.headers_mut().insert(CACHE_CONTROL, NOT_CACHED);
    response
}

/// 404 below `/_next/static`, which Next answers as text.
pub(crate) fn static_not_found() -> Response<AnswerBodyStream> {
    let mut response = with_body(StatusCode::NOT_FOUND, TEXT, "Not Found");
    response.headers_mut().insert(CACHE_CONTROL, NOT_CACHED);
    response
}

/// 400: the path cannot be decoded.
pub(crate) fn bad_path() -> Response<AnswerBodyStream> {
    page(StatusCode::BAD_REQUEST)
}

/// 204 with the methods of a route, for `OPTIONS` without a handler.
pub(crate) fn options(allow: &str) -> Response<AnswerBodyStream> {
    let mut response = empty(StatusCode::NO_CONTENT);
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// 405 for a route that is one cached `GET`. Next sends a line for each method.
pub(crate) fn only_get() -> Response<AnswerBodyStream> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    *response.body_mut() = AnswerBodyStream::whole("Method Not Allowed");
    response.headers_mut().append(ALLOW, HeaderValue::from_static("GET"));
    response.headers_mut().append(ALLOW, HeaderValue::from_static("HEAD"));
    response
}

/// What an answer that shows drafts says to caches.
pub(crate) fn not_cached(mut response: Response<AnswerBodyStream>) -> Response<AnswerBodyStream> {
    response.headers_mut().insert(CACHE_CONTROL, NOT_CACHED);
    response
}

/// 308 to the one form of a path. The location has been encoded by the path's parser.
pub(crate) fn redirect(location: String) -> Response<AnswerBodyStream> {
    redirection(StatusCode::PERMANENT_REDIRECT, location)
}

/// A redirect to an encoded location, which is the body too. Old browsers do not know 308, so that one also
/// says `Refresh`.
pub(crate) fn redirection(status: StatusCode, location: String) -> Response<AnswerBodyStream> {
    let location = Bytes::from(location);
    let Ok(value) = HeaderValue::from_maybe_shared(location.clone()) else {
        return bad_path();
    };
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(LOCATION, value);
    if status == StatusCode::PERMANENT_REDIRECT {
        let refresh = Bytes::from([b"0;url=", &*location].concat());
        if let Ok(refresh) = HeaderValue::from_maybe_shared(refresh) {
            headers.insert(HeaderName::from_static("refresh"), refresh);
        }
    }
    let mut response = Response::new(AnswerBodyStream::whole(location));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// 500: a rule or an upstream failed, and the log says why.
pub(crate) fn failed() -> Response<AnswerBodyStream> {
    with_body(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "Internal Server Error")
}

/// What a worker reports of a failure, under development.
#[derive(Debug, Clone)]
pub(crate) struct FailureReport(pub(crate) Bytes);

/// 500: user code failed. The report goes along for whoever shows it to a developer, and no further.
pub(crate) fn reported(report: Option<Bytes>) -> Response<AnswerBodyStream> {
    let mut response = empty(StatusCode::INTERNAL_SERVER_ERROR);
    response.extensions_mut().insert(FailureReport(report.unwrap_or_default()));
    response
}

/// A request that no worker answered.
pub(crate) fn undelivered(
    error: DispatchError,
) -> Result<Response<AnswerBodyStream>, AnswerBroken> {
    let status = match error {
        DispatchError::StreamFailed => return Err(AnswerBroken),
        DispatchError::WorkerGone => StatusCode::BAD_GATEWAY,
        DispatchError::Deadline | DispatchError::WorkerStuck => StatusCode::GATEWAY_TIMEOUT,
        DispatchError::TooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        DispatchError::NoWorker
        | DispatchError::NotDelivered
        | DispatchError::Overloaded
        | DispatchError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response =
        with_body(status, TEXT, status.canonical_reason().unwrap_or_default().as_bytes());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}

/// Why a worker's answer is not used.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unanswered {
    /// There is none.
    Lost(DispatchError),
    /// The request's body got longer than it may while it was being streamed.
    BodyTooLarge,
}

impl From<DispatchError> for Unanswered {
    fn from(error: DispatchError) -> Self {
        Self::Lost(error)
    }
}

/// The answer instead of a worker's to a request with this allowance.
pub(crate) fn unanswered_by(
    why: Unanswered,
    allowance: &Allowance,
) -> Result<Response<AnswerBodyStream>, AnswerBroken> {
    match why {
        Unanswered::BodyTooLarge => Ok(bad_body(StatusCode::PAYLOAD_TOO_LARGE, allowance)),
        Unanswered::Lost(_) => unanswered(why),
    }
}

/// The answer instead of a worker's.
pub(crate) fn unanswered(why: Unanswered) -> Result<Response<AnswerBodyStream>, AnswerBroken> {
    match why {
        Unanswered::Lost(error) => undelivered(error),
        Unanswered::BodyTooLarge => Ok(turned_away(Refusal::BodyTooLarge)),
    }
}

/// 409: no export of this build has the id. Next's client takes it for one of another deployment.
pub(crate) fn unknown_action() -> Response<AnswerBodyStream> {
    not_an_action(StatusCode::CONFLICT, "Server Action unavailable.")
}

/// 400: what names an action is no id.
pub(crate) fn no_action() -> Response<AnswerBodyStream> {
    not_an_action(StatusCode::BAD_REQUEST, "Invalid Server Action request.")
}

fn not_an_action(status: StatusCode, body: &'static str) -> Response<AnswerBodyStream> {
    let mut response = with_body(status, PLAIN, body);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, NOT_CACHED);
    let not_found = HeaderName::from_static("x-nextjs-action-not-found");
    headers.insert(not_found, HeaderValue::from_static("1"));
    response
}

/// 500 with an error in the place of a result, as Next answers a call by a page of another site.
pub(crate) fn action_of_another_site(build_id: &str) -> Response<AnswerBodyStream> {
    let body = format!(
        "0:{{\"a\":\"$@1\",\"q\":\"\",\"i\":false,\"b\":\"{build_id}\"}}\n\
         1:E{{\"digest\":\"CROSS_SITE\"}}\n"
    );
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let mut response = with_body(status, HeaderValue::from_static("text/x-component"), body);
    response.headers_mut().insert(CACHE_CONTROL, NOT_CACHED);
    response
}

/// 413 in Next's words: the arguments of an action are too long. Its client shows them as an error.
fn action_too_long(bytes_max: u64) -> Response<AnswerBodyStream> {
    const UNITS: [(u64, &str); 3] = [(1 << 30, " GB"), (1 << 20, " MB"), (1 << 10, " KB")];
    let unit = UNITS.into_iter().find(|(unit, _)| bytes_max > 0 && bytes_max.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1, " bytes"));
    let body = format!(
        "Body exceeded {}{name} limit.\nTo configure the body size limit for Server Actions, see: \
         https://nextjs.org/docs/app/api-reference/next-config-js/serverActions#bodysizelimit",
        bytes_max / unit
    );
    with_body(StatusCode::PAYLOAD_TOO_LARGE, PLAIN, body)
}

/// 501: Next would answer with a page here.
pub(crate) fn page_not_rendered() -> Response<AnswerBodyStream> {
    let mut response = with_body(StatusCode::NOT_IMPLEMENTED, TEXT, PAGE_NOT_RENDERED);
    response.headers_mut().insert(CACHE_CONTROL, NOT_CACHED);
    response
}

const PAGE_NOT_RENDERED: &str = "\
501 Not Implemented

This address is a page of the project that is not rendered here: byway serves route handlers, API routes,
files in public/ and pages of Server Components. `byway check` says why this one is not rendered; let
`next start` or another server answer for it.
";

/// What a method gets without running any JavaScript; `None` when a handler has to answer.
pub(crate) fn by_method(
    exported: Option<MethodSet>,
    method: &str,
) -> Option<Response<AnswerBodyStream>> {
    match (exported.unwrap_or_default().outcome(method), exported) {
        (MethodOutcome::BadRequest, _) => Some(empty(StatusCode::BAD_REQUEST)),
        // Where the build could not know the exports, the worker decides.
        (_, None) | (MethodOutcome::Dispatch | MethodOutcome::AutoHead, _) => None,
        (MethodOutcome::Options { allow }, _) => Some(options(&allow)),
        (MethodOutcome::NotAllowed, _) => Some(empty(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

/// Why a policy refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 429
    RateLimited,
    /// 413
    BodyTooLarge,
    /// 403
    CrossSite,
}

/// The answer to a request that a policy refuses, for programs.
pub(crate) fn turned_away(refusal: Refusal) -> Response<AnswerBodyStream> {
    let (status, body) = match refusal {
        Refusal::RateLimited => (
            StatusCode::TOO_MANY_REQUESTS,
            r#"{"error":"rate_limited","message":"too many requests"}"#,
        ),
        Refusal::BodyTooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            r#"{"error":"body_too_large","message":"the body is too large"}"#,
        ),
        Refusal::CrossSite => (
            StatusCode::FORBIDDEN,
            r#"{"error":"cross_site_request","message":"another site sent this request"}"#,
        ),
    };
    with_body(status, JSON, Bytes::from_static(body.as_bytes()))
}

/// A request whose body did not come as it may come.
pub(crate) fn bad_body(status: StatusCode, allowance: &Allowance) -> Response<AnswerBodyStream> {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE if allowance.is_action => {
            action_too_long(allowance.body_bytes_max)
        }
        StatusCode::PAYLOAD_TOO_LARGE => turned_away(Refusal::BodyTooLarge),
        StatusCode::SERVICE_UNAVAILABLE => overloaded(),
        _ => empty(status),
    }
}

/// 503: as much is going on as may.
pub(crate) fn overloaded() -> Response<AnswerBodyStream> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut response = with_body(status, TEXT, "Service Unavailable");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
