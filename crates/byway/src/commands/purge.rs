//! `byway purge`: drops answers and values from the cache of running servers.

use anyhow::Context as _;
use byway_cache::{Change, TagChange};
use byway_config::limits::{CACHE_TAG_BYTES_MAX, CONTROL_REQUEST_BYTES_MAX};
use serde::{Deserialize, Serialize};

use super::status;
use crate::cli::PurgeArgs;
use crate::print::WithHint;

/// The word that begins such a request on the control socket.
pub(crate) const WORD: &[u8] = b"purge ";

/// What is to go.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Purge {
    tags: Vec<String>,
    paths: Vec<String>,
    all: bool,
}

impl Purge {
    /// Reads what a client of the control socket has sent after [`WORD`].
    pub(crate) fn read(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| format!("not a purge: {error}"))
    }

    /// What that does to the cache.
    pub(crate) fn changes(&self) -> Vec<TagChange> {
        let tags = self.tags.iter();
        let tags = tags.map(|tag| TagChange { tag: tag.as_str().into(), change: Change::Expire });
        let paths = self.paths.iter().map(|path| TagChange::of_path(path, None));
        // What `revalidatePath('/', 'layout')` means under Next.
        let all = self.all.then(|| TagChange::of_path("/", Some("layout")));
        tags.chain(paths).chain(all).collect()
    }
}

/// Purges the caches of a project's servers.
pub(crate) fn run(args: &PurgeArgs) -> anyhow::Result<()> {
    let too_long = |text: &&String| text.is_empty() || text.len() > CACHE_TAG_BYTES_MAX;
    if let Some(wrong) = args.tags.iter().chain(&args.paths).find(too_long) {
        let shown = wrong.chars().take(40).collect::<String>();
        let message = format!("`{shown}` can be no tag or path");
        let hint = format!("a tag has 1 to {CACHE_TAG_BYTES_MAX} bytes");
        return Err(WithHint { message, hint }.into());
    }
    let purge = Purge { tags: args.tags.clone(), paths: args.paths.clone(), all: args.all };
    let text = serde_json::to_string(&purge).context("cannot write the request")?;
    if WORD.len() + text.len() >= CONTROL_REQUEST_BYTES_MAX {
        let message = "that are too many tags and paths for one purge".to_owned();
        let hint = "give them in several calls, or use `--all`".to_owned();
        return Err(WithHint { message, hint }.into());
    }
    status::order(&args.dir, &format!("purge {text}"))
}
