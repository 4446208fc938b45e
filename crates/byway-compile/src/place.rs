//! Where a module is: `import.meta.url`, `__dirname`, `require.resolve` and the like are about the source
//! file, not the chunk.
//!
//! Code reads templates and data beside itself, and it expects its own folder there. Every chunk that can
//! hold project code lies at the same depth below the project, so a path from the chunk to the source is
//! known before chunks are made, and it stays right when the project moves with its `.byway/`.

use std::path::{Component, Path, PathBuf};

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    BindingIdentifier, Expression, ImportMeta, ObjectProperty, Program, Statement,
    StaticMemberExpression,
};
use oxc::ast_visit::{Visit, VisitMut, walk, walk_mut};
use oxc::parser::Parser;
use oxc::span::{GetSpan as _, SourceType, Span};

use crate::virtual_modules::{PLACE, js_string};

/// Where chunks lie, seen from each other.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    project_dir: PathBuf,
    project_from_chunk: String,
}

impl Layout {
    /// `chunk_dir` is any folder with chunks of project code; it need not exist yet.
    pub(crate) fn new(project_dir: &Path, chunk_dir: &Path) -> Self {
        let mut project_from_chunk = relative(chunk_dir, project_dir);
        project_from_chunk.push('/');
        Self { project_dir: project_dir.to_owned(), project_from_chunk }
    }

    pub(crate) fn project_dir(&self) -> &Path {
        &self.project_dir
    }

    /// The way from a chunk to the project, as the start of a relative URL.
    pub(crate) fn project_from_chunk(&self) -> &str {
        &self.project_from_chunk
    }

    /// `path` from the project, with `/`.
    pub(crate) fn project_path(&self, path: &Path) -> String {
        relative(&self.project_dir, path)
    }

    /// `path` from a chunk, as a relative specifier.
    pub(crate) fn chunk_path(&self, path: &Path) -> String {
        format!("{}{}", self.project_from_chunk, url_path(&self.project_path(path)))
    }
}

/// Both paths are absolute and without `.` and `..`.
fn relative(from: &Path, to: &Path) -> String {
    let from: Vec<Component<'_>> = from.components().collect();
    let to: Vec<Component<'_>> = to.components().collect();
    let common = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    let down = to[common..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// Escapes what a URL would not take as part of its path; the URL parser itself escapes the rest.
pub(crate) fn url_path(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23").replace('\\', "%5C")
}

/// Cheap test that spares most modules the walk.
pub(crate) fn may_ask(source: &str) -> bool {
    ["import.meta", "__dirname", "__filename", "require.resolve"]
        .iter()
        .any(|word| source.contains(word))
}

/// Rewrites `program`, the module at `file`.
pub(crate) fn rewrite<'a>(
    program: &mut Program<'a>,
    allocator: &'a Allocator,
    layout: &Layout,
    file: &Path,
) {
    let mut facts = Facts::default();
    facts.visit_program(program);
    let source = layout.project_path(file);
    let folder = file.parent().map_or_else(String::new, |dir| layout.project_path(dir));
    let mut rewriter = Rewriter { allocator, layout, facts, source, folder };
    rewriter.visit_program(program);
}

#[derive(Default)]
struct Facts {
    /// Has `import` or `export`, or says `import.meta`.
    is_module: bool,
    declares: Declared,
}

/// Names that mean something else here than in any module.
#[derive(Default)]
struct Declared {
    dirname: bool,
    filename: bool,
    require: bool,
}

impl<'a> Visit<'a> for Facts {
    fn visit_program(&mut self, program: &Program<'a>) {
        self.is_module = program.body.iter().any(Statement::is_module_declaration);
        walk::walk_program(self, program);
    }

    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        self.declares.dirname |= it.name == "__dirname";
        self.declares.filename |= it.name == "__filename";
        self.declares.require |= it.name == "require";
    }

    fn visit_import_meta(&mut self, _: &ImportMeta) {
        self.is_module = true;
    }
}

struct Rewriter<'a, 'l> {
    allocator: &'a Allocator,
    layout: &'l Layout,
    facts: Facts,
    source: String,
    folder: String,
}

