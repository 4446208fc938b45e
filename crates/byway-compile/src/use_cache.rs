//! `'use cache'`: functions whose results the server keeps.
//!
//! A function with the directive, or an exported one of a file with it, becomes one that asks the
//! cache (`worker/src/use-cache.ts`) and hands it the original. What the function reads of functions
//! around it goes along as part of the key:
//!
//! ```js
//! async function price(id) { 'use cache'; return load(id, currency) }
//! async function price() {
//!   return __bywayCached("default", "lib/price.ts#0", 1, [currency],
//!     async function (id) { return load(id, currency) }, arguments)
//! }
//! ```

mod plan;

use std::collections::BTreeMap;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Argument, ArrowFunctionBody, ArrowFunctionExpression, Directive, Expression, Function,
    FunctionBody, Program, Statement,
};
use oxc::ast_visit::{VisitMut, walk_mut};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::{SourceType, Span};
use oxc::syntax::scope::ScopeFlags;

use crate::place::AllSpans;
use crate::virtual_modules::{USE_CACHE, js_string};

pub(crate) use plan::Fault;
use plan::{Cached, Plan};

/// What the directive says, alone or with the name of a cache behind it.
const DIRECTIVE: &str = "use cache";
/// The name of the cache where the directive has none.
const DEFAULT_KIND: &str = "default";
/// The function that asks the cache, as generated code calls it.
const CALLED: &str = "__bywayCached";

/// Cheap test that spares most modules the walk.
pub(crate) fn may_ask(source: &str) -> bool {
    source.contains(DIRECTIVE)
}

/// Something that cannot be cached, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// What is wrong.
    pub(crate) fault: Fault,
    /// The place in the source.
    pub(crate) span: Span,
}

/// Rewrites `program`, the module that is called `name` in keys, and says what cannot be cached.
pub(crate) fn rewrite<'a>(
    program: &mut Program<'a>,
    allocator: &'a Allocator,
    name: &str,
    enabled: bool,
) -> Vec<Found> {
    let semantic = SemanticBuilder::new().build(program).semantic;
    let plan = Plan::of(program, semantic.scoping());
    drop(semantic);
    if plan.is_empty() {
        return Vec::new();
    }
    if !enabled {
        return vec![Found { fault: Fault::NotEnabled, span: plan.first_directive() }];
    }
    let Plan { functions, found, .. } = plan;
    if !found.is_empty() {
        return found;
    }
    program.directives.retain(|it| kind_of(it).is_none());
    let is_module = program.body.iter().any(Statement::is_module_declaration);
    let callee =
        if is_module { CALLED.to_owned() } else { format!("require(\"{USE_CACHE}\").cached") };
    Rewriter { allocator, name, callee, functions }.visit_program(program);
    if is_module {
        import(program, allocator);
    }
    Vec::new()
}

/// The name of the cache that a directive asks for; `None` for another directive.
fn kind_of<'a>(directive: &Directive<'a>) -> Option<&'a str> {
    let rest = directive.directive.as_str().strip_prefix(DIRECTIVE)?;
    if rest.is_empty() { Some(DEFAULT_KIND) } else { rest.strip_prefix(": ") }
}

fn import<'a>(program: &mut Program<'a>, allocator: &'a Allocator) {
    let code = format!("import {{ cached as {CALLED} }} from \"{USE_CACHE}\";");
    let code = allocator.alloc_str(&code);
    let mut parsed = Parser::new(allocator, code, SourceType::mjs()).parse().program;
    AllSpans(Span::new(0, 0)).visit_program(&mut parsed);
    if let Some(statement) = parsed.body.pop() {
        program.body.insert(0, statement);
    }
}

struct Rewriter<'a, 'n> {
    allocator: &'a Allocator,
    name: &'n str,
    callee: String,
    /// By their start and end.
    functions: BTreeMap<(u32, u32), Cached>,
}

impl<'a> Rewriter<'a, '_> {
    /// A function that asks the cache, with 0 where the original goes. The arguments come from `given`.
    fn shell(&self, cached: &Cached, span: Span, given: &str) -> Option<Expression<'a>> {
        let id = js_string(&format!("{}#{}", self.name, cached.number));
        let (kind, bound) = (js_string(&cached.kind), cached.bound.join(", "));
        let count = cached.parameters.map_or("Infinity".to_owned(), |it| it.to_string());
        let callee = &self.callee;
        let head = if given == "arguments" { "function ()" } else { "(...__bywayGiven) =>" };
        let code = format!(
            "async {head} {{ return {callee}({kind}, {id}, {count}, [{bound}], 0, {given}); }}"
        );
        let code = self.allocator.alloc_str(&code);
        let mut parsed =
            Parser::new(self.allocator, code, SourceType::mjs()).parse_expression().ok()?;
        AllSpans(span).visit_expression(&mut parsed);
        Some(parsed)
    }
}

/// Where the original goes in a shell.
fn place_of<'b, 'a>(body: &'b mut FunctionBody<'a>) -> Option<&'b mut Argument<'a>> {
    let Some(Statement::ReturnStatement(statement)) = body.statements.first_mut() else {
        return None;
    };
    let Some(Expression::CallExpression(call)) = &mut statement.argument else { return None };
    call.arguments.get_mut(4)
}

fn without_directive(body: &mut FunctionBody<'_>) {
    body.directives.retain(|it| kind_of(it).is_none());
}

impl<'a> VisitMut<'a> for Rewriter<'a, '_> {
    fn visit_function(&mut self, it: &mut Function<'a>, flags: ScopeFlags) {
        walk_mut::walk_function(self, it, flags);
        let Some(cached) = self.functions.get(&(it.span.start, it.span.end)) else { return };
        let shell = self.shell(cached, it.span, "arguments");
        let Some(Expression::FunctionExpression(mut made)) = shell else { return };
        std::mem::swap(&mut made.params, &mut it.params);
        std::mem::swap(&mut made.body, &mut it.body);
        made.body.iter_mut().for_each(|body| without_directive(body));
        if let Some(place) = it.body.as_mut().and_then(|body| place_of(body)) {
            *place = Argument::FunctionExpression(made);
        }
    }

    fn visit_arrow_function_expression(&mut self, it: &mut ArrowFunctionExpression<'a>) {
        walk_mut::walk_arrow_function_expression(self, it);
        let Some(cached) = self.functions.get(&(it.span.start, it.span.end)) else { return };
        let shell = self.shell(cached, it.span, "__bywayGiven");
        let Some(Expression::ArrowFunctionExpression(mut made)) = shell else { return };
        std::mem::swap(&mut *made, it);
        if let ArrowFunctionBody::FunctionBody(body) = &mut made.body {
            without_directive(body);
        }
        if let ArrowFunctionBody::FunctionBody(body) = &mut it.body
            && let Some(place) = place_of(body)
        {
            *place = Argument::ArrowFunctionExpression(made);
        }
    }
}

#[cfg(test)]
mod tests;
