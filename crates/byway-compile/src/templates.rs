//! `import(`./messages/${locale}.json`)`: every file that the text can become is part of the bundle.
//!
//! The import becomes a choice between imports of these files. A `${…}` stands for part of one file or
//! folder name, not for several; a path that is none of them rejects with `MODULE_NOT_FOUND`.

use std::fs;
use std::path::{Path, PathBuf};

use oxc::allocator::{Allocator, TakeIn as _};
use oxc::ast::ast::{Argument, Expression, ImportExpression, Program, TemplateLiteral};
use oxc::ast::builder::AstBuilder;
use oxc::ast_visit::{VisitMut, walk_mut};
use oxc::parser::Parser;
use oxc::span::{GetSpan as _, SourceType};
use oxc::str::Str;

use crate::place::AllSpans;
use crate::virtual_modules::js_string;

/// A text that can become more files is left as it is: it does not name a folder of alternatives.
const FILES_MAX: usize = 1000;
/// What is compiled when the text does not name an ending; the first is preferred.
const ENDINGS: [&str; 9] = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"];

/// Cheap test that spares most modules the walk.
pub(crate) fn may_ask(source: &str) -> bool {
    source.contains("import(") && source.contains("${")
}

/// Rewrites `program`, the module at `file`. `aliased` tells which folders the text before the first
/// `${…}` may mean if it is not relative.
pub(crate) fn rewrite<'a>(
    program: &mut Program<'a>,
    allocator: &'a Allocator,
    file: &Path,
    aliased: &dyn Fn(&str) -> Vec<PathBuf>,
) {
    let mut rewriter = Rewriter { allocator, file, aliased };
    rewriter.visit_program(program);
}

struct Rewriter<'a, 'f> {
    allocator: &'a Allocator,
    file: &'f Path,
    aliased: &'f dyn Fn(&str) -> Vec<PathBuf>,
}

impl<'a> Rewriter<'a, '_> {
    /// The function that chooses, or `None` for what is no template of a path.
    fn chooser(&self, import: &ImportExpression<'a>) -> Option<String> {
        let Expression::TemplateLiteral(template) = &import.source else { return None };
        let parts = parts(template)?;
        let (head, _) = parts.first()?.split_at(parts.first()?.rfind('/')? + 1);
        let files = self
            .folders(head)
            .into_iter()
            .filter(|dir| dir.is_dir())
            .find_map(|dir| matches(&dir, head, &parts, self.file))?;
        let mut code = String::from("(path) => { switch (path) {\n");
        for (text, specifier) in files {
            let (text, specifier) = (js_string(&text), js_string(&specifier));
            for part in ["case ", &text, ": return import(", &specifier, ");\n"] {
                code.push_str(part);
            }
        }
        code.push_str(
            "default: return Promise.reject(Object.assign(new Error(`Cannot find module '${path}'`), \
             { code: \"MODULE_NOT_FOUND\" })); } }",
        );
        Some(code)
    }

    fn folders(&self, head: &str) -> Vec<PathBuf> {
        if head.starts_with("./") || head.starts_with("../") {
            return self.file.parent().map(|dir| dir.join(head)).into_iter().collect();
        }
        (self.aliased)(head)
    }
}

impl<'a> VisitMut<'a> for Rewriter<'a, '_> {
    fn visit_expression(&mut self, it: &mut Expression<'a>) {
        walk_mut::walk_expression(self, it);
        let Expression::ImportExpression(import) = it else { return };
        let Some(code) = self.chooser(import) else { return };
        let code = self.allocator.alloc_str(&code);
        let parsed = Parser::new(self.allocator, code, SourceType::mjs()).parse_expression();
        let Ok(mut chooser) = parsed else { return };
        let span = import.span();
        AllSpans(span).visit_expression(&mut chooser);
        let builder = AstBuilder::new(self.allocator);
        let path = Argument::from(import.source.take_in(&builder));
        *it = Expression::new_call_expression(span, chooser, None, [path], false, &builder);
    }
}

/// The texts around the expressions; `None` where there is no expression.
fn parts<'t>(template: &'t TemplateLiteral<'_>) -> Option<Vec<&'t str>> {
    if template.expressions.is_empty() {
        return None;
    }
    template.quasis.iter().map(|it| it.value.cooked.as_ref().map(Str::as_str)).collect()
}

/// What the whole text may be, with the specifier it then means. `None` for too many.
fn matches(
    dir: &Path,
    head: &str,
    parts: &[&str],
    importer: &Path,
) -> Option<Vec<(String, String)>> {
    let pattern = parts.join("\0");
    let segments: Vec<&str> = pattern[head.len()..].split('/').collect();
    let mut paths = vec![(dir.to_owned(), head.to_owned())];
    for (index, segment) in segments.iter().enumerate() {
        let is_file = index + 1 == segments.len();
        let mut next = Vec::new();
        for (dir, text) in &paths {
            for name in entries(dir, is_file) {
                let written = if is_file { written_as(&name, segment) } else { vec![name.clone()] };
                for written in written.into_iter().filter(|it| fits(it, segment)) {
                    let slash = if is_file { "" } else { "/" };
                    next.push((dir.join(&name), format!("{text}{written}{slash}")));
                }
            }
        }
        if next.len() > FILES_MAX {
            return None;
        }
        paths = next;
    }
    paths.retain(|(path, _)| path != importer);
    let mut found: Vec<(String, String)> =
        paths.into_iter().map(|(path, text)| (text, path.to_string_lossy().into_owned())).collect();
    found.sort_by_key(|(text, path)| {
        (text.clone(), ENDINGS.iter().position(|it| path.ends_with(it)))
    });
    found.dedup_by(|right, left| right.0 == left.0);
    Some(found)
}

fn entries(dir: &Path, files: bool) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.path().is_file() == files)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && name != "node_modules")
        .take(FILES_MAX + 1)
        .collect()
}

/// A file can be named with its ending or without; declarations and tests are never meant.
fn written_as(name: &str, segment: &str) -> Vec<String> {
    let Some(ending) = ENDINGS.iter().find(|ending| name.ends_with(*ending)) else {
        return Vec::new();
    };
    let stem = &name[..name.len() - ending.len()];
    if [".d", ".test", ".spec"].iter().any(|it| stem.ends_with(it)) {
        return Vec::new();
    }
    let mut names = vec![name.to_owned()];
    if !ENDINGS.iter().any(|ending| segment.ends_with(ending)) {
        names.push(stem.to_owned());
    }
    // TypeScript code names the file that its compiler would write.
    if *ending == ".ts" && segment.strip_suffix(".js").is_some() {
        names.push(format!("{stem}.js"));
    }
    names
}

/// Whether `name` can be `segment`, in which every NUL stands for any text.
fn fits(name: &str, segment: &str) -> bool {
    let mut parts = segment.split('\0');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn segments() {
        for (name, segment, expect) in [
            ("en.json", "\0.json", true),
            ("en.ts", "\0.json", false),
            ("a-b-c.ts", "a-\0-c.ts", true),
            ("a-c.ts", "a-\0-c.ts", false),
            ("plain", "plain", true),
            ("plainer", "plain", false),
            ("x.y.z", "\0.y.\0", true),
        ] {
            assert_eq!(fits(name, segment), expect, "{name} {segment:?}");
        }
    }
}
