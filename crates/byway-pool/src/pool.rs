//! The workers of a server: groups of like workers, which route goes to which, and how they stop.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, BuildHasherDefault};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use byway_config::limits::DRAIN_MAX;
use byway_config::{Affinity, Supervision};
use parking_lot::Mutex;
use rustc_hash::FxHasher;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::console::ConsoleSink;
use crate::dispatcher::{Dispatcher, QueueRules};
use crate::kind::Kind;
use crate::prepared::Prepared;
use crate::process::WorkerCommand;
use crate::slot::{self, Command};
use crate::status::{GroupStatus, Ledger, PoolStatus, WorkerStatus};
use crate::ticket::Ticket;
use crate::{DispatchError, StartError};

/// The name of the group that serves what no other does.
pub const DEFAULT_GROUP: &str = "default";

/// What a pool runs.
#[derive(Clone)]
pub struct PoolOptions {
    /// The groups; the first one serves every route without a place in `routes`.
    pub groups: Vec<GroupOptions>,
    /// The group of each route, by the route's number. May be shorter than the list of routes.
    pub routes: Vec<usize>,
    /// Takes the console output of user code; byway's own descriptors when there is none.
    pub console: Option<ConsoleSink>,
}

/// A group of like workers.
#[derive(Debug, Clone)]
pub struct GroupOptions {
    /// Its name, for logs and metrics.
    pub name: String,
    /// How a worker is started.
    pub command: WorkerCommand,
    /// How many workers.
    pub workers: usize,
    /// How they are fed, watched and replaced.
    pub rules: Supervision,
}

impl PoolOptions {
    /// One group with default rules.
    pub fn new(command: WorkerCommand, workers: usize) -> Self {
        let name = DEFAULT_GROUP.to_owned();
        let rules = Supervision::default();
        Self {
            groups: vec![GroupOptions { name, command, workers, rules }],
            routes: Vec::new(),
            console: None,
        }
    }
}

impl std::fmt::Debug for PoolOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolOptions").field("groups", &self.groups).finish_non_exhaustive()
    }
}

/// The workers of a server.
#[derive(Debug)]
pub struct Pool {
    groups: Vec<Group>,
    routes: Vec<usize>,
}

#[derive(Debug)]
struct Group {
    kind: Arc<Kind>,
    workers: usize,
    commands: watch::Sender<Command>,
    slots: Mutex<JoinSet<()>>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts the workers and returns when each group has one that is ready. An error means that a group
    /// will have none; the others have been ended then.
    pub async fn start(options: PoolOptions) -> Result<Self, StartError> {
        Self::start_with(options, None).await
    }

    /// The same, where the process of the first group's first worker runs already. It has to be the one
    /// that the group's command starts.
    pub async fn start_with(
        options: PoolOptions,
        mut prepared: Option<Prepared>,
    ) -> Result<Self, StartError> {
        let mut starting = VecDeque::new();
        let mut groups = Vec::new();
        for group in options.groups {
            let (group, first) = Group::start(group, options.console.clone(), prepared.take());
            groups.push(group);
            starting.push_back(first);
        }
        let pool = Self { groups, routes: options.routes };
        for mut first in starting {
            let started = first.recv().await.unwrap_or_else(|| {
                let how = "no worker was started".to_owned();
                Err(StartError::Died { how, words: None })
            });
            if let Err(error) = started {
                pool.drain_within(Duration::ZERO).await;
                return Err(error);
            }
        }
        Ok(pool)
    }

    /// A pool without workers, for a server that has nothing to run yet.
    pub fn empty() -> Self {
        Self { groups: Vec::new(), routes: Vec::new() }
    }

    /// A place on the worker of the default group with the least work, after waiting for one if need be.
    pub async fn acquire(&self) -> Result<Ticket, DispatchError> {
        self.groups.first().ok_or(DispatchError::NoWorker)?.kind.dispatcher.acquire(None).await
    }

    /// A place for a request of a route from a client.
    pub async fn acquire_for(&self, route: usize, client: &str) -> Result<Ticket, DispatchError> {
        let group = self.routes.get(route).and_then(|group| self.groups.get(*group));
        let group = group.or(self.groups.first()).ok_or(DispatchError::NoWorker)?;
        let affinity = match group.kind.rules.affinity {
            Affinity::None => None,
            Affinity::ClientAddress => {
                Some(BuildHasherDefault::<FxHasher>::default().hash_one(client))
            }
        };
        group.kind.dispatcher.acquire(affinity).await
    }

