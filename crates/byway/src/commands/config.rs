//! `byway config`: the settings in force and where each of them comes from.

use anyhow::Context as _;
use byway_config::Shown;
use serde_json::json;

use crate::cli::ConfigArgs;
use crate::{print, settings};

/// What stands for a value that nothing sets.
const NOT_SET: &str = "-";

pub(crate) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    if args.schema {
        let schema = serde_json::to_string_pretty(&byway_config::schema())?;
        return Ok(print::data(&(schema + "\n"))?);
    }
    let dir = std::fs::canonicalize(&args.dir)
        .with_context(|| format!("cannot open the folder `{}`", args.dir.display()))?;
    let values = settings::show(&dir, &args.settings)?;
    let text = if args.json { json_of(&values)? } else { table(&values) };
    Ok(print::data(&text)?)
}

fn json_of(values: &[Shown]) -> serde_json::Result<String> {
    let one =
        |it: &Shown| json!({ "key": it.name, "value": it.value, "origin": it.origin.to_string() });
    let list: Vec<_> = values.iter().map(one).collect();
    Ok(serde_json::to_string_pretty(&list)? + "\n")
}

/// Key, value and origin as columns.
fn table(values: &[Shown]) -> String {
    let value = |it: &Shown| it.value.clone().unwrap_or_else(|| NOT_SET.to_owned());
    let keys = values.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    let width = values.iter().map(|it| value(it).chars().count()).max().unwrap_or(0);
    let line = |it: &Shown| format!("{:<keys$}  {:<width$}  {}\n", it.name, value(it), it.origin);
    values.iter().map(line).collect()
}
