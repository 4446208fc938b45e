//! What a path means: rewrites, files and routes in Next's order.
//!
//! beforeFiles, each of them; files of `public/` and routes without parameters; afterFiles, and after each
//! that applies, files and all routes; files and all routes; fallback in the same way
//! (<https://nextjs.org/docs/app/api-reference/config/next-config-js/rewrites>).

use std::borrow::Cow;

use super::condition::Facts;
use super::destination::Target;
use super::query::Query;
use super::table::{Rewrite, RuleFailure, Rules};
use crate::manifest::RouteKind;
use crate::path::RequestPath;
use crate::router::Router;

/// What else than rules decides about a path.
pub trait Site {
    /// The routes.
    fn router(&self) -> &Router;
    /// The convention that a route follows.
    fn kind(&self, route: usize) -> RouteKind;
    /// Whether `public/` has a file at this path.
    fn has_file(&self, path: &RequestPath) -> bool;
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A route. Its parameters are those that the router finds in the path.
    Route {
        /// The path that leads to it.
        path: Rewritten,
        /// What rewrites have added to the query. Route handlers do not see it, Pages API routes do.
        query: Query,
    },
    /// A file of `public/`.
    File {
        /// The path that names it.
        path: Rewritten,
    },
    /// Another server.
    External {
        /// The server and the path.
        target: Target,
        /// The raw query, with what the request has.
        query: String,
    },
    /// Nothing.
    NotFound,
}

/// A path after all rewrites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewritten {
    /// As the client asked.
    Same,
    /// Another one.
    To(Box<RequestPath>),
}

impl Rewritten {
    /// The path that is meant, given the one of the request.
    pub fn get<'p>(&'p self, request: &'p RequestPath) -> &'p RequestPath {
        match self {
            Self::Same => request,
            Self::To(path) => path,
        }
    }
}

/// A path as rules see it.
pub(super) struct Localised<'p> {
    /// With the base path and, where locales are configured, with a locale.
    pub(super) path: Cow<'p, str>,
    /// Whether the client named the locale.
    is_explicit: bool,
    default_locale: Option<&'p str>,
}

/// What has become of a request on its way through the rewrites.
struct State<'r, F> {
    request: &'r RequestPath,
    facts: &'r F,
    path: Cow<'r, str>,
    added: Query,
    is_rewritten: bool,
    is_explicit: bool,
    default_locale: Option<&'r str>,
}

impl<F: Facts> Facts for State<'_, F> {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.facts.header(name)
    }

    fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        self.facts.cookie(name)
    }

    fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.added.get(name) {
            Some(values) => values.last().map(|value| Cow::Borrowed(value.as_str())),
            None => self.facts.query(name),
        }
    }
}

