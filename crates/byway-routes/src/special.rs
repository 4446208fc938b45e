//! Files of `app/` that answer at a path of their own: `robots`, `sitemap`, `manifest`, `favicon`, and
//! the images for pages to refer to.
//!
//! Next's documentation lists them under "Metadata Files" of its file conventions.

use crate::conventions::{ConventionError, is_group, segments_of_folders};
use crate::pattern::{Pattern, Segment};

/// The name that Next gives the parameter which tells several sitemaps or images of one file apart.
pub const ID_PARAM: &str = "__metadata_id__";

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
    /// An image, with a number at the end of its name or not.
    Image(ImageKind),
}

/// Which of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// `icon.png`, `icon1.svg`, `icon.tsx`
    Icon,
    /// `apple-icon.png`
    AppleIcon,
    /// `opengraph-image.png`
    OpenGraph,
    /// `twitter-image.png`
    Twitter,
}

impl ImageKind {
    /// The start of its files' names, and the endings of those that are the image itself.
    const NAMES: [(&'static str, Self, &'static [&'static str]); 4] = [
        ("icon", Self::Icon, &["ico", "jpg", "jpeg", "png", "svg"]),
        ("apple-icon", Self::AppleIcon, &["jpg", "jpeg", "png"]),
        ("opengraph-image", Self::OpenGraph, &["jpg", "jpeg", "png", "gif"]),
        ("twitter-image", Self::Twitter, &["jpg", "jpeg", "png", "gif"]),
    ];

    /// Next numbers files by one digit, and its bundler takes more.
    fn of_stem(stem: &str) -> Option<(Self, &'static [&'static str])> {
        let name = stem.trim_end_matches(|last: char| last.is_ascii_digit());
        let (_, kind, extensions) = Self::NAMES.into_iter().find(|(known, ..)| *known == name)?;
        Some((kind, extensions))
    }
}

/// How its answer comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialSource {
    /// The file is the answer.
    Bytes,
    /// The file's default export returns what the answer is made from.
    Code,
    /// The same, with a function that names several: [`Special::namer`].
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
    /// What the file at `relative`, a path below `app/`, is if it is special. Sitemaps and images may lie
    /// in any folder, the others only in `app/` itself. Code may still stand for many; only its text
    /// tells.
    pub fn of_file(relative: &str, page_extensions: &[&str]) -> Option<Self> {
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let (stem, extension) = name.split_once('.')?;
        let image = ImageKind::of_stem(stem);
        let (kind, bytes): (_, &[&str]) = match (stem, image) {
            (_, Some((kind, extensions))) => (SpecialKind::Image(kind), extensions),
            ("sitemap", _) => (SpecialKind::Sitemap, &["xml"]),
            _ if !folder.is_empty() => return None,
            ("favicon", _) => (SpecialKind::Favicon, &["ico"]),
            ("robots", _) => (SpecialKind::Robots, &["txt"]),
            ("manifest", _) => (SpecialKind::Manifest, &["json", "webmanifest"]),
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

    /// The function with which code of this kind names several answers, if it can.
    pub fn namer(self) -> Option<&'static str> {
        match self.kind {
            _ if self.source == SpecialSource::Bytes => None,
            SpecialKind::Sitemap => Some("generateSitemaps"),
            SpecialKind::Image(_) => Some("generateImageMetadata"),
            SpecialKind::Favicon | SpecialKind::Manifest | SpecialKind::Robots => None,
        }
    }

    /// The path that it serves; `None` in a folder that serves nothing.
    pub fn pattern(self, relative: &str) -> Result<Option<Pattern>, ConventionError> {
        let (folders, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let Some(mut segments) = segments_of_folders(folders)? else { return Ok(None) };
        let leaf = match (self.kind, self.source) {
            (SpecialKind::Image(_), source) => {
                let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
                let mut leaf = format!("{stem}{}", suffix(folders));
                if source == SpecialSource::Bytes {
                    leaf.push('.');
                    leaf.push_str(extension);
                }
                leaf
            }
            (_, SpecialSource::Bytes) => name.to_owned(),
            (_, SpecialSource::CodeOfMany) => "sitemap".to_owned(),
            (SpecialKind::Favicon, _) => "favicon.ico".to_owned(),
            (SpecialKind::Manifest, _) => "manifest.webmanifest".to_owned(),
            (SpecialKind::Robots, _) => "robots.txt".to_owned(),
            (SpecialKind::Sitemap, _) => "sitemap.xml".to_owned(),
        };
        segments.push(Segment::Static(leaf));
        if self.source == SpecialSource::CodeOfMany {
            segments.push(Segment::Param(ID_PARAM.to_owned()));
        }
        Ok(Some(Pattern::from_segments(segments)?))
    }

    /// The `Content-Type` of the answer that `file` is or makes, as Next sends it. Images of code say
    /// it themselves; GIFs, which Next calls plain text, are what they are.
    pub fn content_type(self, file: &str) -> &'static str {
        match self.kind {
            SpecialKind::Favicon => "image/x-icon",
            SpecialKind::Manifest => "application/manifest+json",
            SpecialKind::Robots => "text/plain",
            SpecialKind::Sitemap => "application/xml",
            SpecialKind::Image(_) => match file.rsplit('.').next().unwrap_or_default() {
                "ico" => "image/x-icon",
                "jpg" | "jpeg" => "image/jpeg",
                "svg" => "image/svg+xml",
                "gif" => "image/gif",
                _ => "image/png",
            },
        }
    }
}

/// What tells images apart whose paths would be the same without the groups and slots that they lie in: a
/// hyphen and a hash of their folder's path, nothing where there are none. Next's
/// `lib/metadata/get-metadata-route` is where it comes from.
fn suffix(folders: &str) -> String {
    const LENGTH: usize = 6;
    let is_parallel = |name: &str| name.starts_with('@') && name != "@children";
    if !folders.split('/').any(|name| is_group(name) || is_parallel(name)) {
        return String::new();
    }
    let units = std::iter::once(u16::from(b'/')).chain(folders.encode_utf16());
    let hash = units
        .fold(5381_u32, |hash, unit| (hash << 5).wrapping_add(hash).wrapping_add(u32::from(unit)));
    format!("-{}", base36(hash).get(..LENGTH).map_or_else(|| base36(hash), str::to_owned))
}

/// Digits and small letters, as JavaScript's `toString(36)`.
fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::{ImageKind, Special, SpecialKind, SpecialSource};

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
        for plain in ["a/robots.ts", "a/favicon.ico", "favicon.ts", "robots.md", "robots"] {
            check(plain, None);
        }
    }

    #[test]
    fn many_sitemaps_share_a_parameter() {
        let many = Special { kind: SpecialKind::Sitemap, source: SpecialSource::CodeOfMany };
        let pattern = many.pattern("shop/sitemap.ts").unwrap().unwrap();
        assert_eq!(pattern.to_string(), "/shop/sitemap/[__metadata_id__]");
    }

    /// Where there is a hash, it is the one in paths that `next build` has printed.
    #[test]
    fn paths_of_images() {
        let check = |relative: &str, expect: Option<&str>| {
            assert_eq!(path(relative).as_deref(), expect, "{relative}");
        };
        check("icon.png", Some("/icon.png"));
        check("icon2.svg", Some("/icon2.svg"));
        check("blog/icon12.png", Some("/blog/icon12.png"));
        check("og/apple-icon2.tsx", Some("/og/apple-icon2"));
        check("d/[slug]/opengraph-image.jpg", Some("/d/[slug]/opengraph-image.jpg"));
        check("(g)/apple-icon1.png", Some("/apple-icon1-yj9kvg.png"));
        check("(g)/icn/icon.ico", Some("/icn/icon-1nf4vp.ico"));
        check("(g)/grp/opengraph-image.tsx", Some("/grp/opengraph-image-1nf4uf"));
        check("@slot/par/opengraph-image.png", Some("/par/opengraph-image-1fcy0e.png"));
        check("pg/(x)/[id]/icon.svg", Some("/pg/[id]/icon-5gzut3.svg"));
        check("(g)/grp/sitemap.xml", Some("/grp/sitemap.xml"));
        for none in ["_a/icon.png", "(.)a/icon.png", "icon.gif", "apple-icon.svg", "icons.png"] {
            check(none, None);
        }
        for none in ["icon.webp", "icon-1.png", "opengraph-image.alt.txt", "twitter-image.svg"] {
            check(none, None);
        }
    }

    #[test]
    fn many_images_share_a_parameter() {
        let kind = SpecialKind::Image(ImageKind::OpenGraph);
        let many = Special { kind, source: SpecialSource::CodeOfMany };
        assert_eq!(many.namer(), Some("generateImageMetadata"));
        let pattern = many.pattern("a/[b]/opengraph-image.tsx").unwrap().unwrap();
        assert_eq!(pattern.to_string(), "/a/[b]/opengraph-image/[__metadata_id__]");
    }

    #[test]
    fn types_of_images() {
        for (file, expect) in [
            ("icon.ico", "image/x-icon"),
            ("icon.svg", "image/svg+xml"),
            ("app/opengraph-image.jpg", "image/jpeg"),
            ("twitter-image.gif", "image/gif"),
            ("apple-icon1.png", "image/png"),
        ] {
            let special =
                Special { kind: SpecialKind::Image(ImageKind::Icon), source: SpecialSource::Bytes };
            assert_eq!(special.content_type(file), expect);
        }
    }
}
