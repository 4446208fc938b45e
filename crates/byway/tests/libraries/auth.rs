//! Signing in, being known, and signing out: next-auth 5 and 4, better-auth.

use byway_testkit::{Fixture, RawResponse, TestServer, byway_binary};
use serde_json::{Value, json};

use super::browser::{Browser, FORM, JSON, encoded};
use super::installed::{Libraries, copy_files, packages, source};

const UNAUTHORIZED: u16 = 401;

/// A form with the token that protects it.
fn form(browser: &mut Browser<'_>, base: &str, fields: &str) -> String {
    let csrf = browser.get(&format!("{base}/csrf")).json();
    let token = csrf["csrfToken"].as_str().unwrap_or_else(|| panic!("no token: {csrf}"));
    format!("csrfToken={token}&{fields}")
}

pub(crate) fn sign_in(browser: &mut Browser<'_>, base: &str, password: &str) -> RawResponse {
    let fields = format!("username=ada&password={}", encoded(password));
    let body = form(browser, base, &fields);
    browser.request("POST", &format!("{base}/callback/credentials"), &[FORM], &body)
}

fn location(response: &RawResponse) -> &str {
    response.header("location").unwrap_or_else(|| panic!("no location: {response:?}"))
}

#[test]
fn next_auth_5_signs_in_and_out_with_credentials() {
    let Libraries { server, project: _project } = Libraries::serve();
    next_auth_5(&server);
}

fn next_auth_5(server: &TestServer) {
    let mut browser = Browser::new(server);
    let account = |browser: &mut Browser<'_>, method: &str| {
        let response = browser.request(method, "/auth5-account", &[], "");
        (response.status, response.json()["name"].clone())
    };
    assert_eq!(account(&mut browser, "GET"), (UNAUTHORIZED, Value::Null), "{}", server.stderr());
    assert_eq!(account(&mut browser, "POST"), (UNAUTHORIZED, Value::Null));

    let refused = sign_in(&mut browser, "/auth5", "wrong");
    assert_eq!(refused.status, 302, "{}", server.stderr());
    assert!(location(&refused).contains("error=CredentialsSignin"), "{refused:?}");
    assert!(!browser.has_cookie("authjs.session-token"));
    // Without its token the form is not accepted.
    let body = "username=ada&password=correct+horse";
    browser.request("POST", "/auth5/callback/credentials", &[FORM], body);
    assert!(!browser.has_cookie("authjs.session-token"));

    let accepted = sign_in(&mut browser, "/auth5", "correct horse");
    assert_eq!((accepted.status, location(&accepted)), (302, server.base_url().as_str()));
    assert!(browser.has_cookie("authjs.session-token"));
    let session = browser.get("/auth5/session").json();
    assert_eq!(session["user"], json!({ "name": "ada", "email": "ada@example.com" }));
    assert_eq!(account(&mut browser, "GET"), (200, json!("ada")));
    assert_eq!(account(&mut browser, "POST"), (200, json!("ada")));

    let body = form(&mut browser, "/auth5", "");
    assert_eq!(browser.request("POST", "/auth5/signout", &[FORM], &body).status, 302);
    assert_eq!(browser.get("/auth5/session").text(), "null");
    assert_eq!(account(&mut browser, "GET").0, UNAUTHORIZED);
}

/// `signIn` and `signOut` set cookies through Next's store and leave by Next's redirect.
#[test]
fn next_auth_5_signs_in_and_out_from_code() {
    let Libraries { server, project: _project } = Libraries::serve();
    let mut browser = Browser::new(&server);
    let body = "username=grace&password=wrong";
    let refused = browser.request("POST", "/auth5-actions", &[FORM], body);
    assert_eq!(refused.status, UNAUTHORIZED, "{}", server.stderr());
    assert_eq!(refused.json(), json!({ "type": "CredentialsSignin" }));

    let body = "username=grace&password=correct+horse&redirectTo=%2Fwelcome";
    let accepted = browser.request("POST", "/auth5-actions", &[FORM], body);
    assert_eq!(accepted.status, 303, "{}", server.stderr());
    assert!(location(&accepted).ends_with("/welcome"), "{accepted:?}");
    let account = browser.get("/auth5-account");
    assert_eq!(account.json(), json!({ "name": "grace", "path": "/auth5-account" }));

    let left = browser.request("DELETE", "/auth5-actions", &[], "");
    assert_eq!(left.status, 307);
    assert!(location(&left).ends_with("/bye"), "{left:?}");
    assert_eq!(browser.get("/auth5-account").status, UNAUTHORIZED);
}

