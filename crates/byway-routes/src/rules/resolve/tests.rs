use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::json;

use super::{Resolution, Site};
use crate::manifest::RouteKind;
use crate::next_config::NextConfig;
use crate::path::{PathOptions, PathOutcome, RequestPath, parse_target};
use crate::pattern::Pattern;
use crate::router::Router;
use crate::rules::condition::Facts;
use crate::rules::query::last_value;
use crate::rules::table::{RuleFailure, Rules};

struct Project {
    rules: Rules,
    router: Router,
    routes: Vec<&'static str>,
    files: Vec<&'static str>,
    paths: PathOptions,
}

impl Site for Project {
    fn router(&self) -> &Router {
        &self.router
    }

    fn kind(&self, route: usize) -> RouteKind {
        if self.routes[route].starts_with("/api") { RouteKind::Pages } else { RouteKind::App }
    }

    fn has_file(&self, path: &RequestPath) -> bool {
        self.files.contains(&path.as_str())
    }
}

struct Asked<'a> {
    query: &'a str,
    host: &'a str,
}

impl Facts for Asked<'_> {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "host").then_some(Cow::Borrowed(self.host))
    }

    fn cookie(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        last_value(self.query, name)
    }
}

fn project(config: serde_json::Value, routes: &[&'static str], files: &[&'static str]) -> Project {
    let config: NextConfig = serde_json::from_value(config).unwrap();
    let patterns: Vec<Pattern> = routes.iter().map(|it| Pattern::parse(it).unwrap()).collect();
    Project {
        rules: Rules::new(&config).unwrap(),
        router: Router::new(&patterns),
        routes: routes.to_vec(),
        files: files.to_vec(),
        paths: PathOptions { base_path: config.base_path, ..PathOptions::default() },
    }
}

impl Project {
    fn path(&self, target: &str) -> RequestPath {
        match parse_target(target.as_bytes(), &self.paths) {
            PathOutcome::Path(path) => path,
            other => panic!("{target}: {other:?}"),
        }
    }

    /// What a target means, in words.
    fn ask(&self, target: &str) -> Result<String, RuleFailure> {
        let path = self.path(target);
        let facts = Asked { query: path.query(), host: "Example.FR:3000" };
        Ok(match self.rules.resolve(&path, &facts, self)? {
            Resolution::Route { path: to, query } => {
                let found = self.router.matches(to.get(&path)).unwrap();
                let params: Vec<String> =
                    found.params().map(|(name, value)| format!(" {name}={value:?}")).collect();
                let added: Vec<String> = query
                    .iter()
                    .map(|(name, values)| format!(" +{name}={}", values.join(",")))
                    .collect();
                [self.routes[found.route].to_owned(), params.concat(), added.concat()].concat()
            }
            Resolution::File { path: to } => format!("file {}", to.get(&path).as_str()),
            Resolution::External { target, query } => target.url(&query),
            Resolution::NotFound => "nothing".to_owned(),
        })
    }

    fn check(&self, target: &str, expect: &str) {
        assert_eq!(self.ask(target).as_deref(), Ok(expect), "{target}");
    }
}

fn in_order() -> Project {
    let config = json!({ "rewrites": {
        "beforeFiles": [
            { "source": "/bf", "destination": "/target?from=bf" },
            { "source": "/shadow.txt", "destination": "/target" },
            { "source": "/bf-has", "destination": "/target", "has": [{ "type": "query", "key": "rw" }] },
            { "source": "/twice", "destination": "/bf2" },
            { "source": "/bf2", "destination": "/dyn/second" },
        ],
        "afterFiles": [
            { "source": "/static", "destination": "/target?never=1" },
            { "source": "/dyn/early", "destination": "/target?early=1" },
            { "source": "/to-file", "destination": "/hello.txt" },
            { "source": "/chain1", "destination": "/chain2" },
            { "source": "/chain2", "destination": "/target?chained=1" },
            { "source": "/p/:id", "destination": "/dyn/:id" },
            { "source": "/many/:path*", "destination": "/all/:path*" },
            { "source": "/auto/:x", "destination": "/target" },
            { "source": "/out/:path*", "destination": "https://upstream.test:8443/v1/:path*" },
            { "source": "/out-q/:x", "destination": "http://upstream.test/s?q=:x" },
            { "source": "/q-dots", "destination": "/dyn/:to", "has": [{ "type": "query", "key": "to", "value": "(?<to>.+)" }] },
        ],
        "fallback": [
            { "source": "/dyn/:x", "destination": "/target?fb=dyn" },
            { "source": "/fb/:path*", "destination": "/target?fb=:path*" },
        ],
    }});
    let routes = ["/target", "/static", "/dyn/[id]", "/all/[...path]"];
    project(config, &routes, &["/hello.txt", "/shadow.txt", "/dyn/file"])
}

#[test]
fn rules_files_and_routes_take_their_turns() {
    let site = in_order();
    site.check("/target", "/target");
    site.check("/bf?mine=1", "/target +from=bf");
    site.check("/shadow.txt", "/target");
    site.check("/bf-has", "nothing");
    site.check("/bf-has?rw=1", "/target +rw=1");
    site.check("/twice", "/dyn/[id] id=One(\"second\")");
    site.check("/static", "/static");
    site.check("/dyn/early", "/target +early=1");
    site.check("/dyn/file", "file /dyn/file");
    site.check("/dyn/x", "/dyn/[id] id=One(\"x\")");
    site.check("/to-file", "file /hello.txt");
    site.check("/chain1", "/target +chained=1");
    site.check("/auto/v", "/target +x=v");
    site.check("/fb/a/b", "/target +fb=a/b +path=a,b");
    site.check("/P/a%2Fb", "/dyn/[id] id=One(\"a/b\")");
    site.check("/none", "nothing");
}

