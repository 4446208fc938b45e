//! `byway new`: a small project that runs at once, without any package to install.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use byway_project::ScanOptions;

use super::types;
use crate::cli::NewArgs;
use crate::print;

/// What npm takes as a name.
const NAME_CHARS_MAX: usize = 214;
/// Names that npm refuses although their letters are right.
const NAMES_RESERVED: [&str; 3] = ["favicon.ico", "node_modules", "next"];
/// Where the template has the package's name.
const NAME_MARK: &str = "{{name}}";

/// The files, by the path that they get.
const FILES: [(&str, &str); 14] = [
    (".env", include_str!("new/env")),
    (".gitignore", include_str!("new/gitignore")),
    ("README.md", include_str!("new/readme.md")),
    ("app/api/health/route.ts", include_str!("new/health.ts")),
    ("app/api/zakat/assessments/[id]/route.ts", include_str!("new/assessment.ts")),
    ("app/api/zakat/assessments/route.ts", include_str!("new/assessments.ts")),
    ("byway.toml", include_str!("new/byway.toml")),
    ("lib/http.ts", include_str!("new/http.ts")),
    ("lib/money.ts", include_str!("new/money.ts")),
    ("lib/settings.ts", include_str!("new/settings.ts")),
    ("lib/zakat.ts", include_str!("new/zakat.ts")),
    ("package.json", include_str!("new/package.json")),
    ("requests.json", include_str!("new/requests.json")),
    ("tsconfig.json", include_str!("new/tsconfig.json")),
];

/// A folder to make, whose last part is a valid name for a package.
#[derive(Debug, Clone)]
pub(crate) struct NewFolder {
    path: PathBuf,
    name: String,
}

impl FromStr for NewFolder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        // `.` and `..` have the name of what they stand for.
        let whole = match path.file_name() {
            Some(_) => path.clone(),
            None => fs::canonicalize(&path).map_err(|error| error.to_string())?,
        };
        let name = whole.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        check_name(name)?;
        Ok(Self { name: name.to_owned(), path })
    }
}

/// npm's rules for new names (<https://docs.npmjs.com/cli/configuring-npm/package-json#name>).
fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._~".contains(c);
    if name.is_empty() || name.len() > NAME_CHARS_MAX {
        return Err(format!("a package's name has 1 to {NAME_CHARS_MAX} letters"));
    }
    if name.starts_with(['.', '_']) {
        return Err("a package's name does not begin with `.` or `_`".to_owned());
    }
    if !name.chars().all(plain) {
        let mut better: String = name.to_ascii_lowercase();
        better.retain(|c| plain(c) || c == ' ');
        let better = better.trim().replace(' ', "-");
        let help = if better.is_empty() { String::new() } else { format!(": `{better}` is one") };
        return Err(format!(
            "a package's name has lower-case letters, digits, `-`, `.`, `_`{help}"
        ));
    }
    if NAMES_RESERVED.contains(&name) {
        return Err("npm reserves this name".to_owned());
    }
    Ok(())
}

pub(crate) fn run(args: &NewArgs) -> anyhow::Result<()> {
    let NewFolder { path, name } = &args.name;
    refuse_used(path)?;
    for (file, text) in FILES {
        write(&path.join(file), &text.replace(NAME_MARK, name))?;
    }
    let dir = fs::canonicalize(path)?;
    let project = byway_project::scan(&dir, &ScanOptions::default()).ok();
    write(&path.join(types::FILE), &types::declarations(project.as_ref()))?;
    let shown = path.display();
    print::note(&format!(
        "made `{shown}`\n\n  cd {shown}\n  byway dev\n  \
         curl http://localhost:3000/api/health\n"
    ));
    Ok(())
}

fn refuse_used(path: &Path) -> anyhow::Result<()> {
    let mut entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot use `{}`", path.display()));
        }
    };
    if entries.next().is_some() {
        anyhow::bail!("the folder `{}` is not empty", path.display());
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    fs::write(path, text).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_are_those_of_packages() {
        for fine in ["shop", "my-api", "a", "v2.api", "zakat_api", "7up"] {
            assert_eq!(check_name(fine), Ok(()), "{fine}");
        }
        for wrong in ["", ".hidden", "_x", "Shop", "my api", "a/b", "ü", "node_modules", "a@b"] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
        assert!(check_name("My Shop").unwrap_err().contains("`my-shop`"));
        assert!(check_name(&"x".repeat(215)).is_err());
    }
}
