//! Pages of `app/` that consist of Server Components alone: they become routes that answer with HTML.
//!
//! Nothing runs in the browser, so a page is rendered only where nothing has to: no module that it loads
//! says `'use client'`, and none needs what only Next's own build makes, such as fonts and style modules.
//! All other pages stay what they were, addresses that byway knows and does not answer.
//!
//! A generated module joins the page with the layouts above it and the project's React; the worker's
//! `page/route.ts` makes a handler of these.

mod levels;
mod style;
mod survey;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use byway_error::Diagnostic;
use byway_routes::manifest::RouteKind;
use rolldown_plugin::HookResolveIdOutput;

use crate::runtime::RuntimeSources;
use crate::virtual_modules::{actions_id, js_string, package_id, worker_id};
use crate::{BuildInput, SourceRoute};
use levels::Level;
use survey::{Survey, Why};

/// Pages that are named beside the first one for a reason; of more there is only the number.
const NAMED_MAX: usize = 2;
/// The worker's file that generated modules call.
const ROUTE: &str = "page/route.ts";
/// What they import of the project's packages.
const PACKAGES: [&str; 2] = ["react", "react-dom/server"];

/// The pages of a project, before it is compiled.
#[derive(Debug, Default)]
pub(crate) struct PagePlan {
    rendered: Vec<RenderedPage>,
    /// Why the others of `app/` are not rendered, a note for each reason.
    pub(crate) unrendered: Vec<Diagnostic>,
    /// The files of the project that have decided which are, absolute.
    pub(crate) read: Vec<PathBuf>,
}

/// A page with what lies in the folders above it.
#[derive(Debug)]
struct RenderedPage {
    /// The page's file, relative to the project, with `/`.
    file: String,
    /// The same, absolute.
    path: String,
    levels: Vec<Level>,
    /// The texts of its style sheets.
    styles: Vec<String>,
}

impl PagePlan {
    /// Moves the pages that can be rendered from `input.pages` to `input.routes`.
    pub(crate) fn of(project_dir: &Path, input: &mut BuildInput, runtime: &RuntimeSources) -> Self {
        let mut plan = Self::default();
        if input.pages.is_empty() {
            return plan;
        }
        let mut survey = Survey::new(project_dir, input, runtime);
        let extensions = input.config.page_extensions.clone();
        let pages = std::mem::take(&mut input.pages);
        let mut reasons: BTreeMap<String, Vec<(String, Why)>> = BTreeMap::new();
        for page in pages {
            let Some(root) = levels::root_of(&page.file) else {
                input.pages.push(page);
                continue;
            };
            let mut levels = levels::of(project_dir, root, &page.file, &extensions);
            let styles = match survey.judge(&page.file, &mut levels) {
                Ok(files) => files.iter().map(|file| style::text(file)).collect(),
                Err(why) => {
                    reasons.entry(why.what.clone()).or_default().push((page.file.clone(), why));
                    input.pages.push(page);
                    continue;
                }
            };
            let path = project_dir.join(&page.file).to_string_lossy().into_owned();
            input.routes.push(SourceRoute {
                path: page.pattern.to_string(),
                pattern: page.pattern,
                file: page.file.clone(),
                kind: RouteKind::Page,
                special: None,
            });
            plan.rendered.push(RenderedPage { file: page.file, path, levels, styles });
        }
        plan.unrendered = reasons.into_values().filter_map(note).collect();
        plan.read = survey.into_files().collect();
        plan
    }

    /// The texts of their modules by the pages' files.
    pub(crate) fn modules(&self, base_path: &str, has_actions: bool) -> BTreeMap<String, String> {
        let code = |page: &RenderedPage| (page.path.clone(), code(page, base_path, has_actions));
        self.rendered.iter().map(code).collect()
    }
}

/// One note for all pages that are not rendered for the same reason. The first of them is shown.
fn note(mut pages: Vec<(String, Why)>) -> Option<Diagnostic> {
    pages.sort_by(|left, right| left.0.cmp(&right.0));
    let mut pages = pages.into_iter();
    let (first, Why { what, file, place }) = pages.next()?;
    let mut message = format!("the page `{first}` is not rendered: {what}");
    let others: Vec<String> = pages.map(|(page, _)| format!("`{page}`")).collect();
    if !others.is_empty() {
        let named = others.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
        let rest = others.len().saturating_sub(NAMED_MAX);
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        // Writing to a string cannot fail.
        let _ = write!(message, " (likewise {named}{more})");
    }
    let help = "requests for it get 501; let `next start` or another server answer for it";
    let note = Diagnostic::note(message).in_file(file).with_help(help).with_code("pages");
    Some(match place {
        Some((location, source)) => note.at(location, source),
        None => note,
    })
}

/// What a generated module's import of a package leads to.
pub(crate) fn package(specifier: &str) -> Option<HookResolveIdOutput> {
    let known = PACKAGES.contains(&specifier);
    known.then(|| HookResolveIdOutput::from_id(package_id("", specifier)))
}

fn code(page: &RenderedPage, base_path: &str, has_actions: bool) -> String {
    let mut imports = format!(
        "import {{ createElement, Fragment, Suspense }} from \"react\";\n\
         import {{ renderToPipeableStream }} from \"react-dom/server\";\n\
         import {{ pageRoute }} from {};\n\
         import * as page from {};\n",
        js_string(&worker_id(ROUTE)),
        js_string(&page.path),
    );
    let mut levels = String::new();
    for (depth, level) in page.levels.iter().enumerate() {
        let params: Vec<String> = level.params.iter().map(|name| js_string(name)).collect();
        // Writing to a string cannot fail.
        let _ = write!(levels, "    {{ params: [{}]", params.join(", "));
        for (part, path) in &level.files {
            let name = format!("{part}{depth}");
            let _ = writeln!(imports, "import * as {name} from {};", js_string(path));
            let _ = write!(levels, ", {part}: {name}");
        }
        levels.push_str(" },\n");
    }
    let actions = if has_actions {
        let _ = writeln!(imports, "import {{ actions }} from {};", js_string(&actions_id()));
        "() => actions.loadAll()"
    } else {
        "null"
    };
    format!(
        "{imports}\
         const react = {{ createElement, Fragment, Suspense, renderToPipeableStream }};\n\
         export const {{ generateStaticParams }} = page;\n\
         export const GET = pageRoute({{\n  \
           file: {},\n  \
           page,\n  \
           levels: [\n{levels}  ],\n  \
           styles: [{}],\n  \
           site: {{ react, basePath: {} }},\n  \
           loadActions: {actions},\n\
         }});\n",
        js_string(&page.file),
        page.styles.iter().map(|text| js_string(text)).collect::<Vec<_>>().join(", "),
        js_string(base_path),
    )
}