impl Rules {
    /// The path for the rules of `next.config`, which know nothing of locales that are not named.
    pub(super) fn localised<'p>(
        &'p self,
        path: &'p RequestPath,
        facts: &impl Facts,
    ) -> Localised<'p> {
        let whole = path.with_base();
        let Some(i18n) = &self.i18n else {
            let path = Cow::Borrowed(whole);
            return Localised { path, is_explicit: false, default_locale: None };
        };
        let host = facts.header("host").unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        let domain = i18n.domains.iter().find(|it| it.domain.eq_ignore_ascii_case(host));
        let default = domain.map_or(&i18n.default_locale, |it| &it.default_locale);
        let below = whole.strip_prefix(self.base_path.as_str()).unwrap_or(whole);
        let (is_explicit, path) = if self.locale(below).is_some() || below.starts_with("/_next/") {
            (!below.starts_with("/_next/"), Cow::Borrowed(whole))
        } else {
            let base = &whole[..whole.len() - below.len()];
            let below = if below == "/" { "" } else { below };
            (false, Cow::Owned([base, "/", default, below].concat()))
        };
        Localised { path, is_explicit, default_locale: Some(default) }
    }

    /// How many bytes of a path, below the base path, name its locale: API routes do not see it.
    pub fn locale_bytes(&self, path: &RequestPath) -> usize {
        let path = path.as_str();
        self.locale(path).map_or(0, |(_, rest)| path.len() - rest.len())
    }

    /// The locale that a path below the base path starts with, and what follows it.
    fn locale<'p>(&self, path: &'p str) -> Option<(&str, &'p str)> {
        let segment = path.strip_prefix('/')?.split('/').next()?;
        let locales = &self.i18n.as_ref()?.locales;
        let locale = locales.iter().find(|locale| locale.eq_ignore_ascii_case(segment))?;
        Some((locale, path.get(1 + segment.len()..)?))
    }

    /// Finds what a request is for. A pure function: it asks `site` and `facts`, and changes nothing.
    pub fn resolve(
        &self,
        request: &RequestPath,
        facts: &impl Facts,
        site: &impl Site,
    ) -> Result<Resolution, RuleFailure> {
        let localised = self.localised(request, facts);
        let mut state = State {
            request,
            facts,
            path: localised.path,
            added: Query::default(),
            is_rewritten: false,
            is_explicit: localised.is_explicit,
            default_locale: localised.default_locale,
        };
        for rule in &self.before_files {
            if let Applied::External(found) = apply(rule, &mut state)? {
                return Ok(found);
            }
        }
        if let Some(found) = self.look_up(&mut state, site, false)? {
            return Ok(found);
        }
        for rule in &self.after_files {
            if let Some(found) = self.apply_and_look_up(rule, &mut state, site)? {
                return Ok(found);
            }
        }
        if let Some(found) = self.look_up(&mut state, site, true)? {
            return Ok(found);
        }
        for rule in &self.fallback {
            if let Some(found) = self.apply_and_look_up(rule, &mut state, site)? {
                return Ok(found);
            }
        }
        Ok(Resolution::NotFound)
    }

    fn apply_and_look_up<F: Facts>(
        &self,
        rule: &Rewrite,
        state: &mut State<'_, F>,
        site: &impl Site,
    ) -> Result<Option<Resolution>, RuleFailure> {
        match apply(rule, state)? {
            Applied::No => Ok(None),
            Applied::Yes => self.look_up(state, site, true),
            Applied::External(found) => Ok(Some(found)),
        }
    }

    /// The file or route at the path; routes with parameters only where `dynamic`.
    fn look_up<F: Facts>(
        &self,
        state: &mut State<'_, F>,
        site: &impl Site,
        dynamic: bool,
    ) -> Result<Option<Resolution>, RuleFailure> {
        let Some(below) = below_base(&self.base_path, &state.path) else { return Ok(None) };
        let named = self.locale(below);
        let plain = named.map_or(below, |(_, rest)| rest);
        let is_api = plain == "/api" || plain.starts_with("/api/");
        let is_as_sent = !state.is_rewritten || *state.path == *state.request.with_base();
        if state.is_explicit && is_as_sent && is_api {
            return Ok(None);
        }
        let is_other_locale = named.is_some_and(|(locale, _)| Some(locale) != state.default_locale);
        let path = self.rewritten(state, plain)?;
        let meant = path.get(state.request);
        if !is_other_locale && site.has_file(meant) {
            return Ok(Some(Resolution::File { path }));
        }
        let Some(found) = site.router().matches(meant) else { return Ok(None) };
        if !found.is_static() && !dynamic {
            return Ok(None);
        }
        // Locales are the Pages Router's; the App Router knows nothing of them.
        let is_hidden = if found.is_static() { is_other_locale } else { state.is_explicit };
        if site.kind(found.route) != RouteKind::Pages && is_hidden {
            return Ok(None);
        }
        let query = std::mem::take(&mut state.added);
        Ok(Some(Resolution::Route { path, query }))
    }

    /// The parsed path for files and routes, which have no locale in them.
    fn rewritten<F: Facts>(
        &self,
        state: &State<'_, F>,
        plain: &str,
    ) -> Result<Rewritten, RuleFailure> {
        if !state.is_rewritten && !state.is_explicit {
            return Ok(Rewritten::Same);
        }
        let plain = if plain.is_empty() { "/" } else { plain };
        let text = [&*self.base_path, plain].concat();
        let path = RequestPath::of_rewrite(&text, state.request.query(), &self.base_path);
        path.map(|path| Rewritten::To(Box::new(path))).map_err(|_| RuleFailure::Refused)
    }
}

/// What a rewrite has done.
enum Applied {
    No,
    Yes,
    External(Resolution),
}

/// Applies a rewrite where it matches.
fn apply<F: Facts>(rule: &Rewrite, state: &mut State<'_, F>) -> Result<Applied, RuleFailure> {
    let Some(params) = rule.trigger.captures(&state.path, &*state)? else {
        return Ok(Applied::No);
    };
    let mut target = rule.destination.fill(&params, true)?;
    for (name, values) in target.query.iter() {
        state.added.set(name, values.to_vec());
    }
    if target.origin.is_some() {
        target.query = std::mem::take(&mut state.added);
        let query = target.merged_query(&Query::parse(state.request.query()));
        return Ok(Applied::External(Resolution::External { target, query }));
    }
    state.path = Cow::Owned(target.path);
    state.is_rewritten = true;
    Ok(Applied::Yes)
}

/// The path below the base path, `None` where it is not below it.
fn below_base<'p>(base_path: &str, path: &'p str) -> Option<&'p str> {
    let below = path.strip_prefix(base_path)?;
    (below.is_empty() || below.starts_with('/')).then_some(below)
}

#[cfg(test)]
mod tests;
