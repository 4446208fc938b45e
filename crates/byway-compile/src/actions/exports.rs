//! What a module with `'use server'` exports, by Next's rules: async functions, and what only running the
//! module can tell to be one.

use std::collections::BTreeMap;
use std::path::Path;

use byway_error::{Diagnostic, Location};
use oxc::allocator::Allocator;
use oxc::ast::ast::{
    ArrowFunctionExpression, BindingPattern, Class, Declaration, Directive,
    ExportDefaultDeclarationKind, ExportSpecifier, Expression, FormalParameters, Function,
    FunctionBody, Program, Statement, VariableDeclaration,
};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::Parser;
use oxc::span::{GetSpan as _, Span};
use oxc::syntax::scope::ScopeFlags;

use crate::syntax::source_type;

const DIRECTIVE: &str = "use server";
/// Bits for six parameters and one for the rest of them.
const ALL_PARAMETERS: u8 = 0x7f;
const FIRST_PARAMETER: u8 = 0x40;
const PARAMETERS_WITH_BITS: usize = 6;

/// One that clients may call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Export {
    pub(super) name: String,
    /// Which parameters it has, a bit each.
    pub(super) parameters: u8,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct ModuleExports {
    /// Sorted by name.
    pub(super) exports: Vec<Export>,
    /// Whether the directive is about the whole module.
    pub(super) is_module: bool,
    pub(super) found: Vec<Diagnostic>,
}

/// Reads the file `name`, relative to the project. What does not parse is the bundler's to report.
pub(super) fn read(name: &str, source: &str) -> ModuleExports {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(Path::new(name))).parse();
    let mut reader =
        Reader { name, source, locals: BTreeMap::new(), read: ModuleExports::default() };
    if !parsed.program.directives.iter().any(is_directive) {
        reader.inline(&parsed.program);
        return reader.read;
    }
    reader.read.is_module = true;
    for statement in &parsed.program.body {
        reader.local(statement);
    }
    for statement in &parsed.program.body {
        reader.statement(statement);
    }
    reader.read.exports.sort_by(|left, right| left.name.cmp(&right.name));
    reader.read.exports.dedup_by(|left, right| left.name == right.name);
    reader.read
}

