//! Each rule on small files: what it finds, and what it leaves alone.

use std::collections::BTreeSet;

use crate::{Facts, Role, Source, check};

fn facts() -> Facts {
    Facts {
        variables: ["SET"].map(str::to_owned).into(),
        workers: 1,
        next_major: Some(16),
        zod_major: Some(4),
        settings: ["route[].cors", "route[].rate_limit"].map(str::to_owned).into(),
        // Most texts below are fragments, whose names come from nowhere.
        ambient: None,
    }
}

fn source(file: &str, text: &str) -> Source {
    let role = if file.starts_with("pages/api/") {
        Role::PagesRoute
    } else if file.contains("/route.") {
        Role::AppRoute
    } else {
        Role::Module
    };
    Source { file: file.to_owned(), text: text.to_owned(), role }
}

/// What is found in the files, as `line:column rule`.
#[track_caller]
fn finds_with(facts: &Facts, files: &[(&str, &str)], expect: &[&str]) {
    let sources: Vec<Source> = files.iter().map(|(file, text)| source(file, text)).collect();
    let found = check(&sources, facts);
    let places: Vec<String> = found
        .iter()
        .map(|it| {
            let at = it.location.as_ref().unwrap();
            format!("{}:{} {}", at.line, at.column, it.code.unwrap())
        })
        .collect();
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(places, expect, "{}", shown.join("\n"));
}

#[track_caller]
fn finds(file: &str, text: &str, expect: &[&str]) {
    finds_with(&facts(), &[(file, text)], expect);
}

const ROUTE: &str = "app/a/route.ts";

#[test]
fn request_functions_without_await() {
    let text = "import { cookies, headers as h } from 'next/headers'\n\
        export async function GET() {\n\
        cookies().get('a')\n\
        const list = h()\n\
        list.get('b')\n\
        const { size } = cookies()\n\
        return Response.json((await cookies()).get('c'))\n\
        }\n";
    finds(ROUTE, text, &["3:1 sync-request-api", "5:1 sync-request-api", "6:7 sync-request-api"]);
    let text = "import { cookies } from 'next/headers'\n\
        export async function GET() {\n\
        const store = await cookies()\n\
        const later = cookies()\n\
        const value = await later\n\
        cookies().then((all) => all.get('x'))\n\
        return Response.json([store.get('a'), value.get('b')])\n\
        }\n";
    finds(ROUTE, text, &[]);
    let own = "const cookies = () => new Map()\nexport const x = () => cookies().get('a')\n";
    finds("lib/own.ts", own, &[]);
}

#[test]
fn params_without_await() {
    for (text, place) in [
        ("export async function GET(r, { params }) { return Response.json(params.id) }", "1:65"),
        ("export async function GET(r, { params: { id } }) { return Response.json(id) }", "1:40"),
        ("export const GET = (r, ctx) => Response.json(ctx.params.id)", "1:46"),
        (
            "export const GET = (r, { params }) => { const { id } = params; return Response.json(id) }",
            "1:47",
        ),
        (
            "export async function GET(r, c) { const { id } = c.params; return Response.json(id) }",
            "1:41",
        ),
    ] {
        finds(ROUTE, text, &[&format!("{place} sync-request-api")]);
    }
    for text in [
        "export async function GET(r, { params }) { return Response.json((await params).id) }",
        "export async function GET(r, c) { const { id } = await c.params; return Response.json(id) }",
        "export async function GET(r, { params }) { const p = await params; return Response.json(p.id) }",
        "export const GET = wrap(async (r, { params }) => Response.json(params.id))",
        "export async function other(r, { params }) { return params.id }",
    ] {
        finds(ROUTE, text, &[]);
    }
    let old = Facts { next_major: Some(14), ..facts() };
    let text = "export async function GET(r, { params }) { return Response.json(params.id) }";
    finds_with(&old, &[(ROUTE, text)], &[]);
}

