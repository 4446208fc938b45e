//! What user code prints, without the lines of stack traces that are about byway's own code.

use std::sync::Arc;

use byway_pool::{ConsoleLine, ConsoleSink};

/// Where Node itself calls and continues what byway has called. Deeper down its lines are of use:
/// they name the function that has failed.
const NODE_ENTRIES: [&str; 3] =
    ["(node:async_hooks:", "(node:internal/async_local_storage/", "node:internal/process/"];
/// Ends the last line of a stack when the error's properties follow.
const OPENS_PROPERTIES: &[u8] = b" {";

/// Passes on what says something to a developer.
pub(super) fn without_own_frames(sink: ConsoleSink) -> ConsoleSink {
    Arc::new(move |line: ConsoleLine<'_>| {
        if !is_own_frame(line.text) {
            sink(line);
        } else if line.text.ends_with(OPENS_PROPERTIES) {
            sink(ConsoleLine { text: b"    {", ..line });
        }
    })
}

fn is_own_frame(text: &[u8]) -> bool {
    // Nearly every line is told by its first bytes.
    let Some(frame) = text.trim_ascii_start().strip_prefix(b"at ") else { return false };
    let frame = String::from_utf8_lossy(frame);
    let mut ends = frame.trim_end_matches(" {").trim_end_matches(')').rsplitn(3, ':');
    let is_number = |part: Option<&str>| {
        part.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
    };
    is_number(ends.next())
        && is_number(ends.next())
        && (frame.contains("byway:")
            || frame.contains("/.byway-dev/")
            || NODE_ENTRIES.iter().any(|place| frame.contains(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_byway_are_told_from_everything_else() {
        for own in [
            "    at run (byway:worker/handle.ts:120:9)",
            "    at byway:worker/handle.ts:120:9",
            "    at async start (file:///p/.byway-dev/1/server/worker.mjs:4665:10) {",
            "    at AsyncLocalStorage.run (node:async_hooks:346:14)",
            "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
        ] {
            assert!(is_own_frame(own.as_bytes()), "{own}");
        }
        for other in [
            "    at GET (/p/app/api/a/route.ts:2:9)",
            "    at async open (node:internal/fs/promises:639:25)",
            "    at the end of /.byway-dev/ there is text",
            "at run (byway:worker/handle.ts)",
            "look at byway:worker/handle.ts:120:9",
            "",
            "at",
        ] {
            assert!(!is_own_frame(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn the_properties_of_an_error_stay_in_their_braces() {
        let lines = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let taken = Arc::clone(&lines);
        let sink = without_own_frames(Arc::new(move |line: ConsoleLine<'_>| {
            taken.lock().push(String::from_utf8_lossy(line.text).into_owned());
        }));
        for text in ["Error: x", "    at f (byway:worker/a.ts:1:2) {", "  code: 'X'", "}"] {
            let stream = byway_pool::ConsoleStream::Stderr;
            sink(ConsoleLine { worker: 1, request: None, stream, text: text.as_bytes() });
        }
        assert_eq!(*lines.lock(), ["Error: x", "    {", "  code: 'X'", "}"]);
    }
}
