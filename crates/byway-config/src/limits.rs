//! Every maximum has its name here. A queue, buffer, wait or loop without one is a bug.

use std::time::Duration;

/// Bytes of `byway.toml`.
pub const CONFIG_FILE_BYTES_MAX: u64 = 1 << 20;
/// Addresses that one server listens on.
pub const LISTENERS_MAX: usize = 16;
/// Bytes of a Unix socket's path: what the system's address structure holds.
pub const UNIX_PATH_BYTES_MAX: usize = 107;
/// Entries of a list in the settings.
pub const TEXTS_MAX: usize = 256;
/// `[[route]]` tables.
pub const ROUTE_RULES_MAX: usize = 128;
/// Rate limits that apply to one route.
pub const RATE_LIMITS_PER_ROUTE_MAX: usize = 8;
/// Bytes of a request's body unless a setting says otherwise (413 beyond).
pub const BODY_BYTES_MAX: u64 = 100 << 20;
/// Bytes of the body of a Server Action's call unless `serverActions.bodySizeLimit` says otherwise (413
/// beyond).
pub const ACTION_BODY_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a source file that is looked through for Server Actions; longer ones are generated.
pub const ACTION_SOURCE_BYTES_MAX: u64 = 2 << 20;
/// Bytes of what Next's build says of its actions.
pub const NEXT_ACTIONS_BYTES_MAX: u64 = 16 << 20;
/// Bytes of all requests' bodies in memory at once unless a setting says otherwise (503 beyond).
pub const BODIES_BYTES_MAX: u64 = 512 << 20;
/// The largest body that a setting may allow.
pub const BODY_BYTES_CEILING: u64 = 1 << 40;

/// Connections that are open at once unless a setting says otherwise; more wait in the kernel's accept
/// queue.
pub const CONNECTIONS_MAX: usize = 10_000;
/// The most that a setting may allow.
pub const CONNECTIONS_CEILING: usize = 1_000_000;
/// Connections that the kernel holds until byway accepts them.
pub const ACCEPT_BACKLOG: i32 = 4096;
/// From accepting a connection to the first byte on it (closed beyond).
pub const FIRST_BYTE_MAX: Duration = Duration::from_secs(10);
/// From accepting a connection to the end of its PROXY header (closed beyond).
pub const PROXY_HEADER_MAX: Duration = Duration::from_secs(5);
/// Bytes of a PROXY header of version 1, from its specification.
pub const PROXY_LINE_BYTES_MAX: usize = 107;
/// Bytes of a PROXY header of version 2: addresses and fields of half a kilobyte.
pub const PROXY_HEADER_BYTES_MAX: usize = 536;
/// From accepting a connection, or the end of its PROXY header, to the end of its TLS handshake (closed
/// beyond).
pub const TLS_HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How often the files of a certificate are looked at.
pub const TLS_FILES_INTERVAL: Duration = Duration::from_secs(2);
/// Bytes of a file with certificates or a key.
pub const TLS_FILE_BYTES_MAX: u64 = 1 << 20;

/// Requests that one HTTP/2 connection may have open (refused beyond).
pub const H2_STREAMS_MAX: u32 = 128;
/// Bytes that a client may send ahead of us on one stream, and on a whole connection.
pub const H2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// See [`H2_STREAM_WINDOW_BYTES`].
pub const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of an answer that wait on one stream for the client's window, beyond the handler's own.
pub const H2_SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Bytes of an answer that are handed to a stream at once; the rest waits where it can be called off.
pub const H2_PIECE_BYTES_MAX: usize = 16 * 1024;
/// Streams that a client may reset before we have looked at them (GOAWAY beyond; CVE-2023-44487).
pub const H2_EARLY_RESETS_MAX: usize = 20;
/// Streams of one connection that we may have to reset because of a client's errors (GOAWAY beyond;
/// CVE-2025-8671). A client may open some too many before it has read how many it may.
pub const H2_FORCED_RESETS_MAX: usize = 256;
/// What frames that carry nothing may cost a connection within `CONNECTION_CHECK_INTERVAL`: a reset costs
/// ten, any other control frame one (closed beyond). Data in either direction pays for its own.
pub const H2_IDLE_FRAMES_MAX: u32 = 1_000;
/// Between two pings by which we learn that a client is gone.
pub const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a client may take to answer one (closed beyond).
pub const H2_PING_MAX: Duration = Duration::from_secs(20);

