//! `cargo xtask conformance`: replays the recorded requests against a server that is already
//! running, whichever server that is.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use byway_testkit::conformance::{Corpus, Options, Quirks, run_each};

use crate::arguments::Arguments;
use crate::{print, project};

pub(crate) fn run(mut arguments: Arguments) -> Result<ExitCode> {
    let base = arguments.value("--base")?.context("`--base http://localhost:PORT` is needed")?;
    let app = arguments.value("--app")?.unwrap_or_else(|| "app".to_owned());
    let verbose = arguments.flag("--verbose");
    let options = options(&mut arguments)?;
    arguments.finish()?;
    let corpus = Corpus::load(&project::root().join("tests/conformance"), &app)?;
    let report = run_each(&base, &corpus, &options, |result| match &result.difference {
        Some(found) => print::data(&format!("FAIL {}: {found}", result.name)),
        None if verbose => print::data(&format!("ok   {}", result.name)),
        None => {}
    });
    if report.results.is_empty() {
        bail!("no case of `{app}` fits `--group` and `--only`");
    }
    print::data(&format!("\n{}", report.table()));
    Ok(if report.failures().next().is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn options(arguments: &mut Arguments) -> Result<Options> {
    let mut options = Options {
        groups: arguments.list("--group")?,
        only: arguments.list("--only")?,
        retries: arguments.parsed("--retries")?.unwrap_or(0),
        strict_case: arguments.flag("--strict-case"),
        quirks: match arguments.value("--quirk")?.as_deref() {
            None => Quirks::Include,
            Some("skip") => Quirks::Skip,
            Some("only") => Quirks::Only,
            Some(other) => bail!("`--quirk {other}`: `skip` or `only` is needed"),
        },
        ..Options::default()
    };
    if let Some(seconds) = arguments.parsed("--timeout")? {
        options.timeout = Duration::try_from_secs_f64(seconds)?;
    }
    Ok(options)
}
