//! Which requests a project's proxy sees: its `matcher`, compiled.
//!
//! Next matches the path as it was sent and the path decoded, and the proxy runs where either matches; so
//! does byway. Both are forms of the one [`RequestPath`] that the router gets, so no spelling of a path
//! reaches a route by a way that its proxy does not watch. What cannot be decided is a match. As under
//! Next, a pattern also covers the forms in which Next's own client asks for a page's data
//! (`/_next/data/…`, `.json`, `.rsc`), so that a route which happens to catch such a path is watched too.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::next_config::NextConfig;
use crate::path::RequestPath;
use crate::path::bytes::percent_decode;
use crate::rules::condition::{ConditionSource, Conditions, Facts};
use crate::rules::js_regex::RegexError;
use crate::rules::pattern::{PathPattern, PathPatternError, PatternKind};

/// The most bytes of a matcher's pattern with what byway adds to it, as in Next.
pub const MATCHER_BYTES_MAX: usize = 4096;

/// The proxy of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyEntry {
    /// The source file, relative to the project, with `/`.
    pub file: String,
    /// The chunk to load, relative to `.byway/`, with `/`.
    pub chunk: String,
    /// Whether it runs as code of the edge runtime.
    pub edge: bool,
    /// `config.matcher`; `None` for every request.
    pub matchers: Option<Vec<MatcherSource>>,
}

/// One element of `config.matcher`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatcherSource {
    /// The path pattern.
    pub source: String,
    /// Conditions that must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<ConditionSource>,
    /// Conditions that must not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ConditionSource>,
    /// `locale: false`: the pattern names locales itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_locale: bool,
}

/// What `next.config` says that matchers depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatcherOptions {
    /// `basePath`, or empty.
    pub base_path: String,
    /// `i18n`.
    pub locales: Option<Locales>,
}

/// The part of `i18n` that decides on a path's locale.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locales {
    /// `locales`.
    pub names: Vec<String>,
    /// `defaultLocale`.
    pub default: String,
    /// Default locales by domain, in lower case and without a port.
    pub domains: Vec<(String, String)>,
}

impl From<&NextConfig> for MatcherOptions {
    fn from(config: &NextConfig) -> Self {
        let locales = config.i18n.as_ref().map(|i18n| Locales {
            names: i18n.locales.clone(),
            default: i18n.default_locale.clone(),
            domains: i18n
                .domains
                .iter()
                .map(|it| (it.domain.clone(), it.default_locale.clone()))
                .collect(),
        });
        Self { base_path: config.base_path.clone(), locales }
    }
}

/// Why a matcher cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// The pattern.
    #[error(transparent)]
    Pattern(#[from] PathPatternError),
    /// An expression in a condition.
    #[error("a condition's value is no regular expression: {0}")]
    Condition(#[from] RegexError),
    /// Too long a pattern.
    #[error("the pattern is longer than {MATCHER_BYTES_MAX} bytes")]
    TooLong,
    /// Not a path.
    #[error("the pattern must start with `/`")]
    NoSlash,
}

/// The matchers of a proxy, ready to match.
#[derive(Debug, Clone)]
pub struct ProxyMatchers {
    /// `None`: everything matches.
    matchers: Option<Vec<Matcher>>,
    locales: Option<Locales>,
    base_path: Box<str>,
}

#[derive(Debug, Clone)]
struct Matcher {
    /// What every path that matches starts with, unless it asks for a page's data. Compared first: most
    /// requests are none of the proxy's, and the expression costs more.
    start: Box<str>,
    pattern: PathPattern,
    conditions: Conditions,
}

impl Matcher {
    /// Whether the expression has to decide.
    fn may_match(&self, path: &str) -> bool {
        path.starts_with(&*self.start) || path.contains("/_next/data/")
    }
}

impl ProxyMatchers {
    /// Compiles `config.matcher`.
    pub fn new(
        sources: Option<&[MatcherSource]>,
        options: &MatcherOptions,
    ) -> Result<Self, MatcherError> {
        let compile = |source: &MatcherSource| {
            let Covering { start, whole } = covering(source, options)?;
            let pattern = PathPattern::new(&whole, PatternKind::Matcher)?;
            let conditions = Conditions::new(&source.has, &source.missing)?;
            Ok(Matcher { start, pattern, conditions })
        };
        let compile_all = |sources: &[MatcherSource]| sources.iter().map(compile).collect();
        let matchers: Result<Option<Vec<Matcher>>, MatcherError> =
            sources.map(compile_all).transpose();
        Ok(Self {
            matchers: matchers?,
            locales: options.locales.clone(),
            base_path: options.base_path.as_str().into(),
        })
    }

    /// Whether the proxy sees the request.
    pub fn matches(&self, path: &RequestPath, facts: &impl Facts) -> bool {
        let Some(matchers) = &self.matchers else { return true };
        let sent = self.with_locale(path, facts);
        let spellings = spellings(&sent);
        matchers.iter().any(|matcher| {
            // What is too complex to decide counts as a match: the proxy decides itself then.
            let is_match = |path: &str| {
                matcher.may_match(path) && matcher.pattern.is_match(path).unwrap_or(true)
            };
            (is_match(&sent) || spellings.iter().any(|path| is_match(path)))
                && (matcher.conditions.is_empty()
                    || matcher.conditions.captures(facts).map_or(true, |found| found.is_some()))
        })
    }

    /// The path as matchers see it: with the base path and, where there are locales, with one.
    fn with_locale<'p>(&self, path: &'p RequestPath, facts: &impl Facts) -> Cow<'p, str> {
        let Some(locales) = &self.locales else { return Cow::Borrowed(path.with_base()) };
        let below = path.as_str();
        let first = below.split('/').nth(1).unwrap_or_default();
        if first == "_next" || locales.names.iter().any(|name| name.eq_ignore_ascii_case(first)) {
            return Cow::Borrowed(path.with_base());
        }
        let base = if path.is_outside_base() { "" } else { &*self.base_path };
        let below = if below == "/" { "" } else { below };
        Cow::Owned(format!("{base}/{}{below}", locales.default_for(facts)))
    }
}

