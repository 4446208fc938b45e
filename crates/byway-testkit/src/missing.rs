//! Programs that tests need beside Node.js, and what happens where one is not installed.

use std::io;
use std::process::{Command, Stdio};

/// Says loudly that a test is skipped because a program is not installed. Where `CI` is set, as build
/// services do, that is an error: there nobody would ever see that nothing was tested.
pub fn missing(program: &str) -> io::Result<()> {
    if std::env::var_os("CI").is_some_and(|it| !it.is_empty() && it != "false") {
        return Err(io::Error::other(format!(
            "`{program}` is not installed, and CI tests everything"
        )));
    }
    #[expect(clippy::print_stderr, reason = "whoever reads the tests has to see it")]
    {
        eprintln!("SKIPPED: {program} is not installed, nothing was tested");
    }
    Ok(())
}

/// Whether a program can be run; see [`missing`] for one that cannot.
pub fn is_installed(program: &str) -> io::Result<bool> {
    let run = Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match run {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(program).map(|()| false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    /// The runner shows what this prints, and not what tests print that pass: without this one nobody would
    /// see that others have tested nothing.
    #[test]
    fn programs_that_other_tests_need() {
        for program in ["redis-server", "nginx", "haproxy"] {
            super::is_installed(program).unwrap();
        }
        if !crate::mongodb::has_pip() {
            super::missing("python3 with pip").unwrap();
        }
    }
}
