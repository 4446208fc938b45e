//! A second look at source files, after something went wrong: spans, imports, syntax errors.
//!
//! The bundler does not tell where exactly an error is, and its plugin interface does not tell where an
//! import stands. Only files with errors are read again.

use std::ops::Range;
use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression, ImportDeclaration,
    ImportExpression, Program, StringLiteral, TSImportEqualsDeclaration, TSModuleReference,
    TryStatement,
};
use oxc::ast_visit::{Visit, walk};
use oxc::diagnostics::{OxcDiagnostic, Severity};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::{SourceType, Span};

/// One error in the text of a file.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) bytes: Option<Range<usize>>,
    pub(crate) help: Option<String>,
}

/// One place that names another module.
#[derive(Debug)]
pub(crate) struct ImportSite {
    pub(crate) specifier: String,
    pub(crate) bytes: Range<usize>,
    /// In a `try` block or with a `.catch()`: the code is prepared for its failure.
    pub(crate) guarded: bool,
}

pub(crate) fn source_type(path: &Path) -> SourceType {
    let source_type = SourceType::from_path(path).unwrap_or_else(|_| SourceType::mjs());
    let is_plain_js = path.extension().is_some_and(|it| it == "js");
    if is_plain_js { source_type.with_module(true) } else { source_type }
}

/// Everything that keeps `source` from being compiled, in the order of the text.
pub(crate) fn errors(path: &Path, source: &str) -> Vec<SyntaxError> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(path)).parse();
    let mut found: Vec<SyntaxError> =
        parsed.diagnostics.into_iter().filter_map(|it| syntax_error(&it)).collect();
    if found.is_empty() {
        let checked = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
        found.extend(checked.diagnostics.into_iter().filter_map(|it| syntax_error(&it)));
    }
    found.sort_by_key(|it| it.bytes.as_ref().map_or(0, |bytes| bytes.start));
    found
}

fn syntax_error(diagnostic: &OxcDiagnostic) -> Option<SyntaxError> {
    if diagnostic.severity != Severity::Error {
        return None;
    }
    let bytes = diagnostic.labels.first().map(|label| {
        let start = label.offset() as usize;
        start..start + label.len() as usize
    });
    Some(SyntaxError {
        message: diagnostic.message.to_string(),
        bytes,
        help: diagnostic.help.as_ref().map(ToString::to_string),
    })
}

/// Every place in `source` that loads another module when it runs.
pub(crate) fn import_sites(path: &Path, source: &str) -> Vec<ImportSite> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(path)).parse();
    import_sites_of(&parsed.program)
}

/// The same for a module that was parsed already.
pub(crate) fn import_sites_of(program: &Program<'_>) -> Vec<ImportSite> {
    let mut sites = Sites { found: Vec::new(), guards: 0 };
    sites.visit_program(program);
    sites.found
}

/// The imports of a file that may not parse: those above its first error.
pub(crate) fn imports_of_broken(path: &Path, source: &str) -> Vec<String> {
    let mut sites = import_sites(path, source);
    if sites.is_empty() {
        let first = errors(path, source).into_iter().find_map(|it| it.bytes);
        let end = first.map_or(source.len(), |bytes| bytes.start.min(source.len()));
        let head = source.get(..end).unwrap_or_default();
        sites = cuts(head)
            .map(|cut| import_sites(path, &head[..cut]))
            .find(|sites| !sites.is_empty())
            .unwrap_or_default();
    }
    sites.into_iter().filter(|site| !site.guarded).map(|site| site.specifier).collect()
}

/// Where a text may end so that it parses, from its end: behind lines that look like imports.
fn cuts(head: &str) -> impl Iterator<Item = usize> {
    const TRIES_MAX: usize = 50;
    let mut end = head.len();
    head.split_inclusive('\n')
        .rev()
        .filter_map(move |line| {
            let cut = end;
            end -= line.len();
            let text = line.trim_end().trim_end_matches(';');
            let names_module = text.contains("import") || text.contains("from");
            (names_module && text.ends_with(['\'', '"'])).then_some(cut)
        })
        .take(TRIES_MAX)
}

