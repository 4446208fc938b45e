//! Files of `app/` that answer at a path of their own: `robots`, `sitemap`, `manifest`, `favicon`.

use crate::conventions::{ConventionError, segments_of_folders};
use crate::pattern::{Pattern, Segment};

/// The name that Next gives the parameter which tells several sitemaps of one file apart.
pub const SITEMAP_PARAM: &str = "__metadata_id__";

/// What such a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialKind {
    /// `favicon.ico`
    Favicon,
    /// `manifest.ts`, `manifest.json` or `manifest.webmanifest`
    Manifest,
    /// `robots.ts` or `robots.txt`
    Robots,
    /// `sitemap.ts` or `sitemap.xml`
    Sitemap,
}

/// How its answer comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialSource {
    /// The file is the answer.
    Bytes,
    /// The file's default export returns what the answer is made from.
    Code,
    /// The same, with a `generateSitemaps` that names several.
    CodeOfMany,
}

/// A special file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Special {
    /// What it is.
    pub kind: SpecialKind,
    /// How its answer comes about.
    pub source: SpecialSource,
}

impl Special {
    /// What the file at `relative`, a path below `app/`, is if it is special. Sitemaps may lie in any
    /// folder, the others only in `app/` itself. A sitemap of code may still be one of many; only its
    /// text tells.
    pub fn of_file(relative: &str, page_extensions: &[&str]) -> Option<Self> {
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let (stem, extension) = name.split_once('.')?;
        let (kind, bytes): (_, &[&str]) = match stem {
            "sitemap" => (SpecialKind::Sitemap, &["xml"]),
            _ if !folder.is_empty() => return None,
            "favicon" => (SpecialKind::Favicon, &["ico"]),
            "robots" => (SpecialKind::Robots, &["txt"]),
            "manifest" => (SpecialKind::Manifest, &["json", "webmanifest"]),
            _ => return None,
        };
        let is_code = kind != SpecialKind::Favicon && page_extensions.contains(&extension);
        let source = match (bytes.contains(&extension), is_code) {
            (true, _) => SpecialSource::Bytes,
            (false, true) => SpecialSource::Code,
            (false, false) => return None,
        };
        Some(Self { kind, source })
    }

    /// The path that it serves; `None` in a folder that serves nothing.
    pub fn pattern(self, relative: &str) -> Result<Option<Pattern>, ConventionError> {
        let (folders, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let Some(mut segments) = segments_of_folders(folders)? else { return Ok(None) };
        let leaf = match (self.kind, self.source) {
            (_, SpecialSource::Bytes) => name,
            (_, SpecialSource::CodeOfMany) => "sitemap",
            (SpecialKind::Favicon, _) => "favicon.ico",
            (SpecialKind::Manifest, _) => "manifest.webmanifest",
            (SpecialKind::Robots, _) => "robots.txt",
            (SpecialKind::Sitemap, _) => "sitemap.xml",
        };
        segments.push(Segment::Static(leaf.to_owned()));
        if self.source == SpecialSource::CodeOfMany {
            segments.push(Segment::Param(SITEMAP_PARAM.to_owned()));
        }
        Ok(Some(Pattern::from_segments(segments)?))
    }

    /// The answer's `Content-Type`, as Next sends it.
    pub fn content_type(self) -> &'static str {
        match self.kind {
            SpecialKind::Favicon => "image/x-icon",
            SpecialKind::Manifest => "application/manifest+json",
            SpecialKind::Robots => "text/plain",
            SpecialKind::Sitemap => "application/xml",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Special, SpecialKind, SpecialSource};

    const EXTENSIONS: [&str; 4] = ["tsx", "ts", "jsx", "js"];

    fn path(relative: &str) -> Option<String> {
        let special = Special::of_file(relative, &EXTENSIONS)?;
        special.pattern(relative).unwrap().map(|pattern| pattern.to_string())
    }

    #[test]
    fn paths_of_special_files() {
        let check = |relative: &str, expect: Option<&str>| {
            assert_eq!(path(relative).as_deref(), expect, "{relative}");
        };
        check("robots.ts", Some("/robots.txt"));
        check("robots.txt", Some("/robots.txt"));
        check("manifest.js", Some("/manifest.webmanifest"));
        check("manifest.json", Some("/manifest.json"));
        check("manifest.webmanifest", Some("/manifest.webmanifest"));
        check("favicon.ico", Some("/favicon.ico"));
        check("sitemap.xml", Some("/sitemap.xml"));
        check("(shop)/shop/[lang]/sitemap.ts", Some("/shop/[lang]/sitemap.xml"));
        check("_private/sitemap.ts", None);
        check("photo/(.)modal/sitemap.ts", None);
        for plain in
            ["a/robots.ts", "a/favicon.ico", "favicon.ts", "robots.md", "robots", "icon.png"]
        {
            check(plain, None);
        }
    }

    #[test]
    fn many_sitemaps_share_a_parameter() {
        let many = Special { kind: SpecialKind::Sitemap, source: SpecialSource::CodeOfMany };
        let pattern = many.pattern("shop/sitemap.ts").unwrap().unwrap();
        assert_eq!(pattern.to_string(), "/shop/sitemap/[__metadata_id__]");
    }
}
