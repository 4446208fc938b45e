//! The page of a failure, in a real browser: Chromium, where it is installed.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::project::{Project, route};

const BROWSERS: [&str; 2] = ["chromium", "chromium-browser"];
const FAILING: &str = "\
interface Price { amount: number }

export function GET(): Response {
  const price = undefined as Price | undefined
  return Response.json(price!.amount)
}
";

/// A browser that opens no window, and whose console is part of its stderr.
fn browser(project: &Project) -> Option<Command> {
    let installed = |name: &&&str| {
        let version = Command::new(name).arg("--version").stderr(Stdio::null()).output();
        version.is_ok_and(|output| output.status.success())
    };
    let Some(name) = BROWSERS.iter().find(installed) else {
        #[expect(clippy::print_stderr, reason = "whoever reads the tests has to see it")]
        {
            eprintln!("SKIPPED: chromium is not installed, the page was not looked at");
        }
        return None;
    };
    let mut command = Command::new(name);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    command.args(["--disable-dev-shm-usage", "--enable-logging=stderr"]);
    command.arg(format!("--user-data-dir={}", folder(project).display()));
    Some(command)
}

/// The browser's own, which is no part of the project.
fn folder(project: &Project) -> PathBuf {
    let folder = project.files.path().join(".browser");
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_page_is_drawn_as_its_policy_allows() {
    let project = Project::start(&[("app/fail/route.ts", FAILING)]);
    let url = format!("{}/fail", project.server.base_url());
    for flag in ["--force-dark-mode", "--hide-scrollbars"] {
        let Some(mut browser) = browser(&project) else { return };
        let output = browser.args([flag, "--dump-dom", &url]).output().unwrap();
        let (page, log) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(page.contains("Cannot read properties of undefined"), "{page}\n{log}");
        assert!(page.contains("app/fail/route.ts:5:"), "{page}");
        assert!(
            page.contains("<span class=\"hit\">5 |   return Response.json(price!.amount)</span>")
        );
        // What the content security policy refuses is in the console.
        assert!(!log.contains("Content Security Policy"), "{log}");
    }
}

/// Kills the browser, whatever becomes of the test.
struct Open(Child);

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_open_page_loads_itself_again_once_the_mistake_is_mended() {
    let project = Project::start(&[("app/fail/route.ts", FAILING)]);
    let Some(mut browser) = browser(&project) else { return };
    let url = format!("{}/fail", project.server.base_url());
    browser.args(["--remote-debugging-port=0", &url]);
    let log = folder(&project).join("log");
    browser.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
    let open = Open(browser.spawn().unwrap());
    project.await_log("GET    /fail 500 ");
    project.write("app/fail/route.ts", &route("", "'mended'"));
    // Nobody but the page asks for it.
    project.await_log("GET    /fail 200 ");
    drop(open);
    let said = fs::read_to_string(log).unwrap();
    assert!(!said.contains("Content Security Policy"), "{said}");
}