#[test]
fn next_auth_4_signs_in_and_out_with_credentials() {
    let Libraries { server, project: _project } = Libraries::serve();
    let mut browser = Browser::new(&server);
    assert_eq!(browser.get("/auth4-account").status, UNAUTHORIZED, "{}", server.stderr());
    let providers = browser.get("/api/auth/providers").json();
    let callback = format!("{}/api/auth/callback/credentials", server.base_url());
    assert_eq!(providers["credentials"]["callbackUrl"], callback.as_str());

    sign_in(&mut browser, "/api/auth", "wrong");
    assert!(!browser.has_cookie("next-auth.session-token"));
    let accepted = sign_in(&mut browser, "/api/auth", "correct horse");
    assert_eq!((accepted.status, location(&accepted)), (302, server.base_url().as_str()));
    assert_eq!(browser.get("/api/auth/session").json()["user"]["name"], "ada");
    assert_eq!(browser.get("/auth4-account").json(), json!({ "name": "ada" }));

    let body = form(&mut browser, "/api/auth", "");
    browser.request("POST", "/api/auth/signout", &[FORM], &body);
    assert_eq!(browser.get("/auth4-account").status, UNAUTHORIZED);
}

#[test]
fn better_auth_signs_up_in_and_out_over_sqlite() {
    let Libraries { server, project: _project } = Libraries::serve();
    let origin = server.base_url();
    let headers = [JSON, ("origin", origin.as_str())];
    let user = json!({ "name": "Ada", "email": "ada@example.com", "password": "correct horse" });
    let mut browser = Browser::new(&server);
    let signed_up =
        browser.request("POST", "/better-auth/sign-up/email", &headers, &user.to_string());
    assert_eq!(signed_up.status, 200, "{}{}", signed_up.text(), server.stderr());
    assert_eq!(browser.get("/better-auth/get-session").json()["user"]["name"], "Ada");
    assert_eq!(browser.get("/better-auth-account").json(), json!({ "email": "ada@example.com" }));
    let left = browser.request("POST", "/better-auth/sign-out", &headers, "{}");
    assert_eq!(left.json(), json!({ "success": true }), "{}", server.stderr());
    assert_eq!(browser.get("/better-auth-account").status, UNAUTHORIZED);

    let mut browser = Browser::new(&server);
    let sign_in = |browser: &mut Browser<'_>, path: &str, password: &str| {
        let body = json!({ "email": "ada@example.com", "password": password }).to_string();
        browser.request("POST", path, &headers, &body)
    };
    let refused = sign_in(&mut browser, "/better-auth/sign-in/email", "battery staple");
    assert_eq!(refused.status, UNAUTHORIZED);
    assert_eq!(refused.json()["code"], "INVALID_EMAIL_OR_PASSWORD");
    // From code: the cookie travels through Next's store.
    let signed_in = sign_in(&mut browser, "/better-auth-account", "correct horse");
    assert_eq!(signed_in.status, 200, "{}", server.stderr());
    assert_eq!(browser.get("/better-auth-account").json(), json!({ "email": "ada@example.com" }));
}

/// Packages get byway's `next/*` and not those of an installed `next`, which this one proves by
/// failing when anything of it is loaded.
#[test]
fn an_installed_next_is_not_what_libraries_get() {
    let project = Fixture::new::<&str, &str>(&[]).unwrap();
    for file in [
        ".env",
        "tsconfig.json",
        "lib/auth5.ts",
        "app/auth5/[...nextauth]/route.ts",
        "app/auth5-account/route.ts",
    ] {
        project.write(file, std::fs::read(source().join(file)).unwrap()).unwrap();
    }
    let modules = project.path().join("node_modules");
    for name in AUTH_PACKAGES {
        copy_files(&packages().join("node_modules").join(name), &modules.join(name)).unwrap();
    }
    let package = json!({ "name": "next", "version": "16.4.6", "main": "index.js" });
    project.write("node_modules/next/package.json", package.to_string()).unwrap();
    for name in ["index", "server", "headers", "navigation", "cache"] {
        let fails = "throw new Error('the installed next was loaded')\n";
        project.write(format!("node_modules/next/{name}.js"), fails).unwrap();
    }
    let server = project.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    next_auth_5(&server);
}

/// next-auth 5 and all that it depends on.
const AUTH_PACKAGES: [&str; 7] = [
    "next-auth",
    "@auth/core",
    "@panva/hkdf",
    "jose",
    "oauth4webapi",
    "preact",
    "preact-render-to-string",
];
