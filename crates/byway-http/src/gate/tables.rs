//! `[[route]]` tables, ready to be matched with paths.

use std::ops::Range;

use byway_config::RouteRule;
use byway_gate::policy::{RuleSet, ordered};
use byway_routes::rules::pattern::{PathPattern, PatternKind};

/// The tables in order, and what their patterns became.
#[derive(Debug, Clone, Default)]
pub struct PolicyTables {
    tables: Vec<RouteRule>,
    matchers: Vec<Matcher>,
}

/// Why a pattern is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// Bytes of `byway.toml`.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
}

#[derive(Debug, Clone)]
enum Matcher {
    /// `/api/:path*`, by far the most common form: this path and everything below it.
    Below(Box<str>),
    Pattern(Box<PathPattern>),
}

impl Matcher {
    fn new(source: &str) -> Result<Self, String> {
        if let Some((prefix, name)) = source.rsplit_once("/:")
            && let Some(name) = name.strip_suffix('*')
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte))
        {
            return Ok(Self::Below(prefix.into()));
        }
        let pattern = PathPattern::new(source, PatternKind::Rule { case_sensitive: false });
        pattern.map(|it| Self::Pattern(Box::new(it))).map_err(|error| error.to_string())
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Below(prefix) => {
                path.split_at_checked(prefix.len()).is_some_and(|(start, rest)| {
                    start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/'))
                })
            }
            // A path that is too hard to decide about is one that the policy is for.
            Self::Pattern(pattern) => pattern.is_match(path).unwrap_or(true),
        }
    }
}

impl PolicyTables {
    /// Compiles all patterns; every one that is none is told.
    pub fn new(tables: Vec<RouteRule>) -> Result<Self, Vec<PatternError>> {
        let tables = ordered(tables);
        let (mut matchers, mut errors) = (Vec::new(), Vec::new());
        for table in &tables {
            match Matcher::new(&table.path) {
                Ok(matcher) => matchers.push(matcher),
                Err(message) => errors.push(PatternError { at: table.path_at.clone(), message }),
            }
        }
        if errors.is_empty() { Ok(Self { tables, matchers }) } else { Err(errors) }
    }

    pub(super) fn rules(&self) -> &[RouteRule] {
        &self.tables
    }

    /// The tables that are about a request. HEAD is a GET without its body.
    pub(super) fn matching(&self, path: &str, method: &str) -> RuleSet {
        let method = if method == "HEAD" { "GET" } else { method };
        let mut set = 0;
        for (index, (table, matcher)) in self.tables.iter().zip(&self.matchers).enumerate() {
            let methods = &table.methods;
            let method_fits = methods.is_empty()
                || methods.iter().any(|it| it == method || (it == "HEAD" && method == "GET"));
            if method_fits && matcher.matches(path) {
                set |= 1 << index;
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use byway_config::{RoutePolicy, RouteRule};

    use super::{Matcher, PolicyTables};

    #[test]
    fn the_short_way_agrees_with_the_pattern() {
        let paths = ["/", "/api", "/api/", "/API/x", "/api/x/y", "/apix", "/x/api", "/ap"];
        for source in ["/api/:path*", "/:path*"] {
            let short = Matcher::new(source).unwrap();
            assert!(matches!(short, Matcher::Below(_)), "{source}");
            let kind = byway_routes::rules::pattern::PatternKind::Rule { case_sensitive: false };
            let long = byway_routes::rules::pattern::PathPattern::new(source, kind).unwrap();
            for path in paths {
                let long = long.is_match(path).unwrap();
                assert_eq!(short.matches(path), long, "{source} {path}");
            }
        }
        for source in ["/api/:path+", "/api/:path", "/:a/:path*", "/a(b)/:path*", "/api/:p(\\d+)*"]
        {
            assert!(matches!(Matcher::new(source).unwrap(), Matcher::Pattern(_)), "{source}");
        }
    }

    #[test]
    fn tables_match_by_path_and_method() {
        let rule = |path: &str, methods: &[&str]| RouteRule {
            path: path.to_owned(),
            path_at: 0..0,
            methods: methods.iter().map(|it| (*it).to_owned()).collect(),
            policy: RoutePolicy::default(),
        };
        let rules = PolicyTables::new(vec![
            rule("/:path*", &[]),
            rule("/users/:id(\\d+)", &["GET", "PUT"]),
            rule("/users/me", &["POST"]),
        ])
        .unwrap();
        let order: Vec<&str> = rules.rules().iter().map(|it| it.path.as_str()).collect();
        assert_eq!(order, ["/users/me", "/users/:id(\\d+)", "/:path*"]);
        assert_eq!(rules.matching("/users/7", "GET"), 0b110);
        assert_eq!(rules.matching("/users/7", "HEAD"), 0b110);
        assert_eq!(rules.matching("/users/7", "POST"), 0b100);
        assert_eq!(rules.matching("/users/me", "POST"), 0b101);
        assert_eq!(rules.matching("/users/x", "GET"), 0b100);
        let errors = PolicyTables::new(vec![rule("/a/:b(", &[])]).unwrap_err();
        assert_eq!(errors.len(), 1);
    }
}
