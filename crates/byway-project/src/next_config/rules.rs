//! Checks `headers()`, `redirects()` and `rewrites()` as Next does, and completes their sources and
//! destinations with `basePath` and locales.

use byway_error::Diagnostic;
use byway_routes::next_config::{
    HeaderLine, HeaderRule, NextConfig, RedirectRule, RewriteRule, Rewrites,
};
use byway_routes::rules::condition::{ConditionKind, ConditionSource, Conditions};
use byway_routes::rules::destination::{Destination, LOCALE_PARAM};
use byway_routes::rules::pattern::{PathPattern, PatternKind};
use byway_routes::rules::template::TextTemplate;
use serde_json::{Map, Value};

use super::Place;
use super::check::shown;

/// Rules of all kinds together. Each is looked at for each request.
const RULES_MAX: usize = 10_000;
const STATUSES: [u64; 5] = [301, 302, 303, 307, 308];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Header,
    Redirect,
    Rewrite,
}

/// Where a rule stands, for messages: `rewrites().afterFiles[2]`.
struct Site<'a> {
    list: &'a str,
    index: usize,
}

/// Reads all rules into `config`, which has the other settings already.
pub(super) fn read(
    rules: &Map<String, Value>,
    settings: &Map<String, Value>,
    config: &mut NextConfig,
    place: &Place<'_>,
    found: &mut Vec<Diagnostic>,
) {
    for name in ["headers", "redirects", "rewrites"] {
        if settings.get(name).is_some_and(|value| !value.is_null()) {
            let message = format!("`{name}` must be a function that returns the rules");
            found.push(place.near(place.error(message), name));
        }
    }
    let mut reader = Reader { config, place, found };
    let mut headers = Vec::new();
    let mut redirects = Vec::new();
    let mut rewrites = Rewrites::default();
    for (site, rule) in reader.list("headers()", rules.get("headers")) {
        headers.extend(reader.rule(Kind::Header, &site, rule).into_iter().map(Complete::header));
    }
    for (site, rule) in reader.list("redirects()", rules.get("redirects")) {
        let rules = reader.rule(Kind::Redirect, &site, rule);
        redirects.extend(rules.into_iter().map(Complete::redirect));
    }
    let groups = match rules.get("rewrites") {
        Some(Value::Object(groups)) => {
            let known = ["beforeFiles", "afterFiles", "fallback"];
            if let Some(other) = groups.keys().find(|key| !known.contains(&key.as_str())) {
                let message = format!("`rewrites()` has `{other}`, which is none of {known:?}");
                reader.found.push(place.near(place.error(message), other));
            }
            known.map(|key| (format!("rewrites().{key}"), groups.get(key)))
        }
        other => {
            ["", "rewrites()", ""].map(|list| (list.to_owned(), other.filter(|_| !list.is_empty())))
        }
    };
    let targets = [&mut rewrites.before_files, &mut rewrites.after_files, &mut rewrites.fallback];
    for ((list, value), target) in groups.iter().zip(targets) {
        for (site, rule) in reader.list(list, *value) {
            let rules = reader.rule(Kind::Rewrite, &site, rule);
            target.extend(rules.into_iter().map(Complete::rewrite));
        }
    }
    let count = headers.len()
        + redirects.len()
        + rewrites.before_files.len()
        + rewrites.after_files.len()
        + rewrites.fallback.len();
    if count > RULES_MAX {
        let message =
            format!("there are {count} rules, and {RULES_MAX} are the most that byway takes");
        reader.found.push(place.error(message));
    }
    (config.headers, config.redirects, config.rewrites) = (headers, redirects, rewrites);
}

/// A rule with its source and destination completed.
struct Complete {
    source: String,
    destination: String,
    status: u16,
    has: Vec<ConditionSource>,
    missing: Vec<ConditionSource>,
    headers: Vec<HeaderLine>,
}

