//! The options that a route file exports, `export const dynamic = 'force-static'` and the like, read
//! without running it.
//!
//! Only what stands in the file counts, as under Next: a build that had to run the file to know how to
//! build it could not decide anything beforehand.

pub(crate) mod pages;
pub(crate) mod policy;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use byway_error::{Diagnostic, Location};
use byway_routes::segment_config::{Revalidate, Runtime, SegmentConfig};
use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Declaration, ExportSpecifier, Expression, Program, Statement, VariableDeclaration,
};
use oxc::parser::Parser;
use oxc::span::{GetSpan as _, Span};
use serde_json::Value as Json;

use crate::constant::{Constant, constant};
use crate::syntax::source_type;

/// The options, with what Next allows for each.
const OPTIONS: [(&str, &str); 7] = [
    ("dynamic", "\"auto\", \"force-dynamic\", \"error\" or \"force-static\""),
    (
        "fetchCache",
        "\"auto\", \"default-cache\", \"only-cache\", \"force-cache\", \"force-no-store\", \
         \"default-no-store\" or \"only-no-store\"",
    ),
    ("dynamicParams", "true or false"),
    ("revalidate", "false or a whole number of seconds, 0 or more"),
    ("runtime", "\"nodejs\" or \"edge\""),
    ("maxDuration", "a whole number of seconds, 0 or more"),
    ("preferredRegion", "a region or an array of regions, such as \"fra1\""),
];

/// What a route file says.
#[derive(Debug, Default)]
pub(crate) struct SegmentExports {
    pub(crate) config: SegmentConfig,
    /// Whether there is no `export default`, although the file is an ES module.
    pub(crate) lacks_default: bool,
    /// Values that make no sense, and what the user should know.
    pub(crate) found: Vec<Diagnostic>,
}

/// Reads the route file `name`, relative to the project. A file that does not parse says nothing here.
pub(crate) fn read(name: &str, source: &str) -> SegmentExports {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(Path::new(name))).parse();
    let exports = Exports::of(&parsed.program);
    let mut reader = Reader { name, source, read: SegmentExports::default() };
    for (option, allowed) in OPTIONS {
        match exports.values.get(option) {
            None => {}
            Some(Exported::Elsewhere(span)) => reader.elsewhere(option, *span),
            Some(Exported::Here(value)) => reader.option(option, allowed, value),
        }
    }
    let generated = exports.values.get("generateStaticParams");
    reader.read.config.generate_static_params = generated.is_some();
    if let (Some(exported), true) = (generated, reader.read.config.is_edge()) {
        let message = "a route of the edge runtime cannot have `generateStaticParams`";
        let help = "remove it, or `runtime = \"edge\"`";
        reader.error(message.to_owned(), exported.span(), help);
    }
    let mut read = reader.read;
    read.lacks_default = exports.is_module && !exports.has_default;
    read
}

/// What a name of the file stands for.
pub(crate) enum Exported<'a, 'p> {
    /// A value that the file gives it.
    Here(&'p Expression<'a>),
    /// Something else: a function, or a name of another file.
    Elsewhere(Span),
}

impl Exported<'_, '_> {
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Here(value) => value.span(),
            Self::Elsewhere(span) => *span,
        }
    }
}

/// The exports of a file by name.
#[derive(Default)]
pub(crate) struct Exports<'a, 'p> {
    pub(crate) values: BTreeMap<String, Exported<'a, 'p>>,
    pub(crate) has_default: bool,
    pub(crate) is_module: bool,
}

impl<'a, 'p> Exports<'a, 'p> {
    pub(crate) fn of(program: &'p Program<'a>) -> Self {
        let mut own = BTreeMap::new();
        for statement in &program.body {
            if let Statement::VariableDeclaration(variables) = statement {
                own.extend(initial_values(variables));
            }
        }
        let mut exports = Self::default();
        for statement in &program.body {
            exports.statement(statement, &own);
        }
        exports
    }

    fn statement(
        &mut self,
        statement: &'p Statement<'a>,
        own: &BTreeMap<String, &'p Expression<'a>>,
    ) {
        match statement {
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::VariableDeclaration(variables) => {
                    let values = initial_values(variables);
                    self.values.extend(values.map(|(name, value)| (name, Exported::Here(value))));
                }
                Declaration::FunctionDeclaration(function) => {
                    if let Some(id) = &function.id {
                        self.values.insert(id.name.to_string(), Exported::Elsewhere(id.span));
                    }
                }
                _ => {}
            },
            Statement::ExportNamedDeclaration(export) if export.export_kind.is_value() => {
                for item in export.specifiers.iter().filter(|it| it.export_kind.is_value()) {
                    let value = own.get(item.local.name().as_str());
                    let exported =
                        value.map_or(Exported::Elsewhere(item.span), |value| Exported::Here(value));
                    self.named(item.exported.name().as_str(), exported);
                }
            }
            Statement::ExportFromDeclaration(export) if export.export_kind.is_value() => {
                for item in export.specifiers.iter().filter(|it| it.export_kind.is_value()) {
                    self.named(item.exported.name().as_str(), Exported::Elsewhere(item.span));
                }
            }
            Statement::ExportDefaultDeclaration(_) => self.has_default = true,
            Statement::ExportAllDeclaration(_) => {}
            _ => return,
        }
        self.is_module = true;
    }

    fn named(&mut self, name: &str, exported: Exported<'a, 'p>) {
        self.has_default |= name == "default";
        self.values.insert(name.to_owned(), exported);
    }
}

