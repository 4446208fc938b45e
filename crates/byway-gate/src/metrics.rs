//! Counters of requests, by route, in the text format of Prometheus
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the histogram of latencies, in microseconds, with their names in seconds.
const BUCKETS: [(u64, &str); 14] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
    (60_000_000, "60"),
];
/// Answers by the first digit of their status; 0: closed without an answer.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// What was counted of one route.
#[derive(Debug, Default)]
struct RouteCounters {
    classes: [AtomicU64; CLASSES.len()],
    buckets: [AtomicU64; BUCKETS.len()],
    micros: AtomicU64,
    bytes: AtomicU64,
}

/// What was counted of all requests.
#[derive(Debug)]
pub struct Metrics {
    /// One for each route, and a last one for requests without a route.
    routes: Vec<RouteCounters>,
    paths: Vec<String>,
    in_flight: AtomicU64,
}

/// A value that is read when it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    /// The metric's name.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Whether it only ever grows.
    pub counter: bool,
    /// Label pairs such as `worker="1"`, and the value of each.
    pub values: Vec<(String, f64)>,
}

impl Metrics {
    /// Counters for routes with these paths.
    pub fn new(paths: Vec<String>) -> Self {
        let routes = (0..=paths.len()).map(|_| RouteCounters::default()).collect();
        Self { routes, paths, in_flight: AtomicU64::new(0) }
    }

    /// A request has begun.
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that has begun is over.
    pub fn end(&self, route: Option<usize>, status: u16, bytes: u64, took: Duration) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let index = route.unwrap_or(self.paths.len()).min(self.paths.len());
        let Some(counters) = self.routes.get(index) else { return };
        let add = |counter: &AtomicU64, count| counter.fetch_add(count, Ordering::Relaxed);
        let class = usize::from(status / 100).min(CLASSES.len() - 1);
        add(&counters.classes[class], 1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = BUCKETS.iter().position(|(bound, _)| micros <= *bound) {
            add(&counters.buckets[bucket], 1);
        }
        add(&counters.micros, micros);
        add(&counters.bytes, bytes);
    }

    /// Everything as text, with `gauges` after it. Routes that nobody has called are left out.
    pub fn render(&self, gauges: &[Gauge]) -> String {
        let mut out = String::with_capacity(4096);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let called = || {
            let named = self.paths.iter().map(String::as_str).chain([""]);
            named.zip(&self.routes).filter(|(_, it)| it.classes.iter().any(|it| read(it) > 0))
        };
        head(&mut out, "byway_requests_total", "Requests by route and class of status.", true);
        for (path, counters) in called() {
            for (class, counter) in CLASSES.iter().zip(&counters.classes) {
                let count = read(counter);
                if count > 0 {
                    let path = label(path);
                    let _ = writeln!(
                        out,
                        "byway_requests_total{{route=\"{path}\",status=\"{class}\"}} {count}"
                    );
                }
            }
        }
        let what = "From the head of a request to the end of its answer.";
        let _ = writeln!(out, "# HELP byway_request_duration_seconds {what}");
        let _ = writeln!(out, "# TYPE byway_request_duration_seconds histogram");
        for (path, counters) in called() {
            histogram(&mut out, &label(path), counters);
        }
        head(&mut out, "byway_response_bytes_total", "Bytes of answers' bodies.", true);
        for (path, counters) in called() {
            let (path, bytes) = (label(path), read(&counters.bytes));
            let _ = writeln!(out, "byway_response_bytes_total{{route=\"{path}\"}} {bytes}");
        }
        head(&mut out, "byway_requests_in_flight", "Requests that are not over.", false);
        let _ = writeln!(out, "byway_requests_in_flight {}", read(&self.in_flight));
        for gauge in gauges {
            head(&mut out, gauge.name, gauge.help, gauge.counter);
            for (labels, value) in &gauge.values {
                let labels =
                    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
                let _ = writeln!(out, "{}{labels} {value}", gauge.name);
            }
        }
        out
    }
}

fn head(out: &mut String, name: &str, help: &str, counter: bool) {
    let kind = if counter { "counter" } else { "gauge" };
    // Writing into a string cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn histogram(out: &mut String, path: &str, counters: &RouteCounters) {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let name = "byway_request_duration_seconds";
    let mut below = 0;
    for ((_, bound), bucket) in BUCKETS.iter().zip(&counters.buckets) {
        below += read(bucket);
        let _ = writeln!(out, "{name}_bucket{{route=\"{path}\",le=\"{bound}\"}} {below}");
    }
    let count: u64 = counters.classes.iter().map(read).sum();
    let seconds = Duration::from_micros(read(&counters.micros)).as_secs_f64();
    let _ = writeln!(out, "{name}_bucket{{route=\"{path}\",le=\"+Inf\"}} {count}");
    let _ = writeln!(out, "{name}_sum{{route=\"{path}\"}} {seconds}");
    let _ = writeln!(out, "{name}_count{{route=\"{path}\"}} {count}");
}

/// The value of a label, escaped.
pub fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Gauge, Metrics};

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::new(vec!["/a/[id]".to_owned(), "/b".to_owned()]);
        metrics.begin();
        metrics.begin();
        metrics.begin();
        metrics.end(Some(0), 200, 10, Duration::from_micros(900));
        metrics.end(Some(0), 503, 5, Duration::from_secs(90));
        let gauge = Gauge {
            name: "byway_worker_requests",
            help: "x",
            counter: false,
            values: vec![("worker=\"1\"".to_owned(), 2.0)],
        };
        let text = metrics.render(&[gauge]);
        for line in [
            "byway_requests_total{route=\"/a/[id]\",status=\"2xx\"} 1",
            "byway_requests_total{route=\"/a/[id]\",status=\"5xx\"} 1",
            "byway_request_duration_seconds_bucket{route=\"/a/[id]\",le=\"0.0005\"} 0",
            "byway_request_duration_seconds_bucket{route=\"/a/[id]\",le=\"0.001\"} 1",
            "byway_request_duration_seconds_bucket{route=\"/a/[id]\",le=\"60\"} 1",
            "byway_request_duration_seconds_bucket{route=\"/a/[id]\",le=\"+Inf\"} 2",
            "byway_request_duration_seconds_sum{route=\"/a/[id]\"} 90.0009",
            "byway_request_duration_seconds_count{route=\"/a/[id]\"} 2",
            "byway_response_bytes_total{route=\"/a/[id]\"} 15",
            "byway_requests_in_flight 1",
            "# TYPE byway_worker_requests gauge",
            "byway_worker_requests{worker=\"1\"} 2",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        assert!(!text.contains("/b"));
    }
}
