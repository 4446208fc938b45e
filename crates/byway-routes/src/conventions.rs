//! Next's file conventions: which path a file of `app/` or `pages/` serves.

use icu_normalizer::ComposingNormalizerBorrowed;
use thiserror::Error;

use crate::path::bytes::percent_decode;
use crate::pattern::{Pattern, PatternError, Segment};

/// What a folder of an intercepting route starts with. Only client-side navigation reaches those.
const INTERCEPTION_MARKERS: [&str; 3] = ["(.)", "(..)", "(...)"];

/// Which folder a file's path is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// `app/`; route files are called `route`.
    App,
    /// `pages/`; the files in its `api/` are routes.
    PagesApi,
}

/// Why a file that looks like a route cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConventionError {
    /// The names of the folders do not make a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// `%2F` and the like in a name: no request path could ever name it.
    #[error("`{0}` stands for a name with a slash or a control character, which no path can have")]
    Unreachable(String),
}

/// The path that the file serves as an API route; `None` when it is not a route file.
///
/// `relative` is relative to the folder that `root` names, with `/`. Route groups and parallel
/// slots vanish, private folders and intercepting routes serve nothing, percent-encoded names
/// (`%5Funder`) are decoded, and names are brought to Unicode's composed form, which is what
/// browsers send.
pub fn route_from_file(
    root: Root,
    relative: &str,
    page_extensions: &[&str],
) -> Result<Option<Pattern>, ConventionError> {
    match root {
        Root::App => app_pattern(relative, "route", page_extensions),
        Root::PagesApi => {
            let Some(route) = pages_route(relative, page_extensions) else {
                return Ok(None);
            };
            if route != "api" && !route.starts_with("api/") {
                return Ok(None);
            }
            from_names(route.split('/')).map(Some)
        }
    }
}

/// The path of an `app/**/page` file, which a route file beside it would collide with.
pub fn page_from_file(
    relative: &str,
    page_extensions: &[&str],
) -> Result<Option<Pattern>, ConventionError> {
    app_pattern(relative, "page", page_extensions)
}

/// Whether the file is one of `pages/` that Next would render, outside of `pages/api`.
pub fn is_rendered_page(relative: &str, page_extensions: &[&str]) -> bool {
    pages_route(relative, page_extensions)
        .is_some_and(|route| route != "api" && !route.starts_with("api/"))
}

/// Files of `pages/` that are parts of other pages, or answers to errors.
const PARTS_OF_PAGES: [&str; 5] = ["_app", "_document", "_error", "404", "500"];

/// The path of a file of `pages/` that Next would render; `None` when it is no page of its own.
pub fn rendered_page_from_file(
    relative: &str,
    page_extensions: &[&str],
) -> Result<Option<Pattern>, ConventionError> {
    if !is_rendered_page(relative, page_extensions) {
        return Ok(None);
    }
    let route = pages_route(relative, page_extensions).unwrap_or_default();
    if PARTS_OF_PAGES.contains(&route) {
        return Ok(None);
    }
    from_names(route.split('/').filter(|name| !name.is_empty())).map(Some)
}

/// Whether a file of `app/` lies in an intercepting route.
pub fn is_intercepting(relative: &str) -> bool {
    relative
        .split('/')
        .any(|name| INTERCEPTION_MARKERS.iter().any(|marker| name.starts_with(marker)))
}

/// The pattern of `app/**/<leaf>.<extension>`.
fn app_pattern(
    relative: &str,
    leaf: &str,
    page_extensions: &[&str],
) -> Result<Option<Pattern>, ConventionError> {
    let (folders, file) = relative.rsplit_once('/').unwrap_or(("", relative));
    let is_leaf = file
        .strip_prefix(leaf)
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|extension| page_extensions.contains(&extension));
    if !is_leaf {
        return Ok(None);
    }
    segments_of_folders(folders)?.map(Pattern::from_segments).transpose().map_err(Into::into)
}

/// The segments that folders of `app/` stand for; `None` where nothing in them is served.
pub(crate) fn segments_of_folders(folders: &str) -> Result<Option<Vec<Segment>>, ConventionError> {
    let names = || folders.split('/').filter(|name| !name.is_empty());
    if is_intercepting(folders) || names().any(|name| name.starts_with('_')) {
        return Ok(None);
    }
    let names = names().filter(|name| !is_group(name) && !name.starts_with('@'));
    names.map(segment_from_name).collect::<Result<_, _>>().map(Some)
}

/// The path below `pages/` that a file serves, without a leading slash.
fn pages_route<'a>(relative: &'a str, page_extensions: &[&str]) -> Option<&'a str> {
    // `.d.ts` files declare types only, although their last extension is one of a page.
    if relative.ends_with(".d.ts") && page_extensions.contains(&"ts") {
        return None;
    }
    // `page.js` and `js` may both be configured; the longer one is meant then.
    let stem = page_extensions
        .iter()
        .filter_map(|extension| relative.strip_suffix(extension)?.strip_suffix('.'))
        .min_by_key(|stem| stem.len())?;
    match stem.strip_suffix("index") {
        Some("") => Some(""),
        Some(folder) if folder.ends_with('/') => Some(&folder[..folder.len() - 1]),
        _ => Some(stem),
    }
}

pub(crate) fn is_group(name: &str) -> bool {
    name.starts_with('(') && name.ends_with(')')
}

fn from_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<Pattern, ConventionError> {
    let segments = names.map(segment_from_name).collect::<Result<Vec<_>, _>>()?;
    Ok(Pattern::from_segments(segments)?)
}

fn segment_from_name(name: &str) -> Result<Segment, ConventionError> {
    match Segment::parse(name)? {
        Segment::Static(text) => Ok(Segment::Static(static_text(&text)?)),
        dynamic => Ok(dynamic),
    }
}

/// The decoded text of a static name. A name that is no valid encoding (`100%`) is taken literally.
fn static_text(name: &str) -> Result<String, ConventionError> {
    let decoded = percent_decode(name).map_or_else(|| name.to_owned(), |decoded| decoded.text);
    if decoded.chars().any(|character| character == '/' || character.is_control())
        || matches!(decoded.as_str(), "" | "." | "..")
    {
        return Err(ConventionError::Unreachable(name.to_owned()));
    }
    // macOS hands out decomposed names, and an editor may have typed them; one spelling is matched.
    Ok(ComposingNormalizerBorrowed::new_nfc().normalize(&decoded).into_owned())
}

#[cfg(test)]
mod tests;
