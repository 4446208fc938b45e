//! Server Actions: exported functions of modules with `'use server'`, which clients call by ids.
//!
//! The ids are those that Next's compiler gives: a byte about the parameters, so that clients leave out
//! arguments that nobody reads, and a hash of a salt, the file and the name. With the same salt, a front end
//! that Next has built calls byway's actions; the ids of a Next build in the project's folder are known too.
//!
//! One generated module lists the modules with actions and loads each on its own, so that one that fails
//! takes no other down.

mod exports;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use byway_error::Diagnostic;
use byway_routes::manifest::{Action, Actions, NextAction};
use sha1_smol::Sha1;

use crate::place::Layout;
use crate::virtual_modules::{js_string, worker_id};
use exports::{Export, ModuleExports};

/// The worker's file that the generated module calls.
const REGISTRY: &str = "actions/registry.ts";
/// Files of `app/` that are parts of pages, by their names without endings.
const PARTS_OF_PAGES: [&str; 12] = [
    "default",
    "error",
    "forbidden",
    "global-error",
    "global-not-found",
    "instrumentation-client",
    "layout",
    "loading",
    "not-found",
    "page",
    "template",
    "unauthorized",
];

/// Where to look for actions, and how to call them.
#[derive(Debug, Clone, Default)]
pub struct ActionSources {
    /// Files that may have `'use server'`, relative to the project, with `/`.
    pub files: Vec<String>,
    /// `NEXT_SERVER_ACTIONS_ENCRYPTION_KEY`, or empty.
    pub salt: String,
    /// Actions of a Next build of the same project.
    pub known: Vec<NextAction>,
}

/// A module with actions.
#[derive(Debug)]
struct Module {
    file: String,
    actions: Vec<Action>,
}

/// The actions of a project, before it is compiled.
#[derive(Debug, Default)]
pub(crate) struct ActionPlan {
    modules: Vec<Module>,
}

impl ActionPlan {
    /// Reads the files; what is wrong with them goes to `found`.
    pub(crate) fn of(
        project_dir: &Path,
        sources: &ActionSources,
        found: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut modules = Vec::new();
        for file in &sources.files {
            let Ok(text) = fs::read_to_string(project_dir.join(file)) else { continue };
            let ModuleExports { exports, is_module, found: faults } = exports::read(file, &text);
            found.extend(faults);
            if !is_module {
                continue;
            }
            if is_part_of_page(file) {
                let message = "the actions of a page's own file cannot be called: byway does not \
                               compile pages";
                let help = "move them to a module of their own that begins with \"use server\"";
                found.push(Diagnostic::warning(message).in_file(file).with_help(help));
                continue;
            }
            let action = |export: Export| action(project_dir, sources, file, export);
            let actions = exports.into_iter().map(action).collect();
            modules.push(Module { file: file.clone(), actions });
        }
        Self { modules }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// The text of the module that lists them.
    pub(crate) fn code(&self, layout: &Layout, base_path: &str) -> String {
        let mut code =
            format!("import {{ actionsOf }} from {};\n", js_string(&worker_id(REGISTRY)));
        code.push_str("export const actions = actionsOf([\n");
        for Module { file, actions } in &self.modules {
            let path = layout.project_dir().join(file);
            let (name, path) = (js_string(file), js_string(&path.to_string_lossy()));
            let names: Vec<String> = actions.iter().map(names).collect();
            let names = names.join(", ");
            // Writing to a string cannot fail.
            let _ = writeln!(
                code,
                "  {{ file: {name}, load: () => import({path}), exports: [{names}] }},"
            );
        }
        let _ = writeln!(code, "], {{ basePath: {} }});", js_string(base_path));
        code
    }

    /// What the manifest says of them; `chunk` is where the module became one.
    pub(crate) fn manifest(&self, chunk: String) -> Actions {
        let entries = self.modules.iter().flat_map(|module| module.actions.iter().cloned());
        Actions { chunk, entries: entries.collect() }
    }
}

fn names(action: &Action) -> String {
    let all: Vec<String> =
        std::iter::once(action.export.as_str()).chain(action.ids()).map(js_string).collect();
    format!("[{}]", all.join(", "))
}

fn is_part_of_page(file: &str) -> bool {
    let in_app = file.strip_prefix("src/").unwrap_or(file).starts_with("app/");
    let name = file.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    in_app && PARTS_OF_PAGES.binary_search(&stem).is_ok()
}

fn action(project_dir: &Path, sources: &ActionSources, file: &str, export: Export) -> Action {
    let Export { name, parameters } = export;
    let id = id(&sources.salt, file, &name, parameters);
    let is_same = |known: &&NextAction| {
        known.export == name && known.id != id && is_file(&known.file, file, project_dir)
    };
    let other_ids = sources.known.iter().filter(is_same).map(|known| known.id.clone()).collect();
    Action { file: file.to_owned(), export: name, id, other_ids }
}

/// Whether Next means `file` by a name that may begin at a folder around the project.
fn is_file(named: &str, file: &str, project_dir: &Path) -> bool {
    let Some(around) = named.strip_suffix(file) else { return false };
    around.is_empty() || around.strip_suffix('/').is_some_and(|it| project_dir.ends_with(it))
}

/// 42 hexadecimal digits.
fn id(salt: &str, file: &str, export: &str, parameters: u8) -> String {
    let mut hash = Sha1::new();
    for part in [salt, file, ":", export] {
        hash.update(part.as_bytes());
    }
    format!("{parameters:02x}{}", hash.digest())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PARTS_OF_PAGES, id, is_file, is_part_of_page};

    #[test]
    fn ids_are_those_of_next() {
        // As Next 16.4.6 called the exports of a file under this key.
        let key = "iCUfKktkvcXgpwIj4pIX/n5NGsla9mCbN6uqNNuEAG4=";
        let check = |export, parameters, expect: &str| {
            assert_eq!(id(key, "app/actions.js", export, parameters), expect);
        };
        check("fail", 0x00, "0008b1b3a3045d99feef49eac96b89cf90fbc04492");
        check("arrow", 0x40, "4049ea2caa7368d925e587822934bfedc69a54b167");
        check("state", 0x60, "60562de3c5cdf8b9356b5cb990455ab4435fbcf40d");
        check("bound", 0x70, "706ed4ee60f5b8fcc378c4ecb5bfa1c32479a50015");
        check("echo", 0x7f, "7f315f398a9c758f7ed7067cacd8cd7bca1e04f3b0");
        check("default", 0x00, "00ea02f3b9a76cf81b05cfa9ddd5ac27dbbb35f405");
    }

    #[test]
    fn next_names_files_from_the_root_of_a_workspace() {
        let dir = Path::new("/repo/apps/web");
        let check = |named, expect| assert_eq!(is_file(named, "app/a.ts", dir), expect, "{named}");
        check("app/a.ts", true);
        check("apps/web/app/a.ts", true);
        check("web/app/a.ts", true);
        check("apps/shop/app/a.ts", false);
        check("myapp/a.ts", false);
        check("a.ts", false);
    }

    #[test]
    fn parts_of_pages() {
        assert!(PARTS_OF_PAGES.is_sorted());
        for file in ["app/page.tsx", "src/app/x/layout.jsx", "app/x/not-found.js"] {
            assert!(is_part_of_page(file), "{file}");
        }
        for file in ["app/actions.ts", "lib/page.ts", "app/x/pages.ts", "components/layout.tsx"] {
            assert!(!is_part_of_page(file), "{file}");
        }
    }
}
