//! Runs other programs and says clearly what failed.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Runs a program that shows its own output; a failure is an error.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Runs a program and gives what it printed on stdout; a failure is an error with its stderr.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed: {}\n{}", output.status, stderr.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program can be started and ends well, such as `wrk -v`.
pub(crate) fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Whether this process may install packages of the system.
pub(crate) fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// The command line as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{capture, check, works};
    use std::process::Command;

    #[test]
    fn failures_name_the_command_and_what_it_said() {
        let error = capture(Command::new("sh").args(["-c", "echo no >&2; exit 3"])).unwrap_err();
        let message = format!("{error:#}");
        assert!(
            message.contains("`sh -c echo no >&2; exit 3` failed: exit status: 3\nno"),
            "{message}"
        );
        let error = check(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(
            format!("{error:#}").starts_with("cannot run `no-such-program-here`: "),
            "{error:#}"
        );
        assert!(!works(&mut Command::new("no-such-program-here")));
        assert_eq!(capture(Command::new("echo").arg("a")).unwrap(), "a\n");
    }
}
