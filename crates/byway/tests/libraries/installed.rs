//! The fixture project with its packages, built and served.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use byway_testkit::{Fixture, TestServer, byway_binary};
use sha2::{Digest, Sha256};

/// What decides which packages are installed, and how.
const LOCKED: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// A server of its own for one test.
pub(crate) struct Libraries {
    pub(crate) server: TestServer,
    pub(crate) project: Fixture,
}

impl Libraries {
    /// Builds and serves the project; the test ends where that fails.
    pub(crate) fn serve() -> Self {
        Self::start().unwrap_or_else(|error| panic!("{error}"))
    }

    fn start() -> io::Result<Self> {
        let project = Fixture::copy_of(source())?;
        symlink(packages().join("node_modules"), project.path().join("node_modules"))?;
        // What some routes keep in memory, such as a database, a spare worker would not have.
        let patient = "[workers]\nstuck_after = \"1m\"\nunresponsive_after = \"2m\"\n";
        project.write("byway.toml", patient)?;
        let server = project.serve(byway_binary(env!("CARGO_BIN_EXE_byway")))?;
        Ok(Self { server, project })
    }
}

/// The project in the repository.
pub(crate) fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/libraries")
}

/// The folder in which the packages of the lock file are installed.
pub(crate) fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| install().unwrap_or_else(|error| panic!("{error}")))
}

fn install() -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libraries");
    fs::create_dir_all(&root)?;
    // Held until the file is closed, by the system also when this process dies.
    let lock = File::create(root.join("lock"))?;
    lock.lock()?;
    let folder = root.join(digest()?);
    let mark = folder.join("installed");
    if !mark.exists() {
        remove_folders(&root)?;
        copy_locked(&source(), &folder)?;
        npm_ci(&folder)?;
        fs::write(mark, "")?;
    }
    Ok(folder)
}

/// Removes what earlier lock files have installed, and an installation that was broken off.
fn remove_folders(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The manifest, the lock file and the workspace packages, which npm links.
fn copy_locked(from: &Path, to: &Path) -> io::Result<()> {
    copy_files(&from.join("packages"), &to.join("packages"))?;
    for name in LOCKED {
        fs::copy(from.join(name), to.join(name))?;
    }
    Ok(())
}

/// Copies a folder with everything in it.
pub(crate) fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_files(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Runs no script of any package: those that have native parts ship them as packages.
pub(crate) fn npm_ci(folder: &Path) -> io::Result<()> {
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            let hint = "npm, which comes with Node, has to be on PATH to install the libraries";
            io::Error::new(error.kind(), format!("{hint}: {error}"))
        })?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("npm ci in {}: {}\n{printed}", folder.display(), output.status)))
}

fn digest() -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut files: Vec<PathBuf> = LOCKED.iter().map(|name| source().join(name)).collect();
    list(&source().join("packages"), &mut files)?;
    for file in files {
        hash.update(fs::read(file)?);
    }
    Ok(hex(&hash.finalize()[..8]))
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() { list(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
