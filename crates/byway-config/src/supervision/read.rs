//! Reads these settings from `[workers]`, `[workers.isolation]` and `[[pool]]`.

use std::path::PathBuf;
use std::time::Duration;

use super::{Affinity, Isolation, Permissions, PoolRule, Supervision, Uncaught};
use crate::limits::{
    OVERRUN_MAX, PATIENCE_CEILING, QUEUE_MAX, QUEUE_WAIT_CEILING, QUEUE_WAIT_MAX, REQUESTS_CEILING,
    STREAMS_PER_WORKER_MAX, STUCK_AFTER, UNRESPONSIVE_MAX, WORKER_AGE_CEILING,
    WORKER_MEMORY_CEILING, WORKER_MEMORY_FLOOR, WORKER_REQUESTS_CEILING, WORKERS_MAX,
};
use crate::reader::{Key, Reader, Switch};
use crate::units::format_duration;

/// Pools that byway itself makes.
const NAMES_RESERVED: [&str; 2] = ["default", "edge"];
const MEMORY: std::ops::RangeInclusive<u64> = WORKER_MEMORY_FLOOR..=WORKER_MEMORY_CEILING;

fn whole(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl Supervision {
    pub(crate) fn read(table: &Reader<'_, '_>) -> Self {
        let mut rules = Self::default();
        rules.read_dispatch(table);
        rules.read_recycling(table);
        rules.read_patience(table);
        rules.uncaught = table.choice_or(
            Key(
                "uncaught",
                "What happens to a worker in which nobody caught an error: it is logged and all goes on, \
                 as under Next, or the worker is replaced once its requests are finished.",
                "\"retire\"",
            ),
            Uncaught::Continue,
            &["continue", "retire"],
            &[Uncaught::Continue, Uncaught::Retire],
        );
        rules.mark_console = table.bool_or(
            Key(
                "mark_console",
                "Whether lines that handlers print are marked with their worker and request.",
                "false",
            ),
            true,
        );
        rules.lock_edge = table.bool_or(
            Key(
                "lock_edge",
                "Whether routes with `runtime = 'edge'` run in workers of their own without files, child \
                 processes and native add-ons.",
                "true",
            ),
            false,
        );
        rules.isolation = table.section(
            "isolation",
            "What workers may see and use. Node's permission model stops accidents, not attackers.",
            Isolation::read,
        );
        rules
    }

    /// Who gets a request.
    fn read_dispatch(&mut self, table: &Reader<'_, '_>) {
        self.concurrency = whole(table.integer_or(
            Key("concurrency", "Requests in flight on one worker; more wait.", "100"),
            STREAMS_PER_WORKER_MAX as u64,
            1..=STREAMS_PER_WORKER_MAX as u64,
        ));
        self.queue = whole(table.integer_or(
            Key("queue", "Requests that wait for a worker; 503 beyond.", "256"),
            QUEUE_MAX as u64,
            0..=REQUESTS_CEILING as u64,
        ));
        self.queue_wait = table.duration_or(
            Key("queue_wait", "How long a request waits for a worker; 503 beyond.", "\"2s\""),
            QUEUE_WAIT_MAX,
            Duration::from_millis(1)..=QUEUE_WAIT_CEILING,
        );
        self.affinity = table.choice_or(
            Key(
                "affinity",
                "Which worker a request goes to: the one with the least work, or always the same one for \
                 one client address while that takes requests.",
                "\"client\"",
            ),
            Affinity::None,
            &["none", "client"],
            &[Affinity::None, Affinity::ClientAddress],
        );
        self.retry_idempotent = table.bool_or(
            Key(
                "retry_idempotent",
                "Whether GET, HEAD, PUT, DELETE and OPTIONS are sent again when their worker dies, though \
                 user code may have seen them.",
                "true",
            ),
            false,
        );
    }

    /// When a worker is replaced.
    fn read_recycling(&mut self, table: &Reader<'_, '_>) {
        self.max_requests = table.integer_or(
            Key(
                "max_requests",
                "A worker is replaced after so many requests; 0 is never.",
                "10000",
            ),
            0,
            0..=WORKER_REQUESTS_CEILING,
        );
        self.max_age = table.duration(
            Key("max_age", "A worker is replaced at this age.", "\"12h\""),
            Duration::from_secs(1)..=WORKER_AGE_CEILING,
        );
        self.max_memory = table.size(
            Key(
                "max_memory",
                "A worker is replaced when it has more resident memory than this, and killed at twice \
                 as much.",
                "\"1gb\"",
            ),
            MEMORY,
        );
    }

    /// When a worker is given up.
    fn read_patience(&mut self, table: &Reader<'_, '_>) {
        self.stuck_after = table.duration_or(
            Key(
                "stuck_after",
                "A worker whose event loop is silent for so long gets no requests; a spare one does.",
                "\"1s\"",
            ),
            STUCK_AFTER,
            Duration::from_millis(100)..=PATIENCE_CEILING,
        );
        let unresponsive = Key(
            "unresponsive_after",
            "A worker whose event loop is silent for so long is killed and replaced.",
            "\"10s\"",
        );
        self.unresponsive_after = table.duration_or(
            unresponsive,
            UNRESPONSIVE_MAX,
            Duration::from_millis(200)..=PATIENCE_CEILING,
        );
        if self.unresponsive_after <= self.stuck_after {
            let message = format!(
                "`unresponsive_after` ({}) has to be longer than `stuck_after` ({})",
                format_duration(self.unresponsive_after),
                format_duration(self.stuck_after)
            );
            table.reject(&unresponsive, message, None);
        }
        self.overrun = table.duration_or(
            Key(
                "overrun",
                "How long a handler may go on after its request's deadline before its worker is replaced.",
                "\"5s\"",
            ),
            OVERRUN_MAX,
            Duration::ZERO..=PATIENCE_CEILING,
        );
    }
}

impl Isolation {
    fn read(table: &Reader<'_, '_>) -> Self {
        let permissions = Self::read_permissions(table);
        let path = |text: &str| Ok(PathBuf::from(text));
        let number = |key| {
            let given = table.integer(key, 0..=u64::from(u32::MAX) - 1);
            given.and_then(|id| u32::try_from(id).ok())
        };
        let env = table.texts(
            Key(
                "env",
                "The environment variables that workers see; a `*` at the end stands for any ending. \
                 What `.env*` files and `env` of next.config say is always seen.",
                "[\"DATABASE_URL\", \"AWS_*\"]",
            ),
            "the name of a variable",
            "[\"*\"]",
            |name| Ok(name.to_owned()),
        );
        let addons = table.bool_or(
            Key("addons", "Whether native add-ons may be loaded; not with `permissions`.", "false"),
            true,
        );
        Self {
            no_addons: !addons || permissions.is_some(),
            permissions,
            heap_bytes: table.size(
                Key(
                    "heap",
                    "V8's heap (`--max-old-space-size`); Node's own choice by default.",
                    "\"512mb\"",
                ),
                MEMORY,
            ),
            env: env.filter(|names| !names.iter().any(|name| name == "*")),
            dir: table.text(
                Key(
                    "dir",
                    "The working directory; the project's folder by default.",
                    "\"/var/empty\"",
                ),
                "a folder",
                None,
                path,
            ),
            user: number(Key(
                "user",
                "The user id that workers run as; only root may choose it.",
                "1000",
            )),
            group: number(Key(
                "group",
                "The group id that workers run as; only root may choose it.",
                "1000",
            )),
            is_locked: false,
        }
    }

    fn read_permissions(table: &Reader<'_, '_>) -> Option<Permissions> {
        let is_on = table.bool_or(
            Key(
                "permissions",
                "Whether workers run under Node's permission model: they read their own code and nothing \
                 else. The four keys below allow more, and turn it on.",
                "true",
            ),
            false,
        );
        let paths = |key| {
            let form = "a file or folder";
            table.texts(key, form, "[]", |text| Ok(PathBuf::from(text))).unwrap_or_default()
        };
        let read = paths(Key("read", "What workers may read under `permissions`.", "[\"data\"]"));
        let write = paths(Key(
            "write",
            "What workers may write under `permissions`.",
            "[\"data/uploads\"]",
        ));
        let child_processes = table.bool_or(
            Key(
                "child_processes",
                "Whether workers may start processes under `permissions`.",
                "true",
            ),
            false,
        );
        let threads = table.bool_or(
            Key("threads", "Whether workers may start threads under `permissions`.", "true"),
            false,
        );
        let permissions = Permissions { read, write, child_processes, threads };
        (is_on || permissions != Permissions::default()).then_some(permissions)
    }
}

/// A pattern, as far as it can be told here.
fn pattern(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a pattern begins with `/`, such as `\"/api/:path*\"`".to_owned())
    }
}

