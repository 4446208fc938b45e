//! Where a redirect or rewrite leads.
//!
//! The scheme and the port come from the rule alone; of the host, parameters can only be labels. So what a
//! client sends decides neither which server is asked nor where a browser is sent, beyond what
//! the rule says (CVE-2026-64645).

use thiserror::Error;

use super::params::{Captured, Params};
use super::pattern::PathPatternError;
use super::query::{Query, push_component};
use super::template::{FillError, PathTemplate, Place, TextTemplate, encoded_text};

/// A destination with its parameters still to be filled in.
#[derive(Debug, Clone)]
pub struct Destination {
    origin: Option<Origin>,
    path: PathTemplate,
    query: Vec<(String, TextTemplate)>,
    hash: Option<PathTemplate>,
}

#[derive(Debug, Clone)]
struct Origin {
    scheme: String,
    host: PathTemplate,
    port: Option<u16>,
}

/// A destination that is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Scheme, host and port; `None` for a path of this server.
    pub origin: Option<TargetOrigin>,
    /// The path, percent-encoded, with the base path.
    pub path: String,
    /// What the destination adds to the query of the request.
    pub query: Query,
    /// The fragment without `#`.
    pub hash: String,
}

/// Another server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetOrigin {
    /// `http`, `https`, or for a redirect any other.
    pub scheme: String,
    /// The host's name or address.
    pub host: String,
    /// The port, where it is not the scheme's own.
    pub port: Option<u16>,
}

/// Why a text is not a destination.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DestinationError {
    /// Neither a path nor an absolute URL.
    #[error("the destination is neither a path that starts with `/` nor an absolute URL")]
    NotAbsolute,
    /// `https://user:password@host`
    #[error("the destination has a user or password in its URL, which byway does not send")]
    Credentials,
    /// A host that is empty or has characters which no host has.
    #[error("the destination's host `{0}` is not valid")]
    Host(String),
    /// The path or host has wrong parameters.
    #[error("the destination cannot be parsed: {0}")]
    Pattern(#[from] PathPatternError),
}

impl Destination {
    /// Reads a destination.
    pub fn new(text: &str) -> Result<Self, DestinationError> {
        let (origin, rest) = if text.starts_with('/') {
            (None, text)
        } else {
            let (scheme, rest) = text.split_once("://").ok_or(DestinationError::NotAbsolute)?;
            if !is_scheme(scheme) {
                return Err(DestinationError::NotAbsolute);
            }
            let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
            (Some(Origin::new(scheme, &rest[..end])?), &rest[end..])
        };
        let (rest, hash) =
            rest.split_once('#').map_or((rest, None), |(rest, hash)| (rest, Some(hash)));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = without_dot_segments(if path.is_empty() { "/" } else { path });
        let query = Query::parse(query);
        let query = query.iter().flat_map(|(name, values)| {
            values.iter().map(|value| (name.to_owned(), TextTemplate::new(value)))
        });
        Ok(Self {
            origin,
            path: PathTemplate::new(&path)?.encoded(),
            query: query.collect(),
            hash: hash.filter(|hash| !hash.is_empty()).map(PathTemplate::new).transpose()?,
        })
    }

    /// Whether it is another server's.
    pub fn is_external(&self) -> bool {
        self.origin.is_some()
    }

