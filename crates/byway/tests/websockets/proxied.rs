//! WebSockets of a project with a proxy, which is asked first.

use super::side::Side;
use super::{AGREED, SILENCE, Site, line, wish};

const PROXY: &str = "\
    import { NextResponse } from 'next/server'\n\
    export const proxy = (request: any) => {\n\
      const url = new URL(request.url)\n\
      switch (url.pathname) {\n\
        case '/up/denied': return new NextResponse('denied', { status: 401 })\n\
        case '/up/moved': return NextResponse.redirect(new URL('/own', url))\n\
        case '/up/fails': throw new Error('on purpose')\n\
        case '/up/changed': {\n\
          const headers = new Headers(request.headers)\n\
          headers.set('x-user', 'ada')\n\
          headers.delete('cookie')\n\
          return NextResponse.next({ request: { headers }, headers: { 'x-proxy': '1' } })\n\
        }\n\
        case '/anywhere': return NextResponse.rewrite('http://UPSTREAM/by-proxy' + url.search)\n\
        case '/inside': return NextResponse.rewrite(new URL('/up/inside', url))\n\
        case '/up/away': return NextResponse.rewrite(new URL('/own', url))\n\
      }\n\
      const wish = String(request.headers.get('upgrade'))\n\
      return NextResponse.next({ headers: { 'x-proxy': '1', 'x-wish': wish } })\n\
    }\n";

fn answer(site: &Site, target: &str, lines: &str) -> (Side, Side, String, String) {
    let mut client = site.client();
    client.send(wish(target, lines));
    let mut upstream = site.upstream.accept();
    let asked = upstream.head();
    upstream.send(AGREED);
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{target}: {head}");
    (client, upstream, asked, head)
}

#[test]
fn the_proxy_is_asked_first_and_may_lead_to_a_websocket() {
    let site = Site::with(&[("proxy.ts", PROXY)], |launch| launch);
    for (target, path) in [
        ("/up/x?a=1", "/v1/x?a=1"),
        ("/up/changed", "/v1/changed"),
        ("/anywhere?a=1", "/by-proxy?a=1"),
        ("/inside", "/v1/inside"),
        ("/before/x", "/b/x"),
    ] {
        let (mut client, mut upstream, asked, head) = answer(&site, target, "Cookie: a=1\r\n");
        assert!(asked.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{target}: {asked}");
        assert_eq!(line(&asked, "upgrade"), Some("websocket"), "{target}: {asked}");
        assert_eq!(line(&asked, "connection"), Some("Upgrade"), "{target}: {asked}");
        assert_eq!(line(&asked, "sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="), "{asked}");
        if target == "/up/changed" {
            assert_eq!((line(&asked, "x-user"), line(&asked, "cookie")), (Some("ada"), None));
        }
        if target.starts_with("/up") {
            assert_eq!(line(&head, "x-proxy"), Some("1"), "{target}: {head}");
        }
        if target.starts_with("/up/x") {
            assert_eq!(line(&head, "x-wish"), Some("websocket"), "{head}");
        }
        client.send("up");
        assert_eq!(upstream.read_text(2), "up");
        upstream.send("down");
        assert_eq!(client.read_text(4), "down");
    }
}

#[test]
fn a_proxy_hears_of_a_wish_that_may_come_true_and_of_no_other() {
    let site = Site::with(&[("proxy.ts", PROXY)], |launch| launch);
    for (request, wish) in [
        (wish("/up/x", "").replace("Upgrade: websocket", "Upgrade: h2c"), "null"),
        (wish("/up/x", "").replace("keep-alive, Upgrade", "keep-alive"), "null"),
        (wish("/own", ""), "null"),
        (wish("/nowhere", ""), "websocket"),
    ] {
        let mut client = site.client();
        client.send(&request);
        if request.starts_with("GET /up/") {
            let mut upstream = site.upstream.accept();
            assert_eq!(line(&upstream.head(), "upgrade"), None, "{request}");
            upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
        }
        assert_eq!(line(&client.head(), "x-wish"), Some(wish), "{request}");
    }
}

#[test]
fn what_the_proxy_does_not_let_pass_reaches_no_upstream() {
    let site = Site::with(&[("proxy.ts", PROXY)], |launch| launch);
    for (target, status) in
        [("/up/denied", "401"), ("/up/moved", "307"), ("/up/fails", "500"), ("/up/away", "200")]
    {
        let mut client = site.client();
        client.send(wish(target, ""));
        assert_eq!(&client.head()[9..12], status, "{target}");
    }
    assert!(site.upstream.accept_within(SILENCE).is_none());
}

#[test]
fn x07_a_proxy_gets_nothing_of_what_comes_early() {
    let proxy = "\
        import { NextResponse } from 'next/server'\n\
        export const proxy = async (request: any) => {\n\
          const text = await request.text()\n\
          return NextResponse.next({ headers: { 'x-seen': String(text.length) } })\n\
        }\n";
    let site = Site::with(&[("proxy.ts", proxy)], |launch| launch);
    let mut client = site.client();
    client.send([wish("/up/x", "").as_str(), "early"].concat());
    let mut upstream = site.upstream.accept();
    upstream.head();
    upstream.assert_silent();
    upstream.send(AGREED);
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(line(&head, "x-seen"), Some("0"), "{head}");
    assert_eq!(upstream.read_text(5), "early");
}
