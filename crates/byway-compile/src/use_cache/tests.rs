//! What becomes of functions with the directive.

use oxc::allocator::Allocator;
use oxc::codegen::Codegen;
use oxc::parser::Parser;
use oxc::span::SourceType;

use super::{Fault, rewrite};

const IMPORT: &str = "import { cached as __bywayCached } from \"byway:use-cache\";";

fn rewritten(source: &str) -> (String, Vec<Fault>) {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, source, SourceType::ts()).parse();
    let found = rewrite(&mut parsed.program, &allocator, "a.ts", true);
    let code = Codegen::new().build(&parsed.program).code;
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
    (code, found.into_iter().map(|it| it.fault).collect())
}

#[track_caller]
fn check(source: &str, expect: &str) {
    let (code, faults) = rewritten(source);
    assert_eq!(faults, [], "{source}");
    let code = code.strip_prefix(IMPORT).map_or(code.as_str(), str::trim);
    assert_eq!(code, expect, "{source}");
}

#[track_caller]
fn refused(source: &str, expect: Fault) {
    assert_eq!(rewritten(source).1, [expect], "{source}");
}

#[test]
fn functions_of_every_form_ask_the_cache() {
    check(
        "export async function f(a: number, b = 2): Promise<number> { 'use cache'; return a + b }",
        "export async function f(): Promise<number> { return __bywayCached(\"default\", \"a.ts#0\", \
         2, [], async function(a: number, b = 2) { return a + b; }, arguments); }",
    );
    check(
        "export const f = async (...all) => { 'use cache: remote'; return all }",
        "export const f = async (...__bywayGiven) => { return __bywayCached(\"remote\", \"a.ts#0\", \
         Infinity, [], async (...all) => { return all; }, __bywayGiven); };",
    );
    check(
        "export const o = { async m(x) { 'use cache'; return x } }",
        "export const o = { async m() { return __bywayCached(\"default\", \"a.ts#0\", 1, [], \
         async function(x) { return x; }, arguments); } };",
    );
    check(
        "module.exports = async function () { 'use cache' }",
        "module.exports = async function() { return require(\"byway:use-cache\").cached(\
         \"default\", \"a.ts#0\", 0, [], async function() {}, arguments); };",
    );
}

#[test]
fn what_is_read_of_functions_around_it_is_bound() {
    let bound = |source: &str, expect: &str| {
        let (code, faults) = rewritten(source);
        assert_eq!(faults, [], "{source}");
        assert!(code.contains(&format!(", [{expect}], ")), "{expect} is not in {code}");
    };
    bound(
        "const top = 1; export async function GET(req: Request) { const { id } = req as Thing; type Thing = any;
           async function f(own: Thing) { 'use cache'; return [id, own, top, () => req, f, Math] }
           return f(1) }",
        "id, req",
    );
    bound(
        "export const x = async (a) => { const g = async () => { 'use cache'; { const a = 1; return a } }; return g() }",
        "",
    );
    bound(
        "export async function x(a) { { const b = a; return (async () => { 'use cache'; return b })() } }",
        "b",
    );
}

#[test]
fn the_exported_functions_of_a_file_are_cached() {
    let (code, faults) = rewritten(
        "'use cache'; export async function a() {} export const b = async () => 1; \
         async function c() {} async function d() {} export { d as e }; export type T = 1; \
         export default async function () {}",
    );
    assert_eq!(faults, []);
    assert_eq!(code.matches("__bywayCached(").count(), 4, "{code}");
    assert!(code.contains("async function c() {}") && !code.contains("use cache\""), "{code}");
    refused("'use cache'; export const x = 5", Fault::ExportsOther);
    refused("'use cache'; export * from './x'", Fault::ExportsOther);
    refused("'use cache'; export function f() {}", Fault::NotAsync);
}

#[test]
fn what_cannot_be_cached_is_said() {
    refused("export function f() { 'use cache' }", Fault::NotAsync);
    refused("export async function* f() { 'use cache' }", Fault::NotAsync);
    refused("export async function f() { 'use cache'; return () => this }", Fault::ReadsThis);
    refused("export async function f() { 'use cache'; return arguments[0] }", Fault::ReadsThis);
    refused("class A { async f() { 'use cache' } }", Fault::InstanceMethod);
    refused("export async function f() { 'use cache: redis' }", Fault::UnknownKind);
    check(
        "async function f() { const o = function () { return this }; 'use cache' }",
        "async function f() { const o = function() { return this; }; \"use cache\"; }",
    );
    let allocator = Allocator::default();
    let source = "async function f() { 'use cache' }";
    let mut parsed = Parser::new(&allocator, source, SourceType::ts()).parse();
    let found = rewrite(&mut parsed.program, &allocator, "a.ts", false);
    assert_eq!(found[0].fault, Fault::NotEnabled);
    assert_eq!(&source[found[0].span.start as usize..found[0].span.end as usize], "'use cache'");
}

#[test]
fn directives_are_told_from_other_text() {
    for source in [
        "const text = 'use cache'",
        "async function f() { 'use cachet' }",
        "function f() { g(); 'use cache' }",
    ] {
        let (code, faults) = rewritten(source);
        assert_eq!(faults, []);
        assert!(!code.contains("cached("), "{code}");
    }
}
