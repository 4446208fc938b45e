//! The one parser that decides which path a request names.
//!
//! Every later stage (redirect rules, middleware matchers, files, routes) receives the
//! [`RequestPath`] that this module returns and never the request's own text, so that none of them
//! can be led past another by a second spelling of a path. The answers are Next's:
//!
//! - Raw bytes that HTTP does not allow in a target are refused (400).
//! - Repeated slashes and backslashes are collapsed by a redirect (308), which keeps the raw query.
//! - Dot segments, also percent-encoded ones, are resolved before anything looks at the path; they
//!   never lead above the root.
//! - A slash at the end is removed, or added under `trailingSlash`, by a redirect (308).
//! - Every segment is percent-decoded once, as UTF-8; what cannot be decoded is refused (400).
//!   `%2F` stays inside its segment.
//!
//! A location starts with exactly one slash and then no slash or backslash, so that no redirect
//! leads to another host. Unlike Next, which redirects an absolute-form target to itself for ever,
//! this module takes the path out of it, as RFC 9112 §3.2.2 demands.

pub(crate) mod bytes;
mod normalise;
mod request_path;
mod spans;

pub use request_path::{RequestPath, Segments};

use bytes::is_printable_ascii;
use normalise::{Findings, normalise, scan};
use spans::Spans;

/// The longest target, and the longest path after characters such as `"` were encoded.
pub const TARGET_BYTES_MAX: usize = u16::MAX as usize;

/// What `next.config` says about paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathOptions {
    /// `trailingSlash`: paths end in a slash instead of never doing so.
    pub trailing_slash: bool,
    /// `skipTrailingSlashRedirect`: both forms are served.
    pub skip_trailing_slash_redirect: bool,
    /// `basePath`: `/base`, or empty.
    pub base_path: String,
}

/// What to do with a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathOutcome {
    /// Serve this path.
    Path(RequestPath),
    /// Answer 308 with this location, which has the query.
    Redirect {
        /// The location, and under Next also the body.
        location: String,
    },
    /// Answer 400; the reason is for the log.
    BadRequest(&'static str),
}

/// Parses the target of a request: `/path?query`, or the absolute form with scheme and authority.
pub fn parse_target(target: &[u8], options: &PathOptions) -> PathOutcome {
    match parse(target, options) {
        Ok(outcome) => outcome,
        Err(reason) => PathOutcome::BadRequest(reason),
    }
}

fn parse(target: &[u8], options: &PathOptions) -> Result<PathOutcome, &'static str> {
    if target.len() > TARGET_BYTES_MAX {
        return Err("the target is too long");
    }
    let target = origin_form(target)?;
    let mut spans = Spans::new();
    let (path_bytes, findings) = scan(target, &mut spans)?;
    let raw_query = query(&target[path_bytes..])?;
    // Every byte was checked to be ASCII, so this cannot fail.
    let raw_path = str::from_utf8(&target[..path_bytes]).map_err(|_| "the path is not ASCII")?;

    let normalised;
    let path = if findings.is_clean() {
        raw_path
    } else {
        normalised = normalise(raw_path);
        if normalised.len() > TARGET_BYTES_MAX {
            return Err("the path is too long");
        }
        if findings.contains(Findings::SLASHES) {
            return Ok(redirect(&normalised, "", raw_query));
        }
        spans = Spans::new();
        scan(normalised.as_bytes(), &mut spans)?;
        &normalised
    };
    match slash_change(path, options) {
        Some(SlashChange::Remove) => Ok(redirect(&path[..path.len() - 1], "", raw_query)),
        Some(SlashChange::Add) => Ok(redirect(path, "/", raw_query)),
        None => RequestPath::new(path, raw_query, spans, findings, &options.base_path)
            .map(PathOutcome::Path),
    }
}

impl RequestPath {
    /// The path that a rewrite leads to, brought to its normal form. It is not redirected: the client does
    /// not know of it.
    pub fn of_rewrite(path: &str, raw_query: &str, base_path: &str) -> Result<Self, &'static str> {
        if !path.starts_with('/') || path.len() > TARGET_BYTES_MAX {
            return Err("a rewrite leads to no path, or to one that is too long");
        }
        let mut spans = Spans::new();
        let (path_bytes, findings) = scan(path.as_bytes(), &mut spans)?;
        if path_bytes != path.len() {
            return Err("a rewrite leads to a path with a query or fragment");
        }
        if findings.is_clean() {
            return Self::new(path, raw_query, spans, findings, base_path);
        }
        let normalised = normalise(path);
        if normalised.len() > TARGET_BYTES_MAX {
            return Err("the path is too long");
        }
        let mut spans = Spans::new();
        let (_, findings) = scan(normalised.as_bytes(), &mut spans)?;
        Self::new(&normalised, raw_query, spans, findings, base_path)
    }
}

/// The target from its path on; `http://host/path` is reduced to `/path`.
fn origin_form(target: &[u8]) -> Result<&[u8], &'static str> {
    if target.first() == Some(&b'/') {
        return Ok(target);
    }
    let authority = [b"http://".as_slice(), b"https://"]
        .into_iter()
        .find(|scheme| {
            target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
        .map(|scheme| &target[scheme.len()..])
        .ok_or("the target has no path")?;
    match authority.iter().position(|byte| matches!(byte, b'/' | b'\\' | b'?' | b'#')) {
        Some(at) if authority[at] == b'/' || authority[at] == b'\\' => Ok(&authority[at..]),
        // An authority with a query and no path is so rare that it is not worth building a
        // `/?query`.
        Some(_) => Err("the target has no path"),
        None => Ok(b"/"),
    }
}

/// The query without `?`, from what follows the path. A fragment, which no client should send, ends
/// it.
fn query(rest: &[u8]) -> Result<&str, &'static str> {
    let Some((b'?', rest)) = rest.split_first() else {
        return Ok("");
    };
    let end = rest.iter().position(|&byte| byte == b'#').unwrap_or(rest.len());
    let query = &rest[..end];
    if !query.iter().all(|&byte| is_printable_ascii(byte)) {
        return Err("the query has a byte that is not allowed in a target");
    }
    str::from_utf8(query).map_err(|_| "the query is not ASCII")
}

fn redirect(path: &str, suffix: &str, query: &str) -> PathOutcome {
    let mark = if query.is_empty() { "" } else { "?" };
    PathOutcome::Redirect { location: [path, suffix, mark, query].concat() }
}

enum SlashChange {
    Add,
    Remove,
}

/// What Next's two built-in redirects do to a normalised path.
fn slash_change(path: &str, options: &PathOptions) -> Option<SlashChange> {
    if path == "/" || options.skip_trailing_slash_redirect {
        return None;
    }
    let without_slash = path.strip_suffix('/');
    if !options.trailing_slash {
        return without_slash.map(|_| SlashChange::Remove);
    }
    if without_slash.unwrap_or(path) == options.base_path {
        return without_slash.is_none().then_some(SlashChange::Add);
    }
    if path.starts_with("/.well-known") {
        return None;
    }
    let last = without_slash.unwrap_or(path).rsplit('/').next().unwrap_or_default();
    match without_slash {
        Some(_) => is_file_name(last).then_some(SlashChange::Remove),
        None => (!last.contains('.')).then_some(SlashChange::Add),
    }
}

/// Something, a dot, and an extension of letters, digits and `_`: `data.json`, but not `.json`.
fn is_file_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, extension)| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !stem.is_empty() && !extension.is_empty() && extension.bytes().all(is_word)
    })
}

#[cfg(test)]
mod tests;
