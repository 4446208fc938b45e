//! One run of the bundler.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rolldown::{BundleOutput, Bundler, BundlerOptions};
use rolldown_error::BuildDiagnostic;

use crate::BuildError;
use crate::plugin::{Broken, Byway, Finding};
use crate::syntax;

/// Chunks, or what is wrong with the sources.
pub(crate) type BundleResult = Result<BundleOutput, Vec<BuildDiagnostic>>;

/// Runs the bundler. It is third-party code that may panic: in a task of its own that is an error.
pub(crate) async fn run_bundler(
    options: BundlerOptions,
    plugin: Byway,
) -> Result<BundleResult, BuildError> {
    let task = tokio::spawn(async move {
        let mut bundler = Bundler::with_plugins(options, vec![Arc::new(plugin)])?;
        let output = bundler.generate().await;
        let closed = bundler.close().await;
        output.and_then(|output| closed.map(|()| output))
    });
    match task.await {
        Ok(result) => Ok(result.map_err(rolldown_error::BatchedBuildDiagnostic::into_vec)),
        Err(failed) => Err(BuildError::Bundler(failed.to_string())),
    }
}

/// What the bundler made of it.
pub(crate) struct Bundled {
    pub(crate) result: BundleResult,
    pub(crate) findings: Vec<Finding>,
}

/// The files that `errors` are about, without those that are known, and what they import.
pub(crate) fn broken_files(errors: &[BuildDiagnostic], known: &Broken) -> Broken {
    let files = errors.iter().filter_map(|error| error.id().map(PathBuf::from));
    files
        .filter(|file| file.is_absolute() && !known.contains_key(file))
        .filter_map(|file| {
            let source = fs::read_to_string(&file).ok()?;
            let imports = syntax::imports_of_broken(&file, &source);
            Some((file, imports))
        })
        .collect()
}
