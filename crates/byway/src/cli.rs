//! The command line: commands, flags, and the texts of `--help`.
//!
//! Completions, manual pages and docs/cli.md are made from what stands here.

use std::path::PathBuf;

use byway_config::WorkerCount;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::new::NewFolder;

const ABOUT: &str = "\
Runs the API side of a Next.js project: route handlers, unmodified, on a Rust server.

Rust does sockets, HTTP, routing, limits and caching; the project's own TypeScript runs in Node.js \
processes that byway starts, feeds, watches and replaces.";

const EXAMPLES: &str = "\
Examples:
  byway new shop             a small project to start from
  byway check                what of an existing Next.js project runs, differs or does not
  byway dev                  serve the project in this folder while it is being written
  byway build && byway start compile it, and serve it on port 3000

Exit codes: 0 fine, 1 the project or the machine is at fault, 2 the command line is.
Docs: README.md and docs/ of byway's repository.";

/// Runs the API side of a Next.js project: route handlers, unmodified, on a Rust server.
#[derive(Debug, Parser)]
#[command(name = "byway", version, long_about = ABOUT, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How much is said on stderr.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Say nothing but errors on stderr. Data on stdout stays.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more on stderr: what each step takes, and the log at level `debug`.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a small project that runs at once.
    New(NewArgs),
    /// Compile the project into `.byway/` and list its routes.
    Build(BuildArgs),
    /// Serve the project while it is being written: what is saved takes effect.
    Dev(DevArgs),
    /// Serve the build that `byway build` made.
    Start(StartArgs),
    /// Say what of a project runs, what differs and what is not supported.
    Check(CheckArgs),
    /// List the routes with methods, kind, policies and proxy.
    Routes(RoutesArgs),
    /// Write TypeScript declarations for projects without the `next` package.
    Types(TypesArgs),
    /// Print the settings in force and where each of them comes from.
    Config(ConfigArgs),
    /// Show the workers of the servers that run in a project's folder.
    Status(StatusArgs),
    /// Let them serve the build that is in the folder now, and wait until they do.
    Reload(ReloadArgs),
    /// Let them replace their workers, with no request lost.
    Recycle(RecycleArgs),
    /// Drop answers and values from their caches.
    Purge(PurgeArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one page for each command.
    Man(ManArgs),
}

const NEW_HELP: &str = "\
Examples:
  byway new zakat-api
  cd zakat-api && byway dev

The folder must be empty or absent. No package has to be installed: the project has no dependencies.";

/// Arguments of `byway new`.
#[derive(Debug, Args)]
#[command(after_help = NEW_HELP)]
pub(crate) struct NewArgs {
    /// The folder to make; its last part becomes the package's name.
    pub(crate) name: NewFolder,
}

const BUILD_HELP: &str = "\
Examples:
  byway build                the project in this folder
  byway build apps/api       another one, for example in a monorepo

`next.config` is evaluated once, here; route files are compiled and not run. All errors of all files \
are told at once, and an earlier build stays in place when there are any. Warnings go to stderr, the \
route table to stdout.";

/// Arguments of `byway build`.
#[derive(Debug, Args)]
#[command(after_help = BUILD_HELP)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// The project, for commands that compile it.
#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    /// The project's folder: the one with `app/` or `pages/`, or `src/` around them.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The Node.js executable, version 20 or newer, which evaluates `next.config` (`BYWAY_NODE`,
    /// `node` by default).
    #[arg(long, value_name = "PATH")]
    pub(crate) node: Option<PathBuf>,
}

const DEV_HELP: &str = "\
Examples:
  byway dev                            http://localhost:3000, or the next port that is free
  byway dev --port 8080 -H 0.0.0.0     for other machines of the network too
  byway dev --inspect                  let a debugger attach; it sees the original TypeScript

Saved files take effect at once, without a request being lost. Errors are shown as a page to browsers, as \
JSON to programs, and here. Listens on this machine only, and runs one worker, whatever byway.toml says.";

/// Arguments of `byway dev`.
#[derive(Debug, Args)]
#[command(after_help = DEV_HELP)]
pub(crate) struct DevArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    /// Let a debugger attach to the worker, on 127.0.0.1:9229 or another address.
    #[arg(
        long,
        value_name = "[HOST:]PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "127.0.0.1:9229"
    )]
    pub(crate) inspect: Option<String>,
}

const START_HELP: &str = "\
Examples:
  byway start                          port 3000 on every IPv4 address, one worker
  byway start --port 8080 -H 127.0.0.1
  byway start --workers auto           one worker for each core; module state is then one per worker

Stop it with Ctrl-C or SIGTERM: it stops accepting, lets requests and `after()` work finish, and ends. \
A second signal ends it at once. Needs `.byway/`, `node_modules` and Node.js; byway.toml holds \
everything else that can be set.";

/// Arguments of `byway start`.
#[derive(Debug, Args)]
#[command(after_help = START_HELP)]
pub(crate) struct StartArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

const CHECK_HELP: &str = "\
Examples:
  byway check                      findings with file, line and code frame
  byway check --json > report.json for programs
  byway check --deny-warnings      in CI: fail on warnings too

No handler is run and nothing is written; `next.config` is evaluated as `byway build` does it. Errors \
are what keeps the project from being built or served, warnings are likely mistakes and differences, \
notes are good to know. A comment `// byway-ignore RULE` above a line, or at its end, silences that \
rule there.";

/// Arguments of `byway check`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// As JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 1 on warnings too.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
}