/// From the first byte of a request's head to its end (408 beyond).
pub const HEADER_READ_MAX: Duration = Duration::from_secs(30);
/// From an answer to the first byte of the next request on the connection (closed beyond).
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(75);
/// How long a client may leave an answer unread before its connection is cut.
pub const WRITE_STALL_MAX: Duration = Duration::from_mins(1);
/// How often connections are checked against these; each of them may last that much longer.
pub const CONNECTION_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// How long a connection that is about to be cut may take to say why, and how long an idle one may take to
/// say goodbye when the server stops.
pub const LAST_WORD_MAX: Duration = Duration::from_secs(1);
/// How long a client may go on sending a request whose answer has ended the connection.
pub const LINGER_MAX: Duration = Duration::from_secs(30);
/// Silence of such a client before its connection is cut; less than `LINGER_BYTES_MIN` in this time counts
/// as silence.
pub const LINGER_SILENCE_MAX: Duration = Duration::from_secs(2);
/// See `LINGER_SILENCE_MAX`.
pub const LINGER_BYTES_MIN: u64 = 4 * 1024;
/// Bytes that such a client may send.
pub const LINGER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of a request's head: target and headers together (431 beyond), as in Node, unless a setting
/// says otherwise.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most that a setting may allow: what a connection's read buffer holds.
pub const HEAD_BYTES_CEILING: usize = 64 * 1024;
/// Header lines of a request (431 beyond). One line per `HEADERS_MAX` of the worker protocol stays free.
pub const HEADER_LINES_MAX: usize = 200;
/// A request body up to this length is read before a worker sees the request, and travels in one frame.
pub const WHOLE_BODY_MAX: usize = 64 * 1024;
/// From the head of a request to the end of a body that is read whole (408 beyond).
pub const WHOLE_BODY_WAIT_MAX: Duration = Duration::from_mins(1);
/// Silence within a streamed request body before it counts as broken off.
pub const BODY_IDLE_MAX: Duration = Duration::from_mins(1);
/// How long a body that is too long stays open for its request to be called off. It takes no time, unless
/// the answer has begun in that very moment.
pub const BODY_CALL_OFF_MAX: Duration = Duration::from_secs(1);
/// From dispatch to the head of the answer (504 beyond) unless a setting says otherwise. A streamed
/// answer may run on.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_mins(5);
/// The same for a route that sets its own `maxDuration`: what it may ask for at most.
pub const ROUTE_ANSWER_WAIT_MAX: Duration = Duration::from_hours(1);
/// From SIGTERM to cutting what is still open.
pub const DRAIN_MAX: Duration = Duration::from_secs(30);

/// A file of `public/` up to this length is kept in memory once it has been asked for.
pub const FILE_KEPT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of all files in memory; the ones that were read first make room.
pub const FILES_KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long a file in memory is used before its length and time on disk are looked at again.
pub const FILE_TRUSTED_MAX: Duration = Duration::from_millis(200);
/// Files that are opened or read into memory at the same time; more requests wait.
pub const FILE_OPENINGS_MAX: usize = 32;
/// Threads that wait for the disk; each serves one chunk of one file at a time.
pub const BLOCKING_THREADS_MAX: usize = 64;
/// Bytes of a larger file that one request holds in memory at a time.
pub const FILE_CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Ranges that one request may ask for; with more it gets the whole file.
pub const RANGES_MAX: usize = 64;

