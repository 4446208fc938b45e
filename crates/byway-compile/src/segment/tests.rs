//! Options as they are written, and as they are written wrongly.

use byway_error::Diagnostic;
use byway_routes::segment_config::{Dynamic, FetchCache, Revalidate, Runtime, SegmentConfig};

use super::read;

fn config(source: &str) -> SegmentConfig {
    let read = read("app/a/route.ts", source);
    assert!(read.found.is_empty(), "{source}: {:?}", read.found);
    read.config
}

fn found(source: &str) -> Vec<Diagnostic> {
    read("app/a/route.ts", source).found
}

#[test]
fn every_option_is_read() {
    let source = "export const dynamic = 'force-dynamic' as const\n\
        export const revalidate = 60 * 60, dynamicParams = !1\n\
        export const fetchCache = ('only-cache') satisfies string\n\
        export const runtime: string = `nodejs`\n\
        export let maxDuration = 5\n\
        export const preferredRegion = ['fra1', 'iad1'] as const\n\
        export async function generateStaticParams() { return [] }\n\
        export const GET = () => 1\n";
    let expect = SegmentConfig {
        dynamic: Some(Dynamic::ForceDynamic),
        revalidate: Some(Revalidate::After(3600)),
        fetch_cache: Some(FetchCache::OnlyCache),
        dynamic_params: Some(false),
        generate_static_params: true,
        runtime: Some(Runtime::Nodejs),
        max_duration: Some(5),
        preferred_region: vec!["fra1".to_owned(), "iad1".to_owned()],
    };
    assert_eq!(config(source), expect);
}

#[test]
fn values_may_have_a_name_of_their_own() {
    let read = config("const dynamic = 'error', time = 7\nexport { dynamic, time as maxDuration }");
    assert_eq!((read.dynamic, read.max_duration), (Some(Dynamic::Error), Some(7)));
    let read =
        config("export const generateStaticParams = () => []; export const revalidate = false");
    assert_eq!((read.generate_static_params, read.revalidate), (true, Some(Revalidate::Never)));
}

#[test]
fn other_exports_mean_nothing() {
    for source in [
        "",
        "export const runtime = undefined",
        "export const config = { runtime: 'x' }, Dynamic = 1",
        "const runtime = 'nonsense'",
        "export type { runtime } from './types'",
        "export const = broken",
    ] {
        assert_eq!(config(source), SegmentConfig::default(), "{source}");
    }
}

#[test]
fn wrong_values_are_errors_with_a_place_and_a_hint() {
    let check = |source: &str, message: &str, column: u32, length: u32, hint: &str| {
        let all = found(source);
        let [only] = &all[..] else { panic!("{source}: {all:?}") };
        assert!(only.is_error(), "{source}");
        assert_eq!(only.message, message);
        assert_eq!(only.file.as_deref(), Some("app/a/route.ts"));
        let at = only.location.as_ref().unwrap();
        assert_eq!((at.line, at.column, at.length), (1, column, length), "{source}");
        assert!(only.help.as_ref().unwrap().contains(hint), "{:?}", only.help);
    };
    let wrong = "`dynamic` cannot be 'sometimes'";
    check("export const dynamic = 'sometimes' as const", wrong, 24, 11, "\"force-static\"");
    check("export const revalidate = -1", "`revalidate` cannot be -1", 27, 2, "0 or more");
    check("export const revalidate = 1.5", "`revalidate` cannot be 1.5", 27, 3, "whole number");
    check("export const revalidate = true", "`revalidate` cannot be true", 27, 4, "false or");
    check("export const fetchCache = 3", "`fetchCache` cannot be 3", 27, 1, "\"only-no-store\"");
    check("export const dynamicParams = 'no'", "`dynamicParams` cannot be 'no'", 30, 4, "true");
    check("export const runtime = 'node'", "`runtime` cannot be 'node'", 24, 6, "\"nodejs\"");
    check("export const maxDuration = '5'", "`maxDuration` cannot be '5'", 28, 3, "seconds");
    check("export const preferredRegion = [1]", "`preferredRegion` cannot be [1]", 32, 3, "fra1");
    let unknown = "`runtime` has to be a constant that can be read at once";
    check("export const runtime = process.env.R", unknown, 24, 13, "\"edge\"");
    check(
        "export const maxDuration = one()",
        "`maxDuration` has to be a constant that can be read at once",
        28,
        5,
        "seconds",
    );
}

#[test]
fn edge_routes_have_rules_of_their_own() {
    assert!(config("export const runtime = 'edge'").is_edge());
    let old = read("app/a/route.ts", "export const runtime = 'experimental-edge'");
    assert!(old.config.is_edge());
    let messages: Vec<_> =
        old.found.iter().map(|it| (it.is_error(), it.message.as_str())).collect();
    assert_eq!(messages, [(false, "`runtime = \"experimental-edge\"` is an old name")]);
    let both = found("export const runtime = 'edge'\nexport function generateStaticParams() {}");
    assert!(both[0].is_error() && both[0].message.contains("generateStaticParams"), "{both:?}");
    assert_eq!(both[0].location.as_ref().unwrap().line, 2);
}

#[test]
fn an_option_from_another_file_is_not_set_and_said_so() {
    for source in
        ["export { runtime } from './options'", "import { runtime } from './o'\nexport { runtime }"]
    {
        let read = read("app/a/route.ts", source);
        assert_eq!(read.config, SegmentConfig::default());
        let [only] = &read.found[..] else { panic!("{:?}", read.found) };
        assert!(!only.is_error() && only.message.contains("`runtime` is not set"), "{only:?}");
    }
}

#[test]
fn a_default_export_is_noticed() {
    let lacks = |source: &str| read("app/robots.ts", source).lacks_default;
    assert!(lacks("export const dynamic = 'error'"));
    assert!(!lacks("export default () => 1"));
    assert!(!lacks("const a = 1; export { a as default }"));
    assert!(!lacks("export { default } from './a'"));
    assert!(!lacks("module.exports = () => 1"));
}