/// Where the file exports `name`; nowhere, if it does not parse or takes over all of another file.
pub(crate) fn place_of_export(path: &Path, source: &str, name: &str) -> Option<Span> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(path)).parse();
    parsed.program.body.iter().find_map(|statement| match statement {
        Statement::ExportDeclaration(export) => match &export.declaration {
            Declaration::VariableDeclaration(variables) => {
                let mut names =
                    variables.declarations.iter().flat_map(|it| it.id.get_binding_identifiers());
                names.find(|id| id.name == name).map(|id| id.span)
            }
            Declaration::FunctionDeclaration(function) => {
                function.id.as_ref().filter(|id| id.name == name).map(|id| id.span)
            }
            _ => None,
        },
        Statement::ExportNamedDeclaration(export) => exported(&export.specifiers, name),
        Statement::ExportFromDeclaration(export) => exported(&export.specifiers, name),
        Statement::ExportDefaultDeclaration(export) if name == "default" => {
            Some(Span::new(export.span.start, export.declaration.span().start))
        }
        _ => None,
    })
}

fn exported(specifiers: &[ExportSpecifier<'_>], name: &str) -> Option<Span> {
    specifiers.iter().find(|it| it.exported.name() == name).map(|it| it.exported.span())
}

/// Whether what the file exports as `name` is a function as far as one can see.
pub(crate) fn may_be_function(path: &Path, source: &str, name: &str) -> bool {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(path)).parse();
    match Exports::of(&parsed.program).values.get(name) {
        Some(Exported::Here(value)) => matches!(
            value.get_inner_expression(),
            Expression::ArrowFunctionExpression(_)
                | Expression::FunctionExpression(_)
                | Expression::CallExpression(_)
                | Expression::Identifier(_)
        ),
        _ => true,
    }
}

fn initial_values<'a, 'p>(
    variables: &'p VariableDeclaration<'a>,
) -> impl Iterator<Item = (String, &'p Expression<'a>)> {
    variables.declarations.iter().filter_map(|variable| {
        let name = variable.id.get_identifier_name()?;
        Some((name.to_string(), variable.init.as_ref()?))
    })
}

struct Reader<'s> {
    name: &'s str,
    source: &'s str,
    read: SegmentExports,
}

impl Reader<'_> {
    fn option(&mut self, option: &str, allowed: &str, value: &Expression<'_>) {
        let value = value.get_inner_expression();
        let span = value.span();
        match constant(value) {
            Some(Constant::Undefined) => {}
            Some(Constant::Json(json)) => {
                if self.set(option, &json, span).is_none() {
                    let text = span.source_text(self.source).lines().next().unwrap_or_default();
                    let message = format!("`{option}` cannot be {text}");
                    self.error(message, span, &format!("allowed: {allowed}"));
                }
            }
            None => {
                let message = format!("`{option}` has to be a constant that can be read at once");
                self.error(message, span, &format!("write the value itself: {allowed}"));
            }
        }
    }

    /// Takes over a value; `None` when it is not allowed.
    fn set(&mut self, option: &str, json: &Json, span: Span) -> Option<()> {
        let config = &mut self.read.config;
        match option {
            "dynamic" => config.dynamic = Some(one_of(json)?),
            "fetchCache" => config.fetch_cache = Some(one_of(json)?),
            "dynamicParams" => config.dynamic_params = Some(json.as_bool()?),
            "revalidate" => {
                config.revalidate = Some(match json {
                    Json::Bool(false) => Revalidate::Never,
                    _ => Revalidate::After(whole_seconds(json)?),
                });
            }
            "runtime" if json == "experimental-edge" => {
                config.runtime = Some(Runtime::Edge);
                let message = "`runtime = \"experimental-edge\"` is an old name";
                let found = self.diagnostic(Diagnostic::warning(message), span);
                self.read.found.push(found.with_help("write \"edge\""));
            }
            "runtime" => config.runtime = Some(one_of(json)?),
            "maxDuration" => config.max_duration = Some(whole_seconds(json)?),
            _ => config.preferred_region = regions(json)?,
        }
        Some(())
    }

    fn elsewhere(&mut self, option: &str, span: Span) {
        let message = format!("`{option}` is not set: its value is not in this file");
        let found = self.diagnostic(Diagnostic::warning(message), span);
        self.read.found.push(found.with_help(format!("write `export const {option} = …` here")));
    }

    fn error(&mut self, message: String, span: Span, help: &str) {
        let found = self.diagnostic(Diagnostic::error(message), span);
        self.read.found.push(found.with_help(help));
    }

    fn diagnostic(&self, found: Diagnostic, span: Span) -> Diagnostic {
        let bytes: Range<usize> = span.start as usize..span.end as usize;
        found.in_file(self.name).at(Location::of_bytes(self.source, &bytes), self.source)
    }
}

/// A value of an enum by its name in Next.
fn one_of<T: serde::de::DeserializeOwned>(json: &Json) -> Option<T> {
    json.as_str()?;
    serde_json::from_value(json.clone()).ok()
}

/// More seconds than fit mean the same as the most that do.
fn whole_seconds(json: &Json) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value has just been checked, and a cast stops at the largest number"
    )]
    let whole = |number: f64| (number >= 0.0 && number.fract() == 0.0).then_some(number as u32);
    whole(json.as_f64()?)
}

fn regions(json: &Json) -> Option<Vec<String>> {
    match json {
        Json::String(region) => Some(vec![region.clone()]),
        Json::Array(list) => list.iter().map(|it| it.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
