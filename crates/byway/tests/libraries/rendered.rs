//! Pages of Server Components, rendered with the project's own React.

#![expect(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use byway_testkit::{Fixture, RawResponse, TestServer, byway_binary};

use super::browser::Browser;
use super::installed::packages;

const BINARY: &str = env!("CARGO_BIN_EXE_byway");
const BOUNDARY: &str = "pledge-boundary";

fn project(more: &[(&str, &str)]) -> Fixture {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pages");
    let fixture = Fixture::copy_of(source).unwrap();
    symlink(packages().join("node_modules"), fixture.path().join("node_modules")).unwrap();
    for (name, text) in more {
        fixture.write(name, text).unwrap();
    }
    fixture
}

fn served(more: &[(&str, &str)]) -> (Fixture, TestServer) {
    let fixture = project(more);
    let server = fixture.serve(byway_binary(BINARY)).unwrap();
    (fixture, server)
}

fn logged(server: &TestServer, needle: &str) {
    let line = server.wait_for_log(needle, Duration::from_secs(10));
    assert!(line.is_some(), "no `{needle}` in {}", server.stderr());
}

/// The texts between each `start` and the next `end`.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Vec<&'t str> {
    text.split(start).skip(1).map(|rest| rest.split(end).next().unwrap_or_default()).collect()
}

