//! What `proxy.ts`, or `middleware.ts` by its former name, says about itself: `config.matcher`, read
//! without running the file, and the runtime.
//!
//! Which requests the proxy sees has to be known for certain, because it may be what protects them. So a
//! value that cannot be read at once, or that makes no sense, is an error of the build, as under Next
//! (<https://nextjs.org/docs/app/api-reference/file-conventions/proxy#matcher>).

use std::ops::Range;
use std::path::Path;

use byway_error::{Diagnostic, Location};
use byway_routes::proxy::{MatcherOptions, MatcherSource, ProxyMatchers};
use byway_routes::rules::condition::{ConditionKind, ConditionSource};
use oxc::allocator::Allocator;
use oxc::ast::ast::{ArrayExpressionElement, Expression, ObjectPropertyKind};
use oxc::parser::Parser;
use oxc::span::{GetSpan as _, Span};
use serde_json::Value as Json;

use crate::constant::{Constant, constant, key};
use crate::segment::{Exported, Exports};
use crate::syntax::source_type;

/// What the file says.
#[derive(Debug, Default)]
pub(crate) struct ProxyFile {
    /// `config.matcher`; `None` for every request.
    pub(crate) matchers: Option<Vec<MatcherSource>>,
    /// Whether it runs as code of the edge runtime.
    pub(crate) edge: bool,
    /// What is wrong with it.
    pub(crate) found: Vec<Diagnostic>,
}

/// Reads the file `name`, relative to the project. `options` is what `next.config` says about matchers.
pub(crate) fn read(name: &str, source: &str, options: &MatcherOptions) -> ProxyFile {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(Path::new(name))).parse();
    let exports = Exports::of(&parsed.program);
    let is_middleware = is_middleware(name);
    let edge = is_middleware;
    let mut reader =
        Reader { name, source, options, read: ProxyFile { edge, ..Default::default() } };
    let function = if is_middleware { "middleware" } else { "proxy" };
    let exported = exports.has_default || exports.values.contains_key(function);
    if exports.is_module && !exported && parsed.diagnostics.is_empty() {
        let message = format!("the file exports no function named `{function}` and no default one");
        let help = format!("write `export function {function}(request) {{ … }}`");
        reader.read.found.push(Diagnostic::error(message).in_file(name).with_help(help));
    }
    match exports.values.get("config") {
        None => {}
        Some(Exported::Here(config)) => reader.config(config.get_inner_expression()),
        Some(Exported::Elsewhere(span)) => {
            reader.error("`config` has to be an object in this file", *span, WRITE_IT);
        }
    }
    if let Some(Exported::Here(runtime)) = exports.values.get("runtime") {
        reader.runtime(runtime);
    }
    reader.read
}

/// Whether the file has the former name. Such a file runs as edge code, as it always did.
pub(crate) fn is_middleware(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|file| file.starts_with("middleware."))
}

const WRITE_IT: &str =
    "write the values themselves: byway, as Next, does not run the file to know them";

struct Reader<'s> {
    name: &'s str,
    source: &'s str,
    options: &'s MatcherOptions,
    read: ProxyFile,
}