impl Locales {
    fn default_for(&self, facts: &impl Facts) -> &str {
        if self.domains.is_empty() {
            return &self.default;
        }
        let host = facts.header("host").unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        let of_domain = self.domains.iter().find(|(domain, _)| domain.eq_ignore_ascii_case(name));
        of_domain.map_or(&self.default, |(_, locale)| locale)
    }
}

/// A pattern with everything around it that Next lets it cover.
struct Covering {
    /// See [`Matcher`].
    start: Box<str>,
    whole: String,
}

fn covering(source: &MatcherSource, options: &MatcherOptions) -> Result<Covering, MatcherError> {
    let given = source.source.as_str();
    if !given.starts_with('/') {
        return Err(MatcherError::NoSlash);
    }
    if given.len() > MATCHER_BYTES_MAX {
        return Err(MatcherError::TooLong);
    }
    // The pattern alone first, so that an error names a place in what the user wrote.
    let alone = PathPattern::new(given, PatternKind::Matcher)?;
    let is_root = given == "/";
    let with_locales = options.locales.is_some();
    let locale = if with_locales && !source.names_locale {
        "/:nextInternalLocale((?!_next/)[^/.]{1,})"
    } else {
        ""
    };
    let given = if is_root && !locale.is_empty() { "" } else { given };
    let suffix = match (is_root, with_locales) {
        (false, _) => "{(\\.json|\\.rsc|\\.segments/.+\\.segment\\.rsc)}?",
        (true, false) => {
            "(/?index|/?index\\.json|/?index(?:\\.rsc|\\.segments/.+\\.segment\\.rsc))?"
        }
        (true, true) => {
            "(|\\.json|/?index|/?index\\.json|/?index(?:\\.rsc|\\.segments/.+\\.segment\\.rsc))?"
        }
    };
    let base = &options.base_path;
    let whole = format!("{base}/:nextData(_next/data/[^/]{{1,}})?{locale}{given}{suffix}");
    if whole.len() > MATCHER_BYTES_MAX {
        return Err(MatcherError::TooLong);
    }
    // A locale of any name comes first where there are locales, and a base path may be an expression too.
    let is_plain = base.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte));
    let start = match (is_plain, with_locales) {
        // Below a base path the root has no slash of its own.
        (true, false) if is_root => base.as_str().into(),
        (true, false) => format!("{base}{}", alone.prefix()).into(),
        (true, true) => base.as_str().into(),
        (false, _) => "".into(),
    };
    Ok(Covering { start, whole })
}

/// Other ways to write a path that has a percent sign: decoded as a whole, as Next matches it too; with
/// everything decoded that delimits nothing; and with nothing encoded that need not be. Next does
/// without the last two, and `/%61dmin/x%3Fy` passes its matcher for `/admin/:id`: as it was sent it is
/// not `/admin`, and decoded as a whole it has a `?`, which no parameter matches.
fn spellings(path: &str) -> Vec<String> {
    if !path.contains('%') {
        return Vec::new();
    }
    // The path's parser has checked that every segment can be decoded.
    let Some(decoded) = percent_decode(path) else { return Vec::new() };
    let mut readable = String::with_capacity(path.len());
    let mut canonical = String::with_capacity(path.len());
    for (index, segment) in path.split('/').enumerate() {
        let Some(segment) = percent_decode(segment) else { return vec![decoded.text] };
        if index > 0 {
            readable.push('/');
            canonical.push('/');
        }
        for character in segment.text.chars() {
            match character {
                '/' => readable.push_str("%2F"),
                '?' => readable.push_str("%3F"),
                '#' => readable.push_str("%23"),
                '%' => readable.push_str("%25"),
                plain => readable.push(plain),
            }
        }
        canonical.extend(utf8_percent_encode(&segment.text, NOT_IN_PATHS));
    }
    vec![decoded.text, readable, canonical]
}

/// What a path has only encoded; everything that is not ASCII comes in addition.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b'?')
    .add(b'#')
    .add(b'%')
    .add(b'\\');

#[cfg(test)]
mod tests;
