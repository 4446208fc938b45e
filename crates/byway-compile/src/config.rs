//! `next.config`, compiled so that Node can evaluate it: TypeScript, aliases, `next/constants` and all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolldown_common::Output;

use crate::bundler::run_bundler;
use crate::develop::sources;
use crate::options::{Setup, bundler_options};
use crate::pass::Pass;
use crate::pipeline::{ROUTES, real_path};
use crate::place::Layout;
use crate::plugin::{Broken, Byway};
use crate::report::Reporter;
use crate::runtime::RuntimeSources;
use crate::virtual_modules::worker_id;
use crate::{BuildError, emit};

/// The program that evaluates it.
const EVALUATE: &str = "next-config.ts";
const PROGRAM: &str = "server/next-config";
const CONFIG: &str = "server/routes/next.config";

/// What to run to learn what `next.config` says. Dropping it removes the files.
#[derive(Debug)]
pub struct ConfigProgram {
    /// The program.
    pub entry: PathBuf,
    /// Its argument.
    pub config: PathBuf,
    /// The source files, absolute, without those of packages.
    pub sources: BTreeSet<PathBuf>,
    _folder: tempfile::TempDir,
}

/// Compiles `file`, relative to the project, into a temporary folder beside its `.byway/`.
///
/// # Errors
///
/// As [`build`](crate::build).
pub async fn compile_config(
    project_dir: &Path,
    file: &str,
    tsconfig: Option<&Path>,
    development: bool,
) -> Result<ConfigProgram, BuildError> {
    let project_dir = real_path(project_dir)?;
    let tsconfig = tsconfig.map(real_path).transpose()?;
    // As deep as `.byway/`, so that modules find the project in the same way.
    let layout = Layout::new(&project_dir, &project_dir.join(".byway").join(ROUTES));
    let pass = Pass::Node(BTreeSet::new());
    let source = project_dir.join(file).to_string_lossy().into_owned();
    let entries = vec![(PROGRAM.to_owned(), worker_id(EVALUATE)), (CONFIG.to_owned(), source)];
    let options = bundler_options(&Setup {
        layout: &layout,
        out_dir: &project_dir,
        tsconfig: tsconfig.as_deref(),
        production: !development,
        inlined_env: &BTreeMap::new(),
        entries,
        pass: &pass,
        shim_missing_exports: false,
    });
    let plugin = Byway {
        layout: layout.clone(),
        runtime: Arc::new(RuntimeSources::embedded()),
        transpile: Vec::new(),
        tsconfig,
        broken: Broken::new(),
        broken_runs: false,
        pass,
        findings: Arc::default(),
        loaded: Arc::default(),
        use_cache: false,
        actions: "".into(),
        pages: Arc::default(),
    };
    let findings = Arc::clone(&plugin.findings);
    let result = run_bundler(options, plugin).await?;
    let mut reporter = Reporter::new(&layout);
    reporter.add_findings(&findings.lock());
    match result {
        Err(errors) => reporter.add_errors(&errors),
        Ok(output) => {
            let found = reporter.finish();
            if found.iter().any(byway_error::Diagnostic::is_error) {
                return Err(BuildError::Project(found));
            }
            return write(&project_dir, &output.assets);
        }
    }
    Err(BuildError::Project(reporter.finish()))
}

fn write(project_dir: &Path, files: &[Output]) -> Result<ConfigProgram, BuildError> {
    let folder = emit::temporary(project_dir, ".byway-config-")?;
    emit::write_files(folder.path(), files)?;
    Ok(ConfigProgram {
        entry: folder.path().join(format!("{PROGRAM}.mjs")),
        config: folder.path().join(format!("{CONFIG}.mjs")),
        sources: sources(files),
        _folder: folder,
    })
}
