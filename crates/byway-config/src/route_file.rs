//! `export const config = { … }` of a route file: the same policies with names in `camelCase`.

use byway_error::{Diagnostic, Severity};

use crate::RoutePolicy;
use crate::context::{Context, Source, Style, Wrong};
use crate::node::{Node, Value};
use crate::reader::Reader;

/// Names that Next itself, or those who host it, read from this object. They say nothing to byway.
const FOREIGN: [&str; 11] = [
    "amp",
    "api",
    "matcher",
    "maxDuration",
    "memory",
    "preferredRegion",
    "regions",
    "runtime",
    "supportsResponseStreaming",
    "unstable_allowDynamic",
    "unstable_excludeFiles",
];

/// Whether a key of `config` is there for somebody else.
pub fn is_foreign(name: &str) -> bool {
    FOREIGN.contains(&name)
}

/// Reads the object `node` of the route file `file`, whose text is `text`. A key that looks like a slip is
/// an error, one that looks like nothing byway knows a warning: the project may have a use for it.
pub fn route_policy(node: &Node, file: &str, text: &str) -> (RoutePolicy, Vec<Diagnostic>) {
    let context = Context::new(Source { file, text }, Style::Camel, &[]);
    if !matches!(node.value, Value::Table(_)) {
        context.problem(Wrong {
            message: format!("`config` has to be an object, not {}", node.value.kind()),
            help: None,
            at: node.at.clone(),
        });
        return (RoutePolicy::default(), context.into_problems(|_, _| None));
    }
    let policy = Reader::root(&context, node, RoutePolicy::read);
    let severity = |name: &str, similar: bool| match name {
        _ if is_foreign(name) => None,
        _ if similar => Some(Severity::Error),
        _ => Some(Severity::Warning),
    };
    (policy, context.into_problems(severity))
}
