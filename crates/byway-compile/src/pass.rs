//! The two runs of the bundler: one for code of the edge runtime, one for everything else.
//!
//! Next runs edge routes in a sandbox with a bundle of its own. What code can tell from inside is that
//! `process.env.NEXT_RUNTIME` is `edge`, that there is an `EdgeRuntime`, and that a module which node
//! routes use too is not the same instance. All of this is decided when code is bundled, so byway bundles
//! edge routes in a run with other constants, and then lets the same worker run them: a module that both
//! kinds of routes import is compiled twice, as under Next, and packages that branch on the runtime are
//! still Node's. (Different constants within one run would need two ids for each module that both reach,
//! which every hook would have to know about.)
//!
//! The worker's runtime must be one instance: `cookies()` has to find the request that the loop has put
//! there. So the edge run comes first and leaves the runtime's modules outside, noting which ones it
//! needs; the other run makes chunks of these under names that are known beforehand.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use rolldown_common::ImportKind;
use rolldown_plugin::HookResolveIdOutput;

use crate::resolve::external;
use crate::virtual_modules::{Virtual, bridge_id, worker_id};

/// Which code a run of the bundler is about.
#[derive(Debug, Clone)]
pub(crate) enum Pass {
    /// Routes with `runtime = 'edge'`. Collects the files of the worker's runtime that they need.
    Edge(Arc<Mutex<BTreeSet<String>>>),
    /// Everything else, with the files of the runtime that edge routes need.
    Node(BTreeSet<String>),
    /// Everything else without the runtime, which a development build has bundled before.
    Project,
}

impl Pass {
    pub(crate) fn is_edge(&self) -> bool {
        matches!(self, Self::Edge(_))
    }

    /// Names that stand for constants.
    pub(crate) fn defines(&self) -> Vec<(String, String)> {
        let constants: &[(&str, &str)] = match self {
            Self::Node(_) | Self::Project => &[("process.env.NEXT_RUNTIME", "\"nodejs\"")],
            Self::Edge(_) => &[
                ("process.env.NEXT_RUNTIME", "\"edge\""),
                ("EdgeRuntime", "\"edge-runtime\""),
                ("globalThis.EdgeRuntime", "\"edge-runtime\""),
            ],
        };
        constants.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The pattern for the names of shared chunks. They all lie equally deep.
    pub(crate) fn chunk_names(&self) -> &'static str {
        match self {
            Self::Node(_) | Self::Project => "server/chunks/[name]-[hash].mjs",
            Self::Edge(_) => "server/edge/[name]-[hash].mjs",
        }
    }

    /// What the import of a file of the worker's runtime by the project leads to.
    pub(crate) fn runtime_module(&self, name: &str, kind: ImportKind) -> HookResolveIdOutput {
        match self {
            Self::Node(_) => return HookResolveIdOutput::from_id(worker_id(name)),
            Self::Edge(needed) => {
                needed.lock().insert(name.to_owned());
            }
            Self::Project => {}
        }
        if kind == ImportKind::Require {
            return HookResolveIdOutput::from_id(bridge_id(name));
        }
        external(&worker_id(name))
    }
}

/// The name, without its ending, of the chunk for a file of the worker's runtime.
pub(crate) fn runtime_chunk(file: &str) -> String {
    format!("server/{}", file.strip_suffix(".ts").unwrap_or(file))
}

/// The way to that chunk from one with project code.
pub(crate) fn runtime_path(id: &str) -> Option<String> {
    let Some(Virtual::Worker(file)) = Virtual::parse(id) else { return None };
    Some(format!("../{}.mjs", file.strip_suffix(".ts").unwrap_or(file)))
}