struct Sites {
    found: Vec<ImportSite>,
    /// How many guards are around the place that is visited.
    guards: u32,
}

impl Sites {
    fn add(&mut self, literal: &StringLiteral<'_>) {
        self.add_text(literal.value.as_str(), literal.span);
    }

    fn add_text(&mut self, specifier: &str, span: Span) {
        self.found.push(ImportSite {
            specifier: specifier.to_owned(),
            bytes: span.start as usize..span.end as usize,
            guarded: self.guards > 0,
        });
    }
}

impl<'a> Visit<'a> for Sites {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        if it.import_kind.is_value() {
            self.add(&it.source);
        }
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        if it.export_kind.is_value() {
            self.add(&it.source);
        }
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        if it.export_kind.is_value() {
            self.add(&it.source);
        }
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        if let TSModuleReference::ExternalModuleReference(module) = &it.module_reference {
            self.add(&module.expression);
        }
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        match &it.source {
            Expression::StringLiteral(literal) => self.add(literal),
            Expression::TemplateLiteral(template) => {
                if let Some(text) = template.single_quasi() {
                    self.add_text(text.as_str(), template.span);
                }
            }
            _ => {}
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Expression::Identifier(callee) = &it.callee
            && callee.name == "require"
            && let Some(Expression::StringLiteral(literal)) =
                it.arguments.first().and_then(|first| first.as_expression())
        {
            self.add(literal);
        }
        let caught = matches!(&it.callee, Expression::StaticMemberExpression(member)
            if member.property.name == "catch");
        self.guards += u32::from(caught);
        walk::walk_call_expression(self, it);
        self.guards -= u32::from(caught);
    }

    fn visit_try_statement(&mut self, it: &TryStatement<'a>) {
        self.guards += 1;
        self.visit_block_statement(&it.block);
        self.guards -= 1;
        if let Some(handler) = &it.handler {
            self.visit_catch_clause(handler);
        }
        if let Some(finalizer) = &it.finalizer {
            self.visit_block_statement(finalizer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{errors, import_sites, imports_of_broken};

    #[test]
    fn sites_and_their_guards() {
        let source = "import type { T } from './types';\n\
            import a from './a';\n\
            export * from './b';\n\
            try { require('c'); } catch { require('d'); }\n\
            import('e').catch(() => {});\n\
            import(`f`);\n";
        let found: Vec<(String, bool)> = import_sites(Path::new("x.ts"), source)
            .into_iter()
            .map(|site| (source[site.bytes].to_owned(), site.guarded))
            .collect();
        let expect = [
            ("'./a'", false),
            ("'./b'", false),
            ("'c'", true),
            ("'d'", false),
            ("'e'", true),
            ("`f`", false),
        ];
        assert_eq!(found, expect.map(|(text, guarded)| (text.to_owned(), guarded)));
    }

    #[test]
    fn imports_above_an_error_are_known() {
        let source = "import a from './a';\nimport {\n  b,\n} from './b';\n\nexport const = 1;\n\
            import c from './c';\n";
        assert_eq!(imports_of_broken(Path::new("x.ts"), source), ["./a", "./b"]);
        assert!(imports_of_broken(Path::new("x.ts"), "export const = 1;").is_empty());
        assert_eq!(imports_of_broken(Path::new("x.ts"), "import 'a';\nlet x, x;"), ["a"]);
    }

    #[test]
    fn errors_have_spans() {
        let found = errors(Path::new("x.ts"), "const a = 1;\nconst a = 2;\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].bytes.is_some());
        assert!(errors(Path::new("x.tsx"), "export const a = <b>hi</b>;").is_empty());
        assert!(!errors(Path::new("x.ts"), "export const = 1;").is_empty());
    }
}
