//! The worker runtime's TypeScript: embedded in the crate, served to the bundler as virtual modules.
//!
//! The text is stripped of its types here and not by the bundler, because the bundler applies the
//! project's tsconfig to all TypeScript, and the runtime must not change with `useDefineForClassFields`
//! or `experimentalDecorators` of the project.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use oxc::allocator::Allocator;
use oxc::codegen::{Codegen, CodegenOptions};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::transformer::{TransformOptions, Transformer};
use rolldown_plugin::HookLoadOutput;

use crate::virtual_modules;

/// The entry of the worker process.
pub(crate) const MAIN: &str = "main.ts";
/// The module behind `server-only` and `client-only`.
const EMPTY: &str = "next/empty.ts";

/// What modules that byway generates or rewrites import.
const GENERATED: [&str; 8] = [
    "actions/registry.ts",
    "page/route.ts",
    "special/bytes.ts",
    "special/image.ts",
    "special/manifest.ts",
    "special/robots.ts",
    "special/sitemap.ts",
    "use-cache.ts",
];

/// The runtime's sources by name, such as `next/server.ts`.
#[derive(Debug, Clone)]
pub struct RuntimeSources {
    files: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
}

impl RuntimeSources {
    /// The sources that this byway was compiled with.
    pub fn embedded() -> Self {
        const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/worker_sources.rs"));
        let files = FILES.iter().map(|&(name, text)| (name.into(), text.into())).collect();
        Self { files }
    }

    /// Other sources, with names relative to the runtime's root and `/` between folders.
    pub fn new<Name, Text>(files: impl IntoIterator<Item = (Name, Text)>) -> Self
    where
        Name: Into<Cow<'static, str>>,
        Text: Into<Cow<'static, str>>,
    {
        Self { files: files.into_iter().map(|(name, text)| (name.into(), text.into())).collect() }
    }

    /// The `next/*` modules: what user code imports, and the name of the file behind it.
    pub(crate) fn next_modules(&self) -> Vec<(String, String)> {
        let mut modules = Vec::new();
        for name in self.files.keys() {
            let Some(stem) = name.strip_prefix("next/").and_then(|rest| rest.strip_suffix(".ts"))
            else {
                continue;
            };
            match stem {
                "index" => modules.push(("next".to_owned(), name.to_string())),
                "empty" => {
                    modules.push(("server-only".to_owned(), name.to_string()));
                    modules.push(("client-only".to_owned(), name.to_string()));
                }
                _ => modules.push((format!("next/{stem}"), name.to_string())),
            }
        }
        modules
    }

    /// The files that modules outside the runtime import.
    pub(crate) fn importable(&self) -> BTreeSet<String> {
        let is_open = |name: &&str| name.starts_with("next/") || GENERATED.contains(name);
        self.files.keys().map(AsRef::as_ref).filter(is_open).map(str::to_owned).collect()
    }

    /// The file that answers for `specifier`, with or without `.js` at its end.
    pub(crate) fn next_module(&self, specifier: &str) -> Option<String> {
        let name = match specifier {
            "server-only" | "client-only" => EMPTY.to_owned(),
            "next" => "next/index.ts".to_owned(),
            _ => {
                let rest = specifier.strip_prefix("next/")?;
                let rest = rest.strip_suffix(".js").unwrap_or(rest);
                if matches!(rest, "empty" | "index") {
                    return None;
                }
                format!("next/{rest}.ts")
            }
        };
        self.files.contains_key(name.as_str()).then_some(name)
    }

    /// The file that `importer` means by the relative `specifier`.
    pub(crate) fn relative(&self, importer: &str, specifier: &str) -> Option<String> {
        let mut parts: Vec<&str> = importer.split('/').collect();
        parts.pop();
        for part in specifier.split('/') {
            match part {
                "." | "" => {}
                ".." => {
                    parts.pop()?;
                }
                _ => parts.push(part),
            }
        }
        let name = parts.join("/");
        self.files.contains_key(name.as_str()).then_some(name)
    }

    /// The JavaScript of `name` with its source map, or why there is none.
    pub(crate) fn load(&self, name: &str) -> anyhow::Result<HookLoadOutput> {
        let text = self
            .files
            .get(name)
            .ok_or_else(|| anyhow::anyhow!("the worker runtime has no file `{name}`"))?;
        strip_types(name, text)
    }
}

#[expect(clippy::redundant_closure_for_method_calls, reason = "the map's type has no name here")]
fn strip_types(name: &str, text: &str) -> anyhow::Result<HookLoadOutput> {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, text, SourceType::ts()).parse();
    if let Some(error) = parsed.diagnostics.into_iter().next() {
        anyhow::bail!("the worker runtime's `{name}` does not parse: {error}");
    }
    let scoping =
        SemanticBuilder::new().with_enum_eval(true).build(&parsed.program).semantic.into_scoping();
    let options = TransformOptions::default();
    Transformer::new(&allocator, Path::new(name), &options)
        .build_with_scoping(scoping, &mut parsed.program);
    let printed = Codegen::new()
        .with_options(CodegenOptions {
            source_map_path: Some(PathBuf::from(virtual_modules::worker_id(name))),
            ..CodegenOptions::default()
        })
        .with_source_text(text)
        .build(&parsed.program);
    Ok(HookLoadOutput {
        code: printed.code.into(),
        map: printed.map.map(|map| map.into_owned()),
        side_effects: None,
        module_type: Some(rolldown_common::ModuleType::Js),
    })
}