#[test]
fn other_servers_get_path_and_query() {
    let site = in_order();
    site.check("/out/a/b%20c?x=1&y=a+b", "https://upstream.test:8443/v1/a/b%20c?x=1&y=a%20b");
    site.check("/out", "https://upstream.test:8443/v1");
    site.check("/out-q/a&b=c?z=1", "http://upstream.test/s?z=1&q=a%26b=c&x=a%26b=c");
}

#[test]
fn x10_captured_dot_segments_lead_nowhere() {
    let site = in_order();
    assert_eq!(site.ask("/q-dots?to=../target"), Err(RuleFailure::Refused));
    assert_eq!(site.ask("/q-dots?to=%2e%2e"), Err(RuleFailure::Refused));
    site.check("/q-dots?to=fine", "/dyn/[id] id=One(\"fine\")");
    site.check("/out/..%2f..%2fadmin", "https://upstream.test:8443/v1/..%2f..%2fadmin");
}

#[test]
fn base_paths_bound_what_is_found() {
    let config = json!({ "basePath": "/base", "rewrites": {
        "afterFiles": [
            { "source": "/base/rw/:x", "destination": "/base/target?x=:x" },
            { "source": "/outside", "destination": "http://upstream.test/o" },
        ]
    }});
    let site = project(config, &["/target"], &[]);
    site.check("/base/target", "/target");
    site.check("/target", "nothing");
    site.check("/base/rw/1", "/target +x=1");
    site.check("/outside", "http://upstream.test/o");
    site.check("/basement/target", "nothing");
}

#[test]
fn locales_are_for_pages() {
    let config = json!({
        "i18n": { "locales": ["en", "fr"], "defaultLocale": "en",
                  "domains": [{ "domain": "example.de", "defaultLocale": "fr" }] },
        "rewrites": { "afterFiles": [
            { "source": "/:nextInternalLocale(en|fr)/via/:x", "destination": "/:nextInternalLocale/api/i18n?x=:x" },
            { "source": "/:locale(en|fr)/nl/:x", "destination": "/api/i18n?x=:x&l=:locale" },
        ]}
    });
    let site = project(config, &["/api/i18n", "/r", "/r/[id]", "/api/u/[id]"], &["/a.txt"]);
    site.check("/api/i18n", "/api/i18n");
    site.check("/fr/api/i18n", "nothing");
    site.check("/en/api/i18n", "nothing");
    site.check("/fr/api/u/1", "nothing");
    site.check("/api/u/1", "/api/u/[id] id=One(\"1\")");
    site.check("/via/5", "/api/i18n +x=5");
    site.check("/fr/via/5", "/api/i18n +x=5");
    site.check("/fr/nl/5", "/api/i18n +x=5 +l=fr +locale=fr");
    site.check("/r/1", "/r/[id] id=One(\"1\")");
    site.check("/fr/r/1", "nothing");
    site.check("/en/r/1", "nothing");
    site.check("/en/r", "/r");
    site.check("/fr/r", "nothing");
    site.check("/a.txt", "file /a.txt");
    site.check("/en/a.txt", "file /a.txt");
    site.check("/fr/a.txt", "nothing");
}

#[test]
fn headers_and_redirects() {
    let config = json!({
        "basePath": "",
        "headers": [
            { "source": "/h/:first/:rest*", "headers": [{ "key": "x-:first", "value": ":rest*" }] },
            { "source": "/:all*", "headers": [{ "key": "x-all", "value": "1" }] },
        ],
        "redirects": [
            { "source": "/:path*", "destination": "/new/:path*", "status": 307,
              "has": [{ "type": "query", "key": "go" }] },
            { "source": "/old", "destination": "/new", "status": 308 },
        ],
    });
    let site = project(config, &[], &[]);
    let facts = |path: &RequestPath| path.query().to_owned();
    let headers = |target: &str| {
        let path = site.path(target);
        let query = facts(&path);
        site.rules.headers(&path, &Asked { query: &query, host: "h" }).unwrap()
    };
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(headers("/h/a/b/c"), [line("x-a", "b/c"), line("x-all", "1")]);
    assert_eq!(headers("/h/a"), [line("x-a", ":rest*"), line("x-all", "1")]);
    let redirect = |target: &str| {
        let path = site.path(target);
        let query = facts(&path);
        let found = site.rules.redirect(&path, &Asked { query: &query, host: "h" }).unwrap();
        found.map(|it| (it.status, it.location))
    };
    assert_eq!(redirect("/OLD"), Some((308, "/new".to_owned())));
    assert_eq!(redirect("/a/b?go=1"), Some((307, "/new/a/b?go=1".to_owned())));
    assert_eq!(redirect("/_next/static/x?go=1"), None);
    assert_eq!(redirect("/_NEXT/x?go=1"), None);
    assert_eq!(redirect("/a"), None);
}

proptest! {
    /// One parsed path decides: whatever the spelling, a target is either refused, redirected to its
    /// normal form, or means what that form means.
    #[test]
    fn x03_every_spelling_means_the_same(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "p", "dyn", "%70", "..", ".", "%2e", "%2E%2e", "%2f", "a", "static", "", "bf", "/", "x",
        ]), 1..6),
    ) {
        let site = in_order();
        let target = format!("/{}", pieces.join("/"));
        let PathOutcome::Path(path) = parse_target(target.as_bytes(), &site.paths) else { return Ok(()) };
        let again = site.path(path.with_base());
        prop_assert_eq!(&again, &path);
        let (one, two) = (site.ask(&target), site.ask(path.with_base()));
        prop_assert_eq!(one, two);
    }
}