#[test]
fn state_of_modules() {
    for text in [
        "let count = 0\nexport const next = () => count++\n",
        "let last\nexport function keep(x) { last = x }\n",
        "let seen = new Map()\nexport const see = (k) => seen.set(k, 1)\n",
        "let list = []\nexport const add = (x) => { list.push(x) }\n",
        "let all = {}\nexport const put = (k, v) => { all[k] = v }\n",
        "let all = { list: [] }\nexport const put = (v) => all.list.push(v)\n",
        "let map = new Map<string, number>()\nexport const drop = (k: string) => map.delete(k)\n",
    ] {
        finds("lib/x.ts", text, &["1:5 module-state"]);
    }
    let class = "class Counter { #n = new Map(); hit(k) { this.#n.set(k, 1) } }\n\
        export const counter = new Counter()\n";
    finds("lib/x.ts", class, &["2:14 module-state"]);
    for text in [
        "const NAMES = ['a']\nexport const has = (x) => NAMES.includes(x)\n",
        "const map = new Map([['a', 1]])\nmap.set('b', 2)\nexport const get = (k) => map.get(k)\n",
        "let client\nexport const get = () => (client ??= make())\n",
        "let client = null\nexport function get() { if (!client) { client = make() } return client }\n",
        "let client\nexport async function get() { if (client) return client; client = await make(); return client }\n",
        "let client\nexport function reset() { client = undefined }\n",
        "const memo = new WeakMap()\nexport const keep = (o) => memo.set(o, 1)\n",
        "export function f() { let n = 0; return () => n++ }\n",
        "class Fixed { #n = new Map([[1, 2]]); get(k) { return this.#n.get(k) } }\nexport const f = new Fixed()\n",
        "const base = { a: 1 }\nexport const make = () => ({ ...base, b: 2 })\n",
    ] {
        finds("lib/x.ts", text, &[]);
    }
}

#[test]
fn state_is_a_warning_where_there_are_several_workers() {
    let text = "let count = 0\nexport const next = () => count++\n";
    let many = Facts { workers: 4, ..facts() };
    let severity = |facts: &Facts| check(&[source("lib/x.ts", text)], facts)[0].severity;
    assert_eq!(severity(&facts()), byway_error::Severity::Note);
    assert_eq!(severity(&many), byway_error::Severity::Warning);
}

#[test]
fn errors_of_zod() {
    let text = "import { z } from 'zod'\n\
        export function f(x) {\n\
        const result = z.string().safeParse(x)\n\
        if (!result.success) return result.error.errors\n\
        const { error } = z.string().safeParse(x)\n\
        if (error) return error.errors\n\
        try { z.parse(x) } catch (e) { if (e instanceof z.ZodError) { return e.errors } }\n\
        return e.errors\n\
        }\n";
    finds("lib/x.ts", text, &["4:42 zod-errors", "6:25 zod-errors", "7:72 zod-errors"]);
    let old = Facts { zod_major: Some(3), ..facts() };
    finds_with(&old, &[("lib/x.ts", text)], &[]);
    finds("lib/x.ts", "export const f = (form) => form.error.errors\n", &[]);
}

#[test]
fn signatures_of_parsed_bodies() {
    let webhook = "import { stripe } from './stripe'\n\
        export default async function handler(req, res) {\n\
        const event = stripe.webhooks.constructEvent(req.body, req.headers['stripe-signature'], 's')\n\
        res.json(event)\n\
        }\n";
    finds("pages/api/hook.ts", webhook, &["3:15 webhook-body"]);
    let off = "export const config = { api: { bodyParser: false } }\n";
    finds("pages/api/hook.ts", &format!("{webhook}{off}"), &[]);
    let raw = "import getRawBody from 'raw-body'\n\
        export default async (req, res) => { res.send(await getRawBody(req)) }\n";
    finds("pages/api/raw.ts", raw, &["2:53 webhook-body"]);
    let parsed = "export async function POST(request) {\n\
        const body = await request.json()\n\
        return Response.json(stripe.webhooks.constructEvent(JSON.stringify(body), 'a', 'b'))\n\
        }\n";
    finds(ROUTE, parsed, &["3:53 webhook-body"]);
    let text = "export async function POST(request) {\n\
        const body = await request.text()\n\
        return Response.json(stripe.webhooks.constructEvent(body, 'a', 'b'))\n\
        }\n";
    finds(ROUTE, text, &[]);
}

#[test]
fn variables_that_are_set_nowhere() {
    let text = "export const a = process.env.ABSENT\n\
        export const b = process.env.SET\n\
        export const c = process.env.OPTIONAL ?? 'x'\n\
        if (process.env.FLAG) {}\n\
        export const d = process.env.MODE === 'x'\n\
        export const { FIRST, SECOND = 'y' } = process.env\n\
        export const e = process.env.ABSENT\n\
        export const f = process.env.NODE_ENV\n\
        export const g = process.env.MAYBE?.split(',')\n\
        process.env.WRITTEN = 'x'\n\
        export const h = process.env.SET ?? process.env.LAST!\n";
    finds("lib/x.ts", text, &["1:30 missing-env", "6:16 missing-env", "11:49 missing-env"]);
}