    /// The parameters in its path, fragment and host, which must have values.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        let host = self.origin.iter().flat_map(|origin| origin.host.param_names());
        let hash = self.hash.iter().flat_map(PathTemplate::param_names);
        self.path.param_names().chain(hash).chain(host)
    }

    /// The parameters that stand where only one value can be.
    pub fn single_params(&self) -> impl Iterator<Item = &str> {
        let query = self.query.iter().flat_map(|(_, value)| value.single_params());
        self.path.single_params().chain(query)
    }

    /// Fills in the parameters. `adds_params`: as a rewrite's, unless it uses one in its path or host, all
    /// of them go into the query too.
    pub fn fill(&self, params: &Params, adds_params: bool) -> Result<Target, FillError> {
        let mut query = Query::default();
        for (name, value) in &self.query {
            let mut values = query.get(name).map(<[String]>::to_vec).unwrap_or_default();
            values.push(value.fill(params, Place::Header)?);
            query.set(name, values);
        }
        let own = |name: &str| name != LOCALE_PARAM;
        let is_used = |name: &str| self.param_names().any(|used| used == name);
        if adds_params && !params.iter().any(|(name, _)| own(name) && is_used(name)) {
            for (name, value) in params.iter().filter(|(name, _)| own(name)) {
                let values = match value {
                    Captured::One(value) => vec![value.clone()],
                    Captured::Many(values) => values.clone(),
                    Captured::Nothing => continue,
                };
                if query.get(name).is_none() {
                    query.set(name, values);
                }
            }
        }
        let hash = self.hash.as_ref().map(|hash| hash.fill(params, Place::Path)).transpose()?;
        Ok(Target {
            origin: self.origin.as_ref().map(|origin| origin.fill(params)).transpose()?,
            path: self.path.fill(params, Place::Path)?,
            query,
            hash: hash.unwrap_or_default(),
        })
    }
}

/// The parameter that holds the locale in rules made for one.
pub const LOCALE_PARAM: &str = "nextInternalLocale";

impl Origin {
    fn new(scheme: &str, authority: &str) -> Result<Self, DestinationError> {
        if authority.contains('@') {
            return Err(DestinationError::Credentials);
        }
        let invalid = || DestinationError::Host(authority.to_owned());
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => {
                (host, Some(port.parse().map_err(|_| invalid())?))
            }
            _ => (authority, None),
        };
        let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = match address {
            Some(address) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
                PathTemplate::constant(host)
            }
            Some(_) => return Err(invalid()),
            None => PathTemplate::new(host)?,
        };
        let is_name = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~[]:".contains(&byte))
        };
        if host.is_empty() || !host.texts().all(is_name) {
            return Err(invalid());
        }
        Ok(Self { scheme: scheme.to_ascii_lowercase(), host, port })
    }

    fn fill(&self, params: &Params) -> Result<TargetOrigin, FillError> {
        let host = self.host.fill(params, Place::Host)?.to_ascii_lowercase();
        Ok(TargetOrigin { scheme: self.scheme.clone(), host, port: self.port })
    }
}

impl Target {
    /// The query of a request to this target: the request's own with the destination's over it, as Next
    /// writes it.
    pub fn merged_query(&self, request: &Query) -> String {
        let mut merged = request.clone();
        for (name, values) in self.query.iter() {
            merged.set(name, values.to_vec());
        }
        let mut out = String::new();
        for (name, values) in merged.iter() {
            let is_added = self.query.get(name).is_some();
            for value in values {
                if !out.is_empty() {
                    out.push('&');
                }
                push_part(&mut out, name, request.get(name).is_none());
                out.push('=');
                let from_request = request.get(name).is_some_and(|own| own.contains(value));
                push_part(&mut out, value, is_added && !from_request);
            }
        }
        out
    }

    /// The target as a URL, absolute or from the path on.
    pub fn url(&self, query: &str) -> String {
        let mut url = String::new();
        if let Some(origin) = &self.origin {
            url.push_str(&origin.scheme);
            url.push_str("://");
            url.push_str(&origin.authority());
        }
        // Two slashes at the start would be another server to a browser (CWE-601).
        let mut last = ' ';
        for character in self.path.chars().map(|c| if c == '\\' { '/' } else { c }) {
            if (character, last) != ('/', '/') {
                url.push(character);
            }
            last = character;
        }
        for (mark, part) in [('?', query), ('#', self.hash.as_str())] {
            if !part.is_empty() {
                url.push(mark);
                url.push_str(part);
            }
        }
        url
    }
}

impl TargetOrigin {
    /// The host, and the port after a colon where there is one.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

/// What comes from the rule stays readable; what comes from the request is encoded as a component.
fn push_part(out: &mut String, text: &str, from_rule: bool) {
    if from_rule {
        out.push_str(&encoded_text(text, Place::Query));
    } else {
        push_component(out, text);
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Resolves the dot segments that the rule itself has.
fn without_dot_segments(path: &str) -> String {
    if !path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return path.to_owned();
    }
    let mut kept = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests;
