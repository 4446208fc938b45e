//! byway's view of imports, told to the bundler.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rolldown_common::{ImportKind, ModuleType, ResolvedExternal, ResolvedId};
use rolldown_ecmascript::WithMutFields;
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformAstArgs, HookTransformAstReturn, HookUsage, Plugin,
    PluginContext, PluginContextResolveOptions, SharedLoadPluginContext,
};
use rolldown_resolver::ResolveError;

use crate::packages::{self, Treatment};
use crate::place::{self, Layout};
use crate::runtime::RuntimeSources;
use crate::specifier::{Specifier, is_for_pages, package_name, package_subpath};
use crate::virtual_modules::{self as virtuals, Virtual};

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
    /// A part of Next that is for pages.
    ForPages,
    /// Next's inside, or a part that does not exist.
    NextInternal,
}

/// The plugin. Findings are shared with whoever started the build.
#[derive(Debug)]
pub(crate) struct Byway {
    pub(crate) layout: Layout,
    pub(crate) runtime: Arc<RuntimeSources>,
    pub(crate) transpile: Vec<String>,
    pub(crate) findings: Arc<Mutex<Vec<Finding>>>,
}

impl Byway {
    fn found(&self, args: &HookResolveIdArgs<'_>, problem: Problem) {
        if let Some(importer) = args.importer {
            let finding = Finding {
                importer: PathBuf::from(importer),
                specifier: args.specifier.to_owned(),
                problem,
            };
            self.findings.lock().push(finding);
        }
    }

    fn missing(&self, args: &HookResolveIdArgs<'_>, problem: Problem) -> HookResolveIdOutput {
        self.found(args, problem);
        HookResolveIdOutput::from_id(virtuals::missing_id(args.specifier))
    }

    /// Imports of virtual modules.
    fn resolve_from_virtual(
        &self,
        importer: &Virtual<'_>,
        specifier: &str,
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
            Virtual::Package { .. } => Some(external(specifier)),
            Virtual::Missing(_) | Virtual::Unsupported(_) | Virtual::Place => None,
        }
    }

    fn resolve_next(&self, args: &HookResolveIdArgs<'_>, rest: &str) -> HookResolveIdOutput {
        if let Some(name) = self.runtime.next_module(args.specifier) {
            return HookResolveIdOutput::from_id(virtuals::worker_id(&name));
        }
        if is_for_pages(rest) {
            self.found(args, Problem::ForPages);
            return HookResolveIdOutput::from_id(virtuals::unsupported_id(args.specifier));
        }
        self.missing(args, Problem::NextInternal)
    }

    /// Files, packages and aliases: resolved as the bundler does it, then sorted.
    async fn resolve_on_disk(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
        importer: &str,
    ) -> HookResolveIdReturn {
        let resolved = match lookup(ctx, args.specifier, importer, args.kind).await? {
            Ok(resolved) => resolved,
            Err(error) => return Ok(self.unresolved(args, importer, &error)),
        };
        // Node's own modules.
        if !matches!(resolved.external, ResolvedExternal::Bool(false)) {
            return Ok(None);
        }
        let specifier = Specifier::of(args.specifier);
        if specifier == Specifier::Path {
            return Ok(Some(HookResolveIdOutput::from_resolved_id(resolved)));
        }
        let file = PathBuf::from(resolved.id.as_str());
        let type_module =
            resolved.package_json.as_ref().is_some_and(|json| json.r#type() == Some("module"));
        match packages::treatment(&file, args.specifier, type_module, &self.transpile) {
            Treatment::Bundle => Ok(Some(HookResolveIdOutput::from_resolved_id(resolved))),
            Treatment::ImportModule => {
                let exact = packages::needs_exact_path(&file, package_subpath(args.specifier))
                    || !self.same_from_project(ctx, args, &resolved).await?;
                Ok(Some(if exact { exact_external(&resolved) } else { external(args.specifier) }))
            }
            Treatment::RequireModule => {
                let anchor = if self.same_from_project(ctx, args, &resolved).await? {
                    String::new()
                } else {
                    let dir = Path::new(importer).parent().unwrap_or(Path::new("/"));
                    place::url_path(&self.layout.from_project(dir))
                };
                let id = virtuals::package_id(&anchor, args.specifier);
                Ok(Some(HookResolveIdOutput::from_id(id)))
            }
        }
    }

    /// Whether the project's own folder, and so a chunk in `.byway/`, finds the same file.
    async fn same_from_project(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
        resolved: &ResolvedId,
    ) -> anyhow::Result<bool> {
        let from = self.layout.project_dir().join("chunk.mjs");
        let from = from.to_string_lossy();
        let other = lookup(ctx, args.specifier, &from, args.kind).await?;
        Ok(other.is_ok_and(|other| other.id == resolved.id))
    }

    fn unresolved(
        &self,
        args: &HookResolveIdArgs<'_>,
        importer: &str,
        error: &ResolveError,
    ) -> Option<HookResolveIdOutput> {
        let name = match Specifier::of(args.specifier) {
            Specifier::Bare => package_name(args.specifier),
            _ => None,
        };
        let installed = name.is_some_and(|name| packages::is_installed(Path::new(importer), name));
        match error {
            ResolveError::NotFound(_) | ResolveError::ExtensionAlias(..) => match name {
                None => Some(self.missing(args, Problem::NoFile)),
                Some(_) if installed => Some(self.absent_subpath(args, importer)),
                Some(_) => Some(self.missing(args, Problem::NoPackage)),
            },
            _ if installed => Some(self.absent_subpath(args, importer)),
            // The bundler's own words are best for a broken tsconfig or package.json.
            _ => None,
        }
    }

    /// Node may still find it under conditions of its own; if not, its error says why.
    fn absent_subpath(&self, args: &HookResolveIdArgs<'_>, importer: &str) -> HookResolveIdOutput {
        self.found(args, Problem::NoSubpath);
        let dir = Path::new(importer).parent().unwrap_or(Path::new("/"));
        let anchor = place::url_path(&self.layout.from_project(dir));
        HookResolveIdOutput::from_id(virtuals::package_id(&anchor, args.specifier))
    }
}

