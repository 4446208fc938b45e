//! The `byway` binary: reads the command line, runs one command, chooses the exit code.
//!
//! Exit codes: 0 fine, 1 the project or the machine is at fault, 2 the command line is.

mod cache;
mod cli;
mod commands;
mod environment;
mod memory;
mod output;
mod print;
mod progress;
mod reading;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    print::init(&cli.output);
    let result = match cli.command {
        Command::New(args) => commands::new::run(&args),
        Command::Build(args) => commands::build::run(&args),
        Command::Dev(args) => commands::dev::run(&args),
        Command::Start(args) => commands::start::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Routes(args) => commands::routes::run(&args),
        Command::Types(args) => commands::types::run(&args),
        Command::Config(args) => commands::config::run(&args),
        Command::Status(args) => commands::status::status(&args.dir, args.json),
        Command::Reload(args) => commands::status::order(&args.dir, "reload"),
        Command::Recycle(args) => commands::status::order(&args.dir, "recycle"),
        Command::Purge(args) => commands::purge::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
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
