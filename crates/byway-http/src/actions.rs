//! Calls of Server Actions: POST requests to where there is a page or nothing, with the id of an
//! action in a header or with the fields of a form. What they mean is decided here, by the head
//! alone; workers decode the body.

use std::borrow::Cow;

use byway_config::RoutePolicy;
use byway_config::limits::ACTION_BODY_BYTES_MAX;
use byway_gate::action_origin::ActionOrigins;
use byway_routes::manifest::{Manifest, Route, RouteKind};
use byway_routes::path::RequestPath;
use byway_routes::pattern::Pattern;
use byway_routes::router::Match;
use byway_routes::rules::resolve::Site as _;
use byway_routes::segment_config::SegmentConfig;
use http::header::{CONTENT_TYPE, HOST, HeaderMap};
use http::request::Parts;
use http::{HeaderName, Method, Response};
use rustc_hash::FxHashMap;

use crate::app::{Asked, Inner};
use crate::{AnswerBodyStream, respond};

const NEXT_ACTION: HeaderName = HeaderName::from_static("next-action");
/// Digits of an id.
const ID_CHARS: usize = 42;

/// The actions of a build.
#[derive(Debug)]
pub(crate) struct Actions {
    /// The number of the first one; that of forms is behind the last one.
    first: usize,
    count: usize,
    /// Everything that clients may call them, and the numbers.
    ids: FxHashMap<Box<str>, usize>,
    origins: ActionOrigins,
    body_bytes_max: u64,
    build_id: Box<str>,
}

/// What a request calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call<'h> {
    /// The action with this id. The client is React's.
    ById(&'h str),
    /// A form of a page, which a browser sends without JavaScript.
    Form,
}

impl Call<'_> {
    fn of(head: &Parts) -> Option<Call<'_>> {
        if head.method != Method::POST {
            return None;
        }
        let content_type = text(&head.headers, &CONTENT_TYPE).unwrap_or_default();
        if !head.headers.contains_key(NEXT_ACTION) {
            let is_form = content_type.starts_with("multipart/form-data");
            return is_form.then_some(Call::Form);
        }
        // As under Next, which knows no actions of such forms.
        if content_type == "application/x-www-form-urlencoded" {
            return None;
        }
        Some(Call::ById(text(&head.headers, &NEXT_ACTION).unwrap_or_default()))
    }
}

/// The value of a header that there is once.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

impl Actions {
    /// Those of a build that has some.
    pub(crate) fn of(manifest: &Manifest) -> Option<Self> {
        let actions = manifest.actions.as_ref()?;
        let first = manifest.routes.len();
        let numbered = actions.entries.iter().enumerate();
        let ids =
            numbered.flat_map(|(index, it)| it.ids().map(move |id| (id.into(), first + index)));
        let config = &manifest.config.server_actions;
        Some(Self {
            first,
            count: actions.entries.len(),
            ids: ids.collect(),
            origins: ActionOrigins::new(config.allowed_origins.iter().map(String::as_str)),
            body_bytes_max: config.body_size_limit_bytes.unwrap_or(ACTION_BODY_BYTES_MAX),
            build_id: manifest.build_id.as_str().into(),
        })
    }

    pub(crate) fn body_bytes_max(&self) -> u64 {
        self.body_bytes_max
    }

    /// The number of what a call is for; `own` says whether its page may make it.
    fn number(&self, call: Call<'_>, own: bool) -> Result<usize, RefusedCall> {
        if !own {
            return Err(RefusedCall::AnotherSite { is_form: call == Call::Form });
        }
        let id = match call {
            Call::Form => return Ok(self.first + self.count),
            Call::ById(id) => id,
        };
        let is_id = id.len() == ID_CHARS
            && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_id {
            return Err(RefusedCall::NoId);
        }
        self.ids.get(id).copied().ok_or(RefusedCall::Unknown)
    }
}

/// Why a call is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusedCall {
    /// A page of another site makes it.
    AnotherSite { is_form: bool },
    /// What names the action is no id.
    NoId,
    /// No action has the id.
    Unknown,
}

