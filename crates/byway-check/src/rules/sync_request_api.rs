//! `cookies()`, `headers()`, `draftMode()` and `params` used without `await`.
//!
//! byway's are hybrids that work both ways, as code of Next 13 and 14 needs it. Next 15 warns and Next 16
//! throws, so code that is meant to run under both has to await.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{BindingPattern, CallExpression};
use oxc::span::{GetSpan as _, Span};
use oxc::syntax::node::NodeId;
use oxc::syntax::symbol::SymbolId;

use super::Collector;
use crate::Role;
use crate::handlers::handlers;
use crate::module::{Module, contains, span_of};

const CODE: &str = "sync-request-api";
const FUNCTIONS: [&str; 3] = ["cookies", "draftMode", "headers"];
/// What a promise has anyway.
const OF_PROMISES: [&str; 3] = ["then", "catch", "finally"];
/// The first version that wants them awaited.
const ASYNC_SINCE: u32 = 15;

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    if collector.facts.next_major.is_some_and(|major| major < ASYNC_SINCE) {
        return;
    }
    for node in module.semantic.nodes() {
        if let AstKind::CallExpression(call) = node.kind() {
            request_function(module, node.id(), call, collector);
        }
    }
    if module.source.role == Role::AppRoute {
        params(module, collector);
    }
}

fn request_function(
    module: &Module<'_>,
    node: NodeId,
    call: &CallExpression<'_>,
    collector: &mut Collector<'_>,
) {
    let Some(import) = module.imported(&call.callee).filter(|it| it.from == "next/headers") else {
        return;
    };
    let Some(name) = FUNCTIONS.into_iter().find(|name| *name == import.name) else { return };
    let what = format!("{name}()");
    if let Some(span) = sync_use(module, node) {
        add(module, collector, &what, span);
        return;
    }
    let AstKind::VariableDeclarator(declarator) = module.kind(module.parent(node)) else { return };
    match &declarator.id {
        BindingPattern::ObjectPattern(pattern) => add(module, collector, &what, pattern.span),
        BindingPattern::BindingIdentifier(id) => uses(module, collector, &what, id.symbol_id()),
        _ => {}
    }
}

/// Where a promise at `node` is used as if it was its value: `x.name`, `x[name]`.
fn sync_use(module: &Module<'_>, node: NodeId) -> Option<Span> {
    let own = span_of(module.kind(node));
    match module.kind(module.parent(node)) {
        AstKind::StaticMemberExpression(member) if contains(member.object.span(), own) => {
            let is_promise = OF_PROMISES.contains(&member.property.name.as_str());
            (!is_promise).then_some(member.span)
        }
        AstKind::ComputedMemberExpression(member) if contains(member.object.span(), own) => {
            Some(member.span)
        }
        _ => None,
    }
}

/// The first place at which a variable that holds the promise is used without `await`.
fn uses(module: &Module<'_>, collector: &mut Collector<'_>, what: &str, symbol: SymbolId) {
    let place = module.references(symbol).find_map(|reference| {
        let node = reference.node_id();
        sync_use(module, node).or_else(|| destructured(module, node))
    });
    if let Some(span) = place {
        add(module, collector, what, span);
    }
}

/// `const { id } = x`.
fn destructured(module: &Module<'_>, node: NodeId) -> Option<Span> {
    let AstKind::VariableDeclarator(declarator) = module.kind(module.parent(node)) else {
        return None;
    };
    let is_init = declarator
        .init
        .as_ref()
        .is_some_and(|init| contains(init.span(), span_of(module.kind(node))));
    match &declarator.id {
        BindingPattern::ObjectPattern(pattern) if is_init => Some(pattern.span),
        _ => None,
    }
}

fn params(module: &Module<'_>, collector: &mut Collector<'_>) {
    for handler in handlers(module) {
        match handler.function.param(1) {
            Some(BindingPattern::ObjectPattern(context)) => {
                for property in &context.properties {
                    if !property.key.is_specific_static_name("params") {
                        continue;
                    }
                    match &property.value {
                        BindingPattern::BindingIdentifier(id) => {
                            uses(module, collector, "params", id.symbol_id());
                        }
                        BindingPattern::ObjectPattern(pattern) => {
                            add(module, collector, "params", pattern.span);
                        }
                        _ => {}
                    }
                }
            }
            Some(BindingPattern::BindingIdentifier(context)) => {
                let place = module.references(context.symbol_id()).find_map(|reference| {
                    let (node, name) = module.member_of(reference.node_id())?;
                    let place = sync_use(module, node).or_else(|| destructured(module, node));
                    place.filter(|_| name == "params")
                });
                if let Some(span) = place {
                    add(module, collector, "params", span);
                }
            }
            _ => {}
        }
    }
}

fn add(module: &Module<'_>, collector: &mut Collector<'_>, what: &str, span: Span) {
    let message = format!("`{what}` is used without `await`");
    let help = format!(
        "byway allows it, as Next 13 and 14 did; Next 15 warns and Next 16 throws: use `await {what}`"
    );
    let found = Diagnostic::warning(message).with_help(help);
    collector.add(CODE, module.at(found, span));
}
