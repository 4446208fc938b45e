//! Which functions of a module are cached, what they read of functions around them, and what cannot be
//! cached.

use std::collections::{BTreeMap, BTreeSet};

use oxc::ast::ast::{
    ArrowFunctionBody, ArrowFunctionExpression, BindingPattern, Class, Declaration,
    ExportDefaultDeclarationKind, Expression, FormalParameters, Function, FunctionBody,
    IdentifierReference, MethodDefinition, Program, Statement, Super, ThisExpression,
    VariableDeclaration,
};
use oxc::ast_visit::{Visit, walk};
use oxc::semantic::Scoping;
use oxc::span::{GetSpan as _, Span};
use oxc::syntax::scope::{ScopeFlags, ScopeId};
use oxc::syntax::symbol::SymbolId;

use super::{Found, kind_of};

/// Caches that every project has.
const KINDS: [&str; 2] = ["default", "remote"];
/// One that keeps nothing beyond a request.
const PRIVATE: &str = "private";

/// Why something cannot be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// next.config has no `cacheComponents`.
    NotEnabled,
    /// The function is not async, or a generator.
    NotAsync,
    /// The function reads `this`, `super` or `arguments`.
    ReadsThis,
    /// The function is a method of instances.
    InstanceMethod,
    /// The file exports something else than async functions.
    ExportsOther,
    /// There is no cache of this name.
    UnknownKind,
}

impl Fault {
    /// What it is, and what to do.
    pub(crate) fn explained(self) -> (&'static str, &'static str) {
        match self {
            Self::NotEnabled => (
                "`use cache` needs `cacheComponents`",
                "set `cacheComponents: true` in next.config",
            ),
            Self::NotAsync => (
                "what has `use cache` must be an async function",
                "make it `async`, and no generator",
            ),
            Self::ReadsThis => (
                "a function with `use cache` cannot read `this`, `super` or `arguments`",
                "pass what it needs as an argument",
            ),
            Self::InstanceMethod => (
                "a method of instances cannot have `use cache`",
                "move the directive to a function, or make the method static",
            ),
            Self::ExportsOther => (
                "a file with `use cache` exports async functions only",
                "move other exports to another file, or the directive into the functions",
            ),
            Self::UnknownKind => (
                "there is no cache of this name",
                "use `use cache`, `use cache: remote` or `use cache: private`",
            ),
        }
    }
}

/// A function that is cached.
#[derive(Debug)]
pub(super) struct Cached {
    pub(super) kind: String,
    /// Tells it from others of the module.
    pub(super) number: usize,
    /// How many arguments count; `None`: all.
    pub(super) parameters: Option<usize>,
    /// The names of what it reads of functions around it.
    pub(super) bound: Vec<String>,
}

/// What is to be done with a module.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By their start and end.
    pub(super) functions: BTreeMap<(u32, u32), Cached>,
    pub(super) found: Vec<Found>,
    directives: Vec<Span>,
}

impl Plan {
    pub(super) fn of(program: &Program<'_>, scoping: &Scoping) -> Self {
        let mut search =
            Search { scoping, plan: Self::default(), exported: None, frames: Vec::new() };
        if let Some(directive) = program.directives.iter().find(|it| kind_of(it).is_some()) {
            let kind = kind_of(directive).unwrap_or_default();
            search.asks(kind, directive.span);
            let spans = search.exported_functions(program);
            search.exported = Some((kind.to_owned(), spans));
        }
        search.visit_program(program);
        search.plan
    }

    pub(super) fn is_empty(&self) -> bool {
        self.directives.is_empty()
    }

    pub(super) fn first_directive(&self) -> Span {
        self.directives.first().copied().unwrap_or_default()
    }
}

/// A function around what is being looked at.
struct Frame {
    /// Where it is in the plan; `None` for one that is not cached.
    cached: Option<(u32, u32)>,
    scope: Option<ScopeId>,
    /// Its own name, which stands for the cached function.
    own: Option<SymbolId>,
    is_arrow: bool,
}

/// The parts that functions of both kinds have.
struct Parts<'p, 'a> {
    span: Span,
    is_async: bool,
    is_generator: bool,
    params: &'p FormalParameters<'a>,
    body: Option<&'p FunctionBody<'a>>,
}

