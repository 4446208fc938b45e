//! byway's view of imports, told to the bundler.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rolldown_common::{ImportKind, ModuleType};
use rolldown_ecmascript::WithMutFields;
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformAstArgs, HookTransformAstReturn, HookUsage, Plugin,
    PluginContext, SharedLoadPluginContext,
};

use crate::assertions;
use crate::packages;
use crate::page;
use crate::pass::Pass;
use crate::place::{self, Layout};
use crate::resolve::external;
use crate::runtime::RuntimeSources;
use crate::special;
use crate::specifier::{Specifier, is_for_pages};
use crate::templates;
use crate::use_cache;
use crate::virtual_modules::{self as virtuals, Virtual};

/// The file of the worker's runtime behind functions with `'use cache'`.
const CACHED_FUNCTIONS: &str = "use-cache.ts";
/// The module with `ImageResponse`.
const IMAGES: &str = "next/og.ts";

/// Something wrong with an import. The build goes on with a module in its place that throws, so that
/// one build finds everything there is to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, absolute.
    pub(crate) importer: PathBuf,
    /// What it imports.
    pub(crate) specifier: String,
    /// What is wrong.
    pub(crate) problem: Problem,
}

/// What can be wrong with an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No such file.
    NoFile,
    /// No such package.
    NoPackage,
    /// The package is there, the part of it is not. Only what needs it fails, when it runs.
    NoSubpath,
    /// A part of Next, or an image, that is for pages.
    ForPages,
    /// Next's inside, or a part that does not exist.
    NextInternal,
    /// `ImageResponse`, and no library that draws images.
    NoImageLibrary,
    /// Something with `'use cache'` that cannot be cached, and its first and last byte.
    UseCache(use_cache::Fault, u32, u32),
}

/// The plugin. Findings are shared with whoever started the build.
#[derive(Debug)]
pub(crate) struct Byway {
    pub(crate) layout: Layout,
    pub(crate) runtime: Arc<RuntimeSources>,
    pub(crate) transpile: Vec<String>,
    pub(crate) tsconfig: Option<PathBuf>,
    /// Files that cannot be compiled, with what they import: in their place a module does just that, so
    /// that errors behind them are found too.
    pub(crate) broken: Broken,
    /// Whether the result is to run, so that a module in the place of such a file throws.
    pub(crate) broken_runs: bool,
    /// What this run of the bundler is about.
    pub(crate) pass: Pass,
    pub(crate) findings: Arc<Mutex<Vec<Finding>>>,
    /// The files that were loaded.
    pub(crate) loaded: Loaded,
    /// Whether next.config lets functions be cached.
    pub(crate) use_cache: bool,
    /// The text of the module that lists Server Actions.
    pub(crate) actions: Arc<str>,
    /// The texts of the modules that pages become, by the pages' files.
    pub(crate) pages: Arc<BTreeMap<String, String>>,
}

/// Files that the bundler has loaded.
pub(crate) type Loaded = Arc<Mutex<BTreeSet<PathBuf>>>;

/// Files with errors, and the specifiers of their imports.
pub(crate) type Broken = BTreeMap<PathBuf, Vec<String>>;

impl Byway {
    pub(crate) fn found(&self, args: &HookResolveIdArgs<'_>, problem: Problem) {
        if let Some(importer) = args.importer {
            let finding = Finding {
                importer: PathBuf::from(importer),
                specifier: args.specifier.to_owned(),
                problem,
            };
            self.findings.lock().push(finding);
        }
    }

    fn found_use_cache(&self, file: &Path, found: Vec<use_cache::Found>) {
        let findings = found.into_iter().map(|use_cache::Found { fault, span }| Finding {
            importer: file.to_owned(),
            specifier: format!("use cache at {}", span.start),
            problem: Problem::UseCache(fault, span.start, span.end),
        });
        self.findings.lock().extend(findings);
    }

    pub(crate) fn missing(
        &self,
        args: &HookResolveIdArgs<'_>,
        problem: Problem,
    ) -> HookResolveIdOutput {
        self.found(args, problem);
        HookResolveIdOutput::from_id(virtuals::missing_id(args.specifier))
    }

    /// Imports of virtual modules.
    fn resolve_from_virtual(
        &self,
        importer: &Virtual<'_>,
        specifier: &str,
        kind: ImportKind,
    ) -> Option<HookResolveIdOutput> {
        if specifier == virtuals::PLACE {
            return Some(HookResolveIdOutput::from_id(virtuals::place_id()));
        }
        match importer {
            Virtual::Worker(name) => {
                let target = match Specifier::of(specifier) {
                    Specifier::Path => self.runtime.relative(name, specifier),
                    _ => self.runtime.next_module(specifier),
                }?;
                Some(HookResolveIdOutput::from_id(virtuals::worker_id(&target)))
            }
            // The project's own file is absolute and found as any other.
            Virtual::Special { .. } | Virtual::Actions => match Virtual::parse(specifier) {
                Some(Virtual::Worker(name)) => Some(self.pass.runtime_module(name, kind)),
                _ => None,
            },
            Virtual::Page(_) => match Virtual::parse(specifier) {
                Some(Virtual::Worker(name)) => Some(self.pass.runtime_module(name, kind)),
                Some(_) => Some(HookResolveIdOutput::from_id(specifier)),
                None => page::package(specifier),
            },
            Virtual::Bridge(_) | Virtual::Package { .. } => Some(external(specifier)),
            Virtual::Missing(_) | Virtual::Unsupported(_) | Virtual::Place | Virtual::Style => None,
        }
    }

