//! Whether the project's proxy sees the requests of a route.
//!
//! The matchers themselves are asked, about paths that the route serves. Conditions on headers, cookies and
//! queries make it a matter of the request.

use std::borrow::Cow;

use anyhow::Context as _;
use byway_routes::manifest::Manifest;
use byway_routes::path::{PathOptions, PathOutcome, RequestPath, parse_target};
use byway_routes::pattern::Pattern;
use byway_routes::proxy::{MatcherOptions, MatcherSource, ProxyMatchers};
use byway_routes::rules::condition::Facts;

use super::samples;

const YES: &str = "yes";
const NO: &str = "no";
const SOMETIMES: &str = "sometimes";

/// The matchers, with and without those that have conditions.
pub(super) struct ProxyTest {
    any: Option<ProxyMatchers>,
    unconditional: Option<ProxyMatchers>,
    base_path: String,
}

/// A request without anything that a condition could ask for; there are no conditions left.
struct Nothing;

impl Facts for Nothing {
    fn header(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
    fn cookie(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
    fn query(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

impl ProxyTest {
    pub(super) fn of(manifest: &Manifest) -> anyhow::Result<Self> {
        let base_path = manifest.config.base_path.clone();
        let Some(proxy) = &manifest.proxy else {
            return Ok(Self { any: None, unconditional: None, base_path });
        };
        let options = MatcherOptions::from(&manifest.config);
        let compile = |sources: Option<&[MatcherSource]>| {
            ProxyMatchers::new(sources, &options)
                .with_context(|| format!("the matcher of `{}` cannot be compiled", proxy.file))
        };
        let sources = proxy.matchers.as_ref();
        let bare = |it: &MatcherSource| MatcherSource {
            has: Vec::new(),
            missing: Vec::new(),
            ..it.clone()
        };
        let all: Option<Vec<_>> = sources.map(|list| list.iter().map(bare).collect());
        let is_free = |it: &&MatcherSource| it.has.is_empty() && it.missing.is_empty();
        let free: Option<Vec<_>> =
            sources.map(|list| list.iter().filter(is_free).cloned().collect());
        Ok(Self {
            any: Some(compile(all.as_deref())?),
            unconditional: Some(compile(free.as_deref())?),
            base_path,
        })
    }

    /// `yes`, `no`, or `sometimes` where it depends on the parameters or on the request.
    pub(super) fn applies_to(&self, pattern: &Pattern) -> &'static str {
        let (Some(any), Some(free)) = (&self.any, &self.unconditional) else { return NO };
        let paths = self.paths(pattern);
        let count = |matchers: &ProxyMatchers| {
            paths.iter().filter(|path| matchers.matches(path, &Nothing)).count()
        };
        match (count(free), count(any)) {
            (_, 0) => NO,
            (all, _) if all == paths.len() => YES,
            _ => SOMETIMES,
        }
    }

    /// Paths that the route serves.
    fn paths(&self, pattern: &Pattern) -> Vec<RequestPath> {
        let options = PathOptions { base_path: self.base_path.clone(), ..PathOptions::default() };
        let one = |path: String| {
            let target = format!("{}{path}", self.base_path);
            match parse_target(target.as_bytes(), &options) {
                PathOutcome::Path(path) => Some(path),
                _ => None,
            }
        };
        samples::paths(pattern).into_iter().filter_map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use byway_routes::next_config::NextConfig;
    use byway_routes::proxy::MatcherOptions;
    use serde_json::json;

    use super::*;

    fn applies(matchers: serde_json::Value, pattern: &str) -> &'static str {
        let sources: Vec<MatcherSource> = serde_json::from_value(matchers).unwrap();
        let bare: Vec<MatcherSource> = sources
            .iter()
            .map(|it| MatcherSource { has: Vec::new(), missing: Vec::new(), ..it.clone() })
            .collect();
        let free: Vec<MatcherSource> =
            sources.into_iter().filter(|it| it.has.is_empty() && it.missing.is_empty()).collect();
        let options = MatcherOptions::from(&NextConfig::default());
        let test = ProxyTest {
            any: Some(ProxyMatchers::new(Some(&bare), &options).unwrap()),
            unconditional: Some(ProxyMatchers::new(Some(&free), &options).unwrap()),
            base_path: String::new(),
        };
        test.applies_to(&Pattern::parse(pattern).unwrap())
    }

    #[test]
    fn matchers_are_asked_about_paths_of_the_route() {
        let api = || json!([{ "source": "/api/:path*" }]);
        assert_eq!(applies(api(), "/api/users/[id]"), YES);
        assert_eq!(applies(api(), "/other"), NO);
        assert_eq!(applies(json!([{ "source": "/api/users/7" }]), "/api/users/[id]"), SOMETIMES);
        let files = json!([{ "source": "/((?!api|favicon.ico).*)" }]);
        assert_eq!(applies(files.clone(), "/api/users"), NO);
        assert_eq!(applies(files.clone(), "/[...all]"), SOMETIMES);
        assert_eq!(applies(files, "/ü"), YES);
        let has = json!([{ "source": "/api/:path*", "has": [{ "type": "header", "key": "x" }] }]);
        assert_eq!(applies(has, "/api/users"), SOMETIMES);
    }
}