    /// Whether a request that may have reached a worker that died is sent again if its method is
    /// idempotent.
    pub fn retries_idempotent(&self) -> bool {
        self.groups.first().is_some_and(|group| group.kind.rules.retry_idempotent)
    }

    /// Whether every group has a worker that takes requests.
    pub fn is_ready(&self) -> bool {
        self.groups.iter().all(|group| group.kind.dispatcher.ready() > 0)
    }

    /// The workers, those that start or leave included.
    pub fn workers(&self) -> Vec<WorkerStatus> {
        self.groups.iter().flat_map(|group| group.kind.ledger.workers()).collect()
    }

    /// Requests that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.groups.iter().map(|group| group.kind.dispatcher.waiting()).sum()
    }

    /// Workers that take requests.
    pub fn ready(&self) -> usize {
        self.groups.iter().map(|group| group.kind.dispatcher.ready()).sum()
    }

    /// What the pool looks like now.
    pub fn status(&self) -> PoolStatus {
        PoolStatus { groups: self.groups.iter().map(Group::status).collect() }
    }

    /// Replaces every worker, one beside the other, with no request lost.
    pub fn recycle(&self) {
        for group in &self.groups {
            group.commands.send_modify(|command| {
                *command = match *command {
                    Command::Run => Command::Recycle(1),
                    Command::Recycle(times) => Command::Recycle(times + 1),
                    stop @ Command::Stop(_) => stop,
                };
            });
        }
    }

    /// What the workers of each group have in common.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.groups.iter().map(|group| &*group.kind)
    }

    /// Asks the workers to finish and waits for their end, which `byway_config` bounds.
    pub async fn drain(&self) {
        self.drain_within(DRAIN_MAX).await;
    }

    /// The same with a bound for the requests in flight; what `after()` began has its own.
    pub async fn drain_within(&self, limit: Duration) {
        for group in &self.groups {
            group.kind.dispatcher.close(DispatchError::ShuttingDown);
            group.commands.send_replace(Command::Stop(limit));
        }
        for group in &self.groups {
            let mut slots = std::mem::take(&mut *group.slots.lock());
            while slots.join_next().await.is_some() {}
        }
    }
}

impl Group {
    fn start(
        options: GroupOptions,
        console: Option<ConsoleSink>,
        prepared: Option<Prepared>,
    ) -> (Self, mpsc::Receiver<Result<(), StartError>>) {
        let workers = options.workers.max(1);
        let rules = QueueRules {
            length_max: options.rules.queue,
            wait_max: options.rules.queue_wait,
            slots: workers,
        };
        let kind = Arc::new(Kind {
            name: options.name,
            config: Mutex::new(options.command.config.clone()),
            command: options.command,
            rules: options.rules,
            dispatcher: Dispatcher::new(rules),
            ledger: Ledger::default(),
            console,
            prepared: Mutex::new(prepared.map(|prepared| prepared.spawned)),
        });
        let (commands, _) = watch::channel(Command::Run);
        let (first, firsts) = mpsc::channel(workers);
        let mut slots = JoinSet::new();
        for index in 0..workers {
            let kind = Arc::clone(&kind);
            slots.spawn(slot::keep(kind, index, commands.subscribe(), first.clone()));
        }
        (Self { kind, workers, commands, slots: Mutex::new(slots) }, firsts)
    }

    fn status(&self) -> GroupStatus {
        let Kind { name, dispatcher, ledger, .. } = &*self.kind;
        let counts = dispatcher.counts();
        GroupStatus {
            name: name.clone(),
            wanted: self.workers,
            ready: dispatcher.ready(),
            queue: dispatcher.waiting(),
            queued: counts.queued,
            refused: counts.refused,
            expired: counts.expired,
            restarts: ledger.restarts(),
            recalled: ledger.recalled.load(Ordering::Relaxed),
            failure: ledger.failure(),
            workers: ledger.workers(),
        }
    }
}
