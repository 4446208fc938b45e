//! Which imports stay outside the bundle, and in which form.
//!
//! npm packages are loaded by Node, in place: native add-ons, worker threads and files beside a
//! package keep working. A `CommonJS` package is reached through a small virtual module that
//! requires it, so that the bundler's interop applies and `import { verify } from 'jsonwebtoken'`
//! works although Node's own loader rejects it. Sources that Node cannot run as they are get
//! bundled like project files.

use std::fs;
use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::Statement;
use oxc::parser::Parser;
use oxc::span::SourceType;

use crate::specifier::package_name;

/// How to treat a file that an import resolved to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Compile it into the bundle.
    Bundle,
    /// Leave it to Node's `import`.
    ImportModule,
    /// Leave it to Node's `require`.
    RequireModule,
}

/// Files that bundlers let code import although they are not code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    /// Has no effect in an API.
    Style,
    /// Next makes a URL of it that only pages can use.
    Image,
}

/// What kind of asset `file` is, if any.
pub(crate) fn asset(file: &Path) -> Option<Asset> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "css" | "scss" | "sass" | "less" => Some(Asset::Style),
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "ico" | "bmp" | "svg" => {
            Some(Asset::Image)
        }
        _ => None,
    }
}

/// Files of packages are read up to this size when the bundler has to guess their kind.
const PROBE_BYTES_MAX: u64 = 4 << 20;

/// Decides for `file`, an absolute real path.
pub(crate) fn treatment(file: &Path, specifier: &str, transpile: &[String]) -> Treatment {
    let in_node_modules = file.components().any(|part| part.as_os_str() == "node_modules");
    if !in_node_modules || is_transpiled(specifier, transpile) {
        return Treatment::Bundle;
    }
    match file.extension().and_then(|it| it.to_str()).unwrap_or_default() {
        "ts" | "tsx" | "mts" | "cts" | "jsx" => Treatment::Bundle,
        "mjs" => Treatment::ImportModule,
        "js" if is_type_module(file) => Treatment::ImportModule,
        // Old Nodes take `import` in such a file for a syntax error.
        "js" if has_module_syntax(file) => Treatment::Bundle,
        _ => Treatment::RequireModule,
    }
}

fn is_transpiled(specifier: &str, transpile: &[String]) -> bool {
    package_name(specifier).is_some_and(|name| transpile.iter().any(|it| it == name))
}

/// What Node goes by for a file in `.js`: the `type` of the nearest package.json, which may lie in
/// a folder of the package and say nothing else. The bundler's resolver knows that of the package
/// alone.
fn is_type_module(file: &Path) -> bool {
    let folders = file.ancestors().skip(1);
    let nearest = folders
        .take_while(|dir| !dir.ends_with("node_modules"))
        .find_map(|dir| fs::read_to_string(dir.join("package.json")).ok());
    nearest
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .is_some_and(|json| json.get("type").and_then(|it| it.as_str()) == Some("module"))
}

/// Whether the file says `import` or `export` at its top level.
fn has_module_syntax(file: &Path) -> bool {
    let small = fs::metadata(file).is_ok_and(|it| it.len() <= PROBE_BYTES_MAX);
    let Some(text) = small.then(|| fs::read_to_string(file).ok()).flatten() else {
        return false;
    };
    let mentions = text.lines().any(|line| {
        let line = line.trim_start();
        line.starts_with("import")
            || line.starts_with("export")
            || line.contains(";export")
            || line.contains(";import")
            || line.contains("}export")
    });
    if !mentions {
        return false;
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, &text, SourceType::unambiguous()).parse();
    parsed.program.body.iter().any(Statement::is_module_declaration)
}

/// Whether Node finds `file` by its specifier only because bundlers add extensions: its loader for
/// modules does not, unless the package has an `exports` map.
pub(crate) fn needs_exact_path(file: &Path, subpath: &str) -> bool {
    if subpath.is_empty() || file.to_string_lossy().ends_with(subpath) {
        return false;
    }
    let Some(package_json) = nearest_package_json(file) else { return true };
    package_json.get("exports").is_none()
}

fn nearest_package_json(file: &Path) -> Option<serde_json::Value> {
    file.ancestors().skip(1).find_map(|dir| {
        let text = fs::read_to_string(dir.join("package.json")).ok()?;
        let json: serde_json::Value = serde_json::from_str(&text).ok()?;
        // Packages put a nested package.json with nothing but a `type` beside their builds.
        json.get("name").is_some().then_some(json)
    })
}

/// Whether the project has a library for `ImageResponse`: the one within `next`, or `@vercel/og`.
pub(crate) fn draws_images(project_dir: &Path) -> bool {
    let in_project = project_dir.join("package.json");
    ["next/dist/compiled/@vercel/og", "@vercel/og"]
        .iter()
        .any(|package| is_installed(&in_project, package))
}

/// Whether a folder for the package exists where Node would look from `importer`.
pub(crate) fn is_installed(importer: &Path, name: &str) -> bool {
    importer
        .ancestors()
        .skip(1)
        .filter(|dir| dir.file_name().is_none_or(|it| it != "node_modules"))
        .any(|dir| dir.join("node_modules").join(name).is_dir())
}
