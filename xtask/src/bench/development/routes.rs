//! A project of a hundred routes, as large as a real one's and all alike.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// How many routes there are.
pub(crate) const COUNT: usize = 100;
/// Modules that ten routes each share.
const SHARED: usize = 10;

/// The project. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) dir: PathBuf,
    _folder: TempDir,
}

impl Routes {
    /// Makes it in a folder whose packages it can use.
    pub(crate) fn make(inside: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("routes-").tempdir_in(inside)?;
        let dir = folder.path().to_owned();
        let routes = Self { dir, _folder: folder };
        routes
            .write("package.json", r#"{ "name": "routes", "private": true, "type": "module" }"#)?;
        routes.write("app/layout.tsx", LAYOUT)?;
        routes.write("tsconfig.json", TSCONFIG)?;
        routes.write("lib/http.ts", HTTP)?;
        for number in 0..SHARED {
            routes.write(&format!("lib/part{number}.ts"), &shared(number))?;
        }
        for number in 0..COUNT {
            routes.save(number, "the first text")?;
        }
        Ok(routes)
    }

    /// Writes a route that answers with `word`.
    pub(crate) fn save(&self, number: usize, word: &str) -> Result<()> {
        self.write(&format!("app/api/r{number}/route.ts"), &route(number, word))
    }

    fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.dir.join(file);
        let failed = || format!("cannot write `{}`", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(failed)?;
        }
        fs::write(&path, text).with_context(failed)
    }
}

/// The whole answer of a route that was saved with `word`.
pub(crate) fn answer(number: usize, word: &str) -> String {
    let part = number % SHARED;
    format!(r#"{{"route":{number},"word":"{word}","total":{}}}"#, part * 6 + 6)
}

const LAYOUT: &str = "\
export default function Layout({ children }: { children: React.ReactNode }) {
  return <html lang=\"en\"><body>{children}</body></html>
}
";

const TSCONFIG: &str = r#"{
  "compilerOptions": {
    "target": "ES2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "jsx": "preserve",
    "strict": true,
    "skipLibCheck": true,
    "paths": { "@/*": ["./*"] }
  },
  "include": ["**/*.ts", "**/*.tsx"]
}
"#;

const HTTP: &str = "\
import { NextResponse } from 'next/server'
import { z } from 'zod'

export const Input = z.object({ name: z.string().min(1), amount: z.coerce.number().nonnegative() })

export async function handle<T>(run: () => Promise<T> | T): Promise<Response> {
  try {
    return NextResponse.json(await run())
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown'
    return NextResponse.json({ error: message }, { status: 500 })
  }
}
";

fn shared(number: usize) -> String {
    format!(
        "\
interface Item {{
  readonly name: string
  readonly amount: number
}}

const items: Item[] = [1, 2, 3].map((factor) => ({{ name: `item ${{factor}}`, amount: factor * {weight} }}))

export function total(): number {{
  return items.reduce((sum, item) => sum + item.amount, 0)
}}
",
        weight = number + 1
    )
}

fn route(number: usize, word: &str) -> String {
    format!(
        "\
import {{ Input, handle }} from '@/lib/http'
import {{ total }} from '@/lib/part{part}'
import type {{ NextRequest }} from 'next/server'

export const dynamic = 'force-dynamic'

export async function GET(): Promise<Response> {{
  return handle(() => ({{ route: {number}, word: '{word}', total: total() }}))
}}

export async function POST(request: NextRequest): Promise<Response> {{
  return handle(async () => {{
    const input = Input.parse(await request.json())
    return {{ route: {number}, accepted: input.name, total: total() + input.amount }}
  }})
}}
",
        part = number % SHARED
    )
}
