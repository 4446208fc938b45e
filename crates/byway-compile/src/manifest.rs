//! What a build comes to, as the manifest says it.

use std::collections::BTreeMap;

use byway_routes::manifest::{MANIFEST_VERSION, Manifest, Route};
use byway_routes::proxy::ProxyEntry;
use rolldown_common::{Output, OutputChunk};

use crate::BuildError;
use crate::identity::{build_id, secret};
use crate::methods::{self, RouteExports};
use crate::pipeline::{ACTIONS, INSTRUMENTATION, NEXT_CONFIG, PROXY, Plan, WORKER};
use crate::plugin::Broken;
use crate::report::Reporter;

/// How a chunk shows that it has kept a function which needs the current request: a call of the runtime's
/// `needsContext`, which the bundler drops together with a function that nobody imports.
const CONTEXT_MARK: &str = "needsContext(function";

/// Entries by their names.
type Chunks<'c> = BTreeMap<&'c str, &'c OutputChunk>;

impl Plan {
    /// Routes whose file is among `broken` have exports that nobody knows.
    pub(crate) fn manifest(
        &self,
        files: &[Output],
        broken: &Broken,
        reporter: &mut Reporter<'_>,
    ) -> Result<Manifest, BuildError> {
        // By their files, so that the order of the same chunks is always the same.
        let all: BTreeMap<&str, &OutputChunk> = files
            .iter()
            .filter_map(|file| match file {
                Output::Chunk(chunk) => Some((chunk.filename.as_str(), chunk.as_ref())),
                Output::Asset(_) => None,
            })
            .collect();
        let entries = all.values().filter(|chunk| chunk.is_entry);
        let chunks: Chunks<'_> = entries.map(|chunk| (chunk.name.as_str(), *chunk)).collect();
        let mut routes = Vec::new();
        let planned = self.input.routes.iter().zip(&self.routes).zip(&self.segments);
        for (((route, name), segment), policy) in planned.zip(&self.policies) {
            let chunk = chunk_of(&chunks, name, &route.file)?;
            let exports = exports(chunk);
            let known = !broken.contains_key(&self.layout.project_dir().join(&route.file));
            if known {
                reporter.add(methods::warnings(self.layout.project_dir(), route, &exports));
            }
            routes.push(Route {
                path: route.path.clone(),
                pattern: route.pattern.clone(),
                file: route.file.clone(),
                kind: route.kind,
                methods: methods::methods(route, &exports).filter(|_| known),
                segment: segment.clone(),
                policy: policy.clone(),
                size: chunk.code.len() as u64,
                chunk: chunk.filename.to_string(),
            });
        }
        let next_modules = if self.packages_import_next {
            let modules = self.runtime.next_modules().into_iter();
            modules
                .filter_map(|(specifier, file)| {
                    Some((specifier, chunk_file(self.next.get(&file)?)))
                })
                .collect()
        } else {
            BTreeMap::new()
        };
        // A development build keeps all of the runtime.
        let needs_context =
            !self.input.production || all.values().any(|chunk| chunk.code.contains(CONTEXT_MARK));
        Ok(Manifest {
            version: MANIFEST_VERSION,
            build_id: build_id(all.values().map(|chunk| chunk.code.as_str())),
            draft_mode_id: secret()?,
            worker: chunk_file(WORKER),
            instrumentation: match &self.input.instrumentation {
                Some(file) => Some(chunk_of(&chunks, INSTRUMENTATION, file)?.filename.to_string()),
                None => None,
            },
            next_modules,
            packages_import_next: self.packages_import_next,
            needs_context,
            next_config: match self.environment_file() {
                Some(file) => Some(chunk_of(&chunks, NEXT_CONFIG, file)?.filename.to_string()),
                None => None,
            },
            config: self.input.config.clone(),
            proxy: self.proxy_entry(&chunks)?,
            routes,
            pages: self.input.pages.clone(),
            actions: if self.actions.is_empty() {
                None
            } else {
                let chunk = chunk_of(&chunks, ACTIONS, "the list of actions")?;
                Some(self.actions.manifest(chunk.filename.to_string()))
            },
        })
    }

    fn proxy_entry(&self, chunks: &Chunks<'_>) -> Result<Option<ProxyEntry>, BuildError> {
        let (Some(file), Some(proxy)) = (&self.input.proxy, &self.proxy) else { return Ok(None) };
        Ok(Some(ProxyEntry {
            file: file.clone(),
            chunk: chunk_of(chunks, PROXY, file)?.filename.to_string(),
            edge: proxy.edge,
            matchers: proxy.matchers.clone(),
        }))
    }
}

/// The chunk that an entry became.
fn chunk_of<'c>(
    chunks: &Chunks<'c>,
    name: &str,
    file: &str,
) -> Result<&'c OutputChunk, BuildError> {
    let missing = || BuildError::Bundler(format!("no chunk came out for `{file}`"));
    chunks.get(name).copied().ok_or_else(missing)
}

fn chunk_file(name: &str) -> String {
    format!("{name}.mjs")
}

fn exports(chunk: &OutputChunk) -> RouteExports {
    RouteExports {
        names: chunk.exports.iter().map(ToString::to_string).collect(),
        // Stars of modules inside the bundle are resolved; one that is left is a package's. A CommonJS
        // file is one default export, whose members only running it tells.
        open_ended: chunk.code.lines().any(|line| {
            line.starts_with("export * from ") || line.starts_with("export default require_")
        }),
    }
}
