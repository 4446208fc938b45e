//! The routes that `robots.ts`, `sitemap.xml` and the like become: small modules that join the project's
//! file with the worker's code for its kind.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byway_error::Diagnostic;
use byway_routes::special::{Special, SpecialKind, SpecialSource};

use crate::place::Layout;
use crate::virtual_modules::{js_string, special_id, worker_id};

/// A file that is the answer becomes part of the build; larger ones belong into `public/`.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Tags of the ids, with the worker's file and the function in it.
const RENDERERS: [(&str, &str, &str, SpecialKind, SpecialSource); 4] = [
    ("robots", "special/robots.ts", "robotsRoute", SpecialKind::Robots, SpecialSource::Code),
    (
        "manifest",
        "special/manifest.ts",
        "manifestRoute",
        SpecialKind::Manifest,
        SpecialSource::Code,
    ),
    ("sitemap", "special/sitemap.ts", "sitemapRoute", SpecialKind::Sitemap, SpecialSource::Code),
    (
        "sitemaps",
        "special/sitemap.ts",
        "sitemapsRoute",
        SpecialKind::Sitemap,
        SpecialSource::CodeOfMany,
    ),
];
const BYTES: &str = "special/bytes.ts";

/// The id of the module for `file`, which is absolute.
pub(crate) fn id(special: Special, file: &str) -> String {
    let renderer = RENDERERS
        .iter()
        .find(|(_, _, _, kind, source)| (*kind, *source) == (special.kind, special.source));
    match renderer {
        Some((tag, ..)) => special_id(tag, file),
        None => special_id(&format!("bytes:{}", content_tag(special)), file),
    }
}

/// A content type has a slash, which ends the tag.
fn content_tag(special: Special) -> String {
    special.content_type().replace('/', ":")
}

/// The module's text.
pub(crate) fn code(layout: &Layout, tag: &str, file: &str) -> anyhow::Result<String> {
    if let Some(content) = tag.strip_prefix("bytes:") {
        let bytes = fs::read(file)?;
        let (module, content) = (js_string(&worker_id(BYTES)), content.replace(':', "/"));
        return Ok(format!(
            "import {{ bytesRoute }} from {module};\n\
             export const GET = bytesRoute(\"{}\", {});\n",
            STANDARD.encode(bytes),
            js_string(&content),
        ));
    }
    let (_, module, function, kind, source) = RENDERERS
        .iter()
        .find(|(known, ..)| *known == tag)
        .ok_or_else(|| anyhow::anyhow!("there are no special files of the kind `{tag}`"))?;
    let content = Special { kind: *kind, source: *source }.content_type();
    let name = layout.project_path(Path::new(file));
    Ok(format!(
        "import * as file from {};\n\
         import {{ {function} }} from {};\n\
         export const GET = {function}(file, {}, {});\n",
        js_string(file),
        js_string(&worker_id(module)),
        js_string(&name),
        js_string(content),
    ))
}

/// Why the file cannot be part of a build.
pub(crate) fn problem(special: Special, name: &str, path: &Path) -> Option<Diagnostic> {
    if special.source != SpecialSource::Bytes {
        return None;
    }
    let bytes = fs::metadata(path).ok()?.len();
    (bytes > BYTES_MAX).then(|| {
        Diagnostic::error(format!("the file has {bytes} bytes, and {BYTES_MAX} are the most"))
            .in_file(name)
    })
}
