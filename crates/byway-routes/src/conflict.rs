//! Which routes of a project cannot live together.

use std::collections::BTreeMap;
use std::mem::discriminant;

use crate::manifest::RouteKind;
use crate::pattern::{Pattern, Segment};

/// How two routes collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictKind {
    /// Both serve the same path.
    SamePath,
    /// They name the parameter at one position differently.
    ParameterNames,
    /// An optional catch-all also serves the path of the other.
    OptionalCatchAll,
    /// A required and an optional catch-all are side by side.
    BothCatchAlls,
}

/// Two routes that cannot live together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// How they collide.
    pub kind: ConflictKind,
    /// The two files, in the order in which they were given.
    pub files: [String; 2],
    /// What is wrong, one sentence without a final dot, naming both files.
    pub message: String,
}

/// A route with its file and kind, as [`conflicts`] takes it.
type Candidate = (Pattern, String, RouteKind);

/// A segment without its parameter's name: patterns equal in this match the same paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shape<'a> {
    Static(&'a str),
    Param,
    CatchAll,
    OptionalCatchAll,
}

impl<'a> Shape<'a> {
    fn of(segment: &'a Segment) -> Self {
        match segment {
            Segment::Static(text) => Self::Static(text),
            Segment::Param(_) => Self::Param,
            Segment::CatchAll(_) => Self::CatchAll,
            Segment::OptionalCatchAll(_) => Self::OptionalCatchAll,
        }
    }
}

/// The routes that collide, each with the first of the earlier ones that it collides with.
///
/// The rules are those that keep `next build` or `next start` from running: one path twice,
/// different parameter names at one position, both sorts of catch-all at one position, and an
/// optional catch-all beside its own parent path. The last is allowed where the parent path is
/// static and one of the two is in `app/`, the other in `pages/`: the static one wins then.
pub fn conflicts(routes: &[Candidate]) -> Vec<Conflict> {
    let mut by_shape: BTreeMap<Vec<Shape<'_>>, usize> = BTreeMap::new();
    let mut by_position: BTreeMap<Vec<Shape<'_>>, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, candidate) in routes.iter().enumerate() {
        let same_path = by_shape
            .get(&shape(&candidate.0.segments))
            .map(|&earlier| &routes[earlier])
            .filter(|earlier| earlier.0 == candidate.0);
        if let Some(earlier) = same_path {
            found.push(same_path_conflict(earlier, candidate));
            continue;
        }
        by_shape.entry(shape(&candidate.0.segments)).or_insert(index);
        found.extend(position_conflict(routes, index, &mut by_position));
    }
    found.extend(optional_catch_all_conflicts(routes, &by_shape));
    found
}

fn shape(segments: &[Segment]) -> Vec<Shape<'_>> {
    segments.iter().map(Shape::of).collect()
}

fn same_path_conflict(first: &Candidate, second: &Candidate) -> Conflict {
    let (files, path) = ([first.1.clone(), second.1.clone()], &first.0);
    let message = format!("`{}` and `{}` both serve the path `{path}`", files[0], files[1]);
    Conflict { kind: ConflictKind::SamePath, files, message }
}

/// One parameter name and one sort of catch-all per position. Remembers the positions of the route.
fn position_conflict<'a>(
    routes: &'a [Candidate],
    index: usize,
    by_position: &mut BTreeMap<Vec<Shape<'a>>, usize>,
) -> Option<Conflict> {
    let (pattern, file, _) = &routes[index];
    let mut found = None;
    for (at, segment) in pattern.segments.iter().enumerate() {
        if segment.param_name().is_none() {
            continue;
        }
        let mut position = shape(&pattern.segments[..=at]);
        if segment.is_catch_all() {
            // Both sorts of catch-all share a position.
            position[at] = Shape::CatchAll;
        }
        let (other_pattern, other_file, _) = &routes[*by_position.entry(position).or_insert(index)];
        let other_segment = &other_pattern.segments[at];
        if other_segment == segment || found.is_some() {
            continue;
        }
        let same_sort = discriminant(other_segment) == discriminant(segment);
        let (kind, what) = if same_sort {
            (ConflictKind::ParameterNames, "different names for the parameter")
        } else {
            (ConflictKind::BothCatchAlls, "a required and an optional catch-all")
        };
        let message = format!(
            "`{other_file}` and `{file}` use {what} at the same place: \
             `{other_segment}` in `{other_pattern}`, `{segment}` in `{pattern}`"
        );
        found = Some(Conflict { kind, files: [other_file.clone(), file.clone()], message });
    }
    found
}

/// `[[...slug]]` serves its parent path too, where another route may be.
fn optional_catch_all_conflicts(
    routes: &[Candidate],
    by_shape: &BTreeMap<Vec<Shape<'_>>, usize>,
) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (pattern, file, kind) in routes {
        let Some((Segment::OptionalCatchAll(_), parent)) = pattern.segments.split_last() else {
            continue;
        };
        let Some(&other) = by_shape.get(&shape(parent)) else { continue };
        let (other_pattern, other_file, other_kind) = &routes[other];
        if other_kind != kind && other_pattern.is_static() {
            continue;
        }
        let message = format!(
            "`{other_file}` and `{file}` both serve `{other_pattern}`: the optional catch-all \
             `{pattern}` includes it"
        );
        let files = [other_file.clone(), file.clone()];
        found.push(Conflict { kind: ConflictKind::OptionalCatchAll, files, message });
    }
    found
}

#[cfg(test)]
mod tests;
