//! The `config` that a Pages Router API route exports. The worker reads it when it runs the file; what
//! has to be known before is read here, and so is what is written wrongly.

use std::path::Path;

use byway_error::Diagnostic;
use oxc::allocator::Allocator;
use oxc::ast::ast::{Expression, ObjectExpression, ObjectPropertyKind};
use oxc::parser::Parser;
use oxc::span::{GetSpan as _, Span};
use serde_json::Value as Json;

use super::{Exported, Exports, OPTIONS, Reader, SegmentExports};
use crate::constant::{Constant, constant};
use crate::syntax::source_type;

/// What concerns the build, at the top level of the file or in `config`; the former wins.
const BUILD_OPTIONS: [&str; 2] = ["runtime", "maxDuration"];

/// The keys of `config.api`, with what Next allows for each.
const API_OPTIONS: [(&str, &str); 3] = [
    ("bodyParser", "false, true or { sizeLimit: \"500kb\" }"),
    ("responseLimit", "false, true, a number of bytes or text such as \"8mb\""),
    ("externalResolver", "true or false"),
];
const SIZE_ALLOWED: &str = "a number of bytes or text such as \"500kb\" or \"4mb\"";
const SIZE_UNITS: [&str; 5] = ["kb", "mb", "gb", "tb", "pb"];

/// Reads the route file `name`, relative to the project. A file that does not parse says nothing here.
pub(crate) fn read(name: &str, source: &str) -> SegmentExports {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(Path::new(name))).parse();
    let exports = Exports::of(&parsed.program);
    let mut reader = Reader { name, source, read: SegmentExports::default() };
    let own: Vec<&str> =
        BUILD_OPTIONS.into_iter().filter(|name| exports.values.contains_key(*name)).collect();
    for option in &own {
        match &exports.values[*option] {
            Exported::Elsewhere(span) => reader.elsewhere(option, *span),
            Exported::Here(value) => reader.build_option(option, value),
        }
    }
    match exports.values.get("config") {
        None => {}
        Some(Exported::Elsewhere(span)) => reader.unread_config(*span),
        Some(Exported::Here(value)) => match value.get_inner_expression() {
            Expression::ObjectExpression(config) => reader.config(config, &own),
            Expression::Identifier(it) if it.name == "undefined" => {}
            other => reader.unread_config(other.span()),
        },
    }
    reader.read
}

impl Reader<'_> {
    fn build_option(&mut self, option: &str, value: &Expression<'_>) {
        let allowed = OPTIONS.iter().find(|(name, _)| *name == option).map_or("", |(_, it)| it);
        self.option(option, allowed, value);
    }

    fn config(&mut self, config: &ObjectExpression<'_>, own: &[&str]) {
        for (name, value, span) in properties(config) {
            match (name.as_deref(), value) {
                (Some(option), Some(value))
                    if BUILD_OPTIONS.contains(&option) && !own.contains(&option) =>
                {
                    self.build_option(option, value);
                }
                (Some("api"), Some(value)) => {
                    if let Expression::ObjectExpression(api) = value.get_inner_expression() {
                        self.api(api);
                    }
                }
                (None, _) => self.unread_config(span),
                _ => {}
            }
        }
    }

    fn api(&mut self, api: &ObjectExpression<'_>) {
        for (name, value, span) in properties(api) {
            let (Some(name), Some(value)) = (name, value) else { continue };
            let Some((_, allowed)) = API_OPTIONS.iter().find(|(known, _)| *known == name) else {
                let known = API_OPTIONS.map(|(name, _)| format!("`{name}`")).join(", ");
                let message = format!("`api.{name}` means nothing");
                self.warning(message, span, &format!("known are {known}"));
                continue;
            };
            if name == "bodyParser"
                && let Expression::ObjectExpression(parser) = value.get_inner_expression()
            {
                self.body_parser(parser);
            } else if let Some(Constant::Json(json)) = constant(value) {
                let fine = match name.as_str() {
                    "responseLimit" => json.is_boolean() || is_size(&json),
                    _ => json.is_boolean(),
                };
                if !fine {
                    self.wrong_value(&format!("api.{name}"), value, allowed);
                }
            }
        }
    }

    fn body_parser(&mut self, parser: &ObjectExpression<'_>) {
        for (name, value, _) in properties(parser) {
            if let (Some("sizeLimit"), Some(value)) = (name.as_deref(), value)
                && let Some(Constant::Json(json)) = constant(value)
                && !is_size(&json)
            {
                self.wrong_value("api.bodyParser.sizeLimit", value, SIZE_ALLOWED);
            }
        }
    }

    /// Next takes such a value and does something else than it says.
    fn wrong_value(&mut self, option: &str, value: &Expression<'_>, allowed: &str) {
        let span = value.span();
        let text = span.source_text(self.source).lines().next().unwrap_or_default();
        self.warning(format!("`{option}` cannot be {text}"), span, &format!("allowed: {allowed}"));
    }

    fn unread_config(&mut self, span: Span) {
        let message = "`config` cannot be read without running the file, so that `runtime` and \
                       `maxDuration` in it have no effect";
        self.warning(message.to_owned(), span, "write `export const config = { … }` here");
    }

    fn warning(&mut self, message: String, span: Span, help: &str) {
        let found = self.diagnostic(Diagnostic::warning(message), span);
        self.read.found.push(found.with_help(help));
    }
}

