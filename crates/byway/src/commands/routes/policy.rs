//! What is in force for a route: what byway.toml says, then what the route's own file says.
//!
//! Everything is a list of names and values, so that a new setting is a line here and no new column.

use std::fmt;
use std::time::Duration;

use byway_config::{
    CONFIG_FILE, Cors, Loaded, Origin, RateLimit, RoutePolicy, RouteRule, Switch, units,
};
use byway_error::Location;
use byway_gate::policy::ordered;
use byway_routes::manifest::Route;
use byway_routes::rules::pattern::{PathPattern, PatternKind};
use byway_routes::segment_config::Revalidate;
use serde_json::{Value as Json, json};

use super::samples;

/// Where a policy comes from that the route's file sets.
const ROUTE_FILE: &str = "route file";
/// The section of byway.toml whose settings concern single requests.
const LIMITS: &str = "limits.";
/// A setting of the server as a whole, which says nothing about a route.
const CONNECTIONS: &str = "limits.connections";

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) origin: String,
    /// The methods or the pattern that it is for, where that is not the whole route.
    pub(super) only: Option<String>,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.value)?;
        self.only.as_ref().map_or(Ok(()), |only| write!(f, " ({only})"))
    }
}

impl Policy {
    pub(super) fn json(&self) -> Json {
        json!({ "name": self.name, "value": self.value, "origin": self.origin, "only": self.only })
    }

    fn of_file(name: &str, value: String) -> Self {
        Self { name: name.to_owned(), value, origin: ROUTE_FILE.to_owned(), only: None }
    }
}

/// The `[[route]]` tables of byway.toml, the most specific one first, and the rest of the settings.
pub(super) struct Tables<'a> {
    loaded: &'a Loaded,
    tables: Vec<(RouteRule, Option<PathPattern>)>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(loaded: &'a Loaded) -> Self {
        // What is no pattern has been reported with the other settings.
        let compile = |rule: RouteRule| {
            let kind = PatternKind::Rule { case_sensitive: false };
            let pattern = PathPattern::new(&rule.path, kind).ok();
            (rule, pattern)
        };
        let tables = ordered(loaded.settings.routes.clone());
        Self { loaded, tables: tables.into_iter().map(compile).collect() }
    }

    /// The policies of a route that somebody has set, the one in force first: those of the route's file,
    /// of tables, of options that Next has, of the whole server. One that holds for some requests only is
    /// followed by the one for the rest.
    pub(super) fn of(&self, route: &Route) -> Vec<Policy> {
        let file = described(&route.policy, ROUTE_FILE, None);
        let tables = self.of_tables(route);
        let all = [file, tables, of_file(route), of_settings(self.loaded, false)].concat();
        let mut policies: Vec<Policy> = Vec::new();
        for policy in all {
            let is_settled = |other: &Policy| other.name == policy.name && other.only.is_none();
            if !policies.iter().any(is_settled) {
                policies.push(policy);
            }
        }
        policies
    }

    fn of_tables(&self, route: &Route) -> Vec<Policy> {
        let paths = samples::paths(&route.pattern);
        let mut found = Vec::new();
        for (rule, pattern) in &self.tables {
            let matches = |path: &&String| {
                pattern.as_ref().is_some_and(|it| it.is_match(path).unwrap_or(true))
            };
            let matched = paths.iter().filter(matches).count();
            if matched == 0 {
                continue;
            }
            let mut parts: Vec<&str> = rule.methods.iter().map(String::as_str).collect();
            if matched < paths.len() {
                parts.push(&rule.path);
            }
            let only = parts.join(" ");
            let only = (!only.is_empty()).then_some(only);
            let line = Location::of_bytes(&self.loaded.source, &rule.path_at).line;
            found.extend(described(
                &rule.policy,
                &format!("{CONFIG_FILE}:{line}"),
                only.as_deref(),
            ));
        }
        found
    }
}

/// What a table or a route's `config` says, as text.
fn described(policy: &RoutePolicy, origin: &str, only: Option<&str>) -> Vec<Policy> {
    let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
    let limits = |limits: &Vec<RateLimit>| match limits.as_slice() {
        [] => on_off(false),
        limits => {
            let one =
                |it: &RateLimit| format!("{}/{}", it.limit, units::format_duration(it.window));
            limits.iter().map(one).collect::<Vec<_>>().join(" ")
        }
    };
    let cors = |cors: &Switch<Cors>| match cors {
        Switch::Off => on_off(false),
        Switch::On(cors) => {
            cors.origins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
    };
    let settings = [
        ("body", policy.body.map(units::format_size)),
        ("timeout", policy.timeout.map(units::format_duration)),
        ("concurrency", policy.concurrency.map(|count| count.to_string())),
        ("compress", policy.compress.map(on_off)),
        ("cors", policy.cors.as_ref().map(cors)),
        ("rate_limit", policy.rate_limit.as_ref().map(limits)),
        ("csrf", policy.csrf.as_ref().map(|it| on_off(matches!(it, Switch::On(_))))),
        (
            "security_headers",
            policy.security_headers.as_ref().map(|it| on_off(matches!(it, Switch::On(_)))),
        ),
    ];
    let one = |(name, value): (&str, Option<String>)| {
        let (name, origin) = (name.to_owned(), origin.to_owned());
        Some(Policy { name, value: value?, origin, only: only.map(str::to_owned) })
    };
    settings.into_iter().filter_map(one).collect()
}

/// What holds for every request unless its route says otherwise, defaults included.
pub(super) fn of_server(loaded: &Loaded) -> Vec<Policy> {
    of_settings(loaded, true)
}

fn of_settings(loaded: &Loaded, with_defaults: bool) -> Vec<Policy> {
    let concerns = |name: &str| name.starts_with(LIMITS) && name != CONNECTIONS;
    let in_force = loaded.values.iter().filter(|value| {
        concerns(&value.name) && (with_defaults || value.origin != Origin::Default)
    });
    in_force
        .filter_map(|it| {
            let value = it.value.as_ref()?.trim_matches('"').to_owned();
            let name = it.name.trim_start_matches(LIMITS).to_owned();
            Some(Policy { name, value, origin: it.origin.to_string(), only: None })
        })
        .collect()
}

/// What the route's file exports.
fn of_file(route: &Route) -> Vec<Policy> {
    let segment = &route.segment;
    let seconds = |it: u32| units::format_duration(Duration::from_secs(it.into()));
    let revalidate = match segment.revalidate {
        Some(Revalidate::After(0)) | None => None,
        Some(Revalidate::After(time)) => Some(seconds(time)),
        Some(Revalidate::Never) => Some("never".to_owned()),
    };
    let timeout = segment.deadline().map(units::format_duration);
    let only_known = (segment.dynamic_params == Some(false)).then(|| "no others".to_owned());
    let found = [("timeout", timeout), ("revalidate", revalidate), ("params", only_known)];
    found.into_iter().filter_map(|(name, value)| Some(Policy::of_file(name, value?))).collect()
}
