//! Whether a page can be rendered: a walk through the project's own modules that it loads, before anything
//! is compiled, so that a page which cannot be rendered costs no other route its build.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use byway_error::Location;
use oxc::allocator::Allocator;
use oxc::parser::Parser;
use rolldown::{Platform, ResolveOptions, TsConfig};
use rolldown_common::ImportKind;
use rolldown_fs::{OsFileSystem, OxcResolverFileSystem as _};
use rolldown_resolver::Resolver;

use crate::BuildInput;
use crate::packages::{self, Asset, Treatment};
use crate::runtime::RuntimeSources;
use crate::segment;
use crate::specifier::Specifier;
use crate::syntax::{import_sites_of, source_type};

use super::levels::{ERROR, Level};
use super::style;

const CLIENT: &str = "use client";
const SERVER: &str = "use server";
/// The React whose renderer waits for components.
const REACT_MAJOR_MIN: u32 = 19;

/// Reads modules, each once.
pub(super) struct Survey<'a> {
    project_dir: &'a Path,
    runtime: &'a RuntimeSources,
    transpile: Vec<String>,
    resolver: Resolver<OsFileSystem>,
    /// Whether the project's React renders such pages, once somebody has asked.
    react: OnceCell<Result<(), String>>,
    modules: BTreeMap<PathBuf, Module>,
}

/// What was read of a module.
#[derive(Debug, Default, Clone)]
struct Module {
    is_client: bool,
    /// Why no page can have it, and where.
    fault: Option<Fault>,
    /// The project's modules that it loads.
    loads: Vec<PathBuf>,
    /// The style sheets that it imports.
    styles: Vec<PathBuf>,
}

/// What an import leads to, as far as it matters.
enum Loaded {
    Module(PathBuf),
    Style(PathBuf),
    /// A package's module, or Node's.
    Other,
}

/// Why a page is not rendered.
#[derive(Debug)]
pub(super) struct Why {
    pub(super) what: String,
    /// The file that it is about, relative to the project, with `/`.
    pub(super) file: String,
    /// The place in it, and its text.
    pub(super) place: Option<(Location, String)>,
}

impl Why {
    fn of(file: &str, what: &str) -> Self {
        Self { what: what.to_owned(), file: file.to_owned(), place: None }
    }
}

#[derive(Debug, Clone)]
struct Fault {
    what: String,
    bytes: Option<Range<usize>>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(
        project_dir: &'a Path,
        input: &BuildInput,
        runtime: &'a RuntimeSources,
    ) -> Self {
        let tsconfig = match &input.tsconfig {
            Some(path) => TsConfig::Manual(path.clone()),
            None => TsConfig::Auto(false),
        };
        let (files, options) = (OsFileSystem::new(false), ResolveOptions::default());
        let dir = project_dir.to_owned();
        Self {
            project_dir,
            runtime,
            transpile: input.config.transpile_packages.clone(),
            resolver: Resolver::new(files, dir, Platform::Node, &tsconfig, options),
            react: OnceCell::new(),
            modules: BTreeMap::new(),
        }
    }

    /// The style sheets of the page, or why it is not rendered. What can be left out of `levels` is, where it
    /// stands in the way.
    pub(super) fn judge(&mut self, page: &str, levels: &mut [Level]) -> Result<Vec<PathBuf>, Why> {
        let because = |what: &str| Err(Why::of(page, what));
        if page.split('/').any(|folder| folder.starts_with('@')) {
            return because("it lies in a parallel route");
        }
        if let Some(level) = levels.iter().find(|it| self.has_slots(&it.folder)) {
            return because(&format!("`{}` has parallel routes", level.folder));
        }
        let source = fs::read_to_string(self.project_dir.join(page)).unwrap_or_default();
        if segment::read(page, &source).config.is_edge() {
            return because("it asks for the edge runtime");
        }
        if let Err(what) = self.react.get_or_init(|| self.look_for_react()) {
            return because(what);
        }
        let mut styles = Vec::new();
        for level in levels {
            let mut kept = Vec::new();
            for (part, path) in std::mem::take(&mut level.files) {
                let is_error = part == ERROR;
                match self.walk(PathBuf::from(&path), is_error) {
                    Ok(found) => {
                        kept.push((part, path));
                        styles.extend(found);
                    }
                    // Without it, a failure is answered with a plain page.
                    Err(_) if is_error => {}
                    Err(why) => return Err(why),
                }
            }
            level.files = kept;
        }
        styles.extend(self.walk(self.project_dir.join(page), false)?);
        let mut seen = BTreeSet::new();
        styles.retain(|it| seen.insert(it.clone()));
        Ok(styles)
    }

    /// The files that have decided, absolute.
    pub(super) fn into_files(self) -> impl Iterator<Item = PathBuf> {
        self.modules.into_iter().flat_map(|(path, module)| module.styles.into_iter().chain([path]))
    }

