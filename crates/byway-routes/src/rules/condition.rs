//! `has` and `missing`: what a rule or a matcher asks of a request beside its path.
//!
//! Their meaning is in Next's documentation of
//! [redirects](https://nextjs.org/docs/app/api-reference/config/next-config-js/redirects).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::js_regex::{JsRegex, RegexError, TooComplex};
use super::params::{Captured, Params};

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConditionKind {
    /// A header line; several of one name count as one, joined.
    Header,
    /// A cookie.
    Cookie,
    /// A parameter of the query, the last one of its name.
    Query,
    /// The name in `Host`, in lower case and without the port.
    Host,
}

/// A condition as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionSource {
    /// What it looks at.
    #[serde(rename = "type")]
    pub kind: ConditionKind,
    /// The name; none for a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A regular expression that the whole value must match. Without one, a value that is not empty
    /// will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The request, as far as conditions ask. Each is asked for only when a condition needs it.
pub trait Facts {
    /// The value of a header by its lower-case name; lines of one name are joined as Node joins them.
    fn header(&self, name: &str) -> Option<Cow<'_, str>>;
    /// The decoded value of a cookie.
    fn cookie(&self, name: &str) -> Option<Cow<'_, str>>;
    /// The decoded value of the last query parameter of that name.
    fn query(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// A condition that is ready to be asked.
#[derive(Debug, Clone)]
struct Condition {
    kind: ConditionKind,
    key: Box<str>,
    /// The name under which a value without an expression is captured: the letters of the key.
    param: Box<str>,
    value: Option<JsRegex>,
}

/// All of `has` must hold, and nothing of `missing`.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    has: Vec<Condition>,
    missing: Vec<Condition>,
}

impl Condition {
    fn new(source: &ConditionSource) -> Result<Self, RegexError> {
        let key = source.key.as_deref().unwrap_or_default();
        // Next takes an empty expression for none.
        let value = source.value.as_deref().filter(|value| !value.is_empty());
        let value = value.map(|value| JsRegex::new(&format!("^{value}$"), true)).transpose()?;
        let key = match source.kind {
            ConditionKind::Header => key.to_ascii_lowercase(),
            _ => key.to_owned(),
        };
        let param: String = key.chars().filter(char::is_ascii_alphabetic).collect();
        Ok(Self { kind: source.kind, key: key.into(), param: param.into(), value })
    }

    /// Whether it holds; adds what it captures.
    fn holds(&self, facts: &impl Facts, params: &mut Params) -> Result<bool, TooComplex> {
        let value = match self.kind {
            ConditionKind::Header => facts.header(&self.key),
            ConditionKind::Cookie => facts.cookie(&self.key),
            ConditionKind::Query => facts.query(&self.key),
            ConditionKind::Host => facts.header("host").map(|host| {
                let name = host.split(':').next().unwrap_or_default();
                Cow::Owned(name.to_ascii_lowercase())
            }),
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(false) };
        let Some(regex) = &self.value else {
            params.set(&self.param, Captured::One(value.into_owned()));
            return Ok(true);
        };
        let Some(groups) = regex.captures(&value)? else { return Ok(false) };
        let mut has_names = false;
        for name in regex.group_names() {
            has_names = true;
            let group = groups.name(name).map(|group| group.as_str().to_owned());
            params.set(name, group.map_or(Captured::Nothing, Captured::One));
        }
        if !has_names && self.kind == ConditionKind::Host {
            params.set("host", Captured::One(value.into_owned()));
        }
        Ok(true)
    }
}

impl Conditions {
    /// Compiles the expressions.
    pub fn new(has: &[ConditionSource], missing: &[ConditionSource]) -> Result<Self, RegexError> {
        let all = |sources: &[ConditionSource]| {
            sources.iter().map(Condition::new).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { has: all(has)?, missing: all(missing)? })
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.has.is_empty() && self.missing.is_empty()
    }

    /// The names that `has` can capture.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        self.has.iter().flat_map(|condition| {
            let own = match (&condition.value, condition.kind) {
                (None, _) => Some(&*condition.param),
                (Some(_), ConditionKind::Host) => Some("host"),
                (Some(_), _) => None,
            };
            own.into_iter().chain(condition.value.iter().flat_map(JsRegex::group_names))
        })
    }

    /// What was captured where all holds, `None` where something does not.
    pub fn captures(&self, facts: &impl Facts) -> Result<Option<Params>, TooComplex> {
        let mut params = Params::default();
        for condition in &self.has {
            if !condition.holds(facts, &mut params)? {
                return Ok(None);
            }
        }
        for condition in &self.missing {
            if condition.holds(facts, &mut Params::default())? {
                return Ok(None);
            }
        }
        Ok(Some(params))
    }
}

#[cfg(test)]
mod tests;