impl PoolRule {
    pub(crate) fn read(table: &Reader<'_, '_>) -> Option<Self> {
        let name = table.text_required(
            Key("name", "For logs and metrics.", "\"pdf\""),
            "a name other than `default` and `edge`",
            |text| {
                if text.is_empty() || NAMES_RESERVED.contains(&text) {
                    return Err("byway has pools of its own with these names".to_owned());
                }
                Ok(text.to_owned())
            },
        );
        let routes = table.texts_required(
            Key(
                "routes",
                "Which routes, by patterns of Next's syntax. The first `[[pool]]` that names a route has it.",
                "[\"/api/pdf\", \"/api/print/:path*\"]",
            ),
            "a pattern of paths",
            pattern,
        );
        let workers = table.integer_or(Key("workers", "How many.", "2"), 1, 1..=WORKERS_MAX as u64);
        let concurrency = table.integer(
            Key(
                "concurrency",
                "Requests in flight on one of its workers, in place of that of `[workers]`; more wait.",
                "4",
            ),
            1..=STREAMS_PER_WORKER_MAX as u64,
        );
        let isolation = table.switch(
            Key(
                "isolation",
                "What its workers may see and use, in place of `[workers.isolation]`; `false` is \
                 everything.",
                "{ heap = \"128mb\" }",
            ),
            false,
            |table| Some(Isolation::read(table)),
        );
        let isolation = isolation.map(|it| match it {
            Switch::Off => Isolation::default(),
            Switch::On(isolation) => isolation,
        });
        Some(Self {
            name: name?,
            routes: routes?,
            workers: whole(workers),
            concurrency: concurrency.map(whole),
            isolation,
        })
    }
}
