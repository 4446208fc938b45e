//! The variables that a project sees: those of the process, then those of its `.env` files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use byway_project::env::{self, EnvFiles, Mode};

use crate::print;

/// Variables with this prefix are meant for every reader of the code: their values are written into it.
const INLINED_PREFIX: &str = "NEXT_PUBLIC_";

/// The environment of a worker: the process's own, then the `.env` files in Next's order.
pub(crate) fn of_worker(dir: &Path) -> anyhow::Result<Vec<(OsString, OsString)>> {
    let mut variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let existing = existing();
    let files = files(dir, &existing)?;
    variables.extend(files.variables.into_iter().map(|(name, value)| (name.into(), value.into())));
    if !existing.contains_key("NODE_ENV") {
        variables.push(("NODE_ENV".into(), "production".into()));
    }
    Ok(variables)
}

/// What takes the place of `process.env.NAME` in the project's code when it is built.
pub(crate) fn inlined(dir: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let existing = existing();
    let mut variables = files(dir, &existing)?.variables;
    variables.extend(existing);
    variables.retain(|name, _| name.starts_with(INLINED_PREFIX));
    Ok(variables)
}

/// The process's own variables, as far as they are text.
fn existing() -> BTreeMap<String, String> {
    let text = |it: OsString| it.into_string().ok();
    std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}

fn files(dir: &Path, existing: &BTreeMap<String, String>) -> anyhow::Result<EnvFiles> {
    let files = env::load(dir, Mode::Production, existing).map_err(|diagnostic| {
        print::diagnostic(&diagnostic);
        print::Reported("the environment files cannot be read".to_owned())
    })?;
    files.warnings.iter().for_each(print::diagnostic);
    Ok(files)
}
