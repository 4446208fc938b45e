//! `next.config` in its forms, through the real binary: what a build makes of it and what a server does.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

use byway_testkit::{BuildOutput, Fixture, TestServer, byway_binary};

const ROUTE: (&str, &str) = ("app/a/route.ts", "export const GET = () => new Response('a')\n");

fn build(files: &[(&str, &str)]) -> (Fixture, BuildOutput) {
    let fixture = Fixture::new(files).unwrap();
    let output = fixture.build(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, output)
}

fn serve(files: &[(&str, &str)]) -> (Fixture, TestServer) {
    let fixture = Fixture::new(files).unwrap();
    let server = fixture.serve(byway_binary(env!("CARGO_BIN_EXE_byway"))).unwrap();
    (fixture, server)
}

/// The settings in the manifest that a build has written.
fn config(files: &[(&str, &str)]) -> serde_json::Value {
    let (fixture, output) = build(files);
    assert_eq!(output.code(), Some(0), "{}", output.stderr);
    let manifest: serde_json::Value =
        serde_json::from_str(&fixture.read(".byway/manifest.json").unwrap()).unwrap();
    manifest["config"].clone()
}

#[test]
fn every_form_of_the_file_is_read() {
    let forms = [
        ("next.config.js", "module.exports = { basePath: '/b' }\n"),
        ("next.config.js", "export default { basePath: '/b' }\n"),
        ("next.config.mjs", "export default () => ({ basePath: '/b' })\n"),
        ("next.config.cjs", "module.exports = async () => ({ basePath: '/b' })\n"),
        ("next.config.mjs", "export default Promise.resolve({ basePath: '/b' })\n"),
        (
            "next.config.ts",
            "import type { NextConfig } from 'next'\nconst config: NextConfig = { basePath: '/b' }\nexport default config\n",
        ),
        (
            "next.config.ts",
            "import { PHASE_PRODUCTION_BUILD } from 'next/constants'\n\
             export default (phase: string, { defaultConfig }: any) =>\n\
             \x20 ({ ...defaultConfig, basePath: phase === PHASE_PRODUCTION_BUILD ? '/b' : '/wrong' })\n",
        ),
    ];
    for (name, text) in forms {
        let found = config(&[(name, text), ROUTE]);
        assert_eq!(found["basePath"], "/b", "{name}: {text}");
    }
}

