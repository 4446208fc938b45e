//! A project in a temporary folder, built with a small runtime, whose chunks real Node runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use byway_compile::{
    ActionSources, Analysis, BuildError, BuildInput, BuildOutput, DevBuild, Developer,
    RuntimeSources, SourceRoute, build_with,
};
use byway_error::Diagnostic;
use byway_routes::conventions::page_from_file;
use byway_routes::manifest::{Manifest, Page, RouteKind};
use byway_routes::next_config::NextConfig;
use byway_routes::pattern::{Pattern, Segment};

/// Enough of a runtime to see how its modules are wired up.
const RUNTIME: &[(&str, &str)] = &[
    (
        "main.ts",
        "import { store } from './store.ts';\n\
         enum Mode { On = 'on' }\n\
         export const mode: Mode = Mode.On;\n\
         export { store };\n",
    ),
    ("store.ts", "export const store: { seen: string[] } = { seen: [] };\n"),
    ("next/index.ts", "export default {};\n"),
    (
        "next/server.ts",
        "import { store } from '../store.ts';\n\
         export class NextResponse extends Response {}\n\
         export const seen = store.seen;\n",
    ),
    (
        "next/headers.ts",
        "import { store } from '../store.ts';\n\
         export function cookies(): string[] { store.seen.push('cookies'); return store.seen; }\n",
    ),
    ("next/empty.ts", "export {};\n"),
];

pub(crate) struct Project {
    dir: tempfile::TempDir,
    pub(crate) routes: Vec<String>,
    pub(crate) pages: Vec<String>,
    pub(crate) instrumentation: Option<String>,
    pub(crate) proxy: Option<String>,
    pub(crate) transpile: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// The project's folder below the temporary one, for workspaces.
    root: &'static str,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self::within("project")
    }

    pub(crate) fn within(root: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(root)).unwrap();
        Self {
            dir,
            routes: Vec::new(),
            pages: Vec::new(),
            instrumentation: None,
            proxy: None,
            transpile: Vec::new(),
            env: BTreeMap::new(),
            root,
        }
    }

    /// The folder around the project.
    pub(crate) fn outside(&self) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.outside().join(self.root)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A file in `app/`, `pages/` or wherever routes are.
    pub(crate) fn route(&mut self, name: &str, text: &str) -> &mut Self {
        self.file(name, text);
        self.routes.push(name.to_owned());
        self
    }

    /// A page in `app/`.
    pub(crate) fn page(&mut self, name: &str, text: &str) -> &mut Self {
        self.file(name, text);
        self.pages.push(name.to_owned());
        self
    }

    pub(crate) async fn try_build(&self) -> Result<BuildOutput, BuildError> {
        build_with(self.input(), RuntimeSources::new(RUNTIME.iter().copied())).await
    }

    /// With the runtime that byway ships.
    pub(crate) async fn build_embedded(&self) -> BuildOutput {
        build_with(self.input(), RuntimeSources::embedded()).await.unwrap()
    }

    fn input(&self) -> BuildInput {
        let tsconfig = ["tsconfig.json", "jsconfig.json"]
            .map(|name| self.root().join(name))
            .into_iter()
            .find(|path| path.exists());
        let routes = self.routes.iter().map(|file| source_route(file)).collect();
        BuildInput {
            project_dir: self.root(),
            out_dir: self.root().join(".byway"),
            routes,
            pages: self.pages.iter().map(|file| page(file)).collect(),
            actions: ActionSources::default(),
            inlined_env: self.env.clone(),
            instrumentation: self.instrumentation.clone(),
            proxy: self.proxy.clone(),
            tsconfig,
            next_config: None,
            config: NextConfig {
                transpile_packages: self.transpile.clone(),
                ..NextConfig::default()
            },
            production: true,
        }
    }

    pub(crate) async fn build(&self) -> BuildOutput {
        match self.try_build().await {
            Ok(output) => output,
            Err(BuildError::Project(found)) => {
                let text: Vec<String> = found.iter().map(ToString::to_string).collect();
                panic!("the build failed:\n{}", text.join("\n"));
            }
            Err(error) => panic!("the build failed: {error}"),
        }
    }

    /// Makes builds for development with the small runtime.
    pub(crate) fn developer(&self) -> Developer {
        let runtime = RuntimeSources::new(RUNTIME.iter().copied());
        Developer::with_runtime(&self.root(), runtime)
    }

    /// A build for development.
    pub(crate) async fn develop(&self, developer: &Developer) -> DevBuild {
        developer.build(BuildInput { production: false, ..self.input() }).await.unwrap()
    }

    /// As [`run`](Self::run), for a build for development.
    pub(crate) async fn run_developed(
        &self,
        developer: &Developer,
        build: &DevBuild,
        script: &str,
    ) -> String {
        let input = BuildInput { production: false, ..self.input() };
        let runtime = developer.runtime(&input).await.unwrap();
        for file in runtime.iter().chain(&build.files) {
            let path = self.root().join(".byway").join(&file.name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &file.bytes).unwrap();
        }
        self.run_manifest(&build.manifest, script)
    }

    /// The project's errors and warnings; panics if the build is good.
    pub(crate) async fn errors(&self) -> Vec<Diagnostic> {
        match self.try_build().await {
            Ok(_) => panic!("the build should fail"),
            Err(BuildError::Project(found)) => found,
            Err(error) => panic!("another error was expected: {error}"),
        }
    }

    /// What would become of the project, with the runtime that byway ships.
    pub(crate) async fn analyse(&self) -> Analysis {
        byway_compile::analyse(self.input()).await.unwrap()
    }

    /// Runs `script` as a module in the project's parent folder. It has `load(index)`, which imports the
    /// chunk of a route, and prints what `show` is given as JSON.
    pub(crate) fn run(&self, output: &BuildOutput, script: &str) -> String {
        self.run_manifest(&output.manifest, script)
    }

    fn run_manifest(&self, manifest: &Manifest, script: &str) -> String {
        let chunks: Vec<String> = manifest
            .routes
            .iter()
            .map(|route| self.root().join(".byway").join(&route.chunk).display().to_string())
            .collect();
        let script = format!(
            "const chunks = {chunks:?};\n\
             const root = {:?};\n\
             const load = (index) => import('file://' + encodeURI(chunks[index]).replaceAll('#', '%23'));\n\
             const show = (value) => console.log(JSON.stringify(value));\n{script}",
            self.root().display().to_string()
        );
        node(&self.outside(), &script)
    }
}

fn page(file: &str) -> Page {
    let pattern = page_from_file(file.strip_prefix("app/").unwrap(), &["tsx"]).unwrap().unwrap();
    Page { file: file.to_owned(), pattern }
}

fn source_route(file: &str) -> SourceRoute {
    let kind = if file.starts_with("pages/") { RouteKind::Pages } else { RouteKind::App };
    let pattern = Pattern { segments: vec![Segment::Static(file.to_owned())] };
    SourceRoute { path: format!("/{file}"), pattern, file: file.to_owned(), kind, special: None }
}

/// What the script prints; panics with its errors if it fails.
fn node(dir: &Path, script: &str) -> String {
    let output = Command::new("node")
        .args(["--enable-source-maps", "--input-type=module", "-e", script])
        .current_dir(dir)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
