//! Code for what byway.toml can do before a worker hears of a request: CORS and rate limits.
//!
//! Notes, one per file: the code runs as it is.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::span::Span;

use super::Collector;
use crate::module::Module;

const CORS: &str = "hand-written-cors";
const RATE_LIMIT: &str = "hand-written-rate-limit";
/// Keys of byway.toml, without which there is nothing to recommend.
const CORS_SETTING: &str = "route[].cors";
const RATE_LIMIT_SETTING: &str = "route[].rate_limit";
const CORS_HEADER: &str = "access-control-allow-origin";
const CORS_PACKAGES: [&str; 3] = ["cors", "micro-cors", "nextjs-cors"];
const RATE_LIMIT_PACKAGES: [&str; 4] =
    ["@upstash/ratelimit", "express-rate-limit", "lambda-rate-limiter", "rate-limiter-flexible"];
/// How code asks who the client is. What counts something else, such as attempts for an account, is not
/// byway's to replace.
const CLIENT_ADDRESSES: [&str; 4] = ["x-forwarded-for", "x-real-ip", "remoteAddress", ".ip"];

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    if collector.facts.settings.contains(CORS_SETTING)
        && let Some(span) = cors(module)
    {
        let found = Diagnostic::note("CORS is handled here, in a worker").with_help(
            "`cors = { origins = [\"https://…\"] }` in a `[[route]]` of byway.toml answers preflights in \
             Rust and sets the headers",
        );
        collector.add(CORS, module.at(found, span));
    }
    if collector.facts.settings.contains(RATE_LIMIT_SETTING)
        && let Some(span) = rate_limit(module)
    {
        let found = Diagnostic::note("requests are counted here, in a worker").with_help(
            "`rate_limit = { limit = 100, window = \"1m\", key = \"ip\" }` in a `[[route]]` of \
             byway.toml refuses them in Rust, and counts for all workers",
        );
        collector.add(RATE_LIMIT, module.at(found, span));
    }
}

/// The first place that names the header, or the import of a package for it.
fn cors(module: &Module<'_>) -> Option<Span> {
    let is_header = |text: &str| text.eq_ignore_ascii_case(CORS_HEADER);
    module.semantic.nodes().iter().find_map(|node| match node.kind() {
        AstKind::StringLiteral(it) if is_header(&it.value) => Some(it.span),
        AstKind::ImportDeclaration(it) if CORS_PACKAGES.contains(&it.source.value.as_str()) => {
            Some(it.source.span)
        }
        _ => None,
    })
}

/// The import of a package, or a function or class that is called so, in a file that looks at the
/// client's address.
fn rate_limit(module: &Module<'_>) -> Option<Span> {
    let asks_client = CLIENT_ADDRESSES.iter().any(|it| module.source.text.contains(it));
    module.semantic.nodes().iter().find_map(|node| match node.kind() {
        AstKind::ImportDeclaration(it)
            if RATE_LIMIT_PACKAGES.contains(&it.source.value.as_str()) =>
        {
            Some(it.source.span)
        }
        AstKind::Function(it) if asks_client => {
            it.id.as_ref().filter(|id| is_limiter(&id.name)).map(|id| id.span)
        }
        AstKind::Class(it) if asks_client => {
            it.id.as_ref().filter(|id| is_limiter(&id.name)).map(|id| id.span)
        }
        AstKind::VariableDeclarator(it) if asks_client => {
            let is_function =
                it.init.as_ref().is_some_and(|init| init.get_inner_expression().is_function());
            it.id
                .get_binding_identifier()
                .filter(|id| is_function && is_limiter(&id.name))
                .map(|id| id.span)
        }
        _ => None,
    })
}

fn is_limiter(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
    plain.contains("ratelimit") || plain.contains("throttle")
}
