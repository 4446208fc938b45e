//! jose, jsonwebtoken, bcryptjs, stripe and iron-session.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::browser::{Browser, JSON};
use super::installed::{Libraries, hex};

#[test]
fn tokens_of_jose_and_jsonwebtoken_are_made_and_checked() {
    let Libraries { server, project: _project } = Libraries::serve();
    let check = |path: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let response = server.request("GET", path, &[("authorization", &bearer)], "").unwrap();
        (response.status, response.json())
    };
    let mut tokens = Vec::new();
    for path in ["/jose", "/jsonwebtoken"] {
        let made = server.request("POST", path, &[JSON], r#"{ "user": "ada" }"#).unwrap();
        assert_eq!(made.status, 200, "{}", server.stderr());
        let token = made.json()["token"].as_str().unwrap().to_owned();
        let (status, claims) = check(path, &token);
        assert_eq!((status, &claims["user"]), (200, &json!("ada")));
        assert!(claims["exp"].as_u64() > claims["iat"].as_u64(), "{claims}");
        tokens.push(token);
    }
    // Both speak HS256 with the same secret.
    assert_eq!(check("/jose", &tokens[1]).1["user"], "ada");
    assert_eq!(check("/jsonwebtoken", &tokens[0]).1["user"], "ada");

    let (head, signature) = tokens[0].rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let code = json!({ "code": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
    assert_eq!(check("/jose", &forged), (401, code));
    assert_eq!(check("/jsonwebtoken", &forged), (401, json!({ "name": "JsonWebTokenError" })));
    assert_eq!(check("/jose", "").0, 401);
}

#[test]
fn bcryptjs_hashes_and_compares() {
    let Libraries { server, project: _project } = Libraries::serve();
    let send = |method: &str, password: &str| {
        let body = json!({ "name": "ada", "password": password }).to_string();
        server.request(method, "/bcryptjs", &[JSON], &body).unwrap()
    };
    assert_eq!(send("PUT", "correct horse").status, 204, "{}", server.stderr());
    let right = send("POST", "correct horse");
    assert_eq!((right.status, right.json()), (200, json!({ "valid": true })));
    let wrong = send("POST", "battery staple");
    assert_eq!((wrong.status, wrong.json()), (401, json!({ "valid": false })));
}

#[test]
fn stripe_accepts_the_webhooks_that_its_secret_has_signed() {
    let Libraries { server, project: _project } = Libraries::serve();
    // Spaces and non-ASCII: the signature is over the exact bytes.
    let body = "{ \"id\": \"evt_1\",  \"object\": \"event\", \"type\": \"payment_intent.succeeded\", \
                \"data\": { \"object\": { \"amount\": 4200, \"description\": \"Café ☕\" } } }";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let send = |secret: &str, time: u64, body: &str| {
        let signed = hmac_sha256(secret.as_bytes(), format!("{time}.{body}").as_bytes());
        let signature = format!("t={time},v1={}", hex(&signed));
        let headers = [("stripe-signature", signature.as_str()), JSON];
        let response = server.request("POST", "/stripe", &headers, body).unwrap();
        (response.status, response.json())
    };
    let secret = "whsec_of_the_fixture";
    assert_eq!(send(secret, now, body), (200, json!({ "received": 4200 })), "{}", server.stderr());
    let other = body.replace("payment_intent.succeeded", "invoice.paid");
    assert_eq!(send(secret, now, &other), (200, json!({ "ignored": "invoice.paid" })));
    let refused = json!({ "error": "StripeSignatureVerificationError" });
    assert_eq!(send("whsec_of_another", now, body), (400, refused.clone()));
    assert_eq!(send(secret, now - 3600, body), (400, refused.clone()));

    let signature = format!("t={now},v1={}", hex(&hmac_sha256(secret.as_bytes(), b"other")));
    let headers = [("stripe-signature", signature.as_str())];
    let response = server.request("POST", "/stripe", &headers, body).unwrap();
    assert_eq!((response.status, response.json()), (400, refused));
}

/// RFC 2104, for keys of at most one block.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

#[test]
fn iron_session_seals_its_cookie_through_both_of_its_forms() {
    let Libraries { server, project: _project } = Libraries::serve();
    let mut browser = Browser::new(&server);
    let session = |user: Value, visits: Value| json!({ "user": user, "visits": visits });
    let read = |browser: &mut Browser<'_>| browser.get("/iron-session").json();
    assert_eq!(read(&mut browser), session(Value::Null, Value::Null), "{}", server.stderr());

    let signed_in = browser.request("POST", "/iron-session", &[JSON], r#"{ "user": "ada" }"#);
    let line = signed_in.header("set-cookie").unwrap();
    assert!(line.starts_with("iron=Fe26.2") && line.contains("; HttpOnly"), "{line}");
    assert_eq!(read(&mut browser), session(json!("ada"), json!(0)));
    assert_eq!(browser.request("PATCH", "/iron-session", &[], "").text(), "counted");
    assert_eq!(read(&mut browser), session(json!("ada"), json!(1)));

    // Another client has another session.
    assert_eq!(read(&mut Browser::new(&server)), session(Value::Null, Value::Null));
    assert_eq!(browser.request("DELETE", "/iron-session", &[], "").status, 204);
    assert!(!browser.has_cookie("iron"));
    assert_eq!(read(&mut browser), session(Value::Null, Value::Null));
}
