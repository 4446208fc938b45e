//! A parsed file with its scopes, and the questions that rules ask about expressions in it.

use std::collections::HashMap;
use std::path::Path;

use byway_error::{Diagnostic, Location};
use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{
    Argument, Expression, IdentifierReference, ImportDeclarationSpecifier, Program, Statement,
    VariableDeclarator,
};
use oxc::parser::Parser;
use oxc::semantic::{Reference, Semantic, SemanticBuilder};
use oxc::span::{SourceType, Span};
use oxc::syntax::node::NodeId;
use oxc::syntax::symbol::SymbolId;

use crate::{SOURCE_BYTES_MAX, Source};

/// A parsed file.
pub(crate) struct Module<'a> {
    pub(crate) source: &'a Source,
    pub(crate) program: &'a Program<'a>,
    pub(crate) semantic: Semantic<'a>,
    imports: HashMap<SymbolId, Import<'a>>,
}

/// A name that the file imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Import<'a> {
    /// The specifier.
    pub(crate) from: &'a str,
    /// The name there; `*` for all of it.
    pub(crate) name: &'a str,
}

/// Parses `source` and shows it to `look`. A file that does not parse is the build's to report.
pub(crate) fn with_module(source: &Source, look: impl FnOnce(&Module<'_>)) {
    if source.text.len() > SOURCE_BYTES_MAX {
        return;
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, &source.text, source_type(&source.file)).parse();
    if parsed.panicked {
        return;
    }
    let built = SemanticBuilder::new().with_build_nodes(true).build(&parsed.program);
    look(&Module {
        source,
        program: &parsed.program,
        imports: imports(&parsed.program),
        semantic: built.semantic,
    });
}

/// As under Next, any JavaScript file may contain JSX and `import`.
fn source_type(file: &str) -> SourceType {
    let from_path = SourceType::from_path(Path::new(file)).unwrap_or_else(|_| SourceType::mjs());
    let is_commonjs = Path::new(file).extension().is_some_and(|it| it == "cjs");
    if from_path.is_typescript() || is_commonjs {
        from_path
    } else {
        from_path.with_module(true).with_jsx(true)
    }
}

fn imports<'a>(program: &'a Program<'a>) -> HashMap<SymbolId, Import<'a>> {
    let mut imports = HashMap::new();
    for statement in &program.body {
        let Statement::ImportDeclaration(import) = statement else { continue };
        let from = import.source.value.as_str();
        for specifier in import.specifiers.iter().flatten() {
            let (local, name) = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(it) => {
                    (&it.local, module_export_name(&it.imported))
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(it) => (&it.local, "default"),
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(it) => (&it.local, "*"),
            };
            imports.insert(local.symbol_id(), Import { from, name });
        }
    }
    imports
}

fn module_export_name<'a>(name: &'a oxc::ast::ast::ModuleExportName<'a>) -> &'a str {
    use oxc::ast::ast::ModuleExportName;
    match name {
        ModuleExportName::IdentifierName(it) => it.name.as_str(),
        ModuleExportName::IdentifierReference(it) => it.name.as_str(),
        ModuleExportName::StringLiteral(it) => it.value.as_str(),
    }
}

impl<'a> Module<'a> {
    /// A finding at `span`.
    pub(crate) fn at(&self, diagnostic: Diagnostic, span: Span) -> Diagnostic {
        let bytes = span.start as usize..span.end as usize;
        let location = Location::of_bytes(&self.source.text, &bytes);
        diagnostic.in_file(&self.source.file).at(location, self.source.text.clone())
    }

    pub(crate) fn text(&self, span: Span) -> &str {
        self.source.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    pub(crate) fn imports(&self) -> impl Iterator<Item = &Import<'a>> {
        self.imports.values()
    }

    /// Whether it imports a package only for what that does, such as to set globals.
    pub(crate) fn imports_for_effect(&self) -> bool {
        self.program.body.iter().any(|statement| {
            matches!(statement, Statement::ImportDeclaration(it)
                if it.specifiers.is_none() && !it.source.value.starts_with('.'))
        })
    }

    /// The variable that a name means; `None` for a global one.
    pub(crate) fn symbol(&self, identifier: &IdentifierReference<'_>) -> Option<SymbolId> {
        let reference = identifier.reference_id.get()?;
        self.semantic.scoping().get_reference(reference).symbol_id()
    }

    /// What an expression stands for, if it is an imported name or a member of an imported whole.
    pub(crate) fn imported(&self, expression: &Expression<'_>) -> Option<Import<'a>> {
        match expression.get_inner_expression() {
            Expression::Identifier(it) => self.imports.get(&self.symbol(it)?).copied(),
            Expression::StaticMemberExpression(member) => {
                let Expression::Identifier(object) = member.object.get_inner_expression() else {
                    return None;
                };
                let whole = self.imports.get(&self.symbol(object)?)?;
                let is_whole = whole.name == "*" || whole.name == "default";
                let name = self.text(member.property.span);
                // The text lives as long as the source, which outlives the module.
                let name: &'a str = self.own(name);
                is_whole.then_some(Import { from: whole.from, name })
            }
            _ => None,
        }
    }

    /// The same text with the life of the source.
    fn own(&self, text: &str) -> &'a str {
        let start = text.as_ptr() as usize - self.source.text.as_ptr() as usize;
        &self.source.text[start..start + text.len()]
    }

    /// Whether the expression is the global of this name.
    pub(crate) fn is_global(&self, expression: &Expression<'_>, name: &str) -> bool {
        matches!(expression.get_inner_expression(), Expression::Identifier(it)
            if it.name == name && self.symbol(it).is_none())
    }

    pub(crate) fn references(&self, symbol: SymbolId) -> impl Iterator<Item = &Reference> {
        self.semantic.symbol_references(symbol)
    }

    /// The declaration `name = init` of a variable.
    pub(crate) fn declarator(&self, symbol: SymbolId) -> Option<&'a VariableDeclarator<'a>> {
        let nodes = self.semantic.nodes();
        let declaration = self.semantic.scoping().symbol_declaration(symbol);
        match nodes.kind(declaration) {
            AstKind::VariableDeclarator(it) => Some(it),
            _ => nodes.ancestor_kinds(declaration).find_map(|kind| match kind {
                AstKind::VariableDeclarator(it) => Some(it),
                _ => None,
            }),
        }
    }

    /// The nearest node around `node` that means something: parentheses and types do not.
    pub(crate) fn parent(&self, node: NodeId) -> NodeId {
        let nodes = self.semantic.nodes();
        let mut parent = nodes.parent_id(node);
        while is_wrapping(nodes.kind(parent)) {
            parent = nodes.parent_id(parent);
        }
        parent
    }

    pub(crate) fn kind(&self, node: NodeId) -> AstKind<'a> {
        self.semantic.nodes().kind(node)
    }

    /// The function that a node is in.
    pub(crate) fn function_around(&self, node: NodeId) -> Option<NodeId> {
        let is_function = |id: &NodeId| {
            matches!(self.kind(*id), AstKind::Function(_) | AstKind::ArrowFunctionExpression(_))
        };
        self.semantic.nodes().ancestor_ids(node).find(is_function)
    }

    /// The member that is read of a value at `node`: `x.name`, with its own node.
    pub(crate) fn member_of(&self, node: NodeId) -> Option<(NodeId, &'a str)> {
        let span = span_of(self.kind(node));
        let parent = self.parent(node);
        match self.kind(parent) {
            AstKind::StaticMemberExpression(member)
                if contains(oxc::span::GetSpan::span(&member.object), span) =>
            {
                Some((parent, self.own(self.text(member.property.span))))
            }
            _ => None,
        }
    }
}

