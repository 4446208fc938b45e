//! `.env` files, read and expanded as Next reads and expands them.
//!
//! The order is `.env.{mode}.local`, `.env.local` (not in tests), `.env.{mode}`, `.env`; what an
//! earlier file or the process's own environment says stays. Expansion follows dotenv-expand 10 in
//! its accidents too, because values in use may depend on them: it also happens inside single
//! quotes, a default ends at the first `}` or backslash, and each file sees the variables of the
//! ones before.
//!
//! One thing differs: Next also expands a `$` in a variable of the process's own environment when a
//! `.env` file names the same variable. Here such variables stay as they are.

mod expand;
mod parse;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use byway_error::Diagnostic;

/// The longest `.env` file.
pub const ENV_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What the project is started for, which decides the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `byway build`, `byway start`.
    Production,
    /// `byway dev`.
    Development,
    /// `NODE_ENV=test`.
    Test,
}

/// What the `.env` files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvFiles {
    /// The variables to add to the environment. None of them was in it before.
    pub variables: BTreeMap<String, String>,
    /// The files that exist, in the order in which they were read: earlier ones win.
    pub files: Vec<String>,
    /// Files that were passed over because a variable refers to itself, as Next does.
    pub warnings: Vec<Diagnostic>,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
            Self::Test => "test",
        }
    }
}

/// Reads the project's `.env` files. `existing` is the environment of the process, which wins.
pub fn load(
    dir: &Path,
    mode: Mode,
    existing: &BTreeMap<String, String>,
) -> Result<EnvFiles, Diagnostic> {
    let mode_name = mode.name();
    let names = [
        Some(format!(".env.{mode_name}.local")),
        (mode != Mode::Test).then(|| ".env.local".to_owned()),
        Some(format!(".env.{mode_name}")),
        Some(".env".to_owned()),
    ];
    let mut found = EnvFiles::default();
    let mut environment = existing.clone();
    for name in names.into_iter().flatten() {
        let Some(text) = read(dir, &name)? else { continue };
        let mut parsed = parse::parse(&text);
        found.files.push(name.clone());
        if let Err(error) = expand::expand(&mut parsed, &environment) {
            let help = "the whole file is passed over, as Next does";
            let warning = Diagnostic::warning(error.to_string()).in_file(name).with_help(help);
            found.warnings.push(warning);
            continue;
        }
        for (key, value) in parsed.into_entries() {
            if !existing.contains_key(&key) {
                found.variables.entry(key.clone()).or_insert_with(|| value.clone());
            }
            // The next file sees this value even where an earlier file had set another one.
            environment.insert(key, value);
        }
    }
    Ok(found)
}

/// The file's text, `None` when there is no such file. Invalid UTF-8 is replaced, as Node does.
fn read(dir: &Path, name: &str) -> Result<Option<String>, Diagnostic> {
    let unreadable = |error: io::Error| {
        Diagnostic::error(format!("cannot read the file: {error}")).in_file(name)
    };
    let path = dir.join(name);
    match fs::metadata(&path) {
        // Tools that keep secrets hand them over through a named pipe.
        Ok(metadata) if metadata.is_file() || is_pipe(&metadata) => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(unreadable)?;
    file.take(ENV_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > ENV_FILE_BYTES_MAX {
        let message = format!("the file has more than {ENV_FILE_BYTES_MAX} bytes");
        return Err(Diagnostic::error(message).in_file(name));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(unix)]
fn is_pipe(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests;
