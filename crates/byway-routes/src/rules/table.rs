//! The rules of `next.config`, compiled.

use thiserror::Error;

use super::condition::{ConditionSource, Conditions, Facts};
use super::destination::{Destination, DestinationError};
use super::js_regex::{RegexError, TooComplex};
use super::params::Params;
use super::pattern::{PathPattern, PathPatternError, PatternKind};
use super::query::Query;
use super::template::{FillError, Place, TextTemplate};
use crate::next_config::{HeaderRule, I18n, NextConfig, RedirectRule, RewriteRule};
use crate::path::RequestPath;

/// All rules of a project. Without any, nothing of this module costs a request anything.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    headers: Vec<Headers>,
    redirects: Vec<Redirect>,
    pub(super) before_files: Vec<Rewrite>,
    pub(super) after_files: Vec<Rewrite>,
    pub(super) fallback: Vec<Rewrite>,
    pub(super) i18n: Option<I18n>,
    pub(super) base_path: String,
}

/// When a rule applies.
#[derive(Debug, Clone)]
pub(super) struct Trigger {
    pattern: PathPattern,
    conditions: Conditions,
}

#[derive(Debug, Clone)]
struct Headers {
    trigger: Trigger,
    lines: Vec<(TextTemplate, TextTemplate)>,
}

#[derive(Debug, Clone)]
struct Redirect {
    trigger: Trigger,
    destination: Destination,
    status: u16,
}

#[derive(Debug, Clone)]
pub(super) struct Rewrite {
    pub(super) trigger: Trigger,
    pub(super) destination: Destination,
}

/// An answer that sends the client elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Percent-encoded, also the body.
    pub location: String,
}

