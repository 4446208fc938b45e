//! What a change on disk means for the server.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files at the project's root on which everything depends: a worker has to be started anew.
const ROOT_FILES: [&str; 10] = [
    "byway.toml",
    "jsconfig.json",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "yarn.lock",
    "bun.lock",
    "tsconfig.json",
];
/// What the bundler may take an import for.
const SOURCE_ENDINGS: [&str; 12] =
    ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "json", "css", "ico", "txt"];
/// Folders in which nothing is a source, wherever they are.
const SKIPPED: &str = "node_modules";
/// Whose list of files is known to the server.
const PUBLIC: &str = "public";

/// How a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its content.
    Content,
    /// It has come, gone or been renamed.
    Existence,
}

/// What became of the project since the last build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// The files, as far as they matter.
    pub(super) files: BTreeSet<PathBuf>,
    /// Whether a worker has to be started anew.
    pub(super) everything: bool,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.everything
    }
}

/// Judges paths by what is known of the project.
#[derive(Debug, Default)]
pub(super) struct Judge {
    dir: PathBuf,
    /// The files that the last build was made of.
    pub(super) sources: BTreeSet<PathBuf>,
    /// The files that `next.config` was made of.
    pub(super) config: BTreeSet<PathBuf>,
    /// Whether the last build is not known well enough to pass over any source.
    pub(super) uncertain: bool,
}

impl Judge {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), uncertain: true, ..Self::default() }
    }

    /// Adds a change, if it matters.
    pub(super) fn take(&self, changes: &mut Changes, path: &Path, kind: Kind) {
        let everything = self.is_for_everything(path);
        if everything || self.is_source(path, kind) {
            changes.everything |= everything;
            changes.files.insert(path.to_owned());
        }
    }

    fn is_for_everything(&self, path: &Path) -> bool {
        if self.config.contains(path) {
            return true;
        }
        let Ok(relative) = path.strip_prefix(&self.dir) else { return false };
        let Some(name) = relative.to_str() else { return false };
        ROOT_FILES.contains(&name)
            || (name.starts_with("next.config.") && !name.contains('/'))
            || ((name == ".env" || name.starts_with(".env.")) && !name.contains('/'))
    }

    fn is_source(&self, path: &Path, kind: Kind) -> bool {
        if self.sources.contains(path) {
            return true;
        }
        let Ok(relative) = path.strip_prefix(&self.dir) else { return false };
        if relative.starts_with(PUBLIC) {
            return kind == Kind::Existence;
        }
        let ending = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        // What has come may be what an import was missing; a folder has no ending as a rule.
        let may_matter = SOURCE_ENDINGS.contains(&ending) || ending.is_empty();
        // A file that nothing imports becomes a source when it gets actions.
        may_matter
            && (kind == Kind::Existence || self.uncertain || byway_project::may_have_actions(path))
    }
}

/// Whether nothing below a folder of this name is looked at.
pub(super) fn is_skipped_folder(name: &str) -> bool {
    name == SKIPPED || name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(judge: &Judge, path: &str, kind: Kind) -> (bool, bool) {
        let mut changes = Changes::default();
        judge.take(&mut changes, Path::new(path), kind);
        (!changes.is_empty(), changes.everything)
    }

    #[test]
    fn only_what_a_build_is_made_of_matters() {
        let mut judge = Judge::new(Path::new("/p"));
        judge.uncertain = false;
        judge.sources.insert("/p/lib/a.ts".into());
        judge.sources.insert("/shared/b.ts".into());
        judge.config.insert("/p/config/rules.ts".into());
        for (path, kind, expect) in [
            ("/p/lib/a.ts", Kind::Content, (true, false)),
            ("/shared/b.ts", Kind::Content, (true, false)),
            ("/p/lib/unused.ts", Kind::Content, (false, false)),
            ("/p/lib/new.ts", Kind::Existence, (true, false)),
            ("/p/data/app.db", Kind::Existence, (false, false)),
            ("/p/data/app.db", Kind::Content, (false, false)),
            ("/p/app/api/folder", Kind::Existence, (true, false)),
            ("/p/public/a.png", Kind::Existence, (true, false)),
            ("/p/public/a.txt", Kind::Content, (false, false)),
            ("/p/.env.local", Kind::Content, (true, true)),
            ("/p/app/.env", Kind::Content, (false, false)),
            ("/p/next.config.ts", Kind::Existence, (true, true)),
            ("/p/config/rules.ts", Kind::Content, (true, true)),
            ("/p/byway.toml", Kind::Content, (true, true)),
            ("/p/packages/x/package.json", Kind::Content, (false, false)),
        ] {
            assert_eq!(judged(&judge, path, kind), expect, "{path}");
        }
        judge.uncertain = true;
        assert_eq!(judged(&judge, "/p/lib/unused.ts", Kind::Content), (true, false));
    }
}