/// Worker processes.
pub const WORKERS_MAX: usize = 256;
/// Pools of their own for some routes, the default one not counted.
pub const POOLS_MAX: usize = 32;
/// The most requests that a setting may let wait for a worker, or run at once on a route.
pub const REQUESTS_CEILING: usize = 1_000_000;
/// The longest that a setting may let a request wait for a worker.
pub const QUEUE_WAIT_CEILING: Duration = Duration::from_mins(10);
/// The most requests and the highest age after which a setting may have a worker replaced.
pub const WORKER_REQUESTS_CEILING: u64 = 1_000_000_000_000;
/// See `WORKER_REQUESTS_CEILING`.
pub const WORKER_AGE_CEILING: Duration = Duration::from_hours(365 * 24);
/// Between these lie the memory ceilings and heaps that a setting may give a worker, in bytes.
pub const WORKER_MEMORY_FLOOR: u64 = 16 << 20;
/// See `WORKER_MEMORY_FLOOR`.
pub const WORKER_MEMORY_CEILING: u64 = 1 << 40;
/// The longest that a setting may let an event loop be silent, or a handler run on.
pub const PATIENCE_CEILING: Duration = Duration::from_hours(1);
/// The longest that a setting may have a server accept connections after the signal to stop.
pub const STOP_DELAY_CEILING: Duration = Duration::from_mins(10);
/// Requests that wait for a place on a worker (503 beyond).
pub const QUEUE_MAX: usize = 1024;
/// How long a request waits for a place on a worker (503 beyond).
pub const QUEUE_WAIT_MAX: Duration = Duration::from_secs(10);
/// A queue that has not been empty for this long is served from its new end: those who came last still
/// wait for their answer, those who came first have mostly given up.
pub const QUEUE_STANDING_MAX: Duration = Duration::from_secs(1);
/// Requests in flight on one worker (they wait beyond).
pub const STREAMS_PER_WORKER_MAX: usize = 10_000;
/// Bytes waiting to be written to one worker (503 beyond).
pub const WORKER_BACKLOG_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A worker that is this late with its answers to pings gets fewer requests at a time, so that those it
/// would only keep waiting wait in the queue, where another worker can take them.
pub const WORKER_DELAY_MAX: Duration = Duration::from_millis(150);
/// A late worker still gets this many requests at a time: handlers may wait for one another.
pub const WORKER_CONCURRENCY_MIN: usize = 4;
/// From spawning a worker to its first frame.
pub const WORKER_HELLO_MAX: Duration = Duration::from_secs(15);
/// From a worker's first frame until it is ready: the project's `instrumentation` runs here.
pub const WORKER_READY_MAX: Duration = Duration::from_mins(1);
/// Threads of `byway dev` beside those of the bundler.
pub const DEV_THREADS: usize = 2;
/// Threads of a server for development that read files and wait for `next.config`.
pub const DEV_BLOCKING_THREADS_MAX: usize = 8;
/// How long such a thread lives without work: each keeps memory of its own.
pub const DEV_THREAD_IDLE_MAX: Duration = Duration::from_secs(1);
/// A runtime that an earlier server for development has kept is at most so long.
pub const KEPT_RUNTIME_BYTES_MAX: u64 = 8 << 20;
/// Ports after the usual one that `byway dev` tries where that is in use.
pub const DEV_PORTS_TRIED_MAX: u16 = 10;
/// How long requests in flight hold up the end of `byway dev`, and then work that goes on behind them.
pub const DEV_DRAIN_MAX: Duration = Duration::from_secs(1);
/// Builds that one worker of `byway dev` takes over; modules that were replaced stay in its memory.
pub const RELOADS_MAX: u32 = 500;
/// Changes on disk that wait to be looked at; after more of them everything is looked at.
pub const CHANGES_MAX: usize = 4096;
/// Folders of a project that `byway dev` watches.
pub const WATCHED_FOLDERS_MAX: usize = 20_000;
/// How long a worker with a debugger may be silent.
pub const INSPECTED_WAIT_MAX: Duration = Duration::from_hours(24);
/// How long a page of `byway dev` waits for news before it asks again.
pub const EVENT_WAIT_MAX: Duration = Duration::from_secs(25);
/// How long a worker may take to read the manifest of another build. Its modules are loaded later.
pub const RELOAD_WAIT_MAX: Duration = Duration::from_secs(5);
/// A worker that replaces another takes over once its routes are loaded, at the latest this long after it
/// became ready.
pub const WORKER_LOAD_MAX: Duration = Duration::from_secs(10);
/// How often workers are looked at: deadlines, pings.
pub const WORKER_CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Between two pings of a worker that has nothing to do.
pub const PING_INTERVAL: Duration = Duration::from_secs(1);
/// A worker that owes an answer to a ping for this long is chosen last.
pub const SLOW_AFTER: Duration = Duration::from_millis(100);
/// A worker that owes an answer to a ping for this long gets a spare worker started beside it.
pub const SPARE_AFTER: Duration = Duration::from_millis(200);
/// How long a spare worker that is not needed any more is kept for the next time.
pub const SPARE_KEPT_MAX: Duration = Duration::from_secs(30);
/// How long a worker that was replaced may finish its requests: nobody is in a hurry.
pub const RECYCLE_DRAIN_MAX: Duration = Duration::from_mins(10);
/// A worker that owes an answer to a ping for this long gets no new requests, and those that it has not
/// read yet go elsewhere.
pub const STUCK_AFTER: Duration = Duration::from_millis(500);
/// A worker whose event loop answers no ping for this long is killed and replaced.
pub const UNRESPONSIVE_MAX: Duration = Duration::from_secs(30);
/// How long a handler may go on after the deadline of its request before its worker is replaced.
pub const OVERRUN_MAX: Duration = Duration::from_secs(30);
/// How long a process may take to stop when it is told to (SIGSTOP) so that its unread requests can be
/// taken back.
pub const PROCESS_STOP_MAX: Duration = Duration::from_millis(50);
/// How often a worker's memory, age and number of requests are looked at.
pub const WORKER_REVIEW_INTERVAL: Duration = Duration::from_secs(1);
/// A worker that has more than this many times its memory ceiling is killed, not drained.
pub const MEMORY_KILL_FACTOR: u64 = 2;
/// From the signal that ends a worker to killing it.
pub const WORKER_STOP_MAX: Duration = Duration::from_secs(5);
/// Replaced workers of one place that still finish what they have; the oldest is killed beyond.
pub const LEAVING_MAX: usize = 4;
/// The first pause before a worker that died is replaced, when the one before it died young too.
pub const RESPAWN_PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest such pause; each doubles the one before.
pub const RESPAWN_PAUSE_MAX: Duration = Duration::from_secs(10);
/// A worker that lived this long did not die young.
pub const WORKER_SETTLED_AFTER: Duration = Duration::from_secs(10);

