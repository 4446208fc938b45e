//! `cargo xtask demo`: the example project on byway, from a fresh clone. `--check` sends the
//! example's own requests and compares the answers.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use byway_testkit::TestServer;

use crate::arguments::Arguments;
use crate::running::check;
use crate::{node, print, project};

/// Where the demo listens unless told otherwise, as Next does.
const PORT_DEFAULT: u16 = 3000;
/// How long the server may take until it accepts a connection.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests to paste into a shell; `BASE` is replaced by the address.
const REQUESTS: [&str; 6] = [
    "curl -s BASE/api/health",
    "curl -s 'BASE/api/waqf/causes?status=open'",
    r#"curl -s BASE/api/auth/register -H 'content-type: application/json' \
    -d '{"email":"amina@customer.example","name":"Amina","password":"correct horse battery"}'"#,
    r#"TOKEN=$(curl -s BASE/api/auth/login -H 'content-type: application/json' \
    -d '{"email":"amina@customer.example","password":"correct horse battery"}' \
    | sed 's/.*"token":"\([^"]*\)".*/\1/')"#,
    r#"curl -s BASE/api/auth/me -H "authorization: Bearer $TOKEN""#,
    r#"curl -s BASE/api/murabaha/applications -H "authorization: Bearer $TOKEN" \
    -H 'content-type: application/json' -d '{"itemDescription":"Delivery van","vendor":"Karim Motors",
    "currency":"USD","cost":"12000.00","downPayment":"2000.00","termMonths":12}'"#,
];

pub(crate) fn run(mut arguments: Arguments) -> Result<ExitCode> {
    let check_answers = arguments.flag("--check");
    let port = arguments.parsed("--port")?.unwrap_or(PORT_DEFAULT);
    arguments.finish()?;
    node::require()?;
    let example = project::root().join("examples/finance");
    prepare(&example)?;
    let binary = project::build_release()?.join("byway");
    print::stage("byway build examples/finance");
    check(Command::new(&binary).arg("build").arg(&example))?;
    if check_answers { answers(&binary, &example) } else { serve(&binary, &example, port) }
}

/// Packages, generated client, database.
pub(crate) fn prepare(example: &Path) -> Result<()> {
    node::install(example)?;
    for script in ["prepare-client", "prepare-database"] {
        print::stage(&format!("npm run {script} in examples/finance"));
        check(node::npm(example).args(["run", "--silent", script]))?;
    }
    Ok(())
}

/// Starts the server on a free port, lets the example's checker talk to it and stops it.
fn answers(binary: &Path, example: &Path) -> Result<ExitCode> {
    print::stage("byway start examples/finance");
    let server = TestServer::start(binary, example)?;
    print::progress(&format!("listening on {}", server.base_url()));
    print::stage("sending the requests of examples/finance/demo/requests.json");
    let mut checker = Command::new("node");
    checker.arg(example.join("demo/check.mjs")).arg(server.base_url());
    let status = checker.status().context("cannot run `node demo/check.mjs`")?;
    let stopped = server.stop().context("the server does not end")?;
    if !status.success() {
        print::progress(&format!("\nthe server printed:\n{}", stopped.stderr));
    }
    if !stopped.status.success() {
        bail!("the server ended with {} after SIGTERM", stopped.status);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Starts the server and leaves it running until Ctrl-C or its own end.
fn serve(binary: &Path, example: &Path, port: u16) -> Result<ExitCode> {
    print::stage("byway start examples/finance");
    let mut command = Command::new(binary);
    command.arg("start").arg(example).args(["--hostname", "localhost", "--port"]);
    let mut server = command.arg(port.to_string()).spawn().context("cannot start byway")?;
    let listening = wait_until_listening(&mut server, port);
    if listening.is_err() {
        // Already gone, or of no use.
        let _ = server.kill();
    }
    listening?;
    let base = format!("http://localhost:{port}");
    print::data(&format!(
        "\nThe finance API is at {base}. Ctrl-C ends it. Some requests to try:\n"
    ));
    for request in REQUESTS {
        print::data(&format!("{}\n", request.replace("BASE", &base)));
    }
    let status = server.wait()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The server says where it listens on a stderr that the user sees, so readiness is asked of the
/// port.
fn wait_until_listening(server: &mut Child, port: u16) -> Result<()> {
    let begun = Instant::now();
    loop {
        let connected = TcpStream::connect(("localhost", port));
        if let Some(status) = server.try_wait()? {
            bail!("byway ended at once: {status}");
        }
        match connected {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::ConnectionRefused => return Err(error.into()),
            Err(_) if begun.elapsed() > START_TIMEOUT => {
                bail!("byway accepts no connection on port {port} after {START_TIMEOUT:?}");
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}
