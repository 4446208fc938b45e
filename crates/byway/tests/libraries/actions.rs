//! Server Actions as React's own client calls them: `react-server-dom-webpack` encodes the arguments and reads the
//! results, in Node as in a browser.

use std::process::Command;

use byway_testkit::Fixture;
use serde_json::{Map, Value as Json};

use super::installed::Libraries;

/// The ids by the names of the exports, as the build gave them.
#[expect(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]
fn ids(project: &Fixture) -> Json {
    let manifest: Json =
        serde_json::from_str(&project.read(".byway/manifest.json").unwrap()).unwrap();
    let entries = manifest["actions"]["entries"].as_array().unwrap();
    let pair = |it: &Json| (it["export"].as_str().unwrap().to_owned(), it["id"].clone());
    Json::Object(entries.iter().map(pair).collect::<Map<_, _>>())
}

#[test]
fn reacts_own_client_calls_actions_and_reads_their_results() {
    let Libraries { server, project } = Libraries::serve();
    let output = Command::new("node")
        .current_dir(project.path())
        .env("NODE_ENV", "production")
        .args(["client/call.mjs", &server.base_url(), &ids(&project).to_string()])
        .output()
        .unwrap();
    let (said, log) = (String::from_utf8_lossy(&output.stderr), server.stderr());
    assert!(output.status.success(), "{said}\n{log}");
    assert!(log.contains("TypeError: a secret") && log.contains("app/actions.ts"), "{log}");
}