/// Why a rule cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// Its `source`.
    #[error("the source cannot be parsed: {0}")]
    Source(#[from] PathPatternError),
    /// An expression in `has` or `missing`.
    #[error(transparent)]
    Condition(#[from] RegexError),
    /// Its `destination`.
    #[error(transparent)]
    Destination(#[from] DestinationError),
}

/// Why a request cannot be answered because of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleFailure {
    /// The client sent what no rule can be decided on, or a value that may not stand where it would.
    #[error("the request has a value that a rule refuses")]
    Refused,
    /// The rule does not fit what it captures.
    #[error("a rule cannot be applied: {0}")]
    Rule(FillError),
}

impl From<TooComplex> for RuleFailure {
    fn from(_: TooComplex) -> Self {
        Self::Refused
    }
}

impl From<FillError> for RuleFailure {
    fn from(error: FillError) -> Self {
        match error {
            FillError::Refused => Self::Refused,
            FillError::Missing(_) | FillError::Repeats(_) => Self::Rule(error),
        }
    }
}

impl Trigger {
    /// Compiles the pattern and conditions of a rule.
    pub(super) fn new(
        source: &str,
        has: &[ConditionSource],
        missing: &[ConditionSource],
        case_sensitive: bool,
    ) -> Result<Self, RuleError> {
        let pattern = PathPattern::new(source, PatternKind::Rule { case_sensitive })?;
        Ok(Self { pattern, conditions: Conditions::new(has, missing)? })
    }

    /// What was captured, where the rule applies.
    pub(super) fn captures(
        &self,
        path: &str,
        facts: &impl Facts,
    ) -> Result<Option<Params>, TooComplex> {
        let Some(mut params) = self.pattern.captures(path)? else { return Ok(None) };
        if !self.conditions.is_empty() {
            match self.conditions.captures(facts)? {
                Some(more) => params.merge(more),
                None => return Ok(None),
            }
        }
        Ok(Some(params))
    }
}

impl Headers {
    fn new(rule: &HeaderRule, case_sensitive: bool) -> Result<Self, RuleError> {
        let trigger = Trigger::new(&rule.source, &rule.has, &rule.missing, case_sensitive)?;
        let template = |text: &str| TextTemplate::new(text);
        let lines = rule.headers.iter().map(|line| (template(&line.key), template(&line.value)));
        Ok(Self { trigger, lines: lines.collect() })
    }
}

impl Redirect {
    fn new(rule: &RedirectRule, case_sensitive: bool) -> Result<Self, RuleError> {
        let trigger = Trigger::new(&rule.source, &rule.has, &rule.missing, case_sensitive)?;
        let destination = Destination::new(&rule.destination)?;
        Ok(Self { trigger, destination, status: rule.status })
    }
}

impl Rewrite {
    fn new(rule: &RewriteRule, case_sensitive: bool) -> Result<Self, RuleError> {
        let trigger = Trigger::new(&rule.source, &rule.has, &rule.missing, case_sensitive)?;
        Ok(Self { trigger, destination: Destination::new(&rule.destination)? })
    }
}

impl Rules {
    /// Compiles the rules; the build has made sure that they can be.
    pub fn new(config: &NextConfig) -> Result<Self, RuleError> {
        let case = config.case_sensitive_routes;
        let rewrites = |rules: &[RewriteRule], case: bool| {
            rules.iter().map(|rule| Rewrite::new(rule, case)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            headers: config
                .headers
                .iter()
                .map(|rule| Headers::new(rule, case))
                .collect::<Result<_, _>>()?,
            redirects: config
                .redirects
                .iter()
                .map(|rule| Redirect::new(rule, case))
                .collect::<Result<_, _>>()?,
            // Next ignores the setting for these.
            before_files: rewrites(&config.rewrites.before_files, false)?,
            after_files: rewrites(&config.rewrites.after_files, case)?,
            fallback: rewrites(&config.rewrites.fallback, case)?,
            i18n: config.i18n.clone(),
            base_path: config.base_path.clone(),
        })
    }

    /// Whether a path means the route that it names, and nothing else.
    pub fn resolves_plainly(&self) -> bool {
        let rewrites = [&self.before_files, &self.after_files, &self.fallback];
        rewrites.iter().all(|rules| rules.is_empty()) && self.i18n.is_none()
    }

    /// Whether some rewrite leads to another server.
    pub fn has_external_rewrites(&self) -> bool {
        let rewrites = [&self.before_files, &self.after_files, &self.fallback];
        rewrites.into_iter().flatten().any(|rule| rule.destination.is_external())
    }

    /// The header lines for the answer, in order; a later line of the same name replaces an earlier one,
    /// except for `set-cookie`.
    pub fn headers(
        &self,
        path: &RequestPath,
        facts: &impl Facts,
    ) -> Result<Vec<(String, String)>, RuleFailure> {
        let mut found = Vec::new();
        if self.headers.is_empty() {
            return Ok(found);
        }
        let path = self.localised(path, facts).path;
        for rule in &self.headers {
            let Some(params) = rule.trigger.captures(&path, facts)? else { continue };
            for (key, value) in &rule.lines {
                let fill = |text: &TextTemplate| text.fill(&params, Place::Header);
                found.push((fill(key)?, fill(value)?));
            }
        }
        Ok(found)
    }

    /// The redirect that the request gets.
    pub fn redirect(
        &self,
        path: &RequestPath,
        facts: &impl Facts,
    ) -> Result<Option<Redirection>, RuleFailure> {
        if self.redirects.is_empty() || is_below_next(&self.base_path, path.with_base()) {
            return Ok(None);
        }
        let localised = self.localised(path, facts).path;
        for rule in &self.redirects {
            let Some(params) = rule.trigger.captures(&localised, facts)? else { continue };
            let target = rule.destination.fill(&params, false)?;
            let location = target.url(&target.merged_query(&Query::parse(path.query())));
            return Ok(Some(Redirection { status: rule.status, location }));
        }
        Ok(None)
    }
}

/// No redirect applies to Next's own files; like the patterns, whatever the case.
fn is_below_next(base_path: &str, path: &str) -> bool {
    let starts_with = |path: &str, prefix: &str| {
        path.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts_with(path, base_path) && starts_with(&path[base_path.len()..], "/_next")
}
