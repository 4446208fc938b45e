//! Modules that exist only inside a build: their ids and their texts.
//!
//! An id starts with `byway:`, which no resolved file does, as files are absolute. (A NUL, as bundlers agree
//! on, would keep the modules out of source maps.) What follows the prefix is all there is to know about
//! the module, so that the plugin needs no table of them.

use crate::place::Layout;

/// The name by which generated code asks for [`place_code`]; user code cannot resolve it.
pub(crate) const PLACE: &str = "byway:place";
/// The name by which generated code asks for the cache of functions; user code cannot resolve it.
pub(crate) const USE_CACHE: &str = "byway:use-cache";

const PREFIX: &str = "byway:";
const WORKER: &str = "worker/";
const PACKAGE: &str = "package/";
const SPECIAL: &str = "special/";
const PAGE: &str = "page/";
const BRIDGE: &str = "bridge/";
const MISSING: &str = "missing/";
const UNSUPPORTED: &str = "unsupported/";
/// Ends every id of a `CommonJS` module: the bundler takes the module's kind from it.
const COMMONJS_END: &str = "/module.cjs";
/// Between the two halves of a package module's id. A specifier cannot contain it.
const ANCHOR_END: char = '\u{1}';

/// What an id stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Virtual<'a> {
    /// A file of the worker runtime.
    Worker(&'a str),
    /// A file of the worker's runtime that lies outside the bundle, for `require`, which can only reach
    /// what lies inside.
    Bridge(&'a str),
    /// A `CommonJS` package, required at run time. `anchor` is a folder, relative to the project, from
    /// where Node resolves `specifier`; empty for the project itself.
    Package { anchor: &'a str, specifier: &'a str },
    /// The route that a special file of the project becomes. `source` says how, `file` is absolute.
    Special { source: &'a str, file: &'a str },
    /// The route that a page of the project becomes; the file is absolute.
    Page(&'a str),
    /// What lists the modules with Server Actions.
    Actions,
    /// An import that could not be resolved; it throws when it is reached.
    Missing(&'a str),
    /// A part of Next that is for pages; it throws when it is used.
    Unsupported(&'a str),
    /// In the place of any style sheet.
    Style,
    /// Where the project is, for `CommonJS` code.
    Place,
}

impl<'a> Virtual<'a> {
    pub(crate) fn parse(id: &'a str) -> Option<Self> {
        let rest = id.strip_prefix(PREFIX)?;
        match rest {
            "place" => return Some(Self::Place),
            "style" => return Some(Self::Style),
            "actions" => return Some(Self::Actions),
            _ => {}
        }
        if let Some(name) = rest.strip_prefix(WORKER) {
            return Some(Self::Worker(name));
        }
        if let Some(name) = rest.strip_prefix(BRIDGE) {
            return Some(Self::Bridge(name));
        }
        if let Some(file) = rest.strip_prefix(PAGE) {
            return Some(Self::Page(file));
        }
        if let Some(special) = rest.strip_prefix(SPECIAL) {
            let (source, file) = special.split_once('/')?;
            return Some(Self::Special { source, file });
        }
        let rest = rest.strip_suffix(COMMONJS_END)?;
        if let Some(package) = rest.strip_prefix(PACKAGE) {
            let (anchor, specifier) = package.split_once(ANCHOR_END)?;
            return Some(Self::Package { anchor, specifier });
        }
        if let Some(specifier) = rest.strip_prefix(MISSING) {
            return Some(Self::Missing(specifier));
        }
        rest.strip_prefix(UNSUPPORTED).map(Self::Unsupported)
    }
}

pub(crate) fn worker_id(name: &str) -> String {
    format!("{PREFIX}{WORKER}{name}")
}

pub(crate) fn bridge_id(name: &str) -> String {
    format!("{PREFIX}{BRIDGE}{name}")
}

pub(crate) fn special_id(source: &str, file: &str) -> String {
    format!("{PREFIX}{SPECIAL}{source}/{file}")
}

pub(crate) fn page_id(file: &str) -> String {
    format!("{PREFIX}{PAGE}{file}")
}

pub(crate) fn place_id() -> String {
    format!("{PREFIX}place")
}

pub(crate) fn actions_id() -> String {
    format!("{PREFIX}actions")
}

pub(crate) fn style_id() -> String {
    format!("{PREFIX}style")
}

pub(crate) fn package_id(anchor: &str, specifier: &str) -> String {
    format!("{PREFIX}{PACKAGE}{anchor}{ANCHOR_END}{specifier}{COMMONJS_END}")
}

pub(crate) fn missing_id(specifier: &str) -> String {
    format!("{PREFIX}{MISSING}{specifier}{COMMONJS_END}")
}

pub(crate) fn unsupported_id(specifier: &str) -> String {
    format!("{PREFIX}{UNSUPPORTED}{specifier}{COMMONJS_END}")
}

/// The name that stack traces show for a virtual module.
pub(crate) fn display_name(id: &str) -> Option<String> {
    let id = &id[id.find(PREFIX)?..];
    Virtual::parse(id).map(|_| id.to_owned())
}

/// `module.exports` is a getter: where loading the package fails, it fails again for the next importer,
/// instead of showing it a half-made module.
pub(crate) fn package_code(anchor: &str, specifier: &str) -> String {
    let specifier = js_string(specifier);
    if anchor.is_empty() {
        return format!(
            "Object.defineProperty(module, \"exports\", {{ get: () => require({specifier}) }});\n"
        );
    }
    let anchor = js_string(anchor);
    format!(
        "const load = require(\"{PLACE}\").requireFrom({anchor});\n\
         Object.defineProperty(module, \"exports\", {{ get: () => load({specifier}) }});\n"
    )
}

/// Parsed when it runs: as a literal, a key `__proto__` would mean something else.
pub(crate) fn json_code(text: &str) -> String {
    format!("module.exports = JSON.parse({});\n", js_string(text))
}

/// Has the code by which Node and bundlers announce a module that is not there, as code tests for it.
pub(crate) fn missing_code(specifier: &str) -> String {
    let message = js_string(&format!("Cannot find module '{specifier}'"));
    format!(
        "Object.defineProperty(module, \"exports\", {{ get() {{\n  \
           const error = new Error({message});\n  \
           error.code = \"MODULE_NOT_FOUND\";\n  \
           throw error;\n\
         }} }});\n"
    )
}

/// Importing it is fine, since files for pages and for the API share modules; calling any of it throws.
pub(crate) fn unsupported_code(specifier: &str) -> String {
    let message = js_string(&format!("`{specifier}` is for pages and does not exist under byway"));
    format!(
        "const fail = () => {{ throw new Error({message}); }};\n\
         const plain = (key) => typeof key === \"symbol\" || key === \"__esModule\" || key === \"then\";\n\
         const part = new Proxy(function () {{}}, {{ apply: fail, construct: fail }});\n\
         const names = new Proxy({{}}, {{ get: (_, key) => (plain(key) ? undefined : part) }});\n\
         module.exports = new Proxy(function () {{}}, {{\n  \
           apply: fail,\n  construct: fail,\n  getPrototypeOf: () => names,\n  \
           get: (_, key) => (plain(key) ? undefined : part),\n\
         }});\n"
    )
}

/// All that the runtime's file exports.
pub(crate) fn bridge_code(name: &str) -> String {
    format!("export * from {};\n", js_string(&worker_id(name)))
}

/// In the place of a file that cannot be compiled. What it imports is named, so that errors in there are
/// found too, but does not run.
pub(crate) fn broken_code(file: &str, imports: &[String]) -> String {
    let message = js_string(&format!("`{file}` cannot be compiled"));
    let behind: Vec<String> =
        imports.iter().map(|it| format!("import({})", js_string(it))).collect();
    format!(
        "export const behind = () => [{}];\n\
         const error = new Error({message});\n\
         error.name = \"BuildError\";\n\
         throw error;\n",
        behind.join(", ")
    )
}

/// Only asks for other modules.
pub(crate) fn imports_code(specifiers: &[String]) -> String {
    let mut code = String::new();
    for specifier in specifiers {
        code.push_str("import ");
        code.push_str(&js_string(specifier));
        code.push_str(";\n");
    }
    code
}

/// For `CommonJS` code, where `import.meta` may not be written.
pub(crate) fn place_code(layout: &Layout) -> String {
    let project = js_string(layout.project_from_chunk());
    format!(
        "import {{ createRequire }} from \"node:module\";\n\
         const project = new URL({project}, import.meta.url);\n\
         export const pathOf = (path) => decodeURIComponent(new URL(path, project).pathname);\n\
         export const requireFrom = (folder) => createRequire(new URL(folder + \"/_\", project));\n"
    )
}

/// `text` as a JavaScript string literal.
pub(crate) fn js_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
