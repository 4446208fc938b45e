//! Before anything is measured, all contestants must give the same answers.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use byway_testkit::{RawClient, RawResponse};
use serde_json::{Value, json};

use super::scenario::{Scenario, checks};
use crate::print;

const TIMEOUT: Duration = Duration::from_secs(5);

/// The whole request as it goes over the wire, on a connection that is closed afterwards.
pub(crate) fn request_text(scenario: &Scenario, authority: &str) -> String {
    let Scenario { method, path, body, headers, .. } = scenario;
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let lines: String = lines.collect();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\n{lines}Connection: close\r\n");
    match body {
        None => format!("{head}\r\n"),
        Some(body) => format!(
            "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    }
}

/// Fails when an answer is not the right one.
pub(crate) fn check(authority: &str, contestant: &str) -> Result<()> {
    for scenario in checks().into_iter().filter(|scenario| scenario.is_for(contestant)) {
        if scenario.status == 429 {
            // The first one passes.
            ask(authority, &scenario)?;
        }
        let answer = ask(authority, &scenario)
            .with_context(|| format!("{} {}", scenario.method, scenario.path))?;
        let (got, expected) = (essence(&answer), expected(&scenario));
        if got != expected {
            print::progress(&format!("expected {expected}\ngot      {got}"));
            bail!("the answer to `{} {}` is not the right one", scenario.method, scenario.path);
        }
    }
    Ok(())
}

fn ask(authority: &str, scenario: &Scenario) -> Result<RawResponse> {
    let mut client = RawClient::connect_within(authority, TIMEOUT)?;
    client.send(request_text(scenario, authority))?;
    Ok(client.read()?)
}

/// Status, media type without its parameters, and body; JSON by value, text by its length and
/// beginning.
fn essence(answer: &RawResponse) -> Value {
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = if kind == "application/json" {
        answer.json()
    } else {
        json!({"length": answer.body.len(), "start": answer.text().get(..44)})
    };
    let compressed = answer.header("content-encoding").is_some();
    json!({
        "status": answer.status, "type": kind, "body": body,
        "compressed": compressed, "complete": answer.complete,
    })
}

fn expected(scenario: &Scenario) -> Value {
    let user = |id: &str, view: &str| {
        json!({
            "id": id, "name": format!("User {id}"), "view": view, "plan": "standard",
            "roles": ["reader", "editor"], "address": {"city": "Sarajevo", "country": "BA"},
            "active": true,
        })
    };
    let start = "The quick brown fox jumps over the lazy dog.";
    let text = |length: usize| json!({"length": length, "start": start});
    let body = match scenario.name {
        "get-json" => user("42", "short"),
        "pages-json" => user("42", "card"),
        "proxy-next" => user("43", "short"),
        "gated" => user("44", "short"),
        "refused-429" => json!({"error": "rate_limited", "message": "too many requests"}),
        "refused-413" => {
            json!({"error": "body_too_large", "message": "the body is too large"})
        }
        "preflight" => json!({"length": 0, "start": null}),
        "escaped" => user("a b\u{e9}", "full"),
        "post-json" => {
            json!({"customer": "Amina", "currency": "EUR", "lines": 3, "totalMinor": 103_300})
        }
        "invalid" => json!({"error": "invalid order", "fields": ["customer", "items.0.sku"]}),
        "public-file" => countries(),
        "redirect" => {
            let location = "/api/users/42?view=short";
            json!({"length": location.len(), "start": null})
        }
        "text-1k" => text(1024),
        "text-100k" => text(102_400),
        _ => json!({
            "currencies": ["EUR", "USD", "BAM"], "units": ["piece", "kilogram"], "version": 7
        }),
    };
    let is_text = scenario.name.starts_with("text");
    let kind = match scenario.name {
        "redirect" | "preflight" => "",
        _ if is_text => "text/plain",
        _ => "application/json",
    };
    json!({
        "status": scenario.status, "type": kind, "body": body,
        "compressed": false, "complete": true,
    })
}

/// The file itself; `null`, which no answer is, if it were no JSON.
fn countries() -> Value {
    let file = include_str!("../../../bench/project/public/countries.json");
    serde_json::from_str(file).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{expected, request_text};
    use crate::bench::scenario::checks;

    #[test]
    fn every_check_has_an_expected_answer_of_its_own() {
        let all: Vec<String> = checks().iter().map(|check| expected(check).to_string()).collect();
        let mut distinct = all.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_body_is_announced_by_its_length() {
        let all = checks();
        let invalid = all.iter().find(|check| check.name == "invalid").unwrap();
        let text = request_text(invalid, "127.0.0.1:1");
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert!(text.contains(&format!("Content-Length: {}\r\n", body.len())), "{text}");
    }
}
