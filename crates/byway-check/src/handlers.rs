//! The handlers of a route file: the functions behind its exports.

use oxc::ast::AstKind;
use oxc::ast::ast::{
    ArrowFunctionExpression, BindingPattern, Declaration, ExportDefaultDeclarationKind, Expression,
    FormalParameters, Function, FunctionBody, Statement,
};
use oxc::span::{GetSpan as _, Span};

use crate::Role;
use crate::module::Module;

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// A function in either of its forms.
#[derive(Clone, Copy)]
pub(crate) enum Callable<'a> {
    Function(&'a Function<'a>),
    Arrow(&'a ArrowFunctionExpression<'a>),
}

impl<'a> Callable<'a> {
    pub(crate) fn of(expression: &'a Expression<'a>) -> Option<Self> {
        match expression.get_inner_expression() {
            Expression::FunctionExpression(it) => Some(Self::Function(it)),
            Expression::ArrowFunctionExpression(it) => Some(Self::Arrow(it)),
            _ => None,
        }
    }

    pub(crate) fn of_kind(kind: AstKind<'a>) -> Option<Self> {
        match kind {
            AstKind::Function(it) => Some(Self::Function(it)),
            AstKind::ArrowFunctionExpression(it) => Some(Self::Arrow(it)),
            _ => None,
        }
    }

    pub(crate) fn params(self) -> &'a FormalParameters<'a> {
        match self {
            Self::Function(it) => &it.params,
            Self::Arrow(it) => &it.params,
        }
    }

    /// The statements, or `None` for an arrow with an expression.
    pub(crate) fn body(self) -> Option<&'a FunctionBody<'a>> {
        match self {
            Self::Function(it) => it.body.as_deref(),
            Self::Arrow(it) => it.body.as_function_body(),
        }
    }

    /// The value of an arrow without statements.
    pub(crate) fn value(self) -> Option<&'a Expression<'a>> {
        match self {
            Self::Function(_) => None,
            Self::Arrow(it) => it.body.as_expression(),
        }
    }

    pub(crate) fn is_generator(self) -> bool {
        matches!(self, Self::Function(it) if it.generator)
    }

    pub(crate) fn span(self) -> Span {
        match self {
            Self::Function(it) => it.span,
            Self::Arrow(it) => it.span,
        }
    }

    /// The parameter at `index`.
    pub(crate) fn param(self, index: usize) -> Option<&'a BindingPattern<'a>> {
        self.params().items.get(index).map(|param| &param.pattern)
    }
}

/// A handler whose function stands in the file itself, without a wrapper around it.
pub(crate) struct Handler<'a> {
    /// `GET`, or `default` in `pages/api`.
    pub(crate) name: &'a str,
    pub(crate) name_span: Span,
    pub(crate) function: Callable<'a>,
}

/// The handlers of a route file; none of any other file.
pub(crate) fn handlers<'a>(module: &Module<'a>) -> Vec<Handler<'a>> {
    match module.source.role {
        Role::AppRoute => module.program.body.iter().flat_map(|it| of_app(module, it)).collect(),
        Role::PagesRoute => {
            module.program.body.iter().filter_map(|it| of_pages(module, it)).collect()
        }
        Role::Module => Vec::new(),
    }
}

fn of_app<'a>(module: &Module<'a>, statement: &'a Statement<'a>) -> Vec<Handler<'a>> {
    let is_method = |name: &str| METHODS.contains(&name);
    match statement {
        Statement::ExportDeclaration(export) => match &export.declaration {
            Declaration::FunctionDeclaration(it) => {
                let Some(id) = it.id.as_ref().filter(|id| is_method(&id.name)) else {
                    return Vec::new();
                };
                let function = Callable::Function(it);
                vec![Handler { name: id.name.as_str(), name_span: id.span, function }]
            }
            Declaration::VariableDeclaration(variables) => {
                let found = variables.declarations.iter().filter_map(|it| {
                    let id = it.id.get_binding_identifier().filter(|id| is_method(&id.name))?;
                    let function = resolve(module, it.init.as_ref()?)?;
                    Some(Handler { name: id.name.as_str(), name_span: id.span, function })
                });
                found.collect()
            }
            _ => Vec::new(),
        },
        Statement::ExportNamedDeclaration(export) if export.export_kind.is_value() => {
            let found = export.specifiers.iter().filter_map(|it| {
                let name = METHODS.into_iter().find(|name| it.exported.name() == *name)?;
                let function = local(module, it.local.name().as_str())?;
                Some(Handler { name, name_span: it.exported.span(), function })
            });
            found.collect()
        }
        _ => Vec::new(),
    }
}

fn of_pages<'a>(module: &Module<'a>, statement: &'a Statement<'a>) -> Option<Handler<'a>> {
    let Statement::ExportDefaultDeclaration(export) = statement else { return None };
    let function = match &export.declaration {
        ExportDefaultDeclarationKind::FunctionDeclaration(it) => Callable::Function(it),
        other => resolve(module, other.as_expression()?)?,
    };
    Some(Handler { name: "default", name_span: export.declaration.span(), function })
}

/// A function, or the name of one.
pub(crate) fn resolve<'a>(
    module: &Module<'a>,
    expression: &'a Expression<'a>,
) -> Option<Callable<'a>> {
    match expression.get_inner_expression() {
        Expression::Identifier(it) => local(module, it.name.as_str()),
        other => Callable::of(other),
    }
}

/// The function that the file declares under this name.
fn local<'a>(module: &Module<'a>, name: &str) -> Option<Callable<'a>> {
    module.program.body.iter().find_map(|statement| {
        let variables = match statement {
            Statement::FunctionDeclaration(it) => {
                let is_it = it.id.as_ref().is_some_and(|id| id.name == name);
                return is_it.then_some(Callable::Function(it));
            }
            Statement::VariableDeclaration(it) => it,
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::FunctionDeclaration(it) => {
                    let is_it = it.id.as_ref().is_some_and(|id| id.name == name);
                    return is_it.then_some(Callable::Function(it));
                }
                Declaration::VariableDeclaration(it) => it,
                _ => return None,
            },
            _ => return None,
        };
        let mut declared = variables.declarations.iter();
        let one = declared.find(|it| it.id.get_identifier_name().is_some_and(|it| it == name))?;
        Callable::of(one.init.as_ref()?)
    })
}
