//! Counters in a Redis or Valkey server, for limits that several machines keep together.
//!
//! A request is counted in one round trip, by a script that runs in one step (`count.lua`). No request pays
//! for a server that is slow or down: it waits for an answer for 40 ms at most, and the first that waits in
//! vain closes the way for all others. From then on a task of its own tries to reach the server again, and
//! counts a request on trial, as quickly as it has to be, before any other request is sent there.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use byway_config::StoreSettings;
use byway_config::limits::{
    RATE_STORE_CONNECT_MAX, RATE_STORE_RETRY_MAX, RATE_STORE_RETRY_MIN, RATE_STORE_WAIT_MAX,
};
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, Script, ServerErrorKind};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::algorithm::{Rule, Verdict};

/// What runs on the server.
const COUNT: &str = include_str!("shared/count.lua");
/// Numbers of the answer for each limit.
const NUMBERS: usize = 4;
/// Bytes of a key's hash: two of a million keys share one with no chance worth naming.
const HASH_BYTES: usize = 16;

/// The counters of all limits that machines share.
#[derive(Debug)]
pub struct SharedCounters {
    client: Client,
    prefix: String,
    script: Script,
    state: Mutex<State>,
    /// The first attempt to connect is over.
    tried: Notify,
    down: Notify,
    started: AtomicBool,
    failures: AtomicU64,
}

#[derive(Debug)]
enum State {
    /// Nobody knows yet.
    New,
    Up(MultiplexedConnection),
    Down,
}

/// A counter to count with.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) key: String,
    pub(super) rule: Rule,
}