#[test]
fn responses_that_are_forgotten() {
    for (text, place) in [
        ("export async function GET() { Response.json({}) }", &["1:31"][..]),
        ("export async function GET(r) { if (r.ok) { return new Response() } }", &["1:23"]),
        ("export const GET = () => ({ ok: true })", &["1:26"]),
        ("export async function POST() { return { ok: true } }", &["1:32"]),
        ("export async function POST(r) { if (r.x) return; return new Response() }", &["1:42"]),
        ("export function GET(r) { switch (r.x) { case 1: return new Response(); } }", &["1:17"]),
        (
            "export function GET() { try { return f() } catch (e) { console.log(e); const x = 1 } }",
            &["1:17"],
        ),
    ] {
        let expect: Vec<String> =
            place.iter().map(|at| format!("{at} forgotten-response")).collect();
        let expect: Vec<&str> = expect.iter().map(String::as_str).collect();
        finds(ROUTE, text, &expect);
    }
    for text in [
        "export async function GET() { return Response.json({}) }",
        "export function GET(r) { if (r.x) { return f() } else { throw new Error() } }",
        "import { redirect } from 'next/navigation'\nexport function GET() { redirect('/x') }",
        "export function GET(r) { switch (r.x) { case 1: return f(); default: throw g() } }",
        "export function GET(r) { for (;;) { for (const x of r) { break } } }",
        "export const GET = wrap(() => ({ ok: true }))",
        "export async function GET() { try { return await f() } catch (e) { return g(e) } }",
        "export async function GET() { fail() }",
        "function no(): never { throw 1 }\nexport function GET(r) { if (r.x) { return f() } no(); r.y = 1 }",
        "export const helper = () => ({ ok: true })\nexport const GET = () => f(helper)",
        "export function GET() { const f = () => { return { a: 1 } }; return g(f) }",
        "export function GET(r) { try { return f() } finally { r.done() } }",
    ] {
        finds(ROUTE, text, &[]);
    }
}

#[test]
fn bodies_that_are_read_twice() {
    let text = "export async function POST(request) {\n\
        const a = await request.json()\n\
        const b = await request.text()\n\
        return Response.json([a, b])\n\
        }\n";
    finds(ROUTE, text, &["3:25 body-read-twice"]);
    for text in [
        "export async function POST(r) { const a = await r.clone().json(); const b = await r.text(); return f(a, b) }",
        "export async function POST(r) { if (x) { return f(await r.json()) } return f(await r.text()) }",
        "export async function POST(r) { const a = x ? await r.json() : await r.text(); return f(a) }",
        "export async function POST(r) { const a = await r.json().catch(() => r.text()); return f(a) }",
    ] {
        finds(ROUTE, text, &[]);
    }
}

#[test]
fn wrappers_that_drop_what_they_wrap() {
    let text = "export function withAuth(handler) { return async (req) => { check(req) } }\n";
    finds("lib/x.ts", text, &["1:26 dropped-handler"]);
    let text = "export const withLog = (handler: H) => async (req: Request) => new Response()\n";
    finds("lib/x.ts", text, &["1:25 dropped-handler"]);
    for text in [
        "export function withAuth(handler) { return async (req) => handler(req) }\n",
        "export function on(event, handler) { return 1 }\n",
        "export type F = (handler: () => void) => () => void\n",
    ] {
        finds("lib/x.ts", text, &[]);
    }
}

#[test]
fn wrappers_that_are_composed_as_middleware() {
    let compose = (
        "lib/composition.js",
        "export function compose(...all) {\n\
         return all.reduce((a, b) => (req, res) => a(req, res, () => b(req, res)))\n\
         }\n",
    );
    let route = (
        "pages/api/x.js",
        "import { compose, withAuth } from '../../lib/composition'\n\
         export default compose(withAuth, withAuth)(handler)\n\
         function handler(req, res) { res.end() }\n",
    );
    finds_with(&facts(), &[compose, route], &["2:16 composed-wrappers"]);
    let used_well = (
        "pages/api/y.js",
        "import { compose } from '../../lib/composition'\nexport default compose(auth, handler)\n",
    );
    finds_with(&facts(), &[compose, used_well], &[]);
    let good = (
        "lib/composition.js",
        "export const compose = (...all) => (handler) => all.reduceRight((h, w) => w(h), handler)\n",
    );
    finds_with(&facts(), &[good, route], &[]);
}

