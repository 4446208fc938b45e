//! Projects in temporary directories, and `byway build` on them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, byway_command};
use crate::server::TestServer;

/// How long a build of a fixture may take.
const BUILD_TIMEOUT: Duration = Duration::from_mins(1);
/// Folders that are made from a project and are not part of it.
const FOLDERS_SKIPPED: [&str; 4] = ["node_modules", ".byway", ".byway-cache", ".next"];
/// How deep a project that is copied may nest, so that a link in a circle ends.
const DEPTH_MAX: usize = 32;

/// A project on disk that vanishes with this value.
#[derive(Debug)]
pub struct Fixture {
    directory: TempDir,
}

/// What `byway build` printed and how it ended.
#[derive(Debug)]
pub struct BuildOutput {
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl BuildOutput {
    /// The exit code; `None` when a signal ended the build.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Fixture {
    /// Writes a project from `(path, text)` pairs.
    pub fn new<P: AsRef<Path>, T: AsRef<[u8]>>(files: &[(P, T)]) -> io::Result<Self> {
        let fixture = Self { directory: tempfile::Builder::new().prefix("byway-").tempdir()? };
        for (path, text) in files {
            fixture.write(path, text)?;
        }
        Ok(fixture)
    }

    /// A project from `(path, text)` pairs, built and served; `built` as in [`byway_binary`].
    pub fn served<P: AsRef<Path>, T: AsRef<[u8]>>(
        built: &str,
        files: &[(P, T)],
    ) -> io::Result<(Self, TestServer)> {
        let fixture = Self::new(files)?;
        let server = fixture.serve(byway_binary(built))?;
        Ok((fixture, server))
    }

    /// Copies a project without what was installed or built in it.
    pub fn copy_of(project: impl AsRef<Path>) -> io::Result<Self> {
        let fixture = Self::new::<&str, &str>(&[])?;
        copy_folder(project.as_ref(), fixture.path(), 0)?;
        Ok(fixture)
    }

    /// Where the project is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes one file; its folders are made.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> io::Result<()> {
        let file = self.path().join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)
    }

    /// Removes one file.
    pub fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        fs::remove_file(self.path().join(path))
    }

    /// Reads one file, such as `.byway/manifest.json`.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<String> {
        fs::read_to_string(self.path().join(path))
    }

    /// Runs `byway build` on the project.
    pub fn build(&self, binary: impl AsRef<Path>) -> io::Result<BuildOutput> {
        let process = Process::spawn(&mut byway_command(binary.as_ref(), "build", self.path()))?;
        let ended = process.wait(BUILD_TIMEOUT)?;
        Ok(BuildOutput { status: ended.status, stdout: ended.stdout, stderr: ended.stderr })
    }

    /// Builds the project, which must succeed, and starts a server on it.
    pub fn serve(&self, binary: impl AsRef<Path>) -> io::Result<TestServer> {
        let built = self.build(binary.as_ref())?;
        if !built.status.success() {
            return Err(io::Error::other(format!(
                "byway build ended with {}:\n{}{}",
                built.status, built.stdout, built.stderr
            )));
        }
        TestServer::start(binary, self.path())
    }
}

/// The binary to test: `BYWAY_BIN` when set, else `built`, which a test of the package `byway` has
/// as `env!("CARGO_BIN_EXE_byway")`.
pub fn byway_binary(built: &str) -> PathBuf {
    std::env::var_os("BYWAY_BIN").map_or_else(|| PathBuf::from(built), PathBuf::from)
}

fn copy_folder(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::Error::other(format!("{} nests too deep", from.display())));
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let target = to.join(&name);
        if !fs::metadata(entry.path())?.is_dir() {
            fs::copy(entry.path(), target)?;
        } else if !FOLDERS_SKIPPED.iter().any(|skipped| name == *skipped) {
            copy_folder(&entry.path(), &target, depth + 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Fixture;

    #[test]
    fn a_copy_leaves_out_what_was_installed_or_built() {
        let project = Fixture::new(&[
            ("app/api/[id]/route.ts", "export {}"),
            (".env.local", "A=1"),
            ("node_modules/next/package.json", "{}"),
            ("lib/node_modules/x.js", ""),
            (".next/BUILD_ID", "x"),
            (".byway/manifest.json", "{}"),
        ])
        .unwrap();
        let copy = Fixture::copy_of(project.path()).unwrap();
        assert_eq!(copy.read("app/api/[id]/route.ts").unwrap(), "export {}");
        assert_eq!(copy.read(".env.local").unwrap(), "A=1");
        for left_out in ["node_modules", "lib/node_modules", ".next", ".byway"] {
            assert!(!copy.path().join(left_out).exists(), "{left_out}");
        }
        let path = project.path().to_owned();
        drop(project);
        assert!(!path.exists());
    }
}
