//! The project's own commands, run as `cargo xtask VERB`. They need cargo, Node and npm, nothing
//! else.

mod arguments;
mod bench;
mod conformance;
mod demo;
mod node;
mod print;
mod project;
mod running;
mod test;
#[cfg(test)]
mod tidy;

use std::process::ExitCode;

use anyhow::Result;

use arguments::Arguments;

const USAGE: &str = "\
cargo xtask demo [--check] [--port N]   build byway, start the example project, print requests to try;
                                        --check sends them, compares the answers and stops
cargo xtask test                        everything: worker, unit, protocol, end to end, format, lints
cargo xtask conformance --base http://localhost:PORT [--app app|app2|app3] [--group G,…] [--only N,…]
                        [--quirk skip|only] [--retries N] [--timeout S] [--strict-case]
                                        replay recorded requests against a running server
cargo xtask bench [--only NAME,…] [--scenario NAME,…] [--seconds N] [--rounds N] [--quick] [--json FILE]
                                        byway beside Next, Hono, Fastify, node:http, Bun and bare hyper
cargo xtask bench --crowd [--seconds N] what 10,000 idle connections cost, and what 5,000 that send their
                                        heads byte by byte cost others
cargo xtask bench dev [--edits N] [--rounds N] [--json FILE]
                                        what a person waits for: `byway dev` and `byway build` beside Next's";

fn main() -> ExitCode {
    let mut arguments = Arguments::new(std::env::args().skip(1));
    let verb = arguments.next_word().unwrap_or_default();
    let done = match verb.as_str() {
        "demo" => demo::run(arguments),
        "test" => test::run(arguments),
        "bench" => bench::run(arguments),
        "conformance" => conformance::run(arguments),
        _ => {
            print::progress(USAGE);
            return ExitCode::from(2);
        }
    };
    exit_code(done)
}

fn exit_code(done: Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| {
        print::progress(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}