/// How long evaluating `next.config` may take: its rules may come from a database.
pub const CONFIG_WAIT_MAX: Duration = Duration::from_mins(1);
/// Bytes of JSON that evaluating `next.config` may report.
pub const CONFIG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Silence of the upstream of an external rewrite before it counts as failed (500), as under Next; the
/// default of `experimental.proxyTimeout`.
pub const UPSTREAM_IDLE_WAIT: Duration = Duration::from_secs(30);
/// What `experimental.proxyTimeout` may ask for at most.
pub const UPSTREAM_IDLE_WAIT_MAX: Duration = Duration::from_hours(1);
/// From the first try to connect to an upstream until it is given up.
pub const UPSTREAM_CONNECT_MAX: Duration = Duration::from_secs(10);
/// Idle connections kept for each upstream.
pub const UPSTREAM_IDLE_CONNECTIONS_MAX: usize = 64;
/// How long each is kept. Node.js servers close theirs after five seconds.
pub const UPSTREAM_KEEP_ALIVE: Duration = Duration::from_secs(4);
/// Bytes of the head of an upstream's answer.
pub const UPSTREAM_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines of an upstream's answer.
pub const UPSTREAM_HEADER_LINES_MAX: usize = 256;

/// WebSockets to upstreams that are open at once unless a setting says otherwise (503 beyond): half of
/// `CONNECTIONS_MAX`, so that they leave room for requests.
pub const WEBSOCKETS_MAX: usize = 5_000;
/// How long neither side of a WebSocket may send anything unless a setting says otherwise (closed beyond).
pub const WEBSOCKET_IDLE_MAX: Duration = Duration::from_hours(1);
/// The longest such silence that a setting may allow.
pub const WEBSOCKET_IDLE_CEILING: Duration = Duration::from_hours(24);
/// The same silence once one side has sent its last byte, which few programs survive for long.
pub const WEBSOCKET_HALF_CLOSED_MAX: Duration = Duration::from_secs(30);
/// Bytes of a WebSocket that wait in each direction for a side that does not read them; nothing more is
/// read of the other side until they have left. `WRITE_STALL_MAX` is how long they wait.
pub const WEBSOCKET_PIECE_BYTES_MAX: usize = 16 * 1024;
/// From SIGTERM to closing a WebSocket: within `DRAIN_MAX`, with time left to say goodbye.
pub const WEBSOCKET_DRAIN_MAX: Duration = DRAIN_MAX.saturating_sub(LAST_WORD_MAX);

