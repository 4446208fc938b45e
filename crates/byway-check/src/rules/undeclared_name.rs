//! Names in a route's file that are declared and imported nowhere: the handler throws a
//! `ReferenceError` when it gets there.
//!
//! Only files of routes are looked at, because what they import may be written for browsers too. A
//! name that anything in the project may make a global one is left alone.

use byway_error::Diagnostic;
use oxc::ast::AstKind;
use oxc::span::Span;
use oxc::syntax::operator::UnaryOperator;
use oxc::syntax::reference::ReferenceId;

use super::Collector;
use crate::module::Module;
use crate::{Role, Source};

const CODE: &str = "undeclared-name";
/// What Next and well-known packages export under names that are theirs alone, and from where.
const EXPORTS: [(&str, &str); 12] = [
    ("NextRequest", "next/server"),
    ("NextResponse", "next/server"),
    ("after", "next/server"),
    ("cookies", "next/headers"),
    ("headers", "next/headers"),
    ("notFound", "next/navigation"),
    ("redirect", "next/navigation"),
    ("revalidatePath", "next/cache"),
    ("revalidateTag", "next/cache"),
    ("unstable_cache", "next/cache"),
    ("z", "zod"),
    ("PrismaClient", "@prisma/client"),
];
/// Globals of the language, of Node.js and of the edge runtime; of other hosts those that code asks
/// for to learn where it runs.
const GLOBALS: &str = "\
    AbortController AbortSignal AggregateError Array ArrayBuffer AsyncDisposableStack \
    AsyncIterator AsyncLocalStorage Atomics BigInt BigInt64Array BigUint64Array Blob Boolean \
    BroadcastChannel Buffer Bun ByteLengthQueuingStrategy CloseEvent CompressionStream \
    CountQueuingStrategy Crypto CryptoKey CustomEvent DataView Date DecompressionStream Deno \
    DisposableStack DOMException EdgeRuntime Error ErrorEvent EvalError Event EventSource \
    EventTarget FetchEvent File FinalizationRegistry Float16Array Float32Array Float64Array \
    FormData Function HTMLRewriter Headers Infinity Int16Array Int32Array Int8Array Intl \
    Iterator JSON JSX Map Math MessageChannel MessageEvent MessagePort NaN Navigator NodeJS \
    Number Object Performance PerformanceEntry PerformanceMark PerformanceMeasure \
    PerformanceObserver PerformanceObserverEntryList PerformanceResourceTiming Promise \
    PromiseRejectionEvent Proxy QuotaExceededError RangeError React ReadableByteStreamController \
    ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest \
    ReadableStreamDefaultController ReadableStreamDefaultReader ReferenceError Reflect RegExp \
    Request Response Set SharedArrayBuffer Storage String SubtleCrypto SuppressedError Symbol \
    SyntaxError Temporal TextDecoder TextDecoderStream TextEncoder TextEncoderStream \
    TransformStream TransformStreamDefaultController TypeError URIError URL URLPattern \
    URLSearchParams Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet \
    WebAssembly WebSocket WebSocketPair Worker WritableStream WritableStreamDefaultController \
    WritableStreamDefaultWriter addEventListener arguments atob btoa caches clearImmediate \
    clearInterval clearTimeout console crypto decodeURI decodeURIComponent dispatchEvent \
    document encodeURI encodeURIComponent escape eval exports fetch gc global globalThis \
    isFinite isNaN localStorage location module navigator parseFloat parseInt performance \
    process queueMicrotask removeEventListener reportError require self sessionStorage \
    setImmediate setInterval setTimeout structuredClone undefined unescape window";

/// What the files of a project may make global.
pub(super) struct Declared {
    /// Texts in which a name that is mentioned is not judged.
    mentioned: Vec<String>,
    /// Anything may be.
    everything: bool,
}

impl Declared {
    pub(super) fn of(sources: &[Source], ambient: Option<&[String]>) -> Self {
        let is_global = |source: &&Source| {
            source.text.contains("global") || source.text.contains("declare module")
        };
        let mut mentioned: Vec<String> = ambient.unwrap_or_default().to_vec();
        for source in sources.iter().filter(is_global) {
            // The lines are enough: what is made global is named where that is done, or in a
            // declaration, whose end is not worth finding.
            let declares = source.text.contains("declare ");
            let lines = source.text.lines().filter(|line| declares || line.contains("global"));
            mentioned.push(lines.collect::<Vec<_>>().join("\n"));
        }
        let assigned = ["assign(global", "defineProperties(global", "with ("];
        let everything = ambient.is_none()
            || sources.iter().any(|source| assigned.iter().any(|it| source.text.contains(it)));
        Self { mentioned, everything }
    }

    fn may_be_global(&self, name: &str) -> bool {
        self.everything || self.mentioned.iter().any(|text| has_word(text, name))
    }
}

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    if module.source.role == Role::Module || module.imports_for_effect() {
        return;
    }
    let mut found: Vec<(Span, &str)> = Vec::new();
    for (name, references) in module.semantic.scoping().root_unresolved_references() {
        let name = name.as_str();
        if name.starts_with("__") || GLOBALS.split_ascii_whitespace().any(|it| it == name) {
            continue;
        }
        let Some(first) = first_use(module, references) else { continue };
        if !collector.declared.may_be_global(name) {
            found.push((first, name));
        }
    }
    found.sort_by_key(|(span, _)| span.start);
    for (span, name) in found {
        let message = format!("`{name}` is declared and imported nowhere");
        let help = match EXPORTS.iter().find(|(export, _)| *export == name) {
            Some((_, from)) => format!("import {{ {name} }} from '{from}'"),
            None => "import it, or declare it; reaching it throws a `ReferenceError`".to_owned(),
        };
        collector.add(CODE, module.at(Diagnostic::error(message).with_help(help), span));
    }
}

/// The first place that reads the name; none where it is only a type, or where code asks whether it
/// is there or sets it.
fn first_use(module: &Module<'_>, references: &[ReferenceId]) -> Option<Span> {
    let (scoping, nodes) = (module.semantic.scoping(), module.semantic.nodes());
    let mut first: Option<Span> = None;
    for id in references {
        let reference = scoping.get_reference(*id);
        let node = reference.node_id();
        let is_asked = matches!(nodes.parent_kind(node), AstKind::UnaryExpression(it)
            if it.operator == UnaryOperator::Typeof);
        if reference.is_write() || is_asked {
            return None;
        }
        let span = crate::module::span_of(nodes.kind(node));
        if reference.is_value() && first.is_none_or(|first| span.start < first.start) {
            first = Some(span);
        }
    }
    first
}

fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part)
    })
}
