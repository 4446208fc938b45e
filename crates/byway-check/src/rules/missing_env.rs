//! Variables that code uses without a fallback and that are set nowhere.

use std::collections::BTreeMap;

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{BindingPattern, Expression};
use oxc::semantic::NodeId;
use oxc::span::{GetSpan as _, Span};
use oxc::syntax::operator::UnaryOperator;

use super::Collector;
use crate::module::{Module, contains, member, span_of};

const CODE: &str = "missing-env";
/// Set by Next, Node.js, the shell or the host: not the project's to define.
const OTHERS: [&str; 12] = [
    "CI",
    "DEBUG",
    "HOME",
    "HOSTNAME",
    "NEXT_PHASE",
    "NEXT_RUNTIME",
    "NODE_ENV",
    "PATH",
    "PORT",
    "PWD",
    "TZ",
    "USER",
];
const OTHERS_PREFIX: [&str; 7] =
    ["AWS_", "CF_", "NETLIFY", "NEXT_DEPLOYMENT", "RAILWAY_", "VERCEL", "npm_"];

/// The first use of each variable.
#[derive(Default)]
pub(super) struct Uses(BTreeMap<String, Diagnostic>);

impl Uses {
    pub(super) fn finish(self) -> impl Iterator<Item = Diagnostic> {
        self.0.into_values().map(|found| found.with_code(CODE))
    }
}

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    for node in module.semantic.nodes() {
        match node.kind() {
            AstKind::StaticMemberExpression(it)
                if is_environment(module, &it.object) && !is_optional(module, node.id()) =>
            {
                add(module, collector, it.property.name.as_str(), it.property.span);
            }
            AstKind::VariableDeclarator(it)
                if it.init.as_ref().is_some_and(|init| is_environment(module, init)) =>
            {
                let BindingPattern::ObjectPattern(pattern) = &it.id else { continue };
                for property in &pattern.properties {
                    // With a default it is an assignment pattern.
                    if matches!(property.value, BindingPattern::BindingIdentifier(_))
                        && let Some(name) = property.key.static_name()
                    {
                        add(module, collector, &name, property.key.span());
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_environment(module: &Module<'_>, expression: &Expression<'_>) -> bool {
    member(expression)
        .is_some_and(|(object, name)| name == "env" && module.is_global(object, "process"))
}

/// Whether the code is prepared for the variable's absence, or sets it.
fn is_optional(module: &Module<'_>, node: NodeId) -> bool {
    let own = span_of(module.kind(node));
    let parent = module.parent(node);
    match module.kind(parent) {
        AstKind::LogicalExpression(it) => {
            // The last one of `a ?? b` is what is used in the end.
            contains(it.left.span(), own) || is_optional(module, parent)
        }
        AstKind::AssignmentExpression(it) => contains(it.left.span(), own),
        AstKind::UnaryExpression(it) => {
            matches!(
                it.operator,
                UnaryOperator::LogicalNot | UnaryOperator::Typeof | UnaryOperator::Delete
            )
        }
        AstKind::BinaryExpression(it) => it.operator.is_equality(),
        AstKind::IfStatement(_) | AstKind::SwitchStatement(_) => true,
        AstKind::ConditionalExpression(it) => contains(it.test.span(), own),
        AstKind::StaticMemberExpression(it) => it.optional,
        AstKind::CallExpression(it) => module.is_global(&it.callee, "Boolean"),
        _ => module
            .text(span_of(module.kind(parent)))
            .starts_with(&format!("{}?.", module.text(own))),
    }
}

fn add(module: &Module<'_>, collector: &mut Collector<'_>, name: &str, span: Span) {
    let is_other =
        OTHERS.contains(&name) || OTHERS_PREFIX.iter().any(|prefix| name.starts_with(prefix));
    if is_other || collector.facts.variables.contains(name) || name.starts_with("__") {
        return;
    }
    let help =
        "set it in the environment or in `.env`; code that can do without it says so with `??`";
    let message = format!("the variable `{name}` is set neither here nor in a `.env` file");
    let found = module.at(Diagnostic::note(message).with_help(help), span);
    collector.variables.0.entry(name.to_owned()).or_insert(found);
}