#[test]
fn the_file_may_import_what_it_likes() {
    let found = config(&[
        (
            "next.config.ts",
            "import withPlugin from 'a-plugin'\n\
             import { rules } from '@/lib/rules'\n\
             import { version } from './package.json'\n\
             import path from 'node:path'\n\
             console.log('this is for people')\n\
             export default withPlugin({ on: true })({\n\
             \x20 env: { VERSION: version, HERE: path.basename(__dirname), RULES: require.resolve('./lib/rules.ts'), FILE: process.env.FROM_FILE },\n\
             \x20 redirects: async () => rules,\n\
             })\n",
        ),
        ("tsconfig.json", r#"{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }"#),
        ("package.json", r#"{ "name": "p", "version": "1.2.3" }"#),
        (".env", "FROM_FILE=from-env\n"),
        (
            "lib/rules.ts",
            "export const rules = [{ source: '/x', destination: '/y', permanent: true as boolean }]\n",
        ),
        (
            "node_modules/a-plugin/index.js",
            "module.exports = (options) => (config) => ({ ...config, trailingSlash: options.on })\n",
        ),
        ("node_modules/a-plugin/package.json", r#"{ "name": "a-plugin", "version": "1.0.0" }"#),
        ROUTE,
    ]);
    assert_eq!(found["env"]["VERSION"], "1.2.3");
    assert_eq!(found["env"]["FILE"], "from-env");
    assert_ne!(found["env"]["HERE"], "routes");
    let here = found["env"]["HERE"].as_str().unwrap();
    assert!(found["env"]["RULES"].as_str().unwrap().ends_with(&format!("{here}/lib/rules.ts")));
    assert_eq!(found["trailingSlash"], true);
    assert_eq!(found["redirects"][0]["status"], 308);
}

#[test]
fn errors_say_where_they_are() {
    let check = |text: &str, expect: &[&str]| {
        let (_fixture, output) = build(&[("next.config.mjs", text), ROUTE]);
        assert_eq!(output.code(), Some(1), "{text}: {}", output.stderr);
        for part in expect {
            assert!(output.stderr.contains(part), "{text}: {}", output.stderr);
        }
        assert!(!output.stderr.contains(".byway-config"), "{}", output.stderr);
    };
    check("export default {\n  a: \n}\n", &["next.config.mjs:3:1"]);
    check("\nthrow new Error('no database')\n", &["next.config.mjs:2:7", "no database"]);
    check(
        "export default { async redirects() {\n  throw new TypeError('bad rules')\n} }\n",
        &["redirects() has failed: bad rules", "next.config.mjs:2:9"],
    );
    check("export default 5\n", &["must be an object or a function", "number"]);
    check("process.exit(3)\n", &["ended the process before it said anything"]);
    check(
        "import x from 'not-there'\nexport default x\n",
        &["cannot find the package `not-there`"],
    );
    check(
        "export default {\n  redirects: () => [{ source: '/a/:b*', destination: '/c/:b', permanent: true }],\n}\n",
        &["next.config.mjs:2:31", "`redirects()[0]` (`/a/:b*`)", "write `:b*`"],
    );
    check("export default { basePath: 'docs' }\n", &["`basePath` must start with `/`"]);
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let (_fixture, output) = build(&[
        (
            "next.config.mjs",
            "export default { webpack: (c) => c, images: { unoptimized: true }, trailingslash: true }\n",
        ),
        ROUTE,
    ]);
    assert_eq!(output.code(), Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("`webpack` has no effect under byway"), "{}", output.stderr);
    assert!(output.stderr.contains("did you mean `trailingSlash`?"), "{}", output.stderr);
    assert!(!output.stderr.contains("`images`"), "{}", output.stderr);
    assert!(!output.stdout.contains("webpack"), "{}", output.stdout);
}

#[test]
fn a_build_leaves_no_folder_behind() {
    let (fixture, _) = build(&[("next.config.mjs", "export default {}\n"), ROUTE]);
    let names: Vec<String> = std::fs::read_dir(fixture.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".byway-"))
        .collect();
    assert_eq!(names, [""; 0]);
}

#[test]
fn page_extensions_choose_the_routes() {
    let (_fixture, server) = serve(&[
        ("next.config.mjs", "export default { pageExtensions: ['api.ts'] }\n"),
        ("app/a/route.api.ts", "export const GET = () => new Response('api')\n"),
        ("app/b/route.ts", "export const GET = () => new Response('plain')\n"),
    ]);
    assert_eq!(server.get("/a").unwrap().text(), "api");
    assert_eq!(server.get("/b").unwrap().status, 404);
}

#[test]
fn handlers_see_what_the_client_asked_for() {
    let route = "export const GET = async (request: Request, { params }: any) => Response.json({\n\
                 \x20 url: new URL(request.url).pathname + new URL(request.url).search,\n\
                 \x20 next: (request as any).nextUrl.pathname, params: await params, env: process.env.SET })\n";
    let (_fixture, server) = serve(&[
        (
            "next.config.mjs",
            "export default { basePath: '/base', env: { SET: 'by-config' }, async rewrites() { return [\n\
             \x20 { source: '/old/:x', destination: '/item/:x?extra=1' },\n\
             ] } }\n",
        ),
        ("app/item/[id]/route.ts", route),
    ]);
    let json = server.get("/base/old/a%20b?q=1").unwrap().json();
    assert_eq!(json["url"], "/old/a%20b?q=1");
    assert_eq!(json["next"], "/old/a%20b");
    assert_eq!(json["params"], serde_json::json!({ "id": "a b" }));
    assert_eq!(json["env"], "by-config");
    assert_eq!(server.get("/old/1").unwrap().status, 404);
    assert_eq!(server.get("/base/item/5").unwrap().json()["url"], "/item/5");
}

#[test]
fn x11_no_redirect_leads_to_a_host_that_the_client_names() {
    let (_fixture, server) = serve(&[
        (
            "next.config.mjs",
            "export default { async redirects() { return [\n\
             \x20 { source: '/go/:path*', destination: '/:path*', permanent: false },\n\
             \x20 { source: '/any', has: [{ type: 'query', key: 'to', value: '(?<to>.*)' }], destination: '/:to', permanent: false },\n\
             \x20 { source: '/all/(.*)', destination: '/', permanent: false },\n\
             ] } }\n",
        ),
        ROUTE,
    ]);
    for target in [
        "//evil.test",
        "/\\evil.test",
        "/%2f/evil.test",
        "/go//evil.test",
        "/go/%2Fevil.test",
        "/go/%5Cevil.test",
        "/go/\\evil.test",
        "/any?to=/evil.test",
        "/any?to=//evil.test",
        "/any?to=%5C%5Cevil.test",
        "/any?to=%09//evil.test",
        "/any?to=https://evil.test",
        "/go/https://evil.test",
        "/%09//evil.test",
        "/all/%0d%0aLocation:%20evil",
    ] {
        let answer = server.get(target).unwrap();
        let Some(location) = answer.header("location") else { continue };
        assert!(location.starts_with('/'), "{target}: {location}");
        assert!(!location[1..].starts_with(['/', '\\']), "{target}: {location}");
        assert!(!location.contains(['\t', '\r', '\n']), "{target}: {location}");
    }
}

#[test]
fn p02_rules_and_routes_agree_on_one_path() {
    let (_fixture, server) = serve(&[
        (
            "next.config.mjs",
            "export default { async headers() { return [\n\
             \x20 { source: '/admin/:path*', headers: [{ key: 'x-guarded', value: '1' }] },\n\
             ] } }\n",
        ),
        ("app/admin/secret/route.ts", "export const GET = () => new Response('secret')\n"),
    ]);
    for target in [
        "/admin/secret",
        "/x/../admin/secret",
        "/x/%2e%2e/admin/secret",
        "/./admin/secret",
        "/admin/%2E/secret",
        "/%61dmin/secret",
        "/admin%2fsecret",
        "/ADMIN/secret",
        "/admin/secret/",
        "//admin/secret",
        "/admin//secret",
        "/admin\\secret",
        "/admin/secret%00",
        "/admin/..;/admin/secret",
        "/%252e%252e/admin/secret",
        "/admin/%73ecret",
    ] {
        let answer = server.get(target).unwrap();
        if answer.status == 200 {
            assert_eq!(answer.header("x-guarded"), Some("1"), "{target}");
        } else {
            assert!([308, 400, 404].contains(&answer.status), "{target}: {}", answer.status);
        }
    }
}

#[test]
fn variables_that_the_file_sets_are_there_before_the_project() {
    let (fixture, server) = serve(&[
        (
            "next.config.mjs",
            "import { readFileSync } from 'node:fs'\n\
             process.env.SECRET = readFileSync('secret.txt', 'utf8').trim()\n\
             export default { env: { PLAIN: 'seen' } }\n",
        ),
        ("secret.txt", "only-here\n"),
        (
            "instrumentation.ts",
            "export function register() { globalThis.early = process.env.SECRET }\n",
        ),
        (
            "app/a/route.ts",
            "export const GET = () => Response.json([process.env.SECRET, globalThis.early, process.env.PLAIN])\n",
        ),
    ]);
    let expect = serde_json::json!(["only-here", "only-here", "seen"]);
    assert_eq!(server.get("/a").unwrap().json(), expect, "{}", server.stderr());
    let manifest = fixture.read(".byway/manifest.json").unwrap();
    assert!(!manifest.contains("only-here"), "a secret must not be written into the build");
}

#[test]
fn x09_parameters_come_from_the_path_alone() {
    let route =
        "export const GET = async (_: Request, { params }: any) => Response.json(await params)\n";
    let (_fixture, server) = serve(&[
        (
            "next.config.mjs",
            "export default { rewrites: () => [{ source: '/r/:x', destination: '/item/:x' }] }\n",
        ),
        ("app/item/[id]/route.ts", route),
    ]);
    for target in ["/item/5?id=6&nxtPid=7", "/r/5?id=6&x=7", "/item/5?__proto__[id]=6"] {
        let headers = [("x-now-route-matches", "1=6"), ("x-matched-path", "/item/6")];
        let answer = server.request("GET", target, &headers, "").unwrap();
        assert_eq!(answer.json(), serde_json::json!({ "id": "5" }), "{target}");
    }
    assert_eq!(server.get("/item/8").unwrap().json(), serde_json::json!({ "id": "8" }));
}
