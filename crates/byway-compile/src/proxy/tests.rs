use byway_routes::proxy::MatcherOptions;
use serde_json::json;

use super::{ProxyFile, read};

fn file(name: &str, source: &str) -> ProxyFile {
    read(name, source, &MatcherOptions::default())
}

fn matchers(config: &str) -> serde_json::Value {
    let source = format!("export function proxy() {{}}\nexport const config = {config}");
    let read = file("proxy.ts", &source);
    assert!(read.found.is_empty(), "{config}: {:?}", read.found);
    serde_json::to_value(read.matchers).unwrap()
}

fn error(config: &str) -> String {
    let source = format!("export function proxy() {{}}\nexport const config = {config}");
    let read = file("proxy.ts", &source);
    let [found] = &read.found[..] else { panic!("{config}: {:?}", read.found) };
    assert!(found.is_error());
    format!("{found:?}")
}

#[test]
fn all_forms_of_a_matcher_are_read() {
    assert_eq!(matchers("{}"), json!(null));
    assert_eq!(matchers("{ matcher: undefined }"), json!(null));
    assert_eq!(matchers("{ matcher: '/a' }"), json!([{ "source": "/a" }]));
    assert_eq!(matchers("{ matcher: [] } satisfies Config"), json!([]));
    assert_eq!(
        matchers("{ matcher: ['/a/:path*', `/b`] as const, regions: ['fra1'] }"),
        json!([{ "source": "/a/:path*" }, { "source": "/b" }])
    );
    assert_eq!(
        matchers(
            "{ matcher: [{ source: '/a', locale: false, \
             has: [{ type: 'header', key: 'X-A', value: 'b' }], \
             missing: [{ type: 'host', value: 'c' }] }] }"
        ),
        json!([{
            "source": "/a",
            "namesLocale": true,
            "has": [{ "type": "header", "key": "X-A", "value": "b" }],
            "missing": [{ "type": "host", "value": "c" }],
        }])
    );
}

#[test]
fn what_is_no_constant_or_no_matcher_is_an_error() {
    for (config, says) in [
        ("{ matcher: paths }", "constant"),
        ("{ matcher: ['/a', paths] }", "constant"),
        ("{ matcher: ['/a', ...paths] }", "constant"),
        ("{ matcher: `/${a}` }", "constant"),
        ("{ ...base }", "constant"),
        ("base", "object"),
        ("{ matcher: { source: '/a' } }", "array"),
        ("{ matcher: 'a' }", "start with"),
        ("{ matcher: '/a/(' }", "makes no sense"),
        ("{ matcher: [{ source: '/a', regexp: '/a' }] }", "no `regexp`"),
        ("{ matcher: [{ has: [] }] }", "no `source`"),
        ("{ matcher: [{ source: '/a', locale: true }] }", "only be false"),
        ("{ matcher: [{ source: '/a', has: [{ type: 'ip', key: 'x' }] }] }", "`type`"),
        ("{ matcher: [{ source: '/a', has: [{ type: 'header' }] }] }", "`key`"),
        ("{ matcher: [{ source: '/a', has: [{ type: 'host' }] }] }", "`value`"),
        (
            "{ matcher: [{ source: '/a', has: [{ type: 'header', key: 'a', value: '(' }] }] }",
            "regular",
        ),
        ("{ matchers: '/a' }", "does not exist"),
        ("{ runtime: 'nodejs' }", "runtime"),
    ] {
        let found = error(config);
        assert!(found.contains(says), "{config}: {found}");
    }
}

#[test]
fn the_function_has_to_be_there() {
    for (name, source, fine) in [
        ("proxy.ts", "export default () => {}", true),
        ("proxy.ts", "export const proxy = auth(() => {})", true),
        ("proxy.ts", "export { auth as proxy } from './auth'", true),
        ("proxy.ts", "export function middleware() {}", false),
        ("src/middleware.js", "export function middleware() {}", true),
        ("middleware.js", "export const proxy = 1", false),
        ("proxy.js", "module.exports = { proxy() {} }", true),
    ] {
        assert_eq!(file(name, source).found.is_empty(), fine, "{name} {source}");
    }
}

#[test]
fn the_former_name_runs_as_edge_code_unless_it_says_otherwise() {
    let edge = |name, config: &str| {
        let source = format!("export default () => {{}}\n{config}");
        let read = file(name, &source);
        assert!(read.found.is_empty(), "{config}: {:?}", read.found);
        read.edge
    };
    assert!(!edge("proxy.ts", ""));
    assert!(edge("middleware.ts", ""));
    assert!(edge("src/middleware.ts", "export const config = { runtime: 'experimental-edge' }"));
    assert!(!edge("middleware.ts", "export const config = { runtime: 'nodejs' }"));
    assert!(!edge("middleware.ts", "export const runtime = 'nodejs'"));
}
