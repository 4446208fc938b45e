//! Which route handlers are cached, and how, from what their files say.
//!
//! As under Next, a `GET` handler is cached only where its file asks for it, and only in a file without
//! handlers for other methods.

use crate::manifest::{Route, RouteKind};
use crate::segment_config::{Dynamic, Revalidate};

/// The methods whose presence makes a file's `GET` dynamic.
const DYNAMIC_METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// How a cached route handler is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caching {
    /// Whether the route has no parameters: one answer, known before anybody asks.
    pub single: bool,
    /// Whether `generateStaticParams` names paths that are known before anybody asks.
    pub static_params: bool,
    /// Whether paths that it does not name exist too.
    pub dynamic_params: bool,
    /// Seconds after which an answer is made anew; `None`: never.
    pub revalidate: Option<u32>,
}

impl Caching {
    /// How the route is cached; `None` when it runs for every request.
    pub fn of(route: &Route, cache_components: bool) -> Option<Self> {
        let segment = &route.segment;
        let methods = route.methods.as_ref()?;
        let has = |name: &str| methods.iter().any(|method| method == name);
        let only_get = has("GET") && !DYNAMIC_METHODS.into_iter().any(has);
        if route.kind == RouteKind::Pages || !only_get || segment.is_edge() {
            return None;
        }
        // Parts of a page may be dynamic under `cacheComponents`, which only running it tells.
        let cache_components = cache_components && route.kind == RouteKind::App;
        let forced = match segment.dynamic {
            Some(Dynamic::ForceDynamic) => return None,
            Some(Dynamic::ForceStatic | Dynamic::Error) => true,
            Some(Dynamic::Auto) | None => false,
        };
        let revalidate = match segment.revalidate {
            Some(Revalidate::After(0)) => return None,
            Some(Revalidate::After(seconds)) => Some(seconds),
            Some(Revalidate::Never) | None => None,
        };
        let static_params = segment.generate_static_params;
        let single = route.pattern.is_static();
        let timed = segment.revalidate.is_some() || cache_components;
        let cached = forced || static_params || (single && timed);
        cached.then_some(Self {
            single,
            static_params: static_params && !single,
            dynamic_params: segment.dynamic_params != Some(false),
            revalidate,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;
    use crate::segment_config::{Runtime, SegmentConfig};
    use byway_config::RoutePolicy;

    fn route(path: &str, methods: &[&str], segment: SegmentConfig) -> Route {
        Route {
            policy: RoutePolicy::default(),
            path: path.to_owned(),
            pattern: Pattern::parse(path).unwrap(),
            file: String::new(),
            kind: RouteKind::App,
            chunk: String::new(),
            methods: Some(methods.iter().map(ToString::to_string).collect()),
            segment,
            size: 0,
        }
    }

    fn of(path: &str, methods: &[&str], segment: SegmentConfig) -> Option<Caching> {
        Caching::of(&route(path, methods, segment), false)
    }

    fn dynamic(dynamic: Dynamic) -> SegmentConfig {
        SegmentConfig { dynamic: Some(dynamic), ..SegmentConfig::default() }
    }

    fn revalidate(revalidate: Revalidate) -> SegmentConfig {
        SegmentConfig { revalidate: Some(revalidate), ..SegmentConfig::default() }
    }

    #[test]
    fn a_handler_is_dynamic_unless_its_file_says_otherwise() {
        assert_eq!(of("/a", &["GET"], SegmentConfig::default()), None);
        assert_eq!(of("/a", &["GET"], dynamic(Dynamic::Auto)), None);
        assert_eq!(of("/a", &["GET"], dynamic(Dynamic::ForceDynamic)), None);
        assert_eq!(of("/a", &["GET"], revalidate(Revalidate::After(0))), None);
        for segment in [
            dynamic(Dynamic::ForceStatic),
            dynamic(Dynamic::Error),
            revalidate(Revalidate::Never),
            revalidate(Revalidate::After(60)),
        ] {
            let caching = of("/a", &["GET"], segment).unwrap();
            assert!(caching.single && caching.dynamic_params && !caching.static_params);
        }
        let sixty = of("/a", &["GET", "HEAD"], revalidate(Revalidate::After(60)));
        assert_eq!(sixty.unwrap().revalidate, Some(60));
    }

    #[test]
    fn other_methods_and_the_edge_make_it_dynamic() {
        for method in DYNAMIC_METHODS {
            assert_eq!(of("/a", &["GET", method], dynamic(Dynamic::ForceStatic)), None);
        }
        assert_eq!(of("/a", &["HEAD"], dynamic(Dynamic::ForceStatic)), None);
        let mut segment = dynamic(Dynamic::ForceStatic);
        segment.runtime = Some(Runtime::Edge);
        assert_eq!(of("/a", &["GET"], segment), None);
        let mut unknown = route("/a", &["GET"], dynamic(Dynamic::ForceStatic));
        unknown.methods = None;
        assert_eq!(Caching::of(&unknown, false), None);
    }

    #[test]
    fn a_path_with_parameters_needs_more_than_a_time() {
        assert_eq!(of("/[id]", &["GET"], revalidate(Revalidate::After(60))), None);
        assert!(of("/[id]", &["GET"], dynamic(Dynamic::ForceStatic)).is_some());
        let generated = SegmentConfig {
            generate_static_params: true,
            dynamic_params: Some(false),
            ..SegmentConfig::default()
        };
        let caching = of("/[id]", &["GET"], generated).unwrap();
        assert!(caching.static_params && !caching.dynamic_params && !caching.single);
    }

    #[test]
    fn with_cache_components_every_single_get_may_be_cached() {
        let plain = route("/a", &["GET"], SegmentConfig::default());
        assert!(Caching::of(&plain, true).is_some());
        let param = route("/[id]", &["GET"], SegmentConfig::default());
        assert_eq!(Caching::of(&param, true), None);
    }
}
