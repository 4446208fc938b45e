//! What is asked of every contestant.

/// One request that is sent again and again.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
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
        self.contestants.is_empty() || self.contestants.contains(&contestant)
    }
}

/// Those that have files and rules without a handler, and the limit.
const FILE_SERVERS: &[&str] = &["byway", "next", "bare-hyper"];

/// Those that run Next's API routes and `proxy.ts`.
const NEXT_SERVERS: &[&str] = &["byway", "next"];

const PROXIED: &str = "/api/proxied/users/43?view=short";

const ORDER: &str = r#"{"customer":"Amina","currency":"EUR","items":[
{"sku":"AB-1234","quantity":2,"priceMinor":1250},
{"sku":"CD-0042","quantity":1,"priceMinor":99900},
{"sku":"EF-9999","quantity":12,"priceMinor":75}],"note":"Before noon, please"}"#;

pub(crate) fn all() -> Vec<Scenario> {
    let get = |name, what, path| Scenario {
        name,
        what,
        method: "GET",
        path,
        body: None,
        status: 200,
        contestants: &[],
    };
    vec![
        get("get-json", "JSON GET of a dynamic route", "/api/users/42?view=short"),
        Scenario {
            name: "post-json",
            what: "POST of JSON, validated with zod",
            method: "POST",
            path: "/api/orders",
            body: Some(ORDER),
            status: 201,
            contestants: &[],
        },
        Scenario {
            contestants: NEXT_SERVERS,
            ..get("pages-json", "JSON GET of a Pages Router route", "/api/members/42?view=card")
        },
        get("text-1k", "text of 1 KiB", "/api/text/1k"),
        get("text-100k", "text of 100 KiB", "/api/text/100k"),
        get("static", "JSON GET that Next prerenders (force-static)", "/api/catalog"),
        Scenario {
            contestants: FILE_SERVERS,
            ..get("public-file", "a JSON file of 1.4 kB in public/", "/countries.json")
        },
        Scenario {
            status: 307,
            contestants: FILE_SERVERS,
            ..get("redirect", "a redirect with a parameter", "/people/42?view=short")
        },
        Scenario {
            contestants: NEXT_SERVERS,
            ..get("proxy-next", "get-json behind a proxy that lets it pass", PROXIED)
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
        body: None,
        status: 200,
        contestants: &[],
    });
    all.push(Scenario {
        name: "invalid",
        what: "an order that zod refuses",
        method: "POST",
        path: "/api/orders",
        body: Some(
            r#"{"customer":"","currency":"EUR","items":[{"sku":"x","quantity":1,"priceMinor":0}]}"#,
        ),
        status: 400,
        contestants: &[],
    });
    all
}
