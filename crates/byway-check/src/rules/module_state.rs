//! State of a module that changes while requests are served.
//!
//! One worker has one copy, as under `next start`. With several, each has its own, so that a counter or a
//! list of sessions is different from request to request.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{Class, ClassElement, Expression, VariableDeclarator};
use oxc::semantic::NodeId;
use oxc::span::{GetSpan as _, Span};
use oxc::syntax::operator::{AssignmentOperator, UnaryOperator};
use oxc::syntax::symbol::SymbolId;

use super::Collector;
use crate::module::{Module, contains, span_of};

const CODE: &str = "module-state";
/// Constructors of what is changed by methods. Weak collections belong to their keys' lifetimes: what they
/// hold is a memo about an object.
const COLLECTIONS: [&str; 3] = ["Map", "Set", "Array"];
/// Methods that change a collection.
const MUTATORS: [&str; 14] = [
    "add",
    "clear",
    "copyWithin",
    "delete",
    "fill",
    "pop",
    "push",
    "reverse",
    "set",
    "shift",
    "sort",
    "splice",
    "unshift",
    "append",
];

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    let scoping = module.semantic.scoping();
    let root = scoping.root_scope_id();
    for symbol in scoping.symbol_ids().filter(|it| scoping.symbol_scope_id(*it) == root) {
        let Some(declarator) = module.declarator(symbol) else { continue };
        if declarator.id.get_binding_identifier().is_none_or(|id| id.symbol_id() != symbol) {
            continue;
        }
        let changed = is_reassigned(module, symbol)
            || is_collection(module, declarator) && is_mutated(module, symbol)
            || holds_state(module, declarator);
        if changed {
            report(module, collector, declarator);
        }
    }
}

fn report(module: &Module<'_>, collector: &mut Collector<'_>, declarator: &VariableDeclarator<'_>) {
    let Some(id) = declarator.id.get_binding_identifier() else { return };
    let workers = collector.facts.workers;
    let message = format!("`{}` is state of this module, which requests change", id.name);
    let found = if workers > 1 {
        Diagnostic::warning(message).with_help(format!(
            "{workers} workers have {workers} copies that differ: move it to a database or a store, \
             or run one worker"
        ))
    } else {
        Diagnostic::note(message).with_help(
            "with one worker, the default, it behaves as under `next start`; more workers would have \
             a copy each, and a restart forgets it",
        )
    };
    collector.add(CODE, module.at(found, id.span));
}

/// Whether a function gives the variable another value. One that fills it once, when it is first needed, is
/// not state.
fn is_reassigned(module: &Module<'_>, symbol: SymbolId) -> bool {
    module.references(symbol).filter(|reference| reference.is_write()).any(|reference| {
        let node = reference.node_id();
        let Some(function) = module.function_around(node) else { return false };
        !is_neutral(module, node) && !asks_first(module, symbol, function)
    })
}

/// `x ??= …`, `x ||= …`, and taking a value back: `x = undefined`.
fn is_neutral(module: &Module<'_>, node: NodeId) -> bool {
    let AstKind::AssignmentExpression(it) = module.kind(module.parent(node)) else { return false };
    match it.operator {
        AssignmentOperator::LogicalNullish | AssignmentOperator::LogicalOr => true,
        AssignmentOperator::Assign => {
            it.right.is_null_or_undefined()
                || matches!(it.right.get_inner_expression(), Expression::Identifier(id)
                    if id.name == "undefined")
        }
        _ => false,
    }
}

/// Whether `function` looks whether the variable is filled: `if (!x)`, `if (x) return x`, `x ?? …`.
fn asks_first(module: &Module<'_>, symbol: SymbolId, function: NodeId) -> bool {
    let own = span_of(module.kind(function));
    module.references(symbol).any(|reference| {
        let node = reference.node_id();
        if !contains(own, span_of(module.kind(node))) || reference.is_write() {
            return false;
        }
        let mut at = node;
        loop {
            let parent = module.parent(at);
            let inner = span_of(module.kind(at));
            return match module.kind(parent) {
                AstKind::UnaryExpression(it)
                    if it.operator == UnaryOperator::LogicalNot
                        || it.operator == UnaryOperator::Typeof =>
                {
                    at = parent;
                    continue;
                }
                // `x === undefined`, `x == null`
                AstKind::BinaryExpression(it)
                    if it.operator.is_equality()
                        && (is_nothing(&it.left) || is_nothing(&it.right)) =>
                {
                    at = parent;
                    continue;
                }
                AstKind::LogicalExpression(it) if contains(it.left.span(), inner) => true,
                AstKind::IfStatement(it) => contains(it.test.span(), inner),
                AstKind::ConditionalExpression(it) => contains(it.test.span(), inner),
                _ => false,
            };
        }
    })
}