pub(crate) fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

pub(crate) fn span_of(kind: AstKind<'_>) -> Span {
    oxc::span::GetSpan::span(&kind)
}

fn is_wrapping(kind: AstKind<'_>) -> bool {
    matches!(
        kind,
        AstKind::ParenthesizedExpression(_)
            | AstKind::TSAsExpression(_)
            | AstKind::TSSatisfiesExpression(_)
            | AstKind::TSNonNullExpression(_)
            | AstKind::TSTypeAssertion(_)
            | AstKind::ChainExpression(_)
    )
}

/// The first argument of a call, unless it is spread.
pub(crate) fn first<'e, 'a>(arguments: &'e [Argument<'a>]) -> Option<&'e Expression<'a>> {
    arguments.first().and_then(Argument::as_expression)
}

/// The name of the member that an expression reads, and what of: `object.name`.
pub(crate) fn member<'e, 'a>(
    expression: &'e Expression<'a>,
) -> Option<(&'e Expression<'a>, &'e str)> {
    match expression.get_inner_expression() {
        Expression::StaticMemberExpression(it) => Some((&it.object, it.property.name.as_str())),
        Expression::ChainExpression(chain) => match &chain.expression {
            oxc::ast::ast::ChainElement::StaticMemberExpression(it) => {
                Some((&it.object, it.property.name.as_str()))
            }
            _ => None,
        },
        _ => None,
    }
}
