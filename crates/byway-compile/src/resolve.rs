//! What an import of a file, a package or an alias means: found as the bundler does it, then sorted into
//! what is compiled and what is left to Node.

use std::path::{Path, PathBuf};

use rolldown_common::{ImportKind, ResolvedExternal, ResolvedId};
use rolldown_plugin::{
    HookResolveIdArgs, HookResolveIdOutput, HookResolveIdReturn, PluginContext,
    PluginContextResolveOptions,
};
use rolldown_resolver::ResolveError;

use crate::packages::{self, Asset, Treatment};
use crate::place;
use crate::plugin::{Byway, Problem};
use crate::specifier::{Specifier, package_name, package_subpath};
use crate::virtual_modules as virtuals;

impl Byway {
    /// Files, packages and aliases: resolved as the bundler does it, then sorted.
    pub(crate) async fn resolve_on_disk(
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
        let file = PathBuf::from(resolved.id.as_str());
        match packages::asset(&file) {
            Some(Asset::Style) => {
                return Ok(Some(HookResolveIdOutput::from_id(virtuals::style_id())));
            }
            Some(Asset::Image) => {
                self.found(args, Problem::ForPages);
                let id = virtuals::unsupported_id(args.specifier);
                return Ok(Some(HookResolveIdOutput::from_id(id)));
            }
            None => {}
        }
        if Specifier::of(args.specifier) == Specifier::Path {
            return Ok(Some(HookResolveIdOutput::from_resolved_id(resolved)));
        }
        let output = match packages::treatment(&file, args.specifier, &self.transpile) {
            Treatment::Bundle => HookResolveIdOutput::from_resolved_id(resolved),
            Treatment::ImportModule => {
                let exact = packages::needs_exact_path(&file, package_subpath(args.specifier))
                    || is_alias(args.specifier, importer)
                    || !self.same_from_project(ctx, args, &resolved).await?;
                if exact { exact_external(&resolved) } else { external(args.specifier) }
            }
            Treatment::RequireModule => {
                let exact = is_alias(args.specifier, importer)
                    || !same_by_require(ctx, args, importer, &resolved).await?;
                HookResolveIdOutput::from_id(if exact {
                    self.exact_package_id(&file)
                } else if self.same_from_project(ctx, args, &resolved).await? {
                    virtuals::package_id("", args.specifier)
                } else {
                    self.package_id_from(importer, args.specifier)
                })
            }
        };
        Ok(Some(output))
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

    /// For a file that `require` would not choose: a package may have one for `import` that is
    /// `CommonJS` all the same.
    fn exact_package_id(&self, file: &Path) -> String {
        let dir = file.parent().unwrap_or(Path::new("/"));
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        virtuals::package_id(&place::url_path(&self.layout.project_path(dir)), &format!("./{name}"))
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
        HookResolveIdOutput::from_id(self.package_id_from(importer, args.specifier))
    }

    /// Required as from the folder of `importer`, for layouts in which that makes a difference.
    fn package_id_from(&self, importer: &str, specifier: &str) -> String {
        let dir = Path::new(importer).parent().unwrap_or(Path::new("/"));
        virtuals::package_id(&place::url_path(&self.layout.project_path(dir)), specifier)
    }
}

async fn same_by_require(
    ctx: &PluginContext,
    args: &HookResolveIdArgs<'_>,
    importer: &str,
    resolved: &ResolvedId,
) -> anyhow::Result<bool> {
    if args.kind == ImportKind::Require {
        return Ok(true);
    }
    let other = lookup(ctx, args.specifier, importer, ImportKind::Require).await?;
    Ok(other.is_ok_and(|other| other.id == resolved.id))
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

pub(crate) fn external(specifier: &str) -> HookResolveIdOutput {
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

/// Whether tsconfig's `paths` lead to a package under a name that Node does not know.
fn is_alias(specifier: &str, importer: &str) -> bool {
    Specifier::of(specifier) == Specifier::Bare
        && !package_name(specifier)
            .is_some_and(|name| packages::is_installed(Path::new(importer), name))
}
