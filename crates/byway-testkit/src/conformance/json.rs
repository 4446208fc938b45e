//! Where two JSON documents differ. Numbers are equal by value: 1 and 1.0 are the same number.

use serde_json::Value;

use super::compare::excerpt;

/// The path and values of the first difference.
pub(super) fn difference(expected: &Value, got: &Value) -> Option<String> {
    at("$", expected, got)
}

fn at(path: &str, expected: &Value, got: &Value) -> Option<String> {
    match (expected, got) {
        (Value::Object(left), Value::Object(right)) => {
            let added = right.keys().filter(|key| !left.contains_key(*key));
            left.keys().chain(added).find_map(|key| match (left.get(key), right.get(key)) {
                (Some(left), Some(right)) => at(&format!("{path}.{key}"), left, right),
                (left, right) => Some(format!(
                    "{path}.{key}: expected {}, got {}",
                    left.map_or_else(|| "absent".to_owned(), shown),
                    right.map_or_else(|| "absent".to_owned(), shown)
                )),
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .find_map(|(index, (left, right))| at(&format!("{path}[{index}]"), left, right)),
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => None,
        (left, right) if left == right => None,
        _ => Some(format!("{path}: expected {}, got {}", shown(expected), shown(got))),
    }
}

fn shown(value: &Value) -> String {
    excerpt(&value.to_string(), 110)
}

#[cfg(test)]
mod tests {
    use super::difference;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let check = |left, right, expect: Option<&str>| {
            assert_eq!(difference(&left, &right).as_deref(), expect);
        };
        check(json!({"a": 1, "b": [1, 2]}), json!({"b": [1.0, 2], "a": 1}), None);
        check(json!({"a": [1]}), json!({"a": [2]}), Some("$.a[0]: expected 1, got 2"));
        check(json!({"a": 1}), json!({}), Some("$.a: expected 1, got absent"));
        check(json!({}), json!({"b": "x"}), Some("$.b: expected absent, got \"x\""));
        check(json!([1]), json!([1, 2]), Some("$: expected [1], got [1,2]"));
        check(json!(1), json!(true), Some("$: expected 1, got true"));
    }
}
