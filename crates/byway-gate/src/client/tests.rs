use std::net::IpAddr;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{Forwarded, TrustedProxies};

fn proxies() -> TrustedProxies {
    let blocks = ["10.0.0.0/8", "::1", "2001:db8:ffff::/48"].map(|block| block.parse().unwrap());
    TrustedProxies::new(&blocks)
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn resolve(peer: &str, lines: &[(&'static str, &str)]) -> Option<Forwarded> {
    proxies().resolve(peer.parse().unwrap(), &mut headers(lines))
}

fn address(peer: &str, lines: &[(&'static str, &str)]) -> String {
    resolve(peer, lines).map_or_else(|| peer.to_owned(), |it| it.address.to_string())
}

#[test]
fn x12_the_first_hop_from_the_right_that_is_not_trusted_is_the_client() {
    let of = |value: &str| address("10.0.0.1", &[("x-forwarded-for", value)]);
    assert_eq!(of("203.0.113.9"), "203.0.113.9");
    assert_eq!(of("1.1.1.1, 203.0.113.9"), "203.0.113.9");
    assert_eq!(of("1.1.1.1, 203.0.113.9, 10.2.2.2, 10.3.3.3"), "203.0.113.9");
    assert_eq!(of("10.9.9.9, 10.2.2.2"), "10.9.9.9");
    assert_eq!(of("203.0.113.9:4711"), "203.0.113.9");
    assert_eq!(of("[2001:db8::1]:80"), "2001:db8::1");
    assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
    assert_eq!(of(" , ,203.0.113.9 ,, "), "203.0.113.9");
    // What is no address ends the chain: the hop before it is as far as anybody can be sure.
    assert_eq!(of("1.1.1.1, unknown, 10.2.2.2"), "10.2.2.2");
    assert_eq!(of("1.1.1.1, fe80::1%eth0"), "10.0.0.1");
    assert_eq!(of("1.1.1.1, 010.0.0.1"), "10.0.0.1");
    assert_eq!(of(""), "10.0.0.1");
}

#[test]
fn x12_lines_count_as_one_list_and_long_chains_are_cut() {
    let two = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")];
    assert_eq!(address("10.0.0.1", &two), "203.0.113.9");
    let long = vec!["10.0.0.7"; 500].join(", ");
    let chain = format!("203.0.113.9, {long}");
    assert_eq!(address("10.0.0.1", &[("x-forwarded-for", &chain)]), "10.0.0.7");
}

#[test]
fn x12_nobody_else_is_believed_and_handlers_do_not_see_it_either() {
    let mut lines = headers(&[
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "1"),
        ("forwarded", "for=1.1.1.1"),
        ("x-real-ip", "1.1.1.1"),
        ("x-mine", "kept"),
    ]);
    assert_eq!(proxies().resolve("203.0.113.9".parse().unwrap(), &mut lines), None);
    assert_eq!(lines.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-mine"]);
}

#[test]
fn handlers_see_the_chain_as_far_as_it_is_verified() {
    let mut lines = headers(&[
        ("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.2.2.2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "API.example.com"),
        ("x-real-ip", "6.6.6.6"),
    ]);
    proxies().resolve("10.0.0.1".parse().unwrap(), &mut lines).unwrap();
    assert_eq!(lines["x-forwarded-for"], "203.0.113.9");
    assert_eq!(lines["x-forwarded-proto"], "https");
    assert_eq!(lines["x-forwarded-host"], "api.example.com");
    assert_eq!(lines["x-real-ip"], "203.0.113.9");
}

#[test]
fn scheme_and_host_are_those_of_the_hop_that_met_the_client() {
    let of = |lines: &[(&'static str, &str)]| {
        let found = resolve("10.0.0.1", lines).unwrap();
        (found.https, found.authority)
    };
    let host = |text: &str| Some(text.to_owned());
    assert_eq!(of(&[("x-forwarded-proto", "https")]), (Some(true), None));
    // One trusted proxy: what the client itself sent stands to the left and is not believed.
    let one = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https, http")];
    assert_eq!(of(&one).0, Some(false));
    let two = [("x-forwarded-for", "203.0.113.9, 10.2.2.2"), ("x-forwarded-proto", "https, http")];
    assert_eq!(of(&two).0, Some(true));
    let with_port = [("x-forwarded-host", "a.example"), ("x-forwarded-port", "8443")];
    assert_eq!(of(&with_port).1, host("a.example:8443"));
    let own_port = [
        ("x-forwarded-host", "a.example"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ];
    assert_eq!(of(&own_port).1, host("a.example"));
    for wrong in ["a@b", "a/b", "a b", "a#b", "a:99999", "[::1", "a:b:c", "%2f", "a?b", "ä"] {
        assert_eq!(of(&[("x-forwarded-host", wrong)]).1, None, "{wrong}");
    }
    assert_eq!(of(&[("x-forwarded-host", "[::1]:3000")]).1, host("[::1]:3000"));
}

#[test]
fn forwarded_goes_before_the_older_headers() {
    let of = |value: &str| {
        let lines = [("forwarded", value), ("x-forwarded-for", "6.6.6.6")];
        resolve("10.0.0.1", &lines).unwrap()
    };
    let found =
        of("for=1.1.1.1, For=\"[2001:db8::9]:4711\";Proto=HTTPS;host=\"api.example.com:8443\"");
    assert_eq!(found.address.to_string(), "2001:db8::9");
    assert_eq!(
        (found.https, found.authority.as_deref()),
        (Some(true), Some("api.example.com:8443"))
    );
    let found = of("for=203.0.113.9;proto=https, for=10.2.2.2;proto=http");
    assert_eq!((found.address.to_string().as_str(), found.https), ("203.0.113.9", Some(true)));
    assert_eq!(of("for=1.1.1.1, for=_hidden").address.to_string(), "10.0.0.1");
    assert_eq!(of("for=unknown").address.to_string(), "10.0.0.1");
    assert_eq!(of("for=\"a,b\";proto=https, for=203.0.113.9").address.to_string(), "203.0.113.9");
}

proptest! {
    /// Whatever a client sends, its proxy appends the address it saw: that is what counts.
    #[test]
    fn x12_a_client_cannot_forge_its_address(forged in "[ -~]{0,80}", last in any::<[u8; 4]>()) {
        let client = IpAddr::from(last);
        prop_assume!(!proxies().trusts(client));
        let value = format!("{forged}, {client}");
        let Ok(value) = HeaderValue::from_str(&value) else { return Ok(()) };
        let mut lines = HeaderMap::new();
        lines.insert("x-forwarded-for", value);
        let found = proxies().resolve("10.0.0.1".parse().unwrap(), &mut lines).unwrap();
        prop_assert_eq!(found.address, client);
        let value = HeaderValue::from_str(&format!("{forged}, for=\"{client}\"")).unwrap();
        let mut lines = HeaderMap::new();
        lines.insert("forwarded", value);
        let found = proxies().resolve("10.0.0.1".parse().unwrap(), &mut lines).unwrap();
        prop_assert_eq!(found.address, client);
    }

    #[test]
    fn forwarded_is_no_trap(value in "(for|proto|host|=|;|,|\"|\\\\|[a-f0-9:.\\[\\]]{1,20}| ){0,30}") {
        let _ = resolve("10.0.0.1", &[("forwarded", &value)]);
    }
}

#[test]
fn x12_a_unix_socket_is_believed_where_it_is_named() {
    let named = TrustedProxies::new(&["unix".parse().unwrap()]);
    let mut lines = headers(&[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")]);
    let found = named.resolve_unix(&mut lines).unwrap();
    assert_eq!((found.address.to_string().as_str(), found.https), ("203.0.113.9", Some(true)));
    // Neither is a peer on the network, nor a socket where only the network was named.
    assert!(named.resolve("127.0.0.1".parse().unwrap(), &mut lines).is_none());
    let mut lines = headers(&[("x-forwarded-for", "203.0.113.9")]);
    assert!(proxies().resolve_unix(&mut lines).is_none());
    assert!(lines.is_empty());
}
