//! How the bundler is set up.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolldown::{
    BundlerOptions, BundlerTransformOptions, ChecksOptions, ChunkFilenamesOutputOption, Either,
    ExperimentalOptions, InputItem, JsxOptions, LogLevel, ModuleType, OutputFormat,
    PathsOutputOption, Platform, PreserveEntrySignatures, RawMinifyOptions, SanitizeFilename,
    SourceMapPathTransform, SourceMapType, TreeshakeOptions, TsConfig,
};

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use crate::pass::{self, Pass};
use crate::place::Layout;
use crate::virtual_modules::{display_name, js_string};

/// What differs from build to build.
pub(crate) struct Setup<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) out_dir: &'a Path,
    pub(crate) tsconfig: Option<&'a Path>,
    pub(crate) production: bool,
    pub(crate) inlined_env: &'a BTreeMap<String, String>,
    /// Chunk name and module id.
    pub(crate) entries: Vec<(String, String)>,
    pub(crate) pass: &'a Pass,
    /// A name that a module does not export is `undefined` instead of an error.
    pub(crate) shim_missing_exports: bool,
}

/// Longer names are cut.
const MODULE_NAME_CHARS_MAX: usize = 60;
/// The oldest Node that runs the result.
const TARGET: &str = "node20";

pub(crate) fn bundler_options(setup: &Setup<'_>) -> BundlerOptions {
    let entries = setup.entries.iter();
    let input = entries
        .map(|(name, import)| InputItem { name: Some(name.clone()), import: import.clone() })
        .collect();
    let one_file_each = !setup.production && !matches!(setup.pass, Pass::Node(_));
    let mode = if setup.production { "\"production\"" } else { "\"development\"" };
    let mut define = inlined(setup.inlined_env);
    define.extend(setup.pass.defines());
    define.push(("process.env.NODE_ENV".to_owned(), mode.to_owned()));
    BundlerOptions {
        input: Some(input),
        cwd: Some(setup.layout.project_dir().to_owned()),
        dir: Some(setup.out_dir.to_string_lossy().into_owned()),
        platform: Some(Platform::Node),
        format: Some(OutputFormat::Esm),
        entry_filenames: Some(if one_file_each {
            development_names(setup)
        } else {
            "[name].mjs".to_owned().into()
        }),
        chunk_filenames: Some(ChunkFilenamesOutputOption::String(
            setup.pass.chunk_names().to_owned(),
        )),
        // Node keeps a module as long as its file has the same name. With a file for each module and a
        // name from its content, a change costs the state of the modules that it is about and no other.
        preserve_modules: one_file_each.then_some(true),
        treeshake: if one_file_each {
            TreeshakeOptions::Boolean(false)
        } else {
            TreeshakeOptions::default()
        },
        sanitize_filename: Some(SanitizeFilename::Fn(Arc::new(|name| {
            let name = file_name(name);
            Box::pin(async move { Ok(name) })
        }))),
        sourcemap: Some(SourceMapType::File),
        sourcemap_exclude_sources: Some(true),
        sourcemap_path_transform: Some(source_paths()),
        paths: Some(exact_paths(setup.layout)),
        preserve_entry_signatures: Some(PreserveEntrySignatures::Strict),
        minify: Some(RawMinifyOptions::Bool(false)),
        define: Some(define.into_iter().collect()),
        transform: Some(transform()),
        tsconfig: Some(match setup.tsconfig {
            Some(path) => TsConfig::Manual(path.to_owned()),
            None => TsConfig::Auto(false),
        }),
        module_types: Some(module_types()),
        // A class keeps its `name` where another one forces a new variable on it, which nothing does in a
        // file of its own.
        keep_names: Some(!one_file_each),
        // Modules run in the order of their imports across chunks too; only those are wrapped in
        // functions whose order would otherwise change.
        strict_execution_order: Some(!one_file_each),
        experimental: Some(ExperimentalOptions {
            on_demand_wrapping: Some(!one_file_each),
            ..ExperimentalOptions::default()
        }),
        shim_missing_exports: Some(setup.shim_missing_exports),
        checks: Some(checks()),
        log_level: Some(LogLevel::Silent),
        ..BundlerOptions::default()
    }
}

