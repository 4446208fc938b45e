//! A webhook whose signature is checked on a body that has been parsed: the signature covers the bytes as
//! they were sent, so that it never fits.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{CallExpression, Expression, ObjectExpression, ObjectPropertyKind, Statement};
use oxc::span::GetSpan as _;

use super::Collector;
use crate::Role;
use crate::module::{Module, first, member};

const CODE: &str = "webhook-body";
/// Stripe's, which others have taken over.
const VERIFIERS: [&str; 2] = ["constructEvent", "constructEventAsync"];
/// Packages that read a request as bytes, with the name of what does it.
const RAW_READERS: [(&str, &str); 4] = [
    ("raw-body", "default"),
    ("micro", "buffer"),
    ("micro", "text"),
    ("node:stream/consumers", "*"),
];

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    for node in module.semantic.nodes() {
        let AstKind::CallExpression(call) = node.kind() else { continue };
        match module.source.role {
            Role::PagesRoute if !parser_is_off(module) => pages(module, call, collector),
            Role::PagesRoute | Role::Module | Role::AppRoute => {
                parsed_body(module, call, collector);
            }
        }
    }
}

/// In a Pages Router route, where the body is parsed unless the file says otherwise.
fn pages(module: &Module<'_>, call: &CallExpression<'_>, collector: &mut Collector<'_>) {
    let reader = module
        .imported(&call.callee)
        .is_some_and(|import| RAW_READERS.contains(&(import.from, import.name)));
    if !is_verification(call) && !reader {
        return;
    }
    let message = if reader {
        "byway, as Next, has read and parsed the body before this reads it"
    } else {
        "the signature is checked on a parsed body, so that it never fits"
    };
    let help = "add `export const config = { api: { bodyParser: false } }` and read the raw body";
    let found = Diagnostic::warning(message).with_help(help);
    collector.add(CODE, module.at(found, call.callee.span()));
}

/// Anywhere: what is checked comes from `JSON.stringify` or `.json()`.
fn parsed_body(module: &Module<'_>, call: &CallExpression<'_>, collector: &mut Collector<'_>) {
    let Some(body) = first(&call.arguments).filter(|_| is_verification(call)) else { return };
    if !is_parsed(module, body, true) {
        return;
    }
    let found =
        Diagnostic::warning("the signature is checked on a parsed body, so that it never fits")
            .with_help("pass the text as it was sent: `await request.text()`");
    collector.add(CODE, module.at(found, body.span()));
}

fn is_verification(call: &CallExpression<'_>) -> bool {
    let Some((object, name)) = member(&call.callee) else { return false };
    VERIFIERS.contains(&name) && member(object).is_some_and(|(_, name)| name == "webhooks")
}

fn is_parsed(module: &Module<'_>, body: &Expression<'_>, follow: bool) -> bool {
    match body.get_inner_expression() {
        Expression::AwaitExpression(it) => is_parsed(module, &it.argument, follow),
        Expression::CallExpression(call) => member(&call.callee).is_some_and(|(object, name)| {
            name == "json" || name == "stringify" && module.is_global(object, "JSON")
        }),
        Expression::Identifier(it) if follow => {
            let declarator = module.symbol(it).and_then(|symbol| module.declarator(symbol));
            let init = declarator.filter(|it| it.id.is_binding_identifier());
            init.and_then(|it| it.init.as_ref()).is_some_and(|init| is_parsed(module, init, false))
        }
        _ => false,
    }
}

/// `export const config = { api: { bodyParser: false } }`
fn parser_is_off(module: &Module<'_>) -> bool {
    module.program.body.iter().any(|statement| {
        let Statement::ExportDeclaration(export) = statement else { return false };
        let oxc::ast::ast::Declaration::VariableDeclaration(variables) = &export.declaration else {
            return false;
        };
        variables.declarations.iter().any(|it| {
            it.id.get_identifier_name().is_some_and(|name| name == "config")
                && it.init.as_ref().is_some_and(turns_parser_off)
        })
    })
}

fn turns_parser_off(config: &Expression<'_>) -> bool {
    let Expression::ObjectExpression(config) = config.get_inner_expression() else { return true };
    let Some(api) = property(config, "api") else { return false };
    let Expression::ObjectExpression(api) = api.get_inner_expression() else { return true };
    property(api, "bodyParser").is_some_and(|it| {
        !matches!(it.get_inner_expression(), Expression::ObjectExpression(_))
            && !matches!(it.get_inner_expression(), Expression::BooleanLiteral(value) if value.value)
    })
}

fn property<'e, 'a>(object: &'e ObjectExpression<'a>, name: &str) -> Option<&'e Expression<'a>> {
    object.properties.iter().find_map(|property| match property {
        ObjectPropertyKind::ObjectProperty(it) if it.key.is_specific_static_name(name) => {
            Some(&it.value)
        }
        _ => None,
    })
}
