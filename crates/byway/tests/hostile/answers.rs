//! R02 to R06: what handlers answer, and what of it may reach the wire.

use byway_testkit::Framing;

use super::target::Target;

const LENGTHS: (&str, &str) = (
    "app/length/[kind]/route.ts",
    "const stream = (text: string) => new ReadableStream({\n\
     \x20 start(controller) { controller.enqueue(new TextEncoder().encode(text)); controller.close() },\n\
     })\n\
     export async function GET(_: Request, { params }: any) {\n\
     \x20 const { kind } = await params\n\
     \x20 const [how, length] = kind.split('-')\n\
     \x20 const body = how === 'stream' ? stream('exactly this') : 'exactly this'\n\
     \x20 return new Response(body, { headers: { 'content-length': length } })\n\
     }\n",
);

#[test]
fn r02_a_length_that_a_handler_made_up_is_passed_over() {
    let target = Target::with(&[LENGTHS]);
    for kind in ["text-3", "text-999", "stream-3", "stream-999", "text-x", "stream--1"] {
        let mut client = target.server.connect().unwrap();
        client.send(format!("GET /length/{kind} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(2)).unwrap();
        for _ in 0..2 {
            let answer = client.read().unwrap();
            // Neither cut off to the length nor waiting for more: what was said is all there is.
            assert_eq!((answer.status, answer.text().as_str()), (200, "exactly this"), "{kind}");
            assert!(answer.complete, "{kind}");
        }
    }
}

#[test]
fn r03_what_has_no_body_is_sent_without_one() {
    let target = Target::with(&[
        (
            "pages/api/body/[status].ts",
            "export default (req: any, res: any) => {\n\
         \x20 res.statusCode = Number(req.query.status)\n\
         \x20 res.setHeader('content-length', '9')\n\
         \x20 res.end('forbidden')\n\
         }\n",
        ),
        (
            "app/no/[status]/route.ts",
            "export async function GET(_: Request, { params }: any) {\n\
         \x20 const status = Number((await params).status)\n\
         \x20 return new Response(status === 200 ? 'a body' : null, { status })\n\
         }\n",
        ),
    ]);
    let mut client = target.server.connect().unwrap();
    for path in ["/api/body/204", "/api/body/304", "/no/204", "/no/304"] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        let answer = client.read().unwrap();
        assert_eq!(answer.status.to_string(), path[path.len() - 3..], "{path}");
        assert_eq!(answer.framing, Framing::None, "{path}");
        assert_ne!(answer.header("content-length"), Some("9"), "{path}");
    }
    client.send("HEAD /no/200 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(client.read_head().unwrap().status, 200);
    // Nothing of a body is left over on the connection.
    client.send("GET /no/200 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(client.read().unwrap().text(), "a body");
}

const HEADS: (&str, &str) = (
    "app/head/[what]/route.ts",
    "const cases: Record<string, () => Response> = {\n\
     \x20 value: () => new Response('x', { headers: { 'x-a': 'a\\r\\nx-injected: 1' } }),\n\
     \x20 nul: () => new Response('x', { headers: { 'x-a': 'a\\0b' } }),\n\
     \x20 name: () => new Response('x', { headers: { 'x-a\\r\\nx-injected': '1' } }),\n\
     \x20 low: () => new Response('x', { status: 99 }),\n\
     \x20 high: () => new Response('x', { status: 1000 }),\n\
     \x20 reason: () => new Response('x', { statusText: 'OK\\r\\nx-injected: 1' }),\n\
     \x20 later: () => { const answer = new Response('x'); answer.headers.set('x-a', 'a\\nb'); return answer },\n\
     \x20 cookie: () => new Response('x', { headers: { 'set-cookie': 'a=1\\r\\nset-cookie: b=2' } }),\n\
     \x20 redirect: () => Response.redirect('https://a.example/\\r\\nx-injected: 1'),\n\
     }\n\
     export const GET = async (_: Request, { params }: any) => cases[(await params).what]()\n",
);
const PAGES: (&str, &str) = (
    "pages/api/head/[what].ts",
    "export default (req: any, res: any) => {\n\
     \x20 if (req.query.what === 'value') res.setHeader('x-a', 'a\\r\\nx-injected: 1')\n\
     \x20 if (req.query.what === 'high') res.statusCode = 1000\n\
     \x20 if (req.query.what === 'reason') res.statusMessage = 'OK\\r\\nx-injected: 1'\n\
     \x20 res.end('x')\n\
     }\n",
);

#[test]
fn r04_heads_that_would_break_the_wire_are_errors() {
    let target = Target::with(&[HEADS, PAGES]);
    let cases = ["value", "nul", "name", "low", "high", "reason", "later", "cookie"];
    let paths = cases.iter().map(|it| format!("/head/{it}"));
    let pages = ["value", "high", "reason"].iter().map(|it| format!("/api/head/{it}"));
    for path in paths.chain(pages) {
        let answer = target.server.get(&path).unwrap();
        assert_eq!(answer.status, 500, "{path}: {}", target.server.stderr());
        assert_eq!(answer.header("x-injected"), None, "{path}");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
    // The parser of URLs takes the line's end away, and what is left is a path.
    let redirect = target.server.get("/head/redirect").unwrap();
    assert_eq!((redirect.status, redirect.header("x-injected")), (302, None));
}

#[test]
fn r06_cookies_stay_apart_and_their_number_is_bounded() {
    let target = Target::with(&[(
        "app/cookies/[count]/route.ts",
        "export async function GET(_: Request, { params }: any) {\n\
         \x20 const headers = new Headers()\n\
         \x20 headers.append('Set-Cookie', '__Host-id=1; Path=/; Secure; HttpOnly')\n\
         \x20 headers.append('Set-Cookie', 'date=x; Expires=Wed, 21 Oct 2026 07:28:00 GMT')\n\
         \x20 for (let i = 2; i < Number((await params).count); i++) headers.append('Set-Cookie', `c${i}=${i}`)\n\
         \x20 return new Response('x', { headers })\n\
         }\n",
    )]);
    let two = target.server.get("/cookies/2").unwrap();
    assert_eq!(
        two.header_all("set-cookie").collect::<Vec<_>>(),
        ["__Host-id=1; Path=/; Secure; HttpOnly", "date=x; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]
    );
    let many = target.server.get("/cookies/100").unwrap();
    assert_eq!(many.header_all("set-cookie").count(), 100);
    // No half of them: an answer that does not fit is none.
    let too_many = target.server.get("/cookies/5000").unwrap();
    assert_eq!((too_many.status, too_many.header("set-cookie")), (500, None));
    assert_eq!(target.server.get("/cookies/2").unwrap().status, 200);
}