impl Complete {
    fn header(self) -> HeaderRule {
        let Self { source, has, missing, headers, .. } = self;
        HeaderRule { source, has, missing, headers }
    }

    fn redirect(self) -> RedirectRule {
        let Self { source, destination, status, has, missing, .. } = self;
        RedirectRule { source, has, missing, destination, status }
    }

    fn rewrite(self) -> RewriteRule {
        let Self { source, destination, has, missing, .. } = self;
        RewriteRule { source, has, missing, destination }
    }
}

struct Reader<'a> {
    config: &'a NextConfig,
    place: &'a Place<'a>,
    found: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn list<'v, 'l>(
        &mut self,
        list: &'l str,
        value: Option<&'v Value>,
    ) -> Vec<(Site<'l>, &'v Value)> {
        match value {
            None => Vec::new(),
            Some(Value::Array(rules)) => {
                let site = |index| Site { list, index };
                rules.iter().enumerate().map(|(index, rule)| (site(index), rule)).collect()
            }
            Some(other) => {
                let message = format!("`{list}` must return an array, not {}", shown(other));
                let name = list.split('(').next().unwrap_or(list);
                self.found.push(self.place.near(self.place.error(message), name));
                Vec::new()
            }
        }
    }

    /// One rule, which locales may make several; none when something is wrong with it.
    fn rule(&mut self, kind: Kind, site: &Site<'_>, rule: &Value) -> Vec<Complete> {
        let mut problems = Vec::new();
        let fields = rule.as_object();
        let complete = if let Some(fields) = fields {
            self.complete(kind, fields, &mut problems)
        } else {
            problems.push(format!("it must be an object, not {}", shown(rule)));
            Vec::new()
        };
        if problems.is_empty() {
            problems.extend(complete.iter().filter_map(|rule| problem(kind, rule, self.config)));
        }
        if problems.is_empty() {
            return complete;
        }
        problems.dedup();
        let source = fields.and_then(|fields| fields.get("source")).and_then(Value::as_str);
        let named = source.map(|source| format!(" (`{source}`)")).unwrap_or_default();
        let message = format!("`{}[{}]`{named}: {}", site.list, site.index, problems.join("; "));
        let found = self.place.near(self.place.error(message), source.unwrap_or_default());
        self.found.push(found);
        Vec::new()
    }

    fn complete(
        &self,
        kind: Kind,
        fields: &Map<String, Value>,
        problems: &mut Vec<String>,
    ) -> Vec<Complete> {
        check_fields(kind, fields, problems);
        let text = |name: &str, problems: &mut Vec<String>| match fields.get(name) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            None | Some(Value::Null | Value::String(_)) => {
                problems.push(format!("`{name}` is missing"));
                String::new()
            }
            Some(other) => {
                problems.push(format!("`{name}` must be a string, not {}", shown(other)));
                String::new()
            }
        };
        let source = text("source", problems);
        if !source.is_empty() && !source.starts_with('/') {
            problems.push("`source` does not start with `/`".to_owned());
        }
        let destination = match kind {
            Kind::Header => String::new(),
            Kind::Redirect | Kind::Rewrite => text("destination", problems),
        };
        let is_url = ["http://", "https://"].iter().any(|scheme| destination.starts_with(scheme));
        if kind == Kind::Rewrite
            && !destination.is_empty()
            && !is_url
            && !destination.starts_with('/')
        {
            problems
                .push("`destination` does not start with `/`, `http://` or `https://`".to_owned());
        }
        let outside = fields.get("basePath") == Some(&Value::Bool(false));
        if kind == Kind::Rewrite && outside && !is_url {
            let reason = "with `basePath: false`, the `destination` of a rewrite must start with \
                          `http://` or `https://`";
            problems.push(reason.to_owned());
        }
        let rule = Complete {
            source,
            destination,
            status: status(kind, fields, problems),
            has: conditions("has", fields.get("has"), problems),
            missing: conditions("missing", fields.get("missing"), problems),
            headers: if kind == Kind::Header { lines(fields, problems) } else { Vec::new() },
        };
        let any_locale = fields.get("locale") == Some(&Value::Bool(false));
        self.with_locales(kind, rule, outside, any_locale)
    }

    /// Adds the base path and the locales.
    fn with_locales(
        &self,
        kind: Kind,
        mut rule: Complete,
        outside: bool,
        any_locale: bool,
    ) -> Vec<Complete> {
        let base = if outside { "" } else { self.config.base_path.as_str() };
        let is_internal = rule.destination.starts_with('/');
        let destination_base = if is_internal { base } else { "" };
        let slash = self.config.trailing_slash;
        let below =
            |path: &str| if path == "/" && !slash { String::new() } else { path.to_owned() };
        let mut rules = Vec::new();
        if let Some(i18n) = self.config.i18n.as_ref().filter(|_| !any_locale) {
            let mut defaults = Vec::new();
            if kind == Kind::Redirect && is_internal {
                defaults.extend(i18n.domains.iter().map(|domain| {
                    let scheme = if domain.http { "http" } else { "https" };
                    (&domain.default_locale, format!("{scheme}://{}", domain.domain))
                }));
                defaults.push((&i18n.default_locale, String::new()));
            }
            for (locale, origin) in defaults {
                rules.push(Complete {
                    source: format!("{base}/{locale}{}", below(&rule.source)),
                    destination: format!("{origin}{destination_base}{}", rule.destination),
                    status: rule.status,
                    has: rule.has.clone(),
                    missing: rule.missing.clone(),
                    headers: Vec::new(),
                });
            }
            let locales: Vec<String> = i18n.locales.iter().map(|it| escaped(it)).collect();
            let locales = locales.join("|");
            rule.source = format!("/:{LOCALE_PARAM}({locales}){}", below(&rule.source));
            if is_internal {
                rule.destination = format!("/:{LOCALE_PARAM}{}", below(&rule.destination));
            }
        }
        let joined = |base: &str, path: &str| {
            if path == "/" && !base.is_empty() { base.to_owned() } else { format!("{base}{path}") }
        };
        rule.source = joined(base, &rule.source);
        rule.destination = joined(destination_base, &rule.destination);
        rules.push(rule);
        rules
    }
}

