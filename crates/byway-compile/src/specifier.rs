//! What the text of an import says before anything is looked up.

/// How an import names its module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Specifier<'a> {
    /// `./a`, `../a`, `/a`, `.`.
    Path,
    /// `#name`, the package's own imports.
    Imports,
    /// `data:`, `http:` and the like.
    Url,
    /// `next` or something in it.
    Next(&'a str),
    /// `server-only` or `client-only`.
    Only,
    /// A package or an alias of tsconfig's `paths`.
    Bare,
}

impl<'a> Specifier<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        if text.starts_with("./")
            || text.starts_with("../")
            || text.starts_with('/')
            || matches!(text, "." | "..")
        {
            return Self::Path;
        }
        if text.starts_with('#') {
            return Self::Imports;
        }
        if matches!(text, "server-only" | "client-only") {
            return Self::Only;
        }
        if text == "next" {
            return Self::Next("");
        }
        if let Some(rest) = text.strip_prefix("next/") {
            return Self::Next(rest);
        }
        // `node:fs` is a URL too, but the resolver knows Node's own modules.
        let is_url = ["data:", "http:", "https:", "file:"].iter().any(|it| text.starts_with(it));
        if is_url { Self::Url } else { Self::Bare }
    }
}

/// The package that a bare specifier names, `@scope/name` included; `None` where no package can be
/// called like this, as in `@/lib/db` or `~/db`.
pub(crate) fn package_name(specifier: &str) -> Option<&str> {
    let end = if let Some(rest) = specifier.strip_prefix('@') {
        let slash = rest.find('/')?;
        if slash == 0 {
            return None;
        }
        let name = &rest[slash + 1..];
        1 + slash + 1 + name.find('/').unwrap_or(name.len())
    } else {
        specifier.find('/').unwrap_or(specifier.len())
    };
    let name = &specifier[..end];
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '/');
    (!name.is_empty()
        && !name.ends_with('/')
        && !name.starts_with(['.', '~', '$'])
        && name.chars().all(legal))
    .then_some(name)
}

/// What follows the package's name: `/sub/path` or nothing.
pub(crate) fn package_subpath(specifier: &str) -> &str {
    package_name(specifier).map_or("", |name| &specifier[name.len()..])
}

/// Parts of Next that serve pages. Shared modules import them without using them in the API.
pub(crate) fn is_for_pages(rest: &str) -> bool {
    let first = rest.split('/').next().unwrap_or(rest);
    let first = first.strip_suffix(".js").unwrap_or(first);
    matches!(
        first,
        "app"
            | "amp"
            | "client"
            | "constants"
            | "document"
            | "dynamic"
            | "error"
            | "font"
            | "form"
            | "head"
            | "image"
            | "legacy"
            | "link"
            | "root-params"
            | "router"
            | "script"
            | "third-parties"
            | "web-vitals"
    )
}

#[cfg(test)]
mod tests {
    use super::{Specifier, package_name, package_subpath};

    #[test]
    fn kinds() {
        assert_eq!(Specifier::of("./a"), Specifier::Path);
        assert_eq!(Specifier::of("#db"), Specifier::Imports);
        assert_eq!(Specifier::of("next"), Specifier::Next(""));
        assert_eq!(Specifier::of("next/headers.js"), Specifier::Next("headers.js"));
        assert_eq!(Specifier::of("next-auth"), Specifier::Bare);
        assert_eq!(Specifier::of("@/lib/db"), Specifier::Bare);
        assert_eq!(Specifier::of("node:fs"), Specifier::Bare);
        assert_eq!(Specifier::of("data:text/javascript,0"), Specifier::Url);
    }

    #[test]
    fn package_names() {
        assert_eq!(package_name("zod"), Some("zod"));
        assert_eq!(package_name("zod/v4"), Some("zod"));
        assert_eq!(package_name("@prisma/client/edge"), Some("@prisma/client"));
        assert_eq!(package_subpath("@prisma/client/edge"), "/edge");
        for alias in ["@/lib", "~/lib", "@scope", "", "$lib/a", "@a/", "a b"] {
            assert_eq!(package_name(alias), None, "{alias}");
        }
    }
}
