//! Libraries in a proxy: next-auth 5, jose, iron-session, and a locale in the path as next-intl has it.

use serde_json::{Value, json};

use super::auth::sign_in;
use super::browser::{Browser, JSON};
use super::installed::Libraries;

#[test]
fn next_auth_5_guards_a_route_as_a_proxy() {
    let Libraries { server, project: _project } = Libraries::serve();
    let mut browser = Browser::new(&server);
    let refused = browser.get("/guarded/auth5");
    assert_eq!(refused.status, 307, "{}", server.stderr());
    assert_eq!(refused.header("location"), Some("/auth5/signin"));
    // What a client says of itself is nothing.
    let forged = browser.request("GET", "/guarded/auth5", &[("x-user", "ada")], "");
    assert_eq!(forged.status, 307);

    assert_eq!(sign_in(&mut browser, "/auth5", "correct horse").status, 302);
    let accepted = browser.get("/guarded/auth5");
    assert_eq!((accepted.status, &accepted.json()["user"]), (200, &json!("ada")));
    assert!(browser.has_cookie("authjs.session-token"), "the session is renewed");
}

#[test]
fn jose_checks_a_token_in_a_proxy() {
    let Libraries { server, project: _project } = Libraries::serve();
    let made = server.request("POST", "/jose", &[JSON], r#"{ "user": "ada" }"#).unwrap();
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let get = |token: &str| {
        let bearer = format!("Bearer {token}");
        let lines = [("authorization", bearer.as_str()), ("x-user", "mallory")];
        let response = server.request("GET", "/guarded/jose", &lines, "").unwrap();
        (response.status, response.json())
    };
    assert_eq!(get(&token), (200, json!({ "user": "ada", "token": null })), "{}", server.stderr());
    let forged: String = token.chars().rev().collect();
    assert_eq!(get(&forged).0, 401);
    assert_eq!(get("").0, 401);
}

#[test]
fn iron_session_writes_its_cookie_from_a_proxy() {
    let Libraries { server, project: _project } = Libraries::serve();
    let mut browser = Browser::new(&server);
    for visits in ["1", "2", "3"] {
        let response = browser.get("/guarded/iron");
        assert_eq!(response.status, 200, "{}", server.stderr());
        assert_eq!(response.header("x-visits"), Some(visits));
    }
}

#[test]
fn a_locale_is_taken_from_path_cookie_or_client() {
    let Libraries { server, project: _project } = Libraries::serve();
    let mut browser = Browser::new(&server);
    let mut get = |path: &str, language: &str| {
        let response = browser.request("GET", path, &[("accept-language", language)], "");
        assert_eq!(response.status, 200, "{}", server.stderr());
        response.json()
    };
    let expect = |locale: &str, path: Value, header: Value| {
        let mut expected = json!({ "locale": locale, "header": header });
        if !path.is_null() {
            expected["path"] = path;
        }
        expected
    };
    assert_eq!(get("/localised/x/y", "ar-EG"), expect("ar", json!(["x", "y"]), json!("ar")));
    assert_eq!(get("/localised", "fr"), expect("en", Value::Null, json!("en")));
    assert_eq!(get("/localised/de/x", "ar"), expect("de", json!(["x"]), Value::Null));
    // The cookie that the last one has set.
    assert_eq!(get("/localised/x", "ar"), expect("de", json!(["x"]), json!("de")));
}
