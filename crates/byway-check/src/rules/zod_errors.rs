//! `.errors` of a `ZodError`: Zod 4 has only `.issues`, so that the answer lacks what it should say.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{BindingPattern, Expression};
use oxc::semantic::NodeId;
use oxc::syntax::operator::BinaryOperator;
use oxc::syntax::symbol::SymbolId;

use super::Collector;
use crate::module::{Module, contains, member, span_of};

const CODE: &str = "zod-errors";
/// Methods whose result has an `error` that is a `ZodError`.
const PARSERS: [&str; 3] = ["safeParse", "safeParseAsync", "spa"];
/// The first version without `.errors`.
const ISSUES_ONLY_SINCE: u32 = 4;

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    if collector.facts.zod_major.is_none_or(|major| major < ISSUES_ONLY_SINCE) {
        return;
    }
    // Zod 4 also has version 3 in it.
    if module.imports().any(|import| import.from.starts_with("zod/v3")) {
        return;
    }
    for node in module.semantic.nodes() {
        let AstKind::StaticMemberExpression(access) = node.kind() else { continue };
        if access.property.name != "errors" || !is_zod_error(module, &access.object, node.id()) {
            continue;
        }
        let found = Diagnostic::warning("a `ZodError` of Zod 4 has no `errors`: it is `undefined`")
            .with_help("write `issues`, which Zod 3 has too");
        collector.add(CODE, module.at(found, access.property.span));
    }
}

/// Whether the expression is `result.error` of a `safeParse`, that `error` by itself, or a variable that an
/// `instanceof ZodError` around `node` has narrowed.
fn is_zod_error(module: &Module<'_>, expression: &Expression<'_>, node: NodeId) -> bool {
    if let Some((object, "error")) = member(expression) {
        return match object.get_inner_expression() {
            Expression::Identifier(it) => {
                module.symbol(it).is_some_and(|symbol| is_result(module, symbol))
            }
            other => is_parse(other),
        };
    }
    let Expression::Identifier(it) = expression.get_inner_expression() else { return false };
    let Some(symbol) = module.symbol(it) else { return false };
    is_error_of_result(module, symbol) || is_narrowed(module, symbol, node)
}

/// `const result = schema.safeParse(…)`
fn is_result(module: &Module<'_>, symbol: SymbolId) -> bool {
    let declarator = module.declarator(symbol);
    declarator
        .is_some_and(|it| it.id.is_binding_identifier() && it.init.as_ref().is_some_and(is_parse))
}

/// `const { error } = schema.safeParse(…)`
fn is_error_of_result(module: &Module<'_>, symbol: SymbolId) -> bool {
    let Some(declarator) = module.declarator(symbol) else { return false };
    let BindingPattern::ObjectPattern(pattern) = &declarator.id else { return false };
    declarator.init.as_ref().is_some_and(is_parse)
        && pattern.properties.iter().any(|property| {
            property.key.is_specific_static_name("error")
                && property.value.get_symbol_ids().contains(&symbol)
        })
}

fn is_parse(expression: &Expression<'_>) -> bool {
    match expression.get_inner_expression() {
        Expression::AwaitExpression(it) => is_parse(&it.argument),
        Expression::CallExpression(call) => {
            member(&call.callee).is_some_and(|(_, name)| PARSERS.contains(&name))
        }
        _ => false,
    }
}

/// Whether `node` is inside an `if (x instanceof ZodError)`, in its first branch.
fn is_narrowed(module: &Module<'_>, symbol: SymbolId, node: NodeId) -> bool {
    let own = span_of(module.kind(node));
    module.semantic.nodes().ancestor_kinds(node).any(|kind| match kind {
        AstKind::IfStatement(it) => {
            let branch = oxc::span::GetSpan::span(&it.consequent);
            contains(branch, own) && tests(module, &it.test, symbol)
        }
        AstKind::ConditionalExpression(it) => {
            let branch = oxc::span::GetSpan::span(&it.consequent);
            contains(branch, own) && tests(module, &it.test, symbol)
        }
        _ => false,
    })
}

fn tests(module: &Module<'_>, test: &Expression<'_>, symbol: SymbolId) -> bool {
    let Expression::BinaryExpression(it) = test.get_inner_expression() else { return false };
    let is_it = matches!(it.left.get_inner_expression(), Expression::Identifier(left)
        if module.symbol(left) == Some(symbol));
    let is_class = module
        .imported(&it.right)
        .is_some_and(|import| import.name == "ZodError" && import.from.starts_with("zod"));
    let is_member = member(&it.right).is_some_and(|(object, name)| {
        name == "ZodError" && module.imported(object).is_some_and(|it| it.from.starts_with("zod"))
    });
    it.operator == BinaryOperator::Instanceof && is_it && (is_class || is_member)
}
