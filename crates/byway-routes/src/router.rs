//! Matches request paths against routes.
//!
//! The routes make a tree of segments. Within the whole path, a static segment goes before `[x]`,
//! that before `[...x]`, and that before `[[...x]]`; where a choice leads nowhere, the next one is
//! tried, so that `/static/sub` reaches `/[id]/sub` when `/static` has no `sub`. A node of the tree
//! stands at one depth and is entered from its parent alone, so a request visits each node at most
//! once: the work is bounded by the size of the tree whatever the path.
//!
//! Static segments are compared case-sensitively with the decoded text of the request's segment,
//! provided that it is spelt as a URL spells it: `/%C3%BCn` matches a folder `ün` (hexadecimal
//! digits in either case), `/%61dmin` does not match `admin`. Each static route thus has one
//! spelling that rules written for the raw path cannot miss.

use rustc_hash::FxHashMap;

use crate::path::{RequestPath, Segments};
use crate::pattern::{Pattern, Segment};

/// The tree of a project's routes.
#[derive(Debug, Clone)]
pub struct Router {
    nodes: Vec<Node>,
    /// Each route's parameters, by the route's index.
    params: Vec<Box<[ParamSlot]>>,
}

/// One segment position of the tree. Numbers are indexes into [`Router::nodes`] or of routes.
#[derive(Debug, Clone, Default)]
struct Node {
    /// `None` for the root.
    parent: Option<Edge>,
    /// Children by static text. Clients cannot add any, so a hash that is not keyed will do.
    statics: FxHashMap<Box<str>, usize>,
    param: Option<usize>,
    /// The route that ends here.
    route: Option<usize>,
    catch_all: Option<usize>,
    optional_catch_all: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    parent: usize,
    is_static: bool,
}

/// Where in the path a route's parameter is.
#[derive(Debug, Clone)]
struct ParamSlot {
    name: Box<str>,
    segment: usize,
    takes_rest: bool,
    /// Whether there may be no rest.
    is_optional: bool,
}

/// A route and the values of its parameters.
#[derive(Debug, Clone, Copy)]
pub struct Match<'r, 'p> {
    /// The index of the route among those that the router was made from.
    pub route: usize,
    slots: &'r [ParamSlot],
    path: &'p RequestPath,
}

