//! A handler that can end without a `Response`. Next answers 500 to it, and so does byway.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{Expression, Statement};
use oxc::span::GetSpan as _;

use super::Collector;
use crate::Role;
use crate::exits::always_exit;
use crate::handlers::{Handler, handlers};
use crate::module::{Module, contains, member};

const CODE: &str = "forgotten-response";
/// Functions of `next/navigation` that end a handler by throwing.
const ENDINGS: [&str; 5] =
    ["forbidden", "notFound", "permanentRedirect", "redirect", "unauthorized"];
/// Static methods that make an answer.
const MAKERS: [&str; 4] = ["json", "redirect", "rewrite", "error"];

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    if module.source.role == Role::PagesRoute {
        return;
    }
    dropped(module, collector);
    for handler in handlers(module) {
        if handler.function.is_generator() {
            continue;
        }
        wrong_values(module, &handler, collector);
        runs_out(module, &handler, collector);
    }
}

/// `NextResponse.json(…)` as a statement: the answer is made and dropped.
fn dropped(module: &Module<'_>, collector: &mut Collector<'_>) {
    for node in module.semantic.nodes() {
        let AstKind::ExpressionStatement(statement) = node.kind() else { continue };
        if !makes_response(module, &statement.expression) {
            continue;
        }
        let found = Diagnostic::warning("this answer is made and not returned")
            .with_help("put `return` before it");
        collector.add(CODE, module.at(found, statement.expression.span()));
    }
}

/// `new Response(…)`, `Response.json(…)`, `NextResponse.redirect(…)`.
fn makes_response(module: &Module<'_>, expression: &Expression<'_>) -> bool {
    let is_class = |it: &Expression<'_>| {
        module.is_global(it, "Response")
            || module
                .imported(it)
                .is_some_and(|it| it.from == "next/server" && it.name == "NextResponse")
    };
    match expression.get_inner_expression() {
        Expression::NewExpression(it) => is_class(&it.callee),
        Expression::CallExpression(it) => member(&it.callee)
            .is_some_and(|(object, name)| MAKERS.contains(&name) && is_class(object)),
        _ => false,
    }
}

/// `return { ok: true }`, `return 'text'`, `return;`
fn wrong_values(module: &Module<'_>, handler: &Handler<'_>, collector: &mut Collector<'_>) {
    if let Some(value) = handler.function.value() {
        if let Some(what) = plain(value) {
            add(module, collector, handler, &format!("returns {what}"), value.span());
        }
        return;
    }
    let Some(body) = handler.function.body() else { return };
    for node in module.semantic.nodes() {
        let AstKind::ReturnStatement(it) = node.kind() else { continue };
        let around = module.function_around(node.id()).map(|id| module.kind(id));
        let is_own = around.is_some_and(|kind| kind.span() == handler.function.span());
        if !is_own || !contains(body.span, it.span) {
            continue;
        }
        let what = it.argument.as_ref().map_or(Some("nothing"), plain);
        if let Some(what) = what {
            add(module, collector, handler, &format!("returns {what}"), it.span);
        }
    }
}

/// What a value is that is surely no `Response`.
fn plain(value: &Expression<'_>) -> Option<&'static str> {
    match value.get_inner_expression() {
        Expression::ObjectExpression(_) => Some("an object"),
        Expression::ArrayExpression(_) => Some("an array"),
        Expression::StringLiteral(_) | Expression::TemplateLiteral(_) => Some("a string"),
        Expression::NumericLiteral(_) => Some("a number"),
        Expression::BooleanLiteral(_) => Some("true or false"),
        Expression::NullLiteral(_) => Some("null"),
        Expression::Identifier(it) if it.name == "undefined" => Some("nothing"),
        _ => None,
    }
}

fn runs_out(module: &Module<'_>, handler: &Handler<'_>, collector: &mut Collector<'_>) {
    let Some(body) = handler.function.body() else { return };
    let ends = |expression: &Expression<'_>| {
        let call = match expression.get_inner_expression() {
            Expression::AwaitExpression(it) => it.argument.get_inner_expression(),
            other => other,
        };
        let Expression::CallExpression(call) = call else { return false };
        let is_ending = module
            .imported(&call.callee)
            .is_some_and(|it| it.from == "next/navigation" && ENDINGS.contains(&it.name));
        is_ending || module.imported(&call.callee).is_none() && is_unknown(module, &call.callee)
    };
    if always_exit(&body.statements, &ends) || ends_with_call(&body.statements) {
        return;
    }
    let message = format!("`{}` can end without returning a `Response`", handler.name);
    let help = "the client gets a 500: return a `Response` on every way through the function";
    let found = Diagnostic::warning(message).with_help(help);
    collector.add(CODE, module.at(found, handler.name_span));
}

/// A function of the file whose type says that it never returns.
fn is_unknown(module: &Module<'_>, callee: &Expression<'_>) -> bool {
    let Expression::Identifier(it) = callee.get_inner_expression() else { return false };
    let Some(symbol) = module.symbol(it) else { return false };
    let declaration = module.semantic.scoping().symbol_declaration(symbol);
    let AstKind::Function(function) = module.kind(declaration) else { return false };
    function
        .return_type
        .as_ref()
        .is_some_and(|it| module.text(it.span).trim_start_matches(':').trim() == "never")
}

/// A last statement that calls something may throw for good: `fail(error)`.
fn ends_with_call(statements: &[Statement<'_>]) -> bool {
    let Some(Statement::ExpressionStatement(it)) = statements.last() else { return false };
    match it.expression.get_inner_expression() {
        Expression::CallExpression(_) => true,
        Expression::AwaitExpression(it) => {
            matches!(it.argument.get_inner_expression(), Expression::CallExpression(_))
        }
        _ => false,
    }
}

fn add(
    module: &Module<'_>,
    collector: &mut Collector<'_>,
    handler: &Handler<'_>,
    what: &str,
    span: oxc::span::Span,
) {
    let message = format!("`{}` {what} where a `Response` is expected", handler.name);
    let help = "the client gets a 500: return `Response.json(…)` or `new Response(…)`";
    collector.add(CODE, module.at(Diagnostic::warning(message).with_help(help), span));
}