/// Connections to the admin listener at once.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;
/// From the first byte of a request to the admin listener to the end of its head.
pub const ADMIN_HEADER_READ_MAX: Duration = Duration::from_secs(10);
/// Bytes of access log that wait to be written; more lines are dropped and counted.
pub const ACCESS_LOG_BYTES_MAX: usize = 4 << 20;
/// How long lines wait for others to be written with.
pub const ACCESS_LOG_INTERVAL: Duration = Duration::from_millis(50);
/// How long the last lines may take when a server ends.
pub const ACCESS_LOG_FLUSH_MAX: Duration = Duration::from_secs(1);
/// Clients that rate limits count at once, all limits together: 32 bytes each, a power of two.
pub const RATE_COUNTERS_MAX: usize = 1 << 21;

/// How long a request waits for the shared store to count it; what comes around it leaves the request under
/// 50 ms. A store that takes longer counts as down and is not asked until it is quick again.
pub const RATE_STORE_WAIT_MAX: Duration = Duration::from_millis(40);
/// How long connecting to it may take; no request waits for that.
pub const RATE_STORE_CONNECT_MAX: Duration = Duration::from_millis(500);
/// The first pause before asking it again; each doubles the one before, and a quarter of it is chance.
pub const RATE_STORE_RETRY_MIN: Duration = Duration::from_millis(50);
/// The longest such pause, and how long it has to work for the next pause to be the first again.
pub const RATE_STORE_RETRY_MAX: Duration = Duration::from_secs(2);

