//! The routes that `robots.ts`, `sitemap.xml`, `icon.png` and the like become: small modules that join the
//! project's file with the worker's code for its kind.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byway_error::Diagnostic;
use byway_routes::pattern::Pattern;
use byway_routes::segment_config::{Dynamic, Revalidate, SegmentConfig};
use byway_routes::special::{ImageKind, Special, SpecialKind, SpecialSource};

use crate::place::Layout;
use crate::virtual_modules::{js_string, special_id, worker_id};

/// A file that is the answer becomes part of the build; larger ones belong into `public/`.
const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Next's limit for images that Twitter shows, which takes no larger ones.
const TWITTER_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// The worker's code for one kind of file.
struct Renderer {
    /// What the ids of its modules say.
    tag: &'static str,
    /// The worker's file, and the function in it.
    module: &'static str,
    function: &'static str,
    /// What the module exports.
    exports: &'static str,
}

/// Exports of a route that may be asked for what paths it has.
const WITH_PARAMS: &str = "{ GET, generateStaticParams }";

const ROBOTS: Renderer = Renderer::text("robots", "special/robots.ts", "robotsRoute");
const MANIFEST: Renderer = Renderer::text("manifest", "special/manifest.ts", "manifestRoute");
const SITEMAP: Renderer = Renderer::text("sitemap", "special/sitemap.ts", "sitemapRoute");
const SITEMAPS: Renderer = Renderer::text("sitemaps", "special/sitemap.ts", "sitemapsRoute");
const IMAGE: Renderer = Renderer::image("image", "imageRoute");
const IMAGES: Renderer = Renderer::image("images", "imagesRoute");
const RENDERERS: [Renderer; 6] = [ROBOTS, MANIFEST, SITEMAP, SITEMAPS, IMAGE, IMAGES];
const BYTES: &str = "special/bytes.ts";

impl Renderer {
    const fn text(tag: &'static str, module: &'static str, function: &'static str) -> Self {
        Self { tag, module, function, exports: "GET" }
    }

    const fn image(tag: &'static str, function: &'static str) -> Self {
        Self { tag, module: "special/image.ts", function, exports: WITH_PARAMS }
    }

    /// `None` for a file that is the answer.
    fn of(special: Special) -> Option<Self> {
        let one = special.source == SpecialSource::Code;
        match (special.kind, special.source) {
            (_, SpecialSource::Bytes) | (SpecialKind::Favicon, _) => None,
            (SpecialKind::Robots, _) => Some(ROBOTS),
            (SpecialKind::Manifest, _) => Some(MANIFEST),
            (SpecialKind::Sitemap, _) => Some(if one { SITEMAP } else { SITEMAPS }),
            (SpecialKind::Image(_), _) => Some(if one { IMAGE } else { IMAGES }),
        }
    }
}

/// The id of the module for `file`, which is absolute. The content type is in the tag, which a slash
/// would end.
pub(crate) fn id(special: Special, file: &str) -> String {
    let content = special.content_type(file).replace('/', ":");
    let tag = Renderer::of(special).map_or("bytes", |renderer| renderer.tag);
    special_id(&format!("{tag}:{content}"), file)
}

/// The module's text.
pub(crate) fn code(layout: &Layout, tag: &str, file: &str) -> anyhow::Result<String> {
    let unknown = || anyhow::anyhow!("there are no special files of the kind `{tag}`");
    let (tag, content) = tag.split_once(':').ok_or_else(unknown)?;
    let content = js_string(&content.replace(':', "/"));
    if tag == "bytes" {
        let (module, bytes) = (js_string(&worker_id(BYTES)), STANDARD.encode(fs::read(file)?));
        return Ok(format!(
            "import {{ bytesRoute }} from {module};\n\
             export const GET = bytesRoute(\"{bytes}\", {content});\n",
        ));
    }
    let renderer = RENDERERS.into_iter().find(|known| known.tag == tag).ok_or_else(unknown)?;
    let Renderer { module, function, exports, .. } = renderer;
    let name = layout.project_path(Path::new(file));
    Ok(format!(
        "import * as file from {};\n\
         import {{ {function} }} from {};\n\
         export const {exports} = {function}(file, {}, {content});\n",
        js_string(file),
        js_string(&worker_id(module)),
        js_string(&name),
    ))
}

/// How the route is run, where its file says nothing. A file that is the answer is kept by the server. An
/// image that code draws is drawn once, unless that depends on the request or the path; the images that
/// a file names are known.
pub(crate) fn complete(special: Special, pattern: &Pattern, config: &mut SegmentConfig) {
    if special.source == SpecialSource::Bytes {
        config.dynamic = pattern.is_static().then_some(Dynamic::ForceStatic);
        return;
    }
    if !matches!(special.kind, SpecialKind::Image(_)) || config.is_edge() {
        return;
    }
    let is_open = matches!(config.dynamic, None | Some(Dynamic::Auto));
    if is_open && config.revalidate.is_none() {
        config.revalidate = Some(Revalidate::Never);
    }
    config.generate_static_params |= special.source == SpecialSource::CodeOfMany;
}

/// Why the file cannot be part of a build.
pub(crate) fn problem(special: Special, name: &str, path: &Path) -> Option<Diagnostic> {
    if special.source != SpecialSource::Bytes {
        return None;
    }
    let bytes = fs::metadata(path).ok()?.len();
    let most = match special.kind {
        SpecialKind::Image(ImageKind::Twitter) => TWITTER_BYTES_MAX,
        _ => BYTES_MAX,
    };
    (bytes > most).then(|| {
        Diagnostic::error(format!("the file has {bytes} bytes, and {most} are the most"))
            .in_file(name)
    })
}