fn is_directive(directive: &Directive<'_>) -> bool {
    directive.directive == DIRECTIVE
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Callable {
    /// An async function with these parameters.
    Async(u8),
    Sync,
    /// Only running the module can tell.
    Unknown,
    /// Certainly no function.
    Never,
}

impl Callable {
    fn function(is_async: bool, parameters: &FormalParameters<'_>) -> Self {
        if !is_async {
            return Self::Sync;
        }
        let count = parameters.items.len();
        if parameters.rest.is_some() || count > PARAMETERS_WITH_BITS {
            return Self::Async(ALL_PARAMETERS);
        }
        Self::Async((0..count).fold(0, |bits, index| bits | (FIRST_PARAMETER >> index)))
    }

    fn of(expression: &Expression<'_>) -> Self {
        match expression {
            Expression::ArrowFunctionExpression(it) => Self::function(it.r#async, &it.params),
            Expression::FunctionExpression(it) => Self::function(it.r#async, &it.params),
            Expression::StringLiteral(_)
            | Expression::NumericLiteral(_)
            | Expression::BooleanLiteral(_)
            | Expression::BigIntLiteral(_)
            | Expression::RegExpLiteral(_)
            | Expression::NullLiteral(_) => Self::Never,
            _ => Self::Unknown,
        }
    }
}

struct Reader<'s> {
    name: &'s str,
    source: &'s str,
    /// Functions of the module by their names.
    locals: BTreeMap<String, Callable>,
    read: ModuleExports,
}

impl Reader<'_> {
    fn local(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::FunctionDeclaration(it) => self.local_function(it),
            Statement::VariableDeclaration(it) => self.local_variables(it),
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::FunctionDeclaration(it) => self.local_function(it),
                Declaration::VariableDeclaration(it) => self.local_variables(it),
                _ => {}
            },
            _ => {}
        }
    }

    fn local_function(&mut self, function: &Function<'_>) {
        if let Some(id) = &function.id {
            let callable = Callable::function(function.r#async, &function.params);
            self.locals.insert(id.name.to_string(), callable);
        }
    }

    fn local_variables(&mut self, variables: &VariableDeclaration<'_>) {
        for declarator in &variables.declarations {
            if let (BindingPattern::BindingIdentifier(id), Some(value)) =
                (&declarator.id, &declarator.init)
            {
                let callable = match Callable::of(value) {
                    // A variable may get another value later.
                    Callable::Never => Callable::Unknown,
                    callable => callable,
                };
                self.locals.insert(id.name.to_string(), callable);
            }
        }
    }

    fn statement(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::ExportDeclaration(export) => self.declaration(&export.declaration),
            Statement::ExportDefaultDeclaration(export) => {
                let (callable, span) = match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(it) => {
                        (Callable::function(it.r#async, &it.params), it.span)
                    }
                    ExportDefaultDeclarationKind::ClassDeclaration(it) => {
                        (Callable::Never, it.span)
                    }
                    ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => return,
                    other => match other.as_expression() {
                        Some(value) => (self.default_value(value), value.span()),
                        None => return,
                    },
                };
                self.export("default", callable, span);
            }
            Statement::ExportNamedDeclaration(export) if export.export_kind.is_value() => {
                for item in export.specifiers.iter().filter(|it| it.export_kind.is_value()) {
                    self.specifier(item);
                }
            }
            Statement::ExportFromDeclaration(export) if export.export_kind.is_value() => {
                self.not_a_function(export.span, true);
            }
            Statement::ExportAllDeclaration(export) if export.export_kind.is_value() => {
                self.not_a_function(export.span, true);
            }
            _ => {}
        }
    }

    fn default_value(&self, value: &Expression<'_>) -> Callable {
        match value {
            Expression::Identifier(it) => self.named(it.name.as_str()),
            Expression::ObjectExpression(_) | Expression::ArrayExpression(_) => Callable::Never,
            other => Callable::of(other),
        }
    }

    fn named(&self, name: &str) -> Callable {
        self.locals.get(name).copied().unwrap_or(Callable::Unknown)
    }

    fn specifier(&mut self, item: &ExportSpecifier<'_>) {
        let callable = self.named(item.local.name().as_str());
        self.export(item.exported.name().as_str(), callable, item.span);
    }

    fn declaration(&mut self, declaration: &Declaration<'_>) {
        if declaration.declare() {
            return;
        }
        match declaration {
            Declaration::FunctionDeclaration(it) => {
                if let (Some(id), Some(_)) = (&it.id, &it.body) {
                    let callable = Callable::function(it.r#async, &it.params);
                    self.export(id.name.as_str(), callable, id.span);
                }
            }
            Declaration::VariableDeclaration(it) => self.variables(it),
            Declaration::ClassDeclaration(it) => self.class(it),
            Declaration::TSEnumDeclaration(it) => {
                self.export(it.id.name.as_str(), Callable::Unknown, it.id.span);
            }
            _ => {}
        }
    }

    fn class(&mut self, class: &Class<'_>) {
        self.not_a_function(class.id.as_ref().map_or(class.span, |id| id.span), false);
    }

    fn variables(&mut self, variables: &VariableDeclaration<'_>) {
        for declarator in &variables.declarations {
            match &declarator.id {
                BindingPattern::BindingIdentifier(id) => {
                    let callable = declarator.init.as_ref().map_or(Callable::Unknown, Callable::of);
                    self.export(id.name.as_str(), callable, id.span);
                }
                pattern => {
                    for id in pattern.get_binding_identifiers() {
                        self.export(id.name.as_str(), Callable::Unknown, id.span);
                    }
                }
            }
        }
    }

    fn export(&mut self, name: &str, callable: Callable, span: Span) {
        let parameters = match callable {
            Callable::Async(parameters) => parameters,
            Callable::Unknown => ALL_PARAMETERS,
            Callable::Sync => {
                let message = "Server Actions must be async functions";
                return self.fault(Diagnostic::error(message), span, "write `async` before it");
            }
            Callable::Never => return self.not_a_function(span, false),
        };
        self.read.exports.push(Export { name: name.to_owned(), parameters });
    }

    fn not_a_function(&mut self, span: Span, is_from: bool) {
        let message = "only async functions are allowed to be exported in a \"use server\" file";
        let help = if is_from {
            "import the function first, and export it by its name"
        } else {
            "move it to another module, or export its type alone"
        };
        self.fault(Diagnostic::error(message), span, help);
    }

    fn fault(&mut self, diagnostic: Diagnostic, span: Span, help: &str) {
        let bytes = span.start as usize..span.end as usize;
        let location = Location::of_bytes(self.source, &bytes);
        let fault = diagnostic.in_file(self.name).at(location, self.source).with_help(help);
        self.read.found.push(fault);
    }

    /// Functions with a directive of their own.
    fn inline(&mut self, program: &Program<'_>) {
        let mut inline = Inline::default();
        inline.visit_program(program);
        // One place of a file says enough.
        if let Some(span) = inline.spans.first() {
            let message =
                "an action within other code cannot be called: byway does not compile pages";
            let help = "move it to a module that begins with \"use server\"; byway calls the exports of such";
            let warning = Diagnostic::warning(message).with_code("inline-action");
            self.fault(warning, *span, help);
        }
    }
}

/// Directives in functions.
#[derive(Default)]
struct Inline {
    spans: Vec<Span>,
}

impl Inline {
    fn look(&mut self, body: &FunctionBody<'_>) {
        self.spans.extend(body.directives.iter().filter(|it| is_directive(it)).map(|it| it.span));
    }
}

impl<'a> Visit<'a> for Inline {
    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if let Some(body) = &it.body {
            self.look(body);
        }
        walk::walk_function(self, it, flags);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        if let oxc::ast::ast::ArrowFunctionBody::FunctionBody(body) = &it.body {
            self.look(body);
        }
        walk::walk_arrow_function_expression(self, it);
    }
}

#[cfg(test)]
mod tests;
