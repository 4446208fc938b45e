//! zod 3 and 4, joi, yup, and a limiter over a Redis that is spoken to over HTTP.

use serde_json::json;

use super::browser::JSON;
use super::installed::Libraries;

#[test]
fn zod_joi_and_yup_accept_and_refuse() {
    let Libraries { server, project: _project } = Libraries::serve();
    let post = |path: &str, body: &str| {
        let response = server.request("POST", path, &[JSON], body).unwrap();
        (response.status, response.json())
    };

    let (status, body) = post("/zod3", r#"{ "donor": "ada", "amount": 5 }"#);
    assert_eq!((status, body), (201, json!({ "donor": "ada", "amount": 5, "currency": "USD" })));
    let (status, body) = post("/zod3", r#"{ "donor": "a" }"#);
    assert_eq!(status, 400, "{}", server.stderr());
    assert_eq!(body["details"][0]["path"], json!(["donor"]));
    assert_eq!(body["details"][1]["message"], "Required");

    let (status, body) = post("/zod4", r#"{ "donor": "ada@example.com", "amount": "5" }"#);
    let same = json!({ "donor": "ada@example.com" });
    assert_eq!(
        (status, body),
        (201, json!({ "donor": "ada@example.com", "amount": 5, "same": same }))
    );
    let (status, body) = post("/zod4", r#"{ "donor": "ada", "amount": 5, "id": "1" }"#);
    assert_eq!(status, 400, "{}", server.stderr());
    assert_eq!(body["issues"][0]["format"], "email");
    assert_eq!(body["tree"]["properties"]["id"]["errors"], json!(["Invalid UUID"]));

    let (status, body) = post("/joi", r#"{ "email": "ada@example.com", "age": 20 }"#);
    assert_eq!((status, body), (200, json!({ "email": "ada@example.com", "age": 20 })));
    assert_eq!(post("/joi", r#"{ "age": 3 }"#), (400, json!(["any.required", "number.min"])));

    assert_eq!(post("/yup", r#"{ "name": "ada" }"#), (200, json!({ "name": "ada" })));
    let errors = json!({ "errors": ["name is a required field", "age must be a positive number"] });
    assert_eq!(post("/yup", r#"{ "age": -3 }"#), (400, errors));
}

#[test]
fn upstash_ratelimit_counts_in_a_redis_over_http() {
    let Libraries { server, project: _project } = Libraries::serve();
    let ask = || {
        let response = server.get("/ratelimit").unwrap();
        (response.status, response.json())
    };
    let answer = |remaining: u32| json!({ "limit": 2, "remaining": remaining, "reason": null });
    assert_eq!(ask(), (200, answer(1)), "{}", server.stderr());
    assert_eq!(ask(), (200, answer(0)));
    assert_eq!(ask(), (429, answer(0)));
    // Now the limiter remembers, and the Redis is not asked again.
    let asked = server.get("/redis").unwrap().json();
    let blocked = json!({ "limit": 2, "remaining": 0, "reason": "cacheBlock" });
    assert_eq!(ask(), (429, blocked));
    assert_eq!(server.get("/redis").unwrap().json(), asked);
    assert!(asked.as_array().is_some_and(|calls| calls.contains(&json!("eval"))), "{asked}");
}
