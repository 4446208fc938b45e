//! `compose(withAuth, withValidation)(handler)` with a `compose` for middleware of the form
//! `(req, res, next)`: the handler arrives as `req`, and only the first wrapper runs. A version of this is
//! handed around in tutorials, and what it drops is the authentication.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::ast::ast::{BindingPattern, CallExpression, Expression, Statement};

use super::Collector;
use crate::handlers::Callable;
use crate::module::{Module, member};

const CODE: &str = "composed-wrappers";

/// Composing functions of that form, and calls that give a handler to what they return.
#[derive(Default)]
pub(super) struct Composers {
    /// File and name.
    defined: Vec<(String, String)>,
    called: Vec<Call>,
}

struct Call {
    file: String,
    name: String,
    /// Where the name comes from; `None` for the file itself.
    from: Option<String>,
    found: Diagnostic,
}

impl Composers {
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let Self { defined, called } = self;
        let is_wrong = |call: &Call| {
            defined.iter().any(|(file, name)| match &call.from {
                None => *file == call.file && *name == call.name,
                Some(from) => *name == call.name && is_named(file, from),
            })
        };
        called.into_iter().filter(is_wrong).map(|call| call.found.with_code(CODE)).collect()
    }
}

/// Whether a specifier may mean the file: their last parts are the same.
fn is_named(file: &str, specifier: &str) -> bool {
    fn stem(path: &str) -> &str {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.split_once('.').map_or(name, |(stem, _)| stem)
    }
    let parent = file.strip_suffix(&format!("/{}", file.rsplit('/').next().unwrap_or_default()));
    stem(file) == stem(specifier)
        || stem(file) == "index" && parent.is_some_and(|parent| stem(parent) == stem(specifier))
}

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    for node in module.semantic.nodes() {
        let AstKind::CallExpression(call) = node.kind() else { continue };
        if is_reduction(call)
            && let Some(name) = function_name(module, node.id())
        {
            collector.composers.defined.push((module.source.file.clone(), name));
        }
        // `compose(…)(handler)`
        if let Expression::CallExpression(inner) = call.callee.get_inner_expression()
            && call.arguments.len() == 1
            && let Expression::Identifier(name) = inner.callee.get_inner_expression()
        {
            let import = module.imported(&inner.callee);
            let message = "only the first of these wrappers runs, and the handler never does";
            let help = format!(
                "`{}` composes functions of the form `(req, res, next)`, and these take a handler: \
                 nest them, `withA(withB(handler))`, or compose with \
                 `(handler) => wrappers.reduceRight((inner, wrap) => wrap(inner), handler)`",
                name.name
            );
            collector.composers.called.push(Call {
                file: module.source.file.clone(),
                name: import.map_or(name.name.as_str(), |it| it.name).to_owned(),
                from: import.map(|it| it.from.to_owned()),
                found: module.at(Diagnostic::warning(message).with_help(help), inner.span),
            });
        }
    }
}

/// `list.reduce((a, b) => (req, res) => a(req, res, () => b(req, res)))`
fn is_reduction(call: &CallExpression<'_>) -> bool {
    let is_reduce =
        member(&call.callee).is_some_and(|(_, name)| name == "reduce" || name == "reduceRight");
    let Some(outer) =
        call.arguments.first().and_then(|it| it.as_expression()).and_then(Callable::of)
    else {
        return false;
    };
    let Some(inner) = returned(outer).and_then(Callable::of) else { return false };
    let Some(BindingPattern::BindingIdentifier(a)) = outer.param(0) else { return false };
    if !is_reduce || outer.params().items.len() < 2 || inner.params().items.len() < 2 {
        return false;
    }
    let Some(Expression::CallExpression(run)) =
        returned(inner).map(Expression::get_inner_expression)
    else {
        return false;
    };
    let passes_on =
        run.arguments.iter().any(|it| it.as_expression().and_then(Callable::of).is_some());
    run.callee.is_specific_id(&a.name) && passes_on
}

/// What a function returns, where that is all it does.
fn returned(function: Callable<'_>) -> Option<&Expression<'_>> {
    function.value().or_else(|| match function.body()?.statements.first()? {
        Statement::ReturnStatement(it) => it.argument.as_ref(),
        Statement::ExpressionStatement(it) => Some(&it.expression),
        _ => None,
    })
}

/// The name of the function that `node` is in, or of the variable that holds it.
fn function_name(module: &Module<'_>, node: oxc::semantic::NodeId) -> Option<String> {
    let function = module.function_around(node)?;
    if let AstKind::Function(it) = module.kind(function)
        && let Some(id) = &it.id
    {
        return Some(id.name.to_string());
    }
    match module.kind(module.parent(function)) {
        AstKind::VariableDeclarator(it) => Some(it.id.get_identifier_name()?.to_string()),
        // `export default function (…)`
        AstKind::ExportDefaultDeclaration(_) => Some("default".to_owned()),
        _ => None,
    }
}