struct Search<'s> {
    scoping: &'s Scoping,
    plan: Plan,
    /// Of a file with the directive: the name of the cache, and its exported functions.
    exported: Option<(String, BTreeSet<(u32, u32)>)>,
    frames: Vec<Frame>,
}

fn key(span: Span) -> (u32, u32) {
    (span.start, span.end)
}

impl Search<'_> {
    fn fault(&mut self, fault: Fault, span: Span) {
        self.plan.found.push(Found { fault, span });
    }

    /// Notes a directive.
    fn asks(&mut self, kind: &str, span: Span) {
        self.plan.directives.push(span);
        if !KINDS.contains(&kind) && kind != PRIVATE {
            self.fault(Fault::UnknownKind, span);
        }
    }

    /// Notes a function if it is to be cached; gives its key then.
    fn note(&mut self, parts: &Parts<'_, '_>) -> Option<(u32, u32)> {
        let own = parts.body.and_then(|body| {
            let directive = body.directives.iter().find(|it| kind_of(it).is_some())?;
            Some((kind_of(directive)?.to_owned(), directive.span))
        });
        let key = key(parts.span);
        let kind = match own {
            Some((kind, span)) => {
                self.asks(&kind, span);
                kind
            }
            None => self.exported.as_ref().filter(|(_, spans)| spans.contains(&key))?.0.clone(),
        };
        if !parts.is_async || parts.is_generator {
            self.fault(Fault::NotAsync, parts.span);
        }
        let parameters = parts.params.rest.is_none().then_some(parts.params.items.len());
        let number = self.plan.functions.len();
        self.plan.functions.insert(key, Cached { kind, number, parameters, bound: Vec::new() });
        Some(key)
    }

    /// The functions that a file with the directive exports.
    fn exported_functions(&mut self, program: &Program<'_>) -> BTreeSet<(u32, u32)> {
        let mut local = BTreeMap::new();
        for statement in &program.body {
            match statement {
                Statement::FunctionDeclaration(it) => {
                    if let Some(id) = &it.id {
                        local.insert(id.name.to_string(), it.span);
                    }
                }
                Statement::VariableDeclaration(it) => {
                    for (name, span) in functions_of(it) {
                        if let (Some(name), Some(span)) = (name, span) {
                            local.insert(name, span);
                        }
                    }
                }
                _ => {}
            }
        }
        let mut spans = BTreeSet::new();
        for statement in &program.body {
            match self.exports(statement, &local) {
                Ok(functions) => spans.extend(functions.into_iter().map(key)),
                Err(span) => self.fault(Fault::ExportsOther, span),
            }
        }
        spans
    }

    /// The functions that a statement exports, or the place of something else.
    #[expect(clippy::unused_self, reason = "reads beside its caller")]
    fn exports(
        &self,
        statement: &Statement<'_>,
        local: &BTreeMap<String, Span>,
    ) -> Result<Vec<Span>, Span> {
        match statement {
            Statement::ExportDeclaration(it) => match &it.declaration {
                Declaration::FunctionDeclaration(function) => Ok(vec![function.span]),
                Declaration::VariableDeclaration(variables) => {
                    let spans = functions_of(variables).into_iter().map(|(_, span)| span);
                    spans.collect::<Option<Vec<_>>>().ok_or(it.span)
                }
                Declaration::ClassDeclaration(_) | Declaration::TSEnumDeclaration(_) => {
                    Err(it.span)
                }
                _ => Ok(Vec::new()),
            },
            Statement::ExportNamedDeclaration(it) if !it.export_kind.is_type() => {
                let values = it.specifiers.iter().filter(|one| !one.export_kind.is_type());
                let span = |name: &str, at: Span| local.get(name).copied().ok_or(at);
                values.map(|one| span(one.local.name().as_str(), one.span)).collect()
            }
            Statement::ExportFromDeclaration(it) if !it.export_kind.is_type() => Err(it.span),
            Statement::ExportAllDeclaration(it) if !it.export_kind.is_type() => Err(it.span),
            Statement::ExportDefaultDeclaration(it) => match &it.declaration {
                ExportDefaultDeclarationKind::ArrowFunctionExpression(arrow) => {
                    Ok(vec![arrow.span])
                }
                ExportDefaultDeclarationKind::FunctionDeclaration(function)
                | ExportDefaultDeclarationKind::FunctionExpression(function) => {
                    Ok(vec![function.span])
                }
                ExportDefaultDeclarationKind::Identifier(name) => {
                    local.get(name.name.as_str()).map(|&span| vec![span]).ok_or(it.span)
                }
                ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => Ok(Vec::new()),
                _ => Err(it.span),
            },
            _ => Ok(Vec::new()),
        }
    }

    /// Something that only the innermost function with a `this` of its own can answer.
    fn reads_this(&mut self, span: Span) {
        for frame in self.frames.iter().rev() {
            if frame.cached.is_some() {
                return self.fault(Fault::ReadsThis, span);
            }
            if !frame.is_arrow {
                return;
            }
        }
    }

    fn binds(&mut self, symbol: SymbolId) {
        let scope = self.scoping.symbol_scope_id(symbol);
        if scope == self.scoping.root_scope_id() {
            return;
        }
        for frame in &self.frames {
            let (Some(cached), Some(own_scope)) = (frame.cached, frame.scope) else { continue };
            let is_outside =
                self.scoping.scope_ancestors(own_scope).skip(1).any(|outer| outer == scope);
            if !is_outside || frame.own == Some(symbol) {
                continue;
            }
            let name = self.scoping.symbol_name(symbol);
            if let Some(cached) = self.plan.functions.get_mut(&cached)
                && !cached.bound.iter().any(|known| known == name)
            {
                cached.bound.push(name.to_owned());
            }
        }
    }
}

