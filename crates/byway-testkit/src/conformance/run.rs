//! Runs cases one after the other and collects what differs.

use std::thread;
use std::time::{Duration, Instant};

use super::case::{Case, Compare, Relation, Step, Timing};
use super::compare::difference;
use super::corpus::Corpus;
use super::exchange::{Variables, send};
use super::normalise::{Normaliser, Target};
use super::record::{Outcome, Record};
use super::report::{CaseResult, Report};
use crate::raw::RawResponse;

/// The value of a captured variable whose pattern was not found.
const NOT_FOUND: &str = "__nomatch__";
/// Captured values shorter than this stay as they are: they would be found everywhere.
const PLACEHOLDER_LENGTH_MIN: usize = 6;

/// Which cases to run and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only these groups; all when empty.
    pub groups: Vec<String>,
    /// Only these names; `prefix*` means all that begin so; all when empty.
    pub only: Vec<String>,
    /// Which accidents of Next to run.
    pub quirks: Quirks,
    /// How often to run a failing case again.
    pub retries: u32,
    /// How long one answer may take, unless the case says otherwise.
    pub timeout: Duration,
    /// Header names must have the recorded letter case.
    pub strict_case: bool,
}

/// Cases that are marked as accidents of Next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quirks {
    /// They run like all others.
    #[default]
    Include,
    /// They are left out.
    Skip,
    /// Nothing else runs.
    Only,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            only: Vec::new(),
            quirks: Quirks::Include,
            retries: 0,
            timeout: Duration::from_secs(5),
            strict_case: false,
        }
    }
}

/// Runs the chosen cases against `base`, which is `http://host:port`.
pub fn run(base: &str, corpus: &Corpus, options: &Options) -> Report {
    run_each(base, corpus, options, |_| {})
}

/// Like [`run`], and hands over each result as soon as it is there.
pub fn run_each(
    base: &str,
    corpus: &Corpus,
    options: &Options,
    mut each: impl FnMut(&CaseResult),
) -> Report {
    let mut results = Vec::new();
    let target = Target::new(base);
    for case in corpus.cases.iter().filter(|case| is_wanted(case, options)) {
        let expected = corpus.expected.get(&case.name).map_or(&[][..], Vec::as_slice);
        let difference = match &target {
            Ok(target) => attempts(target, case, expected, options),
            Err(error) => Some(format!("`{base}` is not a base address: {error}")),
        };
        let result = CaseResult { name: case.name.clone(), group: case.group.clone(), difference };
        each(&result);
        results.push(result);
    }
    Report { results }
}

fn is_wanted(case: &Case, options: &Options) -> bool {
    let named = |name: &String| match name.strip_suffix('*') {
        Some(prefix) => case.name.starts_with(prefix),
        None => case.name == *name,
    };
    let quirk = match options.quirks {
        Quirks::Include => true,
        Quirks::Skip => !case.quirk,
        Quirks::Only => case.quirk,
    };
    quirk
        && (options.groups.is_empty() || options.groups.contains(&case.group))
        && (options.only.is_empty() || options.only.iter().any(named))
}

/// Runs a case until it passes, at most `1 + retries` times.
fn attempts(
    target: &Target,
    case: &Case,
    expected: &[Record],
    options: &Options,
) -> Option<String> {
    let mut found = None;
    for _ in 0..=options.retries {
        let got = run_case(target, case, options.timeout);
        found = first_difference(case, expected, &got, options.strict_case);
        if found.is_none() {
            break;
        }
    }
    found
}

fn first_difference(
    case: &Case,
    expected: &[Record],
    got: &[Record],
    strict_case: bool,
) -> Option<String> {
    let defaults = Compare::default();
    let compared = case.steps.iter().zip(expected.iter().zip(got));
    compared.enumerate().find_map(|(index, (step, (expected, got)))| {
        let compare = step.compare.as_ref().or(case.compare.as_ref()).unwrap_or(&defaults);
        let found = difference(expected, got, compare, strict_case)?;
        let many = case.steps.len() > 1;
        Some(if many { format!("step {}: {found}", index + 1) } else { found })
    })
}

fn run_case(target: &Target, case: &Case, timeout: Duration) -> Vec<Record> {
    let run = run_token();
    let timeout = case.timeout_seconds.map_or(timeout, Duration::from_secs_f64);
    if let [Step { request, .. }] = case.steps.as_slice()
        && let Some(count) = request.parallel
    {
        return vec![run_parallel(target, case, count, &run, timeout + Duration::from_secs(5))];
    }
    let mut variables = Variables::default();
    variables.set("RUN", run.clone());
    variables.set("HOST", target.authority.clone());
    variables.set("PORT", target.port.clone());
    let steps = case.steps.iter();
    steps.map(|step| run_step(target, case, step, &run, &mut variables, timeout)).collect()
}