impl<'a> Rewriter<'a, '_> {
    fn url(&self) -> String {
        let path = format!("{}{}", self.layout.project_from_chunk(), url_path(&self.source));
        format!("new URL({}, import.meta.url).href", js_string(&path))
    }

    /// The file system's path of `path`, which is relative to the project.
    fn path(&self, path: &str) -> String {
        let path = url_path(path);
        if !self.facts.is_module {
            return format!("require(\"{PLACE}\").pathOf({})", js_string(&path));
        }
        let path = format!("{}{path}", self.layout.project_from_chunk());
        // A folder's URL must not end in a slash, as `dirname` does not.
        let path = path.trim_end_matches('/');
        format!("decodeURIComponent(new URL({}, import.meta.url).pathname)", js_string(path))
    }

    /// All of `import.meta`, for code that takes it apart.
    fn meta(&self) -> String {
        format!(
            "({{ ...import.meta, resolve: import.meta.resolve, url: {}, filename: {}, dirname: {} }})",
            self.url(),
            self.path(&self.source),
            self.path(&self.folder)
        )
    }

    fn replacement(&self, expression: &Expression<'a>) -> Option<String> {
        match expression {
            Expression::StaticMemberExpression(member) => self.member_replacement(member),
            Expression::ImportMeta(_) => Some(self.meta()),
            Expression::Identifier(it) => match it.name.as_str() {
                "__dirname" if !self.facts.declares.dirname => Some(self.path(&self.folder)),
                "__filename" if !self.facts.declares.filename => Some(self.path(&self.source)),
                _ => None,
            },
            _ => None,
        }
    }

    fn member_replacement(&self, member: &StaticMemberExpression<'a>) -> Option<String> {
        if let Expression::Identifier(object) = &member.object
            && object.name == "require"
            && member.property.name == "resolve"
            && !self.facts.declares.require
        {
            // The bundler's own `require` looks around from the chunk.
            let from = self.path(&self.source);
            return Some(format!("require(\"node:module\").createRequire({from}).resolve"));
        }
        if !matches!(member.object, Expression::ImportMeta(_)) {
            return None;
        }
        match member.property.name.as_str() {
            "url" => Some(self.url()),
            "filename" => Some(self.path(&self.source)),
            "dirname" => Some(self.path(&self.folder)),
            _ => None,
        }
    }

    fn parse(&self, code: &str, span: Span) -> Option<Expression<'a>> {
        let code = self.allocator.alloc_str(code);
        let mut parsed =
            Parser::new(self.allocator, code, SourceType::mjs()).parse_expression().ok()?;
        AllSpans(span).visit_expression(&mut parsed);
        Some(parsed)
    }
}

impl<'a> VisitMut<'a> for Rewriter<'a, '_> {
    fn visit_expression(&mut self, it: &mut Expression<'a>) {
        if let Some(code) = self.replacement(it)
            && let Some(parsed) = self.parse(&code, it.span())
        {
            *it = parsed;
            return;
        }
        walk_mut::walk_expression(self, it);
    }

    /// `import.meta.env` and the like stay as they are: only the object alone is replaced as a whole.
    fn visit_static_member_expression(&mut self, it: &mut StaticMemberExpression<'a>) {
        if !matches!(it.object, Expression::ImportMeta(_)) {
            walk_mut::walk_static_member_expression(self, it);
        }
    }

    fn visit_object_property(&mut self, it: &mut ObjectProperty<'a>) {
        if self.replacement(&it.value).is_some() {
            it.shorthand = false;
        }
        walk_mut::walk_object_property(self, it);
    }
}

/// New code stands for what was there: errors in it point to the user's own expression.
pub(crate) struct AllSpans(pub(crate) Span);

impl VisitMut<'_> for AllSpans {
    fn visit_span(&mut self, span: &mut Span) {
        *span = self.0;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Layout, relative};

    #[test]
    fn relative_paths() {
        let check = |from: &str, to: &str, expect: &str| {
            assert_eq!(relative(Path::new(from), Path::new(to)), expect);
        };
        check("/a/b", "/a/b/c/d.ts", "c/d.ts");
        check("/a/b", "/a/x/y.ts", "../x/y.ts");
        check("/a/b", "/a/b", "");
        check("/p/.byway/server/routes", "/p", "../../..");
    }

    #[test]
    fn a_chunk_finds_sources_outside_the_project() {
        let layout =
            Layout::new(Path::new("/r/apps/web"), Path::new("/r/apps/web/.byway/server/routes"));
        assert_eq!(
            layout.chunk_path(Path::new("/r/packages/x/a?.js")),
            "../../../../../packages/x/a%3F.js"
        );
        assert_eq!(layout.chunk_path(Path::new("/r/apps/web/lib/a.js")), "../../../lib/a.js");
    }
}
