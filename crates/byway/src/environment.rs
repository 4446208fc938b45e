//! The variables that a project sees: those of the process, then those of its `.env` files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use byway_error::Diagnostic;
use byway_project::env::{self, EnvFiles, Mode};

use crate::print;

/// Variables with this prefix are meant for every reader of the code: their values are written into it.
const INLINED_PREFIX: &str = "NEXT_PUBLIC_";

/// Variables that describe how byway itself was started.
const OWN_VARIABLES: [&str; 4] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "BYWAY_READY_FD"];
/// Variables that a worker needs whatever the settings allow.
const NEEDED_VARIABLES: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "NODE_ENV"];

/// What the process and the `.env` files say.
#[derive(Debug)]
pub(crate) struct Environment {
    existing: BTreeMap<String, String>,
    pub(crate) files: EnvFiles,
    mode: Mode,
}

impl Environment {
    /// Reads the `.env` files of `mode`, over what the process has.
    pub(crate) fn read(dir: &Path, mode: Mode) -> Result<Self, Diagnostic> {
        Self::over(dir, existing(), mode)
    }

    fn over(
        dir: &Path,
        existing: BTreeMap<String, String>,
        mode: Mode,
    ) -> Result<Self, Diagnostic> {
        let files = env::load(dir, mode, &existing)?;
        Ok(Self { existing, files, mode })
    }

    /// The environment of a program that runs project code: the process's own as far as it is
    /// `allowed`, then the `.env` files in Next's order.
    pub(crate) fn variables(&self, allowed: Option<&[String]>) -> Vec<(OsString, OsString)> {
        let passes = |name: &OsString| {
            let Some(name) = name.to_str() else { return allowed.is_none() };
            !OWN_VARIABLES.contains(&name)
                && allowed.is_none_or(|allowed| is_allowed(name, allowed))
        };
        let mut variables: Vec<(OsString, OsString)> =
            std::env::vars_os().filter(|(name, _)| passes(name)).collect();
        let files = self.files.variables.iter();
        variables.extend(files.map(|(name, value)| (name.into(), value.into())));
        if !self.existing.contains_key("NODE_ENV") {
            let name = match self.mode {
                Mode::Development => "development",
                _ => "production",
            };
            variables.push(("NODE_ENV".into(), name.into()));
        }
        variables
    }

    /// What takes the place of `process.env.NAME` in the project's code when it is built.
    pub(crate) fn inlined(&self) -> BTreeMap<String, String> {
        let all = self.files.variables.iter().chain(&self.existing);
        let public = all.filter(|(name, _)| name.starts_with(INLINED_PREFIX));
        public.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Names and values; those of the process win.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.existing.iter();
        let files =
            self.files.variables.iter().filter(|(name, _)| !self.existing.contains_key(*name));
        own.chain(files).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The names of all variables.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.variables.keys().chain(self.existing.keys()).map(String::as_str)
    }
}

/// The environment of a worker; what is wrong with the files is printed.
pub(crate) fn of_worker(
    dir: &Path,
    allowed: Option<&[String]>,
    mode: Mode,
) -> anyhow::Result<Vec<(OsString, OsString)>> {
    let mut existing = existing();
    existing.retain(|name, _| allowed.is_none_or(|allowed| is_allowed(name, allowed)));
    let environment = Environment::over(dir, existing, mode).map_err(|diagnostic| {
        print::diagnostic(&diagnostic);
        print::Reported("the environment files cannot be read".to_owned())
    })?;
    environment.files.warnings.iter().for_each(print::diagnostic);
    Ok(environment.variables(allowed))
}

fn is_allowed(name: &str, allowed: &[String]) -> bool {
    NEEDED_VARIABLES.contains(&name)
        || allowed.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        })
}

/// The process's own variables, as far as they are text.
fn existing() -> BTreeMap<String, String> {
    let text = |it: OsString| it.into_string().ok();
    std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn the_environment_is_what_was_allowed_and_what_node_needs() {
        let allowed = ["DATABASE_URL".to_owned(), "AWS_*".to_owned()];
        for name in ["DATABASE_URL", "AWS_REGION", "PATH", "NODE_ENV"] {
            assert!(is_allowed(name, &allowed), "{name}");
        }
        for name in ["DATABASE_URL2", "AWS", "SECRET"] {
            assert!(!is_allowed(name, &allowed), "{name}");
        }
    }
}
