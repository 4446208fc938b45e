//! What a path means on this server: a file, a route, or nothing.

use byway_routes::manifest::RouteKind;
use byway_routes::path::RequestPath;
use byway_routes::rules::resolve::{Resolution, Site as _};

use super::{Asked, Inner};
use crate::dispatch::Routed;

/// What a request is for, on this server.
pub(super) enum Target<'r> {
    Route(Routed<'r>),
    File(&'r RequestPath),
    Nothing,
}

impl Inner {
    /// What rewrites have found on this server.
    pub(super) fn resolved<'r>(
        &'r self,
        request: &Asked<'r>,
        resolution: &'r Resolution,
    ) -> Target<'r> {
        match resolution {
            Resolution::Route { path, query } => {
                let Some(found) = self.router.matches(path.get(request.path)) else {
                    return Target::Nothing;
                };
                let is_pages = self.kind(found.route) == RouteKind::Pages;
                let added = (is_pages && !query.is_empty()).then_some(query);
                let unseen = if is_pages { self.rules.locale_bytes(request.path) } else { 0 };
                Target::Route(Routed { found, asked: request.path, unseen, added })
            }
            Resolution::File { path } => Target::File(path.get(request.path)),
            Resolution::External { .. } | Resolution::NotFound => Target::Nothing,
        }
    }

    /// The file or route that the path names; files come before all routes, as under Next.
    pub(super) fn plain<'r>(&'r self, request: &Asked<'r>) -> Target<'r> {
        if self.has_file(request.path) {
            return Target::File(request.path);
        }
        match self.router.matches(request.path) {
            Some(found) => {
                Target::Route(Routed { found, asked: request.path, unseen: 0, added: None })
            }
            None => Target::Nothing,
        }
    }
}
