//! The list of settings for people and for editors: the tables of docs/configuration.md and a JSON schema.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use crate::context::KeyInfo;
use crate::kind::Kind;
use crate::load::keys;
use crate::origin::variable_of;

/// The reference of all keys in Markdown: a heading for each section, a table of its keys.
pub fn reference() -> String {
    let keys = keys();
    let mut text = String::new();
    for section in keys.iter().filter(|key| !key.kind.is_value()) {
        let mark = if section.kind == Kind::Tables { "[]" } else { "" };
        let name = format!("{}{mark}", section.name);
        let own: Vec<&KeyInfo> =
            keys.iter().filter(|key| key.kind.is_value() && parent(&key.name) == name).collect();
        if own.is_empty() && section.example.is_empty() {
            continue;
        }
        // Writing into a string cannot fail.
        let _ = write!(text, "\n### {}\n\n{}\n", heading(section), section.doc);
        if !section.example.is_empty() {
            let name = section.name.rsplit('.').next().unwrap_or_default();
            let _ = write!(text, "\n    {name} = {}\n", section.example);
        }
        if !own.is_empty() {
            text.push_str("\n| key | value | default | example | |\n|---|---|---|---|---|\n");
        }
        for key in own {
            text.push_str(&row(key));
        }
    }
    text
}

fn heading(section: &KeyInfo) -> String {
    match section.kind {
        Kind::Tables => format!("`[[{}]]`", section.name.trim_end_matches("[]")),
        Kind::Table => format!("`[{}]`", section.name),
        _ => {
            let parent = parent(&section.name);
            let table = match parent.strip_suffix("[]") {
                Some(list) => format!("[[{list}]]"),
                None => format!("[{parent}]"),
            };
            format!("`{}` of `{table}`", leaf(&section.name))
        }
    }
}

fn row(key: &KeyInfo) -> String {
    let name = leaf(&key.name);
    let default = match &key.default {
        Some(default) => format!("`{default}`"),
        None if key.required => "required".to_owned(),
        None => "–".to_owned(),
    };
    let variable =
        if key.layered { format!(" `{}`", variable_of(&key.name)) } else { String::new() };
    let value = cell(&key.kind.expected());
    format!(
        "| `{name}` | {value} | {} | `{}` | {}{variable} |\n",
        cell(&default),
        cell(key.example),
        cell(key.doc)
    )
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn leaf(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn parent(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// The JSON schema of `byway.toml`, draft 2020-12, for editors that complete and check TOML.
pub fn schema() -> Json {
    let mut root = object(&keys(), "");
    if let Some(root) = root.as_object_mut() {
        root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("title".to_owned(), json!("byway.toml"));
    }
    sorted(root)
}

/// Names in alphabetical order, so that the text is the same whatever `serde_json` keeps.
fn sorted(json: Json) -> Json {
    match json {
        Json::Object(map) => {
            let by_name: BTreeMap<String, Json> =
                map.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Json::Object(by_name.into_iter().collect())
        }
        Json::Array(list) => Json::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The schema of the table `prefix`.
fn object(keys: &[KeyInfo], prefix: &str) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in keys.iter().filter(|key| parent(&key.name) == prefix) {
        let name = leaf(&key.name);
        let mut schema = match key.kind {
            Kind::Table => object(keys, &key.name),
            Kind::Tables => {
                json!({ "type": "array", "items": object(keys, &format!("{}[]", key.name)) })
            }
            Kind::Switch { on } => {
                let word =
                    if on { json!({ "type": "boolean" }) } else { json!({ "const": false }) };
                json!({ "anyOf": [object(keys, &key.name), word] })
            }
            Kind::TableOrTables => {
                let table = object(keys, &key.name);
                json!({ "anyOf": [
                    table, { "type": "array", "items": table }, { "const": false },
                ] })
            }
            _ => key.kind.schema(),
        };
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), json!(key.doc));
        }
        properties.insert(name.to_owned(), schema);
        if key.required {
            required.push(name);
        }
    }
    let mut table = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
    });
    if let (false, Some(table)) = (required.is_empty(), table.as_object_mut()) {
        table.insert("required".to_owned(), json!(required));
    }
    table
}

#[cfg(test)]
mod tests;
