//! The settings of a command: its flags, the environment, `byway.toml`.

use std::path::{Path, PathBuf};

use byway_config::{CONFIG_FILE, Flags, Given, Loaded, Origin, Settings, Shown};
use byway_error::{Diagnostic, Location};
use byway_http::{PatternError, PolicyTables};

use crate::print::{self, Reported};
use crate::{SetArg, SettingArgs};

/// The variable that names Node.js.
const NODE: &str = "BYWAY_NODE";

/// Settings that make sense, ready to use.
pub(crate) struct Checked {
    pub(crate) settings: Settings,
    pub(crate) tables: PolicyTables,
}

/// Reads the settings of the project in `dir`; everything that is wrong with them is printed.
pub(crate) fn load(dir: &Path, args: &SettingArgs) -> anyhow::Result<Checked> {
    let (checked, _) = read(dir, args)?;
    Ok(checked)
}

/// The same, as a list of values and where each comes from.
pub(crate) fn show(dir: &Path, args: &SettingArgs) -> anyhow::Result<Vec<Shown>> {
    let (_, values) = read(dir, args)?;
    Ok(values)
}

fn read(dir: &Path, args: &SettingArgs) -> anyhow::Result<(Checked, Vec<Shown>)> {
    let loaded = byway_config::load(dir, &flags(args), std::env::vars_os());
    let loaded = loaded.map_err(|found| report(&found))?;
    loaded.warnings.iter().for_each(print::diagnostic);
    let tables = tables(&loaded)?;
    Ok((Checked { settings: loaded.settings, tables }, loaded.values))
}

/// Checks `byway.toml`, and says which Node.js a build uses. Nothing else that is set for a server's run
/// matters to a build.
pub(crate) fn node_of_build(dir: &Path, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let flags = Flags { given: node(given).into_iter().collect(), ..Flags::default() };
    let variable = std::env::var_os(NODE).map(|value| (NODE.into(), value));
    let loaded = byway_config::load(dir, &flags, variable).map_err(|found| report(&found))?;
    tables(&loaded)?;
    Ok(loaded.settings.workers.node)
}

/// The patterns of `[[route]]` tables.
fn tables(loaded: &Loaded) -> anyhow::Result<PolicyTables> {
    PolicyTables::new(loaded.settings.routes.clone()).map_err(|errors| {
        let source = &loaded.source;
        let of = |error: &PatternError| {
            Diagnostic::error(format!("this is no path pattern: {}", error.message))
                .in_file(CONFIG_FILE)
                .at(Location::of_bytes(source, &error.at), source.clone())
                .with_help("`/api/:path*` is everything below `/api`, `/users/:id` one segment")
        };
        report(&errors.iter().map(of).collect::<Vec<_>>())
    })
}

fn report(found: &[Diagnostic]) -> anyhow::Error {
    found.iter().for_each(print::diagnostic);
    let count = found.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let errors = if count == 1 { "1 error".to_owned() } else { format!("{count} errors") };
    Reported(format!("the settings have {errors}")).into()
}

fn flags(args: &SettingArgs) -> Flags {
    let workers = args.workers.map(|it| Given::flag("workers.count", "--workers", it.to_string()));
    let set = args.set.iter().rev().map(|SetArg { key, value }| Given {
        key: key.clone(),
        text: value.clone(),
        origin: Origin::Flag("--set"),
    });
    Flags {
        port: args.port,
        hostname: args.hostname.clone(),
        given: workers.into_iter().chain(node(args.node.as_deref())).chain(set).collect(),
    }
}

fn node(given: Option<&Path>) -> Option<Given> {
    let text = given?.to_string_lossy().into_owned();
    Some(Given::flag("workers.node", "--node", text))
}
