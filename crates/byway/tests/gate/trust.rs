use super::serve_with;

const FORWARDED: [(&str, &str); 5] = [
    ("X-Forwarded-For", "6.6.6.6, 203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "api.example.com"),
    ("X-Real-IP", "6.6.6.6"),
    ("X-Request-Id", "from-the-proxy"),
];

#[test]
fn x01_x12_a_trusted_proxy_names_client_scheme_and_host() {
    let (_fixture, server) =
        serve_with("[server]\ntrusted_proxies = [\"127.0.0.0/8\", \"::1\"]\nrequest_id = true\n");
    let answer = server.request("GET", "/api/echo?a=1", &FORWARDED, "").unwrap();
    let seen = answer.json();
    assert_eq!(seen["url"], "https://api.example.com/api/echo?a=1");
    assert_eq!(seen["ip"], "203.0.113.9");
    assert_eq!(seen["headers"]["x-forwarded-for"], "203.0.113.9");
    assert_eq!(seen["headers"]["x-real-ip"], "203.0.113.9");
    assert_eq!(seen["headers"]["x-request-id"], "from-the-proxy");
    assert_eq!(answer.header("x-request-id"), Some("from-the-proxy"));
    for host in ["evil.com/x", "a@evil.com", "evil.com#", "a b"] {
        let answer = server.request("GET", "/api/echo", &[("X-Forwarded-Host", host)], "").unwrap();
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        assert!(url.starts_with("http://localhost:"), "{host}: {url}");
    }
}

#[test]
fn x01_x12_nobody_else_is_believed() {
    let (_fixture, server) = serve_with(
        "[server]\ntrusted_proxies = [\"192.0.2.0/24\"]\nrequest_id = { answer = false }\n",
    );
    let answer = server.request("GET", "/api/echo", &FORWARDED, "").unwrap();
    let seen = answer.json();
    assert!(seen["url"].as_str().unwrap().starts_with("http://localhost:"), "{seen}");
    let ip = seen["ip"].as_str().unwrap();
    assert!(["127.0.0.1", "::1"].contains(&ip), "{seen}");
    assert_eq!(seen["headers"]["x-forwarded-for"], ip);
    assert_eq!(seen["headers"]["x-real-ip"], serde_json::Value::Null);
    let id = seen["headers"]["x-request-id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(answer.header("x-request-id"), None);
}

#[test]
fn a_rate_limit_counts_the_client_and_not_the_proxy() {
    let (_fixture, server) = serve_with(
        "[server]\ntrusted_proxies = [\"127.0.0.1\", \"::1\"]\n\n[[route]]\npath = \"/:path*\"\n\
         rate_limit = { limit = 1, window = \"1h\", key = \"ip\" }\n",
    );
    let call = |chain| {
        server.request("GET", "/api/echo", &[("X-Forwarded-For", chain)], "").unwrap().status
    };
    assert_eq!((call("203.0.113.1"), call("203.0.113.2")), (200, 200));
    // What the client itself put into the header makes it nobody else.
    assert_eq!((call("9.9.9.9, 203.0.113.1"), call("8.8.8.8, 203.0.113.2")), (429, 429));
    // One line at home has many IPv6 addresses.
    assert_eq!((call("2001:db8:1:1::1"), call("2001:db8:1:1::2")), (200, 429));
}