/// A locale as part of a regular expression within a pattern.
fn escaped(locale: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    locale.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
}

fn check_fields(kind: Kind, fields: &Map<String, Value>, problems: &mut Vec<String>) {
    let own: &[&str] = match kind {
        Kind::Header => &["headers"],
        Kind::Redirect => &["destination", "permanent", "statusCode"],
        Kind::Rewrite => &["destination"],
    };
    let common = ["source", "has", "missing", "basePath", "locale"];
    let is_known = |name: &str| common.contains(&name) || own.contains(&name);
    for name in fields.keys().filter(|name| !is_known(name)) {
        problems.push(format!("it has the unknown field `{name}`"));
    }
    for name in ["basePath", "locale"] {
        if !matches!(fields.get(name), None | Some(Value::Null | Value::Bool(false))) {
            problems.push(format!("`{name}` must be `false` or absent"));
        }
    }
}

fn status(kind: Kind, fields: &Map<String, Value>, problems: &mut Vec<String>) -> u16 {
    if kind != Kind::Redirect {
        return 0;
    }
    let code = fields.get("statusCode").filter(|code| !code.is_null() && **code != 0);
    match (code, fields.get("permanent")) {
        (Some(code), _) => {
            let known = code.as_u64().filter(|code| STATUSES.contains(code));
            if known.is_none() {
                let code = shown(code);
                problems.push(format!("`statusCode` must be one of {STATUSES:?}, not {code}"));
            }
            known.unwrap_or_default() as u16
        }
        (None, Some(Value::Bool(permanent))) => {
            if *permanent {
                308
            } else {
                307
            }
        }
        (None, _) => {
            problems.push("`permanent` must be `true` or `false`".to_owned());
            0
        }
    }
}

