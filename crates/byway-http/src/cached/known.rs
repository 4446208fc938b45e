//! The paths of a route that are known before anybody asks for them.

use byway_cache::canonical_path;
use byway_config::limits::CACHE_STATIC_PATHS_MAX;
use byway_routes::caching::Caching;
use byway_routes::pattern::{Pattern, Segment};
use byway_wire::Purpose;
use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value as Json};
use tokio::sync::OnceCell;

use crate::cached::prerender::percent;
use crate::cached::render::Job;
use crate::cached::{CachedRoute, CachedRoutes};

/// What `generateStaticParams` has said, once it was asked.
#[derive(Debug)]
pub(super) struct Known {
    /// Whether other paths are missing.
    closed: bool,
    paths: OnceCell<FxHashSet<Box<str>>>,
    /// Known paths that were not rendered yet.
    unrendered: Mutex<FxHashSet<Box<str>>>,
    /// Whether the route is its only path, which was not rendered yet.
    single_unrendered: Mutex<bool>,
}

/// The paths are not known, which the log says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unknown;

impl Known {
    pub(super) fn new(caching: Caching) -> Self {
        Self {
            closed: caching.static_params && !caching.dynamic_params,
            paths: OnceCell::new(),
            unrendered: Mutex::new(FxHashSet::default()),
            single_unrendered: Mutex::new(caching.single),
        }
    }

    /// Asks a worker for the paths, unless that was done. Those who need them wait for one question; one
    /// that fails is asked again by the next who needs them.
    pub(super) async fn load(
        &self,
        routes: &CachedRoutes,
        route: &CachedRoute,
    ) -> Result<(), Unknown> {
        let ask = async {
            let pattern = Pattern::parse(&route.pattern).map_err(|_| Unknown)?;
            let list = ask(routes, route).await.map_err(|why| {
                tracing::error!("generateStaticParams of {} failed: {why}", route.pattern);
                Unknown
            })?;
            let paths: FxHashSet<_> = list
                .iter()
                .filter_map(|params| {
                    let path = path_of(&pattern, params);
                    if path.is_none() {
                        let route = &route.pattern;
                        tracing::warn!("generateStaticParams of {route} left out a parameter");
                    }
                    path
                })
                .take(CACHE_STATIC_PATHS_MAX)
                .collect();
            self.unrendered.lock().clone_from(&paths);
            Ok(paths)
        };
        self.paths.get_or_try_init(|| ask).await.map(|_| ())
    }

    /// Whether there is such a path.
    pub(super) fn exists(&self, path: &str) -> bool {
        !self.closed || self.paths.get().is_some_and(|paths| paths.contains(path))
    }

    /// Whether it is known and was not rendered yet.
    pub(super) fn is_first(&self, path: &str) -> bool {
        *self.single_unrendered.lock() || self.unrendered.lock().contains(path)
    }

    pub(super) fn was_rendered(&self, path: &str) {
        *self.single_unrendered.lock() = false;
        self.unrendered.lock().remove(path);
    }

    /// The paths that are known.
    pub(super) fn paths(&self) -> Vec<Box<str>> {
        self.paths.get().map(|paths| paths.iter().cloned().collect()).unwrap_or_default()
    }
}

/// The list that `generateStaticParams` gives.
async fn ask(routes: &CachedRoutes, route: &CachedRoute) -> Result<Vec<Map<String, Json>>, String> {
    let job = Job::for_params(route);
    let answer = job.run(&routes.pool, Purpose::StaticParams).await;
    let (head, body) = answer.map_err(|error| error.to_string())?;
    let body = body.ok_or("its list is too long")?;
    if head.status != 200 {
        return Err("it threw; the error is above".to_owned());
    }
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}

/// The path that a set of parameters makes of a pattern, in the form of a key.
fn path_of(pattern: &Pattern, params: &Map<String, Json>) -> Option<Box<str>> {
    let mut path = String::new();
    for segment in &pattern.segments {
        let value = segment.param_name().map(|name| params.get(name));
        match (segment, value) {
            (Segment::Static(text), _) | (Segment::Param(_), Some(Some(Json::String(text)))) => {
                push(&mut path, text);
            }
            (
                Segment::CatchAll(_) | Segment::OptionalCatchAll(_),
                Some(Some(Json::Array(texts))),
            ) => {
                for text in texts {
                    push(&mut path, text.as_str()?);
                }
            }
            (Segment::OptionalCatchAll(_), Some(None | Some(Json::Null | Json::Bool(false)))) => {}
            _ => return None,
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    Some(path.into())
}

fn push(path: &mut String, text: &str) {
    let mut spelt = String::with_capacity(text.len() * 3);
    text.bytes().for_each(|byte| percent(&mut spelt, byte));
    path.push('/');
    path.push_str(&canonical_path(&spelt));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, params: &str, expect: Option<&str>) {
        let params: Map<String, Json> = serde_json::from_str(params).unwrap();
        let path = path_of(&Pattern::parse(pattern).unwrap(), &params);
        assert_eq!(path.as_deref(), expect, "{pattern}");
    }

    #[test]
    fn parameters_make_a_path() {
        check("/a/[slug]", r#"{"slug":"b c"}"#, Some("/a/b c"));
        check("/a/[slug]", r#"{"slug":"é"}"#, Some("/a/é"));
        check("/a/[slug]", r#"{"slug":"x/y"}"#, Some("/a/x%2Fy"));
        check("/[a]/[...rest]", r#"{"a":"x","rest":["1","2"]}"#, Some("/x/1/2"));
        check("/o/[[...rest]]", "{}", Some("/o"));
        check("/o/[[...rest]]", r#"{"rest":["a"]}"#, Some("/o/a"));
        check("/a/[slug]", "{}", None);
        check("/a/[slug]", r#"{"slug":5}"#, None);
        check("/a/[...rest]", r#"{"rest":"a"}"#, None);
    }
}
