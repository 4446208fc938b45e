//! A wrapper that never mentions the handler it is given: whatever it wraps does not run.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{BindingPattern, Expression, Statement};
use oxc::semantic::Reference;

use super::Collector;
use crate::handlers::Callable;
use crate::module::Module;

const CODE: &str = "dropped-handler";
/// What parameters for a handler are called.
const NAMES: [&str; 6] =
    ["handler", "inner", "innerHandler", "nextHandler", "route", "routeHandler"];

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    for node in module.semantic.nodes() {
        let Some(function) = Callable::of_kind(node.kind()) else { continue };
        if !matches!(node.kind(), AstKind::Function(_) | AstKind::ArrowFunctionExpression(_))
            || !returns_function(function)
        {
            continue;
        }
        for param in &function.params().items {
            let BindingPattern::BindingIdentifier(id) = &param.pattern else { continue };
            let is_handler = NAMES.contains(&id.name.as_str());
            if !is_handler || module.references(id.symbol_id()).any(Reference::is_read) {
                continue;
            }
            let message = format!("`{}` is never called: what this wraps does not run", id.name);
            let help = format!("call it in the function that is returned: `return {}(…)`", id.name);
            let found = Diagnostic::warning(message).with_help(help);
            collector.add(CODE, module.at(found, id.span));
        }
    }
}

/// Whether a function's result is a function with parameters, or one that could be a handler.
fn returns_function(function: Callable<'_>) -> bool {
    let is_function = |it: &Expression<'_>| it.get_inner_expression().is_function();
    function.value().is_some_and(is_function)
        || function.body().is_some_and(|body| {
            body.statements.iter().any(|statement| {
                matches!(statement, Statement::ReturnStatement(it)
                    if it.argument.as_ref().is_some_and(is_function))
            })
        })
}