/// Sends the form of a page whose markup is `form`, with some fields filled in.
fn send(server: &TestServer, path: &str, form: &str, fields: &[(&str, &str)]) -> RawResponse {
    let mut body = String::new();
    let mut part = |name: &str, value: &str| {
        write!(
            body,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
        .unwrap();
    };
    for hidden in between(form, "<input type=\"hidden\" name=\"", "/>") {
        let (name, rest) = hidden.split_once('"').unwrap();
        let value = between(rest, "value=\"", "\"").first().copied().unwrap_or_default();
        part(name, &value.replace("&quot;", "\"").replace("&amp;", "&"));
    }
    for (name, value) in fields {
        part(name, value);
    }
    write!(body, "--{BOUNDARY}--\r\n").unwrap();
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    server.request("POST", path, &[("Content-Type", &content_type)], &body).unwrap()
}

#[test]
fn a_page_is_html_within_its_layouts() {
    let (_fixture, server) = served(&[]);
    let page = server.get("/?name=Ada+%3CL%3E&b=1&b=2").unwrap();
    assert_eq!(page.status, 200, "{}", server.stderr());
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let dynamic = "private, no-cache, no-store, max-age=0, must-revalidate";
    assert_eq!(page.header("cache-control"), Some(dynamic));
    assert_eq!(
        page.text(),
        "<!DOCTYPE html><html lang=\"en\"><head><meta charSet=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <style data-precedence=\"default\" data-href=\"style-0\">nav > a {\n  color: rebeccapurple;\n}\n</style>\
         <title>Co-op</title><meta name=\"description\" content=\"Savings &amp; &lt;pledges&gt;\"/></head>\
         <body><nav><a href=\"/rates\">Rates</a><a href=\"/items/7?size=s&amp;size=m\">Items</a>\
         <form action=\"/search\"><input name=\"q\"/></form></nav>\
         <h1 title=\"{&quot;b&quot;:[&quot;1&quot;,&quot;2&quot;]}\">Hello <!-- -->Ada &lt;L&gt;</h1></body></html>"
    );
    let head = server.request("HEAD", "/", &[], "").unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(server.request("PUT", "/", &[], "").unwrap().status, 405);
    assert_eq!(server.request("POST", "/", &[], "").unwrap().status, 405);
    let options = server.request("OPTIONS", "/", &[], "").unwrap();
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn a_page_waits_for_a_fetch_that_is_kept() {
    let (_fixture, server) = served(&[]);
    for _ in 0..2 {
        let page = server.get("/rates").unwrap();
        assert!(page.text().contains("<p>one is <!-- -->101</p>"), "{}", page.text());
        assert!(page.text().contains("<title>Rates – Co-op</title>"), "{}", page.text());
    }
    let failed = server.get("/rates?of=fail").unwrap();
    assert_eq!(failed.status, 500);
    assert!(
        !failed.text().contains("no rate") && failed.text().contains("500"),
        "{}",
        failed.text()
    );
    logged(&server, "Error: no rate from fail: 503");
    logged(&server, "lib/rate.ts");
}

#[test]
fn forms_of_a_page_call_actions_with_what_is_bound_to_them() {
    let (_fixture, server) = served(&[]);
    let text = |path: &str| server.get(path).unwrap().text();
    let page = text("/pledges");
    let (all, own) = ("nav > a {", "content: '</\\73 tyle>'");
    assert!(page.find(all).unwrap() < page.find(own).unwrap_or_default(), "{page}");
    let form = between(&page, "<form action=\"\"", "</form>")[0];
    assert!(form.contains(" encType=\"multipart/form-data\" method=\"POST\">"), "{form}");
    for donor in ["Ada", "Bob"] {
        let sent = send(&server, "/pledges", form, &[("donor", donor), ("amount", "5")]);
        assert_eq!((sent.status, sent.header("location")), (303, Some("/pledges")));
    }
    let page = text("/pledges");
    let forms = between(&page, "<form action=\"\"", "</form>");
    assert!(
        forms[1].contains("Ada") && forms[2].contains("<span>Bob<!-- -->: <!-- -->5</span>"),
        "{page}"
    );
    let sent = send(&server, "/pledges", forms[2], &[("why", "moved")]);
    let gone = "/pledges?gone=Bob&note=$5&day=1&why=moved";
    assert_eq!((sent.status, sent.header("location")), (303, Some(gone)), "{}", server.stderr());
    let page = text("/pledges");
    assert!(page.contains("Ada") && !page.contains("Bob"), "{page}");
    let foreign = server
        .request(
            "POST",
            "/pledges",
            &[
                ("Content-Type", "multipart/form-data; boundary=x"),
                ("Origin", "https://evil.example"),
            ],
            "--x--\r\n",
        )
        .unwrap();
    assert_eq!(foreign.status, 500);
    logged(&server, "a page of another site called a Server Action");
}

#[test]
fn a_page_that_says_so_is_kept_until_an_action_changes_it() {
    let (_fixture, server) = served(&[]);
    let kept = || between(&server.get("/kept").unwrap().text(), "<p>", "</p>")[0].to_owned();
    assert_eq!((kept().as_str(), kept().as_str()), ("render 1 of 0", "render 1 of 0"));
    let page = server.get("/pledges").unwrap().text();
    let form = between(&page, "<form action=\"\"", "</form>")[0];
    assert_eq!(send(&server, "/pledges", form, &[("donor", "Ada")]).status, 303);
    assert_eq!((kept().as_str(), kept().as_str()), ("render 2 of 1", "render 2 of 1"));
}

#[test]
fn c03_a_page_that_asks_for_the_request_is_not_kept() {
    let (_fixture, server) = served(&[]);
    for path in ["/mine", "/mine/steps"] {
        for who in ["ada", "bob"] {
            let cookie = format!("who={who}");
            let page = server.request("GET", path, &[("Cookie", &cookie)], "").unwrap();
            let own = format!("<p>for {who}</p>");
            assert!(page.status == 200 && page.text().contains(&own), "{}", page.text());
        }
    }
    let log = server.stderr();
    assert!(!log.contains("ERROR"), "{log}");
}

#[test]
fn parameters_metadata_and_the_nearest_fallback() {
    let (_fixture, server) = served(&[]);
    let page = server.get("/items/a%20b").unwrap();
    let text = page.text();
    assert!(text.contains("<title>Item a b – Co-op</title>"), "{text}");
    assert!(text.contains("content=\"Savings &amp; &lt;pledges&gt;, item a b\""), "{text}");
    assert!(
        text.contains("<link rel=\"canonical\" href=\"https://coop.example/items/a%20b\"/>"),
        "{text}"
    );
    let inner = "<section title=\"{&quot;id&quot;:&quot;a b&quot;}\"><div class=\"frame\"><p>item <!-- -->a b</p></div></section>";
    assert!(text.contains(inner), "{text}");
    let part = server.get("/items/7/parts/8?of=9").unwrap();
    assert!(part.text().contains("<p>7 8 9 true</p>"), "{}", part.text());
    assert!(
        part.text().contains("<section title=\"{&quot;id&quot;:&quot;7&quot;}\">"),
        "{}",
        part.text()
    );
    let none = server.get("/items/none").unwrap();
    assert_eq!(none.status, 404);
    assert!(none.text().contains("<section title=\"{&quot;id&quot;:&quot;none&quot;}\"><div class=\"frame\"><p>no such item</p>"), "{}", none.text());
    assert!(none.text().contains("<meta name=\"robots\" content=\"noindex\"/>"), "{}", none.text());
}

#[test]
fn ways_to_leave_a_page() {
    let (_fixture, server) = served(&[]);
    let leave = |path: &str| {
        let answer = server.get(path).unwrap();
        (answer.status, answer.header("location").map(str::to_owned))
    };
    assert_eq!(leave("/leaves"), (308, Some("/rates".to_owned())));
    assert_eq!(leave("/leaves?early"), (307, Some("/rates?early".to_owned())));
    let private = |who: &str| server.request("GET", "/private", &[("Cookie", who)], "").unwrap();
    assert!(private("who=ada").text().contains("<p>for <!-- -->ada</p>"));
    let forbidden = private("who=mallory");
    assert_eq!(forbidden.status, 403);
    assert!(forbidden.text().contains("<nav>") && forbidden.text().contains("<p>not for you</p>"));
    let unauthorized = private("");
    assert_eq!(unauthorized.status, 401);
    assert!(unauthorized.text().contains("<h1>401</h1>"), "{}", unauthorized.text());
    let writer = private("who=writer");
    assert_eq!((writer.status, writer.header("set-cookie")), (500, None));
    logged(&server, "Cookies can only be modified in a Server Action or Route Handler");
}

#[test]
fn a_page_that_fails_shows_its_error_file_and_no_secret() {
    let (_fixture, server) = served(&[]);
    let failed = server.get("/failing").unwrap();
    assert_eq!(failed.status, 500);
    assert!(
        failed.text().contains("it failed, see <!-- -->D1<!-- --> <button>again</button>"),
        "{}",
        failed.text()
    );
    logged(&server, "GET /failing (app/failing/page.tsx): Error: a secret of the server");
    let plain = server.get("/plain-failure").unwrap();
    assert_eq!(plain.status, 500);
    for answer in [&failed, &plain] {
        assert!(
            !answer.text().contains("secret") && !answer.text().contains("page.tsx"),
            "{}",
            answer.text()
        );
    }
    logged(&server, "GET /plain-failure (app/plain-failure/page.tsx): Error: another secret");
}

#[test]
fn a_page_that_loads_comes_in_steps() {
    let (_fixture, server) = served(&[]);
    let page = server.get("/steps").unwrap();
    let (shown, done) = (page.text().find("<em>one moment</em>"), page.text().find("<p>done</p>"));
    assert!(page.complete && shown.unwrap() < done.unwrap(), "{}", page.text());
    // The status has been sent; the page itself leads on.
    let leads = server.get("/steps?to=%2Frates%3Fa%3D%22%26b").unwrap();
    assert_eq!(leads.status, 200);
    let refresh = "<meta http-equiv=\"refresh\" content=\"0;url=/rates?a=&quot;&amp;b\"/>";
    assert!(leads.text().ends_with(refresh), "{}", leads.text());
    let late = server.get("/steps?fail=1").unwrap();
    assert!(late.complete && !late.text().contains("secret"), "{}", late.text());
    logged(&server, "GET /steps (app/steps/page.tsx): Error: a late secret");
}

#[test]
fn what_browsers_have_to_run_is_not_rendered_and_named() {
    let (fixture, server) = served(&[]);
    let answer = server.get("/counter").unwrap();
    assert_eq!(answer.status, 501);
    assert!(answer.text().contains("`byway check` says why"), "{}", answer.text());
    let mut check = Command::new(byway_binary(BINARY));
    let checked = check.arg("check").arg(fixture.path()).env("NO_COLOR", "1").output().unwrap();
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    for part in [
        "the page `app/counter/page.tsx` is not rendered: it is a component for browsers",
        "components/counter.tsx",
    ] {
        assert!(checked.contains(part), "{checked}");
    }
}

#[test]
fn a_page_stands_behind_base_path_proxy_and_rules() {
    let (_fixture, server) = served(&[
        (
            "next.config.mjs",
            "export default { basePath: '/coop', async headers() { return [{ source: '/items/:id', headers: [{ key: 'x-rule', value: 'yes' }] }] } }\n",
        ),
        (
            "proxy.ts",
            "import { NextResponse } from 'next/server'
export const config = { matcher: ['/pledges', '/secret'] }
export function proxy(request: any) {
  if (request.nextUrl.pathname === '/secret') return NextResponse.rewrite(new URL('/coop/pledges', request.url))
  if (request.headers.get('x-deny') !== null) return new NextResponse('denied', { status: 403 })
  return NextResponse.next({ headers: { 'x-proxied': 'yes' } })
}
",
        ),
    ]);
    let mut browser = Browser::new(&server);
    let page = browser.get("/coop/items/1");
    assert_eq!((page.status, page.header("x-rule")), (200, Some("yes")), "{}", page.text());
    assert!(page.text().contains("<a href=\"/coop/rates\">Rates</a>"), "{}", page.text());
    assert!(page.text().contains("<form action=\"/coop/search\">"), "{}", page.text());
    let pledges = browser.get("/coop/pledges");
    assert_eq!((pledges.status, pledges.header("x-proxied")), (200, Some("yes")));
    assert!(browser.get("/coop/secret").text().contains("Pledge</button>"));
    let page = pledges.text();
    let form = between(&page, "<form action=\"\"", "</form>")[0];
    let sent = send(&server, "/coop/pledges", form, &[("donor", "Eve"), ("amount", "1")]);
    let back = (sent.status, sent.header("location"), sent.header("x-proxied"));
    assert_eq!(back, (303, Some("/coop/pledges"), Some("yes")), "{}", server.stderr());
    assert!(browser.get("/coop/pledges").text().contains("Eve"));
    let denied = server.request("GET", "/coop/pledges", &[("x-deny", "1")], "").unwrap();
    assert_eq!((denied.status, denied.text().as_str()), (403, "denied"));
}

#[test]
fn edits_decide_under_development_which_pages_are_rendered() {
    let fixture = project(&[]);
    let server = TestServer::launch(byway_binary(BINARY), fixture.path()).dev().start().unwrap();
    let becomes = |path: &str, status: u16, text: &str| {
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let answer = server.get(path).unwrap();
            if answer.status == status && answer.text().contains(text) {
                return;
            }
            assert!(Instant::now() < until, "{} {}", answer.status, answer.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    becomes("/", 200, "Hello <!-- -->nobody");
    becomes("/counter", 501, "`byway check` says why");
    let counter = "export function Counter() { return <b>counted here</b> }\n";
    fixture.write("components/counter.tsx", counter).unwrap();
    becomes("/counter", 200, "<b>counted here</b>");
    fixture.write("components/counter.tsx", format!("'use client'\n{counter}")).unwrap();
    becomes("/counter", 501, "`byway check` says why");
    fixture.write("app/later/page.tsx", "export default () => <i>later</i>\n").unwrap();
    becomes("/later", 200, "<i>later</i>");
    becomes("/plain-failure", 500, "another secret");
}
