//! Clients that send requests one after the other and check every answer.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use byway_testkit::{RawClient, RawResponse, ReadError};
use sha2::{Digest as _, Sha256};

use crate::project::WAIT_MAX;

/// How long a client waits for an answer: longer than a request may wait for a worker, after which the server
/// has to say so.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers that look random and are the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// The seed of this run: `BYWAY_CHAOS_SEED`, or the clock's. It is printed, so that a failure can be had again.
pub(crate) fn seed(name: &str) -> u64 {
    let given = std::env::var("BYWAY_CHAOS_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let seed = given.unwrap_or(clock);
    eprintln!("{name}: BYWAY_CHAOS_SEED={seed}");
    seed
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With its own, whole answer.
    Good,
    /// With an error of the server's.
    Status(u16),
    /// With a connection that closed before the answer, or an answer that is visibly cut.
    Broken,
    /// With what must never be.
    Wrong(String),
}

/// One request of a client.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
    /// The build that answered.
    pub(crate) build: String,
}

/// What clients do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) clients: usize,
    /// Between two requests of a client.
    pub(crate) pause: Duration,
    /// More of the query, such as `wait=20`.
    pub(crate) query: &'static str,
    /// Whether some requests are uploads, streams, or left by their clients.
    pub(crate) varied: bool,
    pub(crate) seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { clients: 16, pause: Duration::from_millis(5), query: "", varied: false, seed: 1 }
    }
}

/// Clients at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Vec<Sample>>>,
}

impl Load {
    pub(crate) fn start(authority: &str, plan: &Plan) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let good = Arc::new(AtomicU64::new(0));
        let clients = (0..plan.clients)
            .map(|number| {
                let (stop, good) = (Arc::clone(&stop), Arc::clone(&good));
                let (authority, plan) = (authority.to_owned(), plan.clone());
                std::thread::spawn(move || client(number as u64, &authority, &plan, &stop, &good))
            })
            .collect();
        let load = Self { stop, good, clients };
        load.wait_for(plan.clients as u64);
        load
    }

    /// Waits until so many more requests were answered well.
    pub(crate) fn wait_for(&self, more: u64) {
        let target = self.good.load(Ordering::Relaxed) + more;
        let deadline = Instant::now() + WAIT_MAX;
        while self.good.load(Ordering::Relaxed) < target {
            assert!(Instant::now() < deadline, "the load is not answered");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn stop(self) -> Result {
        self.stop.store(true, Ordering::Relaxed);
        let samples = self.clients.into_iter().flat_map(|client| client.join().unwrap());
        let mut samples: Vec<Sample> = samples.collect();
        samples.sort_by_key(|sample| sample.at);
        Result { samples }
    }
}

/// All requests of a load, by their beginning.
pub(crate) struct Result {
    pub(crate) samples: Vec<Sample>,
}

impl Result {
    /// Requests that ended well.
    pub(crate) fn good(&self) -> usize {
        self.samples.iter().filter(|sample| sample.outcome == Outcome::Good).count()
    }

    /// Fails when an answer was somebody else's, cut without notice, or doubled.
    pub(crate) fn assert_never_wrong(&self) {
        let wrong = self.samples.iter().find(|s| matches!(s.outcome, Outcome::Wrong(_)));
        assert!(wrong.is_none(), "{wrong:?}");
        assert!(!self.samples.is_empty());
    }

    /// How the requests ended that did not end well.
    pub(crate) fn failures(&self) -> Vec<&Outcome> {
        let outcomes = self.samples.iter().map(|sample| &sample.outcome);
        outcomes.filter(|outcome| **outcome != Outcome::Good).collect()
    }

    pub(crate) fn assert_no_failure(&self) {
        self.assert_never_wrong();
        let failures = self.failures();
        assert!(failures.is_empty(), "{} of {}: {failures:?}", failures.len(), self.samples.len());
    }

    /// The latency that `share` of the requests since `since` did not exceed.
    pub(crate) fn latency(&self, share: f64, since: Instant) -> Duration {
        let mut took: Vec<_> =
            self.samples.iter().filter(|s| s.at >= since).map(|s| s.took).collect();
        took.sort();
        #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "an index")]
        let at = ((took.len() as f64 * share) as usize).min(took.len() - 1);
        took[at]
    }

    /// From `since` to the end of the first request after the last one that failed; zero when none did.
    pub(crate) fn service_gap(&self, since: Instant) -> Duration {
        let later = self.samples.iter().filter(|sample| sample.at >= since);
        let ends = later.filter(|sample| sample.outcome == Outcome::Good);
        let first = ends.map(|sample| sample.at + sample.took).min();
        first.map_or(Duration::MAX, |first| first.duration_since(since))
    }
}

fn client(
    number: u64,
    authority: &str,
    plan: &Plan,
    stop: &AtomicBool,
    good: &AtomicU64,
) -> Vec<Sample> {
    let mut random = Random::new(plan.seed + number);
    let mut connection: Option<RawClient> = None;
    let mut samples = Vec::new();
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        let nonce = format!("n{number}x{count}");
        let at = Instant::now();
        if connection.is_none() {
            connection = RawClient::connect_within(authority, PATIENCE).ok();
        }
        let request = Request::new(&nonce, plan, &mut random);
        if plan.varied && random.below(40) == 0 {
            // A client that leaves without waiting for its answer.
            if let Some(mut connection) = connection.take() {
                let _ = connection.send(&request.text);
            }
            continue;
        }
        let answer = connection.as_mut().map(|connection| {
            connection.send(&request.text).map_err(ReadError::from)?;
            connection.read()
        });
        let outcome = judge(&request, answer.as_ref());
        let build = answer
            .as_ref()
            .and_then(|answer| Some(answer.as_ref().ok()?.header("x-build")?.to_owned()));
        let closes = |answer: &RawResponse| {
            !answer.complete || answer.header("connection").is_some_and(|value| value == "close")
        };
        if !answer.is_some_and(|answer| answer.is_ok_and(|answer| !closes(&answer))) {
            connection = None;
        }
        if outcome == Outcome::Good {
            good.fetch_add(1, Ordering::Relaxed);
        }
        let build = build.unwrap_or_default();
        samples.push(Sample { at, took: at.elapsed(), outcome, build });
        std::thread::sleep(plan.pause);
    }
    samples
}