fn run_step(
    target: &Target,
    case: &Case,
    step: &Step,
    run: &str,
    variables: &mut Variables,
    timeout: Duration,
) -> Record {
    thread::sleep(Duration::from_millis(step.wait_ms));
    let normaliser = Normaliser::new(target, run, case.normalize.iter().chain(&step.normalize));
    let normalise = |text: &str| normaliser.apply(text);
    let outcome = send_until(target, step, variables, timeout, &normalise);
    let mut record = Record::new(&outcome, &normalise);
    if let Some(response) = outcome.response() {
        capture(step, response, variables);
        record.timing_ok = step.timing.map(|timing| arrived_in_bursts(response, timing));
    }
    let value = |name: &String| variables.get(name).unwrap_or(name).to_owned();
    let holds = |(relation, left, right): &(Relation, String, String)| match relation {
        Relation::Eq => value(left) == value(right),
        Relation::Ne => value(left) != value(right),
    };
    if !step.assertions.is_empty() {
        record.asserts = Some(step.assertions.iter().map(holds).collect());
    }
    replace_captured(&mut record, variables);
    record
}

/// Sends the request, again and again where the step waits for an effect.
fn send_until(
    target: &Target,
    step: &Step,
    variables: &Variables,
    timeout: Duration,
    normalise: &dyn Fn(&str) -> String,
) -> Outcome {
    let mut tries_left = step.retry;
    loop {
        let outcome = send(target, &step.request, variables, timeout);
        let wanted = match (&step.until, outcome.response()) {
            (Some(until), Some(response)) => until.matches(&normalise(&response.text())),
            _ => true,
        };
        if wanted || tries_left == 0 {
            return outcome;
        }
        tries_left -= 1;
        thread::sleep(Duration::from_millis(step.retry_ms));
    }
}

fn capture(step: &Step, response: &RawResponse, variables: &mut Variables) {
    for (name, (source, pattern)) in &step.capture {
        let text = match source.split_once(':') {
            Some((_, header)) => response.header_all(header).collect::<Vec<_>>().join("\n"),
            None => response.text(),
        };
        let value = pattern.first_group(&text).unwrap_or_else(|| NOT_FOUND.to_owned());
        variables.set(name, value);
    }
}

/// Replaces captured values, which differ from run to run, by the names of their variables.
fn replace_captured(record: &mut Record, variables: &Variables) {
    for (name, value) in variables.iter() {
        let fixed = matches!(name, "RUN" | "HOST" | "PORT") || value == NOT_FOUND;
        if fixed || value.chars().count() < PLACEHOLDER_LENGTH_MIN {
            continue;
        }
        let placeholder = format!("{{{{{name}}}}}");
        if let Some(body) = &mut record.body {
            *body = body.replace(value, &placeholder);
        }
        for (_, header) in &mut record.headers {
            *header = header.replace(value, &placeholder);
        }
    }
}

/// Whether the chunks of a body arrived at as many distinct moments as the step asks for.
fn arrived_in_bursts(response: &RawResponse, timing: Timing) -> bool {
    let gap = Duration::from_millis(timing.gap_ms);
    let mut bursts = 0;
    let mut last: Option<Duration> = None;
    for chunk in &response.chunks {
        if last.is_none_or(|last| chunk.after.saturating_sub(last) > gap) {
            bursts += 1;
        }
        last = Some(chunk.after);
    }
    bursts >= timing.min_bursts
}

/// Sends one request many times at once; each has a token of its own, so that mixed-up answers
/// show.
fn run_parallel(
    target: &Target,
    case: &Case,
    count: usize,
    run: &str,
    timeout: Duration,
) -> Record {
    let request = &case.steps[0].request;
    let begun = Instant::now();
    let outcomes: Vec<(String, Outcome)> = thread::scope(|scope| {
        let one = |index: usize| {
            let token = format!("i{index:04x}x");
            scope.spawn(move || {
                let mut variables = Variables::default();
                variables.set("RUN", run.to_owned());
                variables.set("I", token.clone());
                (token, send(target, request, &variables, timeout))
            })
        };
        let threads: Vec<_> = (0..count).map(one).collect();
        let lost = || (String::new(), Outcome::Failed("thread: panicked".to_owned()));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| lost())).collect()
    });
    let in_time = begun.elapsed() <= Duration::from_millis(request.max_ms);
    let base = Normaliser::new(target, run, []);
    let records: Vec<Record> = outcomes
        .iter()
        .map(|(token, outcome)| {
            Record::new(outcome, &|text| base.apply(text).replace(token, "{{I}}"))
        })
        .collect();
    let normaliser = Normaliser::new(target, run, &case.normalize);
    let mut first = records.first().cloned().unwrap_or_default();
    first.body = first.body.map(|body| normaliser.apply(&body));
    first.parallel_same = Some(records.windows(2).all(|pair| same_answer(&pair[0], &pair[1])));
    first.parallel_in_time = Some(in_time);
    first
}

fn same_answer(left: &Record, right: &Record) -> bool {
    let volatile = |name: &str| name == "date" || name == "x-nextjs-cache";
    let headers = |record: &Record| -> Vec<(String, String)> {
        let kept = record.headers.iter().filter(|(name, _)| !volatile(&name.to_lowercase()));
        kept.cloned().collect()
    };
    left.status == right.status
        && left.error == right.error
        && left.body == right.body
        && left.body_sha256 == right.body_sha256
        && headers(left) == headers(right)
}

/// A word that no answer contains by chance.
fn run_token() -> String {
    // The system always has random bytes; were there none, the token would merely be a fixed one.
    let random = getrandom::u64().unwrap_or_default();
    let letter = |position: u32| char::from(b'a' + ((random >> (5 * position)) % 26) as u8);
    let letters: String = (0..10).map(letter).collect();
    format!("r{letters}q")
}

#[cfg(test)]
mod tests;
