//! Values of constant expressions, for options that are read without running the file.

use oxc::ast::ast::{
    ArrayExpressionElement, Expression, ObjectPropertyKind, PropertyKey, PropertyKind,
};
use oxc::syntax::operator::{BinaryOperator, UnaryOperator};
use serde_json::Value as Json;

/// Deeper expressions are not looked into.
const DEPTH_MAX: usize = 50;

/// A value that is known without running anything.
#[derive(Debug, PartialEq)]
pub(crate) enum Constant {
    Undefined,
    /// Numbers are always floating-point ones.
    Json(Json),
}

/// The value of literals, arrays and objects of them and calculations with numbers. Type annotations
/// around them have no effect.
pub(crate) fn constant(expression: &Expression<'_>) -> Option<Constant> {
    if matches!(expression.get_inner_expression(), Expression::Identifier(it) if it.name == "undefined")
    {
        return Some(Constant::Undefined);
    }
    value(expression, DEPTH_MAX).map(Constant::Json)
}

fn value(expression: &Expression<'_>, depth: usize) -> Option<Json> {
    let depth = depth.checked_sub(1)?;
    match expression.get_inner_expression() {
        Expression::StringLiteral(it) => Some(Json::from(it.value.as_str())),
        Expression::TemplateLiteral(it) => it.single_quasi().map(|text| Json::from(text.as_str())),
        Expression::NumericLiteral(it) => Some(Json::from(it.value)),
        Expression::BooleanLiteral(it) => Some(Json::from(it.value)),
        Expression::NullLiteral(_) => Some(Json::Null),
        Expression::ArrayExpression(it) => {
            let element =
                |element: &ArrayExpressionElement<'_>| value(element.as_expression()?, depth);
            it.elements.iter().map(element).collect()
        }
        Expression::ObjectExpression(it) => {
            let mut object = serde_json::Map::new();
            for property in &it.properties {
                let ObjectPropertyKind::ObjectProperty(property) = property else { return None };
                let plain = property.kind == PropertyKind::Init && !property.method;
                let name = key(&property.key).filter(|_| plain && !property.computed)?;
                object.insert(name, value(&property.value, depth)?);
            }
            Some(Json::Object(object))
        }
        Expression::UnaryExpression(it) => {
            let argument = value(&it.argument, depth)?;
            match it.operator {
                UnaryOperator::UnaryNegation => Some(Json::from(-argument.as_f64()?)),
                UnaryOperator::UnaryPlus => Some(Json::from(argument.as_f64()?)),
                UnaryOperator::LogicalNot => Some(Json::from(!is_truthy(&argument))),
                _ => None,
            }
        }
        Expression::BinaryExpression(it) => {
            let left = value(&it.left, depth)?.as_f64()?;
            let right = value(&it.right, depth)?.as_f64()?;
            let result = match it.operator {
                BinaryOperator::Addition => left + right,
                BinaryOperator::Subtraction => left - right,
                BinaryOperator::Multiplication => left * right,
                BinaryOperator::Division => left / right,
                _ => return None,
            };
            result.is_finite().then(|| Json::from(result))
        }
        _ => None,
    }
}

/// The name of a property that is written down as one.
pub(crate) fn key(key: &PropertyKey<'_>) -> Option<String> {
    match key {
        PropertyKey::StaticIdentifier(it) => Some(it.name.to_string()),
        PropertyKey::StringLiteral(it) => Some(it.value.to_string()),
        _ => None,
    }
}

fn is_truthy(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(_) | Json::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use oxc::allocator::Allocator;
    use oxc::parser::Parser;
    use oxc::span::SourceType;
    use serde_json::json;

    use super::{Constant, constant};

    fn of(source: &str) -> Option<Constant> {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::ts()).parse_expression().unwrap();
        constant(&parsed)
    }

    #[test]
    fn constants_are_calculated() {
        let check = |source: &str, expect| assert_eq!(of(source), expect, "{source}");
        check("60 * (24 - 4) / 2", Some(Constant::Json(json!(600.0))));
        check("-1.5", Some(Constant::Json(json!(-1.5))));
        check("['a', `b`] as const", Some(Constant::Json(json!(["a", "b"]))));
        check("(!0 satisfies boolean)", Some(Constant::Json(json!(true))));
        check("(undefined)", Some(Constant::Undefined));
        check(
            "({ a: 1, 'b-c': ['x', { d: true }] } as const)",
            Some(Constant::Json(json!({ "a": 1.0, "b-c": ["x", { "d": true }] }))),
        );
        check("null", Some(Constant::Json(json!(null))));
        for unknown in [
            "a",
            "1 / 0",
            "f()",
            "`a${b}`",
            "[...x]",
            "'a' + 1",
            "typeof 1",
            "{ a }",
            "{ ...a }",
            "{ [a]: 1 }",
            "{ a() {} }",
            "{ get a() { return 1 } }",
        ] {
            check(&format!("({unknown})"), None);
        }
        check(&format!("{}1{}", "[".repeat(60), "]".repeat(60)), None);
    }
}