const ROUTES_HELP: &str = "\
Examples:
  byway routes
  byway routes --json | jq '.routes[] | select(.proxy)'

Kinds: `dynamic` runs for each request, `cached` says in its file that answers may be kept, `edge` \
runs as edge code, `pages` is a Pages Router API route, `page` a page that is rendered, `file` \
is a file of `app/` that is served as it is. Policies are what byway.toml and the route's file set; \
defaults are not listed.";

/// Arguments of `byway routes`.
#[derive(Debug, Args)]
#[command(after_help = ROUTES_HELP)]
pub(crate) struct RoutesArgs {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// As JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

const TYPES_HELP: &str = "\
Examples:
  byway types                write byway-env.d.ts
  byway types --check        in CI: fail when the file is not current

The file declares `next`, `next/server`, `next/headers`, `next/navigation`, `next/cache` and, for the \
project's routes, `RouteContext<'/api/users/[id]'>`. TypeScript finds it where tsconfig.json includes \
`**/*.ts`. Run it again when routes are added. Next's own types are better where the `next` package is \
installed.";

/// Arguments of `byway types`.
#[derive(Debug, Args)]
#[command(after_help = TYPES_HELP)]
pub(crate) struct TypesArgs {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// Write nothing; exit with 1 when the file is not current.
    #[arg(long)]
    pub(crate) check: bool,
    /// Write the file although the `next` package is installed.
    #[arg(long, conflicts_with = "check")]
    pub(crate) force: bool,
}

const CONFIG_HELP: &str = "\
Examples:
  byway config
  byway config --port 8080 --json
  byway config --schema > byway.schema.json   for editors that complete TOML";

/// Arguments of `byway config`.
#[derive(Debug, Args)]
#[command(after_help = CONFIG_HELP)]
pub(crate) struct ConfigArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    /// As JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,
    /// The JSON schema of `byway.toml` instead, for editors.
    #[arg(long)]
    pub(crate) schema: bool,
}

/// Flags that go before variables and `byway.toml`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SettingArgs {
    /// The port to listen on; 0 lets the system choose (`PORT`, 3000 by default).
    #[arg(short, long)]
    pub(crate) port: Option<u16>,
    /// The address or name to listen on; every IPv4 address of the machine by default. It is also the host
    /// of `request.url`, as under Next.
    #[arg(short = 'H', long)]
    pub(crate) hostname: Option<String>,
    /// Worker processes: a number or `auto` for one per core. With one, state in modules is shared by all
    /// requests (`BYWAY_WORKERS`, 1 by default).
    #[arg(long)]
    pub(crate) workers: Option<WorkerCount>,
    /// The Node.js executable, version 20 or newer (`BYWAY_NODE`, `node` by default).
    #[arg(long, value_name = "PATH")]
    pub(crate) node: Option<PathBuf>,
    /// Any other setting, such as `workers.queue=256`; `byway config` lists them. Of several for one
    /// setting the last counts.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<SetArg>,
}

/// `KEY=VALUE`.
#[derive(Debug, Clone)]
pub(crate) struct SetArg {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl std::str::FromStr for SetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write `key=value`")?;
        Ok(Self { key: key.trim().to_owned(), value: value.trim().to_owned() })
    }
}

const STATUS_HELP: &str = "\
Examples:
  byway status                   processes, requests and memory of each worker
  byway status --json | jq .";

/// Arguments of `byway status`.
#[derive(Debug, Args)]
#[command(after_help = STATUS_HELP)]
pub(crate) struct StatusArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// One JSON object per server.
    #[arg(long)]
    pub(crate) json: bool,
}

const RELOAD_HELP: &str = "\
Examples:
  byway build && byway reload    a new version, with no request lost";

/// Arguments of `byway reload`.
#[derive(Debug, Args)]
#[command(after_help = RELOAD_HELP)]
pub(crate) struct ReloadArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
}

const RECYCLE_HELP: &str = "\
Examples:
  byway recycle                  new processes for the same build";

/// Arguments of `byway recycle`.
#[derive(Debug, Args)]
#[command(after_help = RECYCLE_HELP)]
pub(crate) struct RecycleArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
}

const PURGE_HELP: &str = "\
Examples:
  byway purge --path /api/products/7   what is kept for one path
  byway purge --tag products           what `next: { tags }` or `Cache-Tag` names so
  byway purge --all                    everything";

/// Arguments of `byway purge`.
#[derive(Debug, Args)]
#[command(after_help = PURGE_HELP)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct PurgeArgs {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// A tag; may be given several times.
    #[arg(long = "tag", value_name = "TAG", group = "what")]
    pub(crate) tags: Vec<String>,
    /// A path without its query; may be given several times.
    #[arg(long = "path", value_name = "PATH", group = "what")]
    pub(crate) paths: Vec<String>,
    /// Everything that depends on no tag alone: all answers, and values that routes have read.
    #[arg(long, group = "what")]
    pub(crate) all: bool,
}

const COMPLETIONS_HELP: &str = "\
Examples:
  byway completions bash > ~/.local/share/bash-completion/completions/byway
  byway completions zsh > ~/.zfunc/_byway
  byway completions fish > ~/.config/fish/completions/byway.fish";

/// Arguments of `byway completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_HELP)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

const MAN_HELP: &str = "\
Examples:
  byway man | man -l -
  byway man --out ~/.local/share/man/man1   byway.1, byway-build.1, …";

/// Arguments of `byway man`.
#[derive(Debug, Args)]
#[command(after_help = MAN_HELP)]
pub(crate) struct ManArgs {
    /// An existing folder for one page per command.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