struct Request {
    text: String,
    expected: String,
}

impl Request {
    fn new(nonce: &str, plan: &Plan, random: &mut Random) -> Self {
        let Plan { query, varied, .. } = plan;
        let times = if *varied && random.below(8) == 0 { random.below(20_000) } else { 3 };
        let stream = if *varied && random.below(4) == 0 { "&stream=1" } else { "" };
        let body = if *varied && random.below(4) == 0 {
            nonce.repeat(random.below(4_000) as usize)
        } else {
            String::new()
        };
        let method = if body.is_empty() { "GET" } else { "POST" };
        let text = format!(
            "{method} /echo?nonce={nonce}&times={times}{stream}&{query} HTTP/1.1\r\nHost: a\r\n\
             Cookie: nonce={nonce}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let expected = format!("{nonce}:{nonce}:{body}:{}", nonce.repeat(times as usize));
        Self { text, expected }
    }
}

fn judge(
    request: &Request,
    answer: Option<&std::result::Result<RawResponse, ReadError>>,
) -> Outcome {
    let answer = match answer {
        Some(Ok(answer)) => answer,
        Some(Err(ReadError::Timeout)) => return Outcome::Wrong("no answer".to_owned()),
        Some(Err(_)) | None => return Outcome::Broken,
    };
    match answer.status {
        _ if !answer.complete => Outcome::Broken,
        200 => {
            let body = answer.text();
            let sum = Sha256::digest(&answer.body).iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            if body == request.expected && answer.header("x-sum") == Some(&sum) {
                return Outcome::Good;
            }
            let start: String = body.chars().take(80).collect();
            let expected: String = request.expected.chars().take(80).collect();
            Outcome::Wrong(format!("`{start}` ({} bytes) instead of `{expected}`", body.len()))
        }
        status @ 500..=599 => Outcome::Status(status),
        status => Outcome::Wrong(format!("status {status}")),
    }
}
