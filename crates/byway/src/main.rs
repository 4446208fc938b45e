//! The `byway` binary: reads the command line, runs one command, chooses the exit code.
//!
//! Exit codes: 0 fine, 1 the project or the machine is at fault, 2 the command line is.

mod cache;
mod commands;
mod environment;
mod output;
mod print;
mod settings;

use std::path::PathBuf;
use std::process::ExitCode;

use byway_config::WorkerCount;
use clap::{Args, Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the API side of a Next.js project: route handlers, unmodified, on a Rust server.
#[derive(Debug, Parser)]
#[command(name = "byway", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile the project into `.byway/` and list its routes.
    Build(BuildArgs),
    /// Serve the build that `byway build` made.
    Start(StartArgs),
    /// Print the settings in force and where each of them comes from.
    Config(ConfigArgs),
    /// Show the workers of the servers that run in a project's folder.
    Status(StatusArgs),
    /// Let them serve the build that is in the folder now, and wait until they do.
    Reload(ServerArgs),
    /// Let them replace their workers, with no request lost.
    Recycle(ServerArgs),
}

/// Arguments of `byway status`.
#[derive(Debug, Args)]
struct StatusArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object per server.
    #[arg(long)]
    json: bool,
}

/// Arguments of commands to running servers.
#[derive(Debug, Args)]
struct ServerArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    dir: PathBuf,
}

/// Arguments of `byway build`.
#[derive(Debug, Args)]
struct BuildArgs {
    /// The project's folder: the one with `app/` or `pages/`, or `src/` around them.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The Node.js executable, version 20 or newer, which evaluates `next.config` (`BYWAY_NODE`,
    /// `node` by default).
    #[arg(long)]
    node: Option<PathBuf>,
}

/// Arguments of `byway start`.
#[derive(Debug, Args)]
struct StartArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    settings: SettingArgs,
}

/// Arguments of `byway config`.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    settings: SettingArgs,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
    /// The JSON schema of `byway.toml` instead, for editors.
    #[arg(long)]
    schema: bool,
}

/// Flags that go before variables and `byway.toml`.
#[derive(Debug, Args)]
struct SettingArgs {
    /// The port to listen on; 0 lets the system choose (`PORT`, 3000 by default).
    #[arg(short, long)]
    port: Option<u16>,
    /// The address or name to listen on; every IPv4 address of the machine by default. It is also the host
    /// of `request.url`, as under Next.
    #[arg(short = 'H', long)]
    hostname: Option<String>,
    /// Worker processes: a number or `auto` for one per core. With one, state in modules is shared by all
    /// requests (`BYWAY_WORKERS`, 1 by default).
    #[arg(long)]
    workers: Option<WorkerCount>,
    /// The Node.js executable, version 20 or newer (`BYWAY_NODE`, `node` by default).
    #[arg(long)]
    node: Option<PathBuf>,
    /// Any other setting, such as `workers.queue=256`; `byway config` lists them. Of several for one
    /// setting the last counts.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<SetArg>,
}

/// `KEY=VALUE`.
#[derive(Debug, Clone)]
struct SetArg {
    key: String,
    value: String,
}

impl std::str::FromStr for SetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write `key=value`")?;
        Ok(Self { key: key.trim().to_owned(), value: value.trim().to_owned() })
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    print::init_log();
    let result = match cli.command {
        Command::Build(args) => commands::build::run(&args),
        Command::Start(args) => commands::start::run(&args),
        Command::Config(args) => commands::config::run(&args),
        Command::Status(args) => commands::status::status(&args.dir, args.json),
        Command::Reload(args) => commands::status::order(&args.dir, "reload"),
        Command::Recycle(args) => commands::status::order(&args.dir, "recycle"),
    };
    let code = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::error(&error);
            ExitCode::FAILURE
        }
    };
    output::flush();
    code
}
