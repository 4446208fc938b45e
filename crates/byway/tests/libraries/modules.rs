//! What code and packages ask of the loader: workspaces in TypeScript, decorators, files beside a
//! module, JSON, `react-dom/server`, hooks that watch packages being loaded, and the server asking
//! itself.

use serde_json::json;

use super::installed::Libraries;

#[test]
fn a_workspace_package_in_typescript_is_compiled() {
    let Libraries { server, project: _project } = Libraries::serve();
    let money = server.get("/workspace").unwrap();
    assert_eq!(money.json(), json!({ "amount": 12.51, "currency": "USD" }), "{}", server.stderr());
}

#[test]
fn files_beside_a_module_json_and_top_level_await() {
    let Libraries { server, project: _project } = Libraries::serve();
    let hello = json!({ "hello": "world" });
    let expected = json!({ "greeting": hello, "text": "hello from a file", "later": hello });
    assert_eq!(server.get("/language").unwrap().json(), expected, "{}", server.stderr());
}

#[test]
fn decorators_find_the_types_of_parameters() {
    let Libraries { server, project: _project } = Libraries::serve();
    let expected = json!({
        "injectable": true,
        "types": ["Repository"],
        "method": ["Number"],
        "shown": "show: row 7",
    });
    assert_eq!(server.get("/decorators").unwrap().json(), expected, "{}", server.stderr());
}

#[test]
fn react_renders_to_a_string_in_a_route() {
    let Libraries { server, project: _project } = Libraries::serve();
    let page = server.get("/react").unwrap();
    let html = r#"<p class="receipt">12<!-- --> <!-- -->EUR</p>"#;
    assert_eq!((page.status, page.text().as_str()), (200, html), "{}", server.stderr());
}

#[test]
fn a_handler_asks_its_own_server_while_it_streams() {
    let Libraries { server, project: _project } = Libraries::serve();
    let stream = server.get("/own-origin").unwrap();
    assert_eq!(stream.text(), "hello a\nhello b\nhello c\n", "{}", server.stderr());
    assert!(stream.complete);
}

#[test]
fn packages_can_be_watched_while_they_load() {
    let Libraries { server, project: _project } = Libraries::serve();
    let answer = server.get("/instrumented").unwrap().json();
    assert_eq!(answer["loaded"], json!(["function", "function"]), "{}", server.stderr());
    let mut seen: Vec<_> = answer["seen"].as_array().unwrap().iter().collect();
    seen.sort_by_key(|name| name.as_str());
    assert_eq!(seen, ["jose", "jsonwebtoken"]);
}