    fn has_slots(&self, folder: &str) -> bool {
        let entries = fs::read_dir(self.project_dir.join(folder)).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with('@'))
    }

    /// Goes through all that `start` loads, and gives the style sheets in there, those of what is imported
    /// first. Components for browsers are allowed where `for_clients`.
    fn walk(&mut self, start: PathBuf, for_clients: bool) -> Result<Vec<PathBuf>, Why> {
        let mut styles = Vec::new();
        let mut seen = BTreeSet::from([start.clone()]);
        let mut open = vec![start];
        while let Some(path) = open.pop() {
            let module = self.module(&path).clone();
            let client =
                || Fault { what: "it is a component for browsers".to_owned(), bytes: None };
            let fault = module.fault.or_else(|| (module.is_client && !for_clients).then(client));
            if let Some(fault) = fault {
                return Err(self.told(&path, &fault));
            }
            styles.push(module.styles);
            open.extend(module.loads.into_iter().filter(|it| seen.insert(it.clone())));
        }
        Ok(styles.into_iter().rev().flatten().collect())
    }

    fn told(&self, path: &Path, fault: &Fault) -> Why {
        let name = path.strip_prefix(self.project_dir).unwrap_or(path).to_string_lossy();
        let mut why = Why::of(&name, &fault.what);
        if let (Some(bytes), Ok(source)) = (&fault.bytes, fs::read_to_string(path)) {
            why.place = Some((Location::of_bytes(&source, bytes), source));
        }
        why
    }

    fn module(&mut self, path: &Path) -> &Module {
        if !self.modules.contains_key(path) {
            let module = self.read(path);
            self.modules.insert(path.to_owned(), module);
        }
        &self.modules[path]
    }

    fn read(&self, path: &Path) -> Module {
        if path.extension().is_some_and(|it| it == "json") {
            return Module::default();
        }
        let Ok(source) = fs::read_to_string(path) else {
            return Module::faulty("it cannot be read");
        };
        // What cannot be parsed has no imports here, and is the bundler's to report.
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, &source, source_type(path)).parse();
        let says = |words: &str| parsed.program.directives.iter().any(|it| it.directive == words);
        let quoted = |words: &str| [format!("'{words}'"), format!("\"{words}\"")];
        if !says(SERVER) && quoted(SERVER).iter().any(|it| source.contains(it.as_str())) {
            return Module::faulty("it has a Server Action within other code");
        }
        let mut module = Module { is_client: says(CLIENT), ..Module::default() };
        for site in import_sites_of(&parsed.program) {
            match self.load(path, &site.specifier) {
                Ok(Loaded::Module(file)) => module.loads.push(file),
                Ok(Loaded::Style(file)) => module.styles.push(file),
                Ok(Loaded::Other) => {}
                Err(_) if site.guarded => {}
                Err(what) => {
                    module.fault = Some(Fault { what, bytes: Some(site.bytes) });
                    break;
                }
            }
        }
        module
    }

    /// What is behind an import.
    fn load(&self, importer: &Path, specifier: &str) -> Result<Loaded, String> {
        match Specifier::of(specifier) {
            Specifier::Url => return Ok(Loaded::Other),
            Specifier::Next(_) | Specifier::Only => {
                let known = self.runtime.next_module(specifier).is_some();
                let is_known = known && specifier != "client-only";
                let message = || format!("it imports `{specifier}`, which byway does not have");
                return if is_known { Ok(Loaded::Other) } else { Err(message()) };
            }
            Specifier::Path | Specifier::Imports | Specifier::Bare => {}
        }
        if specifier.starts_with("node:") {
            return Ok(Loaded::Other);
        }
        let found = self.resolver.resolve(Some(importer), specifier, ImportKind::Import, false);
        let file = match found {
            Ok(found) => PathBuf::from(found.path.as_str()),
            Err(rolldown_resolver::ResolveError::Builtin { .. }) => return Ok(Loaded::Other),
            Err(_) => return Err(format!("it imports `{specifier}`, which is not there")),
        };
        match packages::asset(&file) {
            Some(Asset::Style) => return style::plain(self.project_dir, file).map(Loaded::Style),
            Some(Asset::Image) => return Err("it imports an image".to_owned()),
            None => {}
        }
        let is_own = Specifier::of(specifier) == Specifier::Path
            || packages::treatment(&file, specifier, &self.transpile) == Treatment::Bundle;
        Ok(if is_own { Loaded::Module(file) } else { Loaded::Other })
    }

    fn look_for_react(&self) -> Result<(), String> {
        let from = self.project_dir.join("page.js");
        let find = |specifier: &str| {
            self.resolver.resolve(Some(&from), specifier, ImportKind::Require, false).ok()
        };
        let needed = format!("React {REACT_MAJOR_MIN} and its `react-dom` are needed");
        if find("react-dom/server").is_none() {
            return Err(format!("{needed}, and `react-dom` is not installed"));
        }
        let Some(package) = find("react/package.json") else {
            return Err(format!("{needed}, and `react` is not installed"));
        };
        let text = fs::read_to_string(package.path.as_str()).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let version = json["version"].as_str().unwrap_or_default();
        let major: u32 = version.split('.').next().and_then(|it| it.parse().ok()).unwrap_or(0);
        if major < REACT_MAJOR_MIN {
            return Err(format!("{needed}, and React {version} is installed"));
        }
        Ok(())
    }
}

impl Module {
    fn faulty(what: &str) -> Self {
        let fault = Some(Fault { what: what.to_owned(), bytes: None });
        Self { fault, ..Self::default() }
    }
}
