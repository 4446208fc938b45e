//! A handler that reads the body of its request twice. A body is a stream: the second time throws.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{BindingPattern, Statement};
use oxc::semantic::NodeId;
use oxc::span::GetSpan as _;

use super::Collector;
use crate::Role;
use crate::handlers::{Handler, handlers};
use crate::module::{Module, contains, span_of};

const CODE: &str = "body-read-twice";
const READERS: [&str; 6] = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"];

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    if module.source.role != Role::AppRoute {
        return;
    }
    for handler in handlers(module) {
        check(module, &handler, collector);
    }
}

/// Only reads that every run of the handler comes by count: those in statements of the function itself, and
/// not in branches, loops or functions within it.
fn check(module: &Module<'_>, handler: &Handler<'_>, collector: &mut Collector<'_>) {
    let Some(BindingPattern::BindingIdentifier(request)) = handler.function.param(0) else {
        return;
    };
    let Some(body) = handler.function.body() else { return };
    let mut reads: Vec<(NodeId, &str)> = module
        .references(request.symbol_id())
        .filter_map(|reference| {
            let (node, name) = module.member_of(reference.node_id())?;
            let is_call = matches!(module.kind(module.parent(node)), AstKind::CallExpression(it)
                if contains(it.callee.span(), span_of(module.kind(node))));
            let known =
                READERS.contains(&name) && is_call && is_certain(module, node, &body.statements);
            known.then_some((node, name))
        })
        .collect();
    reads.sort_by_key(|(node, _)| span_of(module.kind(*node)).start);
    let [(_, first), (second, name), ..] = reads[..] else { return };
    let message = format!("the body is read a second time: `{first}()` has taken it already");
    let help = format!("keep what `{first}()` returned, or read a `clone()` the first time");
    let found = Diagnostic::warning(message).with_help(help);
    let whole = span_of(module.kind(second));
    let start = whole.end - u32::try_from(name.len()).unwrap_or(0);
    collector.add(CODE, module.at(found, oxc::span::Span::new(start, whole.end)));
}

fn is_certain(module: &Module<'_>, node: NodeId, statements: &[Statement<'_>]) -> bool {
    let own = span_of(module.kind(node));
    let is_plain = |statement: &Statement<'_>| {
        matches!(
            statement,
            Statement::ExpressionStatement(_)
                | Statement::VariableDeclaration(_)
                | Statement::ReturnStatement(_)
        )
    };
    let around = statements.iter().find(|statement| contains(statement.span(), own));
    let Some(around) = around.filter(|it| is_plain(it)) else { return false };
    // Between the statement and the call nothing may make it a matter of chance.
    let mut nodes = module.semantic.nodes().ancestor_kinds(node);
    let is_chance = |kind: &AstKind<'_>| {
        matches!(
            kind,
            AstKind::LogicalExpression(_)
                | AstKind::ConditionalExpression(_)
                | AstKind::Function(_)
                | AstKind::ArrowFunctionExpression(_)
        )
    };
    nodes.by_ref().take_while(|kind| kind.span() != around.span()).all(|kind| !is_chance(&kind))
}
