//! The settings of a command: its flags, the environment, `byway.toml`.

use std::path::{Path, PathBuf};

use byway_config::{Flags, Given, Loaded};
use byway_error::Diagnostic;

use crate::SettingArgs;
use crate::print::{self, Reported};

/// The variable that names Node.js.
const NODE: &str = "BYWAY_NODE";

/// Reads the settings of the project in `dir`; everything that is wrong with them is printed.
pub(crate) fn load(dir: &Path, args: &SettingArgs) -> anyhow::Result<Loaded> {
    let loaded = byway_config::load(dir, &flags(args), std::env::vars_os())
        .map_err(|found| report(&found))?;
    loaded.warnings.iter().for_each(print::diagnostic);
    Ok(loaded)
}

/// Checks `byway.toml`, and says which Node.js a build uses. Nothing else that is set for a server's run
/// matters to a build.
pub(crate) fn node_of_build(dir: &Path, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let flags = Flags { given: node(given).into_iter().collect(), ..Flags::default() };
    let variable = std::env::var_os(NODE).map(|value| (NODE.into(), value));
    let loaded = byway_config::load(dir, &flags, variable).map_err(|found| report(&found))?;
    Ok(loaded.settings.workers.node)
}

fn report(found: &[Diagnostic]) -> anyhow::Error {
    found.iter().for_each(print::diagnostic);
    let count = found.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let errors = if count == 1 { "1 error".to_owned() } else { format!("{count} errors") };
    Reported(format!("the settings have {errors}")).into()
}

fn flags(args: &SettingArgs) -> Flags {
    let workers = args.workers.map(|it| Given::flag("workers.count", "--workers", it.to_string()));
    Flags {
        port: args.port,
        hostname: args.hostname.clone(),
        given: workers.into_iter().chain(node(args.node.as_deref())).collect(),
    }
}

fn node(given: Option<&Path>) -> Option<Given> {
    let text = given?.to_string_lossy().into_owned();
    Some(Given::flag("workers.node", "--node", text))
}
