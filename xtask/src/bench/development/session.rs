//! A session as a person has it: the example is started, every route is looked at, one of them is
//! saved again and again. It runs on a copy, whose files nobody misses when the bench is broken
//! off.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use byway_testkit::RawClient;
use tempfile::TempDir;

/// A save that shows up later than this is lost.
const EDIT_WAIT_MAX: Duration = Duration::from_secs(30);
/// Between two questions for the new answer, so that asking takes no processor from who makes it.
const POLL: Duration = Duration::from_millis(1);
/// Folders of the example that hold what tools have made of it; both begin without.
const MADE: [&str; 5] = [".next", ".byway", ".byway-dev", ".test-build", "target"];
/// The route that is edited, and what its answer begins with.
const EDITED: &str = "app/api/health/route.ts";
const EDITED_PATH: &str = "/api/health";
const WORD: &str = r#"status: "ok""#;

/// The example, to be written to. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) dir: PathBuf,
    paths: Vec<String>,
    source: String,
    _folder: TempDir,
}

impl Copy {
    /// Copies the example beside it. Packages are linked, file by file, since they are only read.
    pub(crate) fn of(example: &Path) -> Result<Self> {
        let beside = example.parent().unwrap_or(example);
        let folder = tempfile::Builder::new().prefix(".bench-").tempdir_in(beside)?;
        let dir = folder.path().to_owned();
        copy(example, &dir, false)?;
        // What an earlier run of a tool has kept there is no part of the example.
        let _ = fs::remove_dir_all(dir.join("node_modules/.cache"));
        let mut paths = Vec::new();
        routes(&dir.join("app"), "", false, &mut paths)?;
        routes(&dir.join("pages"), "", true, &mut paths)?;
        paths.sort();
        let source = fs::read_to_string(dir.join(EDITED))?;
        if !source.contains(WORD) {
            bail!("`{EDITED}` does not say `{WORD}`, which the bench replaces");
        }
        Ok(Self { dir, paths, source, _folder: folder })
    }

    /// Asks every route once, whatever it answers: a route that wants a token is loaded all the
    /// same.
    pub(crate) fn visit(&self, authority: &str) -> Result<usize> {
        for path in &self.paths {
            ask(&mut RawClient::connect(authority)?, authority, path)
                .with_context(|| format!("asking for {path}"))?;
        }
        Ok(self.paths.len())
    }

    /// Saves a route and asks until the answer is the new one.
    pub(crate) fn edit(&self, authority: &str, number: usize) -> Result<Duration> {
        let word = format!(r#"status: "ok {number}""#);
        let expected = format!(r#""status":"ok {number}""#);
        let save = || Ok(fs::write(self.dir.join(EDITED), self.source.replace(WORD, &word))?);
        save_and_wait(authority, EDITED_PATH, save, |answer| answer.contains(&expected))
    }

    /// Leaves the route as it was.
    pub(crate) fn restore(&self) -> Result<()> {
        Ok(fs::write(self.dir.join(EDITED), &self.source)?)
    }
}

/// The time from a save to the first answer that `is_new`.
pub(crate) fn save_and_wait(
    authority: &str,
    path: &str,
    save: impl FnOnce() -> Result<()>,
    is_new: impl Fn(&str) -> bool,
) -> Result<Duration> {
    let mut client = RawClient::connect(authority)?;
    // What is measured is the edit, and not the first time that the route is asked for.
    ask(&mut client, authority, path)?;
    save()?;
    let begun = Instant::now();
    while !is_new(&ask(&mut client, authority, path)?) {
        if begun.elapsed() > EDIT_WAIT_MAX {
            bail!("a save did not take effect at {path}");
        }
        thread::sleep(POLL);
    }
    Ok(begun.elapsed())
}

fn ask(client: &mut RawClient, authority: &str, path: &str) -> Result<String> {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n\r\n"))?;
    Ok(client.read()?.text())
}

/// The paths of the routes in a folder of `app/` or `pages/`, with `1` for every parameter.
fn routes(dir: &Path, path: &str, is_pages: bool, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let segment = |name: &str| {
            if name.starts_with('[') { "1".to_owned() } else { name.to_owned() }
        };
        if entry.file_type()?.is_dir() {
            routes(&entry.path(), &format!("{path}/{}", segment(&name)), is_pages, found)?;
        } else if name == "route.ts" {
            found.push(path.to_owned());
        } else if is_pages && let Some(stem) = name.strip_suffix(".ts") {
            found.push(format!("{path}/{}", segment(stem)));
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, link: bool) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let target = to.join(&name);
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_dir() {
            if !MADE.iter().any(|made| name == *made) || link {
                copy(&entry.path(), &target, link || name == "node_modules")?;
            }
        } else if !link || fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_routes_of_the_example_and_its_packages() {
        let home = tempfile::tempdir().unwrap();
        let example = home.path().join("example");
        for (file, text) in [
            (EDITED, "export const GET = () => Response.json({ status: \"ok\" })"),
            ("app/api/items/[id]/route.ts", ""),
            ("app/api/items/[id]/part.ts", ""),
            ("pages/api/causes.ts", ""),
            ("node_modules/zod/index.js", "x"),
            ("node_modules/.cache/byway/runtime-1.json", "x"),
            (".next/trace", "x"),
        ] {
            let path = example.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let copy = Copy::of(&example).unwrap();
        assert_eq!(copy.paths, ["/api/causes", "/api/health", "/api/items/1"]);
        assert!(copy.dir.join("node_modules/zod/index.js").is_file());
        assert!(!copy.dir.join("node_modules/.cache").exists());
        assert!(!copy.dir.join(".next").exists());
    }
}