    fn resolve_next(&self, args: &HookResolveIdArgs<'_>, rest: &str) -> HookResolveIdOutput {
        if let Some(name) = self.runtime.next_module(args.specifier) {
            if name == IMAGES && !packages::draws_images(self.layout.project_dir()) {
                self.found(args, Problem::NoImageLibrary);
            }
            return self.pass.runtime_module(&name, args.kind);
        }
        if is_for_pages(rest) {
            self.found(args, Problem::ForPages);
            return HookResolveIdOutput::from_id(virtuals::unsupported_id(args.specifier));
        }
        self.missing(args, Problem::NextInternal)
    }

    /// Which folders tsconfig's `paths` make of `head`, the start of a specifier up to a `/`.
    fn aliased(&self, ctx: &PluginContext, head: &str) -> Vec<PathBuf> {
        let Some(tsconfig) = &self.tsconfig else { return Vec::new() };
        let Ok(tsconfig) = ctx.resolver().resolve_tsconfig(tsconfig) else { return Vec::new() };
        // Patterns match files, so a name is added for a moment.
        let files = tsconfig.resolve_path_alias_or_base_url(&format!("{head}_"));
        files.iter().filter_map(|file| file.parent().map(Path::to_owned)).collect()
    }
}

fn script(code: String) -> HookLoadOutput {
    HookLoadOutput { code: code.into(), module_type: Some(ModuleType::Js), ..Default::default() }
}

/// The module for a JSON file. As a `CommonJS` one it is a single value for every kind of import; the
/// bundler's own loses its names where a file is imported both statically and by `import()`. Text
/// that is no JSON is left to the bundler, whose error names the place.
fn json_code(file: &Path) -> Option<String> {
    if file.extension()? != "json" {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    serde_json::from_str::<serde_json::Value>(&text).ok()?;
    Some(virtuals::json_code(&text))
}

impl Plugin for Byway {
    fn name(&self) -> Cow<'static, str> {
        "byway".into()
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::TransformAst
    }

    async fn resolve_id(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        let Some(importer) = args.importer else {
            // Entries: the runtime's are virtual, the rest are files.
            let is_virtual = Virtual::parse(args.specifier).is_some();
            return Ok(is_virtual.then(|| HookResolveIdOutput::from_id(args.specifier)));
        };
        if let Some(importer) = Virtual::parse(importer) {
            return Ok(self.resolve_from_virtual(&importer, args.specifier, args.kind));
        }
        if importer.starts_with('\0') {
            return Ok(None);
        }
        if args.specifier == virtuals::USE_CACHE {
            return Ok(Some(self.pass.runtime_module(CACHED_FUNCTIONS, args.kind)));
        }
        if args.specifier == virtuals::PLACE {
            return Ok(Some(HookResolveIdOutput::from_id(virtuals::place_id())));
        }
        match Specifier::of(args.specifier) {
            Specifier::Url => Ok(None),
            Specifier::Next(rest) => Ok(Some(self.resolve_next(args, rest))),
            Specifier::Only => Ok(self
                .runtime
                .next_module(args.specifier)
                .map(|name| self.pass.runtime_module(&name, args.kind))),
            Specifier::Path | Specifier::Imports | Specifier::Bare => {
                self.resolve_on_disk(ctx, args, importer).await
            }
        }
    }

    async fn load(&self, _: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let Some(module) = Virtual::parse(args.id) else {
            let file = Path::new(args.id);
            self.loaded.lock().insert(file.to_owned());
            let broken = self.broken.get(file).map(|imports| {
                if self.broken_runs {
                    virtuals::broken_code(&self.layout.project_path(file), imports)
                } else {
                    virtuals::imports_code(imports)
                }
            });
            return Ok(broken.or_else(|| json_code(file)).map(script));
        };
        let code = match module {
            Virtual::Worker(name) => return self.runtime.load(name).map(Some),
            Virtual::Bridge(name) => virtuals::bridge_code(name),
            Virtual::Special { source, file } => special::code(&self.layout, source, file)?,
            Virtual::Page(file) => self.pages.get(file).cloned().unwrap_or_default(),
            Virtual::Package { anchor, specifier } => virtuals::package_code(anchor, specifier),
            Virtual::Missing(specifier) => virtuals::missing_code(specifier),
            Virtual::Unsupported(specifier) => virtuals::unsupported_code(specifier),
            Virtual::Actions => self.actions.to_string(),
            Virtual::Style => "export default {};\n".to_owned(),
            Virtual::Place => virtuals::place_code(&self.layout),
        };
        Ok(Some(script(code)))
    }

    async fn transform_ast(
        &self,
        ctx: &PluginContext,
        args: HookTransformAstArgs<'_>,
    ) -> HookTransformAstReturn {
        let mut ast = args.ast;
        let file = Path::new(args.id);
        if !file.is_absolute() {
            return Ok(ast);
        }
        if templates::may_ask(ast.source()) {
            let aliased = |head: &str| self.aliased(ctx, head);
            ast.program.with_mut(|WithMutFields { allocator, program, .. }| {
                templates::rewrite(program, allocator, file, &aliased);
            });
        }
        if use_cache::may_ask(ast.source()) {
            let name = self.layout.project_path(file);
            ast.program.with_mut(|WithMutFields { allocator, program, .. }| {
                let found = use_cache::rewrite(program, allocator, &name, self.use_cache);
                self.found_use_cache(file, found);
            });
        }
        if self.pass.is_edge() && assertions::may_ask(ast.source()) {
            ast.program.with_mut(|WithMutFields { allocator, program, .. }| {
                assertions::rewrite(program, allocator);
            });
        }
        if place::may_ask(ast.source()) {
            ast.program.with_mut(|WithMutFields { allocator, program, .. }| {
                place::rewrite(program, allocator, &self.layout, file);
            });
        }
        Ok(ast)
    }
}