#[test]
fn code_that_settings_can_replace() {
    let cors = "export const headers = { 'Access-Control-Allow-Origin': '*' }\n";
    finds("lib/cors.ts", cors, &["1:26 hand-written-cors"]);
    let limit = "export function rateLimit(req) { return req.headers.get('x-forwarded-for') }\n";
    finds("lib/limit.ts", limit, &["1:17 hand-written-rate-limit"]);
    let account = "export class Throttle { attempt(account) { return account } }\n";
    finds("lib/throttle.ts", account, &[]);
    let none = Facts { settings: BTreeSet::new(), ..facts() };
    finds_with(&none, &[("lib/cors.ts", cors), ("lib/limit.ts", limit)], &[]);
}

#[test]
fn sockets_of_the_server() {
    let text =
        "export default (req, res) => { const io = new Server(res.socket.server); res.end(io) }\n";
    finds("pages/api/socket.js", text, &["1:65 websocket-upgrade"]);
}

#[test]
fn findings_can_be_silenced_where_they_are() {
    let text = "// byway-ignore module-state -- counts are per worker on purpose\n\
        let count = 0\n\
        let other = 0 // byway-ignore module-state\n\
        let third = 0\n\
        export const next = () => [count++, other++, third++]\n";
    finds("lib/x.ts", text, &["4:5 module-state"]);
}

#[test]
fn odd_files_are_passed_over() {
    finds(ROUTE, "export const = 1", &[]);
    finds(ROUTE, "", &[]);
    let nested = format!("export const x = {}1{}", "(".repeat(200), ")".repeat(200));
    finds("lib/x.ts", &nested, &[]);
}

fn with_declarations() -> Facts {
    Facts { ambient: Some(vec!["declare const BUILD_TIME: string\n".to_owned()]), ..facts() }
}

#[test]
fn names_that_nobody_declares() {
    let text = "import { helper } from './helper'\n\
        type Row = { id: string } & Partial<Missing>\n\
        export async function GET(request: Request, ctx: RouteContext) {\n\
        const rows: Row[] = await db.select(helper)\n\
        return NextResponse.json({ rows, at: BUILD_TIME, last: db.last })\n\
        }\n";
    let facts = with_declarations();
    let finds = |file, text, expect: &[&str]| finds_with(&facts, &[(file, text)], expect);
    finds(ROUTE, text, &["4:27 undeclared-name", "5:8 undeclared-name"]);
    finds("lib/x.ts", text, &[]);
    let fine = "const { a, ...rest } = { a: 1, b: 2 }\n\
        enum Kind { One }\n\
        declare const injected: number\n\
        function* all() { yield arguments.length }\n\
        const bun = typeof Bunny === 'undefined' ? undefined : Bunny.version\n\
        label: for (const key in globalThis) { if (key) break label }\n\
        export class Own { static own = Own.name; set(value: NaN | number) { return value } }\n\
        export const GET = () => Response.json([a, rest, Kind.One, injected, all, bun, Buffer.from('x'),\n\
        process.pid, __dirname, structuredClone({}), new WebSocket('ws://x'), crypto.subtle])\n";
    finds(ROUTE, fine, &[]);
}

#[test]
fn names_that_something_may_have_made_global() {
    let route = "export const GET = () => Response.json(db.rows)\n";
    let facts = with_declarations();
    finds_with(&facts, &[(ROUTE, route)], &["1:40 undeclared-name"]);
    for other in [
        "globalThis.db = connect()\n",
        "declare global {\n  var db: Database\n}\n",
        "Object.assign(globalThis, connections)\n",
    ] {
        finds_with(&facts, &[(ROUTE, route), ("lib/globals.ts", other)], &[]);
    }
    let effect = "import 'zx/globals'\nexport const GET = () => Response.json(db.rows)\n";
    finds_with(&facts, &[(ROUTE, effect)], &[]);
    finds(ROUTE, route, &[]);
}