/// Names, values and places of properties; no name for what is spread or computed, no value for methods
/// and accessors.
fn properties<'a, 'p>(
    object: &'p ObjectExpression<'a>,
) -> impl Iterator<Item = (Option<String>, Option<&'p Expression<'a>>, Span)> {
    object.properties.iter().map(|property| match property {
        ObjectPropertyKind::SpreadProperty(it) => (None, None, it.span),
        ObjectPropertyKind::ObjectProperty(it) => {
            let value =
                (!it.method && it.kind == oxc::ast::ast::PropertyKind::Init).then_some(&it.value);
            (it.key.static_name().map(Into::into), value, it.span)
        }
    })
}

/// Whether the worker reads a size as it is meant: text has a unit or is nothing but a number.
fn is_size(json: &Json) -> bool {
    let Some(text) = json.as_str() else { return json.is_number() };
    let lower = text.to_ascii_lowercase();
    let number = SIZE_UNITS.iter().find_map(|unit| lower.strip_suffix(unit)).unwrap_or(&lower);
    let number = number.strip_suffix('b').unwrap_or(number).trim_end_matches(' ');
    !number.is_empty() && number.parse::<f64>().is_ok_and(|number| number >= 0.0)
}

#[cfg(test)]
mod tests {
    use byway_routes::segment_config::{Runtime, SegmentConfig};

    use super::{is_size, read};

    fn config(source: &str) -> SegmentConfig {
        let read = read("pages/api/a.ts", source);
        assert!(read.found.is_empty(), "{source}: {:?}", read.found);
        read.config
    }

    fn messages(source: &str) -> Vec<(bool, String)> {
        let found = read("pages/api/a.ts", source).found;
        found.into_iter().map(|it| (it.is_error(), it.message)).collect()
    }

    #[test]
    fn runtime_and_duration_are_read_from_both_places() {
        let edge = Some(Runtime::Edge);
        let inside = config("export const config = { runtime: 'edge', maxDuration: 30, api: {} }");
        assert_eq!((inside.runtime, inside.max_duration), (edge, Some(30)));
        let named = config(
            "const settings = { maxDuration: 60 * 2 } satisfies PageConfig\nexport { settings as config }",
        );
        assert_eq!(named.max_duration, Some(120));
        let both = config(
            "export const runtime = 'edge', maxDuration = 5\nexport const config = { runtime: 'nodejs', maxDuration: 9 }",
        );
        assert_eq!((both.runtime, both.max_duration), (edge, Some(5)));
        for nothing in [
            "export default () => {}",
            "export const config = undefined",
            "const config = { runtime: 'edge' }",
            "export const config = { unknown: run(), api: { bodyParser: limits[0] } }",
            "export type config = { runtime: 'edge' }",
        ] {
            assert_eq!(config(nothing), SegmentConfig::default(), "{nothing}");
        }
    }

    #[test]
    fn wrong_values_of_the_build_are_errors() {
        for (source, message) in [
            ("export const config = { runtime: 'bun' }", "`runtime` cannot be 'bun'"),
            ("export const config = { maxDuration: '10s' }", "`maxDuration` cannot be '10s'"),
            ("export const runtime = 5", "`runtime` cannot be 5"),
            (
                "export const config = { runtime: process.env.R }",
                "`runtime` has to be a constant that can be read at once",
            ),
        ] {
            assert_eq!(messages(source), [(true, message.to_owned())], "{source}");
        }
    }

    #[test]
    fn what_has_no_effect_is_warned_of() {
        for (source, part) in [
            ("export { config } from './shared'", "`config` cannot be read"),
            ("export const config = shared", "`config` cannot be read"),
            ("export const config = { ...shared }", "`config` cannot be read"),
            ("export const config = { runtime: 'experimental-edge' }", "is an old name"),
            (
                "export const config = { api: { bodyparser: false } }",
                "`api.bodyparser` means nothing",
            ),
            (
                "export const config = { api: { bodyParser: 'no' } }",
                "`api.bodyParser` cannot be 'no'",
            ),
            (
                "export const config = { api: { bodyParser: { sizeLimit: '10m' } } }",
                "sizeLimit` cannot be '10m'",
            ),
            (
                "export const config = { api: { responseLimit: 'big' } }",
                "`api.responseLimit` cannot be 'big'",
            ),
            (
                "export const config = { api: { externalResolver: 1 } }",
                "`api.externalResolver` cannot be 1",
            ),
        ] {
            let found = messages(source);
            assert_eq!(found.len(), 1, "{source}: {found:?}");
            assert!(!found[0].0 && found[0].1.contains(part), "{source}: {found:?}");
        }
        let fine = "export const config = { api: { bodyParser: { sizeLimit: '1.5 MB' }, responseLimit: false, \
                    externalResolver: true } }";
        assert_eq!(messages(fine), []);
    }

    #[test]
    fn sizes_have_a_unit_or_none() {
        for (size, expect) in [
            ("\"4mb\"", true),
            ("\"500 KB\"", true),
            ("\"100\"", true),
            ("\"100b\"", true),
            ("1024.0", true),
            ("\"4m\"", false),
            ("\"mb\"", false),
            ("\"\"", false),
            ("true", false),
        ] {
            assert_eq!(is_size(&serde_json::from_str(size).unwrap()), expect, "{size}");
        }
    }
}
