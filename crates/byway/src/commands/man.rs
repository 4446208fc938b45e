//! `byway man`: manual pages, made from the texts of `--help`.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::cli::{Cli, ManArgs};
use crate::print;

pub(crate) fn run(args: &ManArgs) -> anyhow::Result<()> {
    let mut command = Cli::command();
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return Ok(print::data(&String::from_utf8_lossy(&page))?);
    };
    command.build();
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("cannot write the pages into `{}`", folder.display()))
}
