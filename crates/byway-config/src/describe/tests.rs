use serde_json::json;

use super::{reference, schema};

const BEGIN: &str = "<!-- keys -->\n";
const END: &str = "<!-- end of keys -->\n";

#[test]
fn the_documented_settings_are_those_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let found = std::fs::read_to_string(path).unwrap();
    let (before, rest) = found.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}\n{END}{after}", reference());
    if found != expected {
        std::fs::write(path, &expected).unwrap();
        panic!("docs/configuration.md was out of date and has been written anew");
    }
}

#[test]
fn the_schema_in_the_docs_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/byway.schema.json");
    let expected = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    let found = std::fs::read_to_string(path).unwrap_or_default();
    if found != expected {
        std::fs::write(path, &expected).unwrap();
        panic!("docs/byway.schema.json was out of date and has been written anew");
    }
}

#[test]
fn the_schema_says_types_and_refuses_unknown_keys() {
    let schema = schema();
    assert_eq!(schema["additionalProperties"], false);
    let limits = &schema["properties"]["limits"];
    assert_eq!(limits["additionalProperties"], false);
    assert_eq!(limits["properties"]["connections"]["minimum"], 1);
    let count = &schema["properties"]["workers"]["properties"]["count"]["anyOf"];
    assert_eq!(count[0], json!({ "const": "auto" }));
}