/// The manifest with the actions among the routes, for who counts and limits requests by routes.
pub(crate) fn among_routes(manifest: &Manifest) -> Cow<'_, Manifest> {
    let Some(actions) = &manifest.actions else { return Cow::Borrowed(manifest) };
    let mut all = manifest.clone();
    let labels = actions.entries.iter().map(|it| (it.label(), it.file.clone()));
    let form = ("action".to_owned(), String::new());
    all.routes.extend(labels.chain([form]).map(|(path, file)| Route {
        path,
        pattern: Pattern { segments: Vec::new() },
        file,
        kind: RouteKind::App,
        chunk: actions.chunk.clone(),
        methods: Some(vec!["POST".to_owned()]),
        segment: SegmentConfig::default(),
        policy: RoutePolicy::default(),
        size: 0,
    }));
    Cow::Owned(all)
}

impl Inner {
    /// What a request calls for which there is no route: nothing, an action, or an answer that
    /// refuses the call. `path` is what rewrites have made of the request's.
    pub(crate) fn action<'p>(
        &'p self,
        asked: &Asked<'_>,
        path: &'p RequestPath,
    ) -> Option<Result<Match<'p, 'p>, RefusedCall>> {
        let actions = self.actions.as_ref()?;
        let call = Call::of(asked.head)?;
        if path.is_outside_base() {
            return None;
        }
        let authority = match asked.client.authority() {
            "" => text(&asked.sent.headers, &HOST)
                .or_else(|| asked.sent.uri.authority().map(http::uri::Authority::as_str)),
            authority => Some(authority),
        };
        let own = actions.origins.allows(&asked.sent.headers, authority);
        Some(actions.number(call, own).map(|number| Match::without_params(number, path)))
    }

    /// Whether a request is no route's: what it has found is a page that is not rendered here, or the
    /// request calls an action from one that is.
    pub(crate) fn is_page_for(&self, asked: &Asked<'_>, found: &Match<'_, '_>) -> bool {
        found.route >= self.routes.len()
            || (asked.head.method == Method::POST
                && self.kind(found.route) == RouteKind::Page
                && self.action(asked, found.path()).is_some())
    }

    /// The answer to a request for which there is no route: that a call is refused, or `otherwise`.
    pub(crate) fn refused_call(
        &self,
        asked: &Asked<'_>,
        path: &RequestPath,
        otherwise: impl FnOnce() -> Response<AnswerBodyStream>,
    ) -> Response<AnswerBodyStream> {
        let Some(Err(refused)) = self.action(asked, path) else { return otherwise() };
        match refused {
            RefusedCall::NoId => respond::no_action(),
            RefusedCall::Unknown => respond::unknown_action(),
            RefusedCall::AnotherSite { is_form } => {
                tracing::warn!(
                    "a page of another site called a Server Action at {}; \
                     `serverActions.allowedOrigins` of next.config names the hosts that may",
                    path.as_str()
                );
                let build_id = self.actions.as_ref().map_or("", |actions| &actions.build_id);
                if is_form { respond::failed() } else { respond::action_of_another_site(build_id) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::Call;

    #[test]
    fn only_a_post_with_an_id_or_a_form_is_a_call() {
        let check = |method: &str, lines: &[(&str, &str)], expect: Option<Call<'_>>| {
            let mut request = Request::builder().method(method);
            for (name, value) in lines {
                request = request.header(*name, *value);
            }
            let (head, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(Call::of(&head), expect, "{method} {lines:?}");
        };
        let form = ("content-type", "multipart/form-data; boundary=x");
        check("POST", &[("next-action", "ab")], Some(Call::ById("ab")));
        check("POST", &[("next-action", "ab"), form], Some(Call::ById("ab")));
        check("POST", &[form], Some(Call::Form));
        check("POST", &[], None);
        check("POST", &[("content-type", "text/plain")], None);
        let plain = ("content-type", "application/x-www-form-urlencoded");
        check("POST", &[plain], None);
        check("POST", &[("next-action", "ab"), plain], None);
        for method in ["GET", "PUT", "HEAD", "DELETE", "OPTIONS"] {
            check(method, &[("next-action", "ab")], None);
            check(method, &[form], None);
        }
        // Two ids name nothing.
        check("POST", &[("next-action", "ab"), ("next-action", "cd")], Some(Call::ById("")));
    }
}
