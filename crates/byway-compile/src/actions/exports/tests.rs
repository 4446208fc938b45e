//! The table was filled by asking the compiler of Next 16.4.6.

use super::{Export, read};

fn check(code: &str, expect: &[(&str, u8)]) {
    let read = read("app/a.ts", &format!("'use server'\n{code}"));
    let messages: Vec<&str> = read.found.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(messages, [""; 0], "{code}");
    let expect: Vec<Export> = expect
        .iter()
        .map(|(name, parameters)| Export { name: (*name).to_owned(), parameters: *parameters })
        .collect();
    assert_eq!(read.exports, expect, "{code}");
}

fn check_fault(code: &str, expect: &str) {
    let read = read("app/a.ts", &format!("'use server'\n{code}"));
    assert_eq!(read.found.len(), 1, "{code}: {:?}", read.found);
    let fault = &read.found[0];
    assert!(fault.is_error() && fault.message.contains(expect), "{code}: {}", fault.message);
    assert_eq!(fault.location.as_ref().unwrap().line, 2, "{code}");
}

#[test]
fn async_functions_are_actions_however_they_are_written() {
    check("export async function a() {}", &[("a", 0x00)]);
    check("export const a = async () => 1", &[("a", 0x00)]);
    check("export const a = async function () {}", &[("a", 0x00)]);
    check("export default async function () {}", &[("default", 0x00)]);
    check("export default async () => 1", &[("default", 0x00)]);
    check("async function a(x, y) {}; export { a }", &[("a", 0x60)]);
    check("async function b(x) {}; export default b", &[("default", 0x40)]);
    check("const b = async (x) => 1; export { b as default }", &[("default", 0x40)]);
    check("let a = async (x) => 1; export { a }", &[("a", 0x40)]);
    check("export let b = async () => {}, a = async () => {}", &[("a", 0x00), ("b", 0x00)]);
    check("export async function* a() {}", &[("a", 0x00)]);
}

#[test]
fn the_first_byte_of_an_id_says_which_parameters_there_are() {
    check("export async function a(x, { y }, ...z) {}", &[("a", 0x7f)]);
    check("export async function a(x = 1) {}", &[("a", 0x40)]);
    check("export async function a(this: any, x: string) {}", &[("a", 0x40)]);
    check("export async function a(a, b, c, d, e, f) {}", &[("a", 0x7e)]);
    check("export async function a(a, b, c, d, e, f, g) {}", &[("a", 0x7f)]);
}

#[test]
fn what_only_running_tells_may_be_an_action() {
    for code in [
        "export const a = wrap(async () => 1)",
        "export const a = action.schema(z).action(async ({ parsedInput }) => 1)",
        "export const a = b.c",
        "const b = 1; export const a = b",
        "export const a = {}",
        "const a = 1; export { a }",
        "import { a } from './x'; export { a }",
        "export const { a } = x",
        "export const a = cond ? async () => 1 : null",
        "export let a",
        "export const a = (async (x) => 1)",
        "export const a = (async (x) => 1) as any",
    ] {
        check(code, &[("a", 0x7f)]);
    }
    check("export default wrap(x)", &[("default", 0x7f)]);
}

#[test]
fn types_are_nothing() {
    check("export type T = 1; export interface I {}; export declare const x: number", &[]);
    check("import type { A } from './x'; export type { A }; export type { B } from './y'", &[]);
    check(
        "export async function a(x: string): Promise<void>; export async function a(x) {}",
        &[("a", 0x40)],
    );
}

#[test]
fn what_is_no_async_function_is_a_fault() {
    for code in [
        "export function a() {}",
        "export const a = () => 1",
        "export const a = function () {}",
        "export default function () {}",
        "export default () => 1",
        "function a() {}; export { a }",
        "function b(x) {}; export default b",
        "let a = () => 1; export { a }",
    ] {
        check_fault(code, "must be async");
    }
    for code in [
        "export const a = 1",
        "export const a = 'x'",
        "export const a = null",
        "export const a = /x/",
        "export class A {}",
        "export default class {}",
        "export default 1",
        "export default {}",
        "export { a } from './x'",
        "export { default } from './x'",
        "export * from './x'",
        "export * as ns from './x'",
        "export const maxDuration = 60",
    ] {
        check_fault(code, "only async functions");
    }
}

#[test]
fn the_directive_has_to_begin_the_module() {
    let is_module = |source: &str| read("app/a.ts", source).is_module;
    assert!(is_module("'use server'\nexport async function a() {}"));
    assert!(is_module("\"use server\";export async function a() {}"));
    assert!(is_module("// why\n/* more */ 'use strict'; 'use server'\n"));
    assert!(!is_module("import x from 'y'\n'use server'\n"));
    assert!(!is_module("`use server`\n"));
    assert!(!is_module("const text = 'use server'\n"));
    assert!(!is_module("('use server')\n"));
}

#[test]
fn actions_within_other_code_are_pointed_at() {
    let check = |source: &str, line: u32| {
        let read = read("app/page.tsx", source);
        assert!(!read.is_module);
        let places: Vec<u32> =
            read.found.iter().map(|it| it.location.as_ref().unwrap().line).collect();
        assert_eq!(places, if line == 0 { vec![] } else { vec![line] }, "{source}");
        assert!(read.found.iter().all(|it| !it.is_error() && it.code == Some("inline-action")));
    };
    check(
        "export default function Page() {\n  async function save() {\n    'use server'\n  }\n}",
        3,
    );
    check("export const a = { save: async () => {\n'use server'\n} }", 2);
    check("export default function Page() { return 'use server' }", 0);
}
