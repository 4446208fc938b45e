//! Learns what a project's `next.config` says.

use std::path::Path;

use byway_compile::{BuildError, compile_config};
use byway_project::config_files;
use byway_project::next_config::{ConfigCommand, ReadConfig, read};
use byway_routes::next_config::NextConfig;

use crate::environment;

/// Compiles, runs and checks `next.config`. A project without one has Next's defaults.
pub(crate) async fn read_config(dir: &Path, node: &Path) -> anyhow::Result<ReadConfig> {
    let files = config_files(dir);
    let Some(file) = files.next_config else {
        return Ok(ReadConfig { config: NextConfig::default(), warnings: Vec::new() });
    };
    let tsconfig = files.tsconfig.map(|file| dir.join(file));
    let program = compile_config(dir, &file, tsconfig.as_deref()).await?;
    let command = ConfigCommand {
        node: node.to_owned(),
        entry: program.entry.clone(),
        config: program.config.clone(),
        env: environment::of_worker(dir, None)?,
    };
    Ok(read(dir, &file, &command).map_err(BuildError::Project)?)
}