/// Bytes of answers and values that the cache holds in memory, keys and headers included.
pub const CACHE_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of the cache's files on disk.
pub const CACHE_DISK_BYTES: u64 = 1024 * 1024 * 1024;
/// Files of the cache on disk.
pub const CACHE_DISK_FILES_MAX: usize = 100_000;
/// Bytes of tags that the disk's list of invalidations may gather before everything older is dropped.
pub const CACHE_TAG_LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of one cached answer. A longer one is sent to each client anew.
pub const CACHE_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one value of the data cache, as under Next. A longer one is not kept.
pub const CACHE_VALUE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of a key of the cache.
pub const CACHE_KEY_BYTES_MAX: usize = 16 * 1024;
/// Tags of one entry, the implicit ones of its path not counted, as under Next.
pub const CACHE_ENTRY_TAGS_MAX: usize = 128;
/// Bytes of one tag; a path as a tag is the longest.
pub const CACHE_TAG_BYTES_MAX: usize = 4 * 1024;
/// Invalidated tags that are remembered. Beyond, everything made so far counts as invalidated.
pub const CACHE_TAGS_REMEMBERED_MAX: usize = 100_000;
/// Entries that are being made at the same time for others to wait for.
pub const CACHE_FLIGHTS_MAX: usize = 10_000;
/// How long a read of the data cache waits for another request that makes the value; then it makes its
/// own. A function that calls itself with the same arguments would wait for ever.
pub const CACHE_VALUE_WAIT_MAX: Duration = Duration::from_secs(10);
/// Reads of the data cache that one worker may have open.
pub const CACHE_CALLS_PER_WORKER_MAX: usize = 10_000;
/// Paths that are rendered before anybody asks; the rest of `generateStaticParams` waits for a request.
pub const CACHE_PRERENDER_PATHS_MAX: usize = 1_000;
/// Paths that `generateStaticParams` may name.
pub const CACHE_STATIC_PATHS_MAX: usize = 100_000;
/// How long a shared store may take to answer. Then it counts as down, and this machine serves alone.
pub const CACHE_SHARED_WAIT_MAX: Duration = Duration::from_millis(500);
/// The first pause before connecting again to a shared store that is down.
pub const CACHE_SHARED_RETRY_MIN: Duration = Duration::from_millis(50);
/// The longest such pause; each doubles the one before.
pub const CACHE_SHARED_RETRY_MAX: Duration = Duration::from_secs(2);
/// How long a shared store keeps an entry at most.
pub const CACHE_SHARED_ENTRY_MAX: Duration = Duration::from_hours(30 * 24);
/// How long it remembers an invalidated tag: longer than any entry.
pub const CACHE_SHARED_TAG_MAX: Duration = Duration::from_hours(31 * 24);
/// Invalidations that wait for a shared store that is down; beyond, all its entries are dropped.
pub const CACHE_SHARED_PENDING_MAX: usize = 1_000;
/// Attempts to start a worker that failed in a row until requests are refused at once.
pub const START_FAILURES_MAX: u32 = 2;
/// Times that a request is sent to a worker: one that died before it read the request costs an attempt.
pub const DELIVERIES_MAX: usize = 4;
/// Builds that still finish their requests after a newer one took over; the next reload waits beyond.
pub const LEAVING_BUILDS_MAX: usize = 3;
/// How long a replaced build may finish its requests, streams included.
pub const BUILD_DRAIN_MAX: Duration = Duration::from_mins(1);
/// How often the project's folder is looked at for a new build.
pub const BUILD_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Bytes of one line of a worker's console output; what is longer is cut into lines.
pub const CONSOLE_LINE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of console output of one worker that are passed on in a second; what is more is counted.
pub const CONSOLE_BYTES_PER_SECOND_MAX: usize = 4 * 1024 * 1024;
/// Lines of output that wait for a slow terminal, pipe or disk; what is more is counted.
pub const OUTPUT_LINES_MAX: usize = 4096;
/// How long the end of the process waits for its last lines to be written.
pub const OUTPUT_FLUSH_MAX: Duration = Duration::from_secs(1);
/// Clients of the control socket at once.
pub const CONTROL_CLIENTS_MAX: usize = 16;
/// How long a client of the control socket may take for its request, and for taking the answer.
pub const CONTROL_WAIT_MAX: Duration = Duration::from_secs(5);
/// Bytes of a request to the control socket.
pub const CONTROL_REQUEST_BYTES_MAX: usize = 64 * 1024;
/// How long a new binary may take to start serving before the old one gives up waiting for it.
pub const UPGRADE_WAIT_MAX: Duration = Duration::from_mins(1);
/// Listening sockets that may be inherited.
pub const INHERITED_SOCKETS_MAX: i32 = 64;
