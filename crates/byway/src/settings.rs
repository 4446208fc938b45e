//! The settings of a command: its flags, the environment, `byway.toml`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use byway_config::{CONFIG_FILE, Flags, Given, Loaded, Origin, Settings, Shown};
use byway_error::{Diagnostic, Location};
use byway_http::{PatternError, PolicyTables};

use crate::cli::{SetArg, SettingArgs};
use crate::print::{self, Reported};

/// The variable that names Node.js.
const NODE: &str = "BYWAY_NODE";

/// Settings that make sense, ready to use.
pub(crate) struct Checked {
    pub(crate) settings: Settings,
    pub(crate) tables: PolicyTables,
}

/// Reads the settings of the project in `dir`; everything that is wrong with them is printed.
pub(crate) fn load(dir: &Path, args: &SettingArgs) -> anyhow::Result<Checked> {
    let (loaded, tables) = settled(read(dir, &flags(args), std::env::vars_os()))?;
    Ok(Checked { settings: loaded.settings, tables })
}

/// The same, as a list of values and where each comes from.
pub(crate) fn show(dir: &Path, args: &SettingArgs) -> anyhow::Result<Vec<Shown>> {
    let (loaded, _) = settled(read(dir, &flags(args), std::env::vars_os()))?;
    Ok(loaded.values)
}

/// Checks `byway.toml`, and says which Node.js a build uses. Nothing else that is set for a server's run
/// matters to a build.
pub(crate) fn node_of_build(dir: &Path, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let variable = std::env::var_os(NODE).map(|value| (NODE.into(), value));
    let (loaded, _) = settled(read(dir, &flags_of_build(given), variable))?;
    Ok(loaded.settings.workers.node)
}

/// The settings of a project for a command that starts no server: `byway.toml`, variables, and the
/// Node.js that was named.
pub(crate) fn of_project(dir: &Path, node: Option<&Path>) -> anyhow::Result<Loaded> {
    let (loaded, _) = settled(read(dir, &flags_of_build(node), std::env::vars_os()))?;
    Ok(loaded)
}

/// The same, with all that is wrong as a value.
pub(crate) fn findings(dir: &Path, node: Option<&Path>) -> Result<Loaded, Vec<Diagnostic>> {
    let (loaded, _) = read(dir, &flags_of_build(node), std::env::vars_os())?;
    Ok(loaded)
}

type Read = Result<(Loaded, PolicyTables), Vec<Diagnostic>>;

fn read(
    dir: &Path,
    flags: &Flags,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Read {
    let loaded = byway_config::load(dir, flags, variables)?;
    let tables = tables(&loaded)?;
    Ok((loaded, tables))
}

/// Prints what was noticed, or what is wrong.
fn settled(read: Read) -> anyhow::Result<(Loaded, PolicyTables)> {
    let (loaded, tables) = read.map_err(|found| report(&found))?;
    loaded.warnings.iter().for_each(print::diagnostic);
    Ok((loaded, tables))
}

/// The patterns of `[[route]]` tables.
fn tables(loaded: &Loaded) -> Result<PolicyTables, Vec<Diagnostic>> {
    PolicyTables::new(loaded.settings.routes.clone()).map_err(|errors| {
        let source = loaded.source.as_str();
        let of = |error: &PatternError| {
            Diagnostic::error(format!("this is no path pattern: {}", error.message))
                .in_file(CONFIG_FILE)
                .at(Location::of_bytes(source, &error.at), source)
                .with_help("`/api/:path*` is everything below `/api`, `/users/:id` one segment")
        };
        errors.iter().map(of).collect()
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

fn flags_of_build(given: Option<&Path>) -> Flags {
    Flags { given: node(given).into_iter().collect(), ..Flags::default() }
}

fn node(given: Option<&Path>) -> Option<Given> {
    let text = given?.to_string_lossy().into_owned();
    Some(Given::flag("workers.node", "--node", text))
}