/// Why the store did not count a request.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer within {} ms", RATE_STORE_WAIT_MAX.as_millis())]
    TooSlow,
    #[error("an answer that is none")]
    Nonsense,
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl SharedCounters {
    /// The counters in the store that the settings name; `None` where they name none. Nothing is connected
    /// before a limit asks for it.
    pub fn new(settings: &StoreSettings) -> Result<Option<Arc<Self>>, RedisError> {
        let Some(url) = &settings.url else { return Ok(None) };
        Ok(Some(Arc::new(Self {
            client: Client::open(url.secret())?,
            prefix: format!("{}:r:", settings.prefix),
            script: Script::new(COUNT),
            state: Mutex::new(State::New),
            tried: Notify::new(),
            down: Notify::new(),
            started: AtomicBool::new(false),
            failures: AtomicU64::new(0),
        })))
    }

    /// Begins to connect, for as long as the process lives; once is enough.
    pub fn start(self: &Arc<Self>) {
        if !self.started.swap(true, Ordering::Relaxed) {
            tokio::spawn(Arc::clone(self).keep_connected());
        }
    }

    /// Whether requests are counted there.
    pub fn is_up(&self) -> bool {
        matches!(*self.state.lock(), State::Up(_))
    }

    /// How often it has become unusable.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The name of the counter whose key `write` gives piece by piece: the same on every machine.
    pub(super) fn key(&self, write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
        let mut hash = Sha256::new();
        write(&mut |piece| hash.update(piece));
        let mut key = self.prefix.clone();
        for byte in &hash.finalize()[..HASH_BYTES] {
            for digit in [byte >> 4, byte & 15] {
                key.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        key
    }

    /// Counts a request for all of these limits or, where one refuses it, for none. `None` while the store
    /// cannot be asked.
    pub(super) async fn take(&self, calls: &[Call]) -> Option<Vec<Verdict>> {
        let counted = timeout(RATE_STORE_WAIT_MAX, async {
            let mut connection = self.connection().await?;
            Some(self.count(&mut connection, calls).await)
        });
        let failure = match counted.await {
            Ok(None) => return None,
            Ok(Some(Ok(verdicts))) => return Some(verdicts),
            Ok(Some(Err(failure))) => failure,
            Err(_) => Failure::TooSlow,
        };
        self.failed(&failure);
        None
    }

    /// The connection, which the first requests of a server wait for.
    async fn connection(&self) -> Option<MultiplexedConnection> {
        let tried = self.tried.notified();
        match &*self.state.lock() {
            State::Up(connection) => return Some(connection.clone()),
            State::Down => return None,
            State::New => {}
        }
        tried.await;
        match &*self.state.lock() {
            State::Up(connection) => Some(connection.clone()),
            State::New | State::Down => None,
        }
    }

    async fn count(
        &self,
        connection: &mut MultiplexedConnection,
        calls: &[Call],
    ) -> Result<Vec<Verdict>, Failure> {
        let mut known = redis::cmd("EVALSHA");
        known.arg(self.script.get_hash());
        let numbers: Vec<u64> = match arguments(&mut known, calls).query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let mut whole = redis::cmd("EVAL");
                whole.arg(COUNT);
                arguments(&mut whole, calls).query_async(connection).await?
            }
            other => other?,
        };
        verdicts(&numbers, calls.len()).ok_or(Failure::Nonsense)
    }

    /// The store did not count a request, and is not asked again before it has proved itself.
    fn failed(&self, failure: &Failure) {
        let mut state = self.state.lock();
        if matches!(*state, State::Up(_)) {
            *state = State::Down;
            drop(state);
            self.failures.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("the store of rate limits is down, counting without it: {failure}");
            self.down.notify_one();
        }
    }

    async fn keep_connected(self: Arc<Self>) {
        let chance = RandomState::new();
        let mut pause = RATE_STORE_RETRY_MIN;
        let mut told = false;
        for attempt in 0_u64.. {
            match self.connect().await {
                Ok(connection) => {
                    *self.state.lock() = State::Up(connection);
                    self.tried.notify_waiters();
                    let since = Instant::now();
                    tracing::info!("rate limits are counted in the shared store");
                    self.down.notified().await;
                    if since.elapsed() >= RATE_STORE_RETRY_MAX {
                        pause = RATE_STORE_RETRY_MIN;
                    }
                    // What went wrong has been said.
                    told = true;
                }
                Err(failure) => {
                    *self.state.lock() = State::Down;
                    self.tried.notify_waiters();
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(
                            "cannot reach the store of rate limits, trying on: {failure}"
                        );
                    }
                }
            }
            tokio::time::sleep(with_chance(pause, chance.hash_one(attempt))).await;
            pause = (pause * 2).min(RATE_STORE_RETRY_MAX);
        }
    }

    /// Connects, and counts a request on trial: it shows whether the server runs scripts, takes what they
    /// write, and is quick enough.
    async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(RATE_STORE_CONNECT_MAX))
            .set_response_timeout(Some(RATE_STORE_CONNECT_MAX));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection =
            timeout(RATE_STORE_CONNECT_MAX, connecting).await.map_err(|_| Failure::TooSlow)??;
        let trial = [Call { key: format!("{}trial", self.prefix), rule: Rule::trial() }];
        // The first may have to bring the script.
        for _ in 0..2 {
            let counted = timeout(RATE_STORE_WAIT_MAX, self.count(&mut connection, &trial));
            counted.await.map_err(|_| Failure::TooSlow)??;
        }
        Ok(connection)
    }
}

/// The keys and arguments of the script.
fn arguments<'c>(command: &'c mut Cmd, calls: &[Call]) -> &'c mut Cmd {
    command.arg(calls.len());
    for call in calls {
        command.arg(&call.key);
    }
    for call in calls {
        let (algorithm, limit, window_us, burst) = call.rule.numbers();
        command.arg(algorithm).arg(limit).arg(window_us).arg(burst);
    }
    command
}

fn verdicts(numbers: &[u64], limits: usize) -> Option<Vec<Verdict>> {
    let one = |it: &[u64]| match *it {
        [passes, remaining, reset_us, retry_us] => Some(Verdict {
            allowed: passes == 1,
            remaining,
            reset: Duration::from_micros(reset_us),
            retry: Duration::from_micros(retry_us),
        }),
        _ => None,
    };
    let verdicts: Option<Vec<_>> = numbers.chunks(NUMBERS).map(one).collect();
    verdicts.filter(|verdicts| verdicts.len() == limits)
}

/// A pause of which a quarter is chance, so that machines do not come back all at once.
fn with_chance(pause: Duration, random: u64) -> Duration {
    let percent = 75 + u32::try_from(random % 26).unwrap_or(0);
    pause * percent / 100
}

#[cfg(test)]
mod tests;