fn is_nothing(expression: &Expression<'_>) -> bool {
    expression.is_null_or_undefined()
        || expression.is_specific_string_literal("undefined")
        || matches!(expression.get_inner_expression(), Expression::Identifier(it)
            if it.name == "undefined")
}

/// Whether it starts as a list, an object or a collection.
fn is_collection(module: &Module<'_>, declarator: &VariableDeclarator<'_>) -> bool {
    declarator.init.as_ref().is_some_and(|init| is_container(module, init))
}

fn is_container(module: &Module<'_>, expression: &Expression<'_>) -> bool {
    match expression.get_inner_expression() {
        Expression::ArrayExpression(_) | Expression::ObjectExpression(_) => true,
        Expression::NewExpression(it) => {
            COLLECTIONS.iter().any(|name| module.is_global(&it.callee, name))
        }
        _ => false,
    }
}

/// Whether a function changes what is in it.
fn is_mutated(module: &Module<'_>, symbol: SymbolId) -> bool {
    module.references(symbol).any(|reference| {
        let node = reference.node_id();
        module.function_around(node).is_some() && changes(module, node)
    })
}

/// Whether the value at `node`, or a member of it, is changed in place.
fn changes(module: &Module<'_>, node: NodeId) -> bool {
    let mut at = node;
    let mut name = None;
    loop {
        let parent = module.parent(at);
        let own = span_of(module.kind(at));
        match module.kind(parent) {
            AstKind::StaticMemberExpression(it) if contains(it.object.span(), own) => {
                name = Some(it.property.name.as_str());
            }
            AstKind::ComputedMemberExpression(it) if contains(it.object.span(), own) => {
                name = None;
            }
            AstKind::CallExpression(it) => {
                let is_callee = contains(it.callee.span(), own) && at != node;
                return is_callee && name.is_some_and(|name| MUTATORS.contains(&name));
            }
            AstKind::AssignmentExpression(it) => {
                return at != node && contains(it.left.span(), own);
            }
            AstKind::UpdateExpression(_) => return at != node,
            AstKind::UnaryExpression(it) => {
                return at != node && it.operator == UnaryOperator::Delete;
            }
            _ => return false,
        }
        at = parent;
    }
}

/// `new Throttle()`, where the class stands in the file and keeps a collection that its methods change.
fn holds_state(module: &Module<'_>, declarator: &VariableDeclarator<'_>) -> bool {
    let Some(Expression::NewExpression(created)) =
        declarator.init.as_ref().map(Expression::get_inner_expression)
    else {
        return false;
    };
    let Expression::Identifier(name) = created.callee.get_inner_expression() else { return false };
    let Some(symbol) = module.symbol(name) else { return false };
    let declaration = module.semantic.scoping().symbol_declaration(symbol);
    let AstKind::Class(class) = module.kind(declaration) else { return false };
    class.body.body.iter().any(|element| {
        let ClassElement::PropertyDefinition(it) = element else { return false };
        let is_kept = it.value.as_ref().is_some_and(|value| is_container(module, value));
        let name = it.key.name();
        is_kept && name.is_some_and(|name| is_changed_in(module, class, &name))
    })
}

/// Whether `this.name` is changed somewhere in the class.
fn is_changed_in(module: &Module<'_>, class: &Class<'_>, name: &str) -> bool {
    let whole: Span = class.span;
    module.semantic.nodes().iter().any(|node| {
        let is_member = match node.kind() {
            AstKind::StaticMemberExpression(it) => {
                it.property.name == name && matches!(it.object, Expression::ThisExpression(_))
            }
            AstKind::PrivateFieldExpression(it) => {
                it.field.name == name && matches!(it.object, Expression::ThisExpression(_))
            }
            _ => false,
        };
        is_member && contains(whole, span_of(node.kind())) && changes(module, node.id())
    })
}
