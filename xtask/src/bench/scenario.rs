//! What is asked of every contestant.

/// One request that is sent again and again.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// A JSON body.
    pub(crate) body: Option<&'static str>,
    /// The status of the right answer.
    pub(crate) status: u16,
    /// Who can answer it; everyone where nobody is named.
    pub(crate) contestants: &'static [&'static str],
}

impl Scenario {
    /// Whether it is asked of the contestant.
    pub(crate) fn is_for(&self, contestant: &str) -> bool {
        // The variant is measured where it is named, so that it does not stand for byway elsewhere.
        let is_variant = contestant == "byway-gated";
        self.contestants.is_empty() && !is_variant || self.contestants.contains(&contestant)
    }
}

/// Those that know all of the project, and the limit.
const WHOLE_PROJECT: &[&str] = &["byway", "next", "bare-hyper"];

/// byway with and without all that its gate does, and the limit. Whoever is not byway refuses nothing.
const GATED: &[&str] = &["byway", "byway-gated", "bare-hyper"];
const REFUSING: &[&str] = &["byway-gated", "bare-hyper"];

/// Those that run Next's API routes and `proxy.ts`.
const NEXT_SERVERS: &[&str] = &["byway", "next"];

const PROXIED: &str = "/api/proxied/users/43?view=short";

const ORDER: &str = r#"{"customer":"Amina","currency":"EUR","items":[
{"sku":"AB-1234","quantity":2,"priceMinor":1250},
{"sku":"CD-0042","quantity":1,"priceMinor":99900},
{"sku":"EF-9999","quantity":12,"priceMinor":75}],"note":"Before noon, please"}"#;

/// More than a kilobyte.
const LONG: &str = concat!(
    "{\"note\":\"",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "\"}"
);

pub(crate) fn all() -> Vec<Scenario> {
    let get = |name, what, path| Scenario {
        name,
        what,
        method: "GET",
        path,
        headers: &[],
        body: None,
        status: 200,
        contestants: &[],
    };
    vec![
        get("get-json", "JSON GET of a dynamic route", "/api/users/42?view=short"),
        Scenario {
            method: "POST",
            body: Some(ORDER),
            status: 201,
            ..get("post-json", "POST of JSON, validated with zod", "/api/orders")
        },
        Scenario {
            contestants: WHOLE_PROJECT,
            ..get("pages-json", "JSON GET of a Pages Router route", "/api/members/42?view=card")
        },
        get("text-1k", "text of 1 KiB", "/api/text/1k"),
        get("text-100k", "text of 100 KiB", "/api/text/100k"),
        get("static", "JSON GET that Next prerenders (force-static)", "/api/catalog"),
        Scenario {
            contestants: WHOLE_PROJECT,
            ..get("public-file", "a JSON file of 1.4 kB in public/", "/countries.json")
        },
        Scenario {
            status: 307,
            contestants: WHOLE_PROJECT,
            ..get("redirect", "a redirect with a parameter", "/people/42?view=short")
        },
        Scenario {
            contestants: NEXT_SERVERS,
            ..get("proxy-next", "get-json behind a proxy that lets it pass", PROXIED)
        },
        Scenario {
            contestants: GATED,
            headers: &[("Origin", "https://app.example.com")],
            ..get("gated", "get-json of another site's page", "/api/users/44?view=short")
        },
        Scenario {
            status: 429,
            contestants: REFUSING,
            ..get("refused-429", "a request beyond the rate limit", "/api/users/limited")
        },
        Scenario {
            method: "POST",
            body: Some(LONG),
            status: 413,
            contestants: REFUSING,
            ..get("refused-413", "a body that is declared too long", "/api/orders")
        },
        Scenario {
            method: "OPTIONS",
            headers: &[
                ("Origin", "https://app.example.com"),
                ("Access-Control-Request-Method", "GET"),
            ],
            status: 204,
            contestants: REFUSING,
            ..get("preflight", "a CORS preflight", "/api/users/45")
        },
    ]
}

/// Requests that are not measured; every contestant must answer them alike before anything is.
pub(crate) fn checks() -> Vec<Scenario> {
    let mut all = all();
    all.push(Scenario {
        name: "escaped",
        what: "an escaped id and no query",
        method: "GET",
        path: "/api/users/a%20b%C3%A9",
        headers: &[],
        body: None,
        status: 200,
        contestants: &[],
    });
    all.push(Scenario {
        name: "invalid",
        what: "an order that zod refuses",
        method: "POST",
        path: "/api/orders",
        headers: &[],
        body: Some(
            r#"{"customer":"","currency":"EUR","items":[{"sku":"x","quantity":1,"priceMinor":0}]}"#,
        ),
        status: 400,
        contestants: &[],
    });
    all
}
