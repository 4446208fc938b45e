//! Server Actions through the real binary. What Next 16.4.6 answers to the same requests was read from it by hand.

#![allow(clippy::unwrap_used, reason = "a test that fails is the right answer to an error")]

mod calls;
mod dev;
mod elsewhere;
mod forms;
mod hostile;
mod ids;

use std::collections::BTreeMap;
use std::time::Duration;

use byway_testkit::{Fixture, RawResponse, TestServer};
use serde_json::Value as Json;

/// The donations of a charity: actions that write, a route that reads.
pub(crate) const FILES: &[(&str, &str)] = &[
    (
        "lib/store.ts",
        "export const pledges: { donor: string; amount: number }[] = []\nexport const seen: unknown[] = []\n",
    ),
    (
        "app/actions.ts",
        "'use server'

import { revalidatePath, revalidateTag, updateTag, refresh } from 'next/cache'
import { cookies, draftMode, headers } from 'next/headers'
import { forbidden, notFound, permanentRedirect, redirect } from 'next/navigation'
import { after } from 'next/server'
import { pledges, seen } from '@/lib/store'

export async function pledge(form: FormData) {
  const amount = Number(form.get('amount'))
  if (!(amount > 0)) return { ok: false, error: 'amount' }
  pledges.push({ donor: String(form.get('donor')), amount })
  ;(await cookies()).set('donor', String(form.get('donor')))
  revalidatePath('/donations')
  return { ok: true, total: pledges.length }
}
export async function thank(form: FormData) {
  ;(await cookies()).set('thanked', String(form.get('donor')))
  redirect('/thanks')
}
export async function step(before: number, form: FormData) {
  seen.push([before, [...form].map(([name, value]) => [name, String(value)])])
  return before + 1
}
export const echo = async (...given: unknown[]) => given
export async function nothing() {}
export async function fails() { throw new TypeError('a secret of the server') }
export async function digested() { throw Object.assign(new Error('hidden'), { digest: 'KNOWN' }) }
export async function leaves() { redirect('/other?x=1') }
export async function moves() { permanentRedirect('https://example.com/a') }
export async function lost() { notFound() }
export async function barred() { forbidden() }
export async function marks(kind: string) {
  if (kind === 'path') revalidatePath('/donations')
  if (kind === 'tag') updateTag('t')
  if (kind === 'old-tag') revalidateTag('t', 'max')
  if (kind === 'refresh') refresh()
  if (kind === 'cookie') (await cookies()).set('c', '1')
  if (kind === 'draft') (await draftMode()).enable()
  return kind
}
export async function asks() { return [(await headers()).get('x-mine'), (await cookies()).get('a')?.value] }
export async function later() { after(() => { seen.push('after') }); return 'now' }
export async function instance() { return new (class Own { x = 1 })() }
export async function slow() { await new Promise((resolve) => setTimeout(resolve, 60_000)) }
const local = async (x: number) => x + 1
export { local as renamed }
export default async function () { return 'default' }
",
    ),
    ("app/page.tsx", "export default function Page() { return null }\n"),
    ("app/donations/page.tsx", "export default function Page() { return null }\n"),
    (
        "app/api/pledges/route.ts",
        "import { pledges, seen } from '@/lib/store'\nexport const GET = () => Response.json({ pledges, seen })\n\
         export const POST = async (request: Request) => new Response(await request.text(), { headers: { 'x-action': request.headers.get('next-action') ?? '' } })\n",
    ),
    (
        "app/api/early/route.ts",
        "import { refresh, updateTag } from 'next/cache'\n\
         const said = (run: () => void) => { try { run(); return '' } catch (error) { return (error as Error).message } }\n\
         export const GET = () => Response.json([said(() => updateTag('t')), said(refresh)])\n",
    ),
    ("tsconfig.json", "{ \"compilerOptions\": { \"paths\": { \"@/*\": [\"./*\"] } } }\n"),
    ("public/file.txt", "a file"),
];

/// A served project with what its actions are called.
pub(crate) struct Served {
    _project: Fixture,
    pub(crate) server: TestServer,
    pub(crate) ids: BTreeMap<String, String>,
}

pub(crate) const BOUNDARY: &str = "----byway-boundary-0123456789";

impl Served {
    pub(crate) fn start(more: &[(&str, &str)]) -> Self {
        let mut files = FILES.to_vec();
        files.extend(more);
        let (project, server) = Fixture::served(env!("CARGO_BIN_EXE_byway"), &files).unwrap();
        let ids = ids(&project);
        Self { _project: project, server, ids }
    }

    pub(crate) fn id(&self, name: &str) -> &str {
        &self.ids[name]
    }

    /// Waits for a line of the log, which may come after the answer.
    pub(crate) fn logged(&self, needle: &str) -> String {
        let line = self.server.wait_for_log(needle, Duration::from_secs(10));
        line.unwrap_or_else(|| panic!("no `{needle}` in {}", self.server.stderr()))
    }

    /// Calls an action as React's client does, with arguments that fit into a text.
    pub(crate) fn call(&self, name: &str, arguments: &str) -> RawResponse {
        self.call_with(name, arguments, &[])
    }

    pub(crate) fn call_with(
        &self,
        name: &str,
        arguments: &str,
        more: &[(&str, &str)],
    ) -> RawResponse {
        let id = self.ids.get(name).map_or(name, String::as_str);
        let mut headers = vec![
            ("Next-Action", id),
            ("Accept", "text/x-component"),
            ("Content-Type", "text/plain;charset=UTF-8"),
        ];
        headers.extend(more);
        self.server.request("POST", "/donations", &headers, arguments).unwrap()
    }

    /// Sends a form as a browser does without JavaScript.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RawResponse {
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let headers = [("Content-Type", content_type.as_str())];
        self.server.request("POST", path, &headers, &multipart(fields)).unwrap()
    }

    pub(crate) fn seen(&self) -> Json {
        self.server.get("/api/pledges").unwrap().json()
    }
}

/// The ids by the names of the exports, as the build gave them.
pub(crate) fn ids(project: &Fixture) -> BTreeMap<String, String> {
    let manifest: Json =
        serde_json::from_str(&project.read(".byway/manifest.json").unwrap()).unwrap();
    let entries = manifest["actions"]["entries"].as_array().unwrap();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    entries.iter().map(|it| (text(&it["export"]), text(&it["id"]))).collect()
}

pub(crate) fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    fields.iter().map(part).collect::<String>() + &format!("--{BOUNDARY}--\r\n")
}

/// The row of a result, without its number.
pub(crate) fn result(response: &RawResponse) -> String {
    let text = response.text();
    let row = text.lines().find_map(|line| line.strip_prefix("1:"));
    row.unwrap_or_else(|| panic!("no result in {text:?}")).to_owned()
}