impl Reader<'_> {
    fn config(&mut self, config: &Expression<'_>) {
        let Expression::ObjectExpression(object) = config else {
            return self.error("`config` has to be an object", config.span(), WRITE_IT);
        };
        for property in &object.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else {
                let message = "`config` has to be a constant that can be read at once";
                self.error(message, property.span(), WRITE_IT);
                continue;
            };
            let value = property.value.get_inner_expression();
            match key(&property.key).filter(|_| !property.computed).as_deref() {
                Some("matcher") => self.matcher(value),
                Some("runtime") => self.runtime(value),
                // About hosting, or about code that the edge runtime would refuse.
                Some("regions" | "unstable_allowDynamic") => {}
                _ => {
                    let known = "`matcher` is the setting that a proxy has";
                    let message = "`config` has a setting that does not exist";
                    self.error(message, property.key.span(), known);
                }
            }
        }
    }

    fn matcher(&mut self, value: &Expression<'_>) {
        let mut matchers = Vec::new();
        if let Expression::ArrayExpression(list) = value {
            for element in &list.elements {
                match element.as_expression().map(Expression::get_inner_expression) {
                    Some(element) => matchers.extend(self.one_matcher(element)),
                    None => self.not_constant(element_span(element)),
                }
            }
        } else {
            if matches!(constant(value), Some(Constant::Undefined)) {
                return;
            }
            if matches!(value, Expression::ObjectExpression(_)) {
                let help = "put it into an array: `matcher: [{ source: … }]`";
                return self.error("`matcher` is a string or an array", value.span(), help);
            }
            matchers.extend(self.one_matcher(value));
        }
        self.read.matchers = Some(matchers);
    }

    fn one_matcher(&mut self, value: &Expression<'_>) -> Option<MatcherSource> {
        let span = value.span();
        let Some(Constant::Json(json)) = constant(value) else {
            self.not_constant(span);
            return None;
        };
        let matcher = match json {
            Json::String(source) => Ok(MatcherSource { source, ..MatcherSource::default() }),
            Json::Object(object) => matcher_of(object),
            _ => Err("a matcher is a string or an object with a `source`".to_owned()),
        };
        let checked = matcher.and_then(|matcher| {
            ProxyMatchers::new(Some(std::slice::from_ref(&matcher)), self.options)
                .map(|_| matcher)
                .map_err(|error| error.to_string())
        });
        match checked {
            Ok(matcher) => Some(matcher),
            Err(reason) => {
                self.error(&format!("the matcher makes no sense: {reason}"), span, MATCHERS);
                None
            }
        }
    }

    /// `runtime`, which a file of the former name may set.
    fn runtime(&mut self, value: &Expression<'_>) {
        let span = value.span();
        if !is_middleware(self.name) {
            let help = "remove it: a proxy always runs on Node.js";
            return self.error("a proxy cannot choose its runtime", span, help);
        }
        match constant(value) {
            Some(Constant::Json(Json::String(name))) if name == "nodejs" => self.read.edge = false,
            Some(Constant::Json(Json::String(name)))
                if name == "edge" || name == "experimental-edge" => {}
            _ => self.error("`runtime` is \"nodejs\" or \"edge\"", span, WRITE_IT),
        }
    }

    fn not_constant(&mut self, span: Span) {
        let message = "the matcher has to be a constant that can be read at once";
        self.error(message, span, WRITE_IT);
    }

    fn error(&mut self, message: &str, span: Span, help: &str) {
        let bytes: Range<usize> = span.start as usize..span.end as usize;
        let place = Location::of_bytes(self.source, &bytes);
        let found = Diagnostic::error(message).in_file(self.name).at(place, self.source);
        self.read.found.push(found.with_help(help));
    }
}

const MATCHERS: &str = "a matcher is a path such as \"/api/:path*\", or an object with `source`, and if \
     need be `has`, `missing` and `locale: false`";

fn element_span(element: &ArrayExpressionElement<'_>) -> Span {
    element.span()
}

fn matcher_of(object: serde_json::Map<String, Json>) -> Result<MatcherSource, String> {
    let mut matcher = MatcherSource::default();
    for (name, value) in object {
        match (name.as_str(), value) {
            ("source", Json::String(source)) => matcher.source = source,
            ("has", Json::Array(list)) => matcher.has = conditions(list)?,
            ("missing", Json::Array(list)) => matcher.missing = conditions(list)?,
            ("locale", Json::Bool(false)) => matcher.names_locale = true,
            ("locale", _) => return Err("`locale` can only be false".to_owned()),
            ("source" | "has" | "missing", _) => return Err(format!("`{name}` has a wrong type")),
            _ => return Err(format!("it has no `{name}`")),
        }
    }
    if matcher.source.is_empty() {
        return Err("it has no `source`".to_owned());
    }
    Ok(matcher)
}

fn conditions(list: Vec<Json>) -> Result<Vec<ConditionSource>, String> {
    list.into_iter().map(condition).collect()
}

fn condition(value: Json) -> Result<ConditionSource, String> {
    let kinds = "\"header\", \"cookie\", \"query\" or \"host\"";
    let known = ["type", "key", "value"];
    if let Some(wrong) =
        value.as_object().and_then(|it| it.keys().find(|it| !known.contains(&it.as_str())))
    {
        return Err(format!("a condition has no `{wrong}`"));
    }
    let condition: ConditionSource = serde_json::from_value(value).map_err(|_| {
        format!("a condition has a `type` ({kinds}), a `key` and perhaps a `value`")
    })?;
    match (condition.kind, &condition.key, &condition.value) {
        (ConditionKind::Host, Some(_), _) => {
            Err("a condition for the host has no `key`".to_owned())
        }
        (ConditionKind::Host, None, None) => {
            Err("a condition for the host has a `value`".to_owned())
        }
        (ConditionKind::Host, None, Some(_)) | (_, Some(_), _) => Ok(condition),
        (_, None, _) => Err("a condition has a `key`".to_owned()),
    }
}

#[cfg(test)]
mod tests;
