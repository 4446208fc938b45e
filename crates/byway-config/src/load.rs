//! Puts the layers together: defaults, `byway.toml`, variables, flags.

use std::ffi::OsString;
use std::path::Path;

use byway_error::{Diagnostic, Severity};

use crate::context::{Context, KeyInfo, Shown, Source, Style};
use crate::limits::CONFIG_FILE_BYTES_MAX;
use crate::node::{self, Node, Value};
use crate::origin::{Given, Origin, variable_of};
use crate::reader::Reader;
use crate::server::Address;
use crate::settings::Settings;
use crate::suggest::closest;

/// The file's name, in the project's folder.
pub const CONFIG_FILE: &str = "byway.toml";
/// Shorter names of variables: the flags had them first.
const VARIABLES_SHORT: [(&str, &str); 2] =
    [("BYWAY_WORKERS", "workers.count"), ("BYWAY_NODE", "workers.node")];
/// Variables that begin like settings and are none.
const VARIABLES_OTHER: [&str; 3] = ["BYWAY_LOG", "BYWAY_BIN", "BYWAY_READY_FD"];

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--port`
    pub port: Option<u16>,
    /// `--hostname`
    pub hostname: Option<String>,
    /// Flags that stand for a key.
    pub given: Vec<Given>,
}

/// Settings in force, and where they come from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every value, in the order of the sections.
    pub values: Vec<Shown>,
    /// What the user should know.
    pub warnings: Vec<Diagnostic>,
    /// The text of `byway.toml`; empty without one.
    pub source: String,
}

/// Reads `byway.toml` in `dir`, if it is there, and lays variables and flags over it. The errors are
/// everything that is wrong, not just the first.
pub fn load(
    dir: &Path,
    flags: &Flags,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let source = read_file(dir)?;
    let keys = keys();
    let (mut given, port, mut warnings) = of_variables(&keys, variables);
    given.splice(0..0, flags.given.iter().cloned());
    let port = flags.port.map(|port| (Ok(port), Origin::Flag("--port"))).or(port);
    let hostname = flags.hostname.clone().map(|name| (name, Origin::Flag("--hostname")));
    let mut found = unknown_flags(&keys, &flags.given);
    let port = match port {
        Some((Ok(port), origin)) => Some((port, origin)),
        Some((Err(text), _)) => {
            let message = format!("PORT has to be a number from 0 to 65535, not {text:?}");
            found.push(Diagnostic::error(message));
            None
        }
        None => None,
    };
    let (settings, values, problems) = read(&source, &given, &Address { hostname, port })?;
    found.extend(problems);
    if found.iter().any(Diagnostic::is_error) {
        return Err(found);
    }
    warnings.extend(found);
    Ok(Loaded { settings, values, warnings, source })
}

/// Every setting of `byway.toml`, in the order of the docs.
pub fn keys() -> Vec<KeyInfo> {
    let source = Source { file: CONFIG_FILE, text: "" };
    let mut context = Context::new(source, Style::Snake, &[]);
    context.describing = true;
    let empty = Node { value: Value::Table(Vec::new()), at: 0..0 };
    Reader::root(&context, &empty, |root| Settings::read(root, &Address::default()));
    context.keys.into_inner()
}

fn read_file(dir: &Path) -> Result<String, Vec<Diagnostic>> {
    let path = dir.join(CONFIG_FILE);
    let failed = |message: String| vec![Diagnostic::error(message).in_file(CONFIG_FILE)];
    match std::fs::metadata(&path) {
        Ok(data) if data.len() > CONFIG_FILE_BYTES_MAX => {
            return Err(failed(format!("the file has more than {CONFIG_FILE_BYTES_MAX} bytes")));
        }
        _ => {}
    }
    match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map_err(|error| failed(format!("the file is not UTF-8: {}", error.utf8_error()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(failed(format!("the file cannot be read: {error}"))),
    }
}

type Outcome = (Settings, Vec<Shown>, Vec<Diagnostic>);

fn read(text: &str, given: &[Given], address: &Address) -> Result<Outcome, Vec<Diagnostic>> {
    let context = Context::new(Source { file: CONFIG_FILE, text }, Style::Snake, given);
    let node = node::parse(text).map_err(|errors| {
        let finding =
            |(message, at)| context.finding(crate::context::Wrong { message, help: None, at });
        errors.into_iter().map(finding).collect::<Vec<_>>()
    })?;
    let settings = Reader::root(&context, &node, |root| Settings::read(root, address));
    let values = context.shown.take();
    Ok((settings, values, context.into_problems(|_, _| Some(Severity::Error))))
}

/// Flags that name a key in their own words may name one that is none.
fn unknown_flags(keys: &[KeyInfo], given: &[Given]) -> Vec<Diagnostic> {
    let known = || keys.iter().filter(|key| key.layered && key.kind.is_sayable());
    let unknown = given.iter().filter(|it| known().all(|key| key.name != it.key));
    let finding = |it: &Given| {
        let similar = closest(&it.key, known().map(|key| key.name.as_str()));
        let help = similar.map_or_else(
            || "`byway config` lists all of them".to_owned(),
            |name| format!("did you mean `{name}`?"),
        );
        Diagnostic::error(format!("{}: there is no setting `{}`", it.origin, it.key))
            .with_help(help)
    };
    unknown.map(finding).collect()
}

type Port = (Result<u16, String>, Origin);

/// What the environment says: values for keys, the port, and variables that look like slips.
fn of_variables(
    keys: &[KeyInfo],
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> (Vec<Given>, Option<Port>, Vec<Diagnostic>) {
    let layered = || keys.iter().filter(|key| key.layered && key.kind.is_sayable());
    let (mut given, mut port, mut warnings) = (Vec::new(), None, Vec::new());
    for (name, text) in variables {
        let (Some(name), Some(text)) = (name.to_str(), text.to_str()) else { continue };
        if name == "PORT" && !text.is_empty() {
            let number = text.parse().map_err(|_| text.to_owned());
            port = Some((number, Origin::Variable(name.to_owned())));
        }
        if !name.starts_with("BYWAY_") || VARIABLES_OTHER.contains(&name) || text.is_empty() {
            continue;
        }
        let short = VARIABLES_SHORT.iter().find(|(short, _)| *short == name).map(|(_, key)| *key);
        let whole = layered().find(|key| variable_of(&key.name) == name);
        if let Some(key) = short.or(whole.map(|key| key.name.as_str())) {
            given.push(Given::variable(key, name, text));
            continue;
        }
        let known: Vec<String> = layered().map(|key| variable_of(&key.name)).collect();
        if let Some(similar) = closest(name, known.iter().map(String::as_str)) {
            let found = Diagnostic::warning(format!("the variable {name} sets nothing"));
            warnings.push(found.with_help(format!("did you mean {similar}?")));
        }
    }
    // Of two names for one key the whole one wins; the order of an environment means nothing.
    given.sort_by_key(|it| variable_of(&it.key) != it.origin.to_string());
    (given, port, warnings)
}

#[cfg(test)]
mod tests;
