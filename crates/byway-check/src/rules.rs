//! One file per rule, and the list of all of them.

mod body_twice;
mod compose;
mod dropped_handler;
mod forgotten_response;
mod hand_written;
mod missing_env;
mod module_state;
mod sync_request_api;
mod undeclared_name;
mod upgrade;
mod webhook_body;
mod zod_errors;

use byway_error::Diagnostic;

use crate::ignore::is_ignored;
use crate::module::{Module, with_module};
use crate::{Facts, Source};

/// The rules by name, each with what it is about.
pub const RULES: [(&str, &str); 13] = [
    ("body-read-twice", "a handler reads the body of its request twice; the second time throws"),
    ("composed-wrappers", "wrappers are composed so that only the first of them runs"),
    ("dropped-handler", "a wrapper never calls the handler that it is given"),
    ("forgotten-response", "a handler can end without returning a `Response`"),
    ("hand-written-cors", "code that sets CORS headers, where byway.toml can do it"),
    ("hand-written-rate-limit", "code that counts requests per client, where byway.toml can do it"),
    ("missing-env", "a variable is used that is set nowhere"),
    (
        "module-state",
        "state of a module changes while requests are served: each worker has its own",
    ),
    (
        "sync-request-api",
        "`params`, `cookies()` and the like without `await`, which Next 16 rejects",
    ),
    ("undeclared-name", "a name in a route's file that is declared and imported nowhere"),
    ("websocket-upgrade", "a route that wants the server's socket, which it cannot have"),
    ("webhook-body", "a signature is checked on a body that has been parsed"),
    ("zod-errors", "`.errors` of a `ZodError`, which is `.issues` since Zod 4"),
];

/// What the rules say about one file, and what only all files together tell.
struct Collector<'f> {
    facts: &'f Facts,
    found: Vec<Diagnostic>,
    variables: missing_env::Uses,
    composers: compose::Composers,
    declared: undeclared_name::Declared,
}

type Rule = fn(&Module<'_>, &mut Collector<'_>);

const SINGLE: [Rule; 12] = [
    body_twice::run,
    compose::run,
    dropped_handler::run,
    forgotten_response::run,
    hand_written::run,
    missing_env::run,
    module_state::run,
    sync_request_api::run,
    undeclared_name::run,
    upgrade::run,
    webhook_body::run,
    zod_errors::run,
];

pub(crate) fn run(sources: &[Source], facts: &Facts) -> Vec<Diagnostic> {
    let mut collector = Collector {
        facts,
        found: Vec::new(),
        variables: missing_env::Uses::default(),
        composers: compose::Composers::default(),
        declared: undeclared_name::Declared::of(sources, facts.ambient.as_deref()),
    };
    for source in sources {
        with_module(source, |module| {
            for rule in SINGLE {
                rule(module, &mut collector);
            }
        });
    }
    let Collector { mut found, variables, composers, .. } = collector;
    found.extend(variables.finish());
    found.extend(composers.finish());
    found.retain(|it| !is_ignored(it));
    let order = |file: &str| sources.iter().position(|source| source.file == file);
    found.sort_by_key(|it| {
        let place = it.location.as_ref().map(|at| (at.line, at.column));
        (it.file.as_deref().and_then(order), place)
    });
    found.dedup();
    found
}

impl Collector<'_> {
    fn add(&mut self, code: &'static str, diagnostic: Diagnostic) {
        self.found.push(diagnostic.with_code(code));
    }
}
