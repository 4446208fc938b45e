//! Every number of the protocol. `worker/src/wire-constants.ts` is generated from this file's table.

macro_rules! constants {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $value:expr;)+) => {
        $($(#[doc = $doc])+ pub const $name: $type = $value;)+

        /// Name and value of each constant, in order, for the TypeScript half.
        pub const TABLE: &[(&str, u64)] = &[$((stringify!($name), $value as u64)),+];
    };
}

constants! {
    /// The version in `HELLO`; both sides come from one build, so a mismatch means a stale `.byway/`.
    PROTOCOL_VERSION: u16 = 6;
    /// Bytes before each payload.
    FRAME_HEADER_BYTES: usize = 12;
    /// The longest payload.
    FRAME_PAYLOAD_MAX: usize = 1024 * 1024;
    /// The most body bytes inside one `REQUEST` or `RESPONSE`.
    HEAD_BODY_MAX: usize = 256 * 1024;
    /// The most body bytes in one `CHUNK`.
    CHUNK_MAX: usize = 64 * 1024;
    /// Body bytes of `CHUNK` frames that may be sent before the first `CREDIT`.
    WINDOW_INITIAL: usize = 256 * 1024;
    /// The most header lines in one head.
    HEADERS_MAX: usize = 512;

    /// Server to worker: a request's head and the start of its body.
    REQUEST: u8 = 0x01;
    /// Server to worker: more of a request's body.
    REQUEST_CHUNK: u8 = 0x02;
    /// Server to worker: more of the answer's body may be sent.
    RESPONSE_CREDIT: u8 = 0x03;
    /// Server to worker: stop work on a request.
    CANCEL: u8 = 0x04;
    /// Server to worker: answer with `PONG`.
    PING: u8 = 0x05;
    /// Server to worker: settings, as JSON.
    CONFIG: u8 = 0x06;
    /// Server to worker: finish and exit.
    DRAIN: u8 = 0x07;
    /// Server to worker: where a request goes whose verdict the worker has sent.
    ROUTE: u8 = 0x08;
    /// Server to worker: the answer to `CACHE_GET`.
    CACHE_VALUE: u8 = 0x09;
    /// Server to worker: what `INVALIDATE` asked for is done.
    CACHE_DONE: u8 = 0x0A;
    /// Server to worker: load another build of the project beside the one that is loaded.
    RELOAD: u8 = 0x0C;

    /// Worker to server: an answer's head and the start of its body.
    RESPONSE: u8 = 0x81;
    /// Worker to server: more of an answer's body.
    RESPONSE_CHUNK: u8 = 0x82;
    /// Worker to server: more of the request's body may be sent.
    REQUEST_CREDIT: u8 = 0x83;
    /// Worker to server: one direction of a stream has failed.
    ABORT: u8 = 0x84;
    /// Worker to server: the answer to `PING`.
    PONG: u8 = 0x85;
    /// Worker to server: the first frame.
    HELLO: u8 = 0x86;
    /// Worker to server: requests may come.
    READY: u8 = 0x87;
    /// Worker to server: a line for the log.
    LOG: u8 = 0x88;
    /// Worker to server: nothing is left to do after `DRAIN`.
    DRAINED: u8 = 0x89;
    /// Worker to server: the worker cannot start.
    FATAL: u8 = 0x8A;
    /// Worker to server: what the proxy decided about a request.
    VERDICT: u8 = 0x8B;
    /// Worker to server: a value of the data cache is asked for.
    CACHE_GET: u8 = 0x8C;
    /// Worker to server: a value that was made because `CACHE_VALUE` said so.
    CACHE_SET: u8 = 0x8D;
    /// Worker to server: tags or paths are to be made anew.
    INVALIDATE: u8 = 0x8E;
    /// Worker to server: every route's module has been evaluated, well or not.
    LOADED: u8 = 0x90;
    /// Worker to server: the worker asks to be replaced.
    RETIRE: u8 = 0x91;
    /// Worker to server: the handler of a request that was called off for its deadline has finished.
    OVER: u8 = 0x92;
    /// Worker to server: how a `RELOAD` went.
    RELOADED: u8 = 0x93;
    /// Worker to server: the end of an answer's body, and lines that follow it.
    TRAILERS: u8 = 0x94;

    /// No body bytes follow in this direction.
    FLAG_END: u8 = 0x01;
    /// The client's scheme is `https`.
    FLAG_HTTPS: u8 = 0x02;
    /// The request announced a body.
    FLAG_HAS_BODY: u8 = 0x04;
    /// The proxy runs before the route.
    FLAG_PROXY: u8 = 0x08;
    /// The body of the answer is a report of a failure, for developers. Only in development.
    FLAG_FAILURE: u8 = 0x40;

    /// In place of a route: nothing that a worker could run. Only with `FLAG_PROXY`.
    NO_ROUTE: u32 = 0xFFFF_FFFF;
    /// In place of a route in `ROUTE`: the worker sends the request's body back as an answer.
    FORWARD: u32 = 0xFFFF_FFFE;

    /// `VERDICT`: the request goes on; the worker waits for `ROUTE`.
    VERDICT_NEXT: u8 = 1;
    /// `VERDICT`: the request goes to another URL; the worker waits for `ROUTE`.
    VERDICT_REWRITE: u8 = 2;
    /// `VERDICT`: the route of the `REQUEST` runs already; its answer gets these headers.
    VERDICT_PASSED: u8 = 3;
    /// `VERDICT`: the answer that follows is the proxy's own.
    VERDICT_ANSWERED: u8 = 4;
    /// `REQUEST`: what `generateStaticParams` gives is asked for, as JSON.
    FLAG_STATIC_PARAMS: u8 = 0x10;
    /// `REQUEST`: the answer is for everybody, so the request says nothing of anybody.
    FLAG_PRERENDER: u8 = 0x20;
    /// `REQUEST`, with `PRERENDER`: the handler runs in any case, whatever a `cacheHandler` keeps.
    FLAG_ANEW: u8 = 0x40;
    /// `REQUEST`: the names of header lines are in the letters of the client.
    FLAG_AS_WRITTEN: u8 = 0x80;
    /// `RESPONSE`: what the cache has to know stands between head and body.
    FLAG_RENDERED: u8 = 0x02;
    /// `CACHE_SET`: there is no value; whoever waits for it makes its own.
    FLAG_ABANDONED: u8 = 0x02;

    /// `CANCEL`: the client has gone.
    CANCEL_CLIENT_GONE: u8 = 1;
    /// `CANCEL`: the deadline has passed.
    CANCEL_DEADLINE: u8 = 2;
    /// `CANCEL`: the server is shutting down.
    CANCEL_SHUTDOWN: u8 = 3;
    /// `CANCEL`: the request's body broke off.
    CANCEL_BODY_BROKEN: u8 = 4;
    /// `CANCEL`: the answer is complete; the rest of the request's body will not be sent.
    CANCEL_BODY_UNUSED: u8 = 5;
    /// `CANCEL`: after a verdict the server answers the request itself.
    CANCEL_ANSWERED: u8 = 6;

    /// `ABORT`: the handler's stream failed; the answer must not look complete.
    ABORT_RESPONSE: u8 = 1;
    /// `ABORT`: the worker stops reading the request's body.
    ABORT_REQUEST_BODY: u8 = 2;

    /// `CACHE_VALUE`: there is none; the worker makes it and sends `CACHE_SET`.
    VALUE_MAKE: u8 = 0;
    /// `CACHE_VALUE`: it is fresh.
    VALUE_FRESH: u8 = 1;
    /// `CACHE_VALUE`: it is stale; the worker makes it anew and sends `CACHE_SET`.
    VALUE_STALE_MAKE: u8 = 2;
    /// `CACHE_VALUE`: it is stale, and somebody is making it anew.
    VALUE_STALE: u8 = 3;
    /// `CACHE_VALUE`: there is none, and it will not be kept.
    VALUE_NONE: u8 = 4;

    /// `INVALIDATE`: everything with these tags is gone.
    INVALIDATE_EXPIRE: u8 = 1;
    /// `INVALIDATE`: everything with these tags is stale, and gone after the seconds given.
    INVALIDATE_STALE: u8 = 2;
    /// `INVALIDATE`: these paths are rendered anew, now.
    INVALIDATE_RENDER: u8 = 3;
    /// `INVALIDATE`: the same, if they have been rendered before.
    INVALIDATE_RENDER_KNOWN: u8 = 4;
    /// `INVALIDATE`: everything of a path is gone; a second name says of what kind.
    INVALIDATE_PATH: u8 = 5;

    /// Seconds that stand for "never".
    SECONDS_NEVER: u32 = 0xFFFF_FFFF;
}

/// The bytes that open `HELLO`.
pub const HELLO_MAGIC: &[u8; 5] = b"BYWAY";

/// The text of `worker/src/wire-constants.ts`.
pub fn typescript() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "// Generated from crates/byway-wire/src/constants.rs by its tests. Do not edit.\n",
    );
    for (name, value) in TABLE {
        let _ = writeln!(text, "export const {name} = {value};");
    }
    text
}