/// The percent-decoded value of a parameter.
#[derive(Debug, Clone)]
pub enum ParamValue<'p> {
    /// Of `[name]`.
    One(&'p str),
    /// Of `[...name]` or `[[...name]]`; at least one segment.
    Many(Segments<'p>),
}

impl Router {
    /// Builds the tree. Of two routes with the same shape the first one wins; a build refuses such.
    pub fn new<'a>(routes: impl IntoIterator<Item = &'a Pattern>) -> Self {
        Self::numbered(routes.into_iter().enumerate())
    }

    /// The same with numbers of the routes' own, which are what [`Match::route`] gives. They have to rise.
    pub fn numbered<'a>(routes: impl IntoIterator<Item = (usize, &'a Pattern)>) -> Self {
        let mut router = Self { nodes: vec![Node::default()], params: Vec::new() };
        for (route, pattern) in routes {
            router.params.resize_with(route, Box::default);
            router.insert(route, pattern);
        }
        router
    }

    /// The route that serves the path.
    pub fn matches<'r, 'p>(&'r self, path: &'p RequestPath) -> Option<Match<'r, 'p>> {
        if path.is_outside_base() {
            return None;
        }
        let route = self.find(path, || ())?;
        Some(Match { route, slots: self.params.get(route)?, path })
    }

    /// Goes down by the best edge, and back up to the next best one where that leads nowhere. Calls
    /// `visit` for every node that it enters.
    fn find(&self, path: &RequestPath, mut visit: impl FnMut()) -> Option<usize> {
        let segment_count = path.segments().len();
        let (mut at, mut depth) = (0, 0);
        loop {
            let node = self.nodes.get(at)?;
            visit();
            if depth == segment_count {
                if let Some(route) = node.route.or(node.optional_catch_all) {
                    return Some(route);
                }
            } else if let Some(child) = node.static_child(path, depth).or(node.param) {
                (at, depth) = (child, depth + 1);
                continue;
            } else if let Some(route) = node.catch_all.or(node.optional_catch_all) {
                return Some(route);
            }
            let mut edge = node.parent?;
            loop {
                depth -= 1;
                let parent = self.nodes.get(edge.parent)?;
                if let Some(param) = parent.param.filter(|_| edge.is_static) {
                    (at, depth) = (param, depth + 1);
                    break;
                }
                if let Some(route) = parent.catch_all.or(parent.optional_catch_all) {
                    return Some(route);
                }
                edge = parent.parent?;
            }
        }
    }

    fn insert(&mut self, route: usize, pattern: &Pattern) {
        let mut slots = Vec::new();
        let mut at = 0;
        let mut end = Segment::Static(String::new());
        for (index, segment) in pattern.segments.iter().enumerate() {
            if let Some(name) = segment.param_name() {
                slots.push(ParamSlot {
                    name: name.into(),
                    segment: index,
                    takes_rest: segment.is_catch_all(),
                    is_optional: matches!(segment, Segment::OptionalCatchAll(_)),
                });
            }
            if segment.is_catch_all() {
                end = segment.clone();
                break;
            }
            at = self.child(at, segment);
        }
        self.params.push(slots.into_boxed_slice());
        if let Some(node) = self.nodes.get_mut(at) {
            let place = match end {
                Segment::CatchAll(_) => &mut node.catch_all,
                Segment::OptionalCatchAll(_) => &mut node.optional_catch_all,
                Segment::Static(_) | Segment::Param(_) => &mut node.route,
            };
            place.get_or_insert(route);
        }
    }

    /// The child of a node for a static or single-parameter segment, made where it is missing.
    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let (child, is_static) = match segment {
            Segment::Static(text) => {
                (*node.statics.entry(text.as_str().into()).or_insert(new), true)
            }
            _ => (*node.param.get_or_insert(new), false),
        };
        if child == new {
            let parent = Some(Edge { parent: at, is_static });
            self.nodes.push(Node { parent, ..Node::default() });
        }
        child
    }
}

impl Node {
    fn static_child(&self, path: &RequestPath, depth: usize) -> Option<usize> {
        if self.statics.is_empty() {
            return None;
        }
        self.statics.get(path.static_text(depth)?).copied()
    }
}

impl<'r, 'p> Match<'r, 'p> {
    /// The parameters in the order of the path. An optional catch-all that matched nothing is
    /// absent, and so is one that matched `index`, as under Next.
    pub fn params(&self) -> impl ExactSizeIterator<Item = (&'r str, ParamValue<'p>)> + use<'r, 'p> {
        let path = self.path;
        // Only the last parameter can take the rest.
        let rest_is_absent = self.slots.last().is_some_and(|slot| {
            slot.is_optional && {
                let mut rest = path.segments_from(slot.segment);
                rest.next().is_none_or(|first| first == "index" && rest.len() == 0)
            }
        });
        let present = self.slots.len() - usize::from(rest_is_absent);
        self.slots.iter().take(present).map(move |slot| {
            let mut segments = path.segments_from(slot.segment);
            let value = if slot.takes_rest {
                ParamValue::Many(segments)
            } else {
                ParamValue::One(segments.next().unwrap_or_default())
            };
            (&*slot.name, value)
        })
    }

    /// What stands for a route that no path leads to, because a request asks for it in another way.
    pub fn without_params(route: usize, path: &'p RequestPath) -> Self {
        Self { route, slots: &[], path }
    }

    /// Whether the route has no parameters.
    pub fn is_static(&self) -> bool {
        self.slots.is_empty()
    }

    /// The path that was matched.
    pub fn path(&self) -> &'p RequestPath {
        self.path
    }
}

#[cfg(test)]
mod tests;
