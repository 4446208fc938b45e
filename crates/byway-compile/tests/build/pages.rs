//! Which pages become routes, and why others do not.

use byway_routes::manifest::RouteKind;

use crate::fixture::Project;

const LAYOUT: &str = "export default function Layout({ children }) { return <html><body>{children}</body></html> }\n";
const PLAIN: &str = "export default () => null\n";

/// A project with this React and a layout.
fn project(react: &str) -> Project {
    let project = Project::new();
    for (name, file) in [("react", "index.js"), ("react-dom", "server.js")] {
        let package = format!("{{ \"name\": \"{name}\", \"version\": \"{react}\" }}");
        project.file(&format!("node_modules/{name}/package.json"), &package);
        project.file(&format!("node_modules/{name}/{file}"), "");
    }
    project.file("node_modules/react/jsx-runtime.js", "exports.jsx = exports.jsxs = () => null;\n");
    project.file("app/layout.tsx", LAYOUT);
    project
}

/// The paths that are rendered, and what is said of other pages, with files.
async fn outcome(project: &Project) -> (Vec<String>, Vec<String>) {
    let analysis = project.analyse().await;
    let manifest = analysis.manifest.unwrap_or_else(|| panic!("{:?}", analysis.found));
    let pages = manifest.routes.into_iter().filter(|route| route.kind == RouteKind::Page);
    let notes = analysis.unrendered.into_iter().map(|note| {
        let line = note.location.map_or(0, |location| location.line);
        format!("{}:{line}: {}", note.file.unwrap_or_default(), note.message)
    });
    (pages.map(|page| page.path).collect(), notes.collect())
}

/// The start of a page, files beside it, and what is said of it; nothing where it is rendered.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const CASES: &[Case] = &[
    (
        "import './plain'",
        &[("plain.ts", "import type { T } from './client'\nimport 'node:fs'\nimport 'fs'")],
        "",
    ),
    ("import Link from 'next/link'; import 'server-only'; import 'react'", &[], ""),
    ("'use client'", &[], "app/x/page.tsx:0: it is a component for browsers"),
    (
        "import './a'",
        &[("a.ts", "export * from './b'"), ("b.tsx", "'use client'")],
        "app/x/b.tsx:0: it is a component for browsers",
    ),
    (
        "const a = () => import('./client')",
        &[],
        "app/x/client.tsx:0: it is a component for browsers",
    ),
    (
        "import Image from 'next/image'",
        &[],
        "app/x/page.tsx:1: it imports `next/image`, which byway does not have",
    ),
    (
        "import { Inter } from 'next/font/google'",
        &[],
        "app/x/page.tsx:1: it imports `next/font/google`, which byway does not have",
    ),
    (
        "import 'client-only'",
        &[],
        "app/x/page.tsx:1: it imports `client-only`, which byway does not have",
    ),
    ("import './a.css'", &[("a.css", "p { color: red }")], ""),
    (
        "\nimport './a.css'",
        &[("a.css", "@tailwind base;")],
        "app/x/page.tsx:2: it imports a style sheet with `@tailwind`",
    ),
    ("import logo from './logo.png'", &[("logo.png", "")], "app/x/page.tsx:1: it imports an image"),
    ("import './gone'", &[], "app/x/page.tsx:1: it imports `./gone`, which is not there"),
    (
        "import 'no-such-package'",
        &[],
        "app/x/page.tsx:1: it imports `no-such-package`, which is not there",
    ),
    ("try { require('no-such-package') } catch {}", &[], ""),
    (
        "async function a() { 'use server' }",
        &[],
        "app/x/page.tsx:0: it has a Server Action within other code",
    ),
    ("export const runtime = 'edge'", &[], "app/x/page.tsx:0: it asks for the edge runtime"),
    (
        "",
        &[("loading.tsx", "'use client'\nexport default () => null")],
        "app/x/loading.tsx:0: it is a component for browsers",
    ),
    ("", &[("error.tsx", "'use client'\nexport default () => null")], ""),
    ("", &[("error.tsx", "'use client'\nimport './a.module.css'"), ("a.module.css", "")], ""),
    ("", &[("@side/default.tsx", PLAIN)], "app/x/page.tsx:0: `app/x` has parallel routes"),
];

#[tokio::test]
async fn a_page_is_rendered_unless_something_it_loads_needs_a_browser() {
    for (text, files, expect) in CASES {
        let mut project = project("19.0.0");
        project.page("app/x/page.tsx", &format!("{text}\n{PLAIN}"));
        project.file("app/x/client.tsx", "'use client'\nexport type T = 1\n");
        for (name, text) in *files {
            project.file(&format!("app/x/{name}"), text);
        }
        let (rendered, notes) = outcome(&project).await;
        let says = expect.replacen(": ", ": the page `app/x/page.tsx` is not rendered: ", 1);
        let expect =
            if says.is_empty() { (vec!["/x".to_owned()], vec![]) } else { (vec![], vec![says]) };
        assert_eq!((rendered, notes), expect, "{text} {files:?}");
    }
}

#[tokio::test]
async fn pages_need_a_react_that_waits() {
    let check = async |project: &mut Project, expect: &str| {
        project.page("app/page.tsx", PLAIN);
        let (rendered, notes) = outcome(project).await;
        assert_eq!(rendered, Vec::<String>::new());
        assert!(notes[0].ends_with(expect), "{notes:?}");
    };
    check(
        &mut project("18.3.1"),
        "React 19 and its `react-dom` are needed, and React 18.3.1 is installed",
    )
    .await;
    check(
        &mut Project::new(),
        "React 19 and its `react-dom` are needed, and `react-dom` is not installed",
    )
    .await;
}

#[tokio::test]
async fn a_page_that_is_not_rendered_takes_no_other_down() {
    let mut project = project("19.3.1");
    project.route("app/api/route.ts", "export const GET = () => new Response('ok')\n");
    project.page("app/bad/page.tsx", "import './none'\nexport default () => <p/>\n");
    project.page(
        "app/(group)/good/[id]/page.tsx",
        "export const revalidate = 60\nexport default () => <p/>\n",
    );
    let (rendered, notes) = outcome(&project).await;
    assert_eq!((rendered, notes.len()), (vec!["/good/[id]".to_owned()], 1));
    let manifest = project.analyse().await.manifest.unwrap();
    assert_eq!(manifest.routes[1].methods.as_deref(), Some(&["GET".to_owned()][..]));
    assert_eq!(manifest.pages.len(), 1);
    // Handlers beside it do not pay for what only pages need.
    assert!(!manifest.needs_context);
}

#[tokio::test]
async fn what_cannot_be_parsed_is_an_error_as_under_next() {
    let mut project = project("19.3.1");
    project.page("app/page.tsx", "export default () => <p>\n");
    let analysis = project.analyse().await;
    assert!(analysis.manifest.is_none());
    assert_eq!(analysis.found[0].file.as_deref(), Some("app/page.tsx"));
}
