//! `byway completions`: a script that completes commands and flags in a shell.

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs};
use crate::print;

pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "byway", &mut script);
    Ok(print::data(&String::from_utf8_lossy(&script))?)
}