/// Names with the content's hash: entries have their own, other modules one that is readable and unique.
fn development_names(setup: &Setup<'_>) -> ChunkFilenamesOutputOption {
    let entries: FxHashSet<String> = setup.entries.iter().map(|(name, _)| name.clone()).collect();
    let folder = if setup.pass.is_edge() { "server/edge" } else { "server/modules" };
    ChunkFilenamesOutputOption::Fn(Arc::new(move |chunk| {
        let name = if entries.contains(chunk.name.as_str()) {
            format!("{}-[hash].mjs", chunk.name)
        } else {
            let id = chunk.facade_module_id.as_ref().map_or(chunk.name.as_str(), |id| id.as_str());
            let path = display_name(id).unwrap_or_else(|| id.to_owned());
            format!("{folder}/{}-[hash].mjs", module_name(&path))
        };
        Box::pin(async move { Ok(name) })
    }))
}

/// `/project/lib/store.ts` becomes `store-` and a number that stands for the whole path.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    let mut safe: String =
        file_name(stem).chars().filter(|c| !matches!(c, '/' | '.' | '[' | ']')).collect();
    safe.truncate(MODULE_NAME_CHARS_MAX);
    let mut hasher = FxHasher::default();
    path.hash(&mut hasher);
    format!("{safe}-{:08x}", hasher.finish() >> 32)
}

/// Variables of the environment as constants. One whose name is no identifier cannot be written as
/// `process.env.NAME`, so that nothing would be replaced.
fn inlined(env: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let is_name = |name: &str| {
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        name.chars().all(part) && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let named = env.iter().filter(|(name, _)| !name.is_empty() && is_name(name));
    named.map(|(name, value)| (format!("process.env.{name}"), js_string(value))).collect()
}

/// As under Next, any JavaScript file may contain JSX.
fn module_types() -> FxHashMap<String, ModuleType> {
    ["js", "mjs", "cjs"].map(|ending| (ending.to_owned(), ModuleType::Jsx)).into_iter().collect()
}

/// JSX is always compiled: Next's own tsconfig says `preserve`, for its compiler to do the rest.
fn transform() -> BundlerTransformOptions {
    let jsx = JsxOptions { runtime: Some("automatic".to_owned()), ..JsxOptions::default() };
    BundlerTransformOptions {
        jsx: Some(Either::Right(jsx)),
        target: Some(Either::Left(TARGET.to_owned())),
        ..BundlerTransformOptions::default()
    }
}

fn checks() -> ChecksOptions {
    ChecksOptions {
        configuration_field_conflict: Some(false),
        ineffective_dynamic_import: Some(false),
        plugin_timings: Some(false),
        eval: Some(false),
        ..ChecksOptions::default()
    }
}

/// Chunks are named after modules, which may be called anything; entries come with safe names.
fn file_name(name: &str) -> String {
    let safe = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | '/' => c,
        _ => '_',
    };
    name.chars().map(safe).collect()
}

/// Sources are relative to the chunk already; those that are no files get a name that says so.
fn source_paths() -> SourceMapPathTransform {
    SourceMapPathTransform::new(Arc::new(|source, _| {
        let name = display_name(source).unwrap_or_else(|| source.to_owned());
        Box::pin(async move { Ok(name) })
    }))
}

/// Packages that must be loaded by their exact file get a path relative to the chunk, and so do modules
/// of the runtime that another run of the bundler has put into chunks.
fn exact_paths(layout: &Layout) -> PathsOutputOption {
    let layout = layout.clone();
    PathsOutputOption::Fn(Arc::new(move |id| {
        let path = PathBuf::from(id);
        let relative = path.is_absolute().then(|| layout.chunk_path(&path));
        let name = relative.or_else(|| pass::runtime_path(id)).unwrap_or_else(|| id.to_owned());
        Box::pin(async move { Ok(name) })
    }))
}
