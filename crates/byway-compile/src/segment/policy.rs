//! `export const config = { … }` of a route file as far as it says limits and policies: `body`, `timeout`,
//! `cors` and the like, with the names and rules of `byway.toml`.

use std::path::Path;

use byway_config::{Entry, Node, RoutePolicy, Value, is_foreign, route_policy};
use byway_error::{Diagnostic, Location};
use oxc::allocator::Allocator;
use oxc::ast::ast::{ArrayExpressionElement, Expression, ObjectPropertyKind};
use oxc::parser::Parser;
use oxc::span::{GetSpan as _, Span};
use serde_json::Value as Json;

use super::{Exported, Exports};
use crate::constant::{Constant, constant};
use crate::syntax::source_type;

/// Deeper objects are not looked into.
const DEPTH_MAX: usize = 16;
/// The beginning of every whole number that a 64-bit float holds exactly.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads the policies of the route file `name`, relative to the project. A file that does not parse says
/// nothing here.
pub(crate) fn read(name: &str, source: &str) -> (RoutePolicy, Vec<Diagnostic>) {
    // Most files have none, and need not be parsed once more to know it.
    if !source.contains("config") {
        return Default::default();
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type(Path::new(name))).parse();
    let exports = Exports::of(&parsed.program);
    let Some(Exported::Here(value)) = exports.values.get("config") else {
        return Default::default();
    };
    let value = value.get_inner_expression();
    if !matches!(value, Expression::ObjectExpression(_)) {
        return Default::default();
    }
    match node_of(value, DEPTH_MAX) {
        Ok(node) => route_policy(&node, name, source),
        Err(span) => {
            let message = "this part of `config` has to be a constant that can be read at once";
            let found = Diagnostic::warning(message)
                .in_file(name)
                .at(Location::of_bytes(source, &range(span)), source)
                .with_help("nothing of `config` is in force: write the values themselves");
            (RoutePolicy::default(), vec![found])
        }
    }
}

fn range(span: Span) -> std::ops::Range<usize> {
    span.start as usize..span.end as usize
}

/// The value with its places; the part that is no constant where there is one.
fn node_of(expression: &Expression<'_>, depth: usize) -> Result<Node, Span> {
    let expression = expression.get_inner_expression();
    let span = expression.span();
    let depth = depth.checked_sub(1).ok_or(span)?;
    let value = match expression {
        Expression::ObjectExpression(object) => {
            let mut entries = Vec::new();
            for property in &object.properties {
                let ObjectPropertyKind::ObjectProperty(property) = property else {
                    return Err(property.span());
                };
                let name = property.key.static_name().ok_or(property.key.span())?;
                // Others read these, and may be able to read more than constants.
                if depth + 1 == DEPTH_MAX && is_foreign(&name) {
                    continue;
                }
                if let Expression::Identifier(it) = property.value.get_inner_expression()
                    && it.name == "undefined"
                {
                    continue;
                }
                entries.push(Entry {
                    name: name.into_owned(),
                    name_at: range(property.key.span()),
                    node: node_of(&property.value, depth)?,
                });
            }
            Value::Table(entries)
        }
        Expression::ArrayExpression(list) => {
            let element = |element: &ArrayExpressionElement<'_>| {
                node_of(element.as_expression().ok_or(element.span())?, depth)
            };
            Value::List(list.elements.iter().map(element).collect::<Result<_, _>>()?)
        }
        other => match constant(other) {
            Some(Constant::Json(json)) => scalar(&json).ok_or(span)?,
            Some(Constant::Undefined) | None => return Err(span),
        },
    };
    Ok(Node { value, at: range(span) })
}

fn scalar(json: &Json) -> Option<Value> {
    match json {
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Number(number) => {
            let number = number.as_f64()?;
            #[expect(clippy::cast_possible_truncation, reason = "the value is whole and small")]
            let whole =
                (number.fract() == 0.0 && number.abs() < INTEGER_MAX).then_some(number as i64);
            Some(whole.map_or(Value::Float(number), Value::Integer))
        }
        Json::Null => Some(Value::Other("null")),
        Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use byway_config::{Algorithm, Switch};

    use super::read;

    fn messages(source: &str) -> Vec<String> {
        read("app/a/route.ts", source).1.iter().map(|it| it.message.clone()).collect()
    }

    #[test]
    fn policies_are_read_without_running_the_file() {
        let source = "import type { Config } from 'x'\n\
            const seconds = 1\n\
            export const config = {\n\
            \x20 body: '1mb', timeout: '10s', concurrency: 8 * 8,\n\
            \x20 cors: { origins: ['https://a.example'], maxAge: '10m' },\n\
            \x20 rateLimit: [{ limit: 10, window: `1s`, algorithm: 'gcra' }],\n\
            \x20 'csrf': true, securityHeaders: false,\n\
            \x20 api: { bodyParser: false }, runtime: 'nodejs',\n\
            } satisfies Config\n";
        let (policy, found) = read("app/a/route.ts", source);
        assert_eq!(found, []);
        assert_eq!(policy.body, Some(1 << 20));
        assert_eq!(policy.timeout, Some(Duration::from_secs(10)));
        assert_eq!(policy.concurrency, Some(64));
        let cors = policy.cors.unwrap();
        assert_eq!(cors.as_on().unwrap().max_age, Some(Duration::from_mins(10)));
        assert_eq!(policy.rate_limit.unwrap()[0].algorithm, Algorithm::Gcra);
        assert!(matches!(policy.csrf, Some(Switch::On(_))));
        assert!(matches!(policy.security_headers, Some(Switch::Off)));
    }

    #[test]
    fn mistakes_are_shown_in_the_file() {
        let source = "export const config = { rateLmit: { limit: 1 }, timeout: 10 }\n";
        let (_, found) = read("app/a/route.ts", source);
        let text: String = found.iter().map(ToString::to_string).collect();
        assert!(
            text.contains("error: unknown key `rateLmit` here\n --> app/a/route.ts:1:25"),
            "{text}"
        );
        assert!(text.contains("hint: did you mean `rateLimit`?"), "{text}");
        assert!(text.contains("`timeout` has to be a duration"), "{text}");
        let credentials = "export const config = { cors: { origins: ['*'], credentials: true } }\n";
        assert!(
            messages(credentials)[0].starts_with("`credentials` cannot go with the origin `*`")
        );
    }

    #[test]
    fn what_other_frameworks_read_is_left_alone() {
        assert_eq!(messages("export const config = { api: { bodyParser: false } }"), [""; 0]);
        assert_eq!(messages("export const config = { api: { bodyParser: limits[0] } }"), [""; 0]);
        assert_eq!(messages("const config = { body: 5 }\nexport const GET = 1"), [""; 0]);
        assert_eq!(messages("export const config = loadConfig()"), [""; 0]);
        let (_, found) = read("app/a/route.ts", "export const config = { somethingElse: 1 }");
        assert!(!found[0].is_error(), "{}", found[0]);
        let (policy, found) = read("app/a/route.ts", "export const config = { body: f() }");
        assert!(policy.is_default() && !found[0].is_error());
    }
}