async fn lookup(
    ctx: &PluginContext,
    specifier: &str,
    importer: &str,
    import_kind: ImportKind,
) -> anyhow::Result<Result<ResolvedId, ResolveError>> {
    let options = PluginContextResolveOptions { import_kind, ..Default::default() };
    ctx.resolve(specifier, Some(importer), Some(options)).await
}

fn external(specifier: &str) -> HookResolveIdOutput {
    HookResolveIdOutput {
        id: specifier.into(),
        external: Some(ResolvedExternal::Bool(true)),
        ..Default::default()
    }
}

/// An absolute id; `options` turns it into a path relative to the chunk.
fn exact_external(resolved: &ResolvedId) -> HookResolveIdOutput {
    HookResolveIdOutput {
        id: resolved.id.as_str().into(),
        external: Some(ResolvedExternal::Absolute),
        ..Default::default()
    }
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
            return Ok(self.resolve_from_virtual(&importer, args.specifier));
        }
        if importer.starts_with('\0') {
            return Ok(None);
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
                .map(|name| HookResolveIdOutput::from_id(virtuals::worker_id(&name)))),
            Specifier::Path | Specifier::Imports | Specifier::Bare => {
                self.resolve_on_disk(ctx, args, importer).await
            }
        }
    }

    async fn load(&self, _: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let Some(module) = Virtual::parse(args.id) else { return Ok(None) };
        let code = match module {
            Virtual::Worker(name) => return self.runtime.load(name).map(Some),
            Virtual::Package { anchor, specifier } => virtuals::package_code(anchor, specifier),
            Virtual::Missing(specifier) => virtuals::missing_code(specifier),
            Virtual::Unsupported(specifier) => virtuals::unsupported_code(specifier),
            Virtual::Place => virtuals::place_code(&self.layout),
        };
        let output = HookLoadOutput {
            code: code.into(),
            module_type: Some(ModuleType::Js),
            ..Default::default()
        };
        Ok(Some(output))
    }

    async fn transform_ast(
        &self,
        _: &PluginContext,
        args: HookTransformAstArgs<'_>) -> HookTransformAstReturn {
        let mut ast = args.ast;
        if Path::new(args.id).is_absolute() && place::may_ask(ast.source()) {
            ast.program.with_mut(|WithMutFields { allocator, program, .. }| {
                place::rewrite(program, allocator, &self.layout, Path::new(args.id));
            });
        }
        Ok(ast)
    }
}