/// The variables of a declaration with the places of the functions that are their values.
fn functions_of(variables: &VariableDeclaration<'_>) -> Vec<(Option<String>, Option<Span>)> {
    let one = |it: &oxc::ast::ast::VariableDeclarator<'_>| {
        let name = match &it.id {
            BindingPattern::BindingIdentifier(id) => Some(id.name.to_string()),
            _ => None,
        };
        let span = match it.init.as_ref().map(Expression::get_inner_expression) {
            Some(
                function @ (Expression::ArrowFunctionExpression(_)
                | Expression::FunctionExpression(_)),
            ) => Some(function.span()),
            _ => None,
        };
        (name, span)
    };
    variables.declarations.iter().map(one).collect()
}

impl<'a> Visit<'a> for Search<'_> {
    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        let parts = Parts {
            span: it.span,
            is_async: it.r#async,
            is_generator: it.generator,
            params: &it.params,
            body: it.body.as_deref(),
        };
        let cached = self.note(&parts);
        let own = it.id.as_ref().and_then(|id| id.symbol_id.get());
        self.frames.push(Frame { cached, scope: it.scope_id.get(), own, is_arrow: false });
        walk::walk_function(self, it, flags);
        self.frames.pop();
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        let body = match &it.body {
            ArrowFunctionBody::FunctionBody(body) => Some(&**body),
            _ => None,
        };
        let (is_async, span) = (it.r#async, it.span);
        let parts = Parts { span, is_async, is_generator: false, params: &it.params, body };
        let cached = self.note(&parts);
        self.frames.push(Frame { cached, scope: it.scope_id.get(), own: None, is_arrow: true });
        walk::walk_arrow_function_expression(self, it);
        self.frames.pop();
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        // Its fields have a `this` of their own.
        self.frames.push(Frame { cached: None, scope: None, own: None, is_arrow: false });
        walk::walk_class(self, it);
        self.frames.pop();
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        let directive =
            it.value.body.as_ref().and_then(|body| {
                body.directives.iter().find(|directive| kind_of(directive).is_some())
            });
        if let Some(directive) = directive.filter(|_| !it.r#static) {
            self.fault(Fault::InstanceMethod, directive.span);
        }
        walk::walk_method_definition(self, it);
    }

    fn visit_this_expression(&mut self, it: &ThisExpression) {
        self.reads_this(it.span);
    }

    fn visit_super(&mut self, it: &Super) {
        self.reads_this(it.span);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        let reference = it.reference_id.get().map(|id| self.scoping.get_reference(id));
        let Some(reference) = reference.filter(|reference| reference.is_value()) else { return };
        match reference.symbol_id() {
            Some(symbol) => self.binds(symbol),
            None if it.name == "arguments" => self.reads_this(it.span),
            None => {}
        }
    }
}