fn conditions(
    name: &str,
    value: Option<&Value>,
    problems: &mut Vec<String>,
) -> Vec<ConditionSource> {
    let items = match value {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            problems.push(format!("`{name}` must be an array, not {}", shown(other)));
            return Vec::new();
        }
    };
    let mut read = Vec::new();
    for item in items {
        match serde_json::from_value::<ConditionSource>(item.clone()) {
            Ok(condition) if condition.kind == ConditionKind::Host && condition.value.is_none() => {
                problems.push(format!("`{name}` needs a `value` for the type `host`"));
            }
            Ok(condition) if condition.kind != ConditionKind::Host && condition.key.is_none() => {
                problems.push(format!("`{name}` needs a `key` in {}", shown(item)));
            }
            Ok(condition) => read.push(condition),
            Err(_) => problems.push(format!(
                "`{name}` takes objects with `type` (`header`, `cookie`, `query` or `host`), `key` \
                 and `value`, not {}",
                shown(item)
            )),
        }
    }
    read
}

fn lines(fields: &Map<String, Value>, problems: &mut Vec<String>) -> Vec<HeaderLine> {
    let Some(items) = fields.get("headers").and_then(Value::as_array) else {
        problems.push("`headers` must be an array".to_owned());
        return Vec::new();
    };
    if items.is_empty() {
        problems.push("`headers` must not be empty".to_owned());
    }
    let mut read = Vec::new();
    for item in items {
        match serde_json::from_value::<HeaderLine>(item.clone()) {
            Ok(line) if !is_header_line(&line) => {
                problems.push(format!("{} is not a valid header line", shown(item)));
            }
            Ok(line) => read.push(line),
            Err(_) => {
                let reason = "`headers` takes objects with `key` and `value`, both strings, not";
                problems.push(format!("{reason} {}", shown(item)));
            }
        }
    }
    read
}

/// RFC 9110 §5.1 and §5.5; a parameter in the name starts with a colon.
fn is_header_line(line: &HeaderLine) -> bool {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:".contains(&byte);
    let in_value = |c: char| c == '\t' || (' '..='\u{FF}').contains(&c) && c != '\u{7F}';
    !line.key.is_empty() && line.key.bytes().all(in_name) && line.value.chars().all(in_value)
}

/// What keeps a rule from being compiled, or from being filled in when it applies.
fn problem(kind: Kind, rule: &Complete, config: &NextConfig) -> Option<String> {
    let case_sensitive = config.case_sensitive_routes;
    let source = match PathPattern::new(&rule.source, PatternKind::Rule { case_sensitive }) {
        Ok(source) => source,
        Err(error) => return Some(format!("`source` cannot be parsed: {error}")),
    };
    let conditions = match Conditions::new(&rule.has, &rule.missing) {
        Ok(conditions) => conditions,
        Err(error) => return Some(error.to_string()),
    };
    let captured: Vec<&str> = source.param_names().chain(conditions.param_names()).collect();
    let repeats =
        |name: &str| source.repeats(name) && !conditions.param_names().any(|it| it == name);
    let multi_match = |name: &str| {
        format!("`:{name}` stands for several segments; write `:{name}*` where it is filled in")
    };
    if kind == Kind::Header {
        let templates = rule.headers.iter().flat_map(|line| [&line.key, &line.value]);
        return templates
            .flat_map(|text| {
                TextTemplate::new(text).single_params().map(str::to_owned).collect::<Vec<_>>()
            })
            .find(|name| repeats(name))
            .map(|name| multi_match(&name));
    }
    let destination = match Destination::new(&rule.destination) {
        Ok(destination) => destination,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(unknown) = destination.param_names().find(|name| !captured.contains(name)) {
        return Some(format!("`destination` has `:{unknown}`, which is not in `source` or `has`"));
    }
    destination.single_params().find(|name| repeats(name)).map(multi_match)
}
