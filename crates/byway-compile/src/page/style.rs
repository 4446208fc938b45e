//! Style sheets that pages import. Plain ones are sent along as they are; what a tool would have to translate
//! is left to Next's own build.

use std::fs;
use std::path::{Path, PathBuf};

/// Longer style sheets are not sent with each page.
const STYLE_BYTES_MAX: u64 = 256 * 1024;
/// Names of settings for `PostCSS`, which translates every style sheet of a project.
const POSTCSS: [&str; 6] = [
    "postcss.config.cjs",
    "postcss.config.js",
    "postcss.config.json",
    "postcss.config.mjs",
    "postcss.config.ts",
    ".postcssrc.json",
];
/// What browsers do not know, or would look for beside the page.
const TRANSLATED: [&str; 7] =
    ["@apply", "@config", "@import", "@plugin", "@source", "@tailwind", "@theme"];

/// `file` if it can be sent as it is; else why not.
pub(super) fn plain(project_dir: &Path, file: PathBuf) -> Result<PathBuf, String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let because = |what: &str| Err(format!("it imports a style sheet {what}"));
    if !name.ends_with(".css") {
        return because("that has to be compiled");
    }
    if name.ends_with(".module.css") {
        return because("whose names Next's build makes");
    }
    if POSTCSS.iter().any(|name| project_dir.join(name).is_file()) {
        return because("that PostCSS has to translate");
    }
    if !fs::metadata(&file).is_ok_and(|it| it.len() <= STYLE_BYTES_MAX) {
        return because(&format!("of more than {} KiB", STYLE_BYTES_MAX / 1024));
    }
    let text = text(&file);
    match TRANSLATED.iter().find(|words| text.contains(*words)) {
        Some(words) => because(&format!("with `{words}`")),
        None if has_relative_url(&text) => because("with the address of a file beside it"),
        None => Ok(file),
    }
}

/// Whether the text has an address that is not whole. Next's build puts the file's own there.
fn has_relative_url(text: &str) -> bool {
    text.split("url(").skip(1).any(|rest| {
        let address = rest.trim_start().trim_start_matches(['"', '\'']);
        !["/", "#", "data:", "http:", "https:"].iter().any(|start| address.starts_with(start))
    })
}

/// What it says.
pub(super) fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{STYLE_BYTES_MAX, plain};

    #[test]
    fn only_plain_style_sheets_are_sent_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let check = |name: &str, text: &str, expect: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            let why = plain(dir.path(), path).err().unwrap_or_default();
            assert_eq!(
                why.trim_start_matches("it imports a style sheet "),
                expect,
                "{name} {text}"
            );
        };
        check("a.css", "p > b { color: red }\n@media print { p { margin: 0 } }", "");
        check("a.css", "@import \"tailwindcss\";", "with `@import`");
        check("a.css", "p { background: url(/a.png), url( 'data:,x'), url(#b) }", "");
        check("a.css", "p { background: url(a.png) }", "with the address of a file beside it");
        check("a.module.css", "", "whose names Next's build makes");
        check("a.scss", "", "that has to be compiled");
        let long = " ".repeat(usize::try_from(STYLE_BYTES_MAX).unwrap() + 1);
        check("b.css", &long, "of more than 256 KiB");
        fs::write(dir.path().join("postcss.config.mjs"), "").unwrap();
        check("a.css", "p { color: red }", "that PostCSS has to translate");
    }
}
